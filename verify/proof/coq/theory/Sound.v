(* What the check implies: every admissible evaluation computes the real logits, and so adds. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Exact Machine Programs Functions Check Near.
Import ListNotations.
Open Scope Z_scope.

Lemma lift_nil : lift nil_dyadic = zero.
Proof. unfold lift, nil_dyadic, zero. rewrite real_0. reflexivity. Qed.
Lemma nth_lift l c : nth c (map lift l) zero = lift (nth c l nil_dyadic).
Proof. rewrite <- lift_nil. apply map_nth. Qed.
Lemma nth_rows M c : nth c (map (map lift) M) [] = map lift (nth c M []).
Proof. apply (map_nth (map lift) M [] c). Qed.

Section Sound.
Variables bits lo top : Z.
Variable F : R -> Prop.
Variables L eps : R.
Hypothesis eps_small : (0 < eps <= / 8)%R.
Hypothesis enough : 2 <= bits /\ lo <= -1 /\ 4 < top.
Hypothesis contains : forall n u, Z.abs n <= 2 ^ bits -> lo <= u -> Z.log2 (Z.abs n) + u + 2 < top ->
  F (IZR n * bpow radix2 u)%R.
Hypothesis finite_up_to : (bpow radix2 (top - 1) <= L)%R.

(* ------------------------------------------------------------------ small numbers, and operations on numbers of the
   format *)

Let small := F_small bits lo top F contains enough.
Lemma F0 : F 0%R. Proof. replace 0%R with (IZR 0 * bpow radix2 0)%R by (simpl; ring). apply small; lia. Qed.
Lemma F1 : F 1%R. Proof. replace 1%R with (IZR 1 * bpow radix2 0)%R by (simpl; ring). apply small; lia. Qed.
Lemma F2 : F 2%R. Proof. replace 2%R with (IZR 2 * bpow radix2 0)%R by (simpl; ring). apply small; lia. Qed.
Lemma F_half : F (/ 2)%R. Proof. replace (/ 2)%R with (IZR 1 * bpow radix2 (-1))%R by (simpl; lra). apply small; lia.
Qed.
Lemma L1 : (1 <= L)%R.
Proof. apply Rle_trans with (2 := finite_up_to). change 1%R with (bpow radix2 0). apply bpow_le. lia. Qed.

Lemma op1_is f a r : op1 F L f (Some a) r -> F a -> F (f a) -> r = Some (f a).
Proof. intros (a' & Ra & [H _]) Fa Fr. rewrite (Ra Fa) in H. exact (H Fr). Qed.
Lemma op2_is f a b r : op2 F L f (Some a) (Some b) r -> F a -> F b -> F (f a b) -> r = Some (f a b).
Proof. intros (a' & b' & Ra & Rb & [H _]) Fa Fb Fr. rewrite (Ra Fa), (Rb Fb) in H. exact (H Fr). Qed.
Lemma quotient_is a b r : quotient F L (Some a) (Some b) r -> F a -> F b -> b <> 0%R -> F (a / b)%R ->
  r = Some (a / b)%R.
Proof. intros (a' & b' & Ra & Rb & H) Fa Fb N Fr. rewrite (Ra Fa), (Rb Fb) in H. exact (proj1 (H N) Fr). Qed.

(* ------------------------------------------------------------------ layers *)

Definition good (l : list dyadic) := forall c, F (real (nth c l nil_dyadic)).
Definition good_rows (M : list (list dyadic)) := forall c, good (nth c M []).

Lemma good_cons a l : good (a :: l) -> F (real a) /\ good l.
Proof. intro G. split; [exact (G O)|]. intro c. exact (G (S c)). Qed.
Lemma vector_good n terms y : vector bits lo top n terms = Some y -> good y.
Proof.
  intros V c. destruct (vector_spec _ _ _ _ _ _ V) as [E T]. destruct (Nat.lt_ge_cases c n) as [Hc|Hc].
  - apply (total_number bits lo top F L contains finite_up_to _ _ (T c Hc)).
  - rewrite nth_overflow by lia. unfold nil_dyadic. rewrite real_0. exact F0.
Qed.
Lemma is_product_of a b x : F a -> F b -> (a * b)%R = x -> is_product F (Some a, Some b) x.
Proof. intros Fa Fb <-. exists a, b. split; [reflexivity|]. intros a' b' -> ->; auto. Qed.
Lemma row_terms M x c : good_rows M -> good x -> Forall2 (term F) (products (map (map lift) M) (map lift x) c) (row M x
  c).
Proof.
  intro GM. unfold products, row, products. rewrite nth_rows. specialize (GM c). revert GM. generalize (nth c M []).
  clear M.
  intro r. revert x. induction r as [|a r IH]; intros [|b x] Gr Gx; simpl; try constructor.
  - apply good_cons in Gr, Gx. apply is_product_of; try tauto. rewrite real_product. reflexivity.
  - apply good_cons in Gr, Gx. apply IH; tauto.
Qed.
Lemma alone_terms v c : good v -> Forall2 (term F) (bare (map lift v) c) (alone v c).
Proof.
  intro G. constructor; [|constructor]. rewrite nth_lift. apply is_product_of; [apply G|exact F1|]. apply Rmult_1_r.
Qed.
Lemma row_and_alone M y v c : good_rows M -> good y -> good v ->
  Forall2 (term F) (products (map (map lift) M) (map lift y) c ++ bare (map lift v) c) (row M y c ++ alone v c).
Proof. intros. apply Forall2_app; [apply row_terms|apply alone_terms]; assumption. Qed.

Lemma computes_exact n choices termsD y yd : computes F L n choices y -> vector bits lo top n termsD = Some yd ->
  (forall c l, choices c l -> Forall2 (term F) l (termsD c)) -> y = map lift yd.
Proof.
  intros [Ly H] V T. destruct (vector_spec _ _ _ _ _ _ V) as [Ld D].
  apply nth_ext with zero zero; [rewrite map_length; congruence|]. intros c Hc. rewrite Ly in Hc. rewrite nth_lift.
  destruct (H c Hc) as (l & Hl & S).
  apply (total_exact bits lo top F L contains finite_up_to l (termsD c)); auto.
Qed.
Lemma layer_exact M x y yd : good_rows M -> good x -> layer F L (map (map lift) M) (map lift x) y ->
  layer_sums bits lo top M x = Some yd -> y = map lift yd.
Proof.
  intros GM Gx H V. unfold layer in H. rewrite map_length in H. apply (computes_exact _ _ _ _ _ H V). intros c l ->.
  apply row_terms; assumption.
Qed.

(* ------------------------------------------------------------------ scores are 0 where the query is 0, or the keys
   that are seen *)

Definition dead (x : list computed) := forall c, nth c x zero = zero.
Definition tame (x : list computed) := forall c, exists a, nth c x zero = Some a /\ F a /\ (Rabs a * 2 <= L)%R.
Definition no_score (q k : list computed) := (dead q /\ tame k) \/ (tame q /\ dead k).

Lemma times_zero c r : op1 F L (fun v => v * c)%R zero r -> r = zero.
Proof.
  intro H. unfold zero. rewrite <- (Rmult_0_l c). apply (op1_is _ _ _ H); [exact F0|]. rewrite Rmult_0_l. exact F0.
Qed.
Lemma scaled_dead x y : dead x -> scaled F L x y -> dead y.
Proof.
  intros D (c & _ & E & H) i. destruct (Nat.lt_ge_cases i (length x)) as [Hi|Hi]; [|apply nth_overflow; lia].
  specialize (H i Hi). rewrite D in H. exact (times_zero _ _ H).
Qed.
Lemma scaled_tame x y : tame x -> scaled F L x y -> forall c, nth c y zero <> None.
Proof.
  intros D (c & B & E & H) i. destruct (Nat.lt_ge_cases i (length x)) as [Hi|Hi]; [|rewrite nth_overflow by lia;
    discriminate].
  specialize (H i Hi). destruct (D i) as (a & Ea & Fa & Ba). rewrite Ea in H. destruct H as (a' & Ra & _ & H). apply H.
  rewrite (Ra Fa), Rabs_mult. apply Rle_trans with (2 := Ba). apply Rmult_le_compat_l; [apply Rabs_pos|exact B].
Qed.
Lemma rescaled_zero y : rescaled F L zero y -> y = zero.
Proof. induction 1 as [|c y z _ IH H]; [reflexivity|]. subst y. exact (times_zero _ _ H). Qed.

Definition nought (t : computed * computed) := is_product F t 0%R.
Lemma nought_l b : b <> None -> nought (zero, b).
Proof.
  destruct b as [b|]; [intros _|contradiction]. exists 0%R, b. split; [reflexivity|]. intros a' b' Ra _.
  rewrite (Ra F0). ring.
Qed.
Lemma nought_r a : a <> None -> nought (a, zero).
Proof.
  destruct a as [a|]; [intros _|contradiction]. exists a, 0%R. split; [reflexivity|]. intros a' b' _ Rb.
  rewrite (Rb F0). ring.
Qed.
Lemma dead_products q k : (dead q /\ forall c, nth c k zero <> None) \/ ((forall c, nth c q zero <> None) /\ dead k) ->
  Forall nought (combine q k).
Proof.
  revert k. induction q as [|a q IH]; intros [|b k] H; simpl; constructor.
  - destruct H as [[D N]|[N D]]; specialize (D O); specialize (N O); simpl in D, N.
    + subst a. apply nought_l, N.
    + subst b. apply nought_r, N.
  - apply IH. destruct H as [[D N]|[N D]]; [left|right]; split; intro c; solve [apply (D (S c))|apply (N (S c))].
Qed.
Lemma weighed_nought l l' : Forall nought l -> Forall2 (weighed F L) l l' -> Forall nought l'.
Proof.
  intros H W. revert H. induction W as [|t t' l l' W _ IH]; intro H; constructor; inversion H as [|? ? N H']; subst.
  - destruct W as [->|(r & r' & P & R & ->)]; [exact N|]. destruct N as (a & b & -> & M).
    destruct P as (a' & b' & Ra & Rb & P & _). rewrite (M a' b' Ra Rb) in P. simpl in Ra, Rb. rewrite (P F0) in R.
    apply rescaled_zero in R. subst r'. apply nought_l. discriminate.
  - apply IH, H'.
Qed.
Lemma repeat_0 n : sumZ (repeat 0 n) = 0 /\ sumabs (repeat 0 n) = 0.
Proof. unfold sumZ. induction n; split; simpl in *; tauto. Qed.
Lemma nought_multiples u l : Forall nought l -> Forall2 (multiple F (bpow radix2 u)) l (repeat 0 (length l)).
Proof.
  induction 1 as [|t l N _ IH]; simpl; constructor; [|exact IH]. unfold multiple. rewrite Rmult_0_l. exact N.
Qed.
Lemma sums_nought l v : Forall nought l -> sums F L l v -> v = zero.
Proof.
  intros H S. destruct (repeat_0 (length l)) as [Z1 Z2].
  rewrite (sums_exact F L (bpow radix2 0) 2 ltac:(intros; apply small; lia) l v S (repeat 0 (length l))).
  - rewrite Z1, Rmult_0_l. reflexivity.
  - apply nought_multiples, H.
  - lia.
Qed.
Lemma terms_nought (Q K : vectors) l : (forall q k, Q q -> K k -> no_score q k) -> score_terms F L Q K l ->
  Forall nought l.
Proof.
  intros N (q & k & q' & k' & Hq & Hk & SQ & SK & W). apply weighed_nought with (2 := W). apply dead_products.
  destruct (N q k Hq Hk) as [[D T]|[T D]]; [left|right]; split; eauto using scaled_dead, scaled_tame.
Qed.
Lemma score_zero (Q K : vectors) s : (forall q k, Q q -> K k -> no_score q k) -> score F L Q K s -> s = zero.
Proof.
  intros N (l & s' & T & S & R). apply terms_nought in T; [|exact N]. apply sums_nought in S; [|exact T]. subst s'.
  apply rescaled_zero, R.
Qed.
Lemma difference_zero (Q K M : vectors) d : (forall q k, Q q -> K k -> no_score q k) -> (forall q k, Q q -> M k ->
  no_score q k) ->
  difference F L Q K M d -> d = zero.
Proof.
  intros N N' (l & l' & d' & T & T' & S & R). apply terms_nought in T, T'; try assumption.
  apply sums_nought in S; [|apply Forall_app; split; assumption]. subst d'. apply rescaled_zero, R.
Qed.
Lemma minus_zero d : op2 F L Rminus zero zero d -> d = zero.
Proof.
  intro H. unfold zero. rewrite <- (Rminus_0_r 0). apply (op2_is _ _ _ _ H); try exact F0. rewrite Rminus_0_r. exact F0.
Qed.
Lemma logistic_half r : logistic F L zero r -> r = Some (/ 2)%R.
Proof.
  intros (e & z & E & P & Q). rewrite (E eq_refl) in P. apply op2_is in P; try exact F1; [|exact F2]. subst z.
  replace (/ 2)%R with (1 / (1 + 1))%R by field. apply (quotient_is _ _ _ Q); [exact F1|exact F2|lra|].
  replace (1 / (1 + 1))%R with (/ 2)%R by field. exact F_half.
Qed.
Lemma near_logistic_half r : near_logistic F L eps zero r -> r = Some (/ 2)%R.
Proof.
  intros (e & z & p & He & Hz & Hp & Hr). destruct (near_one_spec eps _ (He eq_refl)) as (v & -> & V).
  assert (O : near_one eps 1) by (unfold near_one; lra).
  destruct Hz as (t & -> & T).
  { intros x [<-|[<-|[]]]; right; [exact (near_one_half eps eps_small 1 O)|exact (near_one_half eps eps_small v V)]. }
  simpl in T. rewrite Rplus_0_r in T.
  pose proof (near_two eps eps_small _ _ _ O V T) as T0.
  destruct (Hp ltac:(lra) (near_number_half eps eps_small F L 1 t F_half L1 O T0)) as (p' & -> & P).
  exact (half_stored eps F p' r F_half (near_half eps eps_small _ _ _ _ O V T P) Hr).
Qed.

(* ------------------------------------------------------------------ sums of which two terms are not 0 *)

Lemma sums_two u n1 n2 l t1 t2 rest r : (forall n, Z.abs n <= Z.abs n1 + Z.abs n2 -> F (IZR n * bpow radix2 u)%R) ->
  Permutation l (t1 :: t2 :: rest) -> multiple F (bpow radix2 u) t1 n1 -> multiple F (bpow radix2 u) t2 n2 ->
  Forall nought rest -> sums F L l r -> r = Some (IZR (n1 + n2) * bpow radix2 u)%R.
Proof.
  intros HF P T1 T2 T S. apply (sums_order F L _ _ _ P) in S. destruct (repeat_0 (length rest)) as [Z1 Z2].
  rewrite (sums_exact F L (bpow radix2 u) (Z.abs n1 + Z.abs n2) HF _ _ S (n1 :: n2 :: repeat 0 (length rest))).
  - unfold sumZ in *. simpl. rewrite Z1. do 3 f_equal. ring.
  - constructor; [exact T1|]. constructor; [exact T2|]. apply nought_multiples, T.
  - simpl. rewrite Z2. lia.
Qed.
Lemma sums_two_total d1 d2 d l t1 t2 rest r : total bits lo top [d1; d2] = Some d ->
  Permutation l (t1 :: t2 :: rest) -> term F t1 d1 -> term F t2 d2 -> Forall nought rest ->
  sums F L l r -> r = Some (real d).
Proof.
  intros T P T1 T2 N S.
  destruct (total_spec bits lo top F L contains finite_up_to _ _ T) as (u & ns & HN & HF & _ & E).
  inversion HN as [|? n1 ? ? N1 HN']; subst. inversion HN' as [|? n2 ? ? N2 HN'']; subst. inversion HN''; subst.
  rewrite E. replace (sumZ [n1; n2]) with (n1 + n2) by (unfold sumZ; simpl; ring).
  apply (sums_two u n1 n2 l t1 t2 rest); try assumption.
  - intros n Hn. apply HF. simpl. lia.
  - unfold multiple. rewrite <- N1. exact T1.
  - unfold multiple. rewrite <- N2. exact T2.
Qed.
Lemma total_two d1 d2 d : total bits lo top [d1; d2] = Some d -> real d = (real d1 + real d2)%R.
Proof.
  intro T. destruct (total_spec bits lo top F L contains finite_up_to _ _ T) as (u & ns & HN & _ & _ & E).
  inversion HN as [|? n1 ? ? N1 HN']; subst. inversion HN' as [|? n2 ? ? N2 HN'']; subst. inversion HN''; subst.
  rewrite E, N1, N2. unfold sumZ. simpl. rewrite !plus_IZR. ring.
Qed.

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
