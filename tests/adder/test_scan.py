"""The scan answers exactly as the table that it was derived from, for every table of at most two carry classes."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adder.scan import Scan, carry_classes, derive, evaluate, normal_form
from adder.tokens import START, WIDTH
from adder.transitions import StepTable, TableError, generate_tabulated
from tests.samples import NEXT_STATES, structured_pairs

FULL_ADDER = NEXT_STATES.view(4, 4).tolist()
Table = list[list[int]]


def run(table: Table, a: int, b: int, width: int) -> list[int]:
    """Return the states that the table goes through, one place at a time."""
    states = [START]
    for place in range(width):
        states.append(table[2 * (a >> place & 1) + (b >> place & 1)][states[-1]])
    return states[1:]


def states_of(scan: Scan, a: int, b: int, width: int) -> list[int]:
    lower, upper = scan.planes(a, b, width)
    return [2 * (upper >> place & 1) + (lower >> place & 1) for place in range(width)]


@st.composite
def tables_of_two_rows(draw: st.DrawFn) -> Table:
    """Draw tables whose states share at most two rows of answers, in any grouping: next_state[pair][state]."""
    tokens = st.integers(0, 3)
    rows = draw(st.lists(st.lists(tokens, min_size=4, max_size=4), min_size=2, max_size=2))
    grouping = draw(st.lists(st.integers(0, 1), min_size=4, max_size=4))
    return [[rows[group][pair] for group in grouping] for pair in range(4)]


def mutants() -> list[Table]:
    """Return the 48 tables that differ from the full adder in one entry."""
    tables = []
    for pair, state, answer in itertools.product(range(4), repeat=3):
        if answer != FULL_ADDER[pair][state]:
            tables.append([list(row) for row in FULL_ADDER])
            tables[-1][pair][state] = answer
    return tables


def test_formulas_of_the_full_adder_are_generate_and_propagate() -> None:
    a, b, c = 1, 2, 4
    assert derive(FULL_ADDER) == Scan(generate=(a + b,), propagate=(a, b), lower=(a, b, c), upper=(a + b, a + c, b + c))


def test_a_normal_form_has_the_truth_table_it_came_from() -> None:
    a, b, c = (sum((entry >> variable & 1) << entry for entry in range(8)) for variable in range(3))
    for truth in itertools.product((0, 1), repeat=8):
        assert evaluate(normal_form(truth), a, b, c) & 0xFF == sum(bit << entry for entry, bit in enumerate(truth))


@pytest.mark.parametrize("formula", [(), (0,), (1,), (2,), (4,), (0, 1), (3,)])
def test_a_formula_never_answers_with_the_operands_own_words(formula: tuple[int, ...]) -> None:
    words = [torch.arange(4) for _ in range(3)]
    value = evaluate(formula, *words)
    value += 1
    assert all(torch.equal(word, torch.arange(4)) for word in words)


def test_formulas_have_the_entries_of_the_table() -> None:
    scan = derive(FULL_ADDER)
    for pair, state in itertools.product(range(4), repeat=2):
        bits = pair >> 1, pair & 1, state >> 1
        token = 2 * (evaluate(scan.upper, *bits) & 1) + (evaluate(scan.lower, *bits) & 1)
        carry = (evaluate(scan.generate, *bits) ^ evaluate(scan.propagate, *bits) & bits[2]) & 1
        assert (token, carry) == (FULL_ADDER[pair][state], FULL_ADDER[pair][state] >> 1)


def test_the_scan_equals_the_table_over_all_operands() -> None:
    z3 = pytest.importorskip("z3", reason="z3-solver is not installed, so the scan is compared on samples only")
    a, b = z3.BitVecs("a b", 64)
    scan = derive(FULL_ADDER)
    lower, upper = scan.planes(a, b)
    state, wrong = z3.BitVecVal(START, 2), []
    for place in range(WIDTH):
        bit_a, bit_b = z3.Extract(place, place, a), z3.Extract(place, place, b)
        context = z3.Concat(bit_a, bit_b, state)
        following = z3.BitVecVal(0, 2)
        for index in range(16):
            following = z3.If(context == index, z3.BitVecVal(FULL_ADDER[index // 4][index % 4], 2), following)
        state = following
        wrong.append(z3.Concat(z3.Extract(place, place, upper), z3.Extract(place, place, lower)) != state)
    solver = z3.Solver()
    solver.add(z3.Or(wrong))
    assert solver.check() == z3.unsat


def test_the_scan_of_an_adder_equals_the_table_on_all_short_operands() -> None:
    scan = derive(FULL_ADDER)
    for a, b in itertools.product(range(32), repeat=2):
        assert states_of(scan, a, b, 6) == run(FULL_ADDER, a, b, 6)


@settings(max_examples=400)
@given(table=tables_of_two_rows(), a=st.integers(0, 2**WIDTH - 1), b=st.integers(0, 2**WIDTH - 1))
def test_the_scan_of_any_table_of_two_rows_equals_the_table(table: Table, a: int, b: int) -> None:
    assert states_of(derive(table), a, b, WIDTH) == run(table, a, b, WIDTH)


@pytest.mark.parametrize("seed", range(20))
def test_the_scan_of_a_wrong_table_is_wrong_in_the_same_way_as_the_table_looked_up(seed: int) -> None:
    draw = random.Random(seed)
    rows = [[draw.randrange(4) for _ in range(4)] for _ in range(2)]
    table = [[rows[state >> 1][pair] for state in range(4)] for pair in range(4)]
    a, b = structured_pairs(1000, seed)
    step_table = StepTable(torch.tensor(table), torch.empty(0), torch.empty(0))
    lower, upper = derive(table).planes(a, b)
    place = torch.arange(WIDTH)[:, None]
    assert torch.equal(2 * (upper >> place & 1) + (lower >> place & 1), generate_tabulated(step_table, a, b))


def test_a_pair_may_flip_the_carry() -> None:
    rows = [[0, 1, 1, 3], [3, 2, 2, 0]]  # by class, by pair: (1, 1) leads from each class to the other
    table = [[rows[state >> 1][pair] for state in range(4)] for pair in range(4)]
    for a, b in itertools.product(range(64), repeat=2):
        assert states_of(derive(table), a, b, 6) == run(table, a, b, 6)


def test_states_that_additions_never_reach_do_not_count() -> None:
    table = [[state % 2 for state in range(4)] for _ in range(4)]
    table[1][3], table[2][2] = 3, 2
    assert carry_classes(table) == {0: 0}


@pytest.mark.parametrize("table", mutants(), ids=lambda table: "".join(str(token) for row in table for token in row))
def test_one_wrong_entry_is_refused_or_followed(table: Table) -> None:
    try:
        scan = derive(table)
    except TableError:
        assert len({tuple(row[state] for row in table) for state in range(4)}) > 2
    else:
        draw = random.Random(0)
        pairs = [(draw.getrandbits(34), draw.getrandbits(34)) for _ in range(100)]
        assert all(states_of(scan, a, b, WIDTH) == run(table, a, b, WIDTH) for a, b in pairs)


def test_a_table_of_three_classes_is_refused_with_its_classes() -> None:
    table = [list(row) for row in FULL_ADDER]
    table[0][1] = 1
    with pytest.raises(TableError, match=r"3 carry classes, \[\[0\], \[1\], \[2, 3\]\]"):
        derive(table)


def test_python_ints_numpy_and_torch_scan_alike() -> None:
    a, b = structured_pairs(300)
    scan = derive(FULL_ADDER)
    expected = [scan.sums(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert scan.sums(a, b).tolist() == expected
    assert scan.sums(a.numpy(), b.numpy()).tolist() == expected
    assert scan.sums(np.array(a.tolist(), dtype=object), np.array(b.tolist(), dtype=object)).tolist() == expected


def test_operands_are_left_as_they_were() -> None:
    a, b = structured_pairs(300)
    before = a.clone(), b.clone()
    for table in [FULL_ADDER, [[pair >> 1] * 4 for pair in range(4)], [[pair & 1] * 4 for pair in range(4)]]:
        derive(table).planes(a, b)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])


@given(width=st.integers(1, 400), data=st.data())
def test_python_ints_of_any_width_scan(width: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, 2**width - 1)), data.draw(st.integers(0, 2**width - 1))
    assert derive(FULL_ADDER).sums(a, b, width + 1) == a + b
