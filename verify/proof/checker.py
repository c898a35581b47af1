"""Checks a certificate without trust: the standard library alone, and no line shared with the program that wrote it.

Run it as ``python checker.py CERTIFICATE``. From the weights, the mask and the dtype it derives everything else that a
certificate may say, in its own arithmetic (decimals of 700 digits, rounded down and up), and compares leaf by leaf.
Free are why something is undecided, the witnesses, which are replayed, and the record: what the prover saw of a
program, which cannot be known here, on which nothing else rests, and which is told apart.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import sys
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

SCHEMA = "adder-certificate/2"
LARGEST = 9_999_999_999
SMALLEST, LARGEST_WEIGHT = 2.0**-149, (2 - 2.0**-23) * 2.0**127
BITS = 35
MODES = ("every operation rounded", "float32 accumulation")
FORMATS = {  # bits of the significand, exponents of the smallest normal and of the largest number
    "float64": (53, -1022, 1023),
    "float32": (24, -126, 127),
    "bfloat16": (8, -126, 127),
    "float16": (11, -14, 15),
}
SHAPES = {
    "embedding.weight": (4, 2),
    "attention.in_proj_weight": (6, 2),
    "attention.out_proj.weight": (2, 2),
    "mlp.0.weight": (4, 2),
    "mlp.0.bias": (1, 4),
    "mlp.2.weight": (2, 4),
    "mlp.2.bias": (1, 2),
}
CONTEXTS = [(pair, state) for pair in range(4) for state in range(4)]

FORWARD = [
    "x = embedding[ids]",
    "q, k, v = x @ in_proj_weight.T, split in three",
    "x = x + (softmax(q @ k.T / sqrt(2) + mask) @ v) @ out_proj.weight.T",
    "x = x + max(x @ mlp.0.weight.T + mlp.0.bias, 0) @ mlp.2.weight.T + mlp.2.bias",
    "logits = x @ embedding.T",
]
DECODING = "35 pair tokens 2 * a_i + b_i from bit 0, one token 0, then 35 times the argmax of the last position"
ANSWER = "the sum of (token mod 2) * 2^i over the 35 generated tokens"
ASSUMPTIONS = {
    "weights": "The weights of a precision are the given ones rounded to it, to nearest even; on their way to 16 "
    "bits they are first rounded to float32, as torch does.",
    "operations": "Numbers are IEEE 754 binary. Each addition, multiplication and division errs by at most 2^-p of "
    "its result, p being the bits of the significand; results and operands below the smallest normal number may "
    "become 0.",
    "evaluations": "The terms of each sum are added by any tree of additions, products fused into it or not, "
    "partial sums stored or not. The residual stream is one sum: the token, the terms of both layers, the bias. The"
    " argument of softmax is one sum of both scores' terms, or each score one. No product is distributed over a sum"
    " or taken out of one.",
    "modes": "With every operation rounded, all arithmetic is in the precision named. With float32 accumulation, "
    "all arithmetic is in float32, and any result may be stored in the precision named. No operation uses fewer "
    "bits: no TF32.",
    "exponential": "exp errs by at most 10 * 2^-p of its result, p being the bits of the arithmetic or of stored "
    "tensors, whichever are fewer; in float32 without narrower tensors by at most 40 * 2^-24. exp(0) is 1; where "
    "tensors have fewer bits than the arithmetic, it may be off by up to 2^-(p + 2), if it or the weight made of it"
    " is stored before it weighs values, and the mean of the values is stored. exp of minus infinity is 0, and so "
    "is the reciprocal of an exp that overflows.",
    "scores": "A product of query and key takes part in at most 8 operations on its way into the argument of "
    "softmax, and 3 more subtract the largest score and scale for exp2. Softmax, or the logistic function of the "
    "argument and of minus it, normalises within 5, before or after the sum.",
    "mask": "Masked positions have a weight of exactly 0, and 0 times a finite number, added, changes nothing.",
    "argmax": "The argmax of logits of which one is the largest is that one.",
    "program": "The theorem is of the architecture with its weights. That a program computes it and decodes it so "
    "is no part of it.",
}
RECORDED = {  # what a record says of a program, in words
    "weights": {
        "given": "given, and read off no program",
        "own": "read off our own model, in the prover's process",
        "file": "read by the prover from the bytes of the subject's file",
        "sent": "bytes that the subject's process sent; that they are its model's is its own word",
        "unguarded": "read in a process in which the subject's own code ran, which may change what reads it",
    },
    "forward": {
        "given": "not looked at",
        "traced": "traced where the model lives: it dispatched the architecture's operations",
    },
    "decoding": {
        "given": "not run, or not found right",
        "compared": "add was run on the pairs below, in which every context that can occur at a position occurs there",
    },
}

Interval = tuple[Decimal, Decimal]
Row = list[float]
Model = dict[str, list[Row]]

DOWN = Context(prec=700, rounding=ROUND_FLOOR, Emin=MIN_EMIN, Emax=MAX_EMAX)
UP = Context(prec=700, rounding=ROUND_CEILING, Emin=MIN_EMIN, Emax=MAX_EMAX)
SHORT_DOWN = Context(prec=120, rounding=ROUND_FLOOR, Emin=MIN_EMIN, Emax=MAX_EMAX)  # for exp, slow and never exact
SHORT_UP = Context(prec=120, rounding=ROUND_CEILING, Emin=MIN_EMIN, Emax=MAX_EMAX)
ZERO, ONE = Decimal(0), Decimal(1)


class Rejected(ValueError):  # noqa: N818 - what the checker says, not what went wrong with it
    """The certificate cannot be followed to its end; the message is the reason."""


# --- Numbers -----------------------------------------------------------------------------------------------------


def exact(number: float) -> Interval:
    """Return the interval of one float; the conversion to decimal is exact."""
    return Decimal(number), Decimal(number)


def plus(x: Interval, y: Interval) -> Interval:
    """Return an enclosure of the sum."""
    return DOWN.add(x[0], y[0]), UP.add(x[1], y[1])


def times(x: Interval, y: Interval) -> Interval:
    """Return an enclosure of the product."""
    corners = list(itertools.product(x, y))
    return min(DOWN.multiply(*c) for c in corners), max(UP.multiply(*c) for c in corners)


def inner(xs: list[Interval], ys: list[Interval]) -> Interval:
    """Return an enclosure of the scalar product."""
    total = (ZERO, ZERO)
    for x, y in zip(xs, ys, strict=True):
        total = plus(total, times(x, y))
    return total


def size(x: Interval) -> Decimal:
    """Return the largest magnitude in an interval."""
    return max(x[0].copy_abs(), x[1].copy_abs())


def enclosed_exp(x: Interval) -> Interval:
    """Return an enclosure of exp; the library's is correctly rounded to nearest, so its neighbours enclose it."""
    low, high = (Decimal(-10_000) if end < -10_000 else end for end in x)
    below = ONE if low == 0 else SHORT_DOWN.next_minus(SHORT_DOWN.exp(SHORT_DOWN.plus(low)))
    above = ONE if high == 0 else SHORT_UP.next_plus(SHORT_UP.exp(SHORT_UP.plus(high)))
    return (ZERO if x[0] < -10_000 else below), above


def sigmoid(x: Interval) -> Interval:
    """Return an enclosure of 1 / (1 + exp(-x)), which rises in x."""
    return _sigmoid(x[0])[0], _sigmoid(x[1])[1]


def _sigmoid(x: Decimal) -> Interval:
    decay = enclosed_exp((x.copy_abs().copy_negate(),) * 2)
    whole = plus((ONE, ONE), decay)
    if x < 0:
        return DOWN.divide(decay[0], UP.add(ONE, decay[0])), UP.divide(decay[1], DOWN.add(ONE, decay[1]))
    return DOWN.divide(ONE, whole[1]), UP.divide(ONE, whole[0])


ROOT_OF_HALF = (DOWN.next_minus(DOWN.sqrt(Decimal("0.5"))), UP.next_plus(UP.sqrt(Decimal("0.5"))))


def nearest(number: float, name: str) -> float:
    """Return a float64 rounded to a format, ties to even; infinity where it overflows."""
    bits, emin, emax = FORMATS[name]
    unit = max(math.frexp(number)[1] - bits, emin - bits + 1)
    rounded = round(math.ldexp(number, -unit)) if number else 0
    if abs(rounded) * Fraction(2) ** unit > (2 - Fraction(2) ** (1 - bits)) * Fraction(2) ** emax:
        return math.inf
    return math.ldexp(rounded, unit)


def taken(number: float, name: str) -> float:
    """Return a weight as torch takes it to a format: to one of 16 bits through float32."""
    narrow = FORMATS[name][0] < FORMATS["float32"][0]
    through = nearest(number, "float32") if narrow else number
    return nearest(through, name) if math.isfinite(through) else through


def written(number: Decimal, unit: int, context: Context) -> str:
    """Return a number rounded in the context's direction to a multiple of 10^unit, as a decimal."""
    count = int(context.scaleb(number, -unit).to_integral_value(context.rounding))
    return str(Decimal(count).scaleb(unit, context))


def digits(number: Decimal, context: Context) -> str:
    """Return a number rounded in the context's direction to six significant digits."""
    return written(number, (number.adjusted() if number else 0) - 5, context)


# --- The architecture in real arithmetic ------------------------------------------------------------------------


def layer(matrix: list[Row], x: list[Interval], bias: Row | None = None) -> list[Interval]:
    """Return enclosures of ``matrix @ x + bias``."""
    sums = [inner([exact(weight) for weight in row], x) for row in matrix]
    return sums if bias is None else [plus(total, exact(b)) for total, b in zip(sums, bias, strict=True)]


def trace(model: Model, pair: int, state: int) -> dict[str, Any]:
    """Return enclosures of every quantity of one step, by name."""
    fused = model["attention.in_proj_weight"]
    tokens = [[exact(x) for x in model["embedding.weight"][token]] for token in (pair, state)]
    query = layer(fused[:2], tokens[1])
    keys = [layer(fused[2:4], token) for token in tokens]
    values = [layer(fused[4:], token) for token in tokens]
    scores = [times(inner(query, key), ROOT_OF_HALF) for key in keys]
    gap = plus(scores[0], (scores[1][1].copy_negate(), scores[1][0].copy_negate()))
    shares = [sigmoid(gap), sigmoid((gap[1].copy_negate(), gap[0].copy_negate()))]
    mixed = [inner(shares, list(column)) for column in zip(*values, strict=True)]
    attended = layer(model["attention.out_proj.weight"], mixed)
    middle = [plus(x, y) for x, y in zip(tokens[1], attended, strict=True)]
    hidden = [
        (max(low, ZERO), max(high, ZERO)) for low, high in layer(model["mlp.0.weight"], middle, model["mlp.0.bias"][0])
    ]
    contracted = layer(model["mlp.2.weight"], hidden, model["mlp.2.bias"][0])
    last = [plus(x, y) for x, y in zip(middle, contracted, strict=True)]
    return {
        "tokens": tokens, "query": query, "keys": keys, "values": values, "scores": scores, "shares": shares,
        "mixed": mixed, "attended": attended, "middle": middle, "hidden": hidden, "contracted": contracted,
        "last": last, "logits": layer(model["embedding.weight"], last),
    }  # fmt: skip


def lead(logits: list[Interval], token: int, rival: int) -> Decimal:
    """Return a lower bound of one logit minus another."""
    return DOWN.subtract(logits[token][0], logits[rival][1])


def best(logits: list[Interval]) -> int | None:
    """Return the token whose logit is above all others, or None where none is for certain."""
    return next((t for t in range(4) if all(lead(logits, t, r) > 0 for r in range(4) if r != t)), None)


# --- What rounding may do, from the formulas of docs/proof.md ----------------------------------------------------


class Unbounded(ArithmeticError):  # noqa: N818 - a finding
    """A quantity may overflow, or attention is too uncertain: no bound holds."""


class Bound:
    """The error bound of one mode; every operation rounds up."""

    def __init__(self, precision: str, mode: str) -> None:
        bits, emin, emax = FORMATS[precision]
        single = FORMATS["float32"]
        narrow = mode == MODES[1]
        arithmetic = single[0] if narrow else bits
        self.stored_bits = min(bits, arithmetic)
        self.u = Decimal(2.0**-arithmetic)
        self.v = Decimal(2.0**-bits) if bits < arithmetic else ZERO
        self.reads = 2 if bits > arithmetic else 0
        factor = 10 if bits < arithmetic or arithmetic != single[0] else 40
        self.power = UP.multiply(Decimal(factor), max(self.u, self.v))
        self.tiny = Decimal(2.0 ** (max(emin, single[1]) if narrow else emin))
        highest = [(bits, emax), single[::2]] if narrow else [(bits, emax)]
        self.huge = min(Decimal(math.ldexp(2 - 2.0 ** (1 - b), e)) for b, e in highest)

    def gamma(self, operations: int) -> Decimal:
        """Return the relative error of a number that takes part in so many operations, each result stored."""
        factor = ONE
        for count, unit in ((operations + self.reads, self.u), (operations, self.v)):
            n = UP.multiply(Decimal(count), unit)
            factor = UP.multiply(factor, UP.add(ONE, UP.divide(n, DOWN.subtract(ONE, n))))
        return UP.subtract(factor, ONE)

    def guard(self, magnitude: Decimal) -> None:
        """Raise where a magnitude may overflow."""
        if magnitude >= self.huge:
            raise Unbounded

    def rounded(self, inherited: Decimal, magnitude: Decimal, terms: int, operands: Decimal) -> Decimal:
        """Return the error of a sum of so many terms, of this magnitude together."""
        gamma = self.gamma(terms)
        flushed = product(self.tiny, UP.add(Decimal(2 * terms + 2), operands), UP.add(ONE, gamma))
        self.guard(total([product(magnitude, UP.add(ONE, gamma)), flushed]))
        return total([inherited, product(gamma, magnitude), flushed])

    def layer(self, matrix: list[Row], x: list[Interval], e: list[Decimal], bias: Row | None = None) -> list[Decimal]:
        """Return the errors of ``matrix @ x + bias``."""
        bare = [[] for _ in matrix] if bias is None else [[Decimal(abs(b))] for b in bias]
        return self.sums(matrix, x, e, bare)

    def sums(self, matrix: list[Row], x: list[Interval], e: list[Decimal], bare: list[list[Decimal]]) -> list[Decimal]:
        """Return the errors of sums of ``matrix @ x`` and terms that are no products, whose magnitudes are given."""
        reach = [UP.add(size(each), error) for each, error in zip(x, e, strict=True)]
        errors = []
        for row, others in zip(matrix, bare, strict=True):
            weights = [Decimal(abs(weight)) for weight in row]
            magnitude = total([product(w, r) for w, r in zip(weights, reach, strict=True)] + others)
            inherited = total([product(w, error) for w, error in zip(weights, e, strict=True)])
            errors.append(self.rounded(inherited, magnitude, len(row) + len(others), total(weights + reach)))
        return errors

    def score(self, query: list[Interval], e: list[Decimal], key: list[Interval], f: list[Decimal]) -> Decimal:
        """Return the error of one score."""
        reach = [UP.add(size(q), error) for q, error in zip(query, e, strict=True)]
        other = [UP.add(size(k), error) for k, error in zip(key, f, strict=True)]
        inherited = total([product(reach[i], f[i]) for i in (0, 1)] + [product(e[i], size(key[i])) for i in (0, 1)])
        magnitude = total([product(reach[i], other[i]) for i in (0, 1)])
        gamma = self.gamma(8)
        operands = product(Decimal(4), total(reach + other))
        flushed = product(self.tiny, UP.add(Decimal(8), operands), UP.add(ONE, gamma))
        self.guard(product(Decimal(2), total([product(magnitude, UP.add(ONE, gamma)), flushed])))
        return UP.add(product(ROOT_OF_HALF[1], UP.add(inherited, product(gamma, magnitude))), flushed)

    def shares(self, scores: list[Interval], e: list[Decimal], shares: list[Interval]) -> list[Decimal]:
        """Return the errors of the two softmax weights."""
        reach = total([UP.add(size(score), error) for score, error in zip(scores, e, strict=True)])
        argument = total([*e, product(Decimal(3), self.gamma(3), reach), product(Decimal(4), self.tiny)])
        if argument >= 1:
            raise Unbounded
        unit = self.power
        ratio = product(
            SHORT_UP.next_plus(SHORT_UP.exp(SHORT_UP.plus(argument))),
            UP.divide(UP.add(ONE, unit), DOWN.subtract(ONE, unit)),
        )
        shift = product(shares[0][1], shares[1][1], UP.subtract(ratio, ONE))
        gamma, flushed = self.gamma(5), product(Decimal(8), self.tiny)
        return [total([shift, product(gamma, UP.add(share[1], shift)), flushed]) for share in shares]

    def mix(self, shares: list[Interval], e: list[Decimal], column: list[Interval], f: list[Decimal]) -> Decimal:
        """Return the error of one entry of the attended value."""
        reach = [UP.add(size(share), error) for share, error in zip(shares, e, strict=True)]
        other = [UP.add(size(value), error) for value, error in zip(column, f, strict=True)]
        self.guard(product(Decimal(3), total(other)))
        inherited = total([product(e[i], other[i]) for i in (0, 1)] + [product(size(shares[i]), f[i]) for i in (0, 1)])
        return self.rounded(inherited, total([product(reach[i], other[i]) for i in (0, 1)]), 2, total(reach + other))

    def logits(self, model: Model, real: dict[str, Any]) -> list[Decimal]:
        """Return the error bounds of the four logits of one step."""
        none = [ZERO, ZERO]
        for matrix in model.values():
            self.guard(max(Decimal(abs(weight)) for row in matrix for weight in row))
        fused, tokens, values = model["attention.in_proj_weight"], real["tokens"], real["values"]
        query = self.layer(fused[:2], tokens[1], none)
        keys = [self.layer(fused[2:4], token, none) for token in tokens]
        value_errors = [self.layer(fused[4:], token, none) for token in tokens]
        scores = [self.score(real["query"], query, real["keys"][j], keys[j]) for j in (0, 1)]
        shares = self.shares(real["scores"], scores, real["shares"])
        mixed = [self.mix(real["shares"], shares, [v[i] for v in values], [f[i] for f in value_errors]) for i in (0, 1)]
        output, contraction = model["attention.out_proj.weight"], model["mlp.2.weight"]
        token = [[size(x)] for x in tokens[1]]
        middle = self.sums(output, real["mixed"], mixed, token)
        hidden = self.layer(model["mlp.0.weight"], real["middle"], middle, model["mlp.0.bias"][0])
        both = [first + second for first, second in zip(output, contraction, strict=True)]
        bare = [[*token[i], Decimal(abs(bias))] for i, bias in enumerate(model["mlp.2.bias"][0])]
        last = self.sums(both, real["mixed"] + real["hidden"], mixed + hidden, bare)
        return self.layer(model["embedding.weight"], real["last"], last)


def product(*factors: Decimal) -> Decimal:
    """Return an upper bound of a product of numbers that are not negative."""
    result = ONE
    for factor in factors:
        result = UP.multiply(result, factor)
    return result


def total(terms: list[Decimal]) -> Decimal:
    """Return an upper bound of a sum."""
    result = ZERO
    for term in terms:
        result = UP.add(result, term)
    return result


# --- Arithmetic that never rounds --------------------------------------------------------------------------------


class Inexact(ArithmeticError):  # noqa: N818 - a finding
    """An operation may round."""


def unrounded(terms: list[Fraction], bound: Bound) -> Fraction:
    """Return a sum of which no partial sum, in any order, needs more bits than arithmetic and stored format have."""
    common = math.lcm(*(term.denominator for term in terms))
    counts = [int(term * common) for term in terms]
    shared = math.gcd(*counts)
    shared &= -shared  # the power of two in it
    together = sum(map(abs, counts))
    if together > shared << bound.stored_bits or together > Fraction(bound.huge) * common:
        raise Inexact
    if shared and Fraction(shared, common) < Fraction(bound.tiny):
        raise Inexact
    return Fraction(sum(counts), common)


def exact_layer(matrix: list[Row], x: list[Fraction], bound: Bound, bias: Row | None = None) -> list[Fraction]:
    """Return ``matrix @ x + bias``."""
    constants: Row = [0.0] * len(matrix) if bias is None else bias
    terms = zip(terms_of(matrix, x), constants, strict=True)
    return [unrounded([*row, Fraction(b)], bound) for row, b in terms]


def exact_step(model: Model, pair: int, state: int, bound: Bound) -> list[Fraction]:
    """Return the four logits of one step.

    Raises:
        Inexact: an operation may round.
    """
    for weight in itertools.chain.from_iterable(itertools.chain.from_iterable(model.values())):
        unrounded([Fraction(weight)], bound)
    fused = model["attention.in_proj_weight"]
    tokens = [[Fraction(x) for x in model["embedding.weight"][token]] for token in (pair, state)]
    no_query = not any(w * x for row in fused[:2] for w, x in zip(row, tokens[1], strict=True))
    no_key = not any(w * x for token in tokens for row in fused[2:4] for w, x in zip(row, token, strict=True))
    if not (no_query or no_key):
        raise Inexact
    for token in tokens:
        exact_layer(fused[:4], token, bound)
    pair_value, state_value = (exact_layer(fused[4:], token, bound) for token in tokens)
    mixed = []
    for x, y in zip(pair_value, state_value, strict=True):
        unrounded([x, y], bound)
        mixed.append(unrounded([x / 2, y / 2], bound))
    stream = [
        [x, *terms] for x, terms in zip(tokens[1], terms_of(model["attention.out_proj.weight"], mixed), strict=True)
    ]
    middle = [unrounded(terms, bound) for terms in stream]
    hidden = [max(h, Fraction(0)) for h in exact_layer(model["mlp.0.weight"], middle, bound, model["mlp.0.bias"][0])]
    contracted = terms_of(model["mlp.2.weight"], hidden)
    biases = map(Fraction, model["mlp.2.bias"][0])
    last = [
        unrounded([*before, *terms, bias], bound)
        for before, terms, bias in zip(stream, contracted, biases, strict=True)
    ]
    return exact_layer(model["embedding.weight"], last, bound)


def terms_of(matrix: list[Row], x: list[Fraction]) -> list[list[Fraction]]:
    """Return the terms of each sum of ``matrix @ x``."""
    return [[Fraction(weight) * each for weight, each in zip(row, x, strict=True)] for row in matrix]


# --- One evaluation order, replayed ------------------------------------------------------------------------------


class Replay:
    """One evaluation order in exact rational numbers, each operation rounded to nearest even."""

    TERMS = {  # noqa: RUF012
        "projection": 2, "score": 2, "difference": 4, "mix": 2, "output": 3, "hidden": 3, "contraction": 6, "head": 2,
    }  # fmt: skip
    STORED = ("last", "last two", "every")
    SCALES = ("score", "query", "query and key")
    NORMALISATIONS = ("divide", "multiply by the reciprocal", "divide last", "logistic")

    def __init__(self, model: Model, order: dict[str, Any], precision: str, mode: str) -> None:
        if set(order) != {*self.TERMS, "scale", "normalisation"}:
            raise Rejected(f"an order names {sorted(order)}")
        for name, count in self.TERMS.items():
            if set(order[name]) != {"terms", "fused", "stored"} or sorted(order[name]["terms"]) != list(range(count)):
                raise Rejected(f"order of {name} is {order[name]}, but must be an order of {count} terms")
            if type(order[name]["fused"]) is not bool:
                raise Rejected(f"order of {name} is fused {order[name]['fused']!r}, but must be true or false")
            if order[name]["stored"] not in self.STORED:
                raise Rejected(f"order of {name} stores {order[name]['stored']!r} of its partial sums")
        if order["scale"] not in self.SCALES or order["normalisation"] not in self.NORMALISATIONS:
            raise Rejected(f"unknown scale {order['scale']!r} or normalisation {order['normalisation']!r}")
        self.model, self.order, self.format = model, order, precision
        self.arithmetic = precision if mode == MODES[0] else "float32"

    def op(self, value: Fraction, name: str = "") -> Fraction:
        """Return the result of one operation."""
        bits, emin, emax = FORMATS[name or self.arithmetic]
        if not value:
            return value
        exponent = abs(value.numerator).bit_length() - value.denominator.bit_length()
        exponent -= abs(value) < Fraction(2) ** exponent
        unit = Fraction(2) ** (max(exponent, emin) - bits + 1)
        result = round(value / unit) * unit
        if abs(result) >= Fraction(2) ** (emax + 1):
            raise Rejected("the evaluation order overflows")
        return result

    def put(self, values: list[Fraction]) -> list[Fraction]:
        """Return a stored tensor."""
        return [self.op(value, self.format) for value in values]

    def irrational(self, interval: Interval) -> Fraction:
        """Return an enclosed number rounded correctly."""
        low, high = (self.op(Fraction(end)) for end in interval)
        if low != high:
            raise Rejected("a number lies too near to the middle of two others")
        return low

    def sum(self, name: str, terms: list[tuple[Fraction, ...]]) -> Fraction:
        """Return a sum of products, and of biases and tokens, which are products of one factor."""
        order, result = self.order[name], None
        for place, index in enumerate(order["terms"], start=2):
            term = math.prod(terms[index], start=Fraction(1))
            if len(terms[index]) == 2 and (result is None or not order["fused"]):
                term = self.op(term)
                term = self.op(term, self.format) if order["stored"] == "every" else term
            result = term if result is None else self.op(result + term)
            if order["stored"] == "every" or (order["stored"] == "last two" and place == len(terms)):
                result = self.op(result, self.format)
        return result or Fraction(0)

    def layer(self, name: str, matrix: list[Row], x: list[Fraction], *bare: list[Any]) -> list[Fraction]:
        """Return ``matrix @ x``, plus a bias, plus the residual stream."""
        rows: list[list[tuple[Fraction, ...]]] = [
            [(Fraction(w), each) for w, each in zip(row, x, strict=True)] for row in matrix
        ]
        for vector in bare:
            for row, number in zip(rows, vector, strict=True):
                row.append((Fraction(number),))
        return self.put([self.sum(name, row) for row in rows])

    def scaled(self, query: list[Fraction], keys: list[list[Fraction]]) -> tuple[list[Fraction], list[list[Fraction]]]:
        """Return query and keys, scaled where the order scales them."""
        where = self.order["scale"]
        if where == "score":
            return query, keys
        fourth = DOWN.next_minus(DOWN.sqrt(ROOT_OF_HALF[0])), UP.next_plus(UP.sqrt(ROOT_OF_HALF[1]))
        constant = self.irrational(fourth if where == "query and key" else ROOT_OF_HALF)
        scaled = [self.put([self.op(x * constant) for x in each]) for each in (query, *keys)]
        return scaled[0], scaled[1:] if where == "query and key" else keys

    def arguments(self, name: str, sums: list[list[tuple[Fraction, ...]]]) -> list[Fraction]:
        """Return sums of products of query and key, scaled where the order scales what was added up."""
        results = self.put([self.sum(name, terms) for terms in sums])
        if self.order["scale"] != "score":
            return results
        constant = self.irrational(ROOT_OF_HALF)
        return self.put([self.op(result * constant) for result in results])

    def softmax(self, query: list[Fraction], keys: list[list[Fraction]]) -> tuple[list[Fraction], Fraction]:
        """Return two exponentials and their sum; or two logistic functions, which are weights, and 1."""
        query, keys = self.scaled(query, keys)
        if self.order["normalisation"] == "logistic":
            opposite = [-q for q in query]
            terms: list[tuple[Fraction, ...]] = [
                *zip(query, keys[0], strict=True),
                *zip(opposite, keys[1], strict=True),
            ]
            (gap,) = self.arguments("difference", [terms])
            return [self.op(1 / self.op(1 + self.power(each))) for each in (-gap, gap)], Fraction(1)
        scores = self.arguments("score", [list(zip(query, key, strict=True)) for key in keys])
        powers = [self.power(self.op(score - max(scores))) for score in scores]
        return powers, self.op(powers[0] + powers[1])

    def power(self, x: Fraction) -> Fraction:
        """Return exp(x) rounded correctly."""
        return self.irrational(enclosed_exp((DOWN.divide(Decimal(x.numerator), Decimal(x.denominator)),) * 2))

    def attended(
        self, query: list[Fraction], keys: list[list[Fraction]], values: list[list[Fraction]]
    ) -> list[Fraction]:
        """Return the values weighted by the softmax of the scores."""
        powers, whole = self.softmax(query, keys)
        how = self.order["normalisation"]
        if how == "divide":
            shares = [self.op(power / whole) for power in powers]
        elif how == "multiply by the reciprocal":
            shares = [self.op(power * self.op(1 / whole)) for power in powers]
        else:
            shares = powers
        columns = list(zip(*values, strict=True))
        sums = [self.sum("mix", list(zip(self.put(shares), column, strict=True))) for column in columns]
        return self.put([self.op(each / whole) for each in sums] if how == "divide last" else sums)

    def logits(self, pair: int, state: int) -> list[Fraction]:
        """Return the four logits of one step."""
        fused = self.model["attention.in_proj_weight"]
        tokens = [[Fraction(x) for x in self.model["embedding.weight"][token]] for token in (pair, state)]
        keys, values = ([self.layer("projection", part, t) for t in tokens] for part in (fused[2:4], fused[4:]))
        mixed = self.attended(self.layer("projection", fused[:2], tokens[1]), keys, values)
        middle = self.layer("output", self.model["attention.out_proj.weight"], mixed, tokens[1])
        hidden = self.layer("hidden", self.model["mlp.0.weight"], middle, self.model["mlp.0.bias"][0])
        active = [max(h, Fraction(0)) for h in hidden]
        bias = self.model["mlp.2.bias"][0]
        last = self.layer("contraction", self.model["mlp.2.weight"], active, bias, middle)
        return self.layer("head", self.model["embedding.weight"], last)


# --- The machine against the full adder --------------------------------------------------------------------------


def first_wrong_column(rows: list[list[int]]) -> int | None:
    """Return the first column where a machine may emit a wrong sum bit, or None if it never does.

    Pairs of a state and a carry that can occur together are closed under all columns; there are at most eight.
    """
    known, frontier = {(0, 0)}, {(0, 0)}
    for column in range(BITS):
        following = set()
        for (state, carry), pair in itertools.product(frontier, range(4)):
            ones = pair // 2 + pair % 2 + carry
            if rows[state][pair] % 2 != ones % 2:
                return column
            following.add((rows[state][pair], ones // 2))
        frontier = following - known
        known |= following
    return None


def check_counterexample(rows: list[list[int]], given: Any) -> dict[str, int] | None:
    """Return the given counterexample if it is a shortest one of the machine, None where there is none.

    Raises:
        Rejected: it is no counterexample, or not a shortest.
    """
    column = first_wrong_column(rows)
    if column is None:
        return None
    a, b = (_integer(given, name, 2 ** (column + 1) - 1) for name in ("a", "b"))
    state, answer = 0, 0
    for place in range(BITS):
        state = rows[state][2 * (a >> place & 1) + (b >> place & 1)]
        answer += (state % 2) << place
    if answer == a + b:
        raise Rejected(f"{a} + {b} is no counterexample: the machine adds it rightly")
    return {"a": a, "b": b, "got": answer, "expected": a + b, "column": column}


# --- The certificate that should be there ------------------------------------------------------------------------


def _integer(mapping: Any, name: str, highest: int) -> int:
    value = mapping[name] if isinstance(mapping, dict) and name in mapping else None
    if type(value) is not int or not 0 <= value <= highest:
        raise Rejected(f"{name} is {value!r}, but must be an integer from 0 to {highest}")
    return value


def read_model(tensors: Any, dtype: str) -> Model:
    """Return the weights as floats.

    Raises:
        Rejected: a tensor is missing, misshapen, or holds what is no finite number of the dtype, canonically written.
    """
    if not isinstance(tensors, dict) or set(tensors) != set(SHAPES):
        raise Rejected(f"weights must be the tensors {', '.join(SHAPES)}")
    model: Model = {}
    for name, (height, width) in SHAPES.items():
        model[name] = [[float.fromhex(number) for number in row] for row in tensors[name]]
        if [len(row) for row in model[name]] != [width] * height:
            raise Rejected(f"{name} must have {height} rows of {width}")
        if any(x and not SMALLEST <= abs(x) <= LARGEST_WEIGHT for row in model[name] for x in row):
            raise Rejected(f"{name} has weights outside the range of float32")
        for number, text in zip(itertools.chain(*model[name]), itertools.chain(*tensors[name]), strict=True):
            if not math.isfinite(number) or number.hex() != text or nearest(number, dtype) != number:
                raise Rejected(f"{name} holds {text}, which is no finite {dtype} in canonical hexadecimal")
    return model


def hexadecimal(model: Model) -> dict[str, list[list[str]]]:
    """Return the weights as hexadecimal floats."""
    return {name: [[number.hex() for number in row] for row in matrix] for name, matrix in model.items()}


def fingerprint(value: Any) -> str:
    """Return the sha256 of a value as JSON with sorted keys and without spaces."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def expected_precision(model: Model, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what the certificate must say of one precision."""
    rounded = {key: [[taken(x, name) + 0.0 for x in row] for row in matrix] for key, matrix in model.items()}
    entry: dict[str, Any] = {
        "precision": name, "weights_sha256": None, "machine": None, "counterexample": None, "margin": None,
        "transitions": [], "modes": [],
    }  # fmt: skip
    modes = dict(zip(MODES, given["modes"], strict=True))
    if any(math.isinf(x) for matrix in rounded.values() for row in matrix for x in row):
        return entry | {"modes": [undecided(mode, modes[mode]) for mode in MODES]}
    entry["weights_sha256"] = fingerprint(hexadecimal(rounded))
    traces = {context: trace(rounded, *context) for context in CONTEXTS}
    entry["transitions"] = [
        {"pair": pair, "state": state, "logits": enclosures(traces[pair, state]["logits"])} for pair, state in CONTEXTS
    ]
    winners = {context: best(traces[context]["logits"]) for context in CONTEXTS}
    if None in winners.values():
        return entry | {"modes": [undecided(mode, modes[mode]) for mode in MODES]}
    rows = [[winners[pair, state] or 0 for pair in range(4)] for state in range(4)]
    entry["machine"] = rows
    entry["counterexample"] = check_counterexample(rows, given["counterexample"])
    margins = {
        context: [(rival, lead(traces[context]["logits"], winners[context] or 0, rival)) for rival in range(4)]
        for context in CONTEXTS
    }
    least = min(margin for context in CONTEXTS for rival, margin in margins[context] if rival != winners[context])
    entry["margin"] = digits(least, DOWN)
    entry["modes"] = [expected_mode(rounded, rows, traces, name, mode, modes[mode]) for mode in MODES]
    return entry


def expected_mode(
    model: Model, rows: list[list[int]], traces: dict[tuple[int, int], Any], name: str, mode: str, given: dict[str, Any]
) -> dict[str, Any]:
    """Return what the certificate must say of one mode of a precision."""
    bound = Bound(name, mode)
    wrong = first_wrong_column(rows) is not None
    entry: dict[str, Any] = {"mode": mode, "outcome": "refuted" if wrong else "proved", "reason": "", "witness": None}
    if decided_exactly(model, rows, bound):
        return entry | {"road": "exact", "ratio": None, "errors": [["0.00000"] * 4] * 16}
    try:
        errors = {context: bound.logits(model, traces[context]) for context in CONTEXTS}
    except Unbounded:
        return undecided(mode, given)
    ratios = [
        DOWN.divide(
            lead(traces[pair, state]["logits"], rows[state][pair], rival),
            UP.add(errors[pair, state][rows[state][pair]], errors[pair, state][rival]),
        )
        for pair, state in CONTEXTS
        for rival in range(4)
        if rival != rows[state][pair]
    ]
    entry |= {"road": "bounded", "ratio": digits(min(ratios), DOWN)}
    entry["errors"] = [[digits(error, UP) for error in errors[context]] for context in CONTEXTS]
    if min(ratios) > 1:
        return entry
    if given["witness"] is None:
        return entry | {"outcome": "undecided", "reason": reason(given)}
    witness = expected_witness(model, name, mode, given["witness"])
    return entry | {"outcome": "at risk", "reason": reason(given), "witness": witness}


def decided_exactly(model: Model, rows: list[list[int]], bound: Bound) -> bool:
    """Return whether no operation of any step rounds, and each next state's logit is above all others."""
    try:
        steps = {context: exact_step(model, *context, bound) for context in CONTEXTS}
    except Inexact:
        return False
    return all(
        steps[pair, state][rows[state][pair]] > logit
        for pair, state in CONTEXTS
        for token, logit in enumerate(steps[pair, state])
        if token != rows[state][pair]
    )


def expected_witness(model: Model, name: str, mode: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return a witness whose order was replayed.

    Raises:
        Rejected: the machine in this order adds rightly, or is not the one given.
    """
    replay = Replay(model, given["order"], name, mode)
    rows = given["machine"]
    steps = {context: replay.logits(*context) for context in CONTEXTS}
    for pair, state in CONTEXTS:
        token = rows[state][pair]
        if type(token) is not int or not 0 <= token < 4 or steps[pair, state][token] != max(steps[pair, state]):
            raise Rejected(f"after pair {pair} and state {state} the witness's order does not give {token!r}")
    wrong = check_counterexample(rows, given["counterexample"])
    if wrong is None:
        raise Rejected("in the witness's order the machine adds rightly")
    pair, state = _integer(given, "pair", 3), _integer(given, "state", 3)
    if rows == [[(pair + 1) // 2 + s // 2 for pair in range(4)] for s in range(4)]:
        raise Rejected("the witness's machine is the full adder")
    logits = [float(logit).hex() for logit in steps[pair, state]]
    return {
        "order": given["order"], "pair": pair, "state": state, "logits": logits, "machine": rows,
        "counterexample": wrong,
    }  # fmt: skip


def undecided(mode: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of a mode that no bound decides."""
    return {
        "mode": mode, "outcome": "undecided", "road": None, "ratio": None, "errors": [], "reason": reason(given),
        "witness": None,
    }  # fmt: skip


def reason(given: dict[str, Any]) -> str:
    """Return the reason given, which is free, but must be there."""
    text = given["reason"]
    if not isinstance(text, str) or not text:
        raise Rejected(f"a mode is not proved, but its reason is {text!r}")
    return text


def enclosures(logits: list[Interval]) -> list[list[str]]:
    """Return the logits rounded outward to a common unit, as decimals."""
    largest = max(size(logit) for logit in logits)
    unit = (largest.adjusted() if largest else 0) - 15
    return [[written(low, unit, DOWN), written(high, unit, UP)] for low, high in logits]


def expected_statement(entries: list[dict[str, Any]]) -> str:
    """Return the statement that the outcomes amount to."""
    how = (
        "in every admissible evaluation, whatever the order and the fusion of each sum, the residual stream with its "
        "layers being one, and whatever the batch size, in "
    )
    lists = {
        outcome: "; ".join(
            f"{entry['precision']} with {mode['mode']} ({mode['road']}; weights sha256 {entry['weights_sha256']})"
            for entry in entries
            for mode in entry["modes"]
            if mode["outcome"] == outcome
        )
        for outcome in ("proved", "refuted")
    }
    sentences = []
    if lists["proved"]:
        sentences.append(
            f"For all integers 0 <= a, b <= {LARGEST}, greedy decoding of the architecture with its weights emits "
            f"{BITS} tokens that spell a + b, {how}{lists['proved']}."
        )
    if lists["refuted"]:
        sentences.append(
            "Greedy decoding of the architecture with its weights adds the counterexample of the precision wrongly, "
            f"{how}{lists['refuted']}."
        )
    return " ".join(sentences) or "Nothing is proved."


def expected_verdict(own: dict[str, Any]) -> tuple[str, str]:
    """Return the verdict, which is that of the weights' own precision in both modes, and its reason."""
    outcomes = {mode["outcome"] for mode in own["modes"]}
    if outcomes == {"proved"}:
        return "PROVED", f"every transition is proved in {own['precision']}, the precision of the weights"
    if outcomes == {"refuted"}:
        wrong = own["counterexample"]
        return "COUNTEREXAMPLE", f"{wrong['a']} + {wrong['b']} gives {wrong['got']} in every evaluation"
    first = next(mode for mode in own["modes"] if mode["outcome"] not in ("proved", "refuted"))
    return "NO COUNTEREXAMPLE", f"{own['precision']}, {first['mode']}: {first['reason']}"


def expected_certificate(given: dict[str, Any]) -> dict[str, Any]:
    """Return the certificate that should be there, derived from the weights, mask and dtype of the one given.

    Raises:
        Rejected: the weights, the mask or a witness cannot stand, or the record cannot be told.
    """
    architecture = given["architecture"]
    dtype = architecture["dtype"]
    if dtype not in FORMATS:
        raise Rejected(f"dtype is {dtype!r}, but must be one of {', '.join(FORMATS)}")
    model = read_model(architecture["weights"], dtype)
    check_visible(architecture["visible"])
    names = [entry["precision"] for entry in given["precisions"]]
    if dtype not in names or names != [name for name in FORMATS if name in names]:
        raise Rejected(f"precisions are {names}, but must include {dtype}, each once, in order")
    entries = [expected_precision(model, entry["precision"], entry) for entry in given["precisions"]]
    verdict, why = expected_verdict(next(entry for entry in entries if entry["precision"] == dtype))
    body = {
        "schema": SCHEMA,
        "verdict": verdict,
        "reason": why,
        "statement": expected_statement(entries),
        "assumptions": [{"name": name, "text": text} for name, text in ASSUMPTIONS.items()],
        "architecture": {
            "forward": FORWARD, "decoding": DECODING, "answer": ANSWER, "vocabulary": 4, "width": BITS,
            "max_operand": LARGEST, "dtype": dtype, "weights": architecture["weights"],
            "sha256": fingerprint(hexadecimal(model)), "visible": architecture["visible"],
        },
        "precisions": entries,
        "record": readable_record(given["record"]),
    }  # fmt: skip
    return body | {"digest": fingerprint({name: value for name, value in given.items() if name != "digest"})}


def check_visible(visible: Any) -> None:
    """Check the routing lemma: position 35 + k sees k and 35 + k and no other.

    Raises:
        Rejected: names the position where it fails.
    """
    if not isinstance(visible, list) or len(visible) != 2 * BITS:
        raise Rejected(f"the mask must have {2 * BITS} positions")
    for position, seen in enumerate(visible):
        if position >= BITS and seen != [position - BITS, position]:
            raise Rejected(f"position {position} sees {seen}, but must see {[position - BITS, position]}")
        if any(type(key) is not int for key in seen) or not set(seen) <= set(range(2 * BITS)):
            raise Rejected(f"position {position} sees {seen}, which are no positions")
        if sorted(set(seen)) != seen:
            raise Rejected(f"position {position} sees {seen}, which is not sorted")


def readable_record(given: Any) -> dict[str, Any]:
    """Return the record, whose form alone is checked: names, and texts and counts or objects of these.

    Raises:
        Rejected: it has another form.
    """

    def readable(value: Any, depth: int) -> bool:
        if isinstance(value, dict):
            return depth > 0 and all(readable(each, depth - 1) for each in value.values())
        return isinstance(value, str) or value is None or type(value) in (int, bool)

    if not isinstance(given, dict) or not readable(given, 3):
        raise Rejected("record must be an object of texts and counts")
    return given


# --- The verdict -------------------------------------------------------------------------------------------------


def differences(given: Any, expected: Any, path: str = "") -> list[str]:
    """Return every leaf where two JSON values differ, in words."""
    if isinstance(given, dict) and isinstance(expected, dict):
        found = [f"{path}.{name} is missing".lstrip(".") for name in expected if name not in given]
        found += [f"{path}.{name} is unknown".lstrip(".") for name in given if name not in expected]
        for name in expected.keys() & given.keys():
            found += differences(given[name], expected[name], f"{path}.{name}".lstrip("."))
        return found
    if isinstance(given, list) and isinstance(expected, list) and len(given) == len(expected):
        pairs = enumerate(zip(given, expected, strict=True))
        return [each for i, (x, y) in pairs for each in differences(x, y, f"{path}[{i}]")]
    same = type(given) is type(expected) and given == expected
    return [] if same else [f"{path} is {_short(given)}, but should be {_short(expected)}"]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:200] + "..."


def check(certificate: Any) -> list[str]:
    """Return every reason to reject a certificate; none means that its theorem holds under its assumptions."""
    if not isinstance(certificate, dict) or certificate.get("schema") != SCHEMA:
        schema = certificate.get("schema") if isinstance(certificate, dict) else None
        return [f"schema is {_short(schema)}, but only {SCHEMA} is understood; prove the weights again"]
    try:
        return differences(certificate, expected_certificate(certificate))
    except Rejected as rejection:
        return [str(rejection)]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
        return [f"malformed: {type(error).__name__}: {error}"]


def told(certificate: dict[str, Any]) -> list[str]:
    """Return what an accepted certificate says, line by line: the theorem, and apart from it what was recorded."""
    architecture = certificate["architecture"]
    lines = [
        f"accepted: {certificate['verdict']}", certificate["statement"],
        f"weights: {architecture['dtype']}, sha256 {architecture['sha256']}", "assumptions:",
    ]  # fmt: skip
    lines += [f"  {each['name']}: {each['text']}" for each in certificate["assumptions"]]
    return [*lines, "recorded, not checked:", *(f"  {line}" for line in recorded(certificate["record"]))]


def recorded(record: dict[str, Any]) -> list[str]:
    """Return a record in words; what is not printable in it is escaped."""
    return [
        f"{json.dumps(name)[1:-1]}: " + RECORDED.get(name, {}).get(str(value), json.dumps(value))
        for name, value in record.items()
    ]


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Take a JSON object in; where a name stands twice, readers would read different certificates."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return dict(pairs)


def check_file(path: Path | str) -> list[str]:
    """Return every reason to reject the certificate in a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no JSON.
    """
    return check(json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=unambiguous))


def main(arguments: list[str]) -> int:
    """Check the file named on the command line: 0 accepted, 1 rejected."""
    reasons = check_file(arguments[0])
    certificate = json.loads(Path(arguments[0]).read_text(encoding="utf-8"), object_pairs_hook=unambiguous)
    lines = [f"rejected: {reason}" for reason in reasons] or told(certificate)
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
