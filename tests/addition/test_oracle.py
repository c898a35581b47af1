"""The oracle's columns, carries and tokens are those of addition, in both bases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.addition import oracle
from verify.addition.oracle import Chain

NUMBERS = st.integers(0, oracle.MAX_OPERAND)


@given(a=NUMBERS, b=NUMBERS, base=st.sampled_from([2, 10]))
def test_the_digits_and_the_last_carry_spell_the_sum(a, b, base):
    columns = oracle.columns(a, b, base)
    digits = sum(column.digit * base**column.place for column in columns)

    assert digits + columns[-1].carry_out * base ** len(columns) == a + b


@given(a=NUMBERS, b=NUMBERS, base=st.sampled_from([2, 10]))
def test_a_carry_leaves_where_a_chain_runs_and_nowhere_else(a, b, base):
    carried = {column.place for column in oracle.columns(a, b, base) if column.carry_out}
    chained = {place for chain in oracle.chains(a, b, base) for place in range(chain.start, chain.start + chain.length)}

    assert carried == chained


@pytest.mark.parametrize(("a", "b", "base", "chain"), [
    (0, 0, 10, Chain(0, 0)),
    (1, 9, 10, Chain(0, 1)),
    (10, 9990, 10, Chain(1, 3)),
    (1, 9_999_999_999, 10, Chain(0, 10)),
    (1, 7, 2, Chain(0, 3)),
    (99_099, 1_001, 10, Chain(0, 2)),
])  # fmt: skip
def test_the_longest_chain_counts_its_generate_and_the_lowest_comes_first(a, b, base, chain):
    assert oracle.longest_chain(a, b, base) == chain


@pytest.mark.parametrize(
    ("total", "kind"), [(0, "kill"), (8, "kill"), (9, "propagate"), (10, "generate"), (18, "generate")]
)
def test_a_column_is_classed_by_its_two_digits(total, kind):
    assert oracle.kind_of(total, 10) == kind


def test_a_word_goes_units_first():
    assert oracle.word(10, 9_990)[:5] == ("kill", "generate", "propagate", "propagate", "kill")


def test_the_transitions_are_those_of_the_full_adder():
    expected = [
        [(a + b + carry) % 2 + 2 * ((a + b + carry) // 2) for carry in (0, 1) for _ in range(2)]
        for a in (0, 1) for b in (0, 1)
    ]  # fmt: skip

    assert oracle.transition_table().tolist() == expected


def test_three_and_one_as_tokens():
    a, b = np.array([3]), np.array([1])

    assert oracle.pair_tokens(a, b)[0, :4].tolist() == [3, 2, 0, 0]
    assert oracle.state_tokens(a, b)[0, :4].tolist() == [2, 2, 1, 0]
    assert oracle.forced_tokens(a, b)[0, 35:39].tolist() == [0, 2, 2, 1]


@given(a=NUMBERS, b=NUMBERS)
def test_states_follow_from_the_transitions(a, b):
    pairs = oracle.pair_tokens(np.array([a]), np.array([b]))[0].tolist()
    states = [0]
    for pair in pairs:
        states.append(oracle.transition(pair, states[-1]))

    assert oracle.state_tokens(np.array([a]), np.array([b]))[0].tolist() == states[1:]
