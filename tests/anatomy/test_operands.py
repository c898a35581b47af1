"""The operands of anatomy show what there is to learn, come from the caller's seed, and are asked once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from verify import subject
from verify.addition import oracle
from verify.addition.task import TEN, Task
from verify.anatomy import audit, operands, parameters

HONEST = Path(__file__).parents[1] / "submissions" / "honest"
SEEDS = pytest.mark.parametrize("seed", range(3))
DRAWS = [operands.examples, operands.carrying, operands.without_carry]


@SEEDS
def test_examples_show_every_digit_in_every_column(seed):
    a, b = operands.examples(np.random.default_rng(seed), 44, TEN)
    for column in range(10):
        assert set(a // 10**column % 10) == set(b // 10**column % 10) == set(range(10))


@SEEDS
def test_examples_of_pairs_show_every_pair_of_digits_in_every_column(seed):
    a, b = operands.pair_examples(np.random.default_rng(seed), TEN)
    for column in range(10):
        assert len({*zip(a // 10**column % 10, b // 10**column % 10, strict=True)}) == 100


@SEEDS
def test_every_third_pair_carries_throughout_or_just_not(seed):
    for a, b in zip(
        *(drawn.tolist()[::3] for drawn in operands.carrying(np.random.default_rng(seed), 60, TEN)), strict=True
    ):
        assert a + b in (9_999_999_999, 10_000_000_000)


@SEEDS
def test_without_carry_no_column_carries_in_its_base(seed):
    drawn = operands.without_carry(np.random.default_rng(seed), 60, TEN)
    for index, (a, b) in enumerate(zip(*(column.tolist() for column in drawn), strict=True)):
        assert oracle.chains(a, b, (2, 10)[index % 2]) == []


@SEEDS
@pytest.mark.parametrize("digits", [1, 2, 10, 20])
def test_every_pair_of_digits_comes_with_every_carry_into_every_column(digits, seed):
    pairs = operands.of_every_option(np.random.default_rng(seed), digits)
    assert all(0 <= operand < 10**digits for pair in pairs for operand in pair)
    carries = [0] * len(pairs)
    for place in range(digits):
        column = [(a // 10**place % 10, b // 10**place % 10, c) for (a, b), c in zip(pairs, carries, strict=True)]
        assert len(set(column)) == (200 if place else 100)
        carries = [int(sum(option) > 9) for option in column]


@SEEDS
@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
def test_all_are_operands(draw, seed):
    drawn = np.stack(draw(np.random.default_rng(seed), 60, TEN))
    assert (drawn.dtype, drawn.shape) == (np.int64, (2, 60))
    assert drawn.min() >= 0
    assert drawn.max() <= oracle.MAX_OPERAND


def asked(seed):
    """Return the pairs that an adder is asked for by everything that looks inside it, smoke left out."""
    adder, pairs = subject.load(str(HONEST / "array_functions.py"), sandbox="off"), []
    add = adder.loaded.namespace.add
    adder.loaded.namespace.add = lambda model, a, b: pairs.append((int(a), int(b))) or add(model, a, b)
    audit(adder, seed)
    parameters(adder, seed)
    adder.ask("learn_forcing", seed=seed)
    return [pair for pair in pairs if pair not in Task().easy]  # which each worker is asked for at first


def test_no_pair_is_asked_twice_and_another_seed_asks_for_others():
    first, again, other = asked(0), asked(0), asked(1)
    assert len(first) > 100
    assert sorted(Counter(first).values())[-7:] == [1, 2, 2, 2, 2, 2, 2]  # six, of which two workers are asked for each
    assert first == again
    assert not set(first) & set(other)


def test_a_seed_is_kept_until_another_is_given():
    loaded = subject.LoadedAdder(None, None, {})
    drawn = []
    for seed in (None, 5, None, 0):
        operands.use_seed(loaded, seed)
        drawn.append(loaded.memory["seed"])
    assert drawn == [0, 5, 5, 0]
