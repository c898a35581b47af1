(* A full adder, position by position: from steps that are right in every context to sums of any width. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network.
Import ListNotations.
Open Scope Z_scope.

(* This token may be picked, and no other. *)
Definition picks (l : list computed) (t : nat) : Prop := may_pick l t /\ forall u, may_pick l u -> u = t.

Lemma decode_snoc l t : decode (l ++ [t]) = decode l + 2 ^ Z.of_nat (length l) * Z.of_nat (t mod 2).
Proof.
  induction l as [|u l IH]; [|].
  { change (Z.of_nat (t mod 2) + 2 * 0 = 0 + 1 * Z.of_nat (t mod 2)). ring. }
  change (decode ((u :: l) ++ [t])) with (Z.of_nat (u mod 2) + 2 * decode (l ++ [t])).
  change (decode (u :: l)) with (Z.of_nat (u mod 2) + 2 * decode l).
  rewrite IH. simpl length. rewrite Nat2Z.inj_succ, Z.pow_succ_r by lia. ring.
Qed.
Lemma decode_bound l : 0 <= decode l < 2 ^ Z.of_nat (length l).
Proof.
  induction l as [|t l IH]; [change (0 <= 0 < 1); lia|].
  change (decode (t :: l)) with (Z.of_nat (t mod 2) + 2 * decode l).
  simpl length. rewrite Nat2Z.inj_succ, Z.pow_succ_r by lia.
  assert (Z.of_nat (t mod 2) < 2) by (apply (inj_lt _ 2), Nat.mod_upper_bound; discriminate).
  pose proof (Nat2Z.is_nonneg (t mod 2)). revert H H0 IH. generalize (Z.of_nat (t mod 2)), (decode l),
    (2 ^ Z.of_nat (length l)).
  intros. lia.
Qed.

Lemma bit_bound x i : (bit x i < 2)%nat.
Proof. unfold bit. pose proof (Z.mod_pos_bound (x / 2 ^ Z.of_nat i) 2). lia. Qed.
Lemma bit_step x k : x mod 2 ^ Z.of_nat (S k) = x mod 2 ^ Z.of_nat k + 2 ^ Z.of_nat k * Z.of_nat (bit x k).
Proof.
  unfold bit. rewrite Nat2Z.inj_succ, Z.pow_succ_r, Z.mul_comm by lia.
  rewrite Z.rem_mul_r by lia. rewrite Z2Nat.id; [reflexivity|].
  apply Z.mod_pos_bound. lia.
Qed.
Lemma pair_range a b i : (pair a b i < 4)%nat.
Proof. unfold pair. pose proof (bit_bound a i). pose proof (bit_bound b i). lia. Qed.
Lemma pair_ones a b i : (pair a b i / 2 + pair a b i mod 2 = bit a i + bit b i)%nat.
Proof.
  unfold pair. pose proof (bit_bound a i). pose proof (bit_bound b i).
  destruct (bit a i) as [|[|?]], (bit b i) as [|[|?]]; try lia; reflexivity.
Qed.
Lemma nth_last (done : list nat) h d : nth (length done) (h :: done) d = List.last (h :: done) d.
Proof.
  revert h. induction done as [|x done IH]; intro h; [reflexivity|].
  change (nth (length done) (x :: done) d = List.last (x :: done) d). apply IH.
Qed.
Lemma nth_map_seq {A} (f : nat -> A) n c d : (c < n)%nat -> nth c (map f (seq 0 n)) d = f c.
Proof.
  intro H. rewrite nth_indep with (d' := f O) by (rewrite map_length, seq_length; lia).
  rewrite map_nth, seq_nth by lia. reflexivity.
Qed.

Section Machine.
Variable step : list nat -> list computed -> Prop.
Variable W : nat.
Variable next : nat -> nat -> nat.                (* the next state, by pair and state *)
Variable carry : nat -> nat.                      (* the carry that a state stands for *)

Definition in_range (ctx : list nat) := Forall (fun t => (t < 4)%nat) ctx.
Hypothesis step_right : forall ctx k, (k < W)%nat -> length ctx = (W + S k)%nat -> in_range ctx ->
  (exists l, step ctx l) /\ forall l, step ctx l -> picks l (next (nth k ctx O) (nth (W + k) ctx O)).
Hypothesis carry_0 : carry 0 = 0%nat.
Hypothesis next_right : forall p s, (p < 4)%nat -> (s < 4)%nat ->
  (next p s < 4)%nat /\ (next p s mod 2 + 2 * carry (next p s) = p / 2 + p mod 2 + carry s)%nat.

Definition prompt_ok a b (ctx : list nat) := length ctx = W /\ in_range ctx /\ forall i, (i < W)%nat ->
  nth i ctx O = pair a b i.

(* The digits so far, and the carry of the last state, are the sum of the low bits. *)
Lemma run a b prompt : prompt_ok a b prompt ->
  forall n done last, let k := length done in
  (k + n = W)%nat -> in_range done -> (last < 4)%nat ->
  last = List.last (0%nat :: done) 0%nat ->
  decode done + 2 ^ Z.of_nat k * Z.of_nat (carry last) = a mod 2 ^ Z.of_nat k + b mod 2 ^ Z.of_nat k ->
  let ctx := prompt ++ 0%nat :: done in
  (exists out, greedy step ctx n out) /\
  (forall m out, (m < n)%nat -> greedy step ctx m out ->
    (exists l, step (ctx ++ out) l) /\ forall l, step (ctx ++ out) l -> exists t, may_pick l t) /\
  forall out, greedy step ctx n out -> length out = n /\
    exists c, decode (done ++ out) + 2 ^ Z.of_nat W * c = a mod 2 ^ Z.of_nat W + b mod 2 ^ Z.of_nat W.
Proof.
  intros (Hlen & Hrange & Hnth). induction n as [|n IH]; intros done last k Hk Hd Hl Hlast Hinv ctx.
  - split; [exists []; constructor|]. split; [intros; lia|]. intros out G. inversion G; subst out.
    split; [reflexivity|].
    rewrite app_nil_r. exists (Z.of_nat (carry last)). replace W with k by lia. exact Hinv.
  - assert (Hctx : length ctx = (W + S k)%nat) by (unfold ctx; rewrite app_length; simpl; fold k; lia).
    assert (Rctx : in_range ctx).
    { unfold ctx. apply Forall_app. split; [exact Hrange|]. constructor; [lia|exact Hd]. }
    assert (P : nth k ctx O = pair a b k).
    { unfold ctx. rewrite app_nth1 by lia. apply Hnth. lia. }
    assert (S' : nth (W + k) ctx O = last).
    { unfold ctx. rewrite app_nth2, Hlen by lia. replace (W + k - W)%nat with k by lia.
      rewrite Hlast. apply nth_last. }
    destruct (step_right ctx k ltac:(lia) Hctx Rctx) as [[l0 Ex] Right].
    rewrite P, S' in Right. set (t := next (pair a b k) last) in *.
    destruct (next_right (pair a b k) last (pair_range a b k) Hl) as [T4 T]. fold t in T4, T.
    rewrite pair_ones in T.
    assert (E : ctx ++ [t] = prompt ++ 0%nat :: (done ++ [t])).
    { unfold ctx. rewrite <- app_assoc. reflexivity. }
    destruct (IH (done ++ [t]) t) as [[out G] [Never U]].
    + rewrite app_length. simpl. fold k. lia.
    + apply Forall_app. split; [exact Hd|]. constructor; [exact T4|constructor].
    + exact T4.
    + rewrite app_comm_cons, last_last. reflexivity.
    + rewrite decode_snoc, app_length. fold k. simpl length. rewrite Nat.add_1_r.
      rewrite !bit_step. rewrite Nat2Z.inj_succ, Z.pow_succ_r by lia.
      assert (T' : Z.of_nat (t mod 2) + 2 * Z.of_nat (carry t) = Z.of_nat (bit a k) + Z.of_nat (bit b k) + Z.of_nat
        (carry last)) by lia.
      nia.
    + split; [|split].
      * exists (t :: out). apply greedy_step with l0; [exact Ex|apply (Right l0 Ex)|]. rewrite E. exact G.
      * intros m out' Hm G'. inversion G' as [|? m' l u rest Hstep Harg Hrest]; subst.
        -- rewrite app_nil_r. split; [exists l0; exact Ex|]. intros l H. exists t. apply (Right l H).
        -- assert (u = t) by (apply (Right l Hstep), Harg). subst u.
           rewrite E in Hrest. specialize (Never m' rest ltac:(lia) Hrest). rewrite <- E in Never.
           rewrite <- app_assoc in Never. exact Never.
      * intros out' G'. inversion G' as [|? ? l u rest Hstep Harg Hrest]; subst.
        assert (u = t) by (apply (Right l Hstep), Harg). subst u.
        rewrite E in Hrest. destruct (U rest Hrest) as (Hn & c & Hc). split; [simpl; lia|].
        exists c. rewrite <- app_assoc in Hc. exact Hc.
Qed.

Theorem machine_adds a b : 0 <= a -> 0 <= b -> a + b < 2 ^ Z.of_nat W -> adds step W a b.
Proof.
  intros Ha Hb Hab.
  assert (OK : prompt_ok a b (map (pair a b) (seq 0 W))).
  { split; [rewrite map_length, seq_length; reflexivity|]. split.
    - apply Forall_forall. intros t Ht. apply in_map_iff in Ht. destruct Ht as (i & <- & _). apply pair_range.
    - intros i Hi. apply nth_map_seq. exact Hi. }
  destruct (run a b _ OK W [] 0%nat) as [Ex [Never U]]; simpl; try lia.
  - constructor.
  - rewrite carry_0. change (2 ^ 0) with 1. rewrite !Z.mod_1_r. reflexivity.
  - split; [exact Ex|]. split; [exact Never|].
    intros out G. destruct (U out G) as (Hn & c & Hc). split; [exact Hn|].
    change (decode ([] ++ out)) with (decode out) in Hc. rewrite !Z.mod_small in Hc by lia.
    pose proof (decode_bound out) as D. rewrite Hn in D. revert D Hc Hab. generalize (2 ^ Z.of_nat W).
    intros P D Hc Hab.
    destruct (Z.lt_trichotomy c 0) as [?|[->|?]]; nia.
Qed.
End Machine.
