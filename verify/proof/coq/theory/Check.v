(* The check by computation, in integers: no sum rounds, all scores are 0, and the largest logits are those of a full
   adder. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network Exact Machine.
Import ListNotations.
Open Scope Z_scope.

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
Definition layer_sums (M : list (list dyadic)) (x : list dyadic) : option (list dyadic) := vector (length M) (row M x).

(* The logits after a pair token p and a state token s, where no sum rounds and all scores are 0. *)
Definition context (w : weights dyadic) (p s : nat) : option (list dyadic) :=
  let xp := nth p (embedding w) [] in
  let xs := nth s (embedding w) [] in
  q <- layer_sums (query w) xs ;;
  kp <- layer_sums (key w) xp ;;
  ks <- layer_sums (key w) xs ;;
  vp <- layer_sums (value w) xp ;;
  vs <- layer_sums (value w) xs ;;
  if forallb vanishes q || (forallb vanishes kp && forallb vanishes ks) then
    sum <- vector (length (value w)) (fun c => alone vp c ++ alone vs c) ;;
    mean <- vector (length (value w)) (fun c => map half (alone vp c ++ alone vs c)) ;;
    x1 <- vector (length (output w)) (fun c => row (output w) mean c ++ alone xs c) ;;
    g <- vector (length (hidden w)) (fun c => row (hidden w) x1 c ++ alone (hidden_bias w) c) ;;
    x2 <- vector (length (contract w)) (fun c =>
      row (contract w) (map rectify g) c ++ alone (contract_bias w) c ++ row (output w) mean c ++ alone xs c) ;;
    layer_sums (embedding w) x2
  else None.
Definition largest (l : list dyadic) (t : nat) : bool :=
  (t <? length l)%nat && forallb (fun u => (u =? t)%nat || less (nth u l nil_dyadic) (nth t l nil_dyadic)) (seq 0
    (length l)).

Variable w : weights dyadic.
Variable table : list (list nat).                 (* the next state, by pair and state *)
Variable carries : list nat.                      (* the carry, by state *)
Definition next p s := nth s (nth p table []) 0%nat.
Definition carry s := nth s carries 0%nat.

(* The weights are numbers of the format. *)
Definition fits_all : list dyadic -> bool :=
  forallb (fun d => match total bits lo top [d] with Some _ => true | None => false end).
Definition representable : bool :=
  forallb (forallb fits_all) [embedding w; query w; key w; value w; output w; hidden w; [hidden_bias w];
    contract w; [contract_bias w]].
(* The machine is a full adder, and the network is the machine. *)
Definition check : bool :=
  representable && (carry 0 =? 0)%nat &&
  forallb (fun p => forallb (fun s => let t := next p s in
    (t <? 4)%nat && (t mod 2 + 2 * carry t =? p / 2 + p mod 2 + carry s)%nat &&
    match context w p s with Some l => largest l t | None => false end) (seq 0 4)) (seq 0 4).
End Check.

(* ------------------------------------------------------------------ what the parts of it say *)

Lemma all_spec {A} (l : list (option A)) y d : all l = Some y ->
  length y = length l /\ forall c, (c < length l)%nat -> nth c l None = Some (nth c y d).
Proof.
  revert y. induction l as [|[a|] l IH]; simpl; intros y H; try discriminate.
  - injection H as <-. split; [reflexivity|]. intros; lia.
  - destruct (all l) as [y'|]; [|discriminate]. injection H as <-. destruct (IH y' eq_refl) as [E N].
    split; [simpl; lia|].
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
Lemma check_representable bits lo top w table carries : check bits lo top w table carries = true ->
  representable bits lo top w = true.
Proof. unfold check. rewrite !andb_true_iff. tauto. Qed.
