(* What is claimed: the transformer, what a program may compute of it, greedy decoding, and that it adds. Nothing is
   proved here. Whoever believes these definitions and those of Numbers, and trusts Coq, need read no other file of the
   theory to know what theorems 1 and 2 say. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers.
Import ListNotations.
Open Scope R_scope.

(* ------------------------------------------------------------------ the architecture *)

(* Matrices are lists of rows, and a row makes one entry of the output. The embedding is the head, too. *)
Record weights (A : Type) := Weights {
  embedding : list (list A);
  query : list (list A); key : list (list A); value : list (list A); output : list (list A);
  hidden : list (list A); hidden_bias : list A;
  contract : list (list A); contract_bias : list A }.
Arguments Weights {A}. Arguments embedding {A}. Arguments query {A}. Arguments key {A}. Arguments value {A}.
Arguments output {A}. Arguments hidden {A}. Arguments hidden_bias {A}. Arguments contract {A}.
Arguments contract_bias {A}.

Definition map_weights {A B} (f : A -> B) (w : weights A) : weights B :=
  let m := map (map f) in
  Weights (m (embedding w)) (m (query w)) (m (key w)) (m (value w)) (m (output w)) (m (hidden w))
    (map f (hidden_bias w)) (m (contract w)) (map f (contract_bias w)).

Definition mask := nat -> nat -> bool.            (* position, position: may the first see the second? *)
Definition routing (W : nat) : mask := fun i j => (j =? i)%nat || (j + W =? i)%nat.

(* ------------------------------------------------------------------ operations *)

Section Evaluation.
Variable F : R -> Prop.                           (* the numbers of the format *)
Variable L : R.                                   (* nothing up to this size overflows *)
Variable eps : R.                                 (* half the least relative distance of two numbers *)

(* One operation. Where the exact result is a number of the format, it is returned; where it is at most L, something
   finite is; else anything, an infinity and a NaN too. An operation on an infinity or a NaN returns anything. *)
Definition op (exact : R) (r : computed) : Prop := (F exact -> r = Some exact) /\ (Rabs exact <= L -> r <> None).
(* An operand that is a number of the format is read as it is. What is none may be read as any number: a subnormal one
   as 0, one of a wider register as its nearest. *)
Definition reads (a a' : R) : Prop := F a -> a' = a.
Definition op1 (f : R -> R) (x r : computed) : Prop :=
  match x with Some a => exists a', reads a a' /\ op (f a') r | None => True end.
Definition op2 (f : R -> R -> R) (x y r : computed) : Prop :=
  match x, y with
  | Some a, Some b => exists a' b', reads a a' /\ reads b b' /\ op (f a' b') r
  | _, _ => True
  end.
Definition op3 (f : R -> R -> R -> R) (x y z r : computed) : Prop :=
  match x, y, z with
  | Some a, Some b, Some c => exists a' b' c', reads a a' /\ reads b b' /\ reads c c' /\ op (f a' b' c') r
  | _, _, _ => True
  end.
Definition quotient (x z r : computed) : Prop :=
  match x, z with
  | Some a, Some b => exists a' b', reads a a' /\ reads b b' /\ (b' <> 0 -> op (a' / b') r)
  | _, _ => True
  end.

(* ------------------------------------------------------------------ sums *)

(* A sum of products, its terms added by any tree, in any order, a product fused into an addition or not, with
   accumulators that start at 0 or not, every partial sum stored, or multiplied by 1 = exp(0), any number of times. *)
Inductive sums : list (computed * computed) -> computed -> Prop :=
| sums_nothing : sums [] zero
| sums_product x y r : op2 Rmult x y r -> sums [(x, y)] r
| sums_fused x y l v r : sums l v -> op3 (fun a b c => a * b + c) x y v r -> sums ((x, y) :: l) r
| sums_add l1 l2 v1 v2 r : sums l1 v1 -> sums l2 v2 -> op2 Rplus v1 v2 r -> sums (l1 ++ l2) r
| sums_store l v r : sums l v -> op1 (fun a => a) v r -> sums l r
| sums_order l l' v : Permutation l l' -> sums l v -> sums l' v.

Definition products {A} (M : list (list A)) (x : list A) (c : nat) : list (A * A) := combine (nth c M []) x.
Definition bare (v : list computed) (c : nat) : list (computed * computed) := [(nth c v zero, one)].

(* What a program may compute of a vector. Wherever the vector is used, it may have computed another of these: two uses
   of one number may be evaluated differently. *)
Definition vectors := list computed -> Prop.
(* Vectors of n entries, entry c being a sum of any of the given lists of terms. *)
Definition computes (n : nat) (terms : nat -> list (computed * computed) -> Prop) : vectors := fun y =>
  length y = n /\ forall c, (c < n)%nat -> exists l, terms c l /\ sums l (nth c y zero).
Definition layer (M : list (list computed)) (x : list computed) : vectors :=
  computes (length M) (fun c l => l = products M x c).

(* ------------------------------------------------------------------ scores *)

(* Every entry times one constant up to 2, such as 2^(-1/4), 1/sqrt 2, log2 e / sqrt 2, -1 and 1. *)
Definition scaled (x y : list computed) : Prop :=
  exists c, Rabs c <= 2 /\ length y = length x /\
    forall i, (i < length x)%nat -> op1 (fun v => v * c) (nth i x zero) (nth i y zero).
(* A number times any constants. *)
Inductive rescaled (x : computed) : computed -> Prop :=
| rescaled_not : rescaled x x
| rescaled_by c y z : rescaled x y -> op1 (fun v => v * c) y z -> rescaled x z.
(* A product, to be fused or not, or one that was multiplied by constants before it is added. *)
Definition weighed (t t' : computed * computed) : Prop :=
  t' = t \/ exists r r', op2 Rmult (fst t) (snd t) r /\ rescaled r r' /\ t' = (r', one).
(* The products of a query and a key. *)
Definition score_terms (Q K : vectors) (l : list (computed * computed)) : Prop :=
  exists q k q' k', Q q /\ K k /\ scaled q q' /\ scaled k k' /\ Forall2 weighed (combine q' k') l.
Definition score (Q K : vectors) (s : computed) : Prop :=
  exists l s', score_terms Q K l /\ sums l s' /\ rescaled s' s.
(* The difference of two scores as one sum, either factor of the second being negated. *)
Definition difference (Q K M : vectors) (d : computed) : Prop :=
  exists l l' d', score_terms Q K l /\ score_terms Q M l' /\ sums (l ++ l') d' /\ rescaled d' d.

(* ------------------------------------------------------------------ softmax *)

(* All that is asked of the exponential. *)
Definition exponential (x r : computed) : Prop := x = zero -> r = one.
Definition divides (x z r : computed) : Prop := quotient x z r \/ exists i, quotient one z i /\ op2 Rmult x i r.
(* 1 / (1 + exp d) *)
Definition logistic (d r : computed) : Prop :=
  exists e z, exponential d e /\ op2 Rplus one e z /\ quotient one z r.

(* Where tensors have fewer bits than arithmetic: exp(0) within eps / 2 of 1; a sum of such numbers, and a quotient that
   is no further from some number of the format than half of it, within eps / 8 of the exact result; and a number that
   is nearer to one of the format than eps of it is stored as that one. *)
Definition near (d exact : R) (r : computed) : Prop := exists v, r = Some v /\ Rabs (v - exact) <= d * Rabs exact.
Definition near_exponential (x r : computed) : Prop := x = zero -> near (eps / 2) 1 r.
Definition number_of (x : computed) : R := match x with Some a => a | None => 0 end.
Definition near_sum (l : list computed) (z : computed) : Prop :=
  (forall x, In x l -> x = zero \/ near (/ 2) 1 x) -> near (eps / 8) (fold_right (fun x t => number_of x + t) 0 l) z.
Definition near_number (x : R) : Prop := Rabs x <= L /\ exists m, F m /\ Rabs (x - m) <= Rabs m / 2.
Definition near_quotient (x z r : computed) : Prop :=
  match x, z with Some a, Some b => b <> 0 -> near_number (a / b) -> near (eps / 8) (a / b) r | _, _ => True end.
Definition stores (x r : computed) : Prop :=
  forall a y, x = Some a -> F y -> a = y \/ Rabs (a - y) < eps * Rabs y -> r = Some y.
Definition near_logistic (d r : computed) : Prop :=
  exists e z p, near_exponential d e /\ near_sum [one; e] z /\ near_quotient one z p /\ stores p r.

(* ------------------------------------------------------------------ attention *)

Section Attention.
Variables (see : mask) (n i : nat).               (* position i of n *)
Variables (Q : vectors) (K V : nat -> vectors).   (* the query, and keys and values by position *)

(* The positions that a program looks at: all that are seen, and as many of the others as it likes. *)
Definition looks_at (js : list nat) : Prop :=
  NoDup js /\ (forall j, In j js -> (j < n)%nat) /\ (forall j, (j < n)%nat -> see i j = true -> In j js).
(* Positions that are not seen weigh exactly 0. *)
Definition if_seen (P : nat -> computed -> Prop) (j : nat) (r : computed) : Prop := if see i j then P j r else r = zero.

(* The score of one position less that of another, as two scores or as one sum. *)
Definition less_score (j m : nat) (d : computed) : Prop :=
  (exists s t, score Q (K j) s /\ score Q (K m) t /\ op2 Rminus s t d) \/ difference Q (K j) (K m) d.
(* The argument of the exponential: the score, less the score of a position that is seen, or nothing. *)
Definition argument (j : nat) (d : computed) : Prop :=
  exists d', rescaled d' d /\
    (score Q (K j) d' \/ exists m, (m < n)%nat /\ see i m = true /\ less_score j m d').
(* That of the logistic function, where two positions are seen: the difference of their scores. *)
Definition argument_of_two (j : nat) (d : computed) : Prop :=
  exists m d', m <> j /\ (m < n)%nat /\ see i m = true /\
    (forall o, (o < n)%nat -> see i o = true -> o = j \/ o = m) /\
    (less_score m j d' \/ less_score j m d') /\ rescaled d' d.

Definition weight_by (E : computed -> computed -> Prop) (A : nat -> computed -> Prop) : nat -> computed -> Prop :=
  if_seen (fun j e => exists d, A j d /\ E d e).
Definition exponentials := weight_by exponential argument.
Definition normaliser (z : computed) : Prop :=
  exists js e, looks_at js /\ (forall j, In j js -> exponentials j (e j)) /\ sums (map (fun j => (e j, one)) js) z.
(* A weight: softmax, or over two positions the logistic function. *)
Definition weight (j : nat) (p : computed) : Prop :=
  (exists e z, exponentials j e /\ normaliser z /\ divides e z p) \/
  weight_by logistic argument_of_two j p \/ weight_by near_logistic argument_of_two j p.
(* An entry of the values, so weighted. *)
Definition weighted (js : list nat) (P : nat -> computed -> Prop) (c : nat) (r : computed) : Prop :=
  exists p v, (forall j, In j js -> P j (p j) /\ V j (v j)) /\ sums (map (fun j => (p j, nth c (v j) zero)) js) r.

(* Softmax of a wider arithmetic, in which exp(0) may be only near 1. An exponential is one number then, wherever it is
   used; what weighs values is stored: the weights, or the exponentials, the mean being stored too. *)
Definition near_softmax (js : list nat) (e : nat -> computed) (z : computed) : Prop :=
  (forall j, In j js -> weight_by near_exponential argument j (e j)) /\ near_sum (map e js) z.
Definition stored_weight (e : nat -> computed) (z : computed) (j : nat) (p : computed) : Prop :=
  exists p', near_quotient (e j) z p' /\ stores p' p.
Definition stored_exponential (e : nat -> computed) (j : nat) (p : computed) : Prop := stores (e j) p.

(* One entry of the attended value: normalised before the values are added up, or after. *)
Definition attends (c : nat) (r : computed) : Prop :=
  exists js, looks_at js /\
    (weighted js weight c r \/
     (exists y z, weighted js exponentials c y /\ normaliser z /\ divides y z r) \/
     exists e z, near_softmax js e z /\
       (weighted js (stored_weight e z) c r \/
        exists y r', weighted js (stored_exponential e) c y /\ near_quotient y z r' /\ stores r' r)).
End Attention.

(* ------------------------------------------------------------------ the block *)

Section Block.
Variables (w : weights computed) (see : mask).

(* Attention's value at position i of n, before the output matrix; x are the embedded tokens. *)
Definition attended (x : nat -> list computed) (n i : nat) : vectors := fun a =>
  length a = length (value w) /\
  forall c, (c < length (value w))%nat ->
    attends see n i (layer (query w) (x i)) (fun j => layer (key w) (x j)) (fun j => layer (value w) (x j))
      c (nth c a zero).

Variables (here : list computed) (A : vectors).   (* the token, and what attention gives *)
Definition after_attention : vectors :=
  computes (length (output w)) (fun c l => exists a, A a /\ l = products (output w) a c ++ bare here c).
Definition rectified (x y : list computed) : Prop :=
  length y = length x /\ forall c, (c < length x)%nat -> op1 (fun v => Rmax v 0) (nth c x zero) (nth c y zero).
Definition hidden_units : vectors := fun h =>
  exists g, rectified g h /\
    computes (length (hidden w))
      (fun c l => exists x, after_attention x /\ l = products (hidden w) x c ++ bare (hidden_bias w) c) g.
(* One sum: what the contraction adds to the stream, its bias, what attention adds to it, and the token. The stream
   after attention may be one of its partial sums. *)
Definition at_the_end : vectors :=
  computes (length (contract w)) (fun c l => exists h a, hidden_units h /\ A a /\
    l = products (contract w) h c ++ bare (contract_bias w) c ++ products (output w) a c ++ bare here c).
Definition head : vectors :=
  computes (length (embedding w)) (fun c l => exists x, at_the_end x /\ l = products (embedding w) x c).
End Block.

(* The logits of the last position of a context. *)
Definition logits (w : weights computed) (see : mask) (ctx : list nat) : list computed -> Prop :=
  let n := length ctx in
  let x := fun j => nth (nth j ctx O) (embedding w) [] in
  head w (x (n - 1)%nat) (attended w see x n (n - 1)).
End Evaluation.

(* ------------------------------------------------------------------ greedy decoding *)

(* A largest logit: at a tie any of them, and where there is an infinity or a NaN no order is assumed. *)
Definition may_pick (l : list computed) (t : nat) : Prop :=
  (t < length l)%nat /\ forall u, (u < length l)%nat ->
  match nth u l None, nth t l None with Some x, Some y => x <= y | _, _ => True end.

(* From a context, n tokens; each step may evaluate in another way. *)
Inductive greedy (step : list nat -> list computed -> Prop) : list nat -> nat -> list nat -> Prop :=
| greedy_stop ctx : greedy step ctx 0 []
| greedy_step ctx n l t out :
    step ctx l -> may_pick l t -> greedy step (ctx ++ [t]) n out -> greedy step ctx (S n) (t :: out).

Definition bit (x : Z) (i : nat) : nat := Z.to_nat ((x / 2 ^ Z.of_nat i) mod 2).
Definition pair (a b : Z) (i : nat) : nat := (2 * bit a i + bit b i)%nat.
Definition encode (W : nat) (a b : Z) : list nat := map (pair a b) (seq 0 W) ++ [0%nat].
Fixpoint decode (out : list nat) : Z :=
  match out with [] => 0 | t :: rest => Z.of_nat (t mod 2) + 2 * decode rest end%Z.

(* Greedy decoding of W tokens adds a and b: there is a run; no run that has begun is ever stuck, whatever it computed
   so far and whatever logits it computes next; and each run to the end, whatever it computed and picked, spells the
   sum. *)
Definition adds (step : list nat -> list computed -> Prop) (W : nat) (a b : Z) : Prop :=
  let prompt := encode W a b in
  (exists out, greedy step prompt W out) /\
  (forall m out, (m < W)%nat -> greedy step prompt m out ->
    (exists l, step (prompt ++ out) l) /\ forall l, step (prompt ++ out) l -> exists t, may_pick l t) /\
  (forall out, greedy step prompt W out -> length out = W /\ decode out = (a + b)%Z).
