(* Numbers n 2^e, and sums of them that no evaluation rounds. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network.
Import ListNotations.
Open Scope Z_scope.

(* ------------------------------------------------------------------ integers *)

Definition sumZ (l : list Z) : Z := fold_right Z.add 0 l.
Definition sumabs (l : list Z) : Z := fold_right (fun n v => Z.abs n + v) 0 l.

Lemma sumZ_app l m : sumZ (l ++ m) = sumZ l + sumZ m.
Proof. induction l; simpl; [reflexivity|]. unfold sumZ in *. simpl. rewrite IHl. lia. Qed.
Lemma sumabs_app l m : sumabs (l ++ m) = sumabs l + sumabs m.
Proof. induction l; simpl; [reflexivity|]. rewrite IHl. lia. Qed.
Lemma sumZ_perm l m : Permutation l m -> sumZ l = sumZ m.
Proof. induction 1; simpl in *; unfold sumZ in *; simpl; lia. Qed.
Lemma sumabs_perm l m : Permutation l m -> sumabs l = sumabs m.
Proof. induction 1; simpl in *; lia. Qed.
Lemma sumabs_nonneg l : 0 <= sumabs l.
Proof. induction l; simpl; lia. Qed.
Lemma sumZ_le_sumabs l : Z.abs (sumZ l) <= sumabs l.
Proof. induction l; unfold sumZ in *; simpl; lia. Qed.

(* ------------------------------------------------------------------ a sum that never rounds *)

(* A product of two computed numbers that is n units, however they are read. *)
Definition is_product (F : R -> Prop) (p : computed * computed) (x : R) : Prop :=
  exists a b, p = (Some a, Some b) /\ forall a' b', reads F a a' -> reads F b b' -> (a' * b' = x)%R.
Definition multiple (F : R -> Prop) (unit : R) (p : computed * computed) (n : Z) : Prop :=
  is_product F p (IZR n * unit)%R.

(* Whatever the tree, the order and the fusing: a sum of integer multiples of a unit, whose magnitudes add up to at most
   N units, is exact, where all multiples of the unit up to N are numbers of the format. *)
Theorem sums_exact (F : R -> Prop) (L unit : R) (N : Z) :
  (forall n, Z.abs n <= N -> F (IZR n * unit)%R) ->
  forall l v, sums F L l v ->
  forall ns, Forall2 (multiple F unit) l ns -> sumabs ns <= N ->
  v = Some (IZR (sumZ ns) * unit)%R.
Proof.
  intros HF l v H.
  induction H as [|x y r Hr|x y l v r H IH Hr|l1 l2 v1 v2 r H1 IH1 H2 IH2 Hr|l v r H IH Hr|l l' v P H IH];
    intros ns Hns Hb.
  - inversion Hns; subst. unfold zero. f_equal. simpl. lra.
  - inversion Hns as [|? n ? ns' E E']; subst. inversion E'; subst. destruct E as (a & b & E & M).
    injection E as -> ->. simpl in *. destruct Hr as (a' & b' & Ra & Rb & Hr). rewrite Z.add_0_r.
    rewrite (M a' b' Ra Rb) in Hr. apply Hr, HF. lia.
  - inversion Hns as [|? n ? ns' E E']; subst. destruct E as (a & b & E & M). injection E as -> ->. simpl in Hb.
    assert (V : v = Some (IZR (sumZ ns') * unit)%R) by (apply IH; [exact E'|lia]). subst v. simpl in Hr.
    destruct Hr as (a' & b' & c' & Ra & Rb & Rc & Hr). rewrite (M a' b' Ra Rb) in Hr. rewrite Rc in Hr.
    2:{ apply HF. pose proof (sumZ_le_sumabs ns'). lia. }
    assert (S : (IZR n * unit + IZR (sumZ ns') * unit = IZR (sumZ (n :: ns')) * unit)%R).
    { change (sumZ (n :: ns')) with (n + sumZ ns'). rewrite plus_IZR. ring. }
    rewrite S in Hr. apply Hr, HF. pose proof (sumZ_le_sumabs (n :: ns')). simpl in *. lia.
  - apply Forall2_app_inv_l in Hns. destruct Hns as (n1 & n2 & Hn1 & Hn2 & ->).
    rewrite sumabs_app in Hb. pose proof (sumabs_nonneg n1). pose proof (sumabs_nonneg n2).
    pose proof (sumZ_le_sumabs n1). pose proof (sumZ_le_sumabs n2).
    rewrite (IH1 n1), (IH2 n2) in Hr by (assumption || lia). destruct Hr as (a' & b' & Ra & Rb & Hr).
    rewrite Ra, Rb in Hr by (apply HF; lia).
    assert (S : (IZR (sumZ n1) * unit + IZR (sumZ n2) * unit = IZR (sumZ (n1 ++ n2)) * unit)%R).
    { rewrite sumZ_app, plus_IZR. ring. }
    rewrite S in Hr. apply Hr, HF. rewrite sumZ_app. lia.
  - pose proof (sumZ_le_sumabs ns). rewrite (IH ns) in Hr by assumption. destruct Hr as (a' & Ra & Hr).
    rewrite Ra in Hr by (apply HF; lia). apply Hr, HF. lia.
  - destruct (Permutation_Forall2 (Permutation_sym P) Hns) as (ns' & P' & H').
    rewrite (sumZ_perm _ _ P'). apply IH; [exact H'|]. rewrite <- (sumabs_perm _ _ P'). exact Hb.
Qed.

(* ------------------------------------------------------------------ numbers n 2^e *)

Fixpoint odd_part (p : positive) (e : Z) : positive * Z :=
  match p with xO q => odd_part q (e + 1) | _ => (p, e) end.
(* with an odd n, or 0 *)
Definition reduced (d : dyadic) : dyadic :=
  match fst d with
  | Z0 => (0, 0)
  | Zpos p => let (q, e) := odd_part p (snd d) in (Zpos q, e)
  | Zneg p => let (q, e) := odd_part p (snd d) in (Zneg q, e)
  end.
(* the largest power of two that divides all of them, as its exponent; None where all are 0 *)
Fixpoint lowest (l : list dyadic) : option Z :=
  match l with
  | [] => None
  | d :: rest => if fst d =? 0 then lowest rest else
      Some (match lowest rest with None => snd d | Some u => Z.min (snd d) u end)
  end.
Definition units (u : Z) (d : dyadic) : Z := fst d * 2 ^ (snd d - u).
Definition product (a b : dyadic) : dyadic := (fst a * fst b, snd a + snd b).
Definition half (a : dyadic) : dyadic := (fst a, snd a - 1).
Definition rectify (a : dyadic) : dyadic := (Z.max (fst a) 0, snd a).
Definition less (a b : dyadic) : bool := let u := Z.min (snd a) (snd b) in units u a <? units u b.
Definition vanishes (a : dyadic) : bool := fst a =? 0.

Lemma real_0 e : real (0, e) = 0%R.
Proof. unfold real. simpl. ring. Qed.
Lemma odd_part_spec p e : let (q, f) := odd_part p e in (IZR (Zpos p) * bpow radix2 e = IZR (Zpos q) * bpow radix2 f)%R.
Proof.
  revert e. induction p as [p _|p IH|]; intro e; simpl; try reflexivity.
  specialize (IH (e + 1)). destruct (odd_part p (e + 1)) as [q f]. rewrite <- IH.
  rewrite bpow_plus, bpow_1. change (Z.pos p~0) with (2 * Z.pos p). rewrite mult_IZR. simpl. ring.
Qed.
Lemma real_reduced d : real (reduced d) = real d.
Proof.
  destruct d as [[|p|p] e]; unfold reduced, real; simpl fst; simpl snd.
  - simpl. ring.
  - pose proof (odd_part_spec p e) as H. destruct (odd_part p e) as [q f]. simpl fst. simpl snd. symmetry. exact H.
  - pose proof (odd_part_spec p e) as H. destruct (odd_part p e) as [q f]. simpl fst. simpl snd.
    rewrite !(opp_IZR (Zpos _) : IZR (Zneg _) = _). rewrite !Ropp_mult_distr_l_reverse. rewrite H. reflexivity.
Qed.
Lemma real_units u d : fst d = 0 \/ u <= snd d -> real d = (IZR (units u d) * bpow radix2 u)%R.
Proof.
  unfold real, units. intros [->|H]; [simpl; ring|].
  rewrite mult_IZR. change (2 ^ (snd d - u)) with (Z.pow radix2 (snd d - u)). rewrite IZR_Zpower by lia.
  rewrite Rmult_assoc, <- bpow_plus. do 2 f_equal. lia.
Qed.
Lemma lowest_spec l : match lowest l with
  | None => Forall (fun d => fst d = 0) l
  | Some u => Forall (fun d => fst d = 0 \/ u <= snd d) l end.
Proof.
  induction l as [|d l IH]; simpl; [constructor|]. destruct (Z.eqb_spec (fst d) 0) as [E|E].
  - destruct (lowest l); constructor; auto.
  - destruct (lowest l) as [u|].
    + constructor; [right; lia|]. revert IH. apply Forall_impl. intros a [H|H]; [left; exact H|right; lia].
    + constructor; [right; lia|]. revert IH. apply Forall_impl. auto.
Qed.
Lemma real_product a b : real (product a b) = (real a * real b)%R.
Proof. unfold real, product. simpl. rewrite mult_IZR, bpow_plus. ring. Qed.
Lemma real_half a : real (half a) = (real a / 2)%R.
Proof.
  unfold real, half. simpl fst. simpl snd. replace (snd a - 1) with (snd a + -1) by lia.
  rewrite bpow_plus. change (bpow radix2 (-1)) with (/ 2)%R. field.
Qed.
Lemma real_rectify a : real (rectify a) = Rmax (real a) 0.
Proof.
  unfold real, rectify. simpl fst. simpl snd. pose proof (bpow_gt_0 radix2 (snd a)) as P.
  destruct (Z.le_ge_cases (fst a) 0) as [D|D].
  - rewrite Z.max_r by exact D. apply IZR_le in D. rewrite Rmax_right by nra. simpl. ring.
  - rewrite Z.max_l by exact D. apply IZR_le in D. rewrite Rmax_left by nra. reflexivity.
Qed.
Lemma real_less a b : less a b = true -> (real a < real b)%R.
Proof.
  unfold less. set (u := Z.min _ _). intro H. apply Z.ltb_lt, IZR_lt in H.
  rewrite (real_units u a), (real_units u b) by (right; unfold u; lia).
  apply Rmult_lt_compat_r; [apply bpow_gt_0|exact H].
Qed.
Lemma real_vanishes a : vanishes a = true -> real a = 0%R.
Proof. destruct a as [n e]. unfold vanishes. simpl. intro H. apply Z.eqb_eq in H. subst n. apply real_0. Qed.

(* ------------------------------------------------------------------ the condition, by computation *)

Section Total.
(* The multiples of 2^u up to 2^bits of them, with lo <= u and two bits below 2^top, are numbers of the format. *)
Variables bits lo top : Z.

Definition fits (u n : Z) : bool := (n <=? 2 ^ bits) && (lo <=? u) && (Z.log2 n + u + 2 <? top).

(* The sum of the terms, where it is exact in every order. *)
Definition total (terms : list dyadic) : option dyadic :=
  let l := map reduced terms in
  let u := match lowest l with None => 0 | Some u => u end in
  let ns := map (units u) l in
  if fits u (sumabs ns) then Some (sumZ ns, u) else None.

Variable F : R -> Prop.
Variable L : R.
Hypothesis contains : forall n u, Z.abs n <= 2 ^ bits -> lo <= u -> Z.log2 (Z.abs n) + u + 2 < top ->
  F (IZR n * bpow radix2 u)%R.
Hypothesis finite_up_to : (bpow radix2 (top - 1) <= L)%R.

Lemma total_spec l d : total l = Some d -> exists u ns,
  Forall2 (fun d n => real d = (IZR n * bpow radix2 u)%R) l ns /\
  (forall n, Z.abs n <= sumabs ns -> F (IZR n * bpow radix2 u)%R) /\
  (forall n, Z.abs n <= sumabs ns -> (Rabs (IZR n * bpow radix2 u) * 2 <= L)%R) /\
  real d = (IZR (sumZ ns) * bpow radix2 u)%R.
Proof.
  unfold total. set (u := match lowest _ with None => 0 | Some u => u end). set (ns := map (units u) (map reduced l)).
  destruct (fits u (sumabs ns)) eqn:E; [|discriminate]. intro H. injection H as <-.
  unfold fits in E. rewrite !andb_true_iff, !Z.leb_le, Z.ltb_lt in E. destruct E as [[E1 E2] E3].
  assert (Log : forall n, Z.abs n <= sumabs ns -> Z.log2 (Z.abs n) + u + 2 < top).
  { intros n Hn. pose proof (Z.log2_le_mono _ _ Hn). lia. }
  exists u, ns. split; [|split; [|split; [|reflexivity]]].
  - assert (A : Forall (fun d => fst d = 0 \/ u <= snd d) (map reduced l)).
    { pose proof (lowest_spec (map reduced l)) as S. unfold u. destruct (lowest (map reduced l)); [exact S|].
      revert S. apply Forall_impl. auto. }
    clear E1 E2 E3 Log. unfold ns. clearbody u. clear ns. induction l as [|d l IH]; simpl in *; constructor.
    + inversion A; subst. rewrite <- real_reduced. apply real_units. assumption.
    + apply IH. inversion A; assumption.
  - intros n Hn. apply contains; [lia|exact E2|apply Log, Hn].
  - intros n Hn. apply Rle_trans with (2 := finite_up_to). specialize (Log n Hn).
    rewrite Rabs_mult, (Rabs_pos_eq (bpow radix2 u)), <- abs_IZR by apply bpow_ge_0.
    destruct (Z.eq_dec n 0) as [->|N0].
    { simpl. rewrite !Rmult_0_l. apply bpow_ge_0. }
    apply Rle_trans with (bpow radix2 (Z.log2 (Z.abs n) + 1) * bpow radix2 u * 2)%R.
    + pose proof (Z.log2_spec (Z.abs n) ltac:(lia)) as [_ B]. pose proof (Z.log2_nonneg (Z.abs n)).
      apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_r; [apply bpow_ge_0|].
      rewrite <- IZR_Zpower by lia. apply IZR_le. simpl. unfold Z.succ in B. lia.
    + replace 2%R with (bpow radix2 1) by reflexivity. rewrite <- !bpow_plus. apply bpow_le. lia.
Qed.

(* A product that is a known number. *)
Definition term (p : computed * computed) (d : dyadic) : Prop := is_product F p (real d).

Theorem total_exact l ds d v : total ds = Some d -> sums F L l v -> Forall2 term l ds -> v = Some (real d).
Proof.
  intros T S H. destruct (total_spec _ _ T) as (u & ns & HN & HF & _ & E). rewrite E.
  apply (sums_exact F L (bpow radix2 u) (sumabs ns) HF l v S); [|lia].
  revert H HN. clear. intro H. revert ns. induction H as [|p d l ds T _ IH]; intros ns HN; inversion HN; subst;
    constructor.
  - unfold term in T. unfold multiple. congruence.
  - apply IH. assumption.
Qed.
Lemma total_number l d : total l = Some d -> F (real d) /\ (Rabs (real d) * 2 <= L)%R.
Proof.
  intro T. destruct (total_spec _ _ T) as (u & ns & _ & HF & HL & ->). split; [apply HF|apply HL]; apply sumZ_le_sumabs.
Qed.
Hypothesis enough : 2 <= bits /\ lo <= -1 /\ 4 < top.
Lemma F_small n u : Z.abs n <= 2 -> -1 <= u <= 0 -> F (IZR n * bpow radix2 u)%R.
Proof.
  intros Hn Hu. assert (2 ^ 2 <= 2 ^ bits) by (apply Z.pow_le_mono_r; lia).
  apply contains; try lia. pose proof (Z.log2_le_mono _ _ Hn) as B. change (Z.log2 2) with 1 in B. lia.
Qed.
End Total.
