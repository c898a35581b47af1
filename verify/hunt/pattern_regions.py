"""Strata of patterns: digits that repeat or read the same from both ends, operands that follow from each other."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.random import Generator

from verify.addition.oracle import MAX_OPERAND, PLACES
from verify.addition.strategies import Pair, join, operands
from verify.hunt.draws import numbers, spell
from verify.hunt.strata import Batch, stratum

_PAIRS = (MAX_OPERAND + 1) ** 2
_SHORTEST_RUN = 2
_digits = st.integers(0, 9)


def _mirrored(digits: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return the lowest columns of digits (N, 10), so many of each row, in reverse; zeros above them."""
    place = width[:, None] - 1 - np.arange(PLACES)
    return np.where(place >= 0, np.take_along_axis(digits, place.clip(0), axis=1), 0)


def _in_any_order(random: Generator, a: np.ndarray, b: np.ndarray) -> Batch:
    swap = random.random(len(a)) < 0.5
    return np.where(swap, b, a), np.where(swap, a, b)


def _pairs_in_any_order(found: SearchStrategy[Pair]) -> SearchStrategy[Pair]:
    return st.builds(lambda pair, swap: pair[::-1] if swap else pair, found, st.booleans())


@st.composite
def _pairs_of_repeated_digits(draw: st.DrawFn) -> Pair:
    length = draw(st.integers(_SHORTEST_RUN, PLACES))
    below = draw(st.lists(st.tuples(_digits, _digits), max_size=PLACES - length))
    above = draw(st.lists(st.tuples(_digits, _digits), max_size=PLACES - length - len(below)))
    columns = [*below, *[draw(st.tuples(_digits, _digits))] * length, *above]
    return join([a for a, _ in columns], 10), join([b for _, b in columns], 10)


@stratum("repeated-digits", family="columns", strategy=_pairs_of_repeated_digits())
def _repeated_digits(random: Generator, cases: np.ndarray) -> Batch:
    """Both operands repeat one digit over the same run of columns, and are zero or any digits beside it."""
    start = random.integers(0, PLACES - _SHORTEST_RUN + 1, (len(cases), 1))
    end = random.integers(start + _SHORTEST_RUN, PLACES + 1)
    inside = (np.arange(PLACES) >= start) & (np.arange(PLACES) < end)
    is_zero = random.random((len(cases), 1)) < 0.5

    def repeating() -> np.ndarray:
        beside = np.where(is_zero, 0, random.integers(0, 10, inside.shape))
        return spell(np.where(inside, random.integers(0, 10, (len(cases), 1)), beside))

    return repeating(), repeating()


def _palindrome(first: int, rest: list[int], is_even: bool) -> int:
    half = [first, *rest]
    return join(half + half[::-1][not is_even :], 10)


_palindromes = st.builds(_palindrome, st.integers(1, 9), st.lists(_digits, max_size=PLACES // 2 - 1), st.booleans())
_PALINDROMES = sum(9 * 10 ** ((width - 1) // 2) for width in range(1, PLACES + 1))


@stratum(
    "palindromes",
    family="columns",
    strategy=st.tuples(_palindromes, _palindromes),
    share=_PALINDROMES**2 / _PAIRS,
)
def _palindromes_of_every_width(random: Generator, cases: np.ndarray) -> Batch:
    """Both operands read the same from both ends; of every number of digits, the short as often as the long."""

    def palindromes() -> np.ndarray:
        width = random.integers(1, PLACES + 1, len(cases))
        digits = random.integers(0, 10, (len(cases), PLACES))
        digits[:, 0] = random.integers(1, 10, len(cases))
        in_low_half = np.arange(PLACES) < (width[:, None] + 1) // 2
        return spell(np.where(in_low_half, digits, _mirrored(digits, width)))

    return palindromes(), palindromes()


@stratum(
    "reversed",
    family="algebra",
    strategy=st.lists(_digits, max_size=PLACES).map(lambda digits: (join(digits, 10), join(digits[::-1], 10))),
)
def _reversed(random: Generator, cases: np.ndarray) -> Batch:
    """One operand is the other with its digits in reverse order, zeros at either end among them."""
    digits, width = random.integers(0, 10, (len(cases), PLACES)), random.integers(1, PLACES + 1, len(cases))
    inside = np.where(np.arange(PLACES) < width[:, None], digits, 0)
    return spell(inside), spell(_mirrored(digits, width))


@stratum(
    "doubled",
    family="algebra",
    strategy=_pairs_in_any_order(operands().map(lambda number: (number // 2, number // 2 * 2))),
    share=MAX_OPERAND / _PAIRS,
)
def _doubled(random: Generator, cases: np.ndarray) -> Batch:
    """One operand is twice the other, of any width."""
    number = numbers(random, len(cases)) % 10 ** random.integers(0, PLACES + 1, len(cases)) // 2
    return _in_any_order(random, number, 2 * number)


_low = operands().map(lambda number: min(number, MAX_OPERAND - 1))


@stratum(
    "neighbours",
    family="algebra",
    strategy=_pairs_in_any_order(_low.map(lambda number: (number, number + 1))),
    share=2 * MAX_OPERAND / _PAIRS,
)
def _neighbours(random: Generator, cases: np.ndarray) -> Batch:
    """One operand is one more than the other, of any width."""
    number = numbers(random, len(cases)) % 10 ** random.integers(0, PLACES + 1, len(cases))
    number = number.clip(0, MAX_OPERAND - 1)
    return _in_any_order(random, number, number + 1)
