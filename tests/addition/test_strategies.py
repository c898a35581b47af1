"""Each strategy yields valid operands only, reaches the rare ones, and shrinks to something readable."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from verify.addition import oracle, strategies
from verify.addition.oracle import MAX_OPERAND, PLACES, longest_chain
from verify.addition.strategies import carry_chains, operands, pairs, pairs_of, words
from verify.addition.vectors import VECTORS
from verify.hunt.replay import shrink_from

QUIET = settings(
    database=None, deadline=None, derandomize=True, max_examples=3_000, suppress_health_check=list(HealthCheck)
)
REACH = settings(QUIET, phases=[Phase.generate], max_examples=20_000)  # the rarest chain took 2,141


def is_operand(number):
    return type(number) is int and 0 <= number <= MAX_OPERAND


def reached(strategy, condition):
    return find(strategy, condition, settings=REACH)


def smallest(strategy, condition=lambda _: True):
    return find(strategy, condition, settings=QUIET)


@given(pair=pairs())
def test_pairs_are_operands(pair):
    assert all(map(is_operand, pair))


@pytest.mark.parametrize("length", range(PLACES))
def test_pairs_have_carry_chains_of_every_length(length):
    assert longest_chain(*reached(pairs(), lambda pair: longest_chain(*pair).length == length)).length == length


@pytest.mark.parametrize(("condition", "pair"), [
    (lambda pair: True, (0, 0)),
    (lambda pair: longest_chain(*pair).length >= 1, (1, 9)),
    (lambda pair: longest_chain(*pair).length >= 4, (1, 9_999)),
])  # fmt: skip
def test_pairs_shrink_to_few_and_small_columns(condition, pair):
    assert smallest(pairs(), condition) == pair


@given(number=operands((0, 9), min_digits=2, max_digits=4))
def test_operands_have_the_digits_they_should(number):
    assert number < 10_000
    assert set(f"{number:02d}") <= {"0", "9"}


def test_operands_reach_the_largest():
    assert reached(operands(), lambda number: number > 9 * 10**9) > 9 * 10**9


def test_operands_shrink_to_small_digits():
    found = smallest(operands(), lambda number: number >= 200)
    assert sum(map(int, str(found))) <= 2  # 200, or 1000 where no shorter operand is near


@given(data=st.data(), base=st.sampled_from([2, 10]))
def test_carry_chains_are_as_long_as_they_should_be(data, base):
    places = strategies.places_of(base)
    least = data.draw(st.integers(1, places))
    most = data.draw(st.integers(least, places))

    a, b = data.draw(carry_chains(min_length=least, max_length=most, base=base))

    assert is_operand(a)
    assert is_operand(b)
    assert least <= longest_chain(a, b, base).length <= most


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_carry_chains_start_wherever_there_is_room(length):
    top = oracle.Chain(PLACES - length, length)

    assert reached(carry_chains(min_length=length, max_length=length), lambda pair: top in oracle.chains(*pair))


@pytest.mark.parametrize("length", [1, 2, 5, 10])
def test_carry_chains_shrink_to_a_one_and_nines(length):
    assert smallest(carry_chains(min_length=length)) == (1, 10**length - 1)


@pytest.mark.parametrize("length", [5, 33])
def test_binary_carry_chains_shrink_to_a_one_and_ones(length):
    assert smallest(carry_chains(min_length=length, base=2)) == (1, 2**length - 1)


@given(word=words(min_length=2, max_length=5))
def test_words_have_the_length_they_should(word):
    assert 2 <= len(word) <= 5
    assert set(word) <= set(oracle.KINDS)


def test_words_reach_propagates_throughout():
    assert set(reached(words(min_length=6), lambda word: set(word) == {"propagate"})) == {"propagate"}


def test_words_shrink_to_kills():
    assert smallest(words(min_length=3)) == ("kill",) * 3


@given(data=st.data(), base=st.sampled_from([2, 10]))
def test_pairs_of_a_word_have_that_word(data, base):
    word = data.draw(words(base=base))

    a, b = data.draw(pairs_of(word, base))

    assert oracle.word(a, b, base)[: len(word)] == word


def test_pairs_of_a_word_reach_the_largest_digits():
    assert reached(pairs_of(["generate"]), lambda pair: pair == (9, 9)) == (9, 9)


def test_pairs_of_a_word_shrink_to_small_digits():
    assert smallest(pairs_of(["kill", "propagate", "generate"])) == (100, 990)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_every_pair_has_choices_by_which_it_is_drawn(vector):
    replayed = []

    shrink_from((vector.a, vector.b), lambda pair: bool(replayed.append(pair)))

    assert replayed[0] == (vector.a, vector.b)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: carry_chains(min_length=0), "min_length=0, max_length=10 admit nothing"),
    (lambda: carry_chains(min_length=5, max_length=4), "min_length=5, max_length=4 admit nothing"),
    (lambda: carry_chains(max_length=11), "max_length=11 admit nothing; both lie between 1 and 10"),
    (lambda: carry_chains(base=3), "base=3 must be 2 or 10"),
    (lambda: words(min_length=11), "min_length=11"),
    (lambda: operands((0, 10)), r"alphabet=\[0, 10\] must hold digits"),
    (lambda: operands(()), r"alphabet=\[\] must hold digits"),
    (lambda: operands(max_digits=11), "max_digits=11"),
])  # fmt: skip
def test_an_impossible_request_is_refused_at_once(make, message):
    with pytest.raises(InvalidArgument, match=message):
        make()
