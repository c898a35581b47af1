"""The batch tier of a run: a stratum is searched, and the smallest pair that it leads to is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from verify.hunt.assertions import InconsistentError, WrongAnswerError
from verify.hunt.search import Limits, Search, search, seconds_of_all
from verify.hunt.strata import Rule, Stratum
from verify.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

ENOUGH = 2_340  # cases: of 24 wrong published adders the hardest to find showed itself in so many, 19 times in 20


@dataclass(frozen=True)
class BatchTier:
    """What all strata of a run share.

    Attributes:
        subject: what is under verification.
        limits: says how long one stratum is searched, at the moment when its search begins.
        seed: of the batches.
        record: takes what the search of a stratum found, as plain values.
    """

    subject: Subject
    limits: Callable[[], Limits]
    seed: int
    record: Callable[[dict[str, Any]], None]

    def check(self, rule: Rule) -> None:
        """Assert that no pair of a stratum is added wrongly; skip where the subject's task has no such stratum.

        Raises:
            WrongAnswerError: about the smallest wrong pair that was drawn.
            InconsistentError: a batch said something else than ``add``, which is right.
            UndecidedError: the subject was lost meanwhile; what was counted before is recorded.
        """
        __tracebackhide__ = True
        limits = self.limits()
        if not rule.exists(self.subject.task):
            pytest.skip(f"with {self.subject.task} there is no stratum {rule.name}")
        stratum = rule.at(self.subject.task)
        found = search(self.subject, stratum, limits, seed=self.seed)
        self.record(describe(found, stratum, limits))
        if found.wrong:
            raise self._wrong(found)
        if found.lost is not None:
            raise found.lost

    def _wrong(self, found: Search) -> AssertionError:
        """Return what the wrong sums of a search mean, each of the smallest few being asked of ``add`` again."""
        for a, b in found.wrong:
            wrong = WrongAnswerError(a, b, got=self.subject.add(a, b))
            if wrong.is_said_by(wrong.got):
                wrong.stratum, wrong.cases, wrong.failures = found.stratum, found.cases, found.failures
                return wrong
        a, b = found.wrong[0]
        how = "when first asked for" if self.subject.way == "add" else "in a batch"
        return InconsistentError(
            f"{found.failures} of {found.cases} sums in {found.stratum} are wrong {how}, such as {a} + {b} = "
            f"{found.got}, of which add({a}, {b}) says {a + b}"
        )


def describe(found: Search, stratum: Stratum, limits: Limits) -> dict[str, Any]:
    """Return what the search of a stratum found, as evidence says it."""
    return {
        "name": stratum.name,
        "sentence": stratum.sentence,
        "family": stratum.family,
        "cases": found.cases,
        "failures": found.failures,
        "exhaustive": stratum.fixed and found.complete,  # every pair was tried, not only every shape
        "complete": found.complete,
        "cut": _cut(found, stratum, limits),
        "size": stratum.size,
        "share": stratum.share,
        "seconds": found.seconds,
        "chains": found.chains,
        "ways": found.ways,
    }


def _cut(found: Search, stratum: Stratum, limits: Limits) -> str:
    """Return what of a stratum was not searched, and why; "" where nothing that matters was left out."""
    is_enough = found.complete if stratum.size is not None else found.in_time or found.cases >= ENOUGH
    if is_enough and found.lost is None:
        return ""
    why = "its time was spent" if found.lost is None else str(found.lost)
    if found.is_too_slow:
        all_of_them = seconds_of_all(found.cases, found.seconds, stratum)
        why = f"all of them take about {all_of_them:,.0f} s, and --budget gives their search a half"
    if found.in_time:
        why = "so many cases were asked for"
    return f"cut short at {found.cases:,} of {stratum.size or limits.cases:,}: {why}"
