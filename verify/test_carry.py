"""A carry reaches every column it should, however far it has to travel, and no other."""

from __future__ import annotations

import pytest
from hypothesis import given

from verify.addition.strategies import Pair, carry_chains, pairs
from verify.addition.task import TEN
from verify.hunt.assertions import assert_sum, assert_sum_of_task
from verify.hunt.batches import BatchTier
from verify.hunt.regions import pairs_in, rules_of
from verify.hunt.strata import Rule
from verify.subject import Subject

pytestmark = pytest.mark.sums

STRATA = rules_of("carry")


@pytest.mark.replays
@given(pair=pairs())
def test_every_column_passes_its_carry_on(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@given(pair=carry_chains())
def test_a_carry_travels_through_decimal_places(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@given(pair=carry_chains(base=2))
def test_a_carry_travels_through_binary_places(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@given(pair=pairs_in("carry"))
def test_carries_arrive_in_every_stratum(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@pytest.mark.parametrize("length", range(1, TEN.digits + 1))
def test_a_one_runs_through_nines(subject: Subject, length: int) -> None:
    assert_sum_of_task(subject, 1, 10**length - 1)


@pytest.mark.parametrize("stratum", STRATA, ids=lambda stratum: stratum.name)
def test_no_carry_is_lost_or_invented(hunt: BatchTier, stratum: Rule) -> None:
    hunt.check(stratum)
