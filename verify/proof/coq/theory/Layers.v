(* Where no sum rounds: operations on numbers of a format, layers, scores that are 0, and sums of which two terms are
   not. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Exact Check Near.
Import ListNotations.
Open Scope Z_scope.

(* What is asked of a format and of the check's numbers: bits of a sum, its least unit, the power of two below which it
   stays. *)
Record suits (bits lo top : Z) (F : R -> Prop) (L eps : R) : Prop := Suits {
  suits_eps : (0 < eps <= / 8)%R;
  suits_bits : 2 <= bits /\ lo <= -1 /\ 4 < top;
  suits_numbers : forall n u, Z.abs n <= 2 ^ bits -> lo <= u -> Z.log2 (Z.abs n) + u + 2 < top ->
    F (IZR n * bpow radix2 u)%R;
  suits_bound : (bpow radix2 (top - 1) <= L)%R }.

Lemma lift_nil : lift nil_dyadic = zero.
Proof. unfold lift, nil_dyadic, zero. rewrite real_0. reflexivity. Qed.
Lemma nth_lift l c : nth c (map lift l) zero = lift (nth c l nil_dyadic).
Proof. rewrite <- lift_nil. apply map_nth. Qed.
Lemma nth_rows M c : nth c (map (map lift) M) [] = map lift (nth c M []).
Proof. apply (map_nth (map lift) M [] c). Qed.

Section Layers.
Variables bits lo top : Z.
Variable F : R -> Prop.
Variables L eps : R.
Hypothesis ok : suits bits lo top F L eps.
Let eps_small := suits_eps _ _ _ _ _ _ ok.
Let enough := suits_bits _ _ _ _ _ _ ok.
Let contains := suits_numbers _ _ _ _ _ _ ok.
Let finite_up_to := suits_bound _ _ _ _ _ _ ok.

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
End Layers.
