"""The bound on a failure rate is the exact one, at every size, and so is the interval about its estimate."""

from __future__ import annotations

import json
from fractions import Fraction
from math import comb, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.addition.bounds import FailureRate, failure_rate, failure_rate_bound


def at_most(failures, cases, rate):
    """Return the exact probability of at most so many failures."""
    rate = Fraction(rate)
    return float(sum(comb(cases, k) * rate**k * (1 - rate) ** (cases - k) for k in range(failures + 1)))


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


def test_no_case_says_nothing_of_a_rate():
    with pytest.raises(ValueError, match="0 failures of 0 cases support no bound"):
        failure_rate(0, 0)


@given(st.data(), st.integers(1, 60))
def test_at_either_end_of_the_interval_what_was_seen_has_two_and_a_half_percent(data, cases):
    failures = data.draw(st.integers(1, cases))
    low, high = failure_rate(failures, cases).interval_95
    assert 1 - at_most(failures - 1, cases, low) == pytest.approx(0.025)
    assert failures == cases or at_most(failures, cases, high) == pytest.approx(0.025)


@given(st.data(), st.integers(1, 10**12))
def test_the_interval_holds_the_estimate_and_the_bound_lies_within(data, cases):
    failures = data.draw(st.integers(1, cases))
    rate = failure_rate(failures, cases)
    low, high = rate.interval_95
    assert 0 < low <= rate.estimate <= rate.bound_95 <= high <= 1


@given(st.data(), st.integers(2, 10**12))
def test_one_failure_more_raises_the_bound(data, cases):
    failures = data.draw(st.integers(0, min(cases, 10**6) - 1))
    assert failure_rate_bound(failures, cases) < failure_rate_bound(failures + 1, cases)


@pytest.mark.parametrize("cases", [1, 10**6, 10**12, 10**18])
def test_without_failures_the_bound_keeps_its_digits_and_nothing_is_estimated(cases):
    rate = failure_rate(0, cases)
    assert log(0.05) / cases == pytest.approx(log(1 - rate.bound_95) if cases == 1 else -rate.bound_95, rel=2e-6)
    assert (rate.estimate, rate.interval_95) == (None, None)


def test_a_million_failures_of_ten_millions():
    rate = failure_rate(10**6, 10**7)
    assert rate.estimate == 0.1
    assert rate.bound_95 == pytest.approx(0.1 + 1.6449 * (0.1 * 0.9 / 10**7) ** 0.5, rel=1e-5)


def test_nothing_but_failures_is_estimated_as_one():
    low, high = failure_rate(3, 3).interval_95
    assert (low, high) == (pytest.approx(0.025 ** (1 / 3)), 1.0)


def test_it_is_written_as_json():
    found = failure_rate(1, 4).as_json()
    assert json.loads(json.dumps(found)) == found
    assert found | {"bound_95": 0, "interval_95": 0} == FailureRate(4, 1, 0, 0.25, 0).__dict__
