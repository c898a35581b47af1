"""Every pair of digits is added right in every column, with and without a carry coming in."""

from __future__ import annotations

import pytest
from hypothesis import given

from verify.addition.strategies import Pair, pairs
from verify.hunt.assertions import assert_sum
from verify.hunt.batches import BatchTier
from verify.hunt.regions import pairs_in, rules_of
from verify.hunt.strata import Rule
from verify.subject import Subject

pytestmark = pytest.mark.sums

STRATA = rules_of("columns")


@pytest.mark.replays
@given(pair=pairs())
def test_every_column_is_added_right(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@given(pair=pairs_in("columns"))
def test_columns_are_added_right_in_every_stratum(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@pytest.mark.parametrize("stratum", STRATA, ids=lambda stratum: stratum.name)
def test_no_column_is_wrong(hunt: BatchTier, stratum: Rule) -> None:
    hunt.check(stratum)
