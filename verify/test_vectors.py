"""The named inputs come out right: one test for each, under the flag that says why it is there."""

from __future__ import annotations

import pytest

from verify.addition.strategies import Pair
from verify.addition.vectors import VECTORS, Vector
from verify.hunt.assertions import assert_sum
from verify.subject import Subject

pytestmark = pytest.mark.sums


def operands_of(vector: Vector, subject: Subject) -> Pair:
    """Return the operands of a vector for what a subject adds."""
    found = vector.at(subject.task)
    if found is None:
        pytest.skip(f"operands of {subject.task} are none of these")
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.flag}: {vector.name}")
def test_it_comes_out_right(subject: Subject, vector: Vector) -> None:
    assert_sum(subject, *operands_of(vector, subject))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.flag}: {vector.name}")
def test_it_comes_out_right_the_other_way_round(subject: Subject, vector: Vector) -> None:
    a, b = operands_of(vector, subject)
    assert_sum(subject, b, a)
