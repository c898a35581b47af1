"""Addition keeps its laws: it commutes, zero changes nothing, and columns can be split and ones moved.

The relations hold between answers of the adder itself, so that none of them needs to know a right sum to be broken; the
report of a broken one does, and is about the answer that is not the sum.
"""

from __future__ import annotations

from operator import eq

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from verify.addition.strategies import Pair, asked, operands, pairs
from verify.hunt.assertions import assert_law, assert_sum
from verify.hunt.batches import BatchTier
from verify.hunt.regions import rules_of
from verify.hunt.strata import Rule
from verify.subject import Subject

pytestmark = pytest.mark.sums

STRATA = rules_of("algebra")


@st.composite
def places(draw: st.DrawFn) -> int:
    """Places between two columns of the operands; above the only one where there is no other."""
    return draw(st.integers(1, max(asked().digits - 1, 1)))


@given(pair=pairs())
def test_the_order_of_the_operands_does_not_matter(subject: Subject, pair: Pair) -> None:
    assert_law(subject, eq, pair, pair[::-1])


@given(number=operands())
def test_zero_changes_nothing(subject: Subject, number: int) -> None:
    assert_sum(subject, number, 0)
    assert_sum(subject, 0, number)


@given(pair=pairs())
def test_a_one_moves_from_one_operand_to_the_other(subject: Subject, pair: Pair) -> None:
    a, b = pair
    assume(a > 0 and b < subject.task.largest)

    assert_law(subject, eq, (a, b), (a - 1, b + 1))


@given(pair=pairs(), place=places())
def test_the_answer_splits_at_any_place(subject: Subject, pair: Pair, place: int) -> None:
    a, b = pair
    unit = 10**place

    assert_law(
        subject,
        lambda total, low, high: total == low + high * unit,
        (a, b),
        (a % unit, b % unit),
        (a // unit, b // unit),
    )


@given(pair=pairs())
def test_swapping_the_digits_of_a_column_changes_nothing(subject: Subject, pair: Pair) -> None:
    a, b = pair
    unit = 10 ** ((a + b) % subject.task.digits)
    difference = (b // unit % 10 - a // unit % 10) * unit

    assert_law(subject, eq, (a, b), (a + difference, b - difference))


@pytest.mark.replays
@given(pair=pairs())
def test_a_number_is_doubled(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, pair[0], pair[0])


@pytest.mark.parametrize("stratum", STRATA, ids=lambda stratum: stratum.name)
def test_no_double_is_wrong(hunt: BatchTier, stratum: Rule) -> None:
    hunt.check(stratum)
