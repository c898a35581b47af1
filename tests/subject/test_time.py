"""The time that a file takes is counted by a clock that it cannot reach."""

from __future__ import annotations

import numpy as np
import pytest

from tests.subject.rungs import OPERAND, promised
from verify.errors import SubjectTimeoutError
from verify.subject.sandbox import Limits, ladder

pytestmark = pytest.mark.usefixtures("scratch")


@promised("moves its own deadline", on=ladder.RUNGS)
def test_saying_that_it_moves_on_moves_no_deadline(hostile, rung):
    adder = hostile("turns_the_page", rung, limits=Limits(call_seconds=1, ask_seconds=2))
    with pytest.raises(SubjectTimeoutError, match="within 2 s for 2 sums"):
        adder.add_batch(np.array([OPERAND, 1]), np.array([1, 1]))


@promised("moves its own deadline", on=ladder.RUNGS)
def test_nor_does_it_while_it_is_loaded(hostile, rung):
    with pytest.raises(SubjectTimeoutError, match="within 2 s when asked to load"):
        hostile("turns_the_page", rung, target="while loading", limits=Limits(start_seconds=2))


@promised("takes away the memory that it shares with its parent", on=ladder.RUNGS)
def test_the_page_that_is_shared_cannot_be_torn(hostile, rung):
    adder = hostile("tears_the_page", rung)
    a = np.array([1, OPERAND, 2])
    assert adder.add_batch(a, a).tolist() == (2 * a).tolist()
    assert adder.losses == []


@promised("takes away the memory that it shares with its parent", on=ladder.RUNGS)
def test_nor_are_its_flags_shared(hostile, rung):
    adder = hostile("sets_flags", rung)
    assert [adder.add(a, 1) for a in (1, OPERAND, 2)] == [2, OPERAND + 1, 3]
    assert adder.losses == []
