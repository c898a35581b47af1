"""The adder is wired as the contract says: it answers easy sums with integers, and the same again."""

from __future__ import annotations

import numpy as np
import pytest

from verify.hunt.assertions import assert_answer, assert_sum
from verify.subject import Subject, as_sum

pytestmark = pytest.mark.sums

EASY = [(0, 0), (1, 2), (12, 30), (1_000_000_000, 2_000_000_000)]


@pytest.mark.parametrize(("a", "b"), EASY)
def test_an_easy_sum_is_right(subject: Subject, a: int, b: int) -> None:
    assert_sum(subject, a, b)


@pytest.mark.nature("violated")
def test_a_batch_has_one_sum_for_each_pair(subject: Subject) -> None:
    a, b = (np.array(operand) for operand in zip(*EASY, strict=True))

    alone = [subject.add(*pair) for pair in EASY]
    sums = subject.add_batch(a, b).tolist()
    if sums != [as_sum(got) for got in alone]:
        for pair, got in zip(EASY, alone, strict=True):
            assert_answer(*pair, got=got)
    assert sums == [as_sum(got) for got in alone]
