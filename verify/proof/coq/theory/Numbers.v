(* Numbers: what a program holds, the formats of IEEE 754 and bfloat16, and numbers n 2^e. Nothing is proved here. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
Import ListNotations.
Open Scope R_scope.

(* What a program holds: a number, or None for an infinity or a NaN. Over plain reals 0 times an infinity would be 0. *)
Definition computed := option R.
Definition zero : computed := Some 0.
Definition one : computed := Some 1.

(* A weight (n, e) is n 2^e. *)
Definition dyadic := (Z * Z)%type.
Definition real (d : dyadic) : R := IZR (fst d) * bpow radix2 (snd d).
Definition lift (d : dyadic) : computed := Some (real d).

(* ------------------------------------------------------------------ formats *)

Inductive format := Binary64 | Binary32 | Bfloat16 | Binary16.
(* bits of the significand *)
Definition prec (f : format) : Z :=
  match f with Binary64 => 53 | Binary32 => 24 | Bfloat16 => 8 | Binary16 => 11 end.
(* 2^emin is the smallest subnormal number, as Flocq has it *)
Definition emin (f : format) : Z :=
  match f with Binary64 => -1074 | Binary32 => -149 | Bfloat16 => -133 | Binary16 => -24 end.
(* 2^emax is the first power of two that is too large *)
Definition emax (f : format) : Z :=
  match f with Binary64 => 1024 | Binary32 => 128 | Bfloat16 => 128 | Binary16 => 16 end.

(* Zero, and the normal numbers of prec bits below 2^emax, the smallest being 2^(emin + prec - 1). Subnormal numbers are
   left out: a program may flush them to 0. *)
Definition normal (prec emin emax : Z) (x : R) : Prop :=
  x = 0 \/ (generic_format radix2 (FLT_exp emin prec) x /\ bpow radix2 (emin + prec - 1) <= Rabs x < bpow radix2 emax).
Definition numbers (f : format) : R -> Prop := normal (prec f) (emin f) (emax f).
Definition smallest (f : format) : Z := (emin f + prec f - 1)%Z.
(* Nothing up to this size overflows. *)
Definition bound (f : format) : R := bpow radix2 (emax f - 1).
(* Half the least relative distance of two numbers, which is that of the last two below a power of two. *)
Definition half_ulp (f : format) : R := bpow radix2 (- prec f - 1).
