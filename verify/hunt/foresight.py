"""What lets properties of slow adders be tried at the speed of batches: their pairs are foreseen, and added together.

A property (a Hypothesis test) asks for one sum at a time. Which sums it will ask for does not hang on the answers as
long as these are right. So it is rehearsed on plain integers, the pairs that it asks for are noted, and the subject is
given all of them as one batch; then the property runs, and finds the answers in a memory. What was not foreseen, as
when an answer is wrong, is asked of ``add``. A pair that was asked once keeps its answer, so that no property sees an
adder change its mind: that is another claim's to find out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np

from verify.subject import NO_INTEGER, Subject
from verify.subject.answers import Answer

if TYPE_CHECKING:
    from verify.addition.strategies import Pair


MANY = 100  # pairs: as many as a property asks for at least, and enough to be worth learning to force
TIMED = 4  # of a property's sums, to tell how long they take


class TimeIsSpent(BaseException):
    """A property's share of the time is over; what it tried until then held."""


class Rehearsal(Subject):
    """Plain integers in a subject's place, which note what is asked of them."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.asked: dict[Pair, None] = {}
        _describe_as(self, subject)

    def answer(self, a: int, b: int) -> Answer:
        """Return the sum."""
        self.asked[a, b] = None
        return Answer(a + b)

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Refuse: a property asks for sums, one at a time."""
        raise NotImplementedError(operation)

    def afresh(self) -> Subject:
        """Refuse, as `ask` does."""
        raise NotImplementedError

    def _many(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        raise NotImplementedError


class Memory(Subject):
    """A subject whose answers are kept, and which is asked only until its time is spent.

    Attributes:
        asked: how many answers were asked of ``add``, one at a time.
        foreseen: how many sums were had in a batch before.
    """

    def __init__(self, subject: Subject, time_is_spent: Callable[[], bool] = lambda: False) -> None:
        super().__init__()
        _describe_as(self, subject)
        self._subject = subject
        self._time_is_spent = time_is_spent
        self._answers: dict[Pair, Answer] = {}
        self.asked = self.foreseen = 0

    def foresee(self, pairs: list[Pair]) -> None:
        """Add pairs as one batch, and keep the sums; an answer that is no integer is left to be asked for."""
        if pairs:
            sums = self._subject.add_batch(*map(self.task.array, zip(*pairs, strict=True)))
            known = {
                pair: Answer(total) for pair, total in zip(pairs, sums.tolist(), strict=True) if total != NO_INTEGER
            }
            self._answers |= known
            self.foreseen += len(known)

    def answer(self, a: int, b: int) -> Answer:
        """Return what the subject says of a pair, or said before.

        Raises:
            TimeIsSpent: it is.
        """
        if (a, b) not in self._answers:
            if self._time_is_spent():
                raise TimeIsSpent
            self.asked += 1
            self._answers[a, b] = self._subject.answer(a, b)
        return self._answers[a, b]

    def note(self, name: str, detail: str, a: int | None = None, b: int | None = None, count: int = 1) -> None:
        """Add to the findings of the subject."""
        self._subject.note(name, detail, a, b, count)

    def way_of(self, count: int) -> str:
        """Return how a batch of so many pairs is added."""
        return self._subject.way_of(count)

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Return what an operation finds."""
        return self._subject.ask(operation, **arguments)

    def _many(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        return self._subject._many(how, a, b)  # noqa: SLF001 - it stands in its place

    def afresh(self) -> Subject:
        """Return the subject, loaded anew."""
        return self._subject.afresh()


def foresee(
    memory: Memory, test: Any, seconds: float, *, seed: int, clock: Callable[[], float] = time.monotonic
) -> None:
    """Have a property's sums added as one batch, where there is no time to ask for each of them.

    Args:
        memory: the subject that the property will be given.
        test: the property, a test under ``given``; it is made to draw what its rehearsal drew.
        seconds: what the property may take.
        seed: of its draws.
        clock: gives seconds.
    """
    if memory.way_of(MANY) != "teacher forcing":
        return
    pairs = list(_rehearse(test, Rehearsal(memory), seed))
    begin = clock()
    for pair in pairs[:TIMED]:
        memory.answer(*pair)
    if (clock() - begin) / TIMED * len(pairs) > seconds / 2:
        memory.foresee(pairs[TIMED:])
        hypothesis.seed(seed)(test)


def _rehearse(test: Any, rehearsal: Rehearsal, seed: int) -> dict[Pair, None]:
    """Return the pairs that a property asks for, in their order."""
    handle = test.hypothesis
    own = getattr(test, "_hypothesis_internal_use_settings", None)  # what is drawn hangs on how much is to be drawn

    @hypothesis.seed(seed)
    @hypothesis.settings(own, database=None, phases=[hypothesis.Phase.generate])
    @hypothesis.given(**handle._given_kwargs)  # noqa: SLF001 - no public way to what a test draws from
    def rehearsed(**drawn: Any) -> None:
        handle.inner_test(subject=rehearsal, **drawn)

    rehearsed()
    return rehearsal.asked


def _describe_as(stand_in: Subject, subject: Subject) -> None:
    for name in ("spec", "name", "author", "sha256", "declared_parameters", "isolation", "abilities", "method", "task"):
        setattr(stand_in, name, getattr(subject, name))
