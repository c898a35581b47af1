"""The bound on a failure rate is the exact one."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.addition.bounds import failure_rate_bound


def at_most(failures, cases, rate):
    return sum(comb(cases, k) * rate**k * (1 - rate) ** (cases - k) for k in range(failures + 1))


@given(st.data(), st.integers(1, 200))
def test_at_the_bound_so_few_failures_have_five_percent(data, cases):
    failures = data.draw(st.integers(0, cases - 1))
    assert at_most(failures, cases, failure_rate_bound(failures, cases)) == pytest.approx(0.05)


def test_ten_thousand_cases_without_a_failure_bound_the_rate_by_three_in_ten_thousand():
    assert failure_rate_bound(0, 10_000) == pytest.approx(2.995e-4, rel=1e-3)


def test_a_hundred_million_cases_without_a_failure_keep_their_digits():
    assert failure_rate_bound(0, 10**8) == pytest.approx(2.9957e-8, rel=1e-4)


def test_nothing_but_failures_bounds_nothing():
    assert failure_rate_bound(3, 3) == 1.0


@pytest.mark.parametrize(("failures", "cases"), [(0, 0), (2, 1), (-1, 5)])
def test_impossible_counts_are_refused(failures, cases):
    with pytest.raises(ValueError, match="support no bound"):
        failure_rate_bound(failures, cases)
