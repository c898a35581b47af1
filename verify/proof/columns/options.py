"""Columns as an automaton: the options of a column, and the least of a sum over all paths of carries.

Tables over options are in the order of `NAMES`, which sorts them by the carry in and the carry out, so that the four
kinds are four slices.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

COUNT = 200

_CARRY, _A, _B = (axis.ravel() for axis in np.indices((2, 10, 10)))
NAMES = np.lexsort((_CARRY + _A + _B >= 10, _CARRY))  # (200,) indices 100 c + 10 a + b
CARRY, DIGIT_A, DIGIT_B = _CARRY[NAMES], _A[NAMES], _B[NAMES]
SUM, CARRY_OUT = (CARRY + DIGIT_A + DIGIT_B) % 10, (CARRY + DIGIT_A + DIGIT_B) // 10
_KINDS = ((0, 0), (0, 1), (1, 0), (1, 1))  # carry in, carry out
_STARTS = np.array([np.flatnonzero((c == CARRY) & (out == CARRY_OUT))[0] for c, out in _KINDS])
_SLICES = [slice(start, end) for start, end in zip(_STARTS, [*_STARTS[1:], COUNT], strict=True)]

_SYMBOLS = {
    "constant": (1, np.zeros(COUNT, int)),
    "a": (10, DIGIT_A),
    "b": (10, DIGIT_B),
    "pair": (100, 10 * DIGIT_A + DIGIT_B),
    "sum": (10, SUM),
    "state": (20, SUM + 10 * CARRY_OUT),
}


def symbols(feature: str, column: int, digits: int) -> tuple[int, int, np.ndarray]:
    """Return of a feature how many symbols it has, the column whose option it is a function of, and that, (200,)."""
    if column == digits and feature in ("sum", "state"):
        return 2, digits - 1, CARRY_OUT
    return _SYMBOLS[feature][0], column, _SYMBOLS[feature][1]


def least(costs: np.ndarray) -> np.ndarray:
    """Return the least sum over paths, (n,), of costs of options, (W, 200, n), infinite where one is not allowed."""
    kinds = np.minimum.reduceat(costs, _STARTS, axis=1)  # (W, 4, n)
    none, one = np.zeros(costs.shape[2]), np.full(costs.shape[2], np.inf)
    for c00, c01, c10, c11 in kinds:
        none, one = np.minimum(none + c00, one + c10), np.minimum(none + c01, one + c11)
    found: np.ndarray = np.minimum(none, one)
    return found


def least_path(costs: np.ndarray) -> list[int] | None:
    """Return the options of a path with the least sum, of costs (W, 200); None where no path is allowed."""
    best, back = [0.0, np.inf], []
    for column in costs:
        ends, came = [np.inf, np.inf], [(0, 0), (0, 0)]
        for (carry, out), part in zip(_KINDS, _SLICES, strict=True):
            option = part.start + int(column[part].argmin())
            if best[carry] + column[option] < ends[out]:
                ends[out], came[out] = best[carry] + column[option], (carry, option)
        best = ends
        back.append(came)
    if not np.isfinite(min(best)):
        return None
    state, path = int(np.argmin(best)), []
    for came in reversed(back):
        state, option = came[state]
        path.append(option)
    return path[::-1]


def operands(path: list[int]) -> tuple[int, int]:
    """Return the operands whose path it is."""
    a, b = (sum(int(digit[option]) * 10**j for j, option in enumerate(path)) for digit in (DIGIT_A, DIGIT_B))
    return a, b


def path_of(a: int, b: int, digits: int) -> list[int]:
    """Return the options of a pair of operands, by column."""
    place, path, carry = np.argsort(NAMES), [], 0
    for _ in range(digits):
        path.append(int(place[100 * carry + 10 * (a % 10) + b % 10]))
        a, b, carry = a // 10, b // 10, int(carry + a % 10 + b % 10 >= 10)
    return path


def pairs_in(cell: np.ndarray) -> int:
    """Return how many pairs of operands a cell, bool (W, 200), holds."""
    none, one = 1, 0
    for column in cell:
        c00, c01, c10, c11 = (int(column[part].sum()) for part in _SLICES)
        none, one = none * c00 + one * c10, none * c01 + one * c11
    return none + one


def mask(column: np.ndarray) -> str:
    """Return a column of a cell, bool (200,), in hex: bit i for option i of docs/columns.md."""
    return format(sum(1 << int(name) for name in NAMES[column]), "x")


def read_split(node: Any, digits: int) -> tuple[int, np.ndarray]:
    """Return the column of a split as a tree writes it, and which options go left, bool (200,).

    Raises:
        ValueError: it is no split.
    """
    match node:
        case [int(column), str(members)] if 0 <= column < digits and re.fullmatch(r"[0-9a-f]{1,50}", members):
            number = int(members, 16)
            return column, np.array([number >> int(name) & 1 for name in NAMES], bool)
    raise ValueError(f"{node!r:.80} is no split of a column")
