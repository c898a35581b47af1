"""The product with the full adder decides a machine: a proof, or a shortest pair of operands that it adds wrongly."""

from __future__ import annotations

import random
from itertools import product

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st

from verify.proof.automaton import (
    BINARY_WIDTH,
    MAX_OPERAND,
    StepFunction,
    StepFunctionError,
    binary_machine,
    counterexample,
    full_adder_rows,
)

MUTANTS = [
    (state, pair, wrong)
    for state, pair, wrong in product(range(4), repeat=3)
    if wrong != full_adder_rows()[state][pair]
]


def mutant(state, pair, wrong):
    rows = [list(row) for row in full_adder_rows()]
    rows[state][pair] = wrong
    return binary_machine(tuple(map(tuple, rows)))


def decimal_adder(width=11, **changes):
    """Return a decimal adder whose states are digit + 10 * carry."""
    fields = {
        "base": 10,
        "width": width,
        "start": 0,
        "digits": {state: state % 10 for state in range(20)},
        "table": {(s, (x, y)): x + y + s // 10 for s, x, y in product(range(20), range(10), range(10))},
    }
    return fields | changes


def test_the_full_adder_adds():
    assert counterexample(binary_machine(full_adder_rows())) is None


def test_there_are_48_mutants():
    assert len(MUTANTS) == 48


@pytest.mark.parametrize(("state", "pair", "wrong"), MUTANTS)
def test_every_wrong_entry_is_refuted_by_a_shortest_pair(state, pair, wrong):
    machine = mutant(state, pair, wrong)
    found = counterexample(machine)
    assert machine.add(found.a, found.b) == found.got != found.expected == found.a + found.b
    assert max(found.a, found.b) < 2 ** (found.column + 1) <= 2**4
    shorter = product(range(2**found.column), repeat=2)
    assert all((machine.add(a, b) - a - b) % 2**found.column == 0 for a, b in shorter)


@given(st.lists(st.integers(0, 3), min_size=16, max_size=16))
def test_random_machines_are_decided_as_brute_force_does(entries):
    machine = binary_machine(tuple(tuple(entries[4 * state : 4 * state + 4]) for state in range(4)))
    wrong = any(machine.add(a, b) != a + b for a, b in product(range(32), repeat=2))
    assert (counterexample(machine) is not None) == wrong


def test_a_machine_with_other_names_for_its_states_adds():
    swap = {0: 0, 1: 3, 2: 2, 3: 1}  # 1 and 3 both spell 1
    rows = [[0] * 4 for _ in range(4)]
    for state, pair in product(range(4), repeat=2):
        rows[swap[state]][pair] = swap[full_adder_rows()[state][pair]]
    assert counterexample(binary_machine(tuple(map(tuple, rows)))) is None


def test_a_decimal_adder_adds():
    assert counterexample(StepFunction(**decimal_adder())) is None


def test_a_decimal_adder_that_loses_one_carry_is_refuted():
    fields = decimal_adder()
    fields["table"][10, (9, 0)] = 0
    found = counterexample(StepFunction(**fields))
    assert found.got != found.expected
    assert found.column == 2


def counting_adder(last):
    """Return a binary adder that forgets the carry of one column, by counting columns in its state."""
    states = {(column, s): 4 * column + s for column, s in product(range(36), range(4))}
    table = {}
    for (column, s), (x, y) in product(states, product(range(2), repeat=2)):
        total = x + y + s // 2
        after = total % 2 if column == last and total // 2 else total
        table[states[column, s], (x, y)] = states[min(column + 1, 35), after]
    return StepFunction(2, 35, 0, {number: s % 2 for (_c, s), number in states.items()}, table)


@pytest.mark.parametrize("column", [0, 17, 32])
def test_a_carry_lost_in_one_high_column_is_found(column):
    machine = counting_adder(column)
    found = counterexample(machine)
    assert found.column == column + 1
    assert machine.add(found.a, found.b) != found.a + found.b
    assert max(found.a, found.b) <= MAX_OPERAND


def test_what_only_happens_beyond_the_largest_operand_does_not_count():
    fields = counting_adder(40)
    table = dict(fields.table)
    for s in range(4):
        table[4 * 34 + s, (1, 1)] = 0  # bit 34 of an operand is 2^34 > 9_999_999_999
    assert counterexample(StepFunction(2, 35, 0, fields.digits, table)) is None


def test_every_operand_up_to_the_largest_counts():
    machine = counting_adder(40)
    high = 2 * MAX_OPERAND >> 34
    assert high == 1
    table = {k: (v if k[0] // 4 != 34 else v - v % 4 + (v % 4) // 2 * 2) for k, v in machine.table.items()}
    found = counterexample(StepFunction(2, 35, 0, machine.digits, table))
    assert found.column == 34
    assert max(found.a, found.b) <= MAX_OPERAND
    assert found.a + found.b >= 2**34


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 10}, "do not hold"),
        ({"start": 99}, "start state 99"),
        ({"digits": {0: 10}}, "not all below base"),
        ({"table": {}}, "no next state"),
        ({"table": {(0, (0,)): 1}}, "not a step function"),
        ({"digits": None}, "not a step function"),
        ({"base": None}, "not a step function"),
    ],
    ids=["narrow", "start", "digit", "partial", "column", "no digits", "no base"],
)
def test_what_is_no_step_function_is_refused(changes, message):
    with pytest.raises(StepFunctionError, match=message):
        StepFunction.from_mapping(decimal_adder(**changes))


def test_a_mapping_is_read_as_a_step_function():
    assert StepFunction.from_mapping(decimal_adder()) == StepFunction(**decimal_adder())


def unrolled(rows):
    """Return a z3 solver of: the machine, unrolled over 35 bits, answers another number than a + b."""
    solver = z3.SolverFor("QF_BV")
    a, b = z3.BitVecs("a b", BINARY_WIDTH + 1)
    solver.add(z3.ULE(a, MAX_OPERAND), z3.ULE(b, MAX_OPERAND))
    state, bits = z3.BitVecVal(0, 2), []
    for place in range(BINARY_WIDTH):
        pair = z3.Concat(z3.Extract(place, place, a), z3.Extract(place, place, b))
        following = z3.BitVecVal(0, 2)
        for s, p in product(range(4), repeat=2):
            following = z3.If(z3.And(state == s, pair == p), z3.BitVecVal(rows[s][p], 2), following)
        state = following
        bits.append(z3.Extract(0, 0, state))
    answer = z3.Concat(*reversed(bits))
    solver.add(z3.ZeroExt(1, answer) != a + b)
    return solver, a, b


def test_z3_finds_no_operands_that_the_full_adder_adds_wrongly():
    assert unrolled(full_adder_rows())[0].check() == z3.unsat


@pytest.mark.parametrize(("state", "pair", "wrong"), random.Random(0).sample(MUTANTS, 6))
def test_z3_refutes_mutants_too(state, pair, wrong):
    machine = mutant(state, pair, wrong)
    rows = tuple(tuple(machine.table[s, (p // 2, p % 2)] for p in range(4)) for s in range(4))
    solver, a, b = unrolled(rows)
    assert solver.check() == z3.sat
    x, y = (solver.model().eval(v, model_completion=True).as_long() for v in (a, b))
    assert machine.add(x, y) != x + y
