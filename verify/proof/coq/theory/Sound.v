(* What the check implies: every admissible evaluation computes the real logits, and so adds. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Exact Machine Programs Functions Check Near Layers.
Import ListNotations.
Open Scope Z_scope.

Section Sound.
Variables bits lo top : Z.
Variable F : R -> Prop.
Variables L eps : R.
Hypothesis ok : suits bits lo top F L eps.
Let eps_small := suits_eps _ _ _ _ _ _ ok.
Let enough := suits_bits _ _ _ _ _ _ ok.
Let contains := suits_numbers _ _ _ _ _ _ ok.
Let finite_up_to := suits_bound _ _ _ _ _ _ ok.
Let small := F_small bits lo top F contains enough.
(* what Layers says of this format *)
Let good := good F.
Let good_rows := good_rows F.
Let nought := nought F.
Let is_product_of := is_product_of F.
Let tame := tame F L.
Let no_score := no_score F L.
Let op1_is := op1_is F L.
Let op2_is := op2_is F L.
Let quotient_is := quotient_is F L.
Let F0 := F0 bits lo top F L eps ok.
Let F1 := F1 bits lo top F L eps ok.
Let F2 := F2 bits lo top F L eps ok.
Let F_half := F_half bits lo top F L eps ok.
Let L1 := L1 bits lo top F L eps ok.
Let vector_good := vector_good bits lo top F L eps ok.
Let row_terms := row_terms bits lo top F L eps ok.
Let alone_terms := alone_terms bits lo top F L eps ok.
Let row_and_alone := row_and_alone bits lo top F L eps ok.
Let computes_exact := computes_exact bits lo top F L eps ok.
Let layer_exact := layer_exact bits lo top F L eps ok.
Let rescaled_zero := rescaled_zero bits lo top F L eps ok.
Let nought_l := nought_l bits lo top F L eps ok.
Let score_zero := score_zero bits lo top F L eps ok.
Let difference_zero := difference_zero bits lo top F L eps ok.
Let minus_zero := minus_zero bits lo top F L eps ok.
Let logistic_half := logistic_half bits lo top F L eps ok.
Let near_logistic_half := near_logistic_half bits lo top F L eps ok.
Let sums_two := sums_two bits lo top F L eps ok.
Let sums_two_total := sums_two_total bits lo top F L eps ok.
Let total_two := total_two bits lo top F L eps ok.

(* ------------------------------------------------------------------ one context *)

Variable w : weights dyadic.
Hypothesis numbers_w : representable bits lo top w = true.
Let wR := map_weights lift w.

Lemma fits_good l : fits_all bits lo top l = true -> good l.
Proof.
  unfold fits_all. rewrite forallb_forall. intros H c. destruct (Nat.lt_ge_cases c (length l)) as [Hc|Hc].
  - specialize (H _ (nth_In l nil_dyadic Hc)). destruct (total bits lo top [nth c l nil_dyadic]) as [d|] eqn:T;
      [|discriminate].
    destruct (total_spec bits lo top F L contains finite_up_to _ _ T) as (u & ns & HN & HF & _ & _).
    inversion HN as [|? n ? ? N1 HN']; subst. inversion HN'; subst. rewrite N1. apply HF. simpl. lia.
  - rewrite nth_overflow by exact Hc. unfold nil_dyadic. rewrite real_0. exact F0.
Qed.
Lemma rows_good M : forallb (fits_all bits lo top) M = true -> good_rows M.
Proof.
  rewrite forallb_forall. intros H c. destruct (Nat.lt_ge_cases c (length M)) as [Hc|Hc].
  - apply fits_good, H, nth_In, Hc.
  - rewrite nth_overflow by exact Hc. apply fits_good. reflexivity.
Qed.
Lemma weights_good : good_rows (embedding w) /\ good_rows (query w) /\ good_rows (key w) /\ good_rows (value w) /\
  good_rows (output w) /\ good_rows (hidden w) /\ good (hidden_bias w) /\ good_rows (contract w) /\
    good (contract_bias w).
Proof.
  pose proof numbers_w as N. unfold representable in N. cbn [forallb] in N. rewrite !andb_true_iff in N.
  repeat split; apply rows_good || apply fits_good; tauto.
Qed.

Section OneContext.
Variables (see : mask) (ctx : list nat) (W k : nat) (lD : list dyadic).
Hypothesis Hk : (k < W)%nat.
Hypothesis Hlen : length ctx = (W + S k)%nat.
Hypothesis Hsee : forall j, (j <= W + k)%nat -> see (W + k)%nat j = ((j =? k) || (j =? W + k))%nat.
Let p := nth k ctx O.
Let s := nth (W + k) ctx O.
Hypothesis OK : context bits lo top w p s = Some lD.
Let token j := nth (nth j ctx O) (embedding w) [].
Variable val : nat -> list dyadic.
Hypothesis Hval : forall j, layer_sums bits lo top (value w) (token j) = Some (val j).

Let x := fun j => nth (nth j ctx O) (embedding wR) [].
Lemma embedded j : x j = map lift (token j).
Proof. apply nth_rows. Qed.
Lemma token_good j : good (token j).
Proof. apply weights_good. Qed.
Lemma seen j : (j < W + S k)%nat -> see (W + k)%nat j = true <-> (j = k \/ j = W + k)%nat.
Proof. intro Hj. rewrite Hsee by lia. rewrite orb_true_iff, !Nat.eqb_eq. reflexivity. Qed.
Lemma seen_k : see (W + k)%nat k = true. Proof. apply seen; lia. Qed.
Lemma seen_s : see (W + k)%nat (W + k)%nat = true. Proof. apply seen; lia. Qed.
Lemma two_first js : looks_at see (W + S k) (W + k) js ->
  exists rest, Permutation js (k :: (W + k)%nat :: rest) /\ forall j, In j rest ->
    (j < W + S k)%nat /\ see (W + k)%nat j = false.
Proof.
  intros (N & B & A). destruct (in_split k js (A k ltac:(lia) seen_k)) as (l1 & l2 & ->).
  assert (P : Permutation (l1 ++ k :: l2) (k :: l1 ++ l2)) by (symmetry; apply Permutation_middle).
  pose proof (A (W + k)%nat ltac:(lia) seen_s) as I. apply (Permutation_in _ P) in I.
  destruct I as [I|I]; [lia|]. destruct (in_split _ _ I) as (m1 & m2 & E). rewrite E in P.
  exists (m1 ++ m2). split.
  - rewrite P. constructor. symmetry. apply Permutation_middle.
  - intros j Hj. assert (Hin : In j (l1 ++ k :: l2)).
    { apply (Permutation_in _ (Permutation_sym P)). right. apply in_or_app. apply in_app_or in Hj. simpl. tauto. }
    split; [apply B, Hin|]. destruct (see (W + k)%nat j) eqn:V; [|reflexivity]. apply seen in V; [|apply B, Hin].
    exfalso. apply (Permutation_NoDup P) in N. inversion N as [|? ? N1 N2]; subst.
    apply NoDup_remove_2 in N2. destruct V as [->| ->]; [apply N1|apply N2; exact Hj].
    apply in_or_app. apply in_app_or in Hj. simpl. tauto.
Qed.

(* what the check says of this context *)
Section Parts.
Variables q kp ks vp vs sum mean x1 g x2 : list dyadic.
Let xp := nth p (embedding w) [].
Let xs := nth s (embedding w) [].
Hypothesis Eq : layer_sums bits lo top (query w) xs = Some q.
Hypothesis Ekp : layer_sums bits lo top (key w) xp = Some kp.
Hypothesis Eks : layer_sums bits lo top (key w) xs = Some ks.
Hypothesis Evp : layer_sums bits lo top (value w) xp = Some vp.
Hypothesis Evs : layer_sums bits lo top (value w) xs = Some vs.
Hypothesis Dead : forallb vanishes q || (forallb vanishes kp && forallb vanishes ks) = true.
Hypothesis Esum : vector bits lo top (length (value w)) (fun c => alone vp c ++ alone vs c) = Some sum.
Hypothesis Emean : vector bits lo top (length (value w)) (fun c => map half (alone vp c ++ alone vs c)) = Some mean.
Hypothesis Ex1 : vector bits lo top (length (output w)) (fun c => row (output w) mean c ++ alone xs c) = Some x1.
Hypothesis Eg : vector bits lo top (length (hidden w)) (fun c =>
  row (hidden w) x1 c ++ alone (hidden_bias w) c) = Some g.
Hypothesis Ex2 : vector bits lo top (length (contract w)) (fun c =>
  row (contract w) (map rectify g) c ++ alone (contract_bias w) c ++ row (output w) mean c ++ alone xs c) = Some x2.
Hypothesis El : layer_sums bits lo top (embedding w) x2 = Some lD.

Lemma vanishing_dead l : forallb vanishes l = true -> dead (map lift l).
Proof.
  rewrite forallb_forall. intros H c. rewrite nth_lift. destruct (Nat.lt_ge_cases c (length l)) as [Hc|Hc].
  - unfold lift, zero. rewrite real_vanishes; [reflexivity|]. apply H, nth_In, Hc.
  - rewrite nth_overflow by exact Hc. apply lift_nil.
Qed.
Lemma layer_tame M y l : layer_sums bits lo top M y = Some l -> tame (map lift l).
Proof.
  intros E c. rewrite nth_lift. exists (real (nth c l nil_dyadic)). split; [reflexivity|].
  split; [apply (vector_good _ _ _ E)|].
  destruct (vector_spec _ _ _ _ _ _ E) as [El' T]. destruct (Nat.lt_ge_cases c (length M)) as [Hc|Hc].
  - apply (total_number bits lo top F L contains finite_up_to _ _ (T c Hc)).
  - rewrite nth_overflow by lia. unfold nil_dyadic. rewrite real_0, Rabs_R0, Rmult_0_l. pose proof L1. lra.
Qed.
Lemma no_scores : no_score (map lift q) (map lift kp) /\ no_score (map lift q) (map lift ks).
Proof.
  pose proof (layer_tame _ _ _ Eq). pose proof (layer_tame _ _ _ Ekp). pose proof (layer_tame _ _ _ Eks).
  apply orb_true_iff in Dead. destruct Dead as [D|D]; [|apply andb_true_iff in D; destruct D as [D D']];
    apply vanishing_dead in D; [split; left; split; assumption|].
  apply vanishing_dead in D'. split; right; split; assumption.
Qed.
Lemma val_k : val k = vp. Proof. specialize (Hval k). unfold token in Hval. fold p xp in Hval. congruence. Qed.
Lemma val_s : val (W + k)%nat = vs. Proof. specialize (Hval (W + k)%nat). unfold token in Hval. fold s xs in Hval.
congruence. Qed.
Lemma val_good j : good (val j). Proof. exact (vector_good _ _ _ (Hval j)). Qed.

(* ------------------------------------------------------------------ attention computes the mean of two values *)

Section Attends.
Variables (Q : vectors) (K V : nat -> vectors).
Hypothesis HQ : forall y, Q y -> y = map lift q.
Hypothesis HKk : forall y, K k y -> y = map lift kp.
Hypothesis HKs : forall y, K (W + k)%nat y -> y = map lift ks.
Hypothesis HV : forall j y, (j < W + S k)%nat -> V j y -> y = map lift (val j).
Let n := (W + S k)%nat.
Let i := (W + k)%nat.

Lemma seen_no_score j : (j < n)%nat -> see i j = true -> forall a b, Q a -> K j b -> no_score a b.
Proof.
  intros Hj S a b Ha Hb. rewrite (HQ a Ha). apply seen in S; [|exact Hj]. destruct S as [->| ->];
    [rewrite (HKk b Hb)|rewrite (HKs b Hb)]; apply no_scores.
Qed.
Lemma less_zero j m d : (j < n)%nat -> see i j = true -> (m < n)%nat -> see i m = true -> less_score F L Q K j m d ->
  d = zero.
Proof.
  intros Hj Sj Hm Sm [(a & b & A & B & H)|H].
  - apply score_zero in A, B; try (apply seen_no_score; assumption). subst a b. exact (minus_zero d H).
  - revert H. apply difference_zero; apply seen_no_score; assumption.
Qed.
Lemma argument_zero j d : (j < n)%nat -> see i j = true -> argument F L see n i Q K j d -> d = zero.
Proof.
  intros Hj Sj (d' & R & A). assert (Z' : d' = zero).
  { destruct A as [A|(m & Hm & Sm & A)].
    - apply score_zero in A; [exact A|]. apply seen_no_score; assumption.
    - exact (less_zero j m d' Hj Sj Hm Sm A). }
  subst d'. apply rescaled_zero, R.
Qed.
Lemma argument_of_two_zero j d : (j < n)%nat -> see i j = true -> argument_of_two F L see n i Q K j d -> d = zero.
Proof.
  intros Hj Sj (m & d' & _ & Hm & Sm & _ & A & R).
  assert (Z' : d' = zero) by (destruct A as [A|A]; apply less_zero in A; assumption). subst d'. apply rescaled_zero, R.
Qed.

(* weights that are the same for both positions and 0 for all others *)
Lemma weighted_exact js (P : nat -> computed -> Prop) c r m u d : looks_at see n i js ->
  (forall j y, In j js -> P j y -> y = Some (if see i j then IZR m * bpow radix2 u else 0)%R) ->
    F (IZR m * bpow radix2 u)%R ->
  total bits lo top [product (m, u) (nth c vp nil_dyadic); product (m, u) (nth c vs nil_dyadic)] = Some d ->
  weighted F L V js P c r -> r = Some (real d).
Proof.
  intros Lk HP Fm T (pp & v & Hpv & S). destruct (two_first js Lk) as (rest & Per & Hrest). destruct Lk as (_ & B & A).
  assert (Hp : forall j, In j js -> pp j = Some (if see i j then IZR m * bpow radix2 u else 0)%R).
  { intros j Hj. apply (HP j _ Hj), Hpv, Hj. }
  assert (Hv : forall j, In j js -> nth c (v j) zero = lift (nth c (val j) nil_dyadic)).
  { intros j Hj. rewrite (HV j (v j)), nth_lift; [reflexivity|apply B, Hj|apply Hpv, Hj]. }
  assert (In1 : In k js) by (apply A; [unfold n; lia|apply seen_k]).
  assert (In2 : In i js) by (apply A; [unfold n, i; lia|apply seen_s]).
  assert (In3 : forall j, In j rest -> In j js).
  { intros j Hj. apply (Permutation_in _ (Permutation_sym Per)). right. right. exact Hj. }
  apply (Permutation_map (fun j => (pp j, nth c (v j) zero))) in Per. simpl in Per.
  assert (Known : forall j o, In j js -> see i j = true -> val j = o ->
    term F (pp j, nth c (v j) zero) (product (m, u) (nth c o nil_dyadic))).
  { intros j o Hj Sj <-. rewrite (Hp j Hj), Sj, (Hv j Hj). apply is_product_of; [exact Fm|apply val_good|].
    rewrite real_product. reflexivity. }
  refine (sums_two_total _ _ d _ _ _ _ r T Per _ _ _ S).
  - apply Known; [exact In1|apply seen_k|exact val_k].
  - apply Known; [exact In2|apply seen_s|exact val_s].
  - apply Forall_forall. intros t Ht. apply in_map_iff in Ht. destruct Ht as (j & <- & Hj).
    rewrite (Hp j (In3 j Hj)), (Hv j (In3 j Hj)). destruct (Hrest j Hj) as [_ Sj]. unfold i. rewrite Sj. apply nought_l.
    discriminate.
Qed.
Lemma product_one a : product (1, 0) a = a.
Proof. destruct a as [m e]. unfold product. simpl fst. simpl snd. f_equal; lia. Qed.
Lemma product_half a : product (1, -1) a = half a.
Proof. destruct a as [m e]. unfold product, half. simpl fst. simpl snd. f_equal; lia. Qed.

Lemma exponentials_one j e : (j < n)%nat -> exponentials F L see n i Q K j e -> e = if see i j then one else zero.
Proof.
  unfold exponentials, weight_by, if_seen. intro Hj. destruct (see i j) eqn:Sj; [|tauto].
  intros (d & A & E). apply E, (argument_zero j d Hj Sj A).
Qed.
Lemma divides_two a r : F a -> F (a / 2)%R -> divides F L (Some a) (Some 2%R) r -> r = Some (a / 2)%R.
Proof.
  intros Fa Fh [H|(o & Hi & H)].
  - exact (quotient_is _ _ _ H Fa F2 ltac:(lra) Fh).
  - assert (Fi : F (1 / 2)%R) by (replace (1 / 2)%R with (/ 2)%R by field; exact F_half).
    apply quotient_is in Hi; [|exact F1|exact F2|lra|exact Fi]. subst o.
    assert (E : (a * (1 / 2))%R = (a / 2)%R) by field. rewrite <- E. apply (op2_is _ _ _ _ H Fa Fi). rewrite E.
    exact Fh.
Qed.
Lemma normaliser_two z : normaliser F L see n i Q K z -> z = Some 2%R.
Proof.
  intros (js & e & Lk & He & S). destruct (two_first js Lk) as (rest & P & Hrest). destruct Lk as (_ & B & A).
  assert (E1 : forall j, In j js -> e j = if see i j then one else zero).
  { intros j Hj. apply exponentials_one; [apply B, Hj|apply He, Hj]. }
  assert (In1 : In k js) by (apply A; [unfold n; lia|apply seen_k]).
  assert (In2 : In i js) by (apply A; [unfold n, i; lia|apply seen_s]).
  assert (In3 : forall j, In j rest -> In j js).
  { intros j Hj. apply (Permutation_in _ (Permutation_sym P)). right. right. exact Hj. }
  apply (Permutation_map (fun j => (e j, one))) in P. simpl in P.
  assert (O : multiple F (bpow radix2 0) (one, one) 1) by (apply is_product_of; [exact F1|exact F1|simpl; ring]).
  replace 2%R with (IZR (1 + 1) * bpow radix2 0)%R by (simpl; ring).
  refine (sums_two 0 1 1 _ _ _ _ z _ P _ _ _ S).
  - intros m Hm. apply small; lia.
  - rewrite (E1 k In1). unfold i. rewrite seen_k. exact O.
  - rewrite (E1 (W + k)%nat In2). unfold i. rewrite seen_s. exact O.
  - apply Forall_forall. intros t Ht. apply in_map_iff in Ht. destruct Ht as (j & <- & Hj).
    rewrite (E1 j (In3 j Hj)). destruct (Hrest j Hj) as [_ Sj]. unfold i. rewrite Sj. apply nought_l. discriminate.
Qed.
Lemma weight_half j r : (j < n)%nat -> weight F L eps see n i Q K j r -> r = if see i j then Some (/ 2)%R else zero.
Proof.
  intros Hj [(e & z & E & N & D)|H].
  - apply exponentials_one in E; [|exact Hj]. apply normaliser_two in N. subst e z.
    destruct (see i j); apply divides_two in D; [subst r; f_equal; field|exact F1| |subst r; unfold zero; f_equal;
      field|exact F0|].
    + replace (1 / 2)%R with (/ 2)%R by field. exact F_half.
    + replace (0 / 2)%R with 0%R by field. exact F0.
  - unfold weight_by, if_seen in H. destruct (see i j) eqn:Sj; [|destruct H as [H|H]; exact H].
    destruct H as [(d & A & E)|(d & A & E)]; apply (argument_of_two_zero j d Hj Sj) in A; subst d.
    + apply logistic_half, E.
    + apply near_logistic_half, E.
Qed.

(* exponentials that are only near 1 *)
Lemma near_softmax_spec js e z : looks_at see n i js -> near_softmax F L eps see n i Q K js e z ->
  exists v1 v2 t, e k = Some v1 /\ e i = Some v2 /\ z = Some t /\ near_one eps v1 /\ near_one eps v2 /\
    (Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2))%R /\ forall j, In j js -> see i j = false -> e j = zero.
Proof.
  intros Lk (He & Hz). destruct (two_first js Lk) as (rest & P & Hrest). destruct Lk as (_ & B & A).
  assert (E1 : forall j, In j js -> see i j = true -> exists v, e j = Some v /\ near_one eps v).
  { intros j Hj Sj. specialize (He j Hj). unfold weight_by, if_seen in He. rewrite Sj in He. destruct He as (d & D & X).
    apply argument_zero in D; [|apply B, Hj|exact Sj]. apply near_one_spec, X, D. }
  assert (E0 : forall j, In j js -> see i j = false -> e j = zero).
  { intros j Hj Sj. specialize (He j Hj). unfold weight_by, if_seen in He. rewrite Sj in He. exact He. }
  assert (In1 : In k js) by (apply A; [unfold n; lia|apply seen_k]).
  assert (In2 : In i js) by (apply A; [unfold n, i; lia|apply seen_s]).
  destruct (E1 k In1 seen_k) as (v1 & V1 & N1). destruct (E1 _ In2 seen_s) as (v2 & V2 & N2).
  destruct Hz as (t & -> & T).
  { intros y Hy. apply in_map_iff in Hy. destruct Hy as (j & <- & Hj).
    destruct (see i j) eqn:Sj; [right|left; apply E0; assumption].
    destruct (E1 j Hj Sj) as (v & -> & N). exact (near_one_half eps eps_small v N). }
  assert (Perm : forall l l' : list computed, Permutation l l' ->
    fold_right (fun x t => number_of x + t)%R 0%R l = fold_right (fun x t => number_of x + t)%R 0%R l').
  { induction 1; simpl in *; lra. }
  rewrite (Perm _ _ (Permutation_map e P)) in T. simpl in T. change (W + k)%nat with i in T. rewrite V1, V2 in T.
  simpl in T.
  assert (Z' : fold_right (fun x t => number_of x + t)%R 0%R (map e rest) = 0%R).
  { assert (In3 : forall j, In j rest -> e j = zero).
    { intros j Hj. apply E0; [|apply Hrest, Hj]. apply (Permutation_in _ (Permutation_sym P)). right. right. exact Hj. }
    clear - In3. induction rest as [|j rest IH]; simpl; [reflexivity|].
    rewrite (In3 j (or_introl eq_refl)), IH; [simpl; ring|].
    intros. apply In3. right. assumption. }
  rewrite Z', Rplus_0_r in T. exists v1, v2, t. auto 12.
Qed.
Lemma near_number_0 : near_number F L 0.
Proof. split; [rewrite Rabs_R0; pose proof L1; lra|]. exists 0%R. split; [exact F0|]. rewrite Rminus_0_r, Rabs_R0. lra.
Qed.
Lemma stored_weight_half js e z j r : looks_at see n i js -> near_softmax F L eps see n i Q K js e z -> In j js ->
  stored_weight F L eps e z j r -> r = if see i j then Some (/ 2)%R else zero.
Proof.
  intros Lk Sm Hj (p' & Qt & St). destruct (near_softmax_spec js e z Lk Sm) as (v1 & v2 & t & V1 & V2 & ->
    & N1 & N2 & T & E0).
  pose proof (near_two eps eps_small _ _ _ N1 N2 T) as T2. assert (Bj : (j < n)%nat) by (apply Lk, Hj).
  destruct (see i j) eqn:Sj.
  - apply seen in Sj; [|exact Bj]. destruct Sj as [->| ->]; fold i in Qt; rewrite ?V1, ?V2 in Qt.
    + destruct (Qt ltac:(lra) (near_number_half eps eps_small F L v1 t F_half L1 N1 T2)) as (x' & -> & B).
      exact (half_stored eps F _ _ F_half (near_half eps eps_small _ _ _ _ N1 N2 T B) St).
    + destruct (Qt ltac:(lra) (near_number_half eps eps_small F L v2 t F_half L1 N2 T2)) as (x' & -> & B).
      rewrite Rplus_comm in T. exact (half_stored eps F _ _ F_half (near_half eps eps_small _ _ _ _ N2 N1 T B) St).
  - rewrite (E0 j Hj Sj) in Qt. unfold zero, near_quotient, Rdiv in Qt. rewrite Rmult_0_l in Qt.
    destruct (Qt ltac:(lra) near_number_0) as (x' & -> & B). rewrite Rabs_R0, Rmult_0_r, Rminus_0_r in B.
    apply (St x' 0%R eq_refl F0). left. destruct (Req_dec x' 0) as [E|E]; [exact E|]. apply Rabs_pos_lt in E. lra.
Qed.
Lemma stored_exponential_one js e z j r : looks_at see n i js -> near_softmax F L eps see n i Q K js e z -> In j js ->
  stored_exponential F eps e j r -> r = if see i j then one else zero.
Proof.
  intros Lk Sm Hj H. destruct (near_softmax_spec js e z Lk Sm) as (v1 & v2 & t & V1 & V2 & -> & N1 & N2 & T & E0).
  unfold stored_exponential in H. destruct (see i j) eqn:Sj.
  - apply seen in Sj; [|apply Lk, Hj]. destruct Sj as [->| ->]; fold i in H; rewrite ?V1, ?V2 in H.
    + exact (near_one_stored eps eps_small F _ _ F1 N1 H).
    + exact (near_one_stored eps eps_small F _ _ F1 N2 H).
  - rewrite (E0 j Hj Sj) in H. apply (H 0%R 0%R eq_refl F0). left. reflexivity.
Qed.

Lemma attends_exact c r : (c < length (value w))%nat -> attends F L eps see n i Q K V c r ->
  r = lift (nth c mean nil_dyadic).
Proof.
  intros Hc (js & Lk & H).
  destruct (vector_spec _ _ _ _ _ _ Emean) as [_ M]. specialize (M c Hc).
  change (total bits lo top [half (nth c vp nil_dyadic); half (nth c vs nil_dyadic)] = Some (nth c mean nil_dyadic)) in
    M.
  destruct (vector_spec _ _ _ _ _ _ Esum) as [_ T]. specialize (T c Hc).
  change (total bits lo top [nth c vp nil_dyadic; nth c vs nil_dyadic] = Some (nth c sum nil_dyadic)) in T.
  assert (M' : total bits lo top [product (1, -1) (nth c vp nil_dyadic);
    product (1, -1) (nth c vs nil_dyadic)] = Some (nth c mean nil_dyadic))
    by (rewrite !product_half; exact M).
  assert (T' : total bits lo top [product (1, 0) (nth c vp nil_dyadic);
    product (1, 0) (nth c vs nil_dyadic)] = Some (nth c sum nil_dyadic))
    by (rewrite !product_one; exact T).
  assert (Half : real (nth c mean nil_dyadic) = (real (nth c sum nil_dyadic) / 2)%R).
  { rewrite (total_two _ _ _ M), (total_two _ _ _ T), !real_half. field. }
  destruct (total_number bits lo top F L contains finite_up_to _ _ M) as [Fm Lm]. rewrite Half in Fm, Lm.
  destruct (total_number bits lo top F L contains finite_up_to _ _ T) as [Fs _].
  assert (FH : F (IZR 1 * bpow radix2 (-1))%R) by (apply small; lia).
  assert (FO : F (IZR 1 * bpow radix2 0)%R) by (apply small; lia).
  assert (Halves : forall (P : nat -> computed -> Prop) y, (forall j u, In j js -> P j u ->
    u = if see i j then Some (/ 2)%R else zero) ->
    weighted F L V js P c y -> y = lift (nth c mean nil_dyadic)).
  { intros P y HP. apply (weighted_exact js P c y 1 (-1)); try assumption. intros j u Hj Hu. rewrite (HP j u Hj Hu).
    destruct (see i j); [f_equal; simpl; lra|reflexivity]. }
  assert (Ones : forall (P : nat -> computed -> Prop) y, (forall j u, In j js -> P j u ->
    u = if see i j then one else zero) ->
    weighted F L V js P c y -> y = Some (real (nth c sum nil_dyadic))).
  { intros P y HP. apply (weighted_exact js P c y 1 0); try assumption. intros j u Hj Hu. rewrite (HP j u Hj Hu).
    destruct (see i j); [unfold one; f_equal; simpl; lra|reflexivity]. }
  destruct H as [H|[(y & z & Y & N & D)|(e & z & Sm & [H|(y & r' & Y & D & St)])]].
  - revert H. apply Halves. intros j u Hj. apply weight_half, Lk, Hj.
  - apply Ones in Y; [|intros j u Hj; apply exponentials_one, Lk, Hj]. apply normaliser_two in N. subst y z.
    unfold lift. rewrite Half.
    exact (divides_two _ _ Fs Fm D).
  - revert H. apply Halves. intros j u Hj. apply (stored_weight_half js); assumption.
  - apply Ones in Y; [|intros j u Hj; apply (stored_exponential_one js e z); assumption]. subst y.
    destruct (near_softmax_spec js e z Lk Sm) as (v1 & v2 & t & V1 & V2 & -> & N1 & N2 & Tz & _).
    pose proof (near_two eps eps_small _ _ _ N1 N2 Tz) as T2.
    destruct (D ltac:(lra) (near_number_mean eps eps_small F L _ t Fm Lm T2)) as (a' & -> & A).
    unfold lift. rewrite Half. apply (St a' _ eq_refl Fm). exact (near_mean eps eps_small _ _ _ _ _ N1 N2 Tz A).
Qed.
End Attends.

Lemma attended_exact a : attended F L eps wR see x (W + S k) (W + k) a -> a = map lift mean.
Proof.
  intros (La & Ha).
  assert (Lv : length (value wR) = length (value w)) by apply map_length. rewrite Lv in La, Ha.
  destruct (vector_spec _ _ _ _ _ _ Emean) as [Lm _].
  destruct weights_good as (_ & Gq & Gk & Gv & _).
  apply nth_ext with zero zero; [rewrite map_length; congruence|]. intros c Hc. rewrite La in Hc. rewrite nth_lift.
  refine (attends_exact _ _ _ _ _ _ _ c _ Hc (Ha c Hc)).
  - intros y Hy. rewrite embedded in Hy. exact (layer_exact _ _ _ _ Gq (token_good _) Hy Eq).
  - intros y Hy. rewrite embedded in Hy. exact (layer_exact _ _ _ _ Gk (token_good _) Hy Ekp).
  - intros y Hy. rewrite embedded in Hy. exact (layer_exact _ _ _ _ Gk (token_good _) Hy Eks).
  - intros j y Hj Hy. rewrite embedded in Hy. exact (layer_exact _ _ _ _ Gv (token_good _) Hy (Hval j)).
Qed.

(* ------------------------------------------------------------------ the block computes the real logits *)

Let here := map lift xs.
Let A := attended F L eps wR see x (W + S k) (W + k).
Lemma xs_good : good xs. Proof. apply (token_good (W + k)). Qed.
Lemma mean_good : good mean. Proof. exact (vector_good _ _ _ Emean). Qed.
Lemma after_attention_exact y : after_attention F L wR here A y -> y = map lift x1.
Proof.
  unfold after_attention. intro H. change (length (output wR)) with (length (map (map lift) (output w))) in H.
  rewrite map_length in H.
  apply (computes_exact _ _ _ _ _ H Ex1). intros c l (a & Ha & ->). apply attended_exact in Ha. subst a.
  apply row_and_alone; [apply weights_good|exact mean_good|exact xs_good].
Qed.
Lemma rectify_good : good (map rectify g).
Proof.
  intro c. change nil_dyadic with (rectify nil_dyadic). rewrite map_nth, real_rectify. unfold Rmax.
  destruct (Rle_dec _ _); [exact F0|apply (vector_good _ _ _ Eg)].
Qed.
Lemma hidden_units_exact h : hidden_units F L wR here A h -> h = map lift (map rectify g).
Proof.
  intros (g' & [Lr Hr] & H). change (length (hidden wR)) with (length (map (map lift) (hidden w))) in H.
  rewrite map_length in H.
  assert (E : g' = map lift g).
  { apply (computes_exact _ _ _ _ _ H Eg). intros c l (y & Hy & ->). apply after_attention_exact in Hy. subst y.
    apply row_and_alone; [apply weights_good|exact (vector_good _ _ _ Ex1)|apply weights_good]. }
  subst g'. rewrite map_length in Lr, Hr.
  apply nth_ext with zero zero; [rewrite !map_length; exact Lr|]. intros c Hc. rewrite Lr in Hc. specialize (Hr c Hc).
  rewrite nth_lift in Hr. rewrite nth_lift.
  pose proof (rectify_good c) as G. change nil_dyadic with (rectify nil_dyadic) in G at 1. rewrite map_nth in G.
  assert (N : nth c (map rectify g) nil_dyadic = rectify (nth c g nil_dyadic))
    by apply (map_nth rectify g nil_dyadic c).
  rewrite N. unfold lift. rewrite real_rectify in *. apply (op1_is _ _ _ Hr); [apply (vector_good _ _ _ Eg)|exact G].
Qed.
Lemma at_the_end_exact y : at_the_end F L wR here A y -> y = map lift x2.
Proof.
  unfold at_the_end. intro H. change (length (contract wR)) with (length (map (map lift) (contract w))) in H.
  rewrite map_length in H.
  apply (computes_exact _ _ _ _ _ H Ex2). intros c l (h & a & Hh & Ha & ->).
  apply hidden_units_exact in Hh. apply attended_exact in Ha. subst h a. rewrite !app_assoc.
  apply Forall2_app; [|apply alone_terms, xs_good]. apply Forall2_app.
  - apply row_and_alone; [apply weights_good|exact rectify_good|apply weights_good].
  - apply row_terms; [apply weights_good|exact mean_good].
Qed.
Lemma logits_exact l : logits F L eps wR see ctx l -> l = map lift lD.
Proof.
  unfold logits. rewrite Hlen. replace (W + S k - 1)%nat with (W + k)%nat by lia. fold x A.
  assert (X : x (W + k)%nat = here) by apply embedded. unfold x in X. rewrite X. unfold head. intro H.
  change (length (embedding wR)) with (length (map (map lift) (embedding w))) in H. rewrite map_length in H.
  apply (computes_exact _ _ _ _ _ H El). intros c t (y & Hy & ->). apply at_the_end_exact in Hy. subst y.
  apply row_terms; [apply weights_good|exact (vector_good _ _ _ Ex2)].
Qed.
End Parts.

Theorem context_exact l : logits F L eps wR see ctx l -> l = map lift lD.
Proof.
  intro H. unfold context in OK. fold p s in OK. revert OK.
  set (xp := nth p (embedding w) []). set (xs := nth s (embedding w) []). intro OK'.
  apply bind_some in OK'. destruct OK' as (q & Eq & OK').
  apply bind_some in OK'. destruct OK' as (kp & Ekp & OK').
  apply bind_some in OK'. destruct OK' as (ks & Eks & OK').
  apply bind_some in OK'. destruct OK' as (vp & Evp & OK').
  apply bind_some in OK'. destruct OK' as (vs & Evs & OK').
  destruct (_ || _) eqn:Dead in OK'; [|discriminate].
  apply bind_some in OK'. destruct OK' as (sum & Esum & OK').
  apply bind_some in OK'. destruct OK' as (mean & Emean & OK').
  apply bind_some in OK'. destruct OK' as (x1 & Ex1 & OK').
  apply bind_some in OK'. destruct OK' as (g & Eg & OK').
  apply bind_some in OK'. destruct OK' as (x2 & Ex2 & El).
  exact (logits_exact q kp ks vp vs sum mean x1 g x2 Eq Ekp Eks Evp Evs Dead Esum Emean Ex1 Eg Ex2 El l H).
Qed.
End OneContext.

(* ------------------------------------------------------------------ from the check to sums *)

Lemma largest_picks l t : largest l t = true -> picks (map lift l) t.
Proof.
  unfold largest, picks, may_pick. rewrite andb_true_iff, Nat.ltb_lt, forallb_forall, map_length. intros [H A].
  assert (N : forall u, (u < length l)%nat -> nth u (map lift l) None = lift (nth u l nil_dyadic)).
  { intros u Hu. rewrite (nth_indep _ None zero) by (rewrite map_length; exact Hu). apply nth_lift. }
  assert (A' : forall u, (u < length l)%nat -> u <> t -> (real (nth u l nil_dyadic) < real (nth t l nil_dyadic))%R).
  { intros u Hu Hne. specialize (A u ltac:(apply in_seq; lia)). apply orb_true_iff in A. rewrite Nat.eqb_eq in A.
    destruct A as [A|A]; [contradiction|]. apply real_less, A. }
  split; [split; [exact H|]|].
  - intros u Hu. rewrite !N by assumption. unfold lift. destruct (Nat.eq_dec u t) as [->|D]; [apply Rle_refl|left;
      exact (A' u Hu D)].
  - intros u [Hu B]. destruct (Nat.eq_dec u t) as [E|D]; [exact E|]. specialize (B t H). rewrite !N in B by assumption.
    unfold lift in B. specialize (A' u Hu D). exfalso. lra.
Qed.

Variable table : list (list nat).
Variable carries : list nat.
Hypothesis OK : check bits lo top w table carries = true.
Variable W : nat.
Variable see : mask.
Hypothesis Hsee : forall k j, (k < W)%nat -> (j <= W + k)%nat -> see (W + k)%nat j = ((j =? k) || (j =? W + k))%nat.

Theorem check_adds a b : 0 <= a -> 0 <= b -> a + b < 2 ^ Z.of_nat W -> adds (logits F L eps wR see) W a b.
Proof.
  unfold check in OK. rewrite !andb_true_iff, Nat.eqb_eq, !forallb_forall in OK. destruct OK as [[_ C0] A].
  assert (A' : forall p s, (p < 4)%nat -> (s < 4)%nat -> let t := next table p s in
    ((t < 4)%nat /\ (t mod 2 + 2 * carry carries t = p / 2 + p mod 2 + carry carries s)%nat) /\
    exists l, context bits lo top w p s = Some l /\ largest l t = true).
  { intros p s Hp Hs. specialize (A p ltac:(apply in_seq; lia)). rewrite forallb_forall in A.
    specialize (A s ltac:(apply in_seq; lia)). cbv zeta in A. rewrite !andb_true_iff, Nat.ltb_lt, Nat.eqb_eq in A.
    destruct A as [A1 A2]. split; [exact A1|]. destruct (context bits lo top w p s) as [l|]; [|discriminate]. exists l.
    auto. }
  apply (machine_adds _ W (next table) (carry carries)); [|exact C0|intros p s Hp Hs; apply (A' p s Hp Hs)].
  intros ctx k Hk Hlen Hr.
  assert (T : forall i, (nth i ctx O < 4)%nat).
  { intro i. destruct (Nat.lt_ge_cases i (length ctx)) as [Hi|Hi]; [|rewrite nth_overflow by exact Hi; lia].
    unfold in_range in Hr. rewrite Forall_forall in Hr. apply Hr, nth_In, Hi. }
  split; [eexists; apply real_network_is_an_evaluation, F1|]. intros l Hl.
  destruct (A' _ _ (T k) (T (W + k)%nat)) as [_ (lD & EC & EL)].
  assert (V : forall j, exists v, layer_sums bits lo top (value w) (nth (nth j ctx O) (embedding w) []) = Some v).
  { intro j. destruct (A' _ _ (T j) (T j)) as [_ (l' & E & _)]. unfold context in E.
    apply bind_some in E. destruct E as (? & _ & E). apply bind_some in E. destruct E as (? & _ & E).
    apply bind_some in E. destruct E as (? & _ & E). apply bind_some in E. destruct E as (v & Ev & _). exists v.
    exact Ev. }
  assert (Hval : forall j, layer_sums bits lo top (value w) (nth (nth j ctx O) (embedding w) []) =
    Some match layer_sums bits lo top (value w) (nth (nth j ctx O) (embedding w) []) with Some v => v | None => [] end).
  { intro j. destruct (V j) as [v ->]. reflexivity. }
  rewrite (context_exact see ctx W k lD Hk Hlen (fun j => Hsee k j Hk) EC _ Hval l Hl). apply largest_picks, EL.
Qed.
End Sound.
