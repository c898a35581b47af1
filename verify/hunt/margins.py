"""Search where a subject is least sure: pairs near those that it decides by the smallest margins."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from verify.addition.oracle import PLACES, forced_tokens, state_tokens
from verify.addition.task import TEN
from verify.hunt.draws import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.random import Generator

    from verify.hunt.strata import Batch
    from verify.subject import Subject

WEAKEST = "weakest"  # the stratum that is not drawn but bred
WEAKEST_SENTENCE = "Pairs bred from those that were decided by the smallest margins, one to three columns changed."
KEPT = 16  # pairs that are bred from

_GENERATION = 64  # pairs: few enough for several generations in the smallest shard
_MOST_CHANGES = 3  # columns


class Weak(NamedTuple):
    """A right sum, and the margin of its weakest step: logit of the right token minus the best other."""

    margin: float
    a: int
    b: int


def margins(subject: Subject, a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Return the margin of the weakest step of each sum, float64 (N,), or None where a subject shows none.

    They guide the search and decide nothing, so that a stranger may say what it likes.
    """
    if "forced_logits" in subject.abilities:
        return _of_logits(np.asarray(subject.ask("forced_logits", ids=forced_tokens(a, b)), np.float64), a, b)
    if subject.batching != "teacher forcing":
        return None
    found = subject.ask("forced_margins", a=a, b=b)
    is_valid = isinstance(found, np.ndarray) and found.shape == a.shape and found.dtype == np.float64
    return found if is_valid else None


def weakest(a: np.ndarray, b: np.ndarray, found: np.ndarray | None, count: int) -> list[Weak]:
    """Return the right sums with the smallest margins, so many of them, the smallest first."""
    if found is None:
        return []
    rows = np.flatnonzero(np.isfinite(found) & (found > 0))
    rows = rows[np.lexsort((a[rows], b[rows], found[rows]))]
    ranked = dict.fromkeys(Weak(float(found[row]), int(a[row]), int(b[row])) for row in rows[: 4 * count])
    return list(ranked)[:count]


def generations(
    subject: Subject, parents: Sequence[Weak], random: Generator, count: int
) -> Iterator[tuple[Batch, list[Weak]]]:
    """Yield generations of pairs, so many pairs in all, and the weakest so far, from which the next is bred."""
    kept = list(parents)
    while count > 0:
        pairs = np.array([(a, b) for _, a, b in kept], np.int64).reshape(-1, 2)
        a, b = _bred(random, pairs, min(_GENERATION, count))
        count -= len(a)
        found = weakest(a, b, margins(subject, a, b), KEPT)
        kept = sorted({*kept, *found})[:KEPT]
        yield (a, b), kept


def _of_logits(logits: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    states = state_tokens(a, b)[..., None]  # (N, 35, 1)
    right = np.take_along_axis(logits, states, axis=-1)[..., 0]
    others = logits.copy()  # (N, 35, 4)
    np.put_along_axis(others, states, -np.inf, axis=-1)
    least: np.ndarray = (right - others.max(axis=-1)).min(axis=-1)
    return least


def _bred(random: Generator, pairs: np.ndarray, count: int) -> Batch:
    """Return pairs, int64 (N,) each, with one to three columns of a parent changed; uniform pairs without a parent."""
    if len(pairs) == 0:
        return numbers(TEN, random, count), numbers(TEN, random, count)
    a, b = pairs[random.integers(0, len(pairs), count)].T
    changes = random.integers(1, _MOST_CHANGES + 1, count)
    for change in range(_MOST_CHANGES):
        unit = 10 ** random.integers(0, PLACES, count)
        digit_a, digit_b = random.integers(0, 10, (2, count))
        digit_b = np.where(random.random(count) < 0.5, 9 - digit_a, digit_b)
        applies = change < changes
        a = np.where(applies, a + (digit_a - a // unit % 10) * unit, a)
        b = np.where(applies, b + (digit_b - b // unit % 10) * unit, b)
    return a, b
