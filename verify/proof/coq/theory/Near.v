(* An exponential of 0 that is only near 1: what is made of it is nearer than eps to what 1 gives, so that storing gives
   that. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network.
Import ListNotations.
Open Scope R_scope.

Section Near.
Variable eps : R.
Hypothesis eps_small : 0 < eps <= / 8.

Lemma quotient_near a z m p : (0 < z -> 0 < a -> 0 < m -> a * (1 + eps / 8) < m * (1 + eps) * z ->
  m * (1 - eps) * z < a * (1 - eps / 8) ->
  Rabs (p - a / z) <= eps / 8 * Rabs (a / z) -> Rabs (p - m) < eps * Rabs m).
Proof.
  intros Hz Ha Hm H1 H2 H. set (q := (a / z)) in *.
  assert (Q : (0 < q)) by (apply Rdiv_lt_0_compat; assumption).
  assert (E : a = (q * z)) by (unfold q; field; lra). rewrite E in H1, H2.
  rewrite (Rabs_pos_eq q) in H by lra. rewrite (Rabs_pos_eq m) by lra.
  assert (U : (q * (1 + eps / 8) < m * (1 + eps))) by (apply (Rmult_lt_reg_r z); [exact Hz|lra]).
  assert (D : (m * (1 - eps) < q * (1 - eps / 8))) by (apply (Rmult_lt_reg_r z); [exact Hz|lra]).
  apply Rabs_le_inv in H. apply Rabs_lt. lra.
Qed.
Definition near_one (v : R) := (1 - eps / 2 <= v <= 1 + eps / 2).
Lemma near_one_spec r : near (eps / 2) 1 r -> exists v, r = Some v /\ near_one v.
Proof.
  intros (v & -> & H). exists v. split; [reflexivity|]. rewrite Rabs_R1 in H. apply Rabs_le_inv in H. unfold near_one.
  lra.
Qed.
Lemma near_sum_two v1 v2 t : near_one v1 -> near_one v2 -> (Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2)) ->
  ((v1 + v2) * (1 - eps / 8) <= t <= (v1 + v2) * (1 + eps / 8) /\ 0 < t).
Proof.
  unfold near_one. intros A B H. rewrite (Rabs_pos_eq (v1 + v2)) in H by lra. apply Rabs_le_inv in H.
  assert (P : (0 <= (v1 + v2) * (eps / 8) <= (v1 + v2) / 64)) by nra. lra.
Qed.
Lemma near_half v1 v2 t p : near_one v1 -> near_one v2 -> (Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2)) ->
  (Rabs (p - v1 / t) <= eps / 8 * Rabs (v1 / t)) -> (Rabs (p - / 2) < eps * Rabs (/ 2)).
Proof.
  intros A B T H. destruct (near_sum_two _ _ _ A B T) as [[T1 T2] T0]. unfold near_one in A, B.
  apply (quotient_near v1 t); try assumption; try lra.
  - apply Rlt_le_trans with (/ 2 * (1 + eps) * ((v1 + v2) * (1 - eps / 8))); [nra|]. apply Rmult_le_compat_l; lra.
  - apply Rle_lt_trans with (/ 2 * (1 - eps) * ((v1 + v2) * (1 + eps / 8))); [apply Rmult_le_compat_l; lra|nra].
Qed.
Lemma near_mean v1 v2 t a p : near_one v1 -> near_one v2 -> (Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2)) ->
  (Rabs (p - a / t) <= eps / 8 * Rabs (a / t)) -> (p = a / 2 \/ Rabs (p - a / 2) < eps * Rabs (a / 2)).
Proof.
  intros A B T H. destruct (near_sum_two _ _ _ A B T) as [[T1 T2] T0]. unfold near_one in A, B.
  assert (Pos : forall b p', (0 < b -> Rabs (p' - b / t) <= eps / 8 * Rabs (b / t) ->
    Rabs (p' - b / 2) < eps * Rabs (b / 2))).
  { intros b p' Hb H'. apply (quotient_near b t); try assumption; try lra.
    - apply Rlt_le_trans with (b / 2 * (1 + eps) * ((2 - eps) * (1 - eps / 8))).
      + replace (b / 2 * (1 + eps) * ((2 - eps) * (1 - eps / 8)))
          with (b * ((1 + eps) * (1 - eps / 2) * (1 - eps / 8))) by field.
        apply Rmult_lt_compat_l; [exact Hb|nra].
      + apply Rmult_le_compat_l; [nra|]. apply Rle_trans with (2 := T1). apply Rmult_le_compat_r; lra.
    - apply Rle_lt_trans with (b / 2 * (1 - eps) * ((2 + eps) * (1 + eps / 8))).
      + apply Rmult_le_compat_l; [nra|]. apply Rle_trans with (1 := T2). apply Rmult_le_compat_r; lra.
      + replace (b / 2 * (1 - eps) * ((2 + eps) * (1 + eps / 8)))
          with (b * ((1 - eps) * (1 + eps / 2) * (1 + eps / 8))) by field.
        apply Rmult_lt_compat_l; [exact Hb|nra]. }
  destruct (Rtotal_order a 0) as [N|[->|P]].
  - right. specialize (Pos (- a) (- p) ltac:(lra)).
    replace (- a / t) with (- (a / t)) in Pos by (field; lra). replace (- a / 2) with (- (a / 2)) in Pos by field.
    rewrite !Rabs_Ropp in Pos. rewrite <- (Rabs_Ropp (p - a / 2)), <- (Rabs_Ropp (p - a / t)) in *.
    replace (- (p - a / t)) with (- p - - (a / t)) in H by ring. replace (- (p - a / 2)) with (- p - - (a / 2)) by ring.
    apply Pos, H.
  - left. unfold Rdiv in *. rewrite Rmult_0_l, Rabs_R0, Rmult_0_r, Rminus_0_r in H. rewrite Rmult_0_l.
    destruct (Req_dec p 0) as [E|E]; [exact E|]. apply Rabs_pos_lt in E. lra.
  - right. apply Pos; assumption.
Qed.
Lemma near_one_stored (F : R -> Prop) v r : F 1 -> near_one v -> stores F eps (Some v) r -> r = one.
Proof.
  intros F1 B S. apply (S v 1 eq_refl F1). right. rewrite Rabs_R1. unfold near_one in B. apply Rabs_lt. lra.
Qed.
Lemma half_stored (F : R -> Prop) p r : F (/ 2) -> Rabs (p - / 2) < eps * Rabs (/ 2) -> stores F eps (Some p) r ->
  r = Some (/ 2).
Proof. intros Fh H S. apply (S p _ eq_refl Fh). right. exact H. Qed.
Lemma near_one_half v : near_one v -> near (/ 2) 1 (Some v).
Proof. intro B. exists v. split; [reflexivity|]. unfold near_one in B. rewrite Rabs_R1. apply Rabs_le. lra. Qed.

(* The quotients in question are near numbers of the format. *)
Lemma near_two v1 v2 t : near_one v1 -> near_one v2 -> Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2) ->
  3 / 2 <= t <= 5 / 2.
Proof.
  intros A B T. destruct (near_sum_two _ _ _ A B T) as [[T1 T2] _]. unfold near_one in A, B.
  assert (0 <= (v1 + v2) * (eps / 8) <= (v1 + v2) / 64) by nra. lra.
Qed.
Lemma near_number_half (F : R -> Prop) L v t : F (/ 2) -> 1 <= L -> near_one v -> 3 / 2 <= t <= 5 / 2 ->
  near_number F L (v / t).
Proof.
  intros Fh HL B T. unfold near_one in B.
  assert (E : v = (v / t) * t) by (field; lra). set (r := v / t) in *.
  assert (Low : / 4 <= r) by nra. assert (High : r <= 3 / 4) by nra.
  split; [rewrite Rabs_pos_eq by lra; lra|]. exists (/ 2). split; [exact Fh|]. rewrite (Rabs_pos_eq (/ 2)) by lra.
  apply Rabs_le. lra.
Qed.
Lemma near_number_mean (F : R -> Prop) L a t : F (a / 2) -> Rabs (a / 2) * 2 <= L -> 3 / 2 <= t <= 5 / 2 ->
  near_number F L (a / t).
Proof.
  intros Fm HL T.
  assert (E : a / t - a / 2 = (a / 2) * (2 / t - 1)) by (field; lra).
  assert (B : Rabs (2 / t - 1) <= / 2).
  { assert (Q : (2 / t) * t = 2) by (field; lra). set (r := 2 / t) in *. apply Rabs_le. split; nra. }
  assert (D : Rabs (a / t - a / 2) <= Rabs (a / 2) / 2).
  { rewrite E, Rabs_mult. pose proof (Rabs_pos (a / 2)). nra. }
  split; [|exists (a / 2); split; assumption].
  replace (a / t) with (a / 2 + (a / t - a / 2)) by ring. pose proof (Rabs_triang (a / 2) (a / t - a / 2)).
  pose proof (Rabs_pos (a / 2)). lra.
Qed.
End Near.
