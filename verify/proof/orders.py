"""Evaluates one step in one admissible order, and looks for an order in which a machine would add wrongly.

An order says of each sum in which sequence it is taken, whether products are fused into it and which partial sums are
stored, where attention's scale is applied, and how softmax is normalised. The sums that end in the residual stream have
it as a term: where it comes last, the layer is summed on its own. Everything is rounded to nearest even, exp correctly.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from math import exp, inf, isnan, isqrt, sqrt
from typing import Any, Protocol

from verify.proof.automaton import Counterexample, binary_machine, counterexample
from verify.proof.enclosure import exponential, inverse_root_of_two
from verify.proof.formats import EVERY_OPERATION, FORMATS, Format, round_to
from verify.proof.network import CONTEXTS, VOCABULARY
from verify.proof.weights import Matrix, Weights

LAYER_TERMS = {
    "projection": 2, "score": 2, "difference": 4, "mix": 2, "output": 3, "hidden": 3, "contraction": 6, "head": 2,
}  # fmt: skip
STORED = ("last", "last two", "every")  # partial sums
SCALES = ("score", "query", "query and key")
NORMALISATIONS = ("divide", "multiply by the reciprocal", "divide last", "logistic")
ORDER_PARTS = (*LAYER_TERMS, "scale", "normalisation")
RESTARTS = 30
MOVES = 100

Order = dict[str, Any]


class InadmissibleError(ArithmeticError):
    """The evaluation overflows, so that it says nothing about rounding."""


class Arithmetic(Protocol):
    """Rounding to the format of operations and to that of stored tensors, and the functions of attention."""

    def operation(self, value: Any) -> Any:
        """Return the result of one operation."""

    def store(self, value: Any) -> Any:
        """Return an entry of a stored tensor."""

    def exponential(self, value: Any) -> Any:
        """Return exp(value), as one operation."""

    def root_of_half(self, fourth: bool) -> Any:
        """Return the square root of 1/2, or the fourth root, as a constant."""


class ExactArithmetic:
    """Rational numbers, each operation rounded to nearest even by definition: slow, and beyond doubt."""

    def __init__(self, precision: str, mode: str) -> None:
        self._stored, self._operation = _formats(precision, mode)

    def operation(self, value: Fraction) -> Fraction:
        """Return the value rounded to the format of operations."""
        return _rounded(value, self._operation)

    def store(self, value: Fraction) -> Fraction:
        """Return the value rounded to the format of tensors."""
        return _rounded(value, self._stored)

    def exponential(self, value: Fraction) -> Fraction:
        """Return exp(value) rounded correctly: both ends of its enclosure round to one number."""
        try:
            enclosure = exponential(value)
        except OverflowError as error:
            raise InadmissibleError(str(error)) from error
        return self._agreed(enclosure.low, enclosure.high)

    def root_of_half(self, fourth: bool) -> Fraction:
        """Return the constant rounded correctly."""
        root = inverse_root_of_two()
        if not fourth:
            return self._agreed(root.low, root.high)
        low = isqrt((root.low.numerator << 1280) // root.low.denominator)
        return self._agreed(Fraction(low, 1 << 640), Fraction(low + 2, 1 << 640))

    def _agreed(self, low: Fraction, high: Fraction) -> Fraction:
        rounded = self.operation(low)
        if rounded != self.operation(high):
            raise InadmissibleError(f"{float(low):.17g} lies too near to the middle of two numbers")
        return rounded


class FastArithmetic:
    """Python floats rounded by Veltkamp's splitting (Dekker 1971): a sieve, whose finds are confirmed exactly."""

    def __init__(self, precision: str, mode: str) -> None:
        stored, operation = _formats(precision, mode)
        self._store_factor = float(2 ** (53 - stored.significand) + 1)
        self._operation_factor = float(2 ** (53 - operation.significand) + 1)

    def operation(self, value: float) -> float:
        """Return the value rounded to the significand of operations."""
        split = value * self._operation_factor
        return split - (split - value)

    def store(self, value: float) -> float:
        """Return the value rounded to the significand of tensors."""
        split = value * self._store_factor
        return split - (split - value)

    def exponential(self, value: float) -> float:
        """Return exp(value), rounded twice."""
        return self.operation(exp(value))

    def root_of_half(self, fourth: bool) -> float:
        """Return the constant."""
        return self.operation(sqrt(sqrt(0.5)) if fourth else sqrt(0.5))


def _formats(precision: str, mode: str) -> tuple[Format, Format]:
    stored = FORMATS[precision]
    return stored, stored if mode == EVERY_OPERATION else FORMATS["float32"]


def _rounded(value: Fraction, target: Format) -> Fraction:
    rounded = round_to(value, target)
    if rounded is None:
        raise InadmissibleError(f"{float(value):.6g} overflows {target.name}")
    return rounded


Numbers = Sequence[Any]


@dataclass(frozen=True)
class Evaluation:
    """One step, evaluated in one order in one arithmetic, of whose kind of number the weights are."""

    weights: Weights
    order: Order
    arithmetic: Arithmetic

    def logits(self, pair: int, state: int) -> tuple[Any, ...]:
        """Return the four logits of one step.

        Raises:
            InadmissibleError: a number overflows.
        """
        weights = self.weights
        tokens = [weights.embedding[token] for token in (pair, state)]
        query = self._linear("projection", weights.query, tokens[1])
        keys = [self._linear("projection", weights.key, token) for token in tokens]
        values = [self._linear("projection", weights.value, token) for token in tokens]
        mixed = self._attention(query, keys, values)
        residual = self._linear("output", weights.output, mixed, tokens[1])
        hidden = self._linear("hidden", weights.hidden, residual, weights.hidden_bias)
        active = [max(each, 0) for each in hidden]
        final = self._linear("contraction", weights.contraction, active, weights.contraction_bias, residual)
        return tuple(self._linear("head", weights.embedding, final))

    def _attention(self, query: Numbers, keys: Sequence[Numbers], values: Sequence[Numbers]) -> list[Any]:
        operation, store = self.arithmetic.operation, self.arithmetic.store
        columns = list(zip(*values, strict=True))
        normalisation = self.order["normalisation"]
        if normalisation == "logistic":
            attention = self._logistic(query, keys)
            return [store(self._total("mix", list(zip(attention, column, strict=True)))) for column in columns]
        scores = self._scores(query, keys)
        largest = max(scores)
        powers = [self.arithmetic.exponential(operation(score - largest)) for score in scores]
        total = operation(powers[0] + powers[1])
        if normalisation == "divide last":
            stored = [store(power) for power in powers]
            sums = [self._total("mix", list(zip(stored, column, strict=True))) for column in columns]
            return [store(operation(each / total)) for each in sums]
        if normalisation == "divide":
            attention = [store(operation(power / total)) for power in powers]
        else:
            reciprocal = operation(1 / total)
            attention = [store(operation(power * reciprocal)) for power in powers]
        return [store(self._total("mix", list(zip(attention, column, strict=True)))) for column in columns]

    def _scores(self, query: Numbers, keys: Sequence[Numbers]) -> Numbers:
        query, keys = self._query_and_keys(query, keys)
        products = [self._total("score", list(zip(query, key, strict=True))) for key in keys]
        return self._scaled_sums([self.arithmetic.store(each) for each in products])

    def _logistic(self, query: Numbers, keys: Sequence[Numbers]) -> list[Any]:
        """Return the two weights, as the logistic functions of the difference of the scores and of minus it."""
        query, (pair, state) = self._query_and_keys(query, keys)
        terms = [*zip(query, pair, strict=True), *zip([-each for each in query], state, strict=True)]
        (gap,) = self._scaled_sums([self.arithmetic.store(self._total("difference", terms))])
        operation = self.arithmetic.operation
        decays = [self.arithmetic.exponential(argument) for argument in (-gap, gap)]
        return [self.arithmetic.store(operation(1 / operation(1 + decay))) for decay in decays]

    def _query_and_keys(self, query: Numbers, keys: Sequence[Numbers]) -> tuple[Numbers, Sequence[Numbers]]:
        scale = self.order["scale"]
        if scale == "score":
            return query, keys
        both = scale == "query and key"
        return self._scaled(query, fourth=both), [self._scaled(key, fourth=True) for key in keys] if both else keys

    def _scaled_sums(self, sums: Numbers) -> Numbers:
        return self._scaled(sums, fourth=False) if self.order["scale"] == "score" else sums

    def _scaled(self, x: Numbers, fourth: bool) -> list[Any]:
        constant = self.arithmetic.root_of_half(fourth)
        return [self.arithmetic.store(self.arithmetic.operation(each * constant)) for each in x]

    def _linear(self, layer: str, matrix: Matrix, x: Numbers, *further: Numbers) -> list[Any]:
        """Return ``matrix @ x``, plus a bias, plus the residual stream."""
        rows: list[list[tuple[Any, Any]]] = [list(zip(row, x, strict=True)) for row in matrix]
        for vector in further:
            for terms, each in zip(rows, vector, strict=True):
                terms.append((each, None))
        return [self.arithmetic.store(self._total(layer, terms)) for terms in rows]

    def _total(self, layer: str, terms: Sequence[tuple[Any, Any]]) -> Any:
        """Return the sum of products, and of terms without a second factor, in the layer's order."""
        operation, store = self.arithmetic.operation, self.arithmetic.store
        order = self.order[layer]
        every, last_but_one = order["stored"] == "every", len(terms) - 2 if order["stored"] == "last two" else None
        total: Any = None
        for place, index in enumerate(order["terms"]):
            x, y = terms[index]
            if y is not None and (total is None or not order["fused"]):
                x, y = operation(x * y), None
                x = store(x) if every else x
            term = x if y is None else x * y
            total = term if total is None else operation(total + term)
            if every or place == last_but_one:
                total = store(total)
        return total


def random_order(draw: random.Random) -> Order:
    """Return an order drawn at random."""
    return {part: _random_part(part, draw) for part in ORDER_PARTS}


def _random_part(part: str, draw: random.Random) -> Any:
    if part == "scale":
        return draw.choice(SCALES)
    if part == "normalisation":
        return draw.choice(NORMALISATIONS)
    terms = LAYER_TERMS[part]
    return {
        "terms": draw.sample(range(terms), terms),
        "fused": draw.random() < 0.5,
        "stored": draw.choice(STORED),
    }


@dataclass(frozen=True)
class Witness:
    """An order in which a machine adds wrongly.

    Attributes:
        order: the order.
        pair, state: the context whose logits are wrong or tied.
        logits: the four logits in this order.
        rows: the machine's next states in this order, rows[state][pair]; a tie is decided against it.
        counterexample: a shortest pair of operands that it then adds wrongly.
    """

    order: Order
    pair: int
    state: int
    logits: tuple[Fraction, ...]
    rows: tuple[tuple[int, ...], ...]
    counterexample: Counterexample


def find_witness(
    weights: Weights, precision: str, mode: str, expected: Sequence[Sequence[int]], context: tuple[int, int]
) -> Witness | None:
    """Return an order in which the sums come out wrong, or None where the search finds none.

    It changes one part of an order at a time and keeps what does not widen the gap between the right logit and the
    best other.

    Args:
        weights: already rounded to the precision.
        precision: which arithmetic; tensors wider than it are not searched.
        mode: likewise.
        expected: the right next states, expected[state][pair].
        context: the (pair, state) that is likeliest to go wrong.
    """
    if mode != EVERY_OPERATION and FORMATS[precision].significand > FORMATS["float32"].significand:
        return None
    draw, floats = random.Random(0), _as_floats(weights)  # noqa: S311 - reproducible on purpose
    fast, exact = FastArithmetic(precision, mode), ExactArithmetic(precision, mode)
    pair, state = context
    for _restart in range(RESTARTS):
        order, least = random_order(draw), inf
        for _ in range(MOVES):
            part = draw.choice(ORDER_PARTS)
            changed = order | {part: _random_part(part, draw)}
            gap = _gap(Evaluation(floats, changed, fast), pair, state, expected[state][pair])
            if gap > least:
                continue
            order, least = changed, gap
            witness = confirm(Evaluation(weights, order, exact), expected) if gap <= 0 else None
            if witness is not None:
                return witness
    return None


def confirm(evaluation: Evaluation, expected: Sequence[Sequence[int]]) -> Witness | None:
    """Return the witness that an exact evaluation is, or None where it adds rightly or overflows."""
    try:
        table = {(pair, state): evaluation.logits(pair, state) for pair, state in CONTEXTS}
    except InadmissibleError:
        return None
    next_state = {(p, s): _decided(logits, expected[s][p]) for (p, s), logits in table.items()}
    rows = tuple(tuple(next_state[pair, state] for pair in range(VOCABULARY)) for state in range(VOCABULARY))
    wrong = counterexample(binary_machine(rows))
    if wrong is None:
        return None
    pair, state = next((p, s) for p, s in CONTEXTS if next_state[p, s] != expected[s][p])
    return Witness(evaluation.order, pair, state, table[pair, state], rows, wrong)


def _as_floats(weights: Weights) -> Weights:
    """Return weights whose numbers are floats, for `FastArithmetic`."""
    numbers: dict[str, Any] = {}
    for each in fields(weights):
        value = getattr(weights, each.name)
        is_vector = isinstance(value[0], Fraction)
        numbers[each.name] = tuple(map(float, value)) if is_vector else tuple(tuple(map(float, row)) for row in value)
    return Weights(**numbers)


def _gap(evaluation: Evaluation, pair: int, state: int, expected: int) -> float:
    """Return how far the expected logit is above the best other; infinity where the evaluation overflows."""
    try:
        logits = evaluation.logits(pair, state)
    except (OverflowError, ZeroDivisionError):
        return inf
    gap: float = logits[expected] - max(logits[:expected] + logits[expected + 1 :])
    return inf if isnan(gap) else gap


def _decided(logits: Sequence[Any], expected: int) -> int:
    """Return the argmax, a tie being decided against the expected token."""
    best = max(logits)
    return next((token for token, each in enumerate(logits) if each == best and token != expected), expected)
