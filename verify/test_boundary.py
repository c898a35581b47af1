"""Sums are right where something begins or ends: at zero, at powers of ten and of two, at the largest operand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.addition.oracle import BITS, MAX_OPERAND
from verify.addition.strategies import Pair, pairs
from verify.hunt.assertions import assert_sum
from verify.hunt.batches import BatchTier
from verify.hunt.regions import strata_of
from verify.hunt.strata import Stratum
from verify.subject import Subject

pytestmark = pytest.mark.sums

STRATA = strata_of("boundary")
EDGES = [0, 1, 9, 10, 4_999_999_999, 5_000_000_000, 9_999_999_998, MAX_OPERAND]


@pytest.mark.replays
@given(pair=pairs())
def test_no_edge_is_special(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@given(pair=st.sampled_from(STRATA).flatmap(lambda stratum: stratum.strategy))
def test_boundaries_hold_in_every_stratum(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@pytest.mark.parametrize("stratum", STRATA, ids=lambda stratum: stratum.name)
def test_no_boundary_is_broken(hunt: BatchTier, stratum: Stratum) -> None:
    hunt.check(stratum)


@pytest.mark.parametrize("a", EDGES)
@pytest.mark.parametrize("b", EDGES)
def test_edges_are_added_to_edges(subject: Subject, a: int, b: int) -> None:
    assert_sum(subject, a, b)


@pytest.mark.parametrize("exponent", range(BITS))
def test_a_bit_is_added_to_the_ones_below_it(subject: Subject, exponent: int) -> None:
    assert_sum(subject, 2**exponent - 1, 1)
    assert_sum(subject, 2**exponent - 1, 2**exponent)
