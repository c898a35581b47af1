"""Attention at one step and one symbol of the query: its averages as sums over columns, and by what they may be off.

Section 5 of docs/columns.md: nominal weights and values, the base y, y's numerators and denominators by option.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verify.proof.columns.options import COUNT
from verify.proof.columns.rounding import FACTORS, Interval, Unit, magnitude, reciprocal
from verify.proof.columns.step import FEW, TAIL, Mean, Step, arguments
from verify.proof.columns.tables import Tables
from verify.proof.weights import RefusalError

_NEGLIGIBLE = 1e-7  # of the largest map: what is left of one after those before it are taken out


@dataclass
class Form:
    """An affine function of the means: coefficients by mean (M,), a constant; magnitude of its terms, and its error."""

    means: np.ndarray
    constant: float
    size: float
    error: float


@dataclass
class Linear:
    """The nodes that are affine in the means, and those of them that others read."""

    forms: dict[int, Form]
    curved: list[int]  # nodes of the tail that are no affine function of means
    read: list[int]  # affine nodes that curved ones, or the logits, read


def linear_of(step: Step, tables: Tables, query: int) -> Linear:
    """Return what is affine in the means at a symbol of the query, in the order of ``step.means``."""
    unit = Unit.of(step.dtype)
    axes = np.eye(len(step.means))
    forms = {
        node: Form(axis, 0.0, _size(_values(tables, mean, query)) * (1 + 1e-3), 0.0)
        for axis, (node, mean) in zip(axes, step.means.items(), strict=True)
    }
    curved, read = list[int](), list[int]()
    for node in step.of_kind(TAIL):
        terms = linear_terms(step, node)
        form = None if terms is None else _combine(terms, forms, tables, query, unit, step.nodes[node][0])
        if form is not None and _adds_slack(form, forms, tables, query, slack_of(step, node, unit)):
            forms[node] = form
            continue
        curved.append(node)
        read += [each for each in arguments(step.nodes[node]) if each in forms and each not in read]
    read += [node for node in step.logits if node in forms and node not in read]
    return Linear(forms, curved, list(dict.fromkeys(read)))


def linear_terms(step: Step, node: int) -> list[tuple[int, int | None, int]] | None:
    """Return the terms of a node that is a sum of (node, factor's node or None, sign); None where it is none."""
    operation, *rest = step.nodes[node]
    if operation == "sum":
        return [(x, None, 1) for x in rest[0]]
    if operation == "add":
        return [(x, None, 1) for x in rest]
    if operation == "sub":
        return [(rest[0], None, 1), (rest[1], None, -1)]
    if operation == "neg":
        return [(rest[0], None, -1)]
    if operation in ("round", "slack"):
        return [(rest[0], None, 1)]
    pairs = rest[0] if operation == "dot" else [rest] if operation in ("mul", "div") else []
    if not pairs or (operation == "div" and step.kinds[rest[1]] != FEW):
        return None
    factored = [(y, x) if step.kinds[x] == FEW and operation != "div" else (x, y) for x, y in pairs]
    return [(x, y, 1) for x, y in factored] if all(step.kinds[y] == FEW for _, y in factored) else None


def relative_error(operation: str, terms: int, unit: Unit) -> float:
    """Return by what a node with so many `linear_terms` errs, relative to the sum of their magnitudes."""
    return unit.sum(terms) if operation in ("sum", "dot") else FACTORS[operation] * unit.u


def slack_of(step: Step, node: int, unit: Unit) -> tuple[int, float] | None:
    """Return the node by whose magnitude another may err beside, and by how much of it; None where there is none."""
    operation, *rest = step.nodes[node]
    return (rest[1], rest[2] * unit.u) if operation == "slack" else None


def number(tables: Tables, node: int, query: int, *, inverse: bool = False) -> tuple[float, float]:
    """Return a number that depends on the query alone, as its middle and half its width; or its reciprocal."""
    low, high = tables.number(node, query)
    if inverse:
        ends = reciprocal((np.float64(low), np.float64(high)))
        low, high = float(ends[0]), float(ends[1])
    return (low + high) / 2, (high - low) / 2


def _values(tables: Tables, mean: Mean, query: int) -> list[Interval]:
    """Return the enclosures of what a mean averages; 1 for a weight by itself."""
    one = np.ones(1)
    return [(one, one) if value is None else tables.at(value, query) for value in mean.values.values()]


def _size(values: list[Interval]) -> float:
    return max(float(magnitude(each).max()) for each in values)


def _combine(
    terms: list[tuple[int, int | None, int]],
    forms: dict[int, Form],
    tables: Tables,
    query: int,
    unit: Unit,
    operation: str,
) -> Form | None:
    kinds = tables.step.kinds
    total = Form(np.zeros(len(tables.step.means)), 0.0, 0.0, 0.0)
    for x, factor, sign in terms:
        f, off = (float(sign), 0.0) if factor is None else number(tables, factor, query, inverse=operation == "div")
        if kinds[x] == FEW:
            c, half = number(tables, x, query)
            total.constant += f * c
            total.size += abs(f * c)
            total.error += abs(f) * half + (abs(c) + half) * off
        elif x in forms:
            form = forms[x]
            total.means = total.means + f * form.means
            total.constant += f * form.constant
            total.size += (abs(f) + off) * form.size
            total.error += abs(f) * form.error + off * form.size
        else:
            return None
    total.error += relative_error(operation, len(terms), unit) * total.size + 4 * unit.tiny * (len(terms) + total.size)
    return total


def _adds_slack(
    form: Form, forms: dict[int, Form], tables: Tables, query: int, slack: tuple[int, float] | None
) -> bool:
    """Add to a form's error what its slack allows; return whether that is known before what follows attention is."""
    if slack is None:
        return True
    node, times = slack
    if tables.step.kinds[node] == FEW:
        c, half = number(tables, node, query)
        form.error += times * (abs(c) + half)
    elif node in forms:
        form.error += times * (forms[node].size + forms[node].error)
    else:
        return False
    return True


@dataclass
class Row:
    """One row of weights, by column and option: what its weighted sums are sums of.

    Attributes:
        weight: nominal weights, (W, 200).
        moment: of y, (W, 200, r).
        doubt: by what the weights may be off, (W, 200).
        spread: that times the distance of the value from `middle`, (W, 200, r).
        fixed: the same four of the positions that read constant tokens: scalar, (r,), scalar, (r,).
        middle: (r,).
    """

    weight: np.ndarray
    moment: np.ndarray
    doubt: np.ndarray
    spread: np.ndarray
    middle: np.ndarray
    fixed: tuple[float, np.ndarray, float, np.ndarray] = field(default=(0.0, np.zeros(0), 0.0, np.zeros(0)))


class Attention:
    """Attention at a step and a symbol of the query.

    Attributes:
        linear: what is affine in the means.
        base: (r, M): y = base means.
        maps: (n, r): the affine nodes that are read are maps y + constants.
        constants: (n,).
        errors: of these nodes beside attention's own, (n,).
        off: of y, what is no weight's doing, (r,).
        rows: of weights.
    """

    def __init__(self, step: Step, tables: Tables, query: int) -> None:
        """Tabulate it.

        Raises:
            RefusalError: weight and value depend on different tokens, or the scores are not known well enough.
        """
        self.linear = linear_of(step, tables, query)
        forms = [self.linear.forms[node] for node in self.linear.read]
        wanted = np.array([form.means for form in forms])
        self.base = wanted[_independent(wanted)]
        self.maps = wanted @ np.linalg.pinv(self.base)
        sizes = np.array([self.linear.forms[node].size for node in step.means])
        left = np.abs(wanted - self.maps @ self.base) @ sizes
        self.constants = np.array([form.constant for form in forms])
        self.errors = np.array([form.error for form in forms]) + 1.01 * left
        own = [_own_error(step, tables, query, mean) for mean in step.means.values()]
        self.off = np.abs(self.base) @ np.array(own)
        self.rows = [self._row(step, tables, query, index) for index in range(len(step.rows))]

    @property
    def rank(self) -> int:
        """r: how many numbers attention hands on."""
        return len(self.base)

    def _row(self, step: Step, tables: Tables, query: int, index: int) -> Row:
        scores = step.rows[index]
        unit = Unit.of(step.dtype)
        known = [tables.at(score, query) for score in scores]
        top = max(float(high.max()) for _, high in known)
        peak = max(float(((low + high) / 2).max()) for low, high in known)
        shape = (step.digits, COUNT)
        row = Row(
            np.zeros(shape),
            np.zeros((*shape, self.rank)),
            np.zeros(shape),
            np.zeros((*shape, self.rank)),
            np.zeros(self.rank),
        )
        terms = [
            self._term(step, tables, query, index, place, known[place], top, peak, unit) for place in range(len(scores))
        ]
        weights = np.concatenate([weight for _, weight, _, _ in terms])
        row.middle = (weights @ np.concatenate([value for _, _, _, value in terms])) / weights.sum()
        fixed: list[Any] = [0.0, np.zeros(self.rank), 0.0, np.zeros(self.rank)]
        for position, weight, doubt, value in terms:
            far = doubt[:, None] * np.abs(value - row.middle)
            each = (weight, weight[:, None] * value, doubt, far)
            if position is None:
                fixed = [total + part[0] for total, part in zip(fixed, each, strict=True)]
                continue
            place = step.places[position]
            for total, part in zip((row.weight, row.moment, row.doubt, row.spread), each, strict=True):
                total[place.column] += part[place.symbol]
        row.fixed = (float(fixed[0]), np.asarray(fixed[1]), float(fixed[2]), np.asarray(fixed[3]))
        return row

    def _term(
        self,
        step: Step,
        tables: Tables,
        query: int,
        row: int,
        place: int,
        score: tuple[np.ndarray, np.ndarray],
        top: float,
        peak: float,
        unit: Unit,
    ) -> tuple[int | None, np.ndarray, np.ndarray, np.ndarray]:
        """Return of a position in a row the token read, weights (S,), their doubts (S,), values in the base (S, r)."""
        reads = {step.reads[step.rows[row][place]]}
        values = np.zeros((1, self.rank))
        for column, mean in enumerate(step.means.values()):
            if mean.row != row or place not in mean.values:
                continue
            node = mean.values[place]
            if node is None:
                values = values + self.base[:, column]
                continue
            reads.add(step.reads[node])
            low, high = tables.at(node, query)
            values = values + ((low + high) / 2)[:, None] * self.base[:, column]
        if len(reads - {None}) > 1:
            raise RefusalError("a weight of attention and its value depend on different tokens")
        low, high = score
        size = max(len(low), len(values))
        middle, half = (low + high) / 2, (high - low) / 2
        exponent = half + unit.u * (top - low) * 1.001 + 41 * unit.u + 2.0**-48
        with np.errstate(over="ignore"):
            weight = np.exp(middle - peak)
            doubt = np.exp(np.minimum(middle - peak + exponent, 700)) - weight
        if not np.all(doubt < 0.1):
            raise RefusalError("the scores of attention are too large for their rounding")
        position = next(iter(reads - {None}), None)
        weight, doubt = (np.broadcast_to(each, (size,)) for each in (weight, doubt * (1 + 1e-6)))
        return position, weight, doubt, np.broadcast_to(values, (size, self.rank))


def _own_error(step: Step, tables: Tables, query: int, mean: Mean) -> float:
    """Return by what a mean may be off beside its weights: its values, the normalisation, the sum."""
    unit, count = Unit.of(step.dtype), len(step.rows[mean.row])
    values = _values(tables, mean, query)
    size, half = _size(values), max(float((high - low).max()) / 2 for low, high in values)
    return half + (2 * count + 10) * unit.u * 1.01 * size + 4 * count * unit.tiny * max(1.0, size)


def _independent(rows: np.ndarray) -> list[int]:
    """Return which rows span all of them, by pivoted Gram-Schmidt."""
    left, found = rows.copy(), list[int]()
    top = np.linalg.norm(rows, axis=1).max()
    while len(found) < min(rows.shape):
        norms = np.linalg.norm(left, axis=1)
        best = int(norms.argmax())
        if not norms[best] > _NEGLIGIBLE * top:
            break
        found.append(best)
        direction = left[best] / norms[best]
        left = left - np.outer(left @ direction, direction)
    if not found:
        raise RefusalError("nothing that follows attention depends on it")
    return found
