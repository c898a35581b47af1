"""Adders of any width are looked into as far as that says something; what few pairs or wide operands hide is not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from adder import submission
from verify.addition.task import Task
from verify.anatomy import audit, layout, operands
from verify.anatomy.anew import build_anew
from verify.anatomy.effective import degrees_of_freedom
from verify.anatomy.forcing import learn_forcing
from verify.anatomy.untouched import untouched
from verify.anatomy.usage import sequences
from verify.subject import LoadedAdder, LocalSubject


def rows_of(digits):
    namespace = SimpleNamespace(build_model=lambda: (None, {"digits": digits}), add=lambda _, a, b: a + b)
    return {row["check"]: row for row in audit(LocalSubject("adder", namespace), 0)}


@pytest.mark.parametrize(("digits", "outcome"), [(2, "suspect"), (5, "violated"), (20, "violated")])
def test_what_is_violated_is_suspect_where_each_pair_may_be_remembered(digits, outcome):
    row = rows_of(digits)["forward does the work"]
    assert row["outcome"] == outcome
    assert ("may remember each" in row["detail"]) == (digits == 2)


def test_a_sum_in_python_is_seen_in_wide_operands_and_not_told_of_short_ones():
    assert rows_of(20)["no sum in Python"]["outcome"] == "suspect"
    assert rows_of(2)["no sum in Python"]["detail"].startswith("sums of operands of 2 digits are too small")


def test_no_layout_is_learnt_of_wide_operands():
    assert rows_of(20)["causality"]["detail"] == "operands of 20 digits fit no number that a layout is learnt from"


@pytest.mark.parametrize("digits", [1, 2, 5, 18])
def test_operands_of_anatomy_are_those_of_the_task(digits):
    task, random = Task(digits), np.random.default_rng(0)
    drawn = [
        *operands.examples(random, 44, task), *operands.pair_examples(random, task),
        *operands.carrying(random, 60, task), *operands.without_carry(random, 60, task),
    ]  # fmt: skip
    assert all(task.holds(*numbers.tolist()) for numbers in drawn)
    a, b = operands.carrying(random, 60, task)
    assert max((a + b).tolist()) >= task.largest


@pytest.mark.parametrize("digits", [1, 5, 18])
def test_a_layout_has_the_columns_of_the_task(digits):
    task = Task(digits)
    places = {feature.place for feature in layout.answer_features(task) if feature.base == 10}
    assert places == set(range(digits + 1))
    a = b = np.array([task.largest])
    assert all(0 <= feature(a, b)[0] < feature.size for feature in layout.answer_features(task))


@pytest.fixture(scope="module")
def narrow():
    """Return our own model asked for operands of 5 digits, whose layout is learnt."""
    loaded = LoadedAdder.build("adder", submission, digits=5)
    assert learn_forcing(loaded) == ""
    return loaded


@pytest.mark.parametrize("drawn_by", [untouched, lambda loaded: sequences(loaded, loaded.memory["forcer"])])
def test_what_is_drawn_beside_a_change_is_of_the_task(narrow, monkeypatch, drawn_by):
    drawn = []
    examples = operands.examples
    monkeypatch.setattr(operands, "examples", lambda *given: drawn.append(examples(*given)) or drawn[-1])
    drawn_by(narrow)
    degrees_of_freedom(narrow, narrow.memory["forcer"], [])
    assert len(drawn) == 2
    assert all(narrow.task.holds(*numbers.tolist()) for pair in drawn for numbers in pair)


def test_an_adder_that_is_built_anew_is_asked_for_as_many_digits(narrow):
    assert build_anew(narrow).task == narrow.task
