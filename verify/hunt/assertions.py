"""The one wording of a failure: ``add(10, 9990)=0, but should be 10000 [carry chain of 3 from column 2]``.

There are two kinds. A `WrongAnswerError` is about sums: a pair inside the domain and an answer of ``add`` that is not
its sum. An `InconsistentError` is about the nature of an adder: it says two things of one pair, and one may be right.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from verify.addition.oracle import longest_chain
from verify.subject import NO_INTEGER, OPTIONAL_FUNCTIONS, Subject, as_sum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from verify.addition.strategies import Pair


class WrongAnswerError(AssertionError):
    """An answer of ``add`` that is not the sum.

    Attributes:
        a, b: the operands that show it.
        call: what was called, such as ``add(1, 9)``.
        got, expected: what came back, and the sum.
        stratum: the name of the stratum it was found in, or None.
        cases, failures: how many cases of the stratum were tried, and how many of them failed.
    """

    def __init__(self, a: int, b: int, *, got: object) -> None:
        self.a, self.b, self.got, self.expected = a, b, got, a + b
        self.call = f"add({a}, {b})"
        self.stratum: str | None = None
        self.cases = self.failures = 0
        super().__init__(a, b)

    def is_said_by(self, got: object) -> bool:
        """Return whether an answer to the same operands is wrong too."""
        return as_sum(got) != self.expected

    def of(self, a: int, b: int, got: object) -> WrongAnswerError:
        """Return the error about other operands, or another answer, to which this one has led."""
        led_to = WrongAnswerError(a, b, got=got)
        led_to.stratum, led_to.cases, led_to.failures = self.stratum, self.cases, self.failures
        return led_to

    def __str__(self) -> str:
        found = f" {self.failures} of {self.cases} failed in {self.stratum}" if self.stratum else ""
        return f"{self.call}={self.got!r}, but should be {self.expected} [{reason(self.a, self.b)}]{found}"


class InconsistentError(AssertionError):
    """Two answers to the same question that differ, where ``add`` itself gave no wrong sum."""


def reason(a: int, b: int) -> str:
    """Return why a pair is interesting: where its longest carry chain runs; columns are counted from 1.

    >>> reason(10, 9990)
    'carry chain of 3 from column 2'
    """
    chain = longest_chain(a, b)
    return f"carry chain of {chain.length} from column {chain.start + 1}" if chain.length else "no column carries"


def assert_sum(subject: Subject, a: int, b: int) -> None:
    """Assert that a subject adds two operands.

    Raises:
        WrongAnswerError: it does not.
    """
    __tracebackhide__ = True
    assert_answer(a, b, got=subject.add(a, b))


def assert_sum_of_task(subject: Subject, a: int, b: int) -> None:
    """Assert that a subject adds two operands, and skip what are none of its task.

    Raises:
        WrongAnswerError: it does not.
    """
    __tracebackhide__ = True
    if not subject.task.holds(a, b):
        pytest.skip(f"{a} + {b} is no sum of operands of {subject.task}")
    assert_answer(a, b, got=subject.add(a, b))


def assert_answer(a: int, b: int, *, got: object) -> None:
    """Assert that an answer to two operands is their sum, as an int.

    Raises:
        WrongAnswerError: it is not.
    """
    __tracebackhide__ = True
    if as_sum(got) != a + b:
        raise WrongAnswerError(a, b, got=got)


def assert_law(subject: Subject, law: Callable[..., bool], *asked: Pair) -> None:
    """Assert that a law of addition holds between a subject's own answers to some pairs.

    Where it does not, one of the answers at least is not the sum; the one with the smallest operands is reported.

    Args:
        subject: that is asked.
        law: says of the answers, in the order of the pairs, whether it holds; it holds of the sums.
        asked: the pairs.

    Raises:
        WrongAnswerError: about an answer that is not the sum.
    """
    __tracebackhide__ = True
    answers = {pair: subject.add(*pair) for pair in asked}
    sums = [as_sum(answers[pair]) for pair in asked]
    if NO_INTEGER in sums or not law(*sums):
        for pair in sorted(asked, key=sum):
            assert_answer(*pair, got=answers[pair])


def require(subject: Subject, ability: str) -> None:
    """Skip the test where a subject lacks an ability, and name it."""
    if ability not in subject.abilities:
        pytest.skip(
            f"{subject.name} offers no {ability}: {OPTIONAL_FUNCTIONS.get(ability, 'its model is no torch module')}"
        )


@contextmanager
def within(subject: Subject, seconds: float) -> Iterator[None]:
    """Give what is asked of a subject a time of its own, shorter than that of the run.

    Raises:
        OutOfTimeError: it took longer.
    """
    before, begin = subject.time_left, time.monotonic()
    subject.time_left = lambda: min(before(), seconds - (time.monotonic() - begin))
    try:
        yield
    finally:
        subject.time_left = before
