"""An explanation shows the columns, carries and states of an addition as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adder.explain import diagram, expected_states, explain
from adder.solver import solve

OPERANDS = st.integers(0, 9_999_999_999)


@pytest.fixture(scope="module")
def model():
    return solve(1)


def test_the_diagram_shows_carries_where_they_arrive():
    assert diagram(999, 1, 10, 5).splitlines()[1:] == [
        "  carries  ·111·",
        "        a  00999",
        "        b  00001",
        "      sum  01000",
        "    class  kkppg",
    ]


@given(OPERANDS, OPERANDS, st.sampled_from([(2, 35), (10, 11)]))
def test_the_sum_line_of_a_diagram_is_the_sum(a, b, base):
    lines = dict(line.split() for line in diagram(a, b, *base).splitlines()[1:])
    assert int(lines["sum"], base[0]) == a + b


def test_the_states_of_three_plus_one_are_the_worked_example():
    assert expected_states(3, 1)[:4] == [2, 2, 1, 0]


@given(OPERANDS, OPERANDS)
def test_the_sum_bits_of_the_states_spell_the_sum(a, b):
    assert sum((state & 1) << bit for bit, state in enumerate(expected_states(a, b))) == a + b


def test_every_step_of_a_right_sum_has_the_margin_of_the_model(model):
    explanation = explain(model, 9_999_999_999, 1)
    assert explanation.first_wrong_step is None
    assert min(step.margin for step in explanation.steps) >= 1
    assert str(explanation).startswith("9999999999 + 1 = 10000000000, right\n")


def test_columns_are_counted_from_the_units_which_are_column_1(model):
    explanation = explain(model, 3, 1)
    assert [step.column for step in explanation.steps] == list(range(1, 36))
    assert [step["column"] for step in explanation.as_json()["steps"]][:3] == [1, 2, 3]
    assert "base 2, column 1 on the right (" in str(explanation)
