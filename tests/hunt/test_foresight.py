"""A property of a slow adder finds its sums foreseen, sees what it would see without that, and ends with its time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from verify.addition.strategies import pairs
from verify.hunt.assertions import WrongAnswerError, assert_law, assert_sum
from verify.hunt.foresight import Memory, TimeIsSpent, foresee
from verify.subject import Subject
from verify.subject.answers import Answer


class Slow(Subject):
    """An adder that takes a second a sum, a hundredth in batches, and is wrong where it is told to be."""

    spec = name = "slow"
    author = sha256 = ""
    declared_parameters = method = None
    isolation = "off"
    abilities = frozenset()
    now = 0.0

    def __init__(self, wrong=lambda a, b: False, way="teacher forcing"):
        super().__init__()
        self.wrong, self.way_of_batches = wrong, way
        self.alone, self.batches = [], []

    def way_of(self, count):
        return self.way_of_batches

    def answer(self, a, b):
        self.now += 1.0
        self.alone.append((a, b))
        return Answer(a + b + self.wrong(a, b))

    def add_batch(self, a, b, *, alone=False):
        self.now += 0.01 * len(a)
        self.batches.append(len(a))
        return np.array([x + y + self.wrong(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)])

    def ask(self, operation, **arguments):
        raise NotImplementedError

    afresh = _many = ask


def property_of(claim):
    @settings(
        max_examples=50, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(pair=pairs())
    def test(subject, pair):
        claim(subject, pair)

    return test


def commutes(subject, pair):
    assert_law(subject, lambda x, y: x == y, pair, pair[::-1])


def is_right(subject, pair):
    assert_sum(subject, *pair)


@pytest.mark.parametrize("claim", [is_right, commutes], ids=lambda claim: claim.__name__)
def test_the_sums_of_a_property_are_added_as_one_batch(claim):
    subject, test = Slow(), property_of(claim)
    memory = Memory(subject)
    foresee(memory, test, seconds=20, seed=7, clock=lambda: subject.now)
    test(memory)

    assert len(subject.alone) == memory.asked == 4  # by which their pace was told
    assert len(subject.batches) == 1
    assert memory.foreseen == subject.batches[0] > 30


def test_what_can_be_asked_in_time_is_asked_of_add():
    subject, test = Slow(), property_of(is_right)
    memory = Memory(subject)
    foresee(memory, test, seconds=1_000, seed=7, clock=lambda: subject.now)
    test(memory)

    assert subject.batches == []
    assert len(set(subject.alone)) == len(subject.alone) > 30


@pytest.mark.parametrize("way", ["add", "add_batch"])
def test_nothing_is_foreseen_where_batches_are_no_faster_or_another_function(way):
    subject, test = Slow(way=way), property_of(is_right)
    foresee(Memory(subject), test, seconds=1, seed=7, clock=lambda: subject.now)

    assert subject.alone == subject.batches == []


def test_a_wrong_sum_is_found_as_without_foresight():
    subject, test = Slow(wrong=lambda a, b: a % 7 == 3), property_of(commutes)
    memory = Memory(subject)
    foresee(memory, test, seconds=20, seed=7, clock=lambda: subject.now)

    with pytest.raises(WrongAnswerError, match="but should be"):
        test(memory)


def test_a_property_ends_with_its_time_and_that_is_no_failure():
    subject, test = Slow(way="add"), property_of(is_right)

    with pytest.raises(TimeIsSpent):
        test(Memory(subject, lambda: subject.now >= 10))
    assert len(subject.alone) == 10


def test_a_pair_keeps_its_answer():
    subject = Slow(wrong=lambda a, b: subject.now > 1)
    memory = Memory(subject)

    assert [memory.add(1, 2) for _ in range(3)] == [3, 3, 3]
