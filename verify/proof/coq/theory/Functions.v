(* Each program is an admissible evaluation, so that the theorems speak of something; and whoever computes admissible
   logits and takes a largest one adds. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Machine Programs.
Import ListNotations.
Open Scope R_scope.

Lemma op_itself F L x : op F L x (Some x).
Proof. split; intro; [reflexivity|discriminate]. Qed.

(* ------------------------------------------------------------------ orders of summation *)

Section Orders.
Variable rounded : R -> computed.
Variable F : R -> Prop.
Variable L : R.
Hypothesis admissible : forall x, op F L x (rounded x).

Lemma apply1_ok f x : op1 F L f x (apply1 rounded f x).
Proof. destruct x as [a|]; [|exact I]. exists a. split; [intro; reflexivity|apply admissible]. Qed.
Lemma apply2_ok f x y : op2 F L f x y (apply2 rounded f x y).
Proof.
  destruct x as [a|], y as [b|]; try exact I. exists a, b. repeat (split; [intro; reflexivity|]). apply admissible.
Qed.
Lemma apply3_ok f x y z : op3 F L f x y z (apply3 rounded f x y z).
Proof.
  destruct x as [a|], y as [b|], z as [c|]; try exact I. exists a, b, c. repeat (split; [intro; reflexivity|]).
  apply admissible.
Qed.
Lemma quotient_ok x z : quotient F L x z (apply2 rounded Rdiv x z).
Proof.
  destruct x as [a|], z as [b|]; try exact I. exists a, b. repeat (split; [intro; reflexivity|]). intros _.
  apply admissible.
Qed.
Lemma divides_ok x z : divides F L x z (apply2 rounded Rdiv x z).
Proof. left. apply quotient_ok. Qed.

Lemma onto_ok l : forall done acc, sums F L done acc -> sums F L (done ++ l) (onto rounded acc l).
Proof.
  induction l as [|[x y] l IH]; intros done acc H; simpl; [rewrite app_nil_r; exact H|].
  change ((x, y) :: l) with ([(x, y)] ++ l). rewrite app_assoc. apply IH.
  eapply sums_add; [exact H|apply sums_product, apply2_ok|apply apply2_ok].
Qed.
Lemma in_order_ok l : sums F L l (in_order rounded l).
Proof. destruct l as [|[x y] l]; [constructor|]. apply (onto_ok l [(x, y)]), sums_product, apply2_ok. Qed.
Lemma fused_onto_ok l : forall done acc, sums F L done acc -> sums F L (done ++ l) (fused_onto rounded acc l).
Proof.
  induction l as [|[x y] l IH]; intros done acc H; simpl; [rewrite app_nil_r; exact H|].
  change ((x, y) :: l) with ([(x, y)] ++ l). rewrite app_assoc. apply IH.
  apply sums_order with ((x, y) :: done); [apply Permutation_cons_append|].
  eapply sums_fused; [exact H|apply apply3_ok].
Qed.
Lemma fused_ok l : sums F L l (fused rounded l).
Proof. apply (fused_onto_ok l []). constructor. Qed.
Lemma pairwise_ok depth l : sums F L l (pairwise rounded depth l).
Proof.
  revert l. induction depth as [|d IH]; intro l; [apply in_order_ok|].
  destruct l as [|a [|b l]]; [apply in_order_ok|apply in_order_ok|].
  rewrite <- (firstn_skipn (Nat.div2 (length (a :: b :: l))) (a :: b :: l)) at 1.
  eapply sums_add; [apply IH|apply IH|]. apply apply2_ok.
Qed.
Lemma stored_ok store add_up l : (forall x, op F L x (store x)) -> sums F L l (add_up l) ->
  sums F L l (stored store (add_up l)).
Proof.
  intros H S. eapply sums_store; [exact S|]. destruct (add_up l) as [a|]; [|exact I].
  exists a. split; [intro; reflexivity|apply H].
Qed.
(* torch's addmm and our own decoders add a layer's terms to what is there already *)
Lemma added_onto_ok l1 l2 v : sums F L l1 v -> sums F L (l2 ++ l1) (onto rounded v l2) /\
  sums F L (l2 ++ l1) (fused_onto rounded v l2).
Proof.
  intro S. split; (eapply sums_order; [apply Permutation_app_comm|]); [apply onto_ok|apply fused_onto_ok]; exact S.
Qed.
End Orders.

(* ------------------------------------------------------------------ the network *)

Section Evaluate.
Variable rounded : R -> computed.
Variable add_up : list (computed * computed) -> computed.
Variable exponent : R -> R.
Variable scale : R.
Variable F : R -> Prop.
Variables L eps : R.
Hypothesis admissible : forall x, op F L x (rounded x).
Hypothesis any_order : forall l, sums F L l (add_up l).
Hypothesis F_one : F 1.
Hypothesis exponent_0 : exponent 0 = 1.

Let ok1 := apply1_ok rounded F L admissible.
Let ok2 := apply2_ok rounded F L admissible.
Let vector := vector_of add_up.

Lemma vector_of_ok n terms (choices : nat -> list (computed * computed) -> Prop) : (forall c, choices c (terms c)) ->
  computes F L n choices (vector n terms).
Proof.
  intro H. split; [unfold vector, vector_of; rewrite map_length, seq_length; reflexivity|]. intros c Hc.
  exists (terms c). split; [apply H|]. unfold vector, vector_of. rewrite nth_map_seq by exact Hc. apply any_order.
Qed.
Lemma layer_ok M x : layer F L M x (vector (length M) (products M x)).
Proof. apply vector_of_ok. reflexivity. Qed.
Lemma exponential_ok x : exponential x (apply1 rounded exponent x).
Proof. unfold exponential. intros ->. simpl. rewrite exponent_0. apply admissible, F_one. Qed.
Lemma weighed_not l : Forall2 (weighed F L) l l.
Proof. induction l; constructor; [left; reflexivity|assumption]. Qed.
Lemma scaled_not x : scaled F L x x.
Proof.
  exists 1. split; [rewrite Rabs_R1; lra|]. split; [reflexivity|]. intros i _.
  destruct (nth i x zero) as [a|]; [|exact I].
  exists a. split; [intro; reflexivity|]. rewrite Rmult_1_r. apply op_itself.
Qed.
Lemma scaled_minus x : scaled F L x (map (apply1 rounded (fun a => a * -1)) x).
Proof.
  exists (-1). split; [rewrite Rabs_left; lra|]. split; [apply map_length|]. intros i Hi.
  rewrite (nth_indep (map _ x) zero (apply1 rounded (fun a => a * -1) zero)) by (rewrite map_length; exact Hi).
  rewrite map_nth. apply ok1.
Qed.
Lemma terms_ok (Q K : vectors) q k : Q q -> K k -> score_terms F L Q K (combine q k).
Proof.
  intros Hq Hk. exists q, k, q, k. repeat (split; [assumption || apply scaled_not|]). apply weighed_not.
Qed.
Lemma score_ok (Q K : vectors) q k : Q q -> K k -> score F L Q K (apply1 rounded (fun a =>
  a * scale) (add_up (combine q k))).
Proof.
  intros Hq Hk. exists (combine q k), (add_up (combine q k)). split; [apply terms_ok; assumption|].
  split; [apply any_order|].
  eapply rescaled_by; [apply rescaled_not|apply ok1].
Qed.

Lemma best_in s js : js <> [] -> In (best s js) js.
Proof.
  intro N. unfold best. assert (Last : In (List.last js O) js).
  { destruct (exists_last N) as (l & a & ->). rewrite last_last. apply in_or_app. right. left. reflexivity. }
  revert Last. generalize (List.last js O). clear N. intros d Hd.
  assert (G : forall l, incl l js -> In (fold_right (fun j m => match s j, s m with Some a,
    Some b => if Rle_dec a b then m else j | _, _ => j end) d l) js).
  { induction l as [|j l IH]; intro I; simpl; [exact Hd|]. specialize (IH (fun a Ha => I a (or_intror Ha))).
    pose proof (I j (or_introl eq_refl)). destruct (s j); [|assumption].
    destruct (s _); [|assumption]. destruct (Rle_dec _ _); assumption. }
  apply G. apply incl_refl.
Qed.

(* each product multiplied by the scale before it is added *)
Lemma scaled_products_ok (Q K : vectors) q k : Q q -> K k ->
  let times_scale t := apply1 rounded (fun a => a * scale) (apply2 rounded Rmult (fst t) (snd t)) in
  score F L Q K (add_up (map (fun t => (times_scale t, one)) (combine q k))).
Proof.
  intros Hq Hk times_scale. eexists _, _. split; [|split; [apply any_order|apply rescaled_not]].
  exists q, k, q, k. repeat (split; [assumption || apply scaled_not|]).
  induction (combine q k) as [|t l IH]; constructor.
  - right. eexists _, _. split; [apply ok2|]. split; [|reflexivity]. eapply rescaled_by; [apply rescaled_not|apply ok1].
  - exact IH.
Qed.
Lemma all_looked_at (see : mask) n i : looks_at see n i (seq 0 n).
Proof. split; [apply seq_NoDup|]. split; intros j; rewrite in_seq; lia. Qed.
Lemma less_largest_ok (see : mask) n i (Q : vectors) (K : nat -> vectors) (s : nat -> computed) j :
  (forall j, score F L Q (K j) (s j)) -> (j < n)%nat -> see i j = true ->
  argument F L see n i Q K j (apply2 rounded Rminus (s j) (s (best s (filter (see i) (seq 0 n))))).
Proof.
  intros Hs Hj S. set (m := best _ _).
  assert (M : In m (filter (see i) (seq 0 n))).
  { apply best_in. intro E. assert (I : In j (filter (see i) (seq 0 n))) by (apply filter_In; split; [apply in_seq;
      lia|exact S]).
    rewrite E in I. exact I. }
  apply filter_In in M. destruct M as [M1 M2]. apply in_seq in M1.
  eexists. split; [apply rescaled_not|]. right. exists m. split; [lia|]. split; [exact M2|]. left.
  exists (s j), (s m). split; [apply Hs|]. split; [apply Hs|]. apply ok2.
Qed.

Section At.
Variables (w : weights computed) (see : mask) (x : nat -> list computed) (n i : nat).
Let Q := layer F L (query w) (x i).
Let K j := layer F L (key w) (x j).
Let V j := layer F L (value w) (x j).
Let q := vector (length (query w)) (products (query w) (x i)).
Let k j := vector (length (key w)) (products (key w) (x j)).
Let v j := vector (length (value w)) (products (value w) (x j)).
Let s j := apply1 rounded (fun a => a * scale) (add_up (combine q (k j))).

Lemma attention_of_ok : attended F L eps w see x n i (attention_of rounded add_up exponent scale w see x n i).
Proof.
  split; [unfold attention_of; rewrite map_length, seq_length; reflexivity|].
  intros c Hc. unfold attention_of. rewrite nth_map_seq by exact Hc.
  pose (largest := s (best s (filter (see i) (seq 0 n)))).
  pose (e := fun j => if see i j then apply1 rounded exponent (apply2 rounded Rminus (s j) largest) else zero).
  pose (z := add_up (map (fun j => (e j, one)) (seq 0 n))).
  change (attends F L eps see n i Q K V c (add_up (map (fun j => (apply2 rounded Rdiv (e j) z,
    nth c (v j) zero)) (seq 0 n)))).
  assert (E : forall j, In j (seq 0 n) -> exponentials F L see n i Q K j (e j)).
  { intros j Hj. apply in_seq in Hj. unfold exponentials, weight_by, if_seen, e.
    destruct (see i j) eqn:S; [|reflexivity].
    eexists. split; [|apply exponential_ok]. apply less_largest_ok; [intro; apply score_ok; apply layer_ok|lia|exact S].
    }
  exists (seq 0 n). split; [apply all_looked_at|]. left. exists (fun j => apply2 rounded Rdiv (e j) z), v.
  split; [|apply any_order]. intros j Hj. split; [|apply layer_ok].
  left. exists (e j), z. split; [apply E, Hj|]. split; [|apply divides_ok, admissible].
  exists (seq 0 n), e. split; [apply all_looked_at|]. split; [exact E|apply any_order].
Qed.

Variable j : nat.
Hypothesis Hj : (j < n)%nat.
Hypothesis Hi : (i < n)%nat.
Hypothesis D : i <> j.
Hypothesis S : forall o, (o < n)%nat -> see i o = true <-> (o = j \/ o = i).

Lemma attention_of_two_ok : attended F L eps w see x n i (attention_of_two rounded add_up exponent scale w x i j).
Proof.
  split; [unfold attention_of_two; rewrite map_length, seq_length; reflexivity|].
  intros c Hc. unfold attention_of_two. rewrite nth_map_seq by exact Hc. fold vector q.
  set (d := apply1 rounded (fun a => a * scale) _).
  assert (Two : forall o o', (o = j /\ o' = i) \/ (o = i /\ o' = j) -> forall u, (u < n)%nat -> see i u = true ->
    u = o \/ u = o').
  { intros o o' E u Hu V'. apply S in V'; [|exact Hu]. lia. }
  assert (Vj : see i j = true) by (apply S; auto). assert (Vi : see i i = true) by (apply S; auto).
  set (sum := add_up _) in d.
  assert (Less : less_score F L Q K j i sum).
  { right. exists (combine q (k j)), (combine q (map (apply1 rounded (fun a => a * -1)) (k i))), sum.
    split; [apply terms_ok; apply layer_ok|]. split; [|split; [apply any_order|apply rescaled_not]].
    exists q, (k i), q, (map (apply1 rounded (fun a => a * -1)) (k i)). split; [apply layer_ok|].
    split; [apply layer_ok|].
    split; [apply scaled_not|]. split; [apply scaled_minus|apply weighed_not]. }
  assert (R : rescaled F L sum d) by (eapply rescaled_by; [apply rescaled_not|apply ok1]).
  assert (W : forall o o' d', (o = j /\ o' = i) \/ (o = i /\ o' = j) -> rescaled F L sum d' ->
    weight F L eps see n i Q K o (logistic_of rounded exponent d')).
  { intros o o' d' E R'. right. left. unfold weight_by, if_seen.
    assert (Vo : see i o = true) by (destruct E as [[-> _]|[-> _]]; assumption). rewrite Vo.
    exists (apply1 rounded (fun a => a * -1) d'). split.
    - exists o', sum. split; [lia|]. split; [lia|]. split; [destruct E as [[_ ->]|[_ ->]]; assumption|].
      split; [apply Two, E|]. split.
      + destruct E as [[-> ->]|[-> ->]]; [right|left]; exact Less.
      + eapply rescaled_by; [exact R'|apply ok1].
    - eexists _, _. split; [apply exponential_ok|]. split; [apply ok2|apply quotient_ok, admissible]. }
  exists [j; i]. split.
  { split; [|split].
    - constructor; [intros [E|[]]; congruence|]. constructor; [intros []|constructor].
    - intros o [->|[->|[]]]; assumption.
    - intros o Ho V'. apply S in V'; [|exact Ho]. destruct V' as [->| ->]; simpl; auto. }
  left. set (pj := logistic_of rounded exponent d). set (pi := logistic_of _ _ _).
  exists (fun o => if (o =? j)%nat then pj else pi), v. split.
  - intros o Ho. split; [|apply layer_ok]. destruct Ho as [<-|[<-|[]]].
    + rewrite Nat.eqb_refl. apply W with i; [auto|exact R].
    + rewrite (proj2 (Nat.eqb_neq i j) D). apply W with j; [auto|]. eapply rescaled_by; [exact R|apply ok1].
  - simpl. rewrite Nat.eqb_refl, (proj2 (Nat.eqb_neq i j) D). apply any_order.
Qed.
End At.

Lemma block_of_ok w see ctx a :
  attended F L eps w see (tokens_of w ctx) (length ctx) (length ctx - 1) a ->
  logits F L eps w see ctx (block_of rounded add_up w (tokens_of w ctx (length ctx - 1)) a).
Proof.
  intro A. unfold logits, block_of. fold (tokens_of w ctx) vector.
  apply vector_of_ok. intro c. eexists. split; [|reflexivity].
  apply vector_of_ok. clear c. intro c. eexists _, a. split; [|split; [exact A|reflexivity]].
  eexists. split.
  - split; [apply map_length|]. intros o Ho.
    rewrite (nth_indep (map _ _) zero (apply1 rounded (fun v => Rmax v 0) zero)) by (rewrite map_length; exact Ho).
    rewrite map_nth. apply ok1.
  - apply vector_of_ok. clear c. intro c. eexists. split; [|reflexivity].
    apply vector_of_ok. clear c. intro c. exists a. split; [exact A|reflexivity].
Qed.
(* Where a vector is used more than once, each use may have been computed anew, and otherwise. *)
Lemma logits_of_several w here A (xs : nat -> list computed) : (forall c, at_the_end F L w here A (xs c)) ->
  head F L w here A (vector (length (embedding w)) (fun c => products (embedding w) (xs c) c)).
Proof. intro H. apply vector_of_ok. intro c. exists (xs c). split; [apply H|reflexivity]. Qed.
Lemma stream_of_several w here A (hs xs : nat -> list computed) :
  (forall c, hidden_units F L w here A (hs c)) -> (forall c, A (xs c)) ->
  at_the_end F L w here A (vector (length (contract w)) (fun c =>
    products (contract w) (hs c) c ++ bare (contract_bias w) c ++ products (output w) (xs c) c ++ bare here c)).
Proof.
  intros H H'. apply vector_of_ok. intro c. exists (hs c), (xs c). split; [apply H|]. split; [apply H'|reflexivity].
Qed.
Theorem whole_sequence_is_an_evaluation w see ctx :
  logits F L eps w see ctx (whole_sequence rounded add_up exponent scale w see ctx).
Proof. apply block_of_ok, attention_of_ok. Qed.
Theorem incremental_is_an_evaluation W w see ctx k : (k < W)%nat -> length ctx = (W + S k)%nat ->
  (forall j, (j <= W + k)%nat -> see (W + k)%nat j = ((j =? k) || (j =? W + k))%nat) ->
  logits F L eps w see ctx (incremental rounded add_up exponent scale W w ctx).
Proof.
  intros Hk Hl S. apply block_of_ok. rewrite Hl. replace (W + Datatypes.S k - 1)%nat with (W + k)%nat by lia.
  replace (W + k - W)%nat with k by lia. apply attention_of_two_ok; try lia.
  intros o Ho. rewrite S, orb_true_iff, !Nat.eqb_eq by lia. reflexivity.
Qed.
End Evaluate.

Theorem real_network_is_an_evaluation (F : R -> Prop) L eps w see ctx : F 1 ->
  logits F L eps w see ctx (real_network w see ctx).
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
  assert (Old : forall u, (u < length seen)%nat -> nth u (seen ++ [y]) None = nth u seen None) by (intros;
    apply app_nth1; assumption).
  assert (New : nth (length seen) (seen ++ [y]) None = y) by (rewrite app_nth2, Nat.sub_diag by lia; reflexivity).
  assert (Keep : not_above y x -> may_pick (seen ++ y :: rest) (largest_from rest (S (length seen)) t x)).
  { intro B. rewrite E, <- Len. apply IH; [lia|rewrite Old by exact Ht; exact Hx|]. rewrite Len. intros u Hu.
    destruct (Nat.eq_dec u (length seen)) as [->|D]; [rewrite New; exact B|]. rewrite Old by lia. apply H. lia. }
  destruct x as [a|], y as [b|]; try (apply Keep; exact I).
  destruct (Rlt_dec a b) as [Lt|Ge]; [|apply Keep; simpl; lra].
  rewrite E, <- Len. apply IH; [lia|exact New|].
  - rewrite Len. intros u Hu. destruct (Nat.eq_dec u (length seen)) as [->|D]; [rewrite New; simpl; lra|].
    rewrite Old by lia.
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
  assert (Snoc : forall m done ctx, greedy step ctx m done -> forall l t, step (ctx ++ done) l -> may_pick l t ->
    greedy step ctx (m + 1) (done ++ [t])).
  { intros m done ctx G. induction G as [c|c m l0 t0 done H0 P0 G IH]; intros l t Hl Ht; simpl.
    - rewrite app_nil_r in Hl. apply greedy_step with l; [exact Hl|exact Ht|constructor].
    - apply greedy_step with l0; [exact H0|exact P0|]. apply IH with l; [|exact Ht]. rewrite <- app_assoc. exact Hl. }
  assert (G : forall n done, (length done + n = W)%nat -> greedy step prompt (length done) done ->
    greedy step (prompt ++ done) n (decoding f (prompt ++ done) n)).
  { induction n as [|n IH]; intros done E G; simpl; [constructor|].
    assert (Hl : step (prompt ++ done) (f (prompt ++ done))) by (apply (Hf _ (length done)); [lia|rewrite app_length;
      lia]).
    assert (P : may_pick (f (prompt ++ done)) (argmax (f (prompt ++ done)))).
    { apply argmax_ok. destruct (Never (length done) done ltac:(lia) G) as [_ N]. destruct (N _ Hl) as (t & Ht & _).
      intro E0. rewrite E0 in Ht. simpl in Ht. lia. }
    apply greedy_step with (f (prompt ++ done)); [exact Hl|exact P|]. rewrite <- app_assoc.
    apply IH; rewrite app_length; simpl; [lia|].
    apply (Snoc (length done) done prompt G (f (prompt ++ done))); assumption. }
  specialize (G W [] eq_refl (greedy_stop _ _)). rewrite app_nil_r in G. exact G.
Qed.
