(* A check by computation, in integers, and what it implies: every admissible evaluation computes the real logits, and adds. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Network Exact Machine Functions.
Import ListNotations.
Open Scope Z_scope.

(* ------------------------------------------------------------------ the check *)

Fixpoint all {A} (l : list (option A)) : option (list A) :=
  match l with
  | [] => Some []
  | x :: rest => match x, all rest with Some a, Some y => Some (a :: y) | _, _ => None end
  end.
Definition bind {A B} (x : option A) (f : A -> option B) : option B := match x with Some a => f a | None => None end.
Notation "x <- m ;; k" := (bind m (fun x => k)) (at level 100, m at next level, right associativity).

Definition nil_dyadic : dyadic := (0, 0).
Definition row (M : list (list dyadic)) (x : list dyadic) (c : nat) : list dyadic :=
  map (fun p => product (fst p) (snd p)) (products M x c).
Definition alone (v : list dyadic) (c : nat) : list dyadic := [nth c v nil_dyadic].

Section Check.
Variables bits lo top : Z.                        (* of the format, see Exact *)
Definition vector (n : nat) (terms : nat -> list dyadic) : option (list dyadic) :=
  all (map (fun c => total bits lo top (terms c)) (seq 0 n)).
Definition layer (M : list (list dyadic)) (x : list dyadic) : option (list dyadic) := vector (length M) (row M x).

(* The logits after a pair token p and a state token s, where no sum rounds and all scores are 0. *)
Definition context (w : weights dyadic) (p s : nat) : option (list dyadic) :=
  let xp := nth p (embedding w) [] in
  let xs := nth s (embedding w) [] in
  q <- layer (query w) xs ;;
  kp <- layer (key w) xp ;;
  ks <- layer (key w) xs ;;
  vp <- layer (value w) xp ;;
  vs <- layer (value w) xs ;;
  if forallb vanishes q || (forallb vanishes kp && forallb vanishes ks) then
    sum <- vector (length (value w)) (fun c => alone vp c ++ alone vs c) ;;
    mean <- vector (length (value w)) (fun c => map half (alone vp c ++ alone vs c)) ;;
    x1 <- vector (length (output w)) (fun c => row (output w) mean c ++ alone xs c) ;;
    g <- vector (length (hidden w)) (fun c => row (hidden w) x1 c ++ alone (hidden_bias w) c) ;;
    x2 <- vector (length (contract w)) (fun c =>
      row (contract w) (map rectify g) c ++ alone (contract_bias w) c ++ row (output w) mean c ++ alone xs c) ;;
    layer (embedding w) x2
  else None.
Definition largest (l : list dyadic) (t : nat) : bool :=
  (t <? length l)%nat && forallb (fun u => (u =? t)%nat || less (nth u l nil_dyadic) (nth t l nil_dyadic)) (seq 0 (length l)).

Variable w : weights dyadic.
Variable table : list (list nat).                 (* the next state, by pair and state *)
Variable carries : list nat.                      (* the carry, by state *)
Definition next p s := nth s (nth p table []) 0%nat.
Definition carry s := nth s carries 0%nat.

(* The weights are numbers of the format. *)
Definition representable : bool :=
  let fine := forallb (fun d => match total bits lo top [d] with Some _ => true | None => false end) in
  let w := w in
  forallb (forallb fine) [embedding w; query w; key w; value w; output w; hidden w; [hidden_bias w]; contract w; [contract_bias w]].
(* The machine is a full adder, and the network is the machine. *)
Definition check : bool :=
  representable && (carry 0 =? 0)%nat &&
  forallb (fun p => forallb (fun s => let t := next p s in
    (t <? 4)%nat && (t mod 2 + 2 * carry t =? p / 2 + p mod 2 + carry s)%nat &&
    match context w p s with Some l => largest l t | None => false end) (seq 0 4)) (seq 0 4).
End Check.

(* ------------------------------------------------------------------ what it implies *)

Definition lift (d : dyadic) : computed := Some (real d).

Lemma lift_nil : lift nil_dyadic = zero.
Proof. unfold lift, nil_dyadic, zero. rewrite real_0. reflexivity. Qed.
Lemma nth_lift l c : nth c (map lift l) zero = lift (nth c l nil_dyadic).
Proof. rewrite <- lift_nil. apply map_nth. Qed.
Lemma nth_rows M c : nth c (map (map lift) M) [] = map lift (nth c M []).
Proof. apply (map_nth (map lift) M [] c). Qed.
Lemma row_terms M x c : Forall2 term (products (map (map lift) M) (map lift x) c) (row M x c).
Proof.
  unfold products, row, products. rewrite nth_rows. generalize (nth c M []). clear M. intro r. revert x.
  induction r as [|a r IH]; intros [|b x]; simpl; try constructor; [|apply IH].
  exists (real a), (real b). split; [reflexivity|]. rewrite real_product. reflexivity.
Qed.
Lemma alone_terms v c : Forall2 term (bare (map lift v) c) (alone v c).
Proof.
  constructor; [|constructor]. rewrite nth_lift. exists (real (nth c v nil_dyadic)), 1%R. split; [reflexivity|ring].
Qed.
Lemma all_spec {A} (l : list (option A)) y d : all l = Some y ->
  length y = length l /\ forall c, (c < length l)%nat -> nth c l None = Some (nth c y d).
Proof.
  revert y. induction l as [|[a|] l IH]; simpl; intros y H; try discriminate.
  - injection H as <-. split; [reflexivity|]. intros; lia.
  - destruct (all l) as [y'|]; [|discriminate]. injection H as <-. destruct (IH y' eq_refl) as [E N]. split; [simpl; lia|].
    intros [|c] Hc; [reflexivity|]. apply N. lia.
Qed.
Lemma vector_spec bits lo top n terms y : vector bits lo top n terms = Some y ->
  length y = n /\ forall c, (c < n)%nat -> total bits lo top (terms c) = Some (nth c y nil_dyadic).
Proof.
  intro H. destruct (all_spec _ _ nil_dyadic H) as [E N]. rewrite map_length, seq_length in E, N. split; [exact E|].
  intros c Hc. rewrite <- N by exact Hc. symmetry. apply (nth_map_seq (fun c => total bits lo top (terms c))). exact Hc.
Qed.
Lemma bind_some {A B} (x : option A) (f : A -> option B) b : bind x f = Some b -> exists a, x = Some a /\ f a = Some b.
Proof. destruct x as [a|]; [|discriminate]. intro H. exists a. auto. Qed.

Section Sound.
Variables bits lo top : Z.
Variable F : R -> Prop.
Variables L eps : R.
Hypothesis eps_small : (0 < eps <= / 8)%R.
Hypothesis enough : 2 <= bits /\ lo <= -1 /\ 4 < top.
Hypothesis contains : forall n u, Z.abs n <= 2 ^ bits -> lo <= u -> Z.log2 (Z.abs n) + u + 2 < top -> F (IZR n * bpow radix2 u)%R.
Hypothesis finite_up_to : (bpow radix2 (top - 1) <= L)%R.

Let small := F_small bits lo top F contains enough.
Lemma F0 : F 0%R. Proof. replace 0%R with (IZR 0 * bpow radix2 0)%R by (simpl; ring). apply small; lia. Qed.
Lemma F1 : F 1%R. Proof. replace 1%R with (IZR 1 * bpow radix2 0)%R by (simpl; ring). apply small; lia. Qed.
Lemma F2 : F 2%R. Proof. replace 2%R with (IZR 2 * bpow radix2 0)%R by (simpl; ring). apply small; lia. Qed.
Lemma F_half : F (/ 2)%R. Proof. replace (/ 2)%R with (IZR 1 * bpow radix2 (-1))%R by (simpl; lra). apply small; lia. Qed.
Lemma L0 : (0 <= L)%R. Proof. apply Rle_trans with (2 := finite_up_to). apply bpow_ge_0. Qed.
Lemma op_is x r y : op F L x r -> F y -> x = y -> r = Some y.
Proof. intros [H _] Hy ->. apply H, Hy. Qed.

(* ---- layers *)
Lemma computes_exact n terms termsD y yd : computes F L n terms y -> vector bits lo top n termsD = Some yd ->
  (forall c, Forall2 term (terms c) (termsD c)) -> y = map lift yd.
Proof.
  intros [Ly H] V T. destruct (vector_spec _ _ _ _ _ _ V) as [Ld D].
  apply nth_ext with zero zero; [rewrite map_length; congruence|]. intros c Hc. rewrite Ly in Hc. rewrite nth_lift.
  apply (total_exact bits lo top F L contains finite_up_to (terms c) (termsD c)); auto.
Qed.
Lemma layer_exact M x y yd : computes F L (length (map (map lift) M)) (products (map (map lift) M) (map lift x)) y ->
  layer bits lo top M x = Some yd -> y = map lift yd.
Proof.
  rewrite map_length. intros H V. apply (computes_exact _ _ _ _ _ H V). intro. apply row_terms.
Qed.

(* ---- scores are 0 where the query is 0, or the keys that are seen *)
Definition dead (x : list computed) := forall c, nth c x zero = zero.
Definition tame (x : list computed) := forall c, exists a, nth c x zero = Some a /\ (Rabs a * 2 <= L)%R.
Definition no_score (q k : list computed) := (dead q /\ tame k) \/ (tame q /\ dead k).

Lemma scaled_dead x y : dead x -> scaled F L x y -> dead y.
Proof.
  intros D (c & _ & E & H) i. destruct (Nat.lt_ge_cases i (length x)) as [Hi|Hi]; [|apply nth_overflow; lia].
  specialize (H i Hi). rewrite D in H. simpl in H. apply (op_is _ _ _ H F0). ring.
Qed.
Lemma scaled_tame x y : tame x -> scaled F L x y -> forall c, nth c y zero <> None.
Proof.
  intros D (c & B & E & H) i. destruct (Nat.lt_ge_cases i (length x)) as [Hi|Hi]; [|rewrite nth_overflow by lia; discriminate].
  specialize (H i Hi). destruct (D i) as (a & Ea & Ba). rewrite Ea in H. simpl in H. apply H.
  rewrite Rabs_mult. apply Rle_trans with (2 := Ba). apply Rmult_le_compat_l; [apply Rabs_pos|exact B].
Qed.
Lemma rescaled_zero y : rescaled F L zero y -> y = zero.
Proof.
  induction 1 as [|c y z _ IH H]; [reflexivity|]. subst y. simpl in H. apply (op_is _ _ _ H F0). ring.
Qed.
Definition nought (t : computed * computed) := multiple (bpow radix2 0) t 0.
Lemma dead_products q k : (dead q /\ forall c, nth c k zero <> None) \/ ((forall c, nth c q zero <> None) /\ dead k) ->
  Forall nought (combine q k).
Proof.
  revert k. induction q as [|a q IH]; intros [|b k] H; simpl; constructor.
  - destruct H as [[D N]|[N D]]; specialize (D O); specialize (N O); simpl in D, N.
    + subst a. destruct b as [b|]; [|contradiction]. exists 0%R, b. split; [reflexivity|ring].
    + subst b. destruct a as [a|]; [|contradiction]. exists a, 0%R. split; [reflexivity|ring].
  - apply IH. destruct H as [[D N]|[N D]]; [left|right]; split; intro c; solve [apply (D (S c))|apply (N (S c))].
Qed.
Lemma sums_nought l v : Forall nought l -> sums F L l v -> v = zero.
Proof.
  intros H S.
  assert (Z' : sumZ (repeat 0 (length l)) = 0 /\ sumabs (repeat 0 (length l)) = 0).
  { clear. unfold sumZ. induction (length l); split; simpl in *; tauto. }
  destruct Z' as [Z1 Z2].
  rewrite (sums_exact F L (bpow radix2 0) 2 ltac:(intros; apply small; lia) l v S (repeat 0 (length l))).
  - rewrite Z1, Rmult_0_l. reflexivity.
  - clear - H. induction H; simpl; constructor; assumption.
  - lia.
Qed.
Lemma no_score_products q k q' k' : no_score q k -> scaled F L q q' -> scaled F L k k' -> Forall nought (combine q' k').
Proof.
  intros [[D T]|[T D]] Q K; apply dead_products; [left|right].
  - split; [exact (scaled_dead _ _ D Q)|exact (scaled_tame _ _ T K)].
  - split; [exact (scaled_tame _ _ T Q)|exact (scaled_dead _ _ D K)].
Qed.
Lemma score_zero q k s : no_score q k -> score F L q k s -> s = zero.
Proof.
  intros D (q' & k' & s' & Q & K & S & R).
  apply sums_nought in S; [|exact (no_score_products _ _ _ _ D Q K)]. subst s'. apply rescaled_zero, R.
Qed.
Lemma difference_zero q k m d : no_score q k -> no_score q m -> difference F L q k m d -> d = zero.
Proof.
  intros D D' (q1 & k1 & q2 & m2 & d' & Q1 & K1 & Q2 & M2 & S & R).
  apply sums_nought in S; [|apply Forall_app; split; [exact (no_score_products _ _ _ _ D Q1 K1)|exact (no_score_products _ _ _ _ D' Q2 M2)]].
  subst d'. apply rescaled_zero, R.
Qed.
Lemma minus_zero d : op2 F L Rminus zero zero d -> d = zero.
Proof. intro H. simpl in H. apply (op_is _ _ _ H F0). ring. Qed.
Lemma logistic_half r : logistic F L zero r -> r = Some (/ 2)%R.
Proof.
  intros (e & z & E & P & Q). rewrite (E eq_refl) in P. simpl in P.
  assert (Z2 : z = Some 2%R) by (apply (op_is _ _ _ P F2); ring). subst z. simpl in Q.
  apply (op_is _ _ _ (Q ltac:(lra)) F_half). field.
Qed.

(* ---- sums of which two terms are not 0 *)
Lemma sums_two u n1 n2 l t1 t2 rest r : (forall n, Z.abs n <= Z.abs n1 + Z.abs n2 -> F (IZR n * bpow radix2 u)%R) ->
  Permutation l (t1 :: t2 :: rest) -> multiple (bpow radix2 u) t1 n1 -> multiple (bpow radix2 u) t2 n2 ->
  Forall (fun t => multiple (bpow radix2 u) t 0) rest ->
  sums F L l r -> r = Some (IZR (n1 + n2) * bpow radix2 u)%R.
Proof.
  intros HF P T1 T2 T S. apply (sums_order F L _ _ _ P) in S.
  assert (Z' : sumZ (repeat 0 (length rest)) = 0 /\ sumabs (repeat 0 (length rest)) = 0).
  { clear. unfold sumZ. induction (length rest); split; simpl in *; tauto. }
  destruct Z' as [Z1 Z2].
  rewrite (sums_exact F L (bpow radix2 u) (Z.abs n1 + Z.abs n2) HF _ _ S (n1 :: n2 :: repeat 0 (length rest))).
  - unfold sumZ in *. simpl. rewrite Z1. do 3 f_equal. ring.
  - constructor; [exact T1|]. constructor; [exact T2|]. clear - T. induction T; simpl; constructor; assumption.
  - simpl. rewrite Z2. lia.
Qed.
Lemma sums_two_total d1 d2 d l t1 t2 rest r : total bits lo top [d1; d2] = Some d ->
  Permutation l (t1 :: t2 :: rest) -> term t1 d1 -> term t2 d2 -> Forall nought rest ->
  sums F L l r -> r = Some (real d).
Proof.
  intros T P (a1 & b1 & E1 & M1) (a2 & b2 & E2 & M2) N S.
  destruct (total_spec bits lo top F L contains finite_up_to _ _ T) as (u & ns & HN & HF & _ & E).
  inversion HN as [|? n1 ? ? N1 HN']; subst. inversion HN' as [|? n2 ? ? N2 HN'']; subst. inversion HN''; subst.
  rewrite E. replace (sumZ [n1; n2]) with (n1 + n2) by (unfold sumZ; simpl; ring).
  apply (sums_two u n1 n2 l (Some a1, Some b1) (Some a2, Some b2) rest); try assumption.
  - intros n Hn. apply HF. simpl. lia.
  - exists a1, b1. split; [reflexivity|congruence].
  - exists a2, b2. split; [reflexivity|congruence].
  - revert N. apply Forall_impl. intros t (a & b & Et & Mt). exists a, b. split; [exact Et|]. rewrite Mt. ring.
Qed.
Lemma total_two d1 d2 d : total bits lo top [d1; d2] = Some d -> real d = (real d1 + real d2)%R.
Proof.
  intro T. destruct (total_spec bits lo top F L contains finite_up_to _ _ T) as (u & ns & HN & _ & _ & E).
  inversion HN as [|? n1 ? ? N1 HN']; subst. inversion HN' as [|? n2 ? ? N2 HN'']; subst. inversion HN''; subst.
  rewrite E, N1, N2. unfold sumZ. simpl. rewrite !plus_IZR. ring.
Qed.

(* ---- an exponential of 0 that is near 1, and what is made of it, is stored as if it were 1 *)
Lemma quotient_near a z m p : (0 < z -> 0 < a -> 0 < m -> a * (1 + eps / 8) < m * (1 + eps) * z -> m * (1 - eps) * z < a * (1 - eps / 8) ->
  Rabs (p - a / z) <= eps / 8 * Rabs (a / z) -> Rabs (p - m) < eps * Rabs m)%R.
Proof.
  intros Hz Ha Hm H1 H2 H. set (q := (a / z)%R) in *.
  assert (Q : (0 < q)%R) by (apply Rdiv_lt_0_compat; assumption).
  assert (E : a = (q * z)%R) by (unfold q; field; lra). rewrite E in H1, H2.
  rewrite (Rabs_pos_eq q) in H by lra. rewrite (Rabs_pos_eq m) by lra.
  assert (U : (q * (1 + eps / 8) < m * (1 + eps))%R) by (apply (Rmult_lt_reg_r z); [exact Hz|lra]).
  assert (D : (m * (1 - eps) < q * (1 - eps / 8))%R) by (apply (Rmult_lt_reg_r z); [exact Hz|lra]).
  apply Rabs_le_inv in H. apply Rabs_lt. lra.
Qed.
Definition near_one (v : R) := (1 - eps / 2 <= v <= 1 + eps / 2)%R.
Lemma near_one_spec r : near (eps / 2) 1 r -> exists v, r = Some v /\ near_one v.
Proof.
  intros (v & -> & H). exists v. split; [reflexivity|]. rewrite Rabs_R1 in H. apply Rabs_le_inv in H. unfold near_one. lra.
Qed.
Lemma near_one_stored v r : near_one v -> stores F eps (Some v) r -> r = one.
Proof.
  intros B S. apply (S v 1%R eq_refl F1). right. rewrite Rabs_R1. unfold near_one in B. apply Rabs_lt. lra.
Qed.
Lemma near_sum_two v1 v2 t : near_one v1 -> near_one v2 -> (Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2))%R ->
  ((v1 + v2) * (1 - eps / 8) <= t <= (v1 + v2) * (1 + eps / 8) /\ 0 < t)%R.
Proof.
  unfold near_one. intros A B H. rewrite (Rabs_pos_eq (v1 + v2)) in H by lra. apply Rabs_le_inv in H.
  assert (P : (0 <= (v1 + v2) * (eps / 8) <= (v1 + v2) / 64)%R) by nra. lra.
Qed.
Lemma near_half v1 v2 t p : near_one v1 -> near_one v2 -> (Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2))%R ->
  (Rabs (p - v1 / t) <= eps / 8 * Rabs (v1 / t))%R -> (Rabs (p - / 2) < eps * Rabs (/ 2))%R.
Proof.
  intros A B T H. destruct (near_sum_two _ _ _ A B T) as [[T1 T2] T0]. unfold near_one in A, B.
  apply (quotient_near v1 t); try assumption; try lra.
  - apply Rlt_le_trans with (/ 2 * (1 + eps) * ((v1 + v2) * (1 - eps / 8)))%R; [nra|]. apply Rmult_le_compat_l; lra.
  - apply Rle_lt_trans with (/ 2 * (1 - eps) * ((v1 + v2) * (1 + eps / 8)))%R; [apply Rmult_le_compat_l; lra|nra].
Qed.
Lemma near_mean v1 v2 t a p : near_one v1 -> near_one v2 -> (Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2))%R ->
  (Rabs (p - a / t) <= eps / 8 * Rabs (a / t))%R -> (p = a / 2 \/ Rabs (p - a / 2) < eps * Rabs (a / 2))%R.
Proof.
  intros A B T H. destruct (near_sum_two _ _ _ A B T) as [[T1 T2] T0]. unfold near_one in A, B.
  assert (Pos : forall b p', (0 < b -> Rabs (p' - b / t) <= eps / 8 * Rabs (b / t) -> Rabs (p' - b / 2) < eps * Rabs (b / 2))%R).
  { intros b p' Hb H'. apply (quotient_near b t); try assumption; try lra.
    - apply Rlt_le_trans with (b / 2 * (1 + eps) * ((2 - eps) * (1 - eps / 8)))%R.
      + replace (b / 2 * (1 + eps) * ((2 - eps) * (1 - eps / 8)))%R with (b * ((1 + eps) * (1 - eps / 2) * (1 - eps / 8)))%R by field.
        apply Rmult_lt_compat_l; [exact Hb|nra].
      + apply Rmult_le_compat_l; [nra|]. apply Rle_trans with (2 := T1). apply Rmult_le_compat_r; lra.
    - apply Rle_lt_trans with (b / 2 * (1 - eps) * ((2 + eps) * (1 + eps / 8)))%R.
      + apply Rmult_le_compat_l; [nra|]. apply Rle_trans with (1 := T2). apply Rmult_le_compat_r; lra.
      + replace (b / 2 * (1 - eps) * ((2 + eps) * (1 + eps / 8)))%R with (b * ((1 - eps) * (1 + eps / 2) * (1 + eps / 8)))%R by field.
        apply Rmult_lt_compat_l; [exact Hb|nra]. }
  destruct (Rtotal_order a 0) as [N|[->|P]].
  - right. specialize (Pos (- a)%R (- p)%R ltac:(lra)).
    replace (- a / t)%R with (- (a / t))%R in Pos by (field; lra). replace (- a / 2)%R with (- (a / 2))%R in Pos by field.
    rewrite !Rabs_Ropp in Pos. rewrite <- (Rabs_Ropp (p - a / 2)), <- (Rabs_Ropp (p - a / t)) in *.
    replace (- (p - a / t))%R with (- p - - (a / t))%R in H by ring. replace (- (p - a / 2))%R with (- p - - (a / 2))%R by ring.
    apply Pos, H.
  - left. unfold Rdiv in *. rewrite Rmult_0_l, Rabs_R0, Rmult_0_r, Rminus_0_r in H. rewrite Rmult_0_l.
    destruct (Req_dec p 0) as [E|E]; [exact E|]. apply Rabs_pos_lt in E. lra.
  - right. apply Pos; assumption.
Qed.
Lemma half_stored p r : (Rabs (p - / 2) < eps * Rabs (/ 2))%R -> stores F eps (Some p) r -> r = Some (/ 2)%R.
Proof. intros H S. apply (S p _ eq_refl F_half). right. exact H. Qed.
Lemma near_logistic_half r : near_logistic F eps zero r -> r = Some (/ 2)%R.
Proof.
  intros (e & z & p & He & Hz & Hp & Hr). destruct (near_one_spec _ (He eq_refl)) as (v & -> & V).
  destruct Hz as (t & -> & T); [intros x [<-|[<-|[]]]; discriminate|]. simpl in T. rewrite Rplus_0_r in T.
  assert (O : near_one 1) by (unfold near_one; lra).
  destruct (near_sum_two _ _ _ O V T) as [_ T0]. destruct (Hp ltac:(lra)) as (p' & -> & P).
  exact (half_stored p' r (near_half _ _ _ _ O V T P) Hr).
Qed.

(* ---- one context *)
Variable w : weights dyadic.
Let wR := map_weights lift w.

Section OneContext.
Variables (see : mask) (ctx : list nat) (W k : nat) (lD : list dyadic).
Hypothesis Hk : (k < W)%nat.
Hypothesis Hlen : length ctx = (W + S k)%nat.
Hypothesis Hsee : forall j, (j <= W + k)%nat -> see (W + k)%nat j = ((j =? k) || (j =? W + k))%nat.
Let p := nth k ctx O.
Let s := nth (W + k) ctx O.
Hypothesis OK : context bits lo top w p s = Some lD.
Variable val : nat -> list dyadic.
Hypothesis Hval : forall j, layer bits lo top (value w) (nth (nth j ctx O) (embedding w) []) = Some (val j).

Let x := fun j => nth (nth j ctx O) (embedding wR) [].
Lemma embedded j : x j = map lift (nth (nth j ctx O) (embedding w) []).
Proof. apply nth_rows. Qed.
Lemma seen j : (j < W + S k)%nat -> see (W + k)%nat j = true <-> (j = k \/ j = W + k)%nat.
Proof. intro Hj. rewrite Hsee by lia. rewrite orb_true_iff, !Nat.eqb_eq. reflexivity. Qed.
Lemma seen_k : see (W + k)%nat k = true. Proof. apply seen; lia. Qed.
Lemma seen_s : see (W + k)%nat (W + k)%nat = true. Proof. apply seen; lia. Qed.
Lemma two_first js : looks_at see (W + S k) (W + k) js ->
  exists rest, Permutation js (k :: (W + k)%nat :: rest) /\ forall j, In j rest -> (j < W + S k)%nat /\ see (W + k)%nat j = false.
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
Hypothesis Eq : layer bits lo top (query w) xs = Some q.
Hypothesis Ekp : layer bits lo top (key w) xp = Some kp.
Hypothesis Eks : layer bits lo top (key w) xs = Some ks.
Hypothesis Evp : layer bits lo top (value w) xp = Some vp.
Hypothesis Evs : layer bits lo top (value w) xs = Some vs.
Hypothesis Dead : forallb vanishes q || (forallb vanishes kp && forallb vanishes ks) = true.
Hypothesis Esum : vector bits lo top (length (value w)) (fun c => alone vp c ++ alone vs c) = Some sum.
Hypothesis Emean : vector bits lo top (length (value w)) (fun c => map half (alone vp c ++ alone vs c)) = Some mean.
Hypothesis Ex1 : vector bits lo top (length (output w)) (fun c => row (output w) mean c ++ alone xs c) = Some x1.
Hypothesis Eg : vector bits lo top (length (hidden w)) (fun c => row (hidden w) x1 c ++ alone (hidden_bias w) c) = Some g.
Hypothesis Ex2 : vector bits lo top (length (contract w)) (fun c =>
  row (contract w) (map rectify g) c ++ alone (contract_bias w) c ++ row (output w) mean c ++ alone xs c) = Some x2.
Hypothesis El : layer bits lo top (embedding w) x2 = Some lD.

Lemma vanishing_dead l : forallb vanishes l = true -> dead (map lift l).
Proof.
  rewrite forallb_forall. intros H c. rewrite nth_lift. destruct (Nat.lt_ge_cases c (length l)) as [Hc|Hc].
  - unfold lift, zero. rewrite real_vanishes; [reflexivity|]. apply H, nth_In, Hc.
  - rewrite nth_overflow by exact Hc. apply lift_nil.
Qed.
Lemma layer_tame M y l : layer bits lo top M y = Some l -> tame (map lift l).
Proof.
  intros E c. rewrite nth_lift. exists (real (nth c l nil_dyadic)). split; [reflexivity|].
  destruct (vector_spec _ _ _ _ _ _ E) as [El' T]. destruct (Nat.lt_ge_cases c (length M)) as [Hc|Hc].
  - apply (total_number bits lo top F L contains finite_up_to _ _ (T c Hc)).
  - rewrite nth_overflow by lia. unfold nil_dyadic. rewrite real_0, Rabs_R0, Rmult_0_l. exact L0.
Qed.
Lemma no_scores : no_score (map lift q) (map lift kp) /\ no_score (map lift q) (map lift ks).
Proof.
  pose proof (layer_tame _ _ _ Eq). pose proof (layer_tame _ _ _ Ekp). pose proof (layer_tame _ _ _ Eks).
  apply orb_true_iff in Dead. destruct Dead as [D|D]; [|apply andb_true_iff in D; destruct D as [D D']];
    apply vanishing_dead in D; [split; left; split; assumption|].
  apply vanishing_dead in D'. split; right; split; assumption.
Qed.

Lemma val_k : val k = vp. Proof. specialize (Hval k). fold p in Hval. fold xp in Hval. congruence. Qed.
Lemma val_s : val (W + k)%nat = vs. Proof. specialize (Hval (W + k)%nat). fold s in Hval. fold xs in Hval. congruence. Qed.

Section Attends.
Variables (qc : list computed) (kc vc : nat -> list computed).
Hypothesis Hq : qc = map lift q.
Hypothesis Hkk : kc k = map lift kp.
Hypothesis Hks : kc (W + k)%nat = map lift ks.
Hypothesis Hv : forall j, (j < W + S k)%nat -> vc j = map lift (val j).

Lemma seen_no_score j : (j < W + S k)%nat -> see (W + k)%nat j = true -> no_score qc (kc j).
Proof. intros Hj V. rewrite Hq. apply seen in V; [|exact Hj]. destruct V as [->| ->]; rewrite ?Hkk, ?Hks; apply no_scores. Qed.
Lemma argument_zero sc j d : (forall j, (j < W + S k)%nat -> see (W + k)%nat j = true -> sc j = zero) ->
  (j < W + S k)%nat -> see (W + k)%nat j = true ->
  argument F L see (W + S k) (W + k) qc kc sc j d -> d = zero.
Proof.
  intros Hs Hj V (d' & R & A). assert (Z' : d' = zero).
  { destruct A as [->|(m & Hm & Vm & [D|D])].
    - apply Hs; assumption.
    - rewrite (Hs j), (Hs m) in D by assumption. apply minus_zero, D.
    - revert D. apply difference_zero; apply seen_no_score; assumption. }
  subst d'. apply rescaled_zero, R.
Qed.

(* with weights that are the same for both positions and 0 for all others *)
Lemma weighted js weight c r n u d : looks_at see (W + S k) (W + k) js ->
  (forall j, In j js -> weight j = Some (if see (W + k)%nat j then IZR n * bpow radix2 u else 0)%R) ->
  total bits lo top [product (n, u) (nth c vp nil_dyadic); product (n, u) (nth c vs nil_dyadic)] = Some d ->
  sums F L (map (fun j => (weight j, nth c (vc j) zero)) js) r -> r = Some (real d).
Proof.
  intros Lk Hw T S. destruct (two_first js Lk) as (rest & P & Hrest). destruct Lk as (_ & B & A).
  assert (In1 : In k js) by (apply A; [lia|apply seen_k]). assert (In2 : In (W + k)%nat js) by (apply A; [lia|apply seen_s]).
  assert (In3 : forall j, In j rest -> In j js).
  { intros j Hj. apply (Permutation_in _ (Permutation_sym P)). right. right. exact Hj. }
  apply (Permutation_map (fun j => (weight j, nth c (vc j) zero))) in P. simpl in P.
  refine (sums_two_total _ _ d _ _ _ _ r T P _ _ _ S).
  - rewrite (Hw k In1), seen_k, Hv, val_k, nth_lift by lia. eexists _, _. split; [reflexivity|]. rewrite real_product. reflexivity.
  - rewrite (Hw _ In2), seen_s, Hv, val_s, nth_lift by lia. eexists _, _. split; [reflexivity|]. rewrite real_product. reflexivity.
  - apply Forall_forall. intros t Ht. apply in_map_iff in Ht. destruct Ht as (j & <- & Hj). destruct (Hrest j Hj) as [Hj1 Hj2].
    exists 0%R, (real (nth c (val j) nil_dyadic)). rewrite (Hw j (In3 j Hj)), Hj2, Hv, nth_lift by exact Hj1. split; [reflexivity|ring].
Qed.

Lemma divides_two a r : F (a / 2)%R -> divides F L (Some a) (Some 2%R) r -> r = Some (a / 2)%R.
Proof.
  intros Fa [H|(i & Hi & H)].
  - simpl in H. apply (op_is _ _ _ (H ltac:(lra)) Fa). reflexivity.
  - simpl in Hi. assert (I : i = Some (/ 2)%R) by (apply (op_is _ _ _ (Hi ltac:(lra)) F_half); field).
    subst i. simpl in H. apply (op_is _ _ _ H Fa). reflexivity.
Qed.
Lemma product_one a : product (1, 0) a = a.
Proof. destruct a as [n e]. unfold product. simpl fst. simpl snd. f_equal; lia. Qed.
Lemma product_half a : product (1, -1) a = half a.
Proof. destruct a as [n e]. unfold product, half. simpl fst. simpl snd. f_equal; lia. Qed.

Lemma seen_scores js sc : looks_at see (W + S k) (W + k) js ->
  (forall j, In j js -> see (W + k)%nat j = true -> score F L qc (kc j) (sc j)) ->
  forall j, (j < W + S k)%nat -> see (W + k)%nat j = true -> sc j = zero.
Proof.
  intros Lk Hs j Hj V. apply (score_zero qc (kc j)); [apply seen_no_score; assumption|]. apply Hs; [apply Lk; assumption|exact V].
Qed.
Lemma two_arguments_zero sc j m d d' : (forall j, (j < W + S k)%nat -> see (W + k)%nat j = true -> sc j = zero) ->
  (j < W + S k)%nat -> see (W + k)%nat j = true -> (m < W + S k)%nat -> see (W + k)%nat m = true ->
  op2 F L Rminus (sc m) (sc j) d' \/ op2 F L Rminus (sc j) (sc m) d' \/
    difference F L qc (kc m) (kc j) d' \/ difference F L qc (kc j) (kc m) d' ->
  rescaled F L d' d -> d = zero.
Proof.
  intros S1 Bj V Hm Vm D R. assert (Z' : d' = zero).
  { pose proof (seen_no_score j Bj V). pose proof (seen_no_score m Hm Vm).
    destruct D as [D|[D|[D|D]]]; try (rewrite (S1 j Bj V), (S1 m Hm Vm) in D; apply minus_zero, D);
      revert D; apply difference_zero; assumption. }
  subst d'. apply rescaled_zero, R.
Qed.

(* what weighs both positions by 1/2 *)
Definition halves (js : list nat) (pp : nat -> computed) :=
  forall j, In j js -> pp j = if see (W + k)%nat j then Some (/ 2)%R else zero.
Lemma logistic_halves js pp : looks_at see (W + S k) (W + k) js ->
  logistic_of_two F L see (W + S k) (W + k) qc kc js pp -> halves js pp.
Proof.
  intros Lk (sc & Hs & Hp) j Hj. specialize (Hp j Hj). destruct (see (W + k)%nat j) eqn:V; [|exact Hp].
  destruct Hp as (m & d & d' & _ & Hm & Vm & _ & D & R & G).
  rewrite (two_arguments_zero sc j m d d') in G; try assumption; [apply logistic_half, G|exact (seen_scores js sc Lk Hs)|apply Lk, Hj].
Qed.
Lemma stored_logistic_halves js pp : looks_at see (W + S k) (W + k) js ->
  stored_logistic_of_two F L eps see (W + S k) (W + k) qc kc js pp -> halves js pp.
Proof.
  intros Lk (sc & Hs & Hp) j Hj. specialize (Hp j Hj). destruct (see (W + k)%nat j) eqn:V; [|exact Hp].
  destruct Hp as (m & d & d' & _ & Hm & Vm & _ & D & R & G).
  rewrite (two_arguments_zero sc j m d d') in G; try assumption; [apply near_logistic_half, G|exact (seen_scores js sc Lk Hs)|apply Lk, Hj].
Qed.
Lemma near_softmax_spec js e z : looks_at see (W + S k) (W + k) js ->
  near_softmax F L eps see (W + S k) (W + k) qc kc js e z ->
  exists v1 v2 t, e k = Some v1 /\ e (W + k)%nat = Some v2 /\ z = Some t /\ near_one v1 /\ near_one v2 /\
    (Rabs (t - (v1 + v2)) <= eps / 8 * Rabs (v1 + v2))%R.
Proof.
  intros Lk (sc & Hs & He & Hz). pose proof (seen_scores js sc Lk Hs) as S1.
  assert (E1 : forall j, In j js -> see (W + k)%nat j = true -> exists v, e j = Some v /\ near_one v).
  { intros j Hj V. specialize (He j Hj). rewrite V in He. destruct He as (d & A & X).
    apply argument_zero in A; [|exact S1|apply Lk, Hj|exact V]. apply near_one_spec, X, A. }
  destruct (two_first js Lk) as (rest & P & Hrest). destruct Lk as (_ & _ & A).
  assert (In1 : In k js) by (apply A; [lia|apply seen_k]). assert (In2 : In (W + k)%nat js) by (apply A; [lia|apply seen_s]).
  destruct (E1 k In1 seen_k) as (v1 & V1 & N1). destruct (E1 _ In2 seen_s) as (v2 & V2 & N2).
  assert (In3 : forall j, In j rest -> e j = zero).
  { intros j Hj. assert (I : In j js) by (apply (Permutation_in _ (Permutation_sym P)); right; right; exact Hj).
    specialize (He j I). destruct (Hrest j Hj) as [_ V]. rewrite V in He. exact He. }
  destruct Hz as (t & -> & T).
  { intros y Hy. apply in_map_iff in Hy. destruct Hy as (j & <- & Hj). specialize (He j Hj).
    destruct (see (W + k)%nat j) eqn:V; [|rewrite He; discriminate]. destruct (E1 j Hj V) as (v & -> & _). discriminate. }
  assert (Perm : forall l l' : list computed, Permutation l l' ->
    fold_right (fun x t => number_of x + t)%R 0%R l = fold_right (fun x t => number_of x + t)%R 0%R l').
  { induction 1; simpl in *; lra. }
  rewrite (Perm _ _ (Permutation_map e P)) in T. simpl in T. rewrite V1, V2 in T. simpl in T.
  assert (Z' : fold_right (fun x t => number_of x + t)%R 0%R (map e rest) = 0%R).
  { clear - In3. induction rest as [|j rest IH]; simpl; [reflexivity|]. rewrite (In3 j (or_introl eq_refl)), IH; [simpl; ring|].
    intros. apply In3. right. assumption. }
  rewrite Z', Rplus_0_r in T. exists v1, v2, t. auto 10.
Qed.
Lemma stored_softmax_halves js pp : looks_at see (W + S k) (W + k) js ->
  stored_softmax F L eps see (W + S k) (W + k) qc kc js pp -> halves js pp.
Proof.
  intros Lk (e & z & Sm & Hp) j Hj. specialize (Hp j Hj). destruct (see (W + k)%nat j) eqn:V; [|exact Hp].
  destruct (near_softmax_spec js e z Lk Sm) as (v1 & v2 & t & V1 & V2 & -> & N1 & N2 & T).
  destruct (near_sum_two _ _ _ N1 N2 T) as [_ T0]. destruct Hp as (p' & Q & St).
  apply seen in V; [|apply Lk, Hj]. destruct V as [->| ->]; rewrite ?V1, ?V2 in Q; destruct (Q ltac:(lra)) as (x' & -> & B).
  - exact (half_stored _ _ (near_half _ _ _ _ N1 N2 T B) St).
  - rewrite Rplus_comm in T. exact (half_stored _ _ (near_half _ _ _ _ N2 N1 T B) St).
Qed.

Lemma attends_exact c r : (c < length (value w))%nat ->
  attends F L eps see (W + S k) (W + k) qc kc vc c r -> r = lift (nth c mean nil_dyadic).
Proof.
  intros Hc (js & Lk & H).
  destruct (vector_spec _ _ _ _ _ _ Emean) as [_ M]. specialize (M c Hc).
  change (total bits lo top [half (nth c vp nil_dyadic); half (nth c vs nil_dyadic)] = Some (nth c mean nil_dyadic)) in M.
  destruct (vector_spec _ _ _ _ _ _ Esum) as [_ T]. specialize (T c Hc).
  change (total bits lo top [nth c vp nil_dyadic; nth c vs nil_dyadic] = Some (nth c sum nil_dyadic)) in T.
  assert (M' : total bits lo top [product (1, -1) (nth c vp nil_dyadic); product (1, -1) (nth c vs nil_dyadic)] = Some (nth c mean nil_dyadic))
    by (rewrite !product_half; exact M).
  assert (T' : total bits lo top [product (1, 0) (nth c vp nil_dyadic); product (1, 0) (nth c vs nil_dyadic)] = Some (nth c sum nil_dyadic))
    by (rewrite !product_one; exact T).
  assert (Half : real (nth c mean nil_dyadic) = (real (nth c sum nil_dyadic) / 2)%R).
  { rewrite (total_two _ _ _ M), (total_two _ _ _ T), !real_half. field. }
  assert (Fm : F (real (nth c sum nil_dyadic) / 2)%R).
  { rewrite <- Half. apply (total_number bits lo top F L contains finite_up_to _ _ M). }
  assert (Halves : forall pp, halves js pp -> sums F L (map (fun j => (pp j, nth c (vc j) zero)) js) r -> r = lift (nth c mean nil_dyadic)).
  { intros pp Hp. apply (weighted js pp c r 1 (-1) _ Lk); [|exact M']. intros j Hj. rewrite (Hp j Hj).
    destruct (see (W + k)%nat j); [f_equal; simpl; lra|reflexivity]. }
  assert (Ones : forall e y, (forall j, In j js -> e j = if see (W + k)%nat j then one else zero) ->
    sums F L (map (fun j => (e j, nth c (vc j) zero)) js) y -> y = Some (real (nth c sum nil_dyadic))).
  { intros e y He. apply (weighted js e c y 1 0 _ Lk); [|exact T']. intros j Hj. rewrite (He j Hj).
    destruct (see (W + k)%nat j); [unfold one; f_equal; simpl; lra|reflexivity]. }
  assert (B : forall j, In j js -> (j < W + S k)%nat) by apply Lk.
  destruct H as [(pp & Hp & Sm)|[(e & z & pp & y & r' & Hn & Hp & Sm & Q & St)|(e & z & (sc & Hs & He & Hz) & H)]].
  - revert Sm. apply Halves.
    destruct Hp as [Hp|[Hp|Hp]]; [apply logistic_halves|apply stored_logistic_halves|apply stored_softmax_halves]; assumption.
  - destruct (near_softmax_spec js e z Lk Hn) as (v1 & v2 & t & V1 & V2 & -> & N1 & N2 & Tz).
    destruct (near_sum_two _ _ _ N1 N2 Tz) as [_ T0].
    apply Ones in Sm.
    2:{ intros j Hj. specialize (Hp j Hj). destruct (see (W + k)%nat j) eqn:V; [|exact Hp].
        apply seen in V; [|apply B, Hj]. destruct V as [->| ->]; [rewrite V1 in Hp|rewrite V2 in Hp].
        - exact (near_one_stored _ _ N1 Hp).
        - exact (near_one_stored _ _ N2 Hp). }
    subst y. destruct (Q ltac:(lra)) as (a' & -> & A). unfold lift. rewrite Half.
    apply (St a' _ eq_refl Fm). exact (near_mean _ _ _ _ _ N1 N2 Tz A).
  - pose proof (seen_scores js sc Lk Hs) as S1.
    assert (E1 : forall j, In j js -> e j = if see (W + k)%nat j then one else zero).
    { intros j Hj. specialize (He j Hj). destruct (see (W + k)%nat j) eqn:V; [|exact He].
      destruct He as (d & A & X). apply argument_zero in A; [|exact S1|apply B, Hj|exact V]. exact (X A). }
    assert (Z2 : z = Some 2%R).
    { destruct (two_first js Lk) as (rest & P & Hrest). destruct Lk as (_ & _ & A).
      assert (In1 : In k js) by (apply A; [lia|apply seen_k]). assert (In2 : In (W + k)%nat js) by (apply A; [lia|apply seen_s]).
      assert (In3 : forall j, In j rest -> In j js).
      { intros j Hj. apply (Permutation_in _ (Permutation_sym P)). right. right. exact Hj. }
      apply (Permutation_map (fun j => (e j, one))) in P. simpl in P.
      assert (Z' : z = Some (IZR (1 + 1) * bpow radix2 0)%R).
      { refine (sums_two 0 1 1 _ _ _ _ z _ P _ _ _ Hz).
        - intros n Hn. apply small; lia.
        - rewrite (E1 k In1), seen_k. eexists _, _. split; [reflexivity|]. simpl. ring.
        - rewrite (E1 _ In2), seen_s. eexists _, _. split; [reflexivity|]. simpl. ring.
        - apply Forall_forall. intros t Ht. apply in_map_iff in Ht. destruct Ht as (j & <- & Hj).
          rewrite (E1 j (In3 j Hj)). destruct (Hrest j Hj) as [_ ->]. eexists _, _. split; [reflexivity|]. simpl. ring. }
      rewrite Z'. f_equal. simpl. lra. }
    subst z. destruct H as [(pp & Hp & Sm)|(y & Sm & D)].
    + revert Sm. apply Halves. intros j Hj. specialize (Hp j Hj). rewrite (E1 j Hj) in Hp.
      destruct (see (W + k)%nat j); apply divides_two in Hp.
      * rewrite Hp. f_equal. field.
      * replace (1 / 2)%R with (/ 2)%R by field. exact F_half.
      * rewrite Hp. unfold zero. f_equal. field.
      * unfold Rdiv. rewrite Rmult_0_l. exact F0.
    + apply (Ones e y E1) in Sm. subst y. unfold lift. rewrite Half. apply divides_two; assumption.
Qed.
End Attends.

Lemma attended_exact a : attended F L eps wR see x (W + S k) (W + k) a -> a = map lift mean.
Proof.
  intros (qc & kc & vc & Hq & Hk' & Hv & La & Ha).
  assert (Lv : length (value wR) = length (value w)) by apply map_length. rewrite Lv in La, Ha.
  destruct (vector_spec _ _ _ _ _ _ Emean) as [Lm _].
  apply nth_ext with zero zero; [rewrite map_length; congruence|]. intros c Hc. rewrite La in Hc. rewrite nth_lift.
  apply (attends_exact qc kc vc); [| | | |exact Hc|apply Ha, Hc].
  - rewrite embedded in Hq. exact (layer_exact _ _ _ _ Hq Eq).
  - specialize (Hk' k ltac:(lia)). rewrite embedded in Hk'. exact (layer_exact _ _ _ _ Hk' Ekp).
  - specialize (Hk' (W + k)%nat ltac:(lia)). rewrite embedded in Hk'. exact (layer_exact _ _ _ _ Hk' Eks).
  - intros j Hj. specialize (Hv j Hj). rewrite embedded in Hv. exact (layer_exact _ _ _ _ Hv (Hval j)).
Qed.

Lemma row_and_alone M y v c : Forall2 term (products (map (map lift) M) (map lift y) c ++ bare (map lift v) c) (row M y c ++ alone v c).
Proof. apply Forall2_app; [apply row_terms|apply alone_terms]. Qed.

(* Every admissible evaluation of this context computes the real logits. *)
Lemma logits_exact l : logits F L eps wR see ctx l -> l = map lift lD.
Proof.
  unfold logits. rewrite Hlen. replace (W + S k - 1)%nat with (W + k)%nat by lia.
  intros (a & a' & y1 & g' & h & y2 & Ha & Ha' & H1 & Hg & Hr & H2 & Hl).
  apply attended_exact in Ha, Ha'. subst a a'.
  assert (X : x (W + k)%nat = map lift xs) by apply embedded.
  unfold x in X. rewrite X in H1, H2.
  assert (Lo : length (output wR) = length (output w)) by apply map_length.
  assert (Lh : length (hidden wR) = length (hidden w)) by apply map_length.
  assert (Lc : length (contract wR) = length (contract w)) by apply map_length.
  rewrite Lo in H1. rewrite Lh in Hg. rewrite Lc in H2.
  apply (fun H => computes_exact _ _ _ _ _ H Ex1) in H1; [|intro c; apply row_and_alone]. subst y1.
  apply (fun H => computes_exact _ _ _ _ _ H Eg) in Hg; [|intro c; apply row_and_alone]. subst g'.
  assert (Hh : h = map lift (map rectify g)).
  { destruct Hr as [Lr E]. rewrite map_length in Lr, E.
    apply nth_ext with zero zero; [rewrite !map_length; exact Lr|]. intros c Hc. rewrite Lr in Hc. specialize (E c Hc).
    rewrite nth_lift in E. rewrite nth_lift.
    assert (N : nth c (map rectify g) nil_dyadic = rectify (nth c g nil_dyadic)) by apply (map_nth rectify g nil_dyadic c).
    rewrite N. simpl in E. unfold lift. rewrite real_rectify. apply (op_is _ _ _ E); [|reflexivity].
    unfold Rmax. destruct (Rle_dec _ _); [exact F0|].
    destruct (vector_spec _ _ _ _ _ _ Eg) as [Lg T]. apply (total_number bits lo top F L contains finite_up_to _ _ (T c ltac:(lia))). }
  subst h.
  apply (fun H => computes_exact _ _ _ _ _ H Ex2) in H2; [|intro c; rewrite !app_assoc; apply Forall2_app; [|apply alone_terms];
    apply Forall2_app; [apply row_and_alone|apply row_terms]]. subst y2.
  exact (layer_exact _ _ _ _ Hl El).
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

(* ---- from the check to sums *)
Lemma largest_picks l t : largest l t = true -> picks (map lift l) t.
Proof.
  unfold largest, picks, may_pick. rewrite andb_true_iff, Nat.ltb_lt, forallb_forall, map_length. intros [H A].
  assert (N : forall u, (u < length l)%nat -> nth u (map lift l) None = lift (nth u l nil_dyadic)).
  { intros u Hu. rewrite (nth_indep _ None zero) by (rewrite map_length; exact Hu). apply nth_lift. }
  assert (A' : forall u, (u < length l)%nat -> u <> t -> (real (nth u l nil_dyadic) < real (nth t l nil_dyadic))%R).
  { intros u Hu Hne. specialize (A u ltac:(apply in_seq; lia)). apply orb_true_iff in A. rewrite Nat.eqb_eq in A.
    destruct A as [A|A]; [contradiction|]. apply real_less, A. }
  split; [split; [exact H|]|].
  - intros u Hu. rewrite !N by assumption. unfold lift. destruct (Nat.eq_dec u t) as [->|D]; [apply Rle_refl|left; exact (A' u Hu D)].
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
    destruct A as [A1 A2]. split; [exact A1|]. destruct (context bits lo top w p s) as [l|]; [|discriminate]. exists l. auto. }
  apply (machine_adds _ W (next table) (carry carries)); [|exact C0|intros p s Hp Hs; apply (A' p s Hp Hs)].
  intros ctx k Hk Hlen Hr.
  assert (T : forall i, (nth i ctx O < 4)%nat).
  { intro i. destruct (Nat.lt_ge_cases i (length ctx)) as [Hi|Hi]; [|rewrite nth_overflow by exact Hi; lia].
    unfold in_range in Hr. rewrite Forall_forall in Hr. apply Hr, nth_In, Hi. }
  split; [eexists; apply real_network_is_an_evaluation, F1|]. intros l Hl.
  destruct (A' _ _ (T k) (T (W + k)%nat)) as [_ (lD & EC & EL)].
  assert (V : forall j, exists v, layer bits lo top (value w) (nth (nth j ctx O) (embedding w) []) = Some v).
  { intro j. destruct (A' _ _ (T j) (T j)) as [_ (l' & E & _)]. unfold context in E.
    apply bind_some in E. destruct E as (? & _ & E). apply bind_some in E. destruct E as (? & _ & E).
    apply bind_some in E. destruct E as (? & _ & E). apply bind_some in E. destruct E as (v & Ev & _). exists v. exact Ev. }
  assert (Hval : forall j, layer bits lo top (value w) (nth (nth j ctx O) (embedding w) []) =
    Some match layer bits lo top (value w) (nth (nth j ctx O) (embedding w) []) with Some v => v | None => [] end).
  { intro j. destruct (V j) as [v ->]. reflexivity. }
  rewrite (context_exact see ctx W k lD Hk Hlen (fun j => Hsee k j Hk) EC _ Hval l Hl). apply largest_picks, EL.
Qed.
End Sound.
