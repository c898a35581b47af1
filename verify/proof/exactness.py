"""Shows that no operation of a step rounds, so that the logits are the same in every order, on every device.

All terms of a sum are multiples of one power of two, and their magnitudes sum to at most 2^significand of it: then
every partial sum, in any order, with or without fused multiply-add, is a number of the format, and of the stored format
where that is narrower, since any partial sum may be stored. The residual stream is one sum: the token, both layers and
the bias. Attention is exact where the query or the key is zero term by term: all scores are 0, the exponentials are 1,
or so near that storing makes them 1, and each weight is 1/2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from verify.proof.formats import Rounding
from verify.proof.weights import Matrix, Vector, Weights


class RoundsError(ArithmeticError):
    """An operation of a step may round, or flush to zero, or overflow."""


@dataclass(frozen=True)
class _Exactly:
    """Arithmetic that refuses to round."""

    rounding: Rounding

    def linear(self, name: str, matrix: Matrix, x: Vector, bias: Vector = ()) -> Vector:
        """Return ``matrix @ x + bias``."""
        terms = _products(matrix, x)
        return tuple(self.total(name, row) for row in (_with(terms, bias) if bias else terms))

    def total(self, name: str, terms: Sequence[Fraction]) -> Fraction:
        """Return the sum of terms that are added up in any order, partial sums being stored or not."""
        unit, bits = _common_unit(terms), self.rounding.stored_bits
        size = sum(abs(term) for term in terms)
        if size > unit * 2**bits:
            raise RoundsError(f"{name} may round: its terms need more than {bits} bits")
        if 0 < unit < self.rounding.flush or size > self.rounding.largest:
            raise RoundsError(f"{name} leaves the range of normal numbers")
        return sum(terms, Fraction(0))


def exact_logits(weights: Weights, pair: int, state: int, rounding: Rounding) -> Vector:
    """Return the four logits of one step, which every evaluation computes exactly.

    Raises:
        RoundsError: names the first operation that may round.
    """
    exactly = _Exactly(rounding)
    for name, matrix in weights.tensors.items():
        for row in matrix:
            for number in row:
                exactly.total(name, [number])
    tokens = (weights.embedding[pair], weights.embedding[state])
    if not (_vanishes(weights.query, tokens[1:]) or _vanishes(weights.key, tokens)):
        raise RoundsError("attention rounds: its scores are not zero term by term")
    for matrix in (weights.query, weights.key):
        for token in tokens:
            exactly.linear("attention's query or key", matrix, token)
    values = [exactly.linear("attention's value", weights.value, token) for token in tokens]
    mixed = tuple(_half(exactly, values[0][i], values[1][i]) for i in range(2))
    stream = _with(_products(weights.output, mixed), tokens[1])
    residual = tuple(exactly.total("the residual after attention", terms) for terms in stream)
    hidden = exactly.linear("the hidden layer", weights.hidden, residual, weights.hidden_bias)
    active = tuple(max(each, Fraction(0)) for each in hidden)
    contracted = _with(_products(weights.contraction, active), weights.contraction_bias)
    final = tuple(
        exactly.total("the residual after the contraction", before + layer)
        for before, layer in zip(stream, contracted, strict=True)
    )
    return exactly.linear("the head", weights.embedding, final)


def _half(exactly: _Exactly, a: Fraction, b: Fraction) -> Fraction:
    """Return (a + b) / 2, whether the halves are added or the sum is halved."""
    exactly.total("attention's mean", [a, b])
    return exactly.total("attention's mean", [a / 2, b / 2])


def _products(matrix: Matrix, x: Vector) -> list[list[Fraction]]:
    """Return the terms of each row of ``matrix @ x``."""
    return [[weight * each for weight, each in zip(row, x, strict=True)] for row in matrix]


def _with(rows: list[list[Fraction]], further: Vector) -> list[list[Fraction]]:
    """Return sums, each with one more term."""
    return [[*terms, term] for terms, term in zip(rows, further, strict=True)]


def _vanishes(matrix: Matrix, tokens: Iterable[Vector]) -> bool:
    return all(not weight * x for token in tokens for row in matrix for weight, x in zip(row, token, strict=True))


def _common_unit(terms: Sequence[Fraction]) -> Fraction:
    """Return the largest power of two that divides every term, 0 where all are 0; terms are dyadic."""
    units = [Fraction(term.numerator & -term.numerator, term.denominator) for term in terms if term]
    return min(units, default=Fraction(0))
