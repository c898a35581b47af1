"""Strata at every width hold operands of it, and every pair that there is counts only where each was asked of add."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from verify.addition.task import Task
from verify.errors import SubjectCrashedError, UsageError
from verify.hunt.assertions import WrongAnswerError
from verify.hunt.batches import describe
from verify.hunt.draws import between, spell
from verify.hunt.explain import explain
from verify.hunt.regions import named, strata_at
from verify.hunt.search import Limits, search, shrink
from verify.hunt.strata import EVERY_PAIR
from verify.judge.session import is_every_pair
from verify.subject import LocalSubject

WIDTHS = pytest.mark.parametrize("digits", [1, 2, 3, 5, 6, 11, 18, 19, 20, 100])
FEW = settings(
    max_examples=8, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)  # fmt: skip


def adder(digits, add=lambda a, b: a + b):
    return LocalSubject(
        "adder", SimpleNamespace(build_model=lambda: (None, {"digits": digits}), add=lambda _, a, b: add(a, b))
    )


@WIDTHS
def test_strata_draw_operands_of_the_width(digits):
    task = Task(digits)
    for stratum in strata_at(task).values():
        _, a, b = stratum.stream(3).take(300)
        assert a.dtype == b.dtype == task.dtype, stratum.name
        assert task.holds(*a.tolist(), *b.tolist()), stratum.name
        assert stratum.share is None or 0 <= stratum.share <= 1, stratum.name


@WIDTHS
def test_the_strategies_of_strata_draw_operands_of_the_width(digits):
    task = Task(digits)

    def holds(stratum):
        @FEW
        @given(stratum.strategy)
        def drawn(pair):
            assert task.holds(*pair), stratum.name

        drawn()

    for stratum in strata_at(task).values():
        holds(stratum)


@WIDTHS
def test_the_largest_operands_are_reached(digits):
    task = Task(digits)
    streams = [named(name, task).stream(0) for name in ("near-powers", "one-generate")]
    drawn = [number for stream in streams for number in stream.take(2_000)[1]]
    assert max(drawn) > 0.9 * task.largest
    chains = named("placed-chains", task)
    assert chains.size == digits * (digits + 1) // 2


def test_strata_that_a_width_has_not_are_refused_by_name():
    assert "below-100" not in strata_at(Task(1))
    assert EVERY_PAIR not in strata_at(Task(4))
    with pytest.raises(UsageError, match="with 1 digit there is no stratum 'below-100'; there are: placed-chains, "):
        named("below-100", Task(1))


def test_digits_beyond_int64_are_spelled_exactly():
    digits = np.random.default_rng(0).integers(0, 10, (20, 100))
    bits = digits % 2
    assert spell(digits).tolist() == [int("".join(map(str, row[::-1]))) for row in digits.tolist()]
    assert spell(bits, 2).tolist() == [int("".join(map(str, row[::-1])), 2) for row in bits.tolist()]


def test_numbers_between_wide_bounds_reach_both():
    task = Task(20)
    low, high = task.array([10**19] * 200), task.array([10**19 + 2] * 200)
    assert set(between(task, np.random.default_rng(0), low, high).tolist()) == {10**19, 10**19 + 1, 10**19 + 2}


@pytest.mark.parametrize("digits", [1, 2])
def test_every_pair_is_asked_of_add_once(digits):
    asked = []
    subject = adder(digits, lambda a, b: asked.append((a, b)) or a + b)
    asked.clear()

    assert_is_every(subject, Limits(10**6, 600))

    assert sorted(asked) == [(a, b) for a in range(10**digits) for b in range(10**digits)]


def found_of(subject, limits, **options):
    stratum = named(EVERY_PAIR, subject.task)
    return describe(search(subject, stratum, limits, **options), stratum, limits)


def assert_is_every(subject, limits, *, holds=True, **options):
    found = found_of(subject, limits, **options)
    assert is_every_pair(found, subject.task.pairs) == holds, found
    return found


def test_a_pair_that_is_refused_is_not_asked_to_an_end():
    def refusing(a, b):
        if (a, b) == (7, 3):
            raise ValueError
        return a + b

    assert assert_is_every(adder(1, refusing), Limits(100, 600), holds=False)["failures"] == 1


@pytest.mark.parametrize(
    "wrong", [lambda a, b: a + b == 18 or a + b, lambda a, b: None if a == b == 9 else a + b], ids=["a bool", "nothing"]
)
def test_one_answer_that_is_no_sum_is_enough(wrong):
    assert assert_is_every(adder(1, wrong), Limits(100, 600), holds=False)["failures"] == 1


def test_one_pair_too_few_is_not_every_pair():
    assert_is_every(adder(1), Limits(99, 600), holds=False)


def test_a_batch_that_is_offered_is_not_what_is_asked():
    namespace = SimpleNamespace(
        build_model=lambda: (None, {"digits": 1}),
        add=lambda _, a, b: a + b,
        add_batch=lambda _, a, b: pytest.fail("a batch says nothing of add"),
    )
    assert_is_every(LocalSubject("adder", namespace), Limits(100, 600))


def test_what_takes_too_long_is_given_up_and_says_how_long_it_takes():
    now = [0.0]

    def slow(a, b):
        now[0] += 1.0
        return a + b

    found = assert_is_every(adder(2, slow), Limits(10**4, 1_000), holds=False, clock=lambda: now[0])

    assert found["cases"] < 600
    assert "all of them take about 10,000 s, and --budget gives their search a half" in found["cut"]


def test_time_that_ends_before_the_last_pair_leaves_no_proof():
    now = [0.0]

    def slower(a, b):
        now[0] += 0.001 if now[0] < 50 else 10.0
        return a + b

    found = assert_is_every(adder(3, slower), Limits(10**6, 2_000), holds=False, clock=lambda: now[0])

    assert 0 < found["cases"] < 10**6


def test_a_worker_that_is_lost_in_the_middle_leaves_no_proof():
    subject = adder(2)
    many, calls = subject._many, []

    def dies_once(how, a, b):
        calls.append(len(a))
        if len(calls) == 3:
            raise SubjectCrashedError("it died")
        return many(how, a, b)

    subject._many = dies_once

    found = assert_is_every(subject, Limits(10**4, 600), holds=False)

    assert not found["complete"]
    assert "it died" in found["cut"]


@pytest.mark.parametrize("digits", [1, 5, 18, 20, 100])
def test_a_wrong_sum_is_found_shrunk_and_drawn_at_every_width(digits):
    task = Task(digits)
    subject = adder(digits, lambda a, b: a + b - (a == task.largest))

    found = search(subject, named("near-powers", task), Limits(20_000, 600))
    pair = shrink(subject, found.smallest, seconds=600)
    card = explain(subject, WrongAnswerError(*pair, got=subject.add(*pair)), family="sums")

    assert pair == (task.largest, 0)
    assert (card.digits, card.first_wrong_column, card.difference) == (digits, 0, -1)
    assert sorted(card.idle_b) == list(range(digits))
