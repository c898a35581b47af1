"""What strata are drawn with: whole arrays of operands from digits and from kinds of columns."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.random import Generator

from verify.addition.oracle import KINDS, MAX_OPERAND
from verify.hunt.strata import Batch

KILLS, PROPAGATES, GENERATES = range(len(KINDS))  # positions in KINDS


def numbers(random: Generator, count: int) -> np.ndarray:
    """Return uniform operands, int64 (count,)."""
    return random.integers(0, MAX_OPERAND + 1, count)


def spell(digits: np.ndarray, base: int = 10) -> np.ndarray:
    """Return the numbers, int64 (N,), that digits (N, places), units first, spell."""
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
