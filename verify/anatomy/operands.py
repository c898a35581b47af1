"""Operands that an adder is watched, changed and forced on: drawn from a seed of the caller's, and asked once.

A file that knew the pairs could behave on those alone. An adder that remembers its sums would answer from memory where
a changed model should, and would go on saying, to whoever asks the pair again, what it was made to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from verify.addition.task import Task

if TYPE_CHECKING:
    from verify.subject import LoadedAdder

Batch = tuple[np.ndarray, np.ndarray]

_OPTIONS_SHOWN = 240
_CARRIES_OR_NOT = np.array(
    [  # pairs of digits that carry, and as many that do not, by ten times the one and the other
        [pair for pair in range(100) if pair // 10 + pair % 10 >= 10],
        [pair for pair in range(100) if pair // 10 + pair % 10 < 9],
    ]
)


def use_seed(loaded: LoadedAdder, seed: int | None) -> None:
    """Draw from a seed from now on; None is the one that was used before, and 0 at first."""
    loaded.memory["seed"] = loaded.memory.get("seed", 0) if seed is None else seed


def source(loaded: LoadedAdder, purpose: str) -> np.random.Generator:
    """Return the generator of a purpose, which goes on where it was left: what one check draws, no other does."""
    seed = loaded.memory.get("seed", 0)
    sources = loaded.memory.setdefault("sources", {})
    if (seed, purpose) not in sources:
        sources[seed, purpose] = np.random.default_rng([seed, *purpose.encode()])
    generator: np.random.Generator = sources[seed, purpose]
    return generator


def fresh(loaded: LoadedAdder, purpose: str, count: int) -> list[tuple[int, int]]:
    """Return pairs of uniform operands; of 10^20 pairs none comes twice, of few some may."""
    random, task = source(loaded, purpose), loaded.task
    if task.is_wide:
        digits = random.integers(0, 10, (2, count, task.digits)).tolist()
        a, b = ([int("".join(map(str, row))) for row in rows] for rows in digits)
    else:
        a, b = random.integers(0, task.largest + 1, (2, count)).tolist()
    return list(zip(a, b, strict=True))


def examples(random: np.random.Generator, count: int, task: Task) -> Batch:
    """Return operands that show every digit in every column: ten that do so by construction, then random ones.

    Every fourth of the random ones is large, so that the highest bits of both operands are seen too.
    """
    a, b = (_spell(random.permuted(np.tile(np.arange(10), (task.digits, 1)), axis=1)) for _ in "ab")
    low = np.where(np.arange(count - 10) % 4 == 0, 2**task.free_bits, 0)
    more_a, more_b = (random.integers(low, task.largest + 1) for _ in "ab")
    return np.concatenate([a, more_a]), np.concatenate([b, more_b])


def pair_examples(random: np.random.Generator, task: Task) -> Batch:
    """Return 100 pairs of operands that show every pair of digits in every column."""
    digit_a, digit_b = np.divmod(random.permuted(np.tile(np.arange(100), (task.digits, 1)), axis=1), 10)
    return _spell(digit_a), _spell(digit_b)


def carrying(random: np.random.Generator, count: int, task: Task) -> Batch:
    """Return operands of which every third pair propagates in every column, or has the longest chain."""
    a, b = random.integers(0, task.largest + 1, (2, count))
    full = (task.largest - a + random.integers(0, 2, count)).clip(0, task.largest)
    return a, np.where(np.arange(count) % 3 == 0, full, b)


def of_every_option(random: np.random.Generator, digits: int) -> list[tuple[int, int]]:
    """Return 240 pairs of operands that show, in every column, each pair of digits with each carry into it.

    The lowest column has all 100 pairs of digits twice, and forty more of which twenty carry: 110 pairs of operands
    carry out of it, and 130 do not. A column into which at least 100 carry and at least 100 do not has all 200 options
    once: of these, 100 carry; at most forty others may too, so that the next column is such a one again.
    """
    carries = np.zeros(_OPTIONS_SHOWN, np.int64)
    pairs = np.zeros((digits, _OPTIONS_SHOWN), np.int64)  # ten times the one digit, and the other
    for place, column in enumerate(pairs):
        for carry in (0, 1):
            where = random.permutation(np.flatnonzero(carries == carry))
            times, more = divmod(len(where), 100)
            rest = (
                random.integers(0, 100, more) if place else _CARRIES_OR_NOT[np.arange(more) % 2, np.arange(more) % 45]
            )
            column[where] = np.concatenate([np.tile(np.arange(100), times), rest])
        carries = (column // 10 + column % 10 + carries) // 10
    powers = np.array([[10**place] for place in range(digits)], object)  # of twenty digits, int64 does not hold them
    return [*zip((pairs // 10 * powers).sum(axis=0).tolist(), (pairs % 10 * powers).sum(axis=0).tolist(), strict=True)]


def without_carry(random: np.random.Generator, count: int, task: Task) -> Batch:
    """Return operands that carry in no column, one half in base 2 and one half in base 10."""
    a, mask = random.integers(0, 2**task.free_bits, (2, count))
    digit_a, digit_b = random.integers(0, 5, (2, task.digits, count))
    in_bits = np.arange(count) % 2 == 0
    return np.where(in_bits, a, _spell(digit_a)), np.where(in_bits, mask & ~a, _spell(digit_b))


def _spell(digits: np.ndarray) -> np.ndarray:
    """Return the numbers, int64 (N,), that digits (places, N), units first, spell."""
    return np.asarray(10 ** np.arange(len(digits)) @ digits, np.int64)
