"""Learning how an adder lays out its tokens: each a constant, or a function of one column of the operands or the sum.

Nothing is assumed about the alphabet, the order of the columns or the separators; bases 10 and 2 are tried. The
functions are tables, filled from examples; what no example showed is left open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from verify.addition.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable

OPEN = -1  # in a table: no example showed this entry

_ABOVE_ALL = 2**62  # fits int64, and is above all sums that do
_OF_THE_SUM = "the sum's"


@dataclass(frozen=True)
class Feature:
    """A quantity of one column of a sum.

    Attributes:
        kind: "a" or "b", an operand's digit; "pair", both; "sum", the sum's digit; "state", with the carry out of it;
            "a and sum", "b and sum", both digits; "pair and carry", both operands' and the carry into it.
        base: 2 or 10.
        place: of the column; 0 is the units column.
        size: how many values it can take.
    """

    kind: str
    base: int
    place: int
    size: int

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return its value, int64 (N,), for operands, int64 (N,) each."""
        unit = self.base**self.place
        digit_a, digit_b, digit_sum = (np.asarray(x // unit % self.base) for x in (a, b, a + b))
        if self.kind == "pair":
            return np.asarray(digit_a * self.base + digit_b)
        if self.kind == "state":
            below = min(unit * self.base, _ABOVE_ALL)
            return np.asarray(digit_sum + self.base * ((a % below + b % below) // below))
        if self.kind == "pair and carry":
            return np.asarray((digit_a * self.base + digit_b) * 2 + (a % unit + b % unit) // unit)
        if self.kind in {"a and sum", "b and sum"}:
            return np.asarray((digit_a if self.kind[0] == "a" else digit_b) * self.base + digit_sum)
        return {"a": digit_a, "b": digit_b, "sum": digit_sum}[self.kind]

    def __str__(self) -> str:
        """Name its column as people count: units are column 1."""
        owners = {
            "a": "the first operand's",
            "b": "the second operand's",
            "pair": "both operands'",
            "a and sum": "the first operand's and the sum's",
            "b and sum": "the second operand's and the sum's",
            "pair and carry": "both operands' digits and the carry in",
        }
        column = "column" if self.base == 10 else "bit"
        return f"{owners.get(self.kind, _OF_THE_SUM)} {column} {self.place + 1}"


_CONSTANT = Feature("a", 2, 62, 1)  # of an operand that int64 holds this bit is 0, whatever the task is


@dataclass(frozen=True)
class Token:
    """A token as a function of a feature: ``table[feature(a, b)]``."""

    feature: Feature
    table: np.ndarray


def prompt_features(*, pairs: bool, task: Task) -> list[Feature]:
    """Return what a token of a prompt may be a function of, the simplest first; pairs of digits take many examples."""
    kinds = [("a", 10, 10), ("b", 10, 10), ("a", 2, 2), ("b", 2, 2), ("pair", 2, 4)]
    return [_CONSTANT, *_features(kinds + [("pair", 10, 100)] * pairs, task)]


def answer_features(task: Task) -> list[Feature]:
    """Return what a token of an answer may be a function of, the simplest first."""
    return [_CONSTANT, *_features([("sum", 10, 10), ("sum", 2, 2), ("state", 2, 4), ("state", 10, 20)], task)]


def hint_features(task: Task) -> list[Feature]:
    """Return what a token of a prompt may be a function of that none should be: the sum, and what tells it.

    Of digits and the sum together, bits alone: a table of 100 entries would fit few examples by chance.
    """
    kinds = [("a and sum", 2, 4), ("b and sum", 2, 4), ("pair and carry", 2, 8)]
    return [*answer_features(task), *_features(kinds, task)]


def learn(tokens: np.ndarray, a: np.ndarray, b: np.ndarray, features: Iterable[Feature]) -> list[Token | None]:
    """Return each column of tokens, int64 (N, L), as a function of a feature; None where none fits every example."""
    tables = [(feature, feature(a, b)) for feature in features]
    learnt = [_fit(column, tables) for column in tokens.T]
    return _share(learnt)


def write(layout: list[Token], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the tokens, int64 (N, L), of operands, int64 (N,) each; `OPEN` where no example showed one."""
    return np.stack([token.table[token.feature(a, b)] for token in layout], axis=1)


def _features(kinds: Iterable[tuple[str, int, int]], task: Task) -> list[Feature]:
    columns = {10: task.digits + 1, 2: (2 * task.largest).bit_length()}  # of a sum: 11 and 35 of 10 digits
    return [Feature(kind, base, place, size) for kind, base, size in kinds for place in range(columns[base])]


def _fit(column: np.ndarray, values: list[tuple[Feature, np.ndarray]]) -> Token | None:
    for feature, value in values:
        table = np.full(feature.size, OPEN, np.int64)
        table[value] = column
        if np.array_equal(table[value], column):
            return Token(feature, table)
    return None


def _share(learnt: list[Token | None]) -> list[Token | None]:
    """Fill what is open in a table from columns of the same kind, where all of these agree."""
    groups: dict[tuple[str, int], list[np.ndarray]] = {}
    for token in learnt:
        if token is not None and token.feature is not _CONSTANT:
            groups.setdefault((token.feature.kind, token.feature.base), []).append(token.table)
    unions = {kind: np.stack(tables).max(axis=0) for kind, tables in groups.items()}
    agree = {kind for kind, tables in groups.items() if all(_is_part(table, unions[kind]) for table in tables)}
    shared: list[Token | None] = []
    for token in learnt:
        kind = ("", 0) if token is None or token.feature is _CONSTANT else (token.feature.kind, token.feature.base)
        shared.append(Token(token.feature, unions[kind]) if token is not None and kind in agree else token)
    return shared


def _is_part(table: np.ndarray, whole: np.ndarray) -> bool:
    return bool(np.all((table == OPEN) | (table == whole)))
