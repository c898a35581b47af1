"""Each of the 16 transitions of the full adder is right at every one of the 35 steps.

Seen from outside, a transition is forced by operands that bring about its pair and its state. Where an adder gives
logits, all 16 are forced at all steps, those included that no sum ever reaches.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from verify.addition.oracle import BITS, MAX_OPERAND, WIDTH, forced_tokens, state_tokens, transition
from verify.addition.strategies import Pair, pairs
from verify.hunt.assertions import assert_sum, require
from verify.subject import Subject

pytestmark = pytest.mark.sums

CONTEXTS = [(pair, state) for pair in range(4) for state in range(4)]
IDS = [f"pair {pair}, state {state}" for pair, state in CONTEXTS]


def operands_through(place: int, pair: int, state: int) -> Pair:
    """Return the smallest operands that make a step's context: a pair of bits at a place, and the state below it."""
    below = {0: [], 1: [1], 2: [3], 3: [3, 3]}[state]
    bits = {place: pair} | {place - distance: two for distance, two in enumerate(below, 1)}
    return sum((two >> 1) << at for at, two in bits.items()), sum((two & 1) << at for at, two in bits.items())


@pytest.mark.replays
@given(pair=pairs())
def test_any_pair_takes_its_steps_right(subject: Subject, pair: Pair) -> None:
    assert_sum(subject, *pair)


@pytest.mark.parametrize(("pair", "state"), CONTEXTS, ids=IDS)
def test_operands_that_force_a_transition_are_added_right(subject: Subject, pair: int, state: int) -> None:
    for place in range((state > 0) + (state == 3), BITS):
        a, b = operands_through(place, pair, state)
        if subject.task.holds(a, b):
            assert_sum(subject, a, b)


@pytest.mark.nature("suspect")
@pytest.mark.parametrize(("pair", "state"), CONTEXTS, ids=IDS)
def test_the_largest_logit_is_the_right_state_at_every_step(subject: Subject, pair: int, state: int) -> None:
    require(subject, "forced_logits")
    ids = np.random.default_rng(4 * pair + state).integers(0, 4, (WIDTH, 2 * WIDTH))  # (steps, tokens)
    step = np.arange(WIDTH)
    ids[step, step], ids[step, WIDTH + step] = pair, state

    for method in (None, *subject.ask("methods_with_logits")):
        logits = subject.ask("forced_logits", ids=ids, method=method)[step, step]  # (steps, 4)
        assert logits.argmax(axis=1).tolist() == [transition(pair, state)] * WIDTH, f"by method {method}"


@pytest.mark.nature("suspect")
def test_every_step_of_a_forced_answer_is_right(subject: Subject) -> None:
    require(subject, "forced_logits")
    a, b = np.random.default_rng(0).integers(0, MAX_OPERAND + 1, (2, 10_000))

    states = subject.ask("forced_logits", ids=forced_tokens(a, b)).argmax(axis=2)

    assert np.array_equal(states, state_tokens(a, b))
