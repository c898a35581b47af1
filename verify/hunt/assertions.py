"""The one wording of a failure: ``add(10, 9990)=0, but should be 10000 [carry chain of 3 from column 2]``."""

from __future__ import annotations

import pytest

from verify.addition.oracle import longest_chain
from verify.subject import OPTIONAL_FUNCTIONS, Subject
from verify.subject.answers import as_sum


class WrongAnswerError(AssertionError):
    """An answer that is not what it should be.

    Attributes:
        a, b: the operands that show it.
        call: what was called, such as ``add(1, 9)``.
        got, expected: what came back, and what should have.
        stratum: the name of the stratum it was found in, or None.
        cases, failures: how many cases of the stratum were tried, and how many of them failed.
    """

    def __init__(self, a: int, b: int, *, got: object, expected: int, call: str | None = None) -> None:
        self.a, self.b, self.got, self.expected = a, b, got, expected
        self.call = call or f"add({a}, {b})"
        self.stratum: str | None = None
        self.cases = self.failures = 0
        super().__init__(a, b)

    def __str__(self) -> str:
        found = f" {self.failures} of {self.cases} failed in {self.stratum}" if self.stratum else ""
        return f"{self.call}={self.got!r}, but should be {self.expected} [{reason(self.a, self.b)}]{found}"


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
    assert_answer(a, b, got=subject.add(a, b), expected=a + b)


def assert_answer(a: int, b: int, *, got: object, expected: int, call: str | None = None) -> None:
    """Assert that an answer about two operands is the int that it should be.

    Raises:
        WrongAnswerError: it is not.
    """
    __tracebackhide__ = True
    if as_sum(got) != expected:
        raise WrongAnswerError(a, b, got=got, expected=expected, call=call)


def require(subject: Subject, ability: str) -> None:
    """Skip the test where a subject lacks an ability, and name it."""
    if ability not in subject.abilities:
        pytest.skip(
            f"{subject.name} offers no {ability}: {OPTIONAL_FUNCTIONS.get(ability, 'its model is no torch module')}"
        )
