"""The check in integers says what Coq would say: of right networks yes, of others why not."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proof.coq import (
    WRONG_TRANSITIONS,
    changed,
    default_instance,
    solved,
    tied_network,
    unrepresentable_network,
    with_transition,
)
from tests.proof.models import CANCELLING, INTEGERS, architecture
from verify.errors import NoTheoremError
from verify.proof import prove
from verify.proof.coq.instance import instance_of, left_out
from verify.proof.coq.integers import Network, NotExactError, _Exact, carries_of, check, dyadic, number, successor
from verify.proof.exactness import RoundsError, _Exactly, exact_logits
from verify.proof.formats import EVERY_OPERATION, FORMATS, rounding_of
from verify.proof.network import CONTEXTS
from verify.proof.weights import Weights

FULL_ADDER = [[pair // 2 + pair % 2 + state // 2 for state in range(4)] for pair in range(4)]
SEEDS = int(os.environ.get("ADDER_SEEDS", "12"))
PRECISIONS = list(FORMATS)


def holds(network, table, carries, precision):
    try:
        check(network, table, carries, precision)
    except NotExactError:
        return False
    return True


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_seed_of_the_solver_passes_in_every_precision(precision):
    wrong = [seed for seed in range(SEEDS) if not holds(solved(seed), FULL_ADDER, [0, 0, 1, 1], precision)]

    assert wrong == []


@pytest.mark.parametrize(("pair", "state", "following"), WRONG_TRANSITIONS)
def test_a_machine_with_one_wrong_transition_is_refused(pair, state, following):
    table = with_transition(FULL_ADDER, pair, state, following)

    with pytest.raises(NotExactError, match="no full adder"):
        check(default_instance().network, table, [0, 0, 1, 1], "float32")


def test_there_are_48_machines_with_one_wrong_transition():
    assert len(WRONG_TRANSITIONS) == 48


@pytest.mark.parametrize(("pair", "state", "following"), WRONG_TRANSITIONS)
def test_no_carries_fit_a_machine_with_one_wrong_transition(pair, state, following):
    with pytest.raises(NotExactError, match="no full adder"):
        carries_of(with_transition(FULL_ADDER, pair, state, following))


def test_a_machine_whose_odd_states_are_exchanged_adds():
    exchange = [0, 3, 2, 1]
    table = [[exchange[FULL_ADDER[pair][exchange[state]]] for state in range(4)] for pair in range(4)]

    assert carries_of(table) == [0, 1, 1, 0]


@pytest.mark.parametrize("seed", range(60))
def test_what_passes_is_the_exact_road_of_the_prover(seed):
    network = changed(default_instance().network, seed)
    for precision in PRECISIONS:
        try:
            table = [[successor(network, pair, state, precision) for state in range(4)] for pair in range(4)]
        except NotExactError:
            continue
        rounding = rounding_of(precision, EVERY_OPERATION)
        for pair, state in CONTEXTS:
            logits = [number(each) for each in _Exact(FORMATS[precision]).logits(network, pair, state)]
            try:
                assert tuple(logits) == exact_logits(network.weights, pair, state, rounding)
            except RoundsError as error:
                assert "term by term" in str(error)  # noqa: PT017 - where products cancel, the prover is the stricter
            assert logits[table[pair][state]] == max(logits)


TERMS = st.lists(st.tuples(st.integers(-300, 300), st.integers(-30, 20)), max_size=6)


@given(TERMS, st.sampled_from(PRECISIONS))
def test_a_sum_is_exact_where_the_prover_finds_it_exact_unless_it_comes_near_overflow(terms, precision):
    try:
        found = number(_Exact(FORMATS[precision]).total("it", terms))
    except NotExactError as error:
        found = None
        if "within 2 bits" in str(error):
            return
    try:
        expected = _Exactly(rounding_of(precision, EVERY_OPERATION)).total("it", [number(each) for each in terms])
    except RoundsError:
        expected = None

    assert found == expected


@given(st.fractions(max_denominator=1).flatmap(lambda n: st.integers(0, 60).map(lambda e: n / 2**e)))
def test_a_dyadic_number_is_itself_with_an_odd_integer(fraction):
    n, exponent = dyadic(fraction)

    assert number((n, exponent)) == fraction
    assert n % 2 == 1 or (n, exponent) == (0, 0)


def test_a_network_is_its_weights():
    weights = Weights.from_tensors(architecture(INTEGERS)["weights"])

    assert Network.of(weights).weights == weights


def test_a_query_and_keys_that_are_not_0_are_refused():
    network = replace(default_instance().network, query=[[(1, 0)] * 2] * 2, key=[[(1, 0)] * 2] * 2)

    with pytest.raises(NotExactError, match="neither query nor keys are 0"):
        check(network, FULL_ADDER, [0, 0, 1, 1], "float64")


@pytest.mark.parametrize("name", ["query", "key"])
def test_one_of_query_and_key_may_be_anything(name):
    network = replace(default_instance().network, **{name: [[(3, -1), (-5, 2)]] * 2})

    check(network, FULL_ADDER, [0, 0, 1, 1], "bfloat16")


def test_weights_that_no_sum_rounds_but_the_stream_are_refused():
    with pytest.raises(NoTheoremError, match="the residual at the end may round"):
        instance_of(prove(architecture(CANCELLING), precisions=()))


def test_a_tie_is_refused():
    with pytest.raises(NotExactError, match="not below"):
        check(tied_network(), FULL_ADDER, [0, 0, 1, 1], "float32")


def test_a_weight_that_is_no_number_of_the_format_is_refused_though_nothing_comes_of_it():
    check(unrepresentable_network(), FULL_ADDER, [0, 0, 1, 1], "float32")
    with pytest.raises(NotExactError, match="output 257 may round"):
        check(unrepresentable_network(), FULL_ADDER, [0, 0, 1, 1], "bfloat16")


def test_a_precision_in_which_a_sum_may_round_is_left_out():
    scaled = {
        name: [[x * 257 if name == "mlp.2.bias" else x for x in row] for row in rows] for name, rows in INTEGERS.items()
    }
    scaled["attention.in_proj_weight"] = [(0, 0)] * 2 + [(257, 0)] * 2 + list(INTEGERS["attention.in_proj_weight"][4:])

    found = instance_of(prove(architecture(scaled), precisions=()))

    assert found.precisions == ["float64", "float32", "float16"]
    assert left_out(found) == {"bfloat16": "key 257 may round: its terms need more than 8 bits"}
    assert left_out(default_instance()) == {}


@pytest.mark.parametrize("fraction", [Fraction(1, 2**20), Fraction(2**14)])
def test_a_weight_outside_the_normal_numbers_of_a_format_is_refused(fraction):
    network = default_instance().network
    network = replace(network, key=[[dyadic(fraction), (0, 0)], *network.key[1:]])

    with pytest.raises(NotExactError, match="leaves the range of normal numbers"):
        check(network, FULL_ADDER, [0, 0, 1, 1], "float16")
