"""The search of one stratum: batches at the subject's own speed, within a number of cases and of seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import numpy as np

from verify.addition.strategies import Pair, pairs
from verify.errors import UndecidedError
from verify.hunt.replay import shrink_from
from verify.hunt.strata import EVERY_PAIR, Stratum
from verify.subject import Subject, as_sum

UNIFORM = "uniform"  # the stratum whose cases bound the failure rate of uniform operands
MOST_KEPT = 32  # wrong pairs of a stratum
_FIRST_BATCH = 8  # a slow subject answers 50 sums a second
_TRIAL = 0.05  # of the time for every pair, after which it is plain how long they take
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
        smallest: of these the one with the smallest operands, or None.
        wrong: the smallest of them, `MOST_KEPT` at most, the smallest first.
        got: what the batch said of it.
        complete: whether every case of an exhaustive stratum was tried.
        in_time: whether it ended by the number of cases, and not by the time or by an error.
        is_too_slow: whether it was given up, since every pair would have taken longer than there is time.
        seconds: how long it took.
        chains: where carry chains were laid, [base, start, length, cases, failures] each.
        ways: by `Subject.way`, how many of the sums were had so, and how many of these were wrong.
        lost: the error that ended it before its time, or None.
    """

    stratum: str
    cases: int
    failures: int
    smallest: Pair | None
    got: int | None
    complete: bool
    in_time: bool
    seconds: float
    chains: list[list[int]]
    ways: dict[str, list[int]]
    wrong: list[Pair]
    lost: UndecidedError | None = None
    is_too_slow: bool = False


def search(
    subject: Subject, stratum: Stratum, limits: Limits, *, seed: int = 0, clock: Callable[[], float] = monotonic
) -> Search:
    """Search a stratum for a pair that a subject adds wrongly; what was counted before an error is kept.

    Half of the time of the uniform stratum every sum is asked of ``add`` itself, since a bound on how often ``add``
    fails can rest on nothing else. So are the sums of every pair that there is, which are a proof if all are right;
    where a part of the time shows that it is too short for all of them, they are given up.
    """
    stream, tally = stratum.stream(seed), _Tally(stratum)
    begin, batch, elapsed, lost, is_too_slow = clock(), _FIRST_BATCH, 0.0, None, False
    is_every = stratum.name == EVERY_PAIR
    is_uniform = stratum.name == UNIFORM and "add_batch" not in subject.abilities
    while stream.drawn < limits.cases and elapsed < limits.seconds and not stream.exhausted:
        cases, a, b = stream.take(min(batch, limits.cases - stream.drawn))
        alone = is_every or (is_uniform and elapsed < limits.seconds / 2)
        try:
            sums = subject.add_batch(a, b, alone=True) if alone else subject.add_batch(a, b)
            tally.count(cases, a, b, sums, subject.way)
        except UndecidedError as error:
            lost = error
            break
        took, elapsed = clock() - begin - elapsed, clock() - begin
        left = limits.seconds / 2 - elapsed if alone and not is_every else limits.seconds - elapsed
        batch = _next_batch(batch, len(a) / max(took, 1e-9), left)
        is_tried = is_every and elapsed > _TRIAL * limits.seconds and not stream.exhausted
        if is_tried and seconds_of_all(tally.cases, elapsed, stratum) > limits.seconds:
            is_too_slow = True
            break
    return Search(
        stratum.name,
        tally.cases,
        tally.failures,
        tally.smallest,
        tally.got,
        stream.complete and lost is None,
        lost is None and (stream.exhausted or stream.drawn >= limits.cases),
        round(elapsed, 3),
        tally.chains(),
        tally.ways,
        tally.wrong,
        lost,
        is_too_slow,
    )


def seconds_of_all(cases: int, seconds: float, stratum: Stratum) -> float:
    """Return how long all cases of an exhaustive stratum take, where some took so many seconds."""
    return seconds / max(cases, 1) * (stratum.size or 0)


class _Tally:
    """Counts the wrong sums, by carry chain where the stratum lays them, and keeps the smallest few."""

    def __init__(self, stratum: Stratum) -> None:
        self._stratum = stratum
        self._counts = np.zeros((2, 0 if stratum.spans is None else len(stratum.spans)), np.int64)
        self.cases = self.failures = 0
        self.wrong: list[Pair] = []
        self.got: int | None = None
        self.ways: dict[str, list[int]] = {}

    def count(self, cases: np.ndarray, a: np.ndarray, b: np.ndarray, sums: np.ndarray, way: str) -> None:
        wrong = np.flatnonzero(sums != a + b)
        self.cases += len(a)
        self.failures += len(wrong)
        of_way = self.ways.setdefault(way, [0, 0])
        of_way[0] += len(a)
        of_way[1] += len(wrong)
        if len(wrong):
            least = wrong[np.lexsort((a[wrong], (a + b)[wrong]))[:MOST_KEPT]]
            found = list(zip(a[least].tolist(), b[least].tolist(), strict=True))
            if self.smallest is None or size(found[0]) < size(self.smallest):
                self.got = int(sums[least[0]])
            self.wrong = sorted({*self.wrong, *found}, key=size)[:MOST_KEPT]
        if places := self._counts.shape[1]:
            self._counts += [np.bincount(cases, minlength=places), np.bincount(cases[wrong], minlength=places)]

    @property
    def smallest(self) -> Pair | None:
        """The wrong pair with the smallest operands, or None."""
        return self.wrong[0] if self.wrong else None

    def chains(self) -> list[list[int]]:
        if self._stratum.spans is None:
            return []
        start, end = self._stratum.spans.T
        base = np.full_like(start, self._stratum.base)
        chains: list[list[int]] = np.stack([base, start, end - start, *self._counts], axis=1).tolist()
        return chains


def size(pair: Pair) -> tuple[int, int]:
    """Return what is smaller for smaller operands."""
    return sum(pair), pair[0]


def shrink(subject: Subject, pair: Pair, *, seconds: float = 10.0, clock: Callable[[], float] = monotonic) -> Pair:
    """Return the smallest pair that a subject adds wrongly and that is reached from a wrong one.

    Each pair is asked once. When the time is over, or the subject is lost, the answer is the smallest that was seen.
    """
    end = clock() + seconds

    def fails(candidate: Pair) -> bool:
        return as_sum(subject.add(*candidate)) != sum(candidate)

    return shrink_from(pair, fails, enough=lambda: clock() >= end, strategy=pairs(subject.task))


def _next_batch(batch: int, pairs_a_second: float, seconds_left: float) -> int:
    affordable = int(pairs_a_second * max(seconds_left, 0.0))
    return max(_FIRST_BATCH, min(8 * batch, affordable, _LARGEST_BATCH))
