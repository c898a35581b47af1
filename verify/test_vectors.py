"""The named inputs come out right: one test for each, under the flag that says why it is there."""

from __future__ import annotations

import pytest

from verify.addition.vectors import VECTORS, Vector
from verify.hunt.assertions import assert_sum
from verify.subject import Subject

pytestmark = pytest.mark.sums


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.flag}: {vector.name}")
def test_it_comes_out_right(subject: Subject, vector: Vector) -> None:
    assert_sum(subject, vector.a, vector.b)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.flag}: {vector.name}")
def test_it_comes_out_right_the_other_way_round(subject: Subject, vector: Vector) -> None:
    assert_sum(subject, vector.b, vector.a)
