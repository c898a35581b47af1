"""A worker moves no deadline: of a sum, of a request, or of the run."""

from __future__ import annotations

import pytest

from verify.subject.sandbox.deadline import Deadline


@pytest.fixture
def clock():
    """Return a clock that is set by adding to it."""

    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    return Clock()


def test_a_sum_has_its_time(clock):
    deadline = Deadline(each=5, whole=50, clock=clock)
    clock.now += 4.9
    assert (deadline.over, round(deadline.left, 6)) == ("", 0.1)
    clock.now += 0.1
    assert (deadline.over, deadline.left) == ("sum", 0)


def test_another_sum_has_the_time_of_a_sum(clock):
    deadline = Deadline(each=5, whole=50, clock=clock)
    clock.now += 4
    deadline.see(3)
    clock.now += 4
    assert deadline.over == ""
    deadline.see(3)
    clock.now += 1
    assert deadline.over == "sum"


def test_no_position_moves_the_end_of_the_request(clock):
    deadline = Deadline(each=5, whole=50, clock=clock)
    for position in [1, 0] * 25:
        deadline.see(position)
        clock.now += 1
    assert deadline.over == "request"


def test_the_time_of_the_run_comes_first(clock):
    left = [2.0]
    deadline = Deadline(each=5, whole=50, time_left=lambda: left[0], clock=clock)
    assert deadline.left == 2
    left[0] = -1.0
    clock.now += 100
    assert (deadline.over, deadline.left) == ("run", 0)
