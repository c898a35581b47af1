(* The theorems of a network that the check accepts, by format. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Exact Machine Programs Functions Check Layers Sound Formats Stored.
Import ListNotations.
Open Scope R_scope.

Definition network_check (f : format) := check (prec f) (smallest f) (emax f).

Lemma format_suits f : suits (prec f) (smallest f) (emax f) (numbers f) (bound f) (half_ulp f).
Proof.
  split.
  - split; [apply bpow_gt_0|]. replace (/ 8) with (bpow radix2 (-3)) by (simpl; lra). apply bpow_le.
    destruct f; simpl; lia.
  - destruct f; simpl; unfold smallest; simpl; lia.
  - intros n u H1 H2 H3. apply multiples_normal; [destruct f; reflexivity|exact H1|exact H2|exact H3].
  - apply Rle_refl.
Qed.

(* Position W + k of a mask sees positions k and W + k and no other. *)
Definition routes (W : nat) (see : mask) : bool :=
  forallb (fun k => forallb (fun j => Bool.eqb (see (W + k)%nat j) ((j =? k) || (j =? W + k))%nat)
    (seq 0 (S (W + k)))) (seq 0 W).
Lemma routes_spec W see : routes W see = true ->
  forall k j, (k < W)%nat -> (j <= W + k)%nat -> see (W + k)%nat j = ((j =? k) || (j =? W + k))%nat.
Proof.
  unfold routes. rewrite forallb_forall. intros R k j Hk Hj. specialize (R k ltac:(apply in_seq; lia)).
  rewrite forallb_forall in R. apply Bool.eqb_prop, R, in_seq. lia.
Qed.
Lemma routing_spec W k j : (k < W)%nat -> (j <= W + k)%nat -> routing W (W + k)%nat j = ((j =? k) || (j =? W + k))%nat.
Proof.
  intros Hk Hj. unfold routing. rewrite orb_comm. f_equal. apply Bool.eq_iff_eq_true. rewrite !Nat.eqb_eq. lia.
Qed.

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
  apply (check_adds _ _ _ _ _ _ (format_suits f)) with (table := table) (carries := carries); try tauto.
  apply check_representable with (1 := OK).
Qed.
Theorem real_network_adds : let out := decoding (real_network wR see) (encode W a b) W in length out = W /\
  decode out = (a + b)%Z.
Proof.
  apply decoding_adds with (1 := every_evaluation_adds). intros ctx k _ _.
  apply real_network_is_an_evaluation, numbers_1.
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
(* Tensors of 16 bits, arithmetic in float32, exponentials of torch's kind, stored, or the weights. *)
Theorem stored_network_adds attention : sixteen_bits f -> (W <= 64)%nat ->
  let scale := nearest_value Binary32 (/ sqrt 2) in
  In attention [stored_exponentials f (in_order wide) rough_exp scale;
    stored_weights f (in_order wide) rough_exp scale] ->
  let out := decoding (stored_by f (in_order wide) attention wR see) (encode W a b) W in
  length out = W /\ decode out = (a + b)%Z.
Proof.
  intros Hf HW scale A. apply decoding_adds with (1 := every_evaluation_adds). intros ctx k Hk Hl.
  apply stored_is_an_evaluation with rough_exp scale.
  - exact Hf.
  - apply in_order_ok. intro x. apply wide_admissible, Hf.
  - intros l H. apply in_order_near; assumption.
  - apply rough_exp_near, Hf.
  - lia.
  - destruct A as [<-|[<-|[]]]; auto.
Qed.
(* Orders, as functions. *)
Lemma orders_ok add_up l : In add_up [in_order (nearest f); fused (nearest f); pairwise (nearest f) 8] ->
  sums (numbers f) (bound f) l (add_up l).
Proof.
  intros [<-|[<-|[<-|[]]]]; [apply in_order_ok|apply fused_ok|apply pairwise_ok]; apply nearest_admissible.
Qed.
End Theorems.
