(* The formats satisfy what is assumed of numbers; and rounding, storing and flushing, what is assumed of operations. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Programs.
Import ListNotations.
Open Scope R_scope.

(* ------------------------------------------------------------------ numbers *)

Lemma multiples_normal p m x n u : (0 < p)%Z -> (Z.abs n <= 2 ^ p)%Z -> (m + p - 1 <= u)%Z ->
  (Z.log2 (Z.abs n) + u + 2 < x)%Z ->
  normal p m x (IZR n * bpow radix2 u).
Proof.
  intros Hp Hn He Hx. destruct (Z.eq_dec n 0) as [->|N0]; [left; ring|right]. split; [|split].
  - destruct (Z.eq_dec (Z.abs n) (2 ^ p)) as [E|NE].
    + assert (G : generic_format radix2 (FLT_exp m p) (bpow radix2 (p + u))).
      { apply generic_format_bpow. unfold FLT_exp. apply Z.max_lub; lia. }
      assert (P : bpow radix2 (p + u) = IZR (2 ^ p) * bpow radix2 u).
      { rewrite bpow_plus. f_equal. rewrite <- IZR_Zpower by lia. reflexivity. }
      destruct (Z.abs_eq_or_opp n) as [A|A]; rewrite A in E.
      * rewrite E, <- P. exact G.
      * replace n with (- 2 ^ p)%Z by lia. rewrite opp_IZR, Ropp_mult_distr_l_reverse, <- P.
        apply generic_format_opp, G.
    + apply generic_format_FLT. exists (Float radix2 n u); simpl; [reflexivity| |lia].
      change (Zpower radix2 p) with (2 ^ p)%Z. lia.
  - rewrite Rabs_mult, (Rabs_pos_eq (bpow radix2 u)) by apply bpow_ge_0. rewrite <- abs_IZR.
    apply Rle_trans with (1 * bpow radix2 u).
    + rewrite Rmult_1_l. apply bpow_le. exact He.
    + apply Rmult_le_compat_r; [apply bpow_ge_0|]. apply IZR_le. lia.
  - rewrite Rabs_mult, (Rabs_pos_eq (bpow radix2 u)) by apply bpow_ge_0. rewrite <- abs_IZR.
    apply Rlt_le_trans with (bpow radix2 (Z.log2 (Z.abs n) + 1) * bpow radix2 u).
    + apply Rmult_lt_compat_r; [apply bpow_gt_0|]. pose proof (Z.log2_nonneg (Z.abs n)).
      rewrite <- IZR_Zpower by lia. apply IZR_lt. pose proof (Z.log2_spec (Z.abs n) ltac:(lia)) as [_ B].
      unfold Z.succ in B. exact B.
    + rewrite <- bpow_plus. apply bpow_le. lia.
Qed.
Lemma numbers_1 f : numbers f 1.
Proof. replace 1 with (IZR 1 * bpow radix2 0) by (simpl; ring). unfold numbers.
apply multiples_normal; destruct f; simpl; lia. Qed.

(* ------------------------------------------------------------------ operations *)

(* Rounding in any direction, in the format or in a wider one: float32 accumulation for tensors of 16 bits, extended
   registers. *)
Lemma rounding_admissible p m x p' m' x' rnd {V : Valid_rnd rnd} y :
  (0 < p <= p')%Z -> (m' <= m)%Z -> (x <= x')%Z -> (m < x)%Z ->
  op (normal p m x) (bpow radix2 (x - 1)) y (finite x' (round radix2 (FLT_exp m' p') rnd y)).
Proof.
  intros Hp Hm Hx Hmx. assert (P : Prec_gt_0 p') by (unfold Prec_gt_0; lia). split.
  - intro Hy. assert (E : round radix2 (FLT_exp m' p') rnd y = y).
    { destruct Hy as [->|[G _]]; [apply round_0; exact V|]. apply round_generic; [exact V|].
      revert G. apply generic_inclusion_mag. intros _. unfold FLT_exp. lia. }
    unfold finite. rewrite E. rewrite Rlt_bool_true; [reflexivity|].
    destruct Hy as [->|[_ [_ B]]]; [rewrite Rabs_R0; apply bpow_gt_0|].
    apply Rlt_le_trans with (1 := B). apply bpow_le. lia.
  - intro B. unfold finite. rewrite Rlt_bool_true; [discriminate|].
    apply Rle_lt_trans with (bpow radix2 (x - 1)); [|apply bpow_lt; lia].
    apply abs_round_le_generic; [apply FLT_exp_valid; exact P|exact V| |exact B].
    apply generic_format_bpow. unfold FLT_exp. lia.
Qed.
(* Flushing to zero what is below the smallest normal number, a result or an operand. *)
Lemma flushing_admissible p m x rnd {V : Valid_rnd rnd} y : (0 < p)%Z -> (m < x)%Z ->
  op (normal p m x) (bpow radix2 (x - 1)) y
    (if Rlt_bool (Rabs y) (bpow radix2 (m + p - 1)) then Some 0 else finite x (round radix2 (FLT_exp m p) rnd y)).
Proof.
  intros Hp Hm. destruct (Rlt_bool_spec (Rabs y) (bpow radix2 (m + p - 1))) as [B|_].
  - split; [|discriminate]. intros [->|[_ [H _]]]; [reflexivity|lra].
  - apply rounding_admissible; try exact V; lia.
Qed.

Lemma nearest_admissible f x : op (numbers f) (bound f) x (nearest f x).
Proof.
  unfold nearest, nearest_value, numbers, bound. apply rounding_admissible; try apply valid_rnd_N; destruct f; simpl;
    lia.
Qed.
Definition flushed (f : format) (a : R) : R := if Rlt_bool (Rabs a) (bpow radix2 (smallest f)) then 0 else a.
Lemma flushed_reads f a : reads (numbers f) a (flushed f a).
Proof.
  unfold reads, flushed, smallest. intros [->|[_ [H _]]]; destruct (Rlt_bool_spec (Rabs 0) (bpow radix2 (emin f + prec f
    - 1)));
    try reflexivity; destruct (Rlt_bool_spec (Rabs a) (bpow radix2 (emin f + prec f - 1))); try reflexivity; lra.
Qed.
Lemma flushed_operands_admissible f g x y :
  op2 (numbers f) (bound f) g x y (apply2 (nearest f) (fun a b => g (flushed f a) (flushed f b)) x y).
Proof.
  destruct x as [a|], y as [b|]; try exact I. exists (flushed f a), (flushed f b).
  split; [apply flushed_reads|]. split; [apply flushed_reads|]. apply nearest_admissible.
Qed.

(* To nearest, what is nearer to a number of the format than 2^-(p + 1) of it becomes that number. *)
Lemma below_is_far p m y : (0 < p)%Z -> 0 < y -> y * bpow radix2 (- p) <= y - pred radix2 (FLT_exp m p) y.
Proof.
  intros Hp Hy. assert (P : Prec_gt_0 p) by exact Hp. rewrite pred_eq_pos by lra. unfold pred_pos.
  destruct (Req_bool_spec y (bpow radix2 (mag radix2 y - 1))) as [E|_].
  - rewrite E at 1. rewrite <- bpow_plus. ring_simplify. apply bpow_le. unfold FLT_exp. lia.
  - ring_simplify. pose proof (ulp_FLT_gt radix2 m p y) as G. rewrite Rabs_pos_eq in G by lra. lra.
Qed.
Lemma nearest_positive p m a y : (0 < p)%Z -> generic_format radix2 (FLT_exp m p) y -> 0 < y ->
  Rabs (a - y) < bpow radix2 (- p - 1) * y -> round radix2 (FLT_exp m p) ZnearestE a = y.
Proof.
  intros Hp G Hy H. assert (P : Prec_gt_0 p) by exact Hp. assert (V : Valid_exp (FLT_exp m p)) by (apply FLT_exp_valid;
    exact P).
  replace (- p - 1)%Z with (- p + -1)%Z in H by ring. rewrite bpow_plus in H. change (bpow radix2 (-1)) with (/ 2) in H.
  apply Rabs_lt_inv in H.
  pose proof (below_is_far p m y Hp Hy) as B.
  pose proof (ulp_FLT_gt radix2 m p y) as A. rewrite Rabs_pos_eq in A by lra.
  apply Rle_antisym.
  - apply round_N_le_midp; [exact V|exact G|]. rewrite succ_eq_pos by lra. lra.
  - apply round_N_ge_midp; [exact V|exact G|]. lra.
Qed.
Lemma nearest_stores f x : stores (numbers f) (half_ulp f) x (apply1 (nearest f) (fun a => a) x).
Proof.
  intros a y -> Hy H. simpl. unfold nearest.
  assert (E : nearest_value f a = y).
  { assert (P : Prec_gt_0 (prec f)) by (destruct f; reflexivity).
    assert (V : Valid_exp (FLT_exp (emin f) (prec f))) by (apply FLT_exp_valid; exact P).
    assert (G : generic_format radix2 (FLT_exp (emin f) (prec f)) y) by (destruct Hy as [->|[G _]];
      [apply generic_format_0|exact G]).
    unfold nearest_value. destruct H as [->|H]; [apply round_generic; [apply valid_rnd_N|exact G]|].
    unfold half_ulp in H. destruct (Rtotal_order y 0) as [N|[->|Pos]].
    - rewrite <- (Ropp_involutive a), round_NE_opp. rewrite (nearest_positive _ _ (- a) (- y)); [ring|destruct f;
        reflexivity| |lra|].
      + apply generic_format_opp, G.
      + rewrite (Rabs_left y N) in H. replace (- a - - y) with (- (a - y)) by ring. rewrite Rabs_Ropp. exact H.
    - rewrite Rabs_R0, Rmult_0_r in H. pose proof (Rabs_pos (a - 0)). lra.
    - apply nearest_positive; [destruct f; reflexivity|exact G|exact Pos|]. rewrite (Rabs_pos_eq y) in H by lra.
      exact H. }
  rewrite E. unfold finite. rewrite Rlt_bool_true; [reflexivity|].
  destruct Hy as [->|[_ [_ B]]]; [rewrite Rabs_R0; apply bpow_gt_0|exact B].
Qed.
(* Arithmetic in float32 on tensors of 16 bits, every result stored or none. *)
Lemma wider_admissible x : op (numbers Bfloat16) (bound Bfloat16) x (nearest Binary32 x) /\
  op (numbers Binary16) (bound Binary16) x (nearest Binary32 x) /\
    op (numbers Binary32) (bound Binary32) x (nearest Binary64 x).
Proof.
  unfold nearest, nearest_value, numbers, bound.
  split; [|split]; apply rounding_admissible; try apply valid_rnd_N; simpl; lia.
Qed.
