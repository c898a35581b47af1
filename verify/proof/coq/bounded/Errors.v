(* The bounded road, its first step: the error of a sum of products, by any tree of additions, in any order, fused or
   not, stored any number of times, and flushed (Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1 and
   section 3.1). No theorem rests on it yet. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Programs.
Import ListNotations.
Open Scope R_scope.

(* ------------------------------------------------------------------ any order *)

Section Sums.
Variable u : R.                                   (* relative error of one operation *)
Variable m : R.                                   (* what flushing to zero takes away at most *)
Hypothesis u_positive : 0 <= u.
Hypothesis m_positive : 0 <= m.

Definition errs (exact r : R) : Prop := Rabs (r - exact) <= u * Rabs exact + m.

(* A sum in which every term takes part in at most h operations, of at most n in all. *)
Inductive evaluated : nat -> nat -> list (R * R) -> R -> Prop :=
| evaluated_nothing : evaluated 0 0 [] 0
| evaluated_product a b r : errs (a * b) r -> evaluated 1 1 [(a, b)] r
| evaluated_fused h n a b l v r : evaluated h n l v -> errs (a * b + v) r -> evaluated (S h) (S n) ((a, b) :: l) r
| evaluated_add h1 n1 h2 n2 l1 l2 v1 v2 r : evaluated h1 n1 l1 v1 -> evaluated h2 n2 l2 v2 -> errs (v1 + v2) r ->
    evaluated (S (Nat.max h1 h2)) (S (n1 + n2)) (l1 ++ l2) r
| evaluated_store h n l v r : evaluated h n l v -> errs v r -> evaluated (S h) (S n) l r
| evaluated_order h n l l' v : Permutation l l' -> evaluated h n l v -> evaluated h n l' v.

Definition exact_sum (l : list (R * R)) : R := fold_right (fun p t => fst p * snd p + t) 0 l.
Definition magnitude (l : list (R * R)) : R := fold_right (fun p t => Rabs (fst p * snd p) + t) 0 l.

Lemma exact_sum_app l l' : exact_sum (l ++ l') = exact_sum l + exact_sum l'.
Proof. induction l; simpl; [ring|]. rewrite IHl. ring. Qed.
Lemma magnitude_app l l' : magnitude (l ++ l') = magnitude l + magnitude l'.
Proof. induction l; simpl; [ring|]. rewrite IHl. ring. Qed.
Lemma exact_sum_order l l' : Permutation l l' -> exact_sum l = exact_sum l'.
Proof. induction 1; simpl in *; lra. Qed.
Lemma magnitude_order l l' : Permutation l l' -> magnitude l = magnitude l'.
Proof. induction 1; simpl in *; lra. Qed.
Lemma exact_sum_le l : Rabs (exact_sum l) <= magnitude l.
Proof.
  induction l as [|p l IH]; simpl; [rewrite Rabs_R0; lra|].
  apply Rle_trans with (1 := Rabs_triang _ _). lra.
Qed.
Lemma magnitude_positive l : 0 <= magnitude l.
Proof. apply Rle_trans with (2 := exact_sum_le l). apply Rabs_pos. Qed.

Definition error_bound (h n : nat) (M : R) : R := ((1 + u) ^ h - 1) * M + INR n * m * (1 + u) ^ h.

Lemma power_ge_1 h : 1 <= (1 + u) ^ h.
Proof. apply pow_R1_Rle. lra. Qed.
Lemma error_bound_mono h h' n M : 0 <= M -> (h <= h')%nat -> error_bound h n M <= error_bound h' n M.
Proof.
  intros HM Hh. unfold error_bound. assert (P : (1 + u) ^ h <= (1 + u) ^ h') by (apply Rle_pow; [lra|exact Hh]).
  apply Rplus_le_compat.
  - apply Rmult_le_compat_r; lra.
  - apply Rmult_le_compat_l; [apply Rmult_le_pos; [apply pos_INR|exact m_positive]|exact P].
Qed.
(* One more operation. *)
Lemma one_more h n M s x r : Rabs s <= M -> Rabs (x - s) <= error_bound h n M -> errs x r ->
  Rabs (r - s) <= error_bound (S h) (S n) M.
Proof.
  intros HM HE H. unfold errs in H.
  assert (X : Rabs x <= M + error_bound h n M).
  { replace x with (s + (x - s)) by ring. apply Rle_trans with (1 := Rabs_triang _ _). lra. }
  replace (r - s) with ((r - x) + (x - s)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
  assert (U : u * Rabs x <= u * (M + error_bound h n M)) by (apply Rmult_le_compat_l; assumption).
  assert (E : error_bound (S h) (S n) M =
    (1 + u) * error_bound h n M + u * M + m * (1 + u) ^ S h).
  { unfold error_bound. rewrite S_INR. simpl. ring. }
  rewrite E. assert (Q : m * 1 <= m * (1 + u) ^ S h) by (apply Rmult_le_compat_l; [exact m_positive|apply power_ge_1]).
  lra.
Qed.

Theorem sum_error h n l v : evaluated h n l v -> Rabs (v - exact_sum l) <= error_bound h n (magnitude l).
Proof.
  induction 1 as [|a b r H|h n a b l v r E IH H|h1 n1 h2 n2 l1 l2 v1 v2 r E1 IH1 E2 IH2 H|h n l v r E IH H|
    h n l l' v P E IH].
  - unfold error_bound. simpl. rewrite Rminus_0_r, Rabs_R0. lra.
  - replace (magnitude [(a, b)]) with (magnitude [(a, b)] + 0) by ring. rewrite Rplus_0_r.
    apply one_more with (a * b).
    + apply exact_sum_le.
    + unfold error_bound. simpl. replace (a * b - (a * b + 0)) with 0 by ring. rewrite Rabs_R0. lra.
    + exact H.
  - apply one_more with (a * b + v); [apply exact_sum_le| |exact H]. simpl.
    replace (a * b + v - (a * b + exact_sum l)) with (v - exact_sum l) by ring. apply Rle_trans with (1 := IH).
    unfold error_bound. apply Rplus_le_compat_r. apply Rmult_le_compat_l; [pose proof (power_ge_1 h); lra|].
    pose proof (Rabs_pos (a * b)). lra.
  - apply one_more with (v1 + v2); [apply exact_sum_le| |exact H]. rewrite exact_sum_app, magnitude_app.
    replace (v1 + v2 - (exact_sum l1 + exact_sum l2)) with ((v1 - exact_sum l1) + (v2 - exact_sum l2)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _).
    pose proof (error_bound_mono h1 (Nat.max h1 h2) n1 _ (magnitude_positive l1) ltac:(lia)) as B1.
    pose proof (error_bound_mono h2 (Nat.max h1 h2) n2 _ (magnitude_positive l2) ltac:(lia)) as B2.
    unfold error_bound in *. rewrite plus_INR. lra.
  - apply one_more with v; [apply exact_sum_le|exact IH|exact H].
  - rewrite <- (exact_sum_order _ _ P), <- (magnitude_order _ _ P). exact IH.
Qed.

(* (1 + u)^n - 1 is at most gamma_n. *)
Lemma gamma_bound n : INR n * u < 1 -> (1 + u) ^ n - 1 <= INR n * u / (1 - INR n * u).
Proof.
  intro H. assert (B : forall k, (k <= n)%nat -> (1 + u) ^ k * (1 - INR k * u) <= 1).
  { induction k as [|k IH]; intro Hk; [simpl; lra|]. specialize (IH ltac:(lia)). rewrite S_INR. simpl pow.
    apply Rle_trans with (2 := IH). rewrite (Rmult_comm (1 + u)), Rmult_assoc. apply Rmult_le_compat_l.
    - pose proof (power_ge_1 k). lra.
    - assert (0 <= INR k * (u * u)) by (apply Rmult_le_pos; [apply pos_INR|apply Rle_0_sqr]).
      assert (0 <= u * u) by apply Rle_0_sqr. nra. }
  specialize (B n (le_n n)). apply Rmult_le_reg_r with (1 - INR n * u); [lra|].
  replace (INR n * u / (1 - INR n * u) * (1 - INR n * u)) with (INR n * u) by (field; lra). lra.
Qed.
End Sums.

(* ------------------------------------------------------------------ the formats *)

(* Rounding to nearest errs by 2^-p of the result, and below the smallest normal number by less than that number;
   flushing it to zero, too. *)
Definition unit_roundoff (f : format) : R := bpow radix2 (- prec f).
Lemma nearest_errs f x : errs (unit_roundoff f) (bpow radix2 (smallest f)) x (nearest_value f x).
Proof.
  unfold errs, nearest_value, unit_roundoff, smallest.
  assert (P : Prec_gt_0 (prec f)) by (destruct f; reflexivity).
  assert (V : Valid_exp (FLT_exp (emin f) (prec f))) by (apply FLT_exp_valid; exact P).
  apply Rle_trans with (/ 2 * ulp radix2 (FLT_exp (emin f) (prec f)) x); [apply error_le_half_ulp; exact V|].
  change (/ 2) with (bpow radix2 (-1)).
  pose proof (Rabs_pos x) as X. pose proof (bpow_ge_0 radix2 (emin f + prec f - 1)) as M.
  destruct (Rle_lt_dec (bpow radix2 (emin f + prec f - 1)) (Rabs x)) as [N|S].
  - apply Rle_trans with (bpow radix2 (-1) * (Rabs x * bpow radix2 (1 - prec f))).
    + apply Rmult_le_compat_l; [apply bpow_ge_0|]. apply ulp_FLT_le, N.
    + rewrite (Rmult_comm (Rabs x)), <- Rmult_assoc, <- bpow_plus.
      replace (-1 + (1 - prec f))%Z with (- prec f)%Z by ring. lra.
  - rewrite ulp_FLT_small; [|exact P|apply Rlt_le_trans with (1 := S); apply bpow_le; destruct f; simpl; lia].
    rewrite <- bpow_plus. apply Rle_trans with (bpow radix2 (emin f + prec f - 1)).
    + apply bpow_le. destruct f; simpl; lia.
    + pose proof (Rmult_le_pos _ _ (bpow_ge_0 radix2 (- prec f)) X). lra.
Qed.
Lemma flushing_errs f x : Rabs x < bpow radix2 (smallest f) -> errs (unit_roundoff f) (bpow radix2 (smallest f)) x 0.
Proof.
  intro S. unfold errs. replace (0 - x) with (- x) by ring. rewrite Rabs_Ropp.
  pose proof (Rmult_le_pos _ _ (bpow_ge_0 radix2 (- prec f)) (Rabs_pos x)). unfold unit_roundoff. lra.
Qed.
