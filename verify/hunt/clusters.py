"""Failures by shape: where a sum first goes wrong, and what the carry went through on its way there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from verify.addition.oracle import PLACES
from verify.subject.answers import NO_INTEGER, as_sum

if TYPE_CHECKING:
    from verify.addition.strategies import Pair
    from verify.subject import Subject

_LETTERS = "kpg"  # in the order of verify.addition.oracle.KINDS
_PROPAGATES, _NOTHING = 1, 3
_TO_CONFIRM = 3  # pairs of a cluster and shard, the smallest, that are asked of add before none is confirmed


@dataclass(frozen=True, order=True)
class Shape:
    """What wrong sums have in common.

    Attributes:
        place: the lowest decimal place of the sum that is wrong; 10 is the last carry, -1 says that no integer came.
        carry_word: the kinds of that column and of those below it down to the first that decides its carry, the
            highest first: "kppg" is a column that kills, wrong where a carry came in over two that propagate.
    """

    place: int
    carry_word: str


@dataclass(frozen=True)
class Failure:
    """A wrong sum: the smallest of its shape, and how many there were.

    Attributes:
        shape: of the sum.
        a, b: the operands.
        got: what came back, as ``repr`` shows it.
        count: how many wrong sums had the shape.
        confirmed: whether ``add`` gave it; else ``add_batch`` did, and ``add`` is right.
    """

    shape: Shape
    a: int
    b: int
    got: str
    count: int
    confirmed: bool

    @property
    def size(self) -> tuple[int, int]:
        """What is smaller for smaller operands."""
        return self.a + self.b, self.a


def cluster(subject: Subject, a: np.ndarray, b: np.ndarray, sums: np.ndarray) -> list[Failure]:
    """Return the failures among wrong sums, one of each shape, the smallest that ``add`` confirms.

    Args:
        subject: what is asked again.
        a: int64 (N,).
        b: int64 (N,).
        sums: what came back, int64 (N,).
    """
    order = np.lexsort((a, a + b))
    a, b, sums = a[order], b[order], sums[order]
    codes = _codes(a, b, sums)
    found = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    return [_smallest(subject, a[rows], b[rows], sums[rows]) for rows in found]


def shape_of(a: int, b: int, got: object) -> Shape:
    """Return the shape of a wrong sum.

    >>> shape_of(5, 9995, 0)
    Shape(place=4, carry_word='kpppg')
    """
    return _shape(int(_codes(np.array([a]), np.array([b]), np.array([as_sum(got)]))[0]))


def shrink_failure(subject: Subject, failure: Failure) -> Pair:
    """Return the smallest pair of a failure's shape that is reached column by column; the same one every time.

    `verify.hunt.search.shrink` goes further and takes seconds and its own chance; of what a campaign says, nothing may
    hang on either.
    """
    pair = failure.a, failure.b
    while (smaller := _one_column_smaller(subject, pair, failure.shape)) != pair:
        pair = smaller
    return pair


def _one_column_smaller(subject: Subject, pair: Pair, shape: Shape) -> Pair:
    """Return a pair each of whose columns is the simplest with which the sum is wrong in the same shape."""
    for place in reversed(range(PLACES)):
        for candidate in _simpler(pair, place):
            got = subject.add(*candidate)
            if as_sum(got) != sum(candidate) and shape_of(*candidate, got) == shape:
                pair = candidate
                break
    return pair


def _simpler(pair: Pair, place: int) -> list[Pair]:
    """Return the pairs with a simpler column at a place, the simplest first."""
    unit = 10**place
    digit_a, digit_b = (operand // unit % 10 for operand in pair)
    total = digit_a + digit_b
    columns = sorted(
        {(0, 0), (0, 9), (1, 9), (max(total - 9, 0), min(total, 9))}, key=lambda column: (sum(column), column)
    )
    rest = pair[0] - digit_a * unit, pair[1] - digit_b * unit
    return [(rest[0] + a * unit, rest[1] + b * unit) for a, b in columns if (a + b, a) < (total, digit_a)]


def _smallest(subject: Subject, a: np.ndarray, b: np.ndarray, sums: np.ndarray) -> Failure:
    shape = shape_of(int(a[0]), int(b[0]), int(sums[0]))
    for x, y in zip(a[:_TO_CONFIRM].tolist(), b[:_TO_CONFIRM].tolist(), strict=True):
        got = subject.add(x, y)
        if as_sum(got) != x + y:
            return Failure(shape, x, y, repr(got), len(a), confirmed=True)
    return Failure(shape, int(a[0]), int(b[0]), repr(int(sums[0])), len(a), confirmed=False)


def _codes(a: np.ndarray, b: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the shapes of wrong sums as integers (N,) of four digits: place, kind, propagates below, what decides."""
    total = _digits(a) + _digits(b)  # (N, 10)
    kinds = (total >= 9).astype(np.int64) + (total >= 10)
    runs, deciders = np.zeros_like(kinds), np.full_like(kinds, _NOTHING)
    for column in range(1, PLACES):
        goes_on = kinds[:, column - 1] == _PROPAGATES
        runs[:, column] = np.where(goes_on, runs[:, column - 1] + 1, 0)
        deciders[:, column] = np.where(goes_on, deciders[:, column - 1], kinds[:, column - 1])
    differs = _digits(a + b, PLACES + 1) != _digits(sums, PLACES + 1)  # (N, 11)
    place = np.where(differs.any(axis=1), differs.argmax(axis=1), PLACES)
    at = np.arange(len(a)), place.clip(max=PLACES - 1)
    codes = (((place + 1) * 3 + kinds[at]) * PLACES + runs[at]) * 4 + deciders[at]
    return np.where(sums == NO_INTEGER, 0, codes)


def _shape(code: int) -> Shape:
    rest, decider = divmod(code, 4)
    rest, run = divmod(rest, PLACES)
    place, kind = divmod(rest, 3)
    return Shape(place - 1, _LETTERS[kind] + "p" * run + _LETTERS[decider : decider + 1] if code else "")


def _digits(values: np.ndarray, places: int = PLACES) -> np.ndarray:
    return np.asarray(values[:, None] // 10 ** np.arange(places) % 10, np.int64)
