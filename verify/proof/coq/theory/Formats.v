(* IEEE 754's formats satisfy what is assumed of numbers, and rounding, storing and flushing what is assumed of operations. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Network Exact Machine Functions Check.
Import ListNotations.
Open Scope R_scope.

(* Zero, and the normal numbers of prec bits below 2^emax. Subnormal numbers are left out: a program may flush them to 0.
   As Flocq has it, emin is the exponent of the smallest subnormal number, so 2^(emin + prec - 1) is the smallest normal one. *)
Definition normal (prec emin emax : Z) (x : R) : Prop :=
  x = 0 \/ (generic_format radix2 (FLT_exp emin prec) x /\ bpow radix2 (emin + prec - 1) <= Rabs x < bpow radix2 emax).

Inductive format := Binary64 | Binary32 | Bfloat16 | Binary16.
Definition prec (f : format) : Z := match f with Binary64 => 53 | Binary32 => 24 | Bfloat16 => 8 | Binary16 => 11 end.
Definition emin (f : format) : Z := match f with Binary64 => -1074 | Binary32 => -149 | Bfloat16 => -133 | Binary16 => -24 end.
Definition emax (f : format) : Z := match f with Binary64 => 1024 | Binary32 => 128 | Bfloat16 => 128 | Binary16 => 16 end.
Definition numbers (f : format) : R -> Prop := normal (prec f) (emin f) (emax f).
Definition bound (f : format) : R := bpow radix2 (emax f - 1).
Definition half_ulp (f : format) : R := bpow radix2 (- prec f - 1).
Definition smallest (f : format) : Z := (emin f + prec f - 1)%Z.

(* ------------------------------------------------------------------ numbers *)

Lemma multiples_normal p m x n u : (0 < p)%Z -> (Z.abs n <= 2 ^ p)%Z -> (m + p - 1 <= u)%Z -> (Z.log2 (Z.abs n) + u + 2 < x)%Z ->
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
Proof. replace 1 with (IZR 1 * bpow radix2 0) by (simpl; ring). unfold numbers. apply multiples_normal; destruct f; simpl; lia. Qed.

(* ------------------------------------------------------------------ operations *)

(* an infinity where the rounded value is out of range *)
Definition finite (x : Z) (v : R) : computed := if Rlt_bool (Rabs v) (bpow radix2 x) then Some v else None.

(* Rounding in any direction, in the format or in a wider one: float32 accumulation for tensors of 16 bits, extended registers. *)
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
(* Flushing to zero what is below the smallest normal number. *)
Lemma flushing_admissible p m x rnd {V : Valid_rnd rnd} y : (0 < p)%Z -> (m < x)%Z ->
  op (normal p m x) (bpow radix2 (x - 1)) y
    (if Rlt_bool (Rabs y) (bpow radix2 (m + p - 1)) then Some 0 else finite x (round radix2 (FLT_exp m p) rnd y)).
Proof.
  intros Hp Hm. destruct (Rlt_bool_spec (Rabs y) (bpow radix2 (m + p - 1))) as [B|_].
  - split; [|discriminate]. intros [->|[_ [H _]]]; [reflexivity|lra].
  - apply rounding_admissible; try exact V; lia.
Qed.

(* What IEEE 754 asks of each operation: to nearest, ties to even, infinite beyond the largest number. *)
Definition nearest_value (f : format) (x : R) : R := round radix2 (FLT_exp (emin f) (prec f)) ZnearestE x.
Definition nearest (f : format) (x : R) : computed := finite (emax f) (nearest_value f x).
Lemma nearest_admissible f x : op (numbers f) (bound f) x (nearest f x).
Proof.
  unfold nearest, nearest_value, numbers, bound. apply rounding_admissible; try apply valid_rnd_N; destruct f; simpl; lia.
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
  intros Hp G Hy H. assert (P : Prec_gt_0 p) by exact Hp. assert (V : Valid_exp (FLT_exp m p)) by (apply FLT_exp_valid; exact P).
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
    assert (G : generic_format radix2 (FLT_exp (emin f) (prec f)) y) by (destruct Hy as [->|[G _]]; [apply generic_format_0|exact G]).
    unfold nearest_value. destruct H as [->|H]; [apply round_generic; [apply valid_rnd_N|exact G]|].
    unfold half_ulp in H. destruct (Rtotal_order y 0) as [N|[->|Pos]].
    - rewrite <- (Ropp_involutive a), round_NE_opp. rewrite (nearest_positive _ _ (- a) (- y)); [ring|destruct f; reflexivity| |lra|].
      + apply generic_format_opp, G.
      + rewrite (Rabs_left y N) in H. replace (- a - - y) with (- (a - y)) by ring. rewrite Rabs_Ropp. exact H.
    - rewrite Rabs_R0, Rmult_0_r in H. pose proof (Rabs_pos (a - 0)). lra.
    - apply nearest_positive; [destruct f; reflexivity|exact G|exact Pos|]. rewrite (Rabs_pos_eq y) in H by lra. exact H. }
  rewrite E. unfold finite. rewrite Rlt_bool_true; [reflexivity|].
  destruct Hy as [->|[_ [_ B]]]; [rewrite Rabs_R0; apply bpow_gt_0|exact B].
Qed.
(* Arithmetic in float32 on tensors of 16 bits, every result stored or none. *)
Lemma wider_admissible x : op (numbers Bfloat16) (bound Bfloat16) x (nearest Binary32 x) /\
  op (numbers Binary16) (bound Binary16) x (nearest Binary32 x) /\ op (numbers Binary32) (bound Binary32) x (nearest Binary64 x).
Proof.
  unfold nearest, nearest_value, numbers, bound.
  split; [|split]; apply rounding_admissible; try apply valid_rnd_N; simpl; lia.
Qed.

(* ------------------------------------------------------------------ the theorem of a network *)

Definition network_check (f : format) := check (prec f) (smallest f) (emax f).

Section Theorems.
Variables (f : format) (w : weights dyadic) (table : list (list nat)) (carries : list nat).
Hypothesis OK : network_check f w table carries = true.
Let wR := map_weights lift w.
Variables (see : mask) (W : nat).
Hypothesis Hsee : forall k j, (k < W)%nat -> (j <= W + k)%nat -> see (W + k)%nat j = ((j =? k) || (j =? W + k))%nat.
Variables a b : Z.
Hypothesis Hab : (0 <= a /\ 0 <= b /\ a + b < 2 ^ Z.of_nat W)%Z.

Theorem every_evaluation_adds : adds (logits (numbers f) (bound f) (half_ulp f) wR see) W a b.
Proof.
  apply (check_adds (prec f) (smallest f) (emax f)) with (table := table) (carries := carries); try tauto.
  - split; [apply bpow_gt_0|]. replace (/ 8) with (bpow radix2 (-3)) by (simpl; lra). apply bpow_le. destruct f; simpl; lia.
  - destruct f; simpl; unfold smallest; simpl; lia.
  - intros n u H1 H2 H3. apply multiples_normal; [destruct f; reflexivity|exact H1|exact H2|exact H3].
  - apply Rle_refl.
Qed.
Theorem real_network_adds : let out := decoding (real_network wR see) (encode W a b) W in length out = W /\ decode out = (a + b)%Z.
Proof.
  apply decoding_adds with (1 := every_evaluation_adds). intros ctx k _ _. apply real_network_is_an_evaluation, numbers_1.
Qed.
(* The network in IEEE 754's arithmetic, by any order of summation; torch's modules, up to the kernels' order. *)
Theorem rounded_network_adds add_up : (forall l, sums (numbers f) (bound f) l (add_up l)) ->
  let out := decoding (whole_sequence (nearest f) add_up exp (nearest_value f (/ sqrt 2)) wR see) (encode W a b) W in
  length out = W /\ decode out = (a + b)%Z.
Proof.
  intro S. apply decoding_adds with (1 := every_evaluation_adds). intros ctx k _ _.
  apply whole_sequence_is_an_evaluation; [apply nearest_admissible|exact S|apply numbers_1|apply exp_0].
Qed.
(* Our own decoding that reads a pair and a state, likewise. *)
Theorem incremental_adds add_up : (forall l, sums (numbers f) (bound f) l (add_up l)) ->
  let out := decoding (incremental (nearest f) add_up exp (nearest_value f (/ sqrt 2)) W wR) (encode W a b) W in
  length out = W /\ decode out = (a + b)%Z.
Proof.
  intro S. apply decoding_adds with (1 := every_evaluation_adds). intros ctx k Hk Hl.
  apply incremental_is_an_evaluation with k; try assumption; [apply nearest_admissible|apply numbers_1|apply exp_0|].
  intros j Hj. apply Hsee; assumption.
Qed.
End Theorems.
