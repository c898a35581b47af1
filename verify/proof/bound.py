"""How far the logits that a machine computes may lie from the real ones: an a-priori bound for any evaluation order.

Each quantity carries ``error``, a bound of |computed - real|. A sum of n terms, in any order and with or without fused
multiply-add, is off by at most gamma(n) times the sum of the magnitudes of its terms (Higham 2002, section 3.1), any
partial sum of it being stored or not. The residual stream is one sum: the token, both layers and the bias. What
flushing to zero may take away is added; docs/proof.md derives every line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from verify.proof.enclosure import Interval, exponential, inverse_root_of_two, round_down
from verify.proof.formats import Rounding
from verify.proof.network import Step
from verify.proof.weights import Matrix, Vector, Weights
from verify.text import number

SCORE_ROUNDINGS = (
    8  # products with a rounded constant (2 each) of query and of key, and a sum of both scores' terms (4)
)
ARGUMENT_ROUNDINGS = 3  # subtracting the largest score, and the product with a rounded log2(e) where exp is exp2
NORMALISATION_ROUNDINGS = 5  # the sum, its reciprocal, the product, and both sums rescaled to a larger maximum
FLUSHED_WEIGHTS = 8  # two exponentials, their sum being at least exp(-1) (1 - exponential), and the products
UNNORMALISED = 3  # exponentials are at most exp(1) (1 + exponential)
_TINY = Fraction(1, 2**640)

Errors = tuple[Fraction, ...]


class BoundError(ArithmeticError):
    """A quantity may overflow, or attention is too uncertain, so that no error bound holds."""


@dataclass(frozen=True)
class _Bounds:
    """The error bound of one step in one mode, quantity by quantity."""

    rounding: Rounding

    def gamma(self, roundings: int) -> Fraction:
        """Return the relative error of so many operations, each result stored (Higham 2002, lemma 3.1)."""
        n = (roundings + self.rounding.reads) * self.rounding.unit
        stored = roundings * self.rounding.store
        return (1 + n / (1 - n)) * (1 + stored / (1 - stored)) - 1

    def linear(self, matrix: Matrix, x: tuple[Interval, ...], error: Errors, bias: Vector | None = None) -> Errors:
        """Return the errors of ``matrix @ x + bias`` with x off by ``error``."""
        biases = [[]] * len(matrix) if bias is None else [[abs(each)] for each in bias]
        sizes = _sizes(x, error)
        return tuple(self._sum(row, sizes, error, bare) for row, bare in zip(matrix, biases, strict=True))

    def stream(
        self,
        token: tuple[Interval, ...],
        layers: Sequence[tuple[Matrix, tuple[Interval, ...], Errors]],
        bias: Vector = (),
    ) -> Errors:
        """Return the errors of the residual stream, ``token + sum of matrix @ x + bias``, as one sum."""
        rows = [sum((matrix[i] for matrix, _x, _error in layers), ()) for i in range(len(token))]
        sizes = sum((_sizes(x, error) for _matrix, x, error in layers), ())
        errors = sum((error for _matrix, _x, error in layers), ())
        bare = [[each.magnitude] for each in token]
        for terms, each in zip(bare, bias, strict=bool(bias)):
            terms.append(abs(each))
        return tuple(self._sum(row, sizes, errors, terms) for row, terms in zip(rows, bare, strict=True))

    def _sum(self, row: Vector, sizes: Errors, error: Errors, bare: Sequence[Fraction]) -> Fraction:
        """Return the error of a sum of products ``row * x`` and of terms that are no products."""
        absolute = tuple(abs(weight) for weight in row)
        size = _scalar(absolute, sizes) + sum(bare)
        return self._total(_scalar(absolute, error), size, len(row) + len(bare), sum(absolute) + sum(sizes))

    def mix(self, a: tuple[Interval, ...], a_error: Errors, b: tuple[Interval, ...], b_error: Errors) -> Fraction:
        """Return the error of the scalar product of two computed vectors."""
        a_size, b_size = _sizes(a, a_error), _sizes(b, b_error)
        self.check(UNNORMALISED * sum(b_size, Fraction(0)))
        inherited = _scalar(a_error, b_size) + _scalar(tuple(each.magnitude for each in a), b_error)
        return self._total(inherited, _scalar(a_size, b_size), len(a), sum(a_size) + sum(b_size))

    def _total(self, inherited: Fraction, size: Fraction, terms: int, operands: Fraction | int) -> Fraction:
        """Return inherited error, rounding of ``terms`` terms of total ``size``, and what flushing takes."""
        gamma = self.gamma(terms)
        flushed = self.rounding.flush * (2 * terms + 2 + operands) * (1 + gamma)
        self.check(size * (1 + gamma) + flushed)
        return _up(inherited + gamma * size + flushed)

    def score(
        self, query: tuple[Interval, ...], q_error: Errors, key: tuple[Interval, ...], k_error: Errors
    ) -> Fraction:
        """Return the error of one scaled attention score."""
        scale = inverse_root_of_two().high
        q_size, k_size = _sizes(query, q_error), _sizes(key, k_error)
        inherited = _scalar(q_size, k_error) + _scalar(q_error, tuple(each.magnitude for each in key))
        size = _scalar(q_size, k_size)
        gamma = self.gamma(SCORE_ROUNDINGS)
        flushed = self.rounding.flush * (8 + 4 * (sum(q_size) + sum(k_size))) * (1 + gamma)
        self.check(2 * (size * (1 + gamma) + flushed))  # the scores' difference is a sum of both
        return _up(scale * (inherited + gamma * size) + flushed)

    def attention(self, step: Step, s_error: Errors) -> Errors:
        """Return the errors of the two softmax weights."""
        unit = self.rounding.exponential
        size = sum(_sizes(step.scores, s_error))
        argument = sum(s_error, Fraction(0)) + 3 * self.gamma(ARGUMENT_ROUNDINGS) * size + 4 * self.rounding.flush
        if argument >= 1:
            most = number(float(min(argument, Fraction(10**9))))
            raise BoundError(f"attention scores are uncertain by {most}, but at most by 1")
        ratio = exponential(round_down(argument) + _TINY).high * (1 + unit) / (1 - unit)
        shift = step.attention[0].high * step.attention[1].high * (ratio - 1)
        gamma = self.gamma(NORMALISATION_ROUNDINGS)
        return tuple(
            _up(shift + gamma * (w.high + shift) + FLUSHED_WEIGHTS * self.rounding.flush) for w in step.attention
        )

    def check(self, size: Fraction) -> None:
        """Raise where a quantity of this size may overflow."""
        if size >= self.rounding.largest:
            raise BoundError(f"a quantity of up to {_decimal(size)} may overflow")


def error_bounds(weights: Weights, step: Step, rounding: Rounding) -> Errors:
    """Return bounds of |computed - real| of the four logits of one step, in every admissible evaluation.

    Raises:
        BoundError: an intermediate quantity may overflow, or attention is too uncertain.
    """
    bounds = _Bounds(rounding)
    exact = (Fraction(0), Fraction(0))
    for matrix in weights.tensors.values():
        bounds.check(max(abs(number) for row in matrix for number in row))
    pair, state = step.tokens
    query = bounds.linear(weights.query, state, exact)
    keys = tuple(bounds.linear(weights.key, token, exact) for token in (pair, state))
    values = tuple(bounds.linear(weights.value, token, exact) for token in (pair, state))
    scores = tuple(bounds.score(step.query, query, step.keys[j], keys[j]) for j in range(2))
    attention = bounds.attention(step, scores)
    mixed = tuple(
        bounds.mix(step.attention, attention, tuple(v[i] for v in step.values), tuple(v[i] for v in values))
        for i in range(2)
    )
    attended = (weights.output, step.mixed, mixed)
    residual = bounds.stream(state, [attended])
    hidden = bounds.linear(weights.hidden, step.residual, residual, weights.hidden_bias)
    contracted = (weights.contraction, step.hidden, hidden)
    final = bounds.stream(state, [attended, contracted], weights.contraction_bias)
    return bounds.linear(weights.embedding, step.final, final)


def _sizes(x: tuple[Interval, ...], error: Errors) -> Errors:
    return tuple(each.magnitude + e for each, e in zip(x, error, strict=True))


def _scalar(a: Errors, b: Errors) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _up(value: Fraction) -> Fraction:
    return -round_down(-value)


def _decimal(value: Fraction) -> str:
    return f"2^{value.numerator.bit_length() - value.denominator.bit_length()}"
