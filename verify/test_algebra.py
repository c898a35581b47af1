"""Addition keeps its laws: it commutes, zero changes nothing, and columns can be split and ones moved.

The relations hold between answers of the adder itself, so that none of them needs to know a right sum.
"""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from verify.addition.oracle import MAX_OPERAND, PLACES
from verify.addition.strategies import Pair, operands, pairs
from verify.hunt.assertions import assert_answer, assert_sum
from verify.hunt.batches import BatchTier
from verify.hunt.regions import strata_of
from verify.hunt.strata import Stratum
from verify.subject import Subject
from verify.subject.answers import as_sum

STRATA = strata_of("algebra")


def total(subject: Subject, a: int, b: int) -> int:
    """Return the subject's own sum."""
    return as_sum(subject.add(a, b))


@given(pair=pairs())
def test_the_order_of_the_operands_does_not_matter(subject: Subject, pair: Pair) -> None:
    a, b = pair

    assert_answer(a, b, got=subject.add(b, a), expected=total(subject, a, b), call=f"add({b}, {a})")


@given(number=operands())
def test_zero_changes_nothing(subject: Subject, number: int) -> None:
    assert_answer(number, 0, got=subject.add(number, 0), expected=number)
    assert_answer(0, number, got=subject.add(0, number), expected=number)


@given(pair=pairs())
def test_a_one_moves_from_one_operand_to_the_other(subject: Subject, pair: Pair) -> None:
    a, b = pair
    assume(a > 0 and b < MAX_OPERAND)

    assert_answer(a, b, got=subject.add(a - 1, b + 1), expected=total(subject, a, b), call=f"add({a - 1}, {b + 1})")


@given(pair=pairs(), place=st.integers(1, PLACES - 1))
def test_the_answer_splits_at_any_place(subject: Subject, pair: Pair, place: int) -> None:
    a, b = pair
    unit = 10**place
    low, high = total(subject, a % unit, b % unit), total(subject, a // unit, b // unit)

    assert_answer(a, b, got=subject.add(a, b), expected=low + high * unit)


@given(pair=pairs())
def test_swapping_the_digits_of_a_column_changes_nothing(subject: Subject, pair: Pair) -> None:
    a, b = pair
    unit = 10 ** ((a + b) % PLACES)
    difference = (b // unit % 10 - a // unit % 10) * unit

    assert_answer(
        a,
        b,
        got=subject.add(a + difference, b - difference),
        expected=total(subject, a, b),
        call=f"add({a + difference}, {b - difference})",
    )


@pytest.mark.replays
@given(pair=pairs())
def test_a_number_is_doubled(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, pair[0], pair[0])


@pytest.mark.parametrize("stratum", STRATA, ids=lambda stratum: stratum.name)
def test_no_double_is_wrong(hunt: BatchTier, stratum: Stratum) -> None:
    hunt.check(stratum)
