"""The search of one stratum: batches at the subject's own speed, within a number of cases and of seconds."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from verify.addition.strategies import Pair
from verify.hunt.replay import shrink_from
from verify.hunt.strata import Stratum
from verify.subject import Subject
from verify.subject.answers import as_sum

_FIRST_BATCH = 8  # a slow subject answers 50 sums a second
_LARGEST_BATCH = 32_768  # larger ones spread over threads and become slower


@dataclass(frozen=True)
class Limits:
    """How long one stratum is searched: until either runs out."""

    cases: int
    seconds: float


@dataclass(frozen=True)
class Search:
    """What the search of one stratum found.

    Attributes:
        stratum: its name.
        cases: pairs that were added.
        failures: pairs whose sum was wrong.
        first: the first of these, or None.
        got: what the batch said of it.
        complete: whether every case of an exhaustive stratum was tried.
        seconds: how long it took.
        chains: where carry chains were laid, [base, start, length, cases, failures] each.
    """

    stratum: str
    cases: int
    failures: int
    first: Pair | None
    got: int | None
    complete: bool
    seconds: float
    chains: list[list[int]]


def search(subject: Subject, stratum: Stratum, limits: Limits, *, seed: int = 0) -> Search:
    """Search a stratum for a pair that a subject adds wrongly."""
    stream, tally = stratum.stream(seed), _Tally(stratum)
    begin = perf_counter()
    batch, elapsed = _FIRST_BATCH, 0.0
    while stream.drawn < limits.cases and elapsed < limits.seconds and not stream.exhausted:
        cases, a, b = stream.take(min(batch, limits.cases - stream.drawn))
        tally.count(cases, a, b, subject.add_batch(a, b))
        elapsed = perf_counter() - begin
        batch = _next_batch(batch, stream.drawn / elapsed, limits.seconds - elapsed)
    return Search(
        stratum.name,
        stream.drawn,
        tally.failures,
        tally.first,
        tally.got,
        stream.complete,
        round(elapsed, 3),
        tally.chains(),
    )


class _Tally:
    """Counts the wrong sums, by carry chain where the stratum lays them, and keeps the first."""

    def __init__(self, stratum: Stratum) -> None:
        self._stratum = stratum
        self._counts = np.zeros((2, 0 if stratum.spans is None else len(stratum.spans)), np.int64)
        self.failures = 0
        self.first: Pair | None = None
        self.got: int | None = None

    def count(self, cases: np.ndarray, a: np.ndarray, b: np.ndarray, sums: np.ndarray) -> None:
        wrong = np.flatnonzero(sums != a + b)
        self.failures += len(wrong)
        if self.first is None and len(wrong):
            self.first, self.got = (int(a[wrong[0]]), int(b[wrong[0]])), int(sums[wrong[0]])
        if size := self._counts.shape[1]:
            self._counts += [np.bincount(cases, minlength=size), np.bincount(cases[wrong], minlength=size)]

    def chains(self) -> list[list[int]]:
        if self._stratum.spans is None:
            return []
        start, end = self._stratum.spans.T
        base = np.full_like(start, self._stratum.base)
        chains: list[list[int]] = np.stack([base, start, end - start, *self._counts], axis=1).tolist()
        return chains


def shrink(subject: Subject, pair: Pair, *, seconds: float = 10.0) -> Pair:
    """Return the smallest pair that a subject adds wrongly and that is reached from a wrong one in the time."""
    end = perf_counter() + seconds

    def fails(candidate: Pair) -> bool:
        return perf_counter() < end and as_sum(subject.add(*candidate)) != sum(candidate)

    return shrink_from(pair, fails)


def _next_batch(batch: int, pairs_a_second: float, seconds_left: float) -> int:
    affordable = int(pairs_a_second * max(seconds_left, 0.0))
    return max(_FIRST_BATCH, min(8 * batch, affordable, _LARGEST_BATCH))
