"""Strata of patterns: digits that repeat or read the same from both ends, operands that follow from each other."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.random import Generator

from verify.addition.strategies import Pair, join, operands
from verify.addition.task import Task
from verify.hunt.draws import shortened, spell
from verify.hunt.strata import Batch, stratum

_SHORTEST_RUN = 2
_digits = st.integers(0, 9)


def _mirrored(digits: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return the lowest columns of digits (N, places), so many of each row, in reverse; zeros above them."""
    place = width[:, None] - 1 - np.arange(digits.shape[1])
    return np.where(place >= 0, np.take_along_axis(digits, place.clip(0), axis=1), 0)


def _in_any_order(random: Generator, a: np.ndarray, b: np.ndarray) -> Batch:
    swap = random.random(len(a)) < 0.5
    return np.where(swap, b, a), np.where(swap, a, b)


def _pairs_in_any_order(found: SearchStrategy[Pair]) -> SearchStrategy[Pair]:
    return st.builds(lambda pair, swap: pair[::-1] if swap else pair, found, st.booleans())


@st.composite
def _pairs_of_repeated_digits(draw: st.DrawFn, task: Task) -> Pair:
    length = draw(st.integers(_SHORTEST_RUN, task.digits))
    below = draw(st.lists(st.tuples(_digits, _digits), max_size=task.digits - length))
    above = draw(st.lists(st.tuples(_digits, _digits), max_size=task.digits - length - len(below)))
    columns = [*below, *[draw(st.tuples(_digits, _digits))] * length, *above]
    return join([a for a, _ in columns], 10), join([b for _, b in columns], 10)


@stratum("repeated-digits", family="columns", strategy=_pairs_of_repeated_digits, fewest=_SHORTEST_RUN)
def _repeated_digits(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Both operands repeat one digit over the same run of columns, and are zero or any digits beside it."""
    start = random.integers(0, task.digits - _SHORTEST_RUN + 1, (len(cases), 1))
    end = random.integers(start + _SHORTEST_RUN, task.digits + 1)
    inside = (np.arange(task.digits) >= start) & (np.arange(task.digits) < end)
    is_zero = random.random((len(cases), 1)) < 0.5

    def repeating() -> np.ndarray:
        beside = np.where(is_zero, 0, random.integers(0, 10, inside.shape))
        return spell(np.where(inside, random.integers(0, 10, (len(cases), 1)), beside))

    return repeating(), repeating()


def _palindrome(first: int, rest: list[int], is_even: bool) -> int:
    half = [first, *rest]
    return join(half + half[::-1][not is_even :], 10)


def _pairs_of_palindromes(task: Task) -> SearchStrategy[Pair]:
    rest = st.lists(_digits, max_size=task.digits // 2 - 1)
    palindromes = st.builds(_palindrome, st.integers(1, 9), rest, st.booleans())
    return st.tuples(palindromes, palindromes)


def _share_of_palindromes(task: Task) -> float:
    return float(sum(9 * 10 ** ((width - 1) // 2) for width in range(1, task.digits + 1)) ** 2 / task.pairs)


@stratum("palindromes", family="columns", strategy=_pairs_of_palindromes, fewest=2, share=_share_of_palindromes)
def _palindromes_of_every_width(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Both operands read the same from both ends; of every number of digits, the short as often as the long."""

    def palindromes() -> np.ndarray:
        width = random.integers(1, task.digits + 1, len(cases))
        digits = random.integers(0, 10, (len(cases), task.digits))
        digits[:, 0] = random.integers(1, 10, len(cases))
        in_low_half = np.arange(task.digits) < (width[:, None] + 1) // 2
        return spell(np.where(in_low_half, digits, _mirrored(digits, width)))

    return palindromes(), palindromes()


def _pairs_in_reverse(task: Task) -> SearchStrategy[Pair]:
    digits = st.lists(_digits, max_size=task.digits)
    return digits.map(lambda found: (join(found, 10), join(found[::-1], 10)))


@stratum("reversed", family="algebra", strategy=_pairs_in_reverse)
def _reversed(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """One operand is the other with its digits in reverse order, zeros at either end among them."""
    digits = random.integers(0, 10, (len(cases), task.digits))
    width = random.integers(1, task.digits + 1, len(cases))
    inside = np.where(np.arange(task.digits) < width[:, None], digits, 0)
    return spell(inside), spell(_mirrored(digits, width))


@stratum(
    "doubled",
    family="algebra",
    strategy=lambda task: _pairs_in_any_order(operands(task=task).map(lambda number: (number // 2, number // 2 * 2))),
    share=lambda task: task.largest / task.pairs,
)
def _doubled(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """One operand is twice the other, of any width."""
    number = shortened(task, random, len(cases)) // 2
    return _in_any_order(random, number, 2 * number)


def _pairs_of_neighbours(task: Task) -> SearchStrategy[Pair]:
    low = operands(task=task).map(lambda number: min(number, task.largest - 1))
    return _pairs_in_any_order(low.map(lambda number: (number, number + 1)))


@stratum(
    "neighbours", family="algebra", strategy=_pairs_of_neighbours, share=lambda task: 2 * task.largest / task.pairs
)
def _neighbours(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """One operand is one more than the other, of any width."""
    number = shortened(task, random, len(cases)).clip(0, task.largest - 1)
    return _in_any_order(random, number, number + 1)
