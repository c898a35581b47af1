"""The architecture in real arithmetic: every intermediate quantity of one step, enclosed.

One step reads two tokens, a pair at position k and a state at position 35 + k, and gives the four logits of the
next state. Widths are 2, but for 4 hidden units and 4 logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from verify.proof.enclosure import Interval, dot, inverse_root_of_two, logistic, point
from verify.proof.weights import Matrix, Vector, Weights

VOCABULARY = 4
CONTEXTS = tuple(product(range(VOCABULARY), range(VOCABULARY)))  # (pair, state), 16 of them

Enclosures = tuple[Interval, ...]


@dataclass(frozen=True)
class Step:
    """Enclosures of every quantity of one step; two of a name are of the pair and of the state, in this order."""

    tokens: tuple[Enclosures, Enclosures]
    query: Enclosures
    keys: tuple[Enclosures, Enclosures]
    values: tuple[Enclosures, Enclosures]
    scores: tuple[Interval, Interval]
    attention: tuple[Interval, Interval]
    mixed: Enclosures
    attended: Enclosures
    residual: Enclosures
    hidden: Enclosures
    contracted: Enclosures
    final: Enclosures
    logits: Enclosures


def step(weights: Weights, pair: int, state: int) -> Step:
    """Return enclosures of every quantity of the step after one pair token and one state token."""
    tokens = (_points(weights.embedding[pair]), _points(weights.embedding[state]))
    query = _linear(weights.query, tokens[1])
    keys = (_linear(weights.key, tokens[0]), _linear(weights.key, tokens[1]))
    values = (_linear(weights.value, tokens[0]), _linear(weights.value, tokens[1]))
    scores = (dot(query, keys[0]) * inverse_root_of_two(), dot(query, keys[1]) * inverse_root_of_two())
    attention = (logistic(scores[0] - scores[1]), logistic(scores[1] - scores[0]))
    mixed = tuple(dot(attention, (values[0][i], values[1][i])) for i in range(2))
    attended = _linear(weights.output, mixed)
    residual = _sum(tokens[1], attended)
    hidden = tuple(each.positive_part for each in _linear(weights.hidden, residual, weights.hidden_bias))
    contracted = _linear(weights.contraction, hidden, weights.contraction_bias)
    final = _sum(residual, contracted)
    logits = _linear(weights.embedding, final)
    return Step(
        tokens, query, keys, values, scores, attention, mixed,
        attended, residual, hidden, contracted, final, logits,
    )  # fmt: skip


def winner(logits: Enclosures) -> int | None:
    """Return the token whose logit is above every other in real arithmetic; None where the enclosures overlap."""
    best = max(range(VOCABULARY), key=lambda token: logits[token].low)
    return best if all(margin(logits, best, rival) > 0 for rival in range(VOCABULARY) if rival != best) else None


def margin(logits: Enclosures, token: int, rival: int) -> Fraction:
    """Return a lower bound of how far the logit of one token lies above that of another."""
    return (logits[token] - logits[rival]).low


def _linear(matrix: Matrix, x: Enclosures, bias: Vector | None = None) -> Enclosures:
    products = tuple(dot(_points(row), x) for row in matrix)
    return products if bias is None else _sum(products, _points(bias))


def _sum(a: Enclosures, b: Enclosures) -> Enclosures:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def _points(numbers: Vector) -> Enclosures:
    return tuple(point(number) for number in numbers)
