"""What strata are drawn with: whole arrays of operands from digits and from kinds of columns."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.random import Generator

from verify.addition.oracle import KINDS
from verify.addition.task import Task
from verify.hunt.strata import Batch

KILLS, PROPAGATES, GENERATES = range(len(KINDS))  # positions in KINDS

_PLACES_OF_INT64 = {10: 18, 2: 62}  # columns of numbers that fit, by base


def numbers(task: Task, random: Generator, count: int) -> np.ndarray:
    """Return uniform operands, (count,)."""
    if task.is_wide:
        return spell(random.integers(0, 10, (count, task.digits)))
    return random.integers(0, task.largest + 1, count)


def shortened(task: Task, random: Generator, count: int) -> np.ndarray:
    """Return operands of every number of digits, the short as often as the long, (count,)."""
    return np.asarray(numbers(task, random, count) % powers(task, random, count, 0))


def powers(task: Task, random: Generator, count: int, least: int, most: int | None = None) -> np.ndarray:
    """Return powers of ten, (count,), with exponents from a least one to that of the task, or a most."""
    return np.asarray(task.powers[random.integers(least, (task.digits if most is None else most) + 1, count)])


def between(task: Task, random: Generator, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return numbers from low to high, both (N,), drawn evenly; of wide operands as evenly as 10^10 more draws are."""
    if not task.is_wide:
        return random.integers(low, high, endpoint=True)
    drawn = spell(random.integers(0, 10, (len(low), task.digits + 10)))
    return np.asarray(low + drawn % (high - low + 1))


def spell(digits: np.ndarray, base: int = 10) -> np.ndarray:
    """Return the numbers, (N,), that digits (N, places), units first, spell: int64, or objects if they may not fit."""
    most = _PLACES_OF_INT64[base]
    if digits.shape[1] > most:
        high = spell(digits[:, most:], base).astype(object)
        return np.asarray(high * base**most + spell(digits[:, :most], base).astype(object))
    total = np.zeros(len(digits), np.int64)
    for place in range(digits.shape[1] - 1, -1, -1):
        total = total * base + digits[:, place]
    return total


def realise(random: Generator, kinds: np.ndarray, base: int = 10) -> Batch:
    """Return operands whose columns have the kinds (N, places), as positions in `KINDS`, drawn evenly."""
    table = _columns_by_kind(base)  # (3, M, 2)
    drawn = table[kinds, random.integers(0, table.shape[1], kinds.shape, np.uint8)]  # (N, places, 2)
    return spell(drawn[..., 0], base), spell(drawn[..., 1], base)


@cache
def _columns_by_kind(base: int) -> np.ndarray:
    """Return the columns of each kind, (3, M, 2), each repeated until all kinds have equally many."""
    a, b = np.divmod(np.arange(base**2), base)
    kinds = (a + b >= base - 1).astype(int) + (a + b >= base)
    count = np.lcm.reduce(np.bincount(kinds))
    return np.stack([np.resize(np.stack([a, b], 1)[kinds == kind], (count, 2)) for kind in range(len(KINDS))])
