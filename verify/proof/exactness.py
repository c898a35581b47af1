"""Shows that no operation of a step rounds, so that the logits are the same in every order, on every device.

All terms of a sum are multiples of one power of two, and their magnitudes sum to at most 2^significand of it: then
every partial sum, in any order, with or without fused multiply-add, is a number of the format. Attention is exact
where the query or the key is zero term by term: all scores are 0, the exponentials are 1, or so near that storing makes
them 1, and each weight is 1/2.
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

    def linear(self, name: str, matrix: Matrix, x: Vector, bias: Vector | None = None) -> Vector:
        """Return ``matrix @ x + bias``."""
        biases: Vector = (Fraction(0),) * len(matrix) if bias is None else bias
        return tuple(
            self.total(name, [w * each for w, each in zip(row, x, strict=True)] + [b])
            for row, b in zip(matrix, biases, strict=True)
        )

    def total(self, name: str, terms: Sequence[Fraction]) -> Fraction:
        """Return the sum of terms that are added up in any order."""
        unit = _common_unit(terms)
        size = sum(abs(term) for term in terms)
        if size > unit * 2**self.rounding.operation_bits:
            raise RoundsError(f"{name} may round: its terms need more than {self.rounding.operation_bits} bits")
        if 0 < unit < self.rounding.flush or size > self.rounding.largest:
            raise RoundsError(f"{name} leaves the range of normal numbers")
        return self.store(name, sum(terms, Fraction(0)))

    def store(self, name: str, value: Fraction) -> Fraction:
        """Return a value that the stored format holds."""
        if abs(value) > _common_unit([value]) * 2**self.rounding.stored_bits:
            raise RoundsError(f"{name} rounds when stored: it needs more than {self.rounding.stored_bits} bits")
        return value


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
    attended = exactly.linear("attention's output", weights.output, mixed)
    residual = _add(exactly, tokens[1], attended)
    hidden = exactly.linear("the hidden layer", weights.hidden, residual, weights.hidden_bias)
    active = tuple(max(each, Fraction(0)) for each in hidden)
    contracted = exactly.linear("the contraction", weights.contraction, active, weights.contraction_bias)
    return exactly.linear("the head", weights.embedding, _add(exactly, residual, contracted))


def _half(exactly: _Exactly, a: Fraction, b: Fraction) -> Fraction:
    """Return (a + b) / 2, whether the halves are added or the sum is halved."""
    exactly.total("attention's mean", [a, b])
    return exactly.total("attention's mean", [a / 2, b / 2])


def _add(exactly: _Exactly, a: Vector, b: Vector) -> Vector:
    return tuple(exactly.total("a residual sum", pair) for pair in zip(a, b, strict=True))


def _vanishes(matrix: Matrix, tokens: Iterable[Vector]) -> bool:
    return all(not weight * x for token in tokens for row in matrix for weight, x in zip(row, token, strict=True))


def _common_unit(terms: Sequence[Fraction]) -> Fraction:
    """Return the largest power of two that divides every term, 0 where all are 0; terms are dyadic."""
    units = [Fraction(term.numerator & -term.numerator, term.denominator) for term in terms if term]
    return min(units, default=Fraction(0))
