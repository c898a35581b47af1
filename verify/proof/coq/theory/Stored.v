(* Tensors of 16 bits, arithmetic in float32, and an exponential that is only near 1 at 0: programs that store their
   exponentials, or their weights, are admissible evaluations. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Machine Programs Functions Formats.
Import ListNotations.
Open Scope R_scope.

(* ------------------------------------------------------------------ float32 beside a format of 16 bits *)

Definition sixteen_bits (f : format) := f = Bfloat16 \/ f = Binary16.
Lemma wide_admissible f x : sixteen_bits f -> op (numbers f) (bound f) x (wide x).
Proof. intros [->| ->]; apply wider_admissible. Qed.
Lemma wide_normal x : Rabs x <= bpow radix2 127 -> wide x = Some (nearest_value Binary32 x).
Proof.
  intro B. unfold wide, nearest, finite. rewrite Rlt_bool_true; [reflexivity|].
  apply Rle_lt_trans with (bpow radix2 127); [|apply bpow_lt; reflexivity].
  unfold nearest_value. apply abs_round_le_generic; [apply FLT_exp_valid; reflexivity|apply valid_rnd_N| |exact B].
  apply generic_format_bpow. simpl. unfold FLT_exp. lia.
Qed.
Lemma wide_error x : bpow radix2 (-126) <= Rabs x -> Rabs (nearest_value Binary32 x - x) <= bpow radix2 (-24) * Rabs x.
Proof.
  intro B. apply Rle_trans with (/ 2 * ulp radix2 (FLT_exp (-149) 24) x).
  { apply error_le_half_ulp. apply FLT_exp_valid. reflexivity. }
  change (/ 2) with (bpow radix2 (-1)). apply Rle_trans with (bpow radix2 (-1) * (Rabs x * bpow radix2 (1 - 24))).
  - apply Rmult_le_compat_l; [apply bpow_ge_0|]. apply (ulp_FLT_le radix2 (-149) 24 x B).
  - rewrite (Rmult_comm (Rabs x)), <- Rmult_assoc, <- bpow_plus. apply Rle_refl.
Qed.
(* the same down to half the smallest normal number *)
Lemma wide_error_below x : bpow radix2 (-127) <= Rabs x -> Rabs (nearest_value Binary32 x - x) <= bpow radix2 (-23) *
  Rabs x.
Proof.
  intro B. destruct (Rle_lt_dec (bpow radix2 (-126)) (Rabs x)) as [N|S].
  - apply Rle_trans with (1 := wide_error x N). apply Rmult_le_compat_r; [apply Rabs_pos|]. apply bpow_le. lia.
  - apply Rle_trans with (/ 2 * ulp radix2 (FLT_exp (-149) 24) x).
    { apply error_le_half_ulp. apply FLT_exp_valid. reflexivity. }
    rewrite ulp_FLT_small; [|reflexivity|apply Rlt_le_trans with (1 := S); apply bpow_le; lia].
    change (/ 2) with (bpow radix2 (-1)). rewrite <- bpow_plus.
    apply Rle_trans with (bpow radix2 (-23) * bpow radix2 (-127)); [rewrite <- bpow_plus; apply bpow_le; lia|].
    apply Rmult_le_compat_l; [apply bpow_ge_0|exact B].
Qed.

(* ------------------------------------------------------------------ sums of numbers near 1 *)

Definition ones (l : list computed) : list (computed * computed) := map (fun e => (e, one)) l.
Definition plain_sum (l : list computed) : R := fold_right (fun x t => number_of x + t) 0 l.
Definition unit_or_nought (x : computed) := x = zero \/ near (/ 2) 1 x.

Lemma unit_or_nought_spec x : unit_or_nought x -> exists a, x = Some a /\ (a = 0 \/ / 2 <= a <= 3 / 2).
Proof.
  intros [->|(a & -> & H)]; [exists 0; auto|]. exists a. split; [reflexivity|right]. rewrite Rabs_R1 in H.
  apply Rabs_le_inv in H. lra.
Qed.
Lemma wide_0 : wide 0 = Some 0.
Proof.
  rewrite wide_normal by (rewrite Rabs_R0; apply bpow_ge_0). unfold nearest_value. rewrite round_0 by apply valid_rnd_N.
  reflexivity.
Qed.
(* Rounding a number that is 0, or between 1/4 and 1000. *)
Lemma wide_moderate x : x = 0 \/ / 4 <= x <= 1000 -> exists y, wide x = Some y /\ Rabs (y - x) <= bpow radix2 (-24) * x.
Proof.
  intros [->|[A B]].
  - exists 0. split; [exact wide_0|]. rewrite Rminus_0_r, Rabs_R0, Rmult_0_r. lra.
  - exists (nearest_value Binary32 x). split.
    + apply wide_normal. rewrite Rabs_pos_eq by lra. apply Rle_trans with (1 := B).
      apply Rle_trans with (bpow radix2 10); [simpl; lra|apply bpow_le; lia].
    + rewrite <- (Rabs_pos_eq x) at 3 by lra. apply wide_error. rewrite Rabs_pos_eq by lra.
      apply Rle_trans with (2 := A). apply Rle_trans with (bpow radix2 (-2)); [apply bpow_le; lia|simpl; lra].
Qed.

(* four roundings of float32, for each term *)
Definition step := bpow radix2 (-22).
Lemma step_value : step = / 4194304.
Proof. unfold step. simpl. reflexivity. Qed.
Lemma fine_value : bpow radix2 (-24) = step / 4.
Proof. rewrite step_value. simpl. lra. Qed.

(* From an accumulator that is near the sum so far, which is 0 or at least 1/2. *)
Lemma onto_near l : forall acc t m, (length l + m <= 128)%nat -> 0 <= t <= 3 / 2 * INR m -> (t = 0 \/ / 2 <= t) ->
  Rabs (acc - t) <= INR m * step * t -> Forall unit_or_nought l ->
  exists v, onto wide (Some acc) (ones l) = Some v /\
    Rabs (v - (t + plain_sum l)) <= INR (m + length l) * step * (t + plain_sum l).
Proof.
  induction l as [|x l IH]; intros acc t m Hm Ht Z H A.
  - exists acc. split; [reflexivity|]. simpl. rewrite Rplus_0_r, Nat.add_0_r. exact H.
  - inversion A as [|? ? Ax A']; subst. destruct (unit_or_nought_spec x Ax) as (a & -> & Ha). simpl in Hm.
    assert (M : INR m <= 127). { replace 127 with (INR 127) by (simpl; lra). apply le_INR. lia. }
    assert (M0 : 0 <= INR m) by apply pos_INR.
    assert (Acc : acc = 0 \/ / 4 <= acc <= 300).
    { rewrite step_value in H. apply Rabs_le_inv in H. destruct Z as [->|Z]; [left; lra|right]. nra. }
    assert (Small : Rabs (acc - t) <= t / 1000).
    { apply Rle_trans with (1 := H). rewrite step_value. nra. }
    destruct (wide_moderate (a * 1)) as (a' & Ea & Da); [destruct Ha as [->|Ha]; [left; ring|right; lra]|].
    rewrite Rmult_1_r, fine_value in Da.
    assert (A4 : a' = 0 \/ / 4 <= a' <= 2).
    { rewrite step_value in Da. apply Rabs_le_inv in Da. destruct Ha as [->|Ha]; [left; lra|right; lra]. }
    destruct (wide_moderate (acc + a')) as (acc' & Es & Ds); [lra|]. rewrite fine_value in Ds.
    cbn [ones map onto apply2 one]. rewrite Ea. cbn [apply2]. rewrite Es.
    destruct (IH acc' (t + a) (S m)) as (v & Ev & Dv).
    + lia.
    + rewrite S_INR. lra.
    + lra.
    + rewrite S_INR. replace (acc' - (t + a)) with ((acc' - (acc + a')) + (acc - t) + (a' - a)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _). apply Rle_trans
        with (step / 4 * (acc + a') + INR m * step * t + step / 4 * a).
      { apply Rplus_le_compat; [|exact Da]. apply Rle_trans with (1 := Rabs_triang _ _).
        apply Rplus_le_compat; assumption. }
      assert (Pa : 0 <= a) by lra. assert (Up : acc <= 2 * t) by (apply Rabs_le_inv in Small; lra).
      assert (Ua : a' <= 2 * a) by (rewrite step_value in Da; apply Rabs_le_inv in Da; lra).
      assert (St : 0 <= step) by (rewrite step_value; lra).
      assert (H1 : step * (acc + a') <= step * (2 * t + 2 * a)) by (apply Rmult_le_compat_l; lra).
      assert (H2 : 0 <= INR m * step * a) by (repeat apply Rmult_le_pos; assumption).
      assert (H3 : 0 <= step * t) by (apply Rmult_le_pos; lra).
      assert (H4 : 0 <= step * a) by (apply Rmult_le_pos; lra). lra.
    + exact A'.
    + exists v. split; [exact Ev|]. simpl plain_sum. replace (t + (a + plain_sum l)) with (t + a + plain_sum l) by ring.
      simpl length. replace (m + S (length l))%nat with (S m + length l)%nat by lia. exact Dv.
Qed.
Lemma plain_sum_positive l : Forall unit_or_nought l -> 0 <= plain_sum l.
Proof.
  induction 1 as [|x l A _ IH]; simpl; [lra|]. destruct (unit_or_nought_spec x A) as (a & -> & Ha). simpl. lra.
Qed.
Lemma in_order_near f l : sixteen_bits f -> (length l <= 128)%nat -> near_sum (half_ulp f) l (in_order wide (ones l)).
Proof.
  intros Hf Hl A. assert (A' : Forall unit_or_nought l) by (apply Forall_forall; exact A).
  assert (E : in_order wide (ones l) = onto wide zero (ones l)).
  { destruct l as [|x l]; [reflexivity|]. inversion A' as [|? ? Ax _]; subst.
    destruct (unit_or_nought_spec x Ax) as (a & -> & Ha).
    cbn [ones map in_order onto apply2 one zero]. f_equal.
    destruct (wide_moderate (a * 1)) as (a' & Ea & Da); [destruct Ha as [->|Ha]; [left; ring|right; lra]|].
    rewrite Ea. cbn [apply2]. rewrite Rplus_0_l. rewrite Rmult_1_r in Ea, Da. symmetry.
    assert (B : Rabs a' <= bpow radix2 127).
    { rewrite fine_value, step_value in Da. apply Rabs_le_inv in Da. apply Rle_trans with 4; [apply Rabs_le; lra|].
      apply Rle_trans with (bpow radix2 2); [simpl; lra|apply bpow_le; lia]. }
    rewrite (wide_normal a' B). f_equal. unfold nearest_value. apply round_generic; [apply valid_rnd_N|].
    assert (Ea' : a' = nearest_value Binary32 (a * 1)).
    { rewrite Rmult_1_r. unfold wide, nearest, finite in Ea. destruct (Rlt_bool _ _) in Ea; [congruence|discriminate]. }
    rewrite Ea'. apply generic_format_round; [apply FLT_exp_valid; reflexivity|apply valid_rnd_N]. }
  destruct (onto_near l 0 0 0) as (v & Ev & Dv).
  - lia.
  - simpl. lra.
  - left. reflexivity.
  - rewrite Rminus_0_r, Rabs_R0. simpl. lra.
  - exact A'.
  - rewrite E. unfold zero. exists v. split; [exact Ev|]. rewrite Rplus_0_l in Dv. fold (plain_sum l).
    pose proof (plain_sum_positive l A') as P. rewrite (Rabs_pos_eq (plain_sum l)) by exact P.
    apply Rle_trans with (1 := Dv). apply Rmult_le_compat_r; [exact P|]. simpl plus.
    assert (N : INR (length l) <= 128) by (replace 128 with (INR 128) by (simpl; lra); apply le_INR; exact Hl).
    assert (Half : bpow radix2 (-12) <= half_ulp f) by (destruct Hf as [->| ->]; apply bpow_le; simpl; lia).
    rewrite step_value. simpl in Half. lra.
Qed.

(* ------------------------------------------------------------------ quotients *)

Lemma quotient_near_ok f x z : sixteen_bits f -> near_quotient (numbers f) (bound f) (half_ulp f) x z (apply2 wide Rdiv
  x z).
Proof.
  intros Hf. destruct x as [a|], z as [b|]; try exact I. intros _ [B (m & Fm & D)]. simpl. set (r := a / b) in *.
  exists (nearest_value Binary32 r). split.
  { apply wide_normal. apply Rle_trans with (1 := B). apply bpow_le. destruct Hf as [->| ->]; simpl; lia. }
  destruct Fm as [->|[_ [Lm _]]].
  - rewrite Rabs_R0, Rminus_0_r in D. assert (Z : r = 0).
    { destruct (Req_dec r 0) as [E|E]; [exact E|]. apply Rabs_pos_lt in E. lra. }
    rewrite Z. unfold nearest_value. rewrite round_0 by apply valid_rnd_N. rewrite Rminus_0_r, Rabs_R0. lra.
  - apply Rle_trans with (bpow radix2 (-23) * Rabs r).
    + apply wide_error_below. pose proof (Rabs_triang_inv m (m - r)) as T. replace (m - (m - r)) with r in T by ring.
      rewrite (Rabs_minus_sym m r) in T. apply Rle_trans with (/ 2 * Rabs m); [|lra].
      apply Rle_trans with (/ 2 * bpow radix2 (-126)).
      * change (/ 2) with (bpow radix2 (-1)). rewrite <- bpow_plus. apply bpow_le. lia.
      * apply Rmult_le_compat_l; [lra|]. apply Rle_trans with (2 := Lm). apply bpow_le.
        destruct Hf as [->| ->]; simpl; lia.
    + apply Rmult_le_compat_r; [apply Rabs_pos|]. unfold half_ulp. destruct Hf as [->| ->]; simpl; lra.
Qed.

(* ------------------------------------------------------------------ the programs *)

Section Programs.
Variable f : format.
Hypothesis Hf : sixteen_bits f.
Variable add_up : list (computed * computed) -> computed.
Variable exponent : R -> R.
Variable scale : R.
Let F := numbers f.
Let L := bound f.
Let eps := half_ulp f.
Hypothesis any_order : forall l, sums F L l (add_up l).
Hypothesis near_total : forall l, (length l <= 128)%nat -> near_sum eps l (add_up (ones l)).
Hypothesis exponent_0 : near (eps / 2) 1 (wide (exponent 0)).

Let kept : forall l, sums F L l (kept_sum f add_up l).
Proof. intro l. apply stored_ok; [apply nearest_admissible|apply any_order]. Qed.
Let admissible : forall x, op F L x (wide x) := fun x => wide_admissible f x Hf.

Section At.
Variables (w : weights computed) (see : mask) (x : nat -> list computed) (n i : nat).
Hypothesis short : (n <= 128)%nat.
Let Q := layer F L (query w) (x i).
Let K j := layer F L (key w) (x j).
Let V j := layer F L (value w) (x j).
Let e := exponential_of f add_up exponent scale w see x n i.
Let z := normaliser_of f add_up exponent scale w see x n i.

Lemma near_softmax_ok : near_softmax F L eps see n i Q K (seq 0 n) e z.
Proof.
  split.
  - intros j Hj. apply in_seq in Hj. unfold weight_by, if_seen, e, exponential_of, largest_score.
    destruct (see i j) eqn:S; [|reflexivity].
    eexists. split.
    + apply (less_largest_ok wide F L admissible see n i Q K (score_of f add_up scale w x i)); [|lia|exact S].
      intro o. unfold score_of. apply score_ok; [exact admissible|exact any_order| |]; apply layer_ok; exact kept.
    + intros ->. exact exponent_0.
  - unfold z, normaliser_of. fold e. replace (map (fun j => (e j,
      one)) (seq 0 n)) with (ones (map e (seq 0 n))) by apply map_map.
    apply near_total. rewrite map_length, seq_length. exact short.
Qed.
Lemma stored_exponentials_ok : attended F L eps w see x n i (stored_exponentials f add_up exponent scale w see x n i).
Proof.
  split; [unfold stored_exponentials, entries; rewrite map_length, seq_length; reflexivity|].
  intros c Hc. unfold stored_exponentials, entries. rewrite nth_map_seq by exact Hc. fold e z.
  exists (seq 0 n). split; [apply all_looked_at|]. right. right. exists e, z. split; [exact near_softmax_ok|]. right.
  eexists _, _. split; [|split; [apply quotient_near_ok, Hf|apply nearest_stores]].
  eexists _, _. split; [|apply any_order]. intros j Hj. split; [apply nearest_stores|apply layer_ok; exact kept].
Qed.
Lemma stored_weights_ok : attended F L eps w see x n i (stored_weights f add_up exponent scale w see x n i).
Proof.
  split; [unfold stored_weights, entries; rewrite map_length, seq_length; reflexivity|].
  intros c Hc. unfold stored_weights, entries. rewrite nth_map_seq by exact Hc. fold e z.
  exists (seq 0 n). split; [apply all_looked_at|]. right. right. exists e, z. split; [exact near_softmax_ok|]. left.
  eexists _, _. split; [|apply kept]. intros j Hj. split; [|apply layer_ok; exact kept].
  eexists. split; [apply quotient_near_ok, Hf|apply nearest_stores].
Qed.
End At.

Theorem stored_is_an_evaluation attention w see ctx : (length ctx <= 128)%nat ->
  attention = stored_exponentials f add_up exponent scale \/ attention = stored_weights f add_up exponent scale ->
  logits F L eps w see ctx (stored_by f add_up attention w see ctx).
Proof.
  intros Hn A. apply block_of_ok; [apply nearest_admissible|exact kept|].
  destruct A as [->| ->]; [apply stored_exponentials_ok|apply stored_weights_ok]; exact Hn.
Qed.
End Programs.

(* ------------------------------------------------------------------ torch's exponential *)

Lemma rough_exp_near f : sixteen_bits f -> near (half_ulp f / 2) 1 (wide (rough_exp 0)).
Proof.
  intro Hf. unfold rough_exp. set (y := 107 / 1000000 * ln 2). assert (Ln : 0 < ln 2 <= 1).
  { split; [rewrite <- ln_1; apply ln_increasing; lra|]. rewrite <- (ln_exp 1). left. apply ln_increasing; [lra|].
    pose proof (exp_ineq1 1 ltac:(lra)). lra. }
  assert (Y : 0 < y <= 107 / 1000000) by (unfold y; lra).
  assert (B : 1 - y <= exp (0 - y) <= 1).
  { split; [pose proof (exp_ineq1 (- y) ltac:(lra)) as E; replace (0 - y) with (- y) by ring; lra|].
    rewrite <- exp_0. left. apply exp_increasing. lra. }
  destruct (wide_moderate (exp (0 - y))) as (v & -> & D); [right; lra|]. exists v. split; [reflexivity|].
  rewrite fine_value, step_value in D. apply Rabs_le_inv in D. rewrite Rabs_R1, Rmult_1_r. apply Rabs_le.
  unfold half_ulp. destruct Hf as [->| ->]; simpl; lra.
Qed.
