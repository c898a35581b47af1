(* Programs as functions: the network in real arithmetic and in rounded arithmetic, in several orders, each shown to be an admissible
   evaluation. So the theorems speak of something. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Network Machine.
Import ListNotations.
Open Scope R_scope.

Lemma op_itself F L x : op F L x (Some x).
Proof. split; intro; [reflexivity|discriminate]. Qed.

(* ------------------------------------------------------------------ orders of summation *)

Section Orders.
Variable rounded : R -> computed.                 (* the result of an operation, from its exact result *)

Definition apply1 (f : R -> R) (x : computed) : computed := match x with Some a => rounded (f a) | None => None end.
Definition apply2 (f : R -> R -> R) (x y : computed) : computed :=
  match x, y with Some a, Some b => rounded (f a b) | _, _ => None end.
Definition apply3 (f : R -> R -> R -> R) (x y z : computed) : computed :=
  match x, y, z with Some a, Some b, Some c => rounded (f a b c) | _, _, _ => None end.

(* from the first term to the last, each product rounded *)
Fixpoint onto (acc : computed) (l : list (computed * computed)) : computed :=
  match l with [] => acc | (x, y) :: rest => onto (apply2 Rplus acc (apply2 Rmult x y)) rest end.
Definition in_order (l : list (computed * computed)) : computed :=
  match l with [] => zero | (x, y) :: rest => onto (apply2 Rmult x y) rest end.
(* the same, each product fused into the addition *)
Fixpoint fused_onto (acc : computed) (l : list (computed * computed)) : computed :=
  match l with [] => acc | (x, y) :: rest => fused_onto (apply3 (fun a b c => a * b + c) x y acc) rest end.
Definition fused (l : list (computed * computed)) : computed := fused_onto zero l.
(* halves of halves, as blocks and vector registers add *)
Fixpoint pairwise (depth : nat) (l : list (computed * computed)) : computed :=
  match depth, l with
  | O, _ | _, [] | _, [_] => in_order l
  | S d, _ => let h := Nat.div2 (length l) in apply2 Rplus (pairwise d (firstn h l)) (pairwise d (skipn h l))
  end.
(* stored once more, in the same format or a narrower one *)
Definition stored (store : R -> computed) (v : computed) : computed := match v with Some a => store a | None => None end.

Variable F : R -> Prop.
Variable L : R.
Hypothesis admissible : forall x, op F L x (rounded x).

Lemma apply1_ok f x : op1 F L f x (apply1 f x).
Proof. destruct x; simpl; [apply admissible|exact I]. Qed.
Lemma apply2_ok f x y : op2 F L f x y (apply2 f x y).
Proof. destruct x, y; simpl; try exact I. apply admissible. Qed.
Lemma apply3_ok f x y z : op3 F L f x y z (apply3 f x y z).
Proof. destruct x, y, z; simpl; try exact I. apply admissible. Qed.

Lemma onto_ok l : forall done acc, sums F L done acc -> sums F L (done ++ l) (onto acc l).
Proof.
  induction l as [|[x y] l IH]; intros done acc H; simpl; [rewrite app_nil_r; exact H|].
  change ((x, y) :: l) with ([(x, y)] ++ l). rewrite app_assoc. apply IH.
  eapply sums_add; [exact H|apply sums_product, apply2_ok|apply apply2_ok].
Qed.
Lemma in_order_ok l : sums F L l (in_order l).
Proof. destruct l as [|[x y] l]; [constructor|]. apply (onto_ok l [(x, y)]), sums_product, apply2_ok. Qed.
Lemma fused_onto_ok l : forall done acc, sums F L done acc -> sums F L (done ++ l) (fused_onto acc l).
Proof.
  induction l as [|[x y] l IH]; intros done acc H; simpl; [rewrite app_nil_r; exact H|].
  change ((x, y) :: l) with ([(x, y)] ++ l). rewrite app_assoc. apply IH.
  apply sums_order with ((x, y) :: done); [apply Permutation_cons_append|]. eapply sums_fused; [exact H|apply apply3_ok].
Qed.
Lemma fused_ok l : sums F L l (fused l).
Proof. apply (fused_onto_ok l []). constructor. Qed.
Lemma pairwise_ok depth l : sums F L l (pairwise depth l).
Proof.
  revert l. induction depth as [|d IH]; intro l; [apply in_order_ok|]. destruct l as [|a [|b l]]; [apply in_order_ok|apply in_order_ok|].
  rewrite <- (firstn_skipn (Nat.div2 (length (a :: b :: l))) (a :: b :: l)) at 1.
  eapply sums_add; [apply IH|apply IH|]. apply apply2_ok.
Qed.
Lemma stored_ok store add_up l : (forall x, op F L x (store x)) -> sums F L l (add_up l) -> sums F L l (stored store (add_up l)).
Proof. intros H S. eapply sums_store; [exact S|]. destruct (add_up l); simpl; [apply H|exact I]. Qed.
(* torch's addmm and our own decoders add a layer's terms to what is there already *)
Lemma added_onto_ok l1 l2 v : sums F L l1 v -> sums F L (l2 ++ l1) (onto v l2) /\ sums F L (l2 ++ l1) (fused_onto v l2).
Proof.
  intro S. split; (eapply sums_order; [apply Permutation_app_comm|]); [apply onto_ok|apply fused_onto_ok]; exact S.
Qed.
End Orders.

(* ------------------------------------------------------------------ the network *)

Section Evaluate.
Variable rounded : R -> computed.
Variable add_up : list (computed * computed) -> computed.
Variable exponent : R -> R.                       (* rounded after *)
Variable scale : R.                               (* 1 / sqrt 2, rounded or not *)

Definition vector_of (n : nat) (terms : nat -> list (computed * computed)) : list computed :=
  map (fun c => add_up (terms c)) (seq 0 n).
(* the position of a largest score *)
Definition best (s : nat -> computed) (js : list nat) : nat :=
  fold_right (fun j m => match s j, s m with Some a, Some b => if Rle_dec a b then m else j | _, _ => j end)
    (List.last js O) js.

Section At.
Variables (w : weights computed) (see : mask) (x : nat -> list computed) (n i : nat).
Let q := vector_of (length (query w)) (products (query w) (x i)).
Let k j := vector_of (length (key w)) (products (key w) (x j)).
Let v j := vector_of (length (value w)) (products (value w) (x j)).
Let s j := apply1 rounded (fun a => a * scale) (add_up (combine q (k j))).

(* softmax over all positions, the largest score subtracted, normalised before the values are added up *)
Definition attention_of : list computed :=
  let js := seq 0 n in
  let m := best s (filter (see i) js) in
  let e j := if see i j then apply1 rounded exponent (apply2 rounded Rminus (s j) (s m)) else zero in
  let z := add_up (map (fun j => (e j, one)) js) in
  map (fun c => add_up (map (fun j => (apply2 rounded Rdiv (e j) z, nth c (v j) zero)) js)) (seq 0 (length (value w))).

(* softmax over the two positions i and j alone, as the logistic function of the difference of their scores, which is one sum *)
Definition logistic_of (d : computed) : computed :=
  apply2 rounded Rdiv one (apply2 rounded Rplus one (apply1 rounded exponent (apply1 rounded (fun a => a * -1) d))).
Definition attention_of_two (j : nat) : list computed :=
  let minus k' := map (apply1 rounded (fun a => a * -1)) k' in
  let d := apply1 rounded (fun a => a * scale) (add_up (combine q (k j) ++ combine q (minus (k i)))) in
  let pj := logistic_of d in
  let pi := logistic_of (apply1 rounded (fun a => a * -1) d) in
  map (fun c => add_up [(pj, nth c (v j) zero); (pi, nth c (v i) zero)]) (seq 0 (length (value w))).
End At.

Definition block_of (w : weights computed) (here a : list computed) : list computed :=
  let x1 := vector_of (length (output w)) (fun c => products (output w) a c ++ bare here c) in
  let g := vector_of (length (hidden w)) (fun c => products (hidden w) x1 c ++ bare (hidden_bias w) c) in
  let h := map (apply1 rounded (fun v => Rmax v 0)) g in
  let x2 := vector_of (length (contract w))
    (fun c => products (contract w) h c ++ bare (contract_bias w) c ++ products (output w) a c ++ bare here c) in
  vector_of (length (embedding w)) (products (embedding w) x2).
Definition tokens_of (w : weights computed) (ctx : list nat) (j : nat) : list computed := nth (nth j ctx O) (embedding w) [].

(* the whole sequence at every step *)
Definition whole_sequence (w : weights computed) (see : mask) (ctx : list nat) : list computed :=
  let n := length ctx in
  block_of w (tokens_of w ctx (n - 1)) (attention_of w see (tokens_of w ctx) n (n - 1)).
(* the pair and the state alone: position W + k reads positions k and W + k *)
Definition incremental (W : nat) (w : weights computed) (ctx : list nat) : list computed :=
  let i := (length ctx - 1)%nat in
  block_of w (tokens_of w ctx i) (attention_of_two w (tokens_of w ctx) i (i - W)).

Variable F : R -> Prop.
Variables L eps : R.
Hypothesis admissible : forall x, op F L x (rounded x).
Hypothesis any_order : forall l, sums F L l (add_up l).
Hypothesis F_one : F 1.
Hypothesis exponent_0 : exponent 0 = 1.

Let ok1 := apply1_ok rounded F L admissible.
Let ok2 := apply2_ok rounded F L admissible.

Lemma vector_of_ok n terms : computes F L n terms (vector_of n terms).
Proof.
  unfold vector_of. split; [rewrite map_length, seq_length; reflexivity|]. intros c Hc. rewrite nth_map_seq by exact Hc. apply any_order.
Qed.
Lemma exponential_ok x : exponential x (apply1 rounded exponent x).
Proof. unfold exponential. intros ->. simpl. rewrite exponent_0. apply admissible, F_one. Qed.
Lemma scaled_not x : scaled F L x x.
Proof.
  exists 1. split; [rewrite Rabs_R1; lra|]. split; [reflexivity|]. intros i _. destruct (nth i x zero); simpl; [|exact I].
  rewrite Rmult_1_r. apply op_itself.
Qed.
Lemma scaled_minus x : scaled F L x (map (apply1 rounded (fun a => a * -1)) x).
Proof.
  exists (-1). split; [rewrite Rabs_left; lra|]. split; [apply map_length|]. intros i Hi.
  rewrite (nth_indep (map _ x) zero (apply1 rounded (fun a => a * -1) zero)) by (rewrite map_length; exact Hi).
  rewrite map_nth. apply ok1.
Qed.
Lemma score_ok q k : score F L q k (apply1 rounded (fun a => a * scale) (add_up (combine q k))).
Proof.
  exists q, k, (add_up (combine q k)). split; [apply scaled_not|]. split; [apply scaled_not|]. split; [apply any_order|].
  eapply rescaled_by; [apply rescaled_not|apply ok1].
Qed.
Lemma quotient_ok x z : quotient F L x z (apply2 rounded Rdiv x z).
Proof. destruct x, z; simpl; try exact I. intros _. apply admissible. Qed.

Lemma divides_ok x z : divides F L x z (apply2 rounded Rdiv x z).
Proof. left. apply quotient_ok. Qed.

Lemma best_in s js : js <> [] -> In (best s js) js.
Proof.
  intro N. unfold best. assert (Last : In (List.last js O) js).
  { destruct (exists_last N) as (l & a & ->). rewrite last_last. apply in_or_app. right. left. reflexivity. }
  revert Last. generalize (List.last js O). clear N. intros d Hd.
  assert (G : forall l, incl l js -> In (fold_right (fun j m => match s j, s m with Some a, Some b => if Rle_dec a b then m else j | _, _ => j end) d l) js).
  { induction l as [|j l IH]; intro I; simpl; [exact Hd|]. specialize (IH (fun a Ha => I a (or_intror Ha))).
    pose proof (I j (or_introl eq_refl)). destruct (s j); [|assumption].
    destruct (s _); [|assumption]. destruct (Rle_dec _ _); assumption. }
  apply G. apply incl_refl.
Qed.

Lemma attention_of_ok w see x n i : attended F L eps w see x n i (attention_of w see x n i).
Proof.
  exists (vector_of (length (query w)) (products (query w) (x i))),
    (fun j => vector_of (length (key w)) (products (key w) (x j))),
    (fun j => vector_of (length (value w)) (products (value w) (x j))).
  split; [apply vector_of_ok|]. split; [intros; apply vector_of_ok|]. split; [intros; apply vector_of_ok|].
  split; [unfold attention_of; rewrite map_length, seq_length; reflexivity|].
  intros c Hc. unfold attention_of. rewrite nth_map_seq by exact Hc.
  exists (seq 0 n). split.
  { split; [apply seq_NoDup|]. split; intros j; rewrite in_seq; lia. }
  right. right. eexists _, _. split; [|left; eexists; split; [intros; apply divides_ok|apply any_order]].
  eexists. split; [intros; apply score_ok|]. split; [|apply any_order].
  intros j Hj. destruct (see i j) eqn:V; [|reflexivity].
  eexists. split; [|apply exponential_ok]. eexists. split; [apply rescaled_not|]. right.
  set (m := best _ _). exists m.
  assert (M : In m (filter (see i) (seq 0 n))).
  { apply best_in. intro E. assert (I : In j (filter (see i) (seq 0 n))) by (apply filter_In; auto). rewrite E in I. exact I. }
  apply filter_In in M. destruct M as [M1 M2]. apply in_seq in M1. split; [lia|]. split; [exact M2|]. left. apply ok2.
Qed.

Lemma logistic_ok d d' : rescaled F L d d' -> exists d'', rescaled F L d d'' /\ logistic F L d'' (logistic_of d').
Proof.
  intro H. exists (apply1 rounded (fun a => a * -1) d'). split; [eapply rescaled_by; [exact H|apply ok1]|].
  eexists _, _. split; [apply exponential_ok|]. split; [apply ok2|apply quotient_ok].
Qed.
Lemma attention_of_two_ok w see x n i j : (j < n)%nat -> (i < n)%nat -> i <> j ->
  (forall o, (o < n)%nat -> see i o = true <-> (o = j \/ o = i)) ->
  attended F L eps w see x n i (attention_of_two w x i j).
Proof.
  intros Hj Hi D S.
  exists (vector_of (length (query w)) (products (query w) (x i))),
    (fun j => vector_of (length (key w)) (products (key w) (x j))),
    (fun j => vector_of (length (value w)) (products (value w) (x j))).
  split; [apply vector_of_ok|]. split; [intros; apply vector_of_ok|]. split; [intros; apply vector_of_ok|].
  split; [unfold attention_of_two; rewrite map_length, seq_length; reflexivity|].
  intros c Hc. unfold attention_of_two. rewrite nth_map_seq by exact Hc.
  assert (Vj : see i j = true) by (apply S; auto). assert (Vi : see i i = true) by (apply S; auto).
  exists [j; i]. split.
  { split; [|split].
    - constructor; [intros [E|[]]; congruence|]. constructor; [intros []|constructor].
    - intros o [->|[->|[]]]; assumption.
    - intros o Ho V. apply S in V; [|exact Ho]. destruct V as [->| ->]; simpl; auto. }
  left.
  match goal with |- exists p, _ /\ sums _ _ _ (add_up [(?pj, _); (?pi, _)]) => exists (fun o => if (o =? j)%nat then pj else pi) end.
  split; [left|].
  2:{ simpl. rewrite Nat.eqb_refl. apply Nat.eqb_neq in D. rewrite D. apply any_order. }
  eexists. split; [intros; apply score_ok|].
  assert (Other : forall o o', (o = j /\ o' = i) \/ (o = i /\ o' = j) -> forall u, (u < n)%nat -> see i u = true -> u = o \/ u = o').
  { intros o o' E u Hu V. apply S in V; [|exact Hu]. lia. }
  set (q := vector_of _ (products (query w) _)).
  set (kj := vector_of _ (products (key w) (x j))). set (ki := vector_of _ (products (key w) (x i))).
  set (sum := add_up _). set (d := apply1 rounded (fun a => a * scale) sum).
  assert (Dd : rescaled F L sum d) by (eapply rescaled_by; [apply rescaled_not|apply ok1]).
  assert (Diff : difference F L q kj ki sum).
  { exists q, kj, q, (map (apply1 rounded (fun a => a * -1)) ki), sum.
    split; [apply scaled_not|]. split; [apply scaled_not|]. split; [apply scaled_not|]. split; [apply scaled_minus|].
    split; [apply any_order|apply rescaled_not]. }
  intros o [<-|[<-|[]]].
  - rewrite Vj, Nat.eqb_refl. destruct (logistic_ok sum d Dd) as (d'' & R & G).
    exists i, d'', sum. split; [exact D|]. split; [exact Hi|]. split; [exact Vi|]. split; [apply Other; auto|].
    split; [right; right; right; exact Diff|]. split; [exact R|exact G].
  - rewrite Vi. rewrite (proj2 (Nat.eqb_neq i j) D).
    assert (Dm : rescaled F L sum (apply1 rounded (fun a => a * -1) d)) by (eapply rescaled_by; [exact Dd|apply ok1]).
    destruct (logistic_ok sum _ Dm) as (d'' & R & G).
    exists j, d'', sum. split; [congruence|]. split; [exact Hj|]. split; [exact Vj|]. split; [apply Other; auto|].
    split; [right; right; left; exact Diff|]. split; [exact R|exact G].
Qed.

Lemma block_of_ok w see ctx a :
  attended F L eps w see (tokens_of w ctx) (length ctx) (length ctx - 1) a ->
  logits F L eps w see ctx (block_of w (tokens_of w ctx (length ctx - 1)) a).
Proof.
  intro A. unfold logits, block_of. fold (tokens_of w ctx).
  eexists a, a, _, _, _, _. split; [exact A|]. split; [exact A|]. split; [apply vector_of_ok|]. split; [apply vector_of_ok|]. split.
  2:{ split; apply vector_of_ok. }
  split; [apply map_length|]. intros c Hc.
  rewrite (nth_indep (map _ _) zero (apply1 rounded (fun v => Rmax v 0) zero)) by (rewrite map_length; exact Hc).
  rewrite map_nth. apply ok1.
Qed.
Theorem whole_sequence_is_an_evaluation w see ctx : logits F L eps w see ctx (whole_sequence w see ctx).
Proof. apply block_of_ok, attention_of_ok. Qed.
Theorem incremental_is_an_evaluation W w see ctx k : (k < W)%nat -> length ctx = (W + S k)%nat ->
  (forall j, (j <= W + k)%nat -> see (W + k)%nat j = ((j =? k) || (j =? W + k))%nat) ->
  logits F L eps w see ctx (incremental W w ctx).
Proof.
  intros Hk Hl S. apply block_of_ok. rewrite Hl. replace (W + Datatypes.S k - 1)%nat with (W + k)%nat by lia.
  replace (W + k - W)%nat with k by lia. apply attention_of_two_ok; try lia.
  intros o Ho. rewrite S, orb_true_iff, !Nat.eqb_eq by lia. reflexivity.
Qed.
End Evaluate.

(* ------------------------------------------------------------------ greedy decoding as a function *)

(* the first of the largest logits *)
Fixpoint largest_from (l : list computed) (i t : nat) (x : computed) : nat :=
  match l with
  | [] => t
  | y :: rest => match x, y with
    | Some a, Some b => if Rlt_dec a b then largest_from rest (S i) i y else largest_from rest (S i) t x
    | _, _ => largest_from rest (S i) t x
    end
  end.
Definition argmax (l : list computed) : nat := match l with [] => O | x :: rest => largest_from rest 1 0 x end.
Fixpoint decoding (f : list nat -> list computed) (ctx : list nat) (n : nat) : list nat :=
  match n with O => [] | S m => let t := argmax (f ctx) in t :: decoding f (ctx ++ [t]) m end.

(* The real network: real arithmetic, exp and 1 / sqrt 2. *)
Definition real_network : weights computed -> mask -> list nat -> list computed :=
  whole_sequence Some (in_order Some) exp (/ sqrt 2).
Theorem real_network_is_an_evaluation (F : R -> Prop) L eps w see ctx : F 1 -> logits F L eps w see ctx (real_network w see ctx).
Proof.
  intro F1. apply whole_sequence_is_an_evaluation.
  - apply op_itself.
  - apply in_order_ok. apply op_itself.
  - exact F1.
  - apply exp_0.
Qed.

(* ------------------------------------------------------------------ a decoder is one of the runs *)

Definition not_above (x y : computed) : Prop := match x, y with Some a, Some b => a <= b | _, _ => True end.
Lemma largest_from_ok rest : forall seen t x, (t < length seen)%nat -> nth t seen None = x ->
  (forall u, (u < length seen)%nat -> not_above (nth u seen None) x) ->
  may_pick (seen ++ rest) (largest_from rest (length seen) t x).
Proof.
  induction rest as [|y rest IH]; intros seen t x Ht Hx H; simpl.
  { rewrite app_nil_r. split; [exact Ht|]. intros u Hu. subst x. exact (H u Hu). }
  assert (E : seen ++ y :: rest = (seen ++ [y]) ++ rest) by (rewrite <- app_assoc; reflexivity).
  assert (Len : length (seen ++ [y]) = S (length seen)) by (rewrite app_length; simpl; lia).
  assert (Old : forall u, (u < length seen)%nat -> nth u (seen ++ [y]) None = nth u seen None) by (intros; apply app_nth1; assumption).
  assert (New : nth (length seen) (seen ++ [y]) None = y) by (rewrite app_nth2, Nat.sub_diag by lia; reflexivity).
  assert (Keep : not_above y x -> may_pick (seen ++ y :: rest) (largest_from rest (S (length seen)) t x)).
  { intro B. rewrite E, <- Len. apply IH; [lia|rewrite Old by exact Ht; exact Hx|]. rewrite Len. intros u Hu.
    destruct (Nat.eq_dec u (length seen)) as [->|D]; [rewrite New; exact B|]. rewrite Old by lia. apply H. lia. }
  destruct x as [a|], y as [b|]; try (apply Keep; exact I).
  destruct (Rlt_dec a b) as [Lt|Ge]; [|apply Keep; simpl; lra].
  rewrite E, <- Len. apply IH; [lia|exact New|].
  - rewrite Len. intros u Hu. destruct (Nat.eq_dec u (length seen)) as [->|D]; [rewrite New; simpl; lra|]. rewrite Old by lia.
    specialize (H u ltac:(lia)). unfold not_above in *. destruct (nth u seen None); [lra|exact I].
Qed.
Lemma argmax_ok l : l <> [] -> may_pick l (argmax l).
Proof.
  destruct l as [|x l]; [contradiction|]. intros _. apply (largest_from_ok l [x] 0 x); [simpl; lia|reflexivity|].
  intros [|u] Hu; simpl in *; [|lia]. destruct x; simpl; [lra|exact I].
Qed.

(* Whoever computes admissible logits and takes a largest one adds. *)
Theorem decoding_adds step W a b f : adds step W a b ->
  (forall ctx k, (k < W)%nat -> length ctx = (W + S k)%nat -> step ctx (f ctx)) ->
  let out := decoding f (encode W a b) W in length out = W /\ decode out = (a + b)%Z.
Proof.
  intros (_ & Never & Sum) Hf. apply Sum. set (prompt := encode W a b).
  assert (Lp : length prompt = S W) by (unfold prompt, encode; rewrite app_length, map_length, seq_length; simpl; lia).
  assert (Snoc : forall m done ctx, greedy step ctx m done -> forall l t, step (ctx ++ done) l -> may_pick l t -> greedy step ctx (m + 1) (done ++ [t])).
  { intros m done ctx G. induction G as [c|c m l0 t0 done H0 P0 G IH]; intros l t Hl Ht; simpl.
    - rewrite app_nil_r in Hl. apply greedy_step with l; [exact Hl|exact Ht|constructor].
    - apply greedy_step with l0; [exact H0|exact P0|]. apply IH with l; [|exact Ht]. rewrite <- app_assoc. exact Hl. }
  assert (G : forall n done, (length done + n = W)%nat -> greedy step prompt (length done) done ->
    greedy step (prompt ++ done) n (decoding f (prompt ++ done) n)).
  { induction n as [|n IH]; intros done E G; simpl; [constructor|].
    assert (Hl : step (prompt ++ done) (f (prompt ++ done))) by (apply (Hf _ (length done)); [lia|rewrite app_length; lia]).
    assert (P : may_pick (f (prompt ++ done)) (argmax (f (prompt ++ done)))).
    { apply argmax_ok. destruct (Never (length done) done ltac:(lia) G) as [_ N]. destruct (N _ Hl) as (t & Ht & _).
      intro E0. rewrite E0 in Ht. simpl in Ht. lia. }
    apply greedy_step with (f (prompt ++ done)); [exact Hl|exact P|]. rewrite <- app_assoc. apply IH; rewrite app_length; simpl; [lia|].
    apply (Snoc (length done) done prompt G (f (prompt ++ done))); assumption. }
  specialize (G W [] eq_refl (greedy_stop _ _)). rewrite app_nil_r in G. exact G.
Qed.
