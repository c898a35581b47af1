"""An enclosure contains the real value, whatever happens; arb is the second opinion."""

from __future__ import annotations

from fractions import Fraction

import flint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proof.models import INTEGERS, random_tensors, trained_tensors, weights_of
from verify.proof.enclosure import Interval, exponential, inverse_root_of_two, logistic, point, round_down
from verify.proof.network import CONTEXTS, margin, step, winner

ARB_BITS = 2000

rationals = st.fractions(min_value=-60, max_value=60, max_denominator=10**9)


@pytest.fixture(autouse=True)
def precise_arb():
    before, flint.ctx.prec = flint.ctx.prec, ARB_BITS
    yield
    flint.ctx.prec = before


def arb(value):
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


def contains(interval, ball):
    return bool(arb(interval.low) <= ball) and bool(ball <= arb(interval.high))


@given(rationals.filter(bool))
def test_exp_encloses_and_is_tight(x):
    enclosure = exponential(x)
    assert contains(enclosure, arb(x).exp())
    assert enclosure.high - enclosure.low <= enclosure.high / 10**180


@pytest.mark.parametrize("x", [2**-1074, -(2**-1074), 1e-30, -745.2, -4000.0, 4000.0, 709.78], ids=str)
def test_exp_encloses_at_the_ends_of_the_range(x):
    assert contains(exponential(Fraction(x)), arb(Fraction(x)).exp())


def test_exp_of_zero_is_exactly_one():
    assert exponential(Fraction(0)) == point(1)


def test_exp_of_a_huge_negative_number_is_enclosed_between_zero_and_next_to_nothing():
    enclosure = exponential(Fraction(-(10**600)))
    assert enclosure.low == 0
    assert 0 < enclosure.high < Fraction(1, 2**2000)


def test_exp_of_a_huge_number_is_refused():
    with pytest.raises(OverflowError, match="at most 4096"):
        exponential(Fraction(10**6))


@given(rationals, rationals)
def test_the_logistic_function_of_an_interval_encloses_both_ends(x, y):
    enclosure = logistic(Interval(min(x, y), max(x, y)))
    for end in (x, y):
        assert contains(enclosure, 1 / (1 + (-arb(end)).exp()))


def test_softmax_of_equal_scores_is_exactly_one_half():
    assert logistic(point(0)) == point(Fraction(1, 2))


def test_the_scale_of_scores_is_enclosed():
    assert contains(inverse_root_of_two(), 1 / flint.arb(2).sqrt())


@given(st.integers(-(2**2000), 2**2000), st.integers(1, 2**2000))
def test_rounding_down_goes_down_and_not_far(numerator, denominator):
    value = Fraction(numerator, denominator)
    assert 0 <= value - round_down(value) <= abs(value) / 2**600


@given(*[st.tuples(rationals, rationals)] * 2)
def test_products_of_intervals_contain_the_products_of_their_ends(x, y):
    a, b = Interval(min(x), max(x)), Interval(min(y), max(y))
    for p in x:
        for q in y:
            assert (a * b).low <= p * q <= (a * b).high
            assert (a - b).low <= p - q <= (a - b).high


def arb_logits(tensors, pair, state):
    w = {name: [[flint.arb(x) for x in row] for row in rows] for name, rows in tensors.items()}
    dot = lambda row, x: sum((p * q for p, q in zip(row, x, strict=True)), flint.arb(0))  # noqa: E731
    apply = lambda rows, x: [dot(row, x) for row in rows]  # noqa: E731
    e, fused = w["embedding.weight"], w["attention.in_proj_weight"]
    query = apply(fused[:2], e[state])
    powers = [(dot(query, apply(fused[2:4], e[t])) / flint.arb(2).sqrt()).exp() for t in (pair, state)]
    values = [apply(fused[4:], e[t]) for t in (pair, state)]
    mixed = [(powers[0] * v + powers[1] * u) / (powers[0] + powers[1]) for v, u in zip(*values, strict=True)]
    x = [a + b for a, b in zip(e[state], apply(w["attention.out_proj.weight"], mixed), strict=True)]
    hidden = [(h + b).max(flint.arb(0)) for h, b in zip(apply(w["mlp.0.weight"], x), w["mlp.0.bias"][0], strict=True)]
    out = zip(x, apply(w["mlp.2.weight"], hidden), w["mlp.2.bias"][0], strict=True)
    return apply(e, [a + b + c for a, b, c in out])


@pytest.mark.parametrize(
    "tensors", [INTEGERS, random_tensors(3), random_tensors(4, 30.0)], ids=["integers", "random", "large"]
)
def test_arb_agrees_with_every_enclosed_logit(tensors):
    for pair, state in CONTEXTS:
        for enclosure, ball in zip(
            step(weights_of(tensors), pair, state).logits, arb_logits(tensors, pair, state), strict=True
        ):
            assert contains(enclosure, ball)
            assert enclosure.high - enclosure.low < Fraction(1, 10**100)


def test_arb_agrees_on_trained_weights():
    for pair, state in CONTEXTS:
        logits = step(weights_of(trained_tensors()), pair, state).logits
        assert all(map(contains, logits, arb_logits(trained_tensors(), pair, state)))


def test_logits_of_integer_weights_are_points():
    for pair, state in CONTEXTS:
        assert all(each.low == each.high for each in step(weights_of(INTEGERS), pair, state).logits)


def test_a_tie_has_no_winner():
    assert winner((point(1), point(1), point(0), point(0))) is None


def test_overlapping_enclosures_have_no_winner():
    assert winner((Interval(Fraction(0), Fraction(2)), point(1), point(0), point(0))) is None


def test_the_margin_is_that_of_the_nearest_ends():
    assert (
        margin((Interval(Fraction(3), Fraction(4)), Interval(Fraction(0), Fraction(1)), point(0), point(0)), 0, 1) == 2
    )
