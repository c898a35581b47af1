"""The batch tier of a test run: a stratum is searched, and the smallest pair that it leads to is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, settings

from verify.hunt.assertions import WrongAnswerError
from verify.hunt.search import Limits, Search, search, shrink
from verify.hunt.strata import Stratum
from verify.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class BatchTier:
    """What all strata of a run share.

    Attributes:
        subject: what is under verification.
        limits: of one stratum.
        seed: of the batches.
        record: takes what the search of a stratum found, as plain values.
    """

    subject: Subject
    limits: Limits
    seed: int
    record: Callable[[dict[str, Any]], None]

    def check(self, stratum: Stratum) -> None:
        """Assert that no pair of a stratum is added wrongly.

        Raises:
            WrongAnswerError: about the smallest wrong pair that is reached from the first.
        """
        __tracebackhide__ = True
        found = search(self.subject, stratum, self.limits, seed=self.seed)
        self.record(describe(found, stratum))
        if found.first is not None:
            raise self._wrong(found, *found.first)

    def _wrong(self, found: Search, a: int, b: int) -> WrongAnswerError:
        got = self.subject.add(a, b)
        if got == a + b:
            call = f"add_batch([{a}], [{b}]), where add({a}, {b}) is right"
            wrong = WrongAnswerError(a, b, got=found.got, expected=a + b, call=call)
        else:
            a, b = shrink(self.subject, (a, b)) if Phase.shrink in settings().phases else (a, b)
            wrong = WrongAnswerError(a, b, got=self.subject.add(a, b), expected=a + b)
        wrong.stratum, wrong.cases, wrong.failures = found.stratum, found.cases, found.failures
        return wrong


def describe(found: Search, stratum: Stratum) -> dict[str, Any]:
    """Return what the search of a stratum found, as evidence says it."""
    return {
        "name": stratum.name,
        "sentence": stratum.sentence,
        "family": stratum.family,
        "cases": found.cases,
        "failures": found.failures,
        "exhaustive": stratum.fixed and found.complete,  # every pair was tried, not only every shape
        "complete": found.complete,
        "size": stratum.size,
        "share": stratum.share,
        "seconds": found.seconds,
        "chains": found.chains,
    }
