"""Sums are right where something begins or ends: at zero, at powers of ten and of two, at the largest operand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from verify.addition.strategies import Pair, pairs
from verify.addition.task import TEN, Task
from verify.hunt.assertions import assert_sum, assert_sum_of_task
from verify.hunt.batches import BatchTier
from verify.hunt.regions import pairs_in, rules_of
from verify.hunt.strata import Rule
from verify.subject import Subject

pytestmark = pytest.mark.sums

STRATA = rules_of("boundary")
EDGES: dict[str, Callable[[Task], int]] = {
    "0": lambda _: 0,
    "1": lambda _: 1,
    "9": lambda _: 9,
    "10": lambda _: 10,
    "below a half": lambda task: task.largest // 2,
    "a half": lambda task: task.largest // 2 + 1,
    "below the largest": lambda task: task.largest - 1,
    "the largest": lambda task: task.largest,
}


@pytest.mark.replays
@given(pair=pairs())
def test_no_edge_is_special(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@given(pair=pairs_in("boundary"))
def test_boundaries_hold_in_every_stratum(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@pytest.mark.parametrize("stratum", STRATA, ids=lambda stratum: stratum.name)
def test_no_boundary_is_broken(hunt: BatchTier, stratum: Rule) -> None:
    hunt.check(stratum)


@pytest.mark.parametrize("a", EDGES)
@pytest.mark.parametrize("b", EDGES)
def test_edges_are_added_to_edges(subject: Subject, a: str, b: str) -> None:
    assert_sum_of_task(subject, EDGES[a](subject.task), EDGES[b](subject.task))


@pytest.mark.parametrize("exponent", range(TEN.largest.bit_length()))
def test_a_bit_is_added_to_the_ones_below_it(subject: Subject, exponent: int) -> None:
    assert_sum_of_task(subject, 2**exponent - 1, 1)
    assert_sum_of_task(subject, 2**exponent - 1, 2**exponent)
