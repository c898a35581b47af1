"""A task is its digits: what follows from them is right at every width, and what is no width is refused."""

from __future__ import annotations

import numpy as np
import pytest

from verify.addition import oracle
from verify.addition.strategies import asked, asking, choices_of, pairs
from verify.addition.task import TEN, Task
from verify.addition.vectors import VECTORS
from verify.hunt.replay import shrink_from

WIDTHS = pytest.mark.parametrize("digits", [1, 2, 3, 5, 6, 10, 18, 19, 20, 100])


@pytest.mark.parametrize("digits", [0, -1, 101, 2.0, "5", True, None])
def test_what_is_no_number_of_digits_is_refused(digits):
    with pytest.raises(ValueError, match="is no number of digits; give an integer from 1 to 100"):
        Task(digits)


@WIDTHS
def test_operands_sums_and_powers_fit_the_type_of_a_task(digits):
    task = Task(digits)
    a = task.array([0, task.largest])

    assert (a + a).tolist() == [0, 2 * task.largest]
    assert task.powers.tolist() == [10**place for place in range(digits + 1)]
    assert task.pairs == (task.largest + 1) ** 2
    assert 2**task.free_bits - 1 <= task.largest < 2 ** (task.free_bits + 1) - 1


@WIDTHS
def test_easy_sums_are_sums_of_a_task_without_a_carry(digits):
    task = Task(digits)
    assert len(task.easy) >= 3
    for a, b in task.easy:
        assert task.holds(a, b)
        assert oracle.longest_chain(a, b).length == 0


def test_ten_digits_are_as_they_were():
    assert (TEN.easy, TEN.free_bits) == (((0, 0), (1, 2), (12, 30), (100, 200)), 33)
    assert (TEN.pairs_in_words, TEN.largest_in_words, str(TEN)) == ("10^20", "9,999,999,999", "10 digits")


@WIDTHS
def test_every_vector_of_a_task_is_a_sum_of_it(digits):
    task = Task(digits)
    found = [vector.at(task) for vector in VECTORS]
    assert all(pair is None or task.holds(*pair) for pair in found)
    assert sum(pair is not None for pair in found) >= 20


def test_a_carry_chain_is_seen_in_all_columns_of_a_wide_sum():
    chain = oracle.longest_chain(1, 10**100 - 1)
    assert (chain.start, chain.length) == (0, 100)


def test_a_strategy_without_a_task_draws_for_the_one_that_is_asked():
    assert asked() == TEN
    with asking(Task(2)):
        assert asked() == Task(2)
        largest = shrink_from((99, 99), lambda pair: max(pair) >= 99)
    assert asked() == TEN
    assert max(largest) == 99


@WIDTHS
def test_choices_draw_the_pair_that_they_are_of(digits):
    task = Task(digits)
    pair = task.largest, task.largest // 3
    drawn = []
    shrink_from(
        pair, lambda found: drawn.append(found) is None, enough=lambda: len(drawn) > 40, strategy=pairs(task)
    )  # fmt: skip
    assert drawn[0] == pair
    assert choices_of(pair)[0] == digits
    assert all(task.holds(*found) for found in drawn)


def test_objects_hold_what_int64_does_not():
    assert Task(18).dtype is np.int64
    assert Task(19).dtype is object
