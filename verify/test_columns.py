"""Every pair of digits is added right in every column, with and without a carry coming in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.addition.strategies import Pair, pairs
from verify.hunt.assertions import assert_sum
from verify.hunt.batches import BatchTier
from verify.hunt.regions import strata_of
from verify.hunt.strata import Stratum
from verify.subject import Subject

pytestmark = pytest.mark.sums

STRATA = strata_of("columns")


@pytest.mark.replays
@given(pair=pairs())
def test_every_column_is_added_right(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@given(pair=st.sampled_from(STRATA).flatmap(lambda stratum: stratum.strategy))
def test_columns_are_added_right_in_every_stratum(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@pytest.mark.parametrize("stratum", STRATA, ids=lambda stratum: stratum.name)
def test_no_column_is_wrong(hunt: BatchTier, stratum: Stratum) -> None:
    hunt.check(stratum)
