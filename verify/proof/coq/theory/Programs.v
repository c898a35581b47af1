(* Programs as functions: the network in real arithmetic and in rounded arithmetic, in several orders. Nothing is proved
   here. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
From Adder Require Import Numbers Network.
Import ListNotations.
Open Scope R_scope.

(* ------------------------------------------------------------------ operations *)

(* an infinity where the rounded value is out of range *)
Definition finite (x : Z) (v : R) : computed := if Rlt_bool (Rabs v) (bpow radix2 x) then Some v else None.
(* What IEEE 754 asks of each operation: to nearest, ties to even, infinite beyond the largest number. *)
Definition nearest_value (f : format) (x : R) : R := round radix2 (FLT_exp (emin f) (prec f)) ZnearestE x.
Definition nearest (f : format) (x : R) : computed := finite (emax f) (nearest_value f x).

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
Definition stored (store : R -> computed) (v : computed) : computed :=
  match v with Some a => store a | None => None end.

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

(* softmax over the two positions i and j alone, as the logistic function of the difference of their scores, which is
   one sum *)
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
Definition tokens_of (w : weights computed) (ctx : list nat) (j : nat) : list computed :=
  nth (nth j ctx O) (embedding w) [].

(* the whole sequence at every step *)
Definition whole_sequence (w : weights computed) (see : mask) (ctx : list nat) : list computed :=
  let n := length ctx in
  block_of w (tokens_of w ctx (n - 1)) (attention_of w see (tokens_of w ctx) n (n - 1)).
(* the pair and the state alone: position W + k reads positions k and W + k *)
Definition incremental (W : nat) (w : weights computed) (ctx : list nat) : list computed :=
  let i := (length ctx - 1)%nat in
  block_of w (tokens_of w ctx i) (attention_of_two w (tokens_of w ctx) i (i - W)).
End Evaluate.

(* ------------------------------------------------------------------ tensors of 16 bits, arithmetic in float32 *)

Section Stored.
Variable f : format.                              (* of the tensors *)
Variable add_up : list (computed * computed) -> computed.
Variable exponent : R -> R.                       (* exponent 0 may be only near 1 *)
Variable scale : R.

Definition wide : R -> computed := nearest Binary32.
Definition keep : computed -> computed := stored (nearest f).
Definition kept_sum (l : list (computed * computed)) : computed := keep (add_up l).

Section At.
Variables (w : weights computed) (see : mask) (x : nat -> list computed) (n i : nat).
Let q := vector_of kept_sum (length (query w)) (products (query w) (x i)).
Let k j := vector_of kept_sum (length (key w)) (products (key w) (x j)).
Let v j := vector_of kept_sum (length (value w)) (products (value w) (x j)).
Definition score_of (j : nat) : computed := apply1 wide (fun a => a * scale) (add_up (combine q (k j))).
Definition largest_score : computed := score_of (best score_of (filter (see i) (seq 0 n))).
Definition exponential_of (j : nat) : computed :=
  if see i j then apply1 wide exponent (apply2 wide Rminus (score_of j) largest_score) else zero.
Definition normaliser_of : computed := add_up (map (fun j => (exponential_of j, one)) (seq 0 n)).
Definition entries (g : nat -> computed) : list computed := map g (seq 0 (length (value w))).

(* As torch's attention for bfloat16 on a CPU: exponentials are stored, weigh the values, and their mean is stored. *)
Definition stored_exponentials : list computed := entries (fun c => keep (apply2 wide Rdiv
  (add_up (map (fun j => (keep (exponential_of j), nth c (v j) zero)) (seq 0 n))) normaliser_of)).
(* As modules that call softmax: the weights are stored. *)
Definition stored_weights : list computed := entries (fun c => kept_sum
  (map (fun j => (keep (apply2 wide Rdiv (exponential_of j) normaliser_of), nth c (v j) zero)) (seq 0 n))).
End At.

Definition stored_by (attention : weights computed -> mask -> (nat -> list computed) -> nat -> nat -> list computed)
    (w : weights computed) (see : mask) (ctx : list nat) : list computed :=
  let n := length ctx in
  block_of (nearest f) kept_sum w (tokens_of w ctx (n - 1)%nat)
    (attention w see (tokens_of w ctx) n (n - 1)%nat).
End Stored.
(* torch's exponential for it is off by about 10^-4: exp(0) = 2^-0.000107. *)
Definition rough_exp (x : R) : R := exp (x - 107 / 1000000 * ln 2).

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
