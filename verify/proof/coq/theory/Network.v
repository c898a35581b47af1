(* What is claimed: the transformer, what a program may compute of it, greedy decoding, and that it adds.
   Nothing is proved here. Whoever believes these definitions and trusts Coq need read no other file of the theory. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
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

(* ------------------------------------------------------------------ admissible evaluations *)

(* What a program holds: a number, or None for an infinity or a NaN. Over plain reals 0 times an infinity would be 0. *)
Definition computed := option R.
Definition zero : computed := Some 0.
Definition one : computed := Some 1.

Section Evaluation.
Variable F : R -> Prop.                           (* the numbers of the format *)
Variable L : R.                                   (* nothing up to this size overflows *)
Variable eps : R.                                  (* half the least relative distance of two numbers: 2^-(p + 1) for p bits *)

(* One operation. Where the exact result is a number of the format, it is returned; where it is at most L, something finite
   is; else anything, an infinity and a NaN too. An operation on an infinity or a NaN returns anything. *)
Definition op (exact : R) (r : computed) : Prop := (F exact -> r = Some exact) /\ (Rabs exact <= L -> r <> None).
Definition op1 (f : R -> R) (x r : computed) : Prop := match x with Some a => op (f a) r | None => True end.
Definition op2 (f : R -> R -> R) (x y r : computed) : Prop :=
  match x, y with Some a, Some b => op (f a b) r | _, _ => True end.
Definition op3 (f : R -> R -> R -> R) (x y z r : computed) : Prop :=
  match x, y, z with Some a, Some b, Some c => op (f a b c) r | _, _, _ => True end.

(* A sum of products, its terms added by any tree, in any order, a product fused into an addition or not, with accumulators
   that start at 0 or not, every partial sum stored, or multiplied by 1 = exp(0), any number of times. *)
Inductive sums : list (computed * computed) -> computed -> Prop :=
| sums_nothing : sums [] zero
| sums_product x y r : op2 Rmult x y r -> sums [(x, y)] r
| sums_fused x y l v r : sums l v -> op3 (fun a b c => a * b + c) x y v r -> sums ((x, y) :: l) r
| sums_add l1 l2 v1 v2 r : sums l1 v1 -> sums l2 v2 -> op2 Rplus v1 v2 r -> sums (l1 ++ l2) r
| sums_store l v r : sums l v -> op1 (fun a => a) v r -> sums l r
| sums_order l l' v : Permutation l l' -> sums l v -> sums l' v.

(* A vector of n entries, entry c being a sum of the given terms: of products of a row, and of bare numbers. *)
Definition computes (n : nat) (terms : nat -> list (computed * computed)) (y : list computed) : Prop :=
  length y = n /\ forall c, (c < n)%nat -> sums (terms c) (nth c y zero).
Definition products {A} (M : list (list A)) (x : list A) (c : nat) : list (A * A) := combine (nth c M []) x.
Definition bare (v : list computed) (c : nat) : list (computed * computed) := [(nth c v zero, one)].

(* ------------------------------------------------------------------ attention *)

(* Every entry times one constant up to 2, such as 2^(-1/4), 1/sqrt 2, log2 e / sqrt 2, -1 and 1. *)
Definition scaled (x y : list computed) : Prop :=
  exists c, Rabs c <= 2 /\ length y = length x /\
    forall i, (i < length x)%nat -> op1 (fun v => v * c) (nth i x zero) (nth i y zero).
(* A number times any constants. *)
Inductive rescaled (x : computed) : computed -> Prop :=
| rescaled_not : rescaled x x
| rescaled_by c y z : rescaled x y -> op1 (fun v => v * c) y z -> rescaled x z.

Definition score (q k : list computed) (s : computed) : Prop :=
  exists q' k' s', scaled q q' /\ scaled k k' /\ sums (combine q' k') s' /\ rescaled s' s.
(* The difference of two scores as one sum, either factor of the second being negated. *)
Definition difference (q k m : list computed) (d : computed) : Prop :=
  exists q1 k1 q2 m2 d', scaled q q1 /\ scaled k k1 /\ scaled q q2 /\ scaled m m2 /\
    sums (combine q1 k1 ++ combine q2 m2) d' /\ rescaled d' d.

(* All that is asked of the exponential. *)
Definition exponential (x r : computed) : Prop := x = zero -> r = one.

Definition quotient (x z r : computed) : Prop :=
  match x, z with Some a, Some b => b <> 0 -> op (a / b) r | _, _ => True end.
Definition divides (x z r : computed) : Prop := quotient x z r \/ exists i, quotient one z i /\ op2 Rmult x i r.
(* 1 / (1 + exp d) *)
Definition logistic (d r : computed) : Prop :=
  exists e z, exponential d e /\ op2 Rplus one e z /\ quotient one z r.

(* Where tensors have fewer bits than arithmetic: exp(0) within eps / 2 of 1, arithmetic within eps / 8 of the exact result, and a
   number that is nearer to one of the format than eps of it is stored as that one. *)
Definition near (d exact : R) (r : computed) : Prop := exists v, r = Some v /\ Rabs (v - exact) <= d * Rabs exact.
Definition near_exponential (x r : computed) : Prop := x = zero -> near (eps / 2) 1 r.
Definition number_of (x : computed) : R := match x with Some a => a | None => 0 end.
Definition near_sum (l : list computed) (z : computed) : Prop :=
  (forall x, In x l -> x <> None) -> near (eps / 8) (fold_right (fun x t => number_of x + t) 0 l) z.
Definition near_quotient (x z r : computed) : Prop :=
  match x, z with Some a, Some b => b <> 0 -> near (eps / 8) (a / b) r | _, _ => True end.
Definition stores (x r : computed) : Prop :=
  forall a y, x = Some a -> F y -> a = y \/ Rabs (a - y) < eps * Rabs y -> r = Some y.

Section Attention.
Variables (see : mask) (n i : nat).               (* position i of n *)
Variables (q : list computed) (k v : nat -> list computed).

(* The argument of the exponential at position j: its score, less the score of a position that is seen, or nothing. *)
Definition argument (s : nat -> computed) (j : nat) (d : computed) : Prop :=
  exists d', rescaled d' d /\
    (d' = s j \/ exists m, (m < n)%nat /\ see i m = true /\ (op2 Rminus (s j) (s m) d' \/ difference q (k j) (k m) d')).

(* The positions that a program looks at: all that are seen, and as many of the others as it likes. *)
Definition looks_at (js : list nat) : Prop :=
  NoDup js /\ (forall j, In j js -> (j < n)%nat) /\ (forall j, (j < n)%nat -> see i j = true -> In j js).

(* Softmax over the positions looked at; those that are not seen weigh exactly 0. *)
Definition softmax (js : list nat) (e : nat -> computed) (z : computed) : Prop :=
  exists s, (forall j, In j js -> see i j = true -> score q (k j) (s j)) /\
    (forall j, In j js -> if see i j then exists d, argument s j d /\ exponential d (e j) else e j = zero) /\
    sums (map (fun j => (e j, one)) js) z.
(* Softmax over two positions as the logistic function of the difference of their scores. *)
Definition logistic_of_two (js : list nat) (p : nat -> computed) : Prop :=
  exists s, (forall j, In j js -> see i j = true -> score q (k j) (s j)) /\
    forall j, In j js -> if see i j then
      exists m d d', m <> j /\ (m < n)%nat /\ see i m = true /\ (forall o, (o < n)%nat -> see i o = true -> o = j \/ o = m) /\
        (op2 Rminus (s m) (s j) d' \/ op2 Rminus (s j) (s m) d' \/ difference q (k m) (k j) d' \/ difference q (k j) (k m) d') /\
        rescaled d' d /\ logistic d (p j)
      else p j = zero.

(* The same two, of a wider arithmetic: weights that are stored before they weigh values, *)
Definition near_softmax (js : list nat) (e : nat -> computed) (z : computed) : Prop :=
  exists s, (forall j, In j js -> see i j = true -> score q (k j) (s j)) /\
    (forall j, In j js -> if see i j then exists d, argument s j d /\ near_exponential d (e j) else e j = zero) /\
    near_sum (map e js) z.
Definition stored_softmax (js : list nat) (p : nat -> computed) : Prop :=
  exists e z, near_softmax js e z /\
    forall j, In j js -> if see i j then exists p', near_quotient (e j) z p' /\ stores p' (p j) else p j = zero.
Definition near_logistic (d r : computed) : Prop :=
  exists e z p', near_exponential d e /\ near_sum [one; e] z /\ near_quotient one z p' /\ stores p' r.
Definition stored_logistic_of_two (js : list nat) (p : nat -> computed) : Prop :=
  exists s, (forall j, In j js -> see i j = true -> score q (k j) (s j)) /\
    forall j, In j js -> if see i j then
      exists m d d', m <> j /\ (m < n)%nat /\ see i m = true /\ (forall o, (o < n)%nat -> see i o = true -> o = j \/ o = m) /\
        (op2 Rminus (s m) (s j) d' \/ op2 Rminus (s j) (s m) d' \/ difference q (k m) (k j) d' \/ difference q (k j) (k m) d') /\
        rescaled d' d /\ near_logistic d (p j)
      else p j = zero.
(* or exponentials that are, the mean being stored too. *)
Definition stored_exponentials (js : list nat) (v : nat -> computed) (r : computed) : Prop :=
  exists e z p y r', near_softmax js e z /\
    (forall j, In j js -> if see i j then stores (e j) (p j) else p j = zero) /\
    sums (map (fun j => (p j, v j)) js) y /\ near_quotient y z r' /\ stores r' r.

(* One entry of the attended value: weighted by what softmax gives, normalised before the values are added up or after. *)
Definition attends (c : nat) (r : computed) : Prop :=
  exists js, looks_at js /\
    ((exists p, (logistic_of_two js p \/ stored_logistic_of_two js p \/ stored_softmax js p) /\
        sums (map (fun j => (p j, nth c (v j) zero)) js) r) \/
     stored_exponentials js (fun j => nth c (v j) zero) r \/
     exists e z, softmax js e z /\
       ((exists p, (forall j, In j js -> divides (e j) z (p j)) /\ sums (map (fun j => (p j, nth c (v j) zero)) js) r) \/
        (exists y, sums (map (fun j => (e j, nth c (v j) zero)) js) y /\ divides y z r))).
End Attention.

(* Attention's value at position i of n, before the output matrix; x are the embedded tokens. *)
Definition attended (w : weights computed) (see : mask) (x : nat -> list computed) (n i : nat) (a : list computed) : Prop :=
  exists q k v,
    computes (length (query w)) (products (query w) (x i)) q /\
    (forall j, (j < n)%nat -> computes (length (key w)) (products (key w) (x j)) (k j)) /\
    (forall j, (j < n)%nat -> computes (length (value w)) (products (value w) (x j)) (v j)) /\
    length a = length (value w) /\
    forall c, (c < length (value w))%nat -> attends see n i q k v c (nth c a zero).

(* ------------------------------------------------------------------ the block *)

Definition rectified (x y : list computed) : Prop :=
  length y = length x /\ forall c, (c < length x)%nat -> op1 (fun v => Rmax v 0) (nth c x zero) (nth c y zero).

(* The logits of the last position of a context. The stream at the end is one sum: the token, what attention adds to it, what the
   contraction adds, its bias. The stream after attention is evaluated beside it, and may be one of its partial sums. *)
Definition logits (w : weights computed) (see : mask) (ctx : list nat) (l : list computed) : Prop :=
  let n := length ctx in
  let x := fun j => nth (nth j ctx O) (embedding w) [] in
  let here := x (n - 1)%nat in
  exists a a' x1 g h x2,
    attended w see x n (n - 1) a /\ attended w see x n (n - 1) a' /\
    computes (length (output w)) (fun c => products (output w) a c ++ bare here c) x1 /\
    computes (length (hidden w)) (fun c => products (hidden w) x1 c ++ bare (hidden_bias w) c) g /\
    rectified g h /\
    computes (length (contract w))
      (fun c => products (contract w) h c ++ bare (contract_bias w) c ++ products (output w) a' c ++ bare here c) x2 /\
    computes (length (embedding w)) (products (embedding w) x2) l.
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

(* Greedy decoding of W tokens adds a and b: there is a run; no run that has begun is ever stuck, whatever it computed so far and
   whatever logits it computes next; and each run to the end, whatever it computed and picked, spells the sum. *)
Definition adds (step : list nat -> list computed -> Prop) (W : nat) (a b : Z) : Prop :=
  let prompt := encode W a b in
  (exists out, greedy step prompt W out) /\
  (forall m out, (m < W)%nat -> greedy step prompt m out ->
    (exists l, step (prompt ++ out) l) /\ forall l, step (prompt ++ out) l -> exists t, may_pick l t) /\
  (forall out, greedy step prompt W out -> length out = W /\ decode out = (a + b)%Z).
