"""The adder is wired as the contract says: it answers easy sums with integers, and the same again."""

from __future__ import annotations

import pytest

from verify.addition.strategies import Pair
from verify.hunt.assertions import assert_answer, assert_sum_of_task
from verify.subject import Subject, as_sum

pytestmark = pytest.mark.sums

EASY = {"0-0": (0, 0), "1-2": (1, 2), "12-30": (12, 30), "top": None}


def easy(subject: Subject, name: str) -> Pair:
    """Return the operands of an easy sum of a subject's task."""
    unit = 10 ** (subject.task.digits - 1)
    return EASY[name] or (unit, 2 * unit)


@pytest.mark.parametrize("name", EASY)
def test_an_easy_sum_is_right(subject: Subject, name: str) -> None:
    assert_sum_of_task(subject, *easy(subject, name))


@pytest.mark.nature("violated")
def test_a_batch_has_one_sum_for_each_pair(subject: Subject) -> None:
    pairs = [pair for pair in (easy(subject, name) for name in EASY) if subject.task.holds(*pair)]
    a, b = (subject.task.array(operand) for operand in zip(*pairs, strict=True))

    alone = [subject.add(*pair) for pair in pairs]
    sums = subject.add_batch(a, b).tolist()
    if sums != [as_sum(got) for got in alone]:
        for pair, got in zip(pairs, alone, strict=True):
            assert_answer(*pair, got=got)
    assert sums == [as_sum(got) for got in alone]
