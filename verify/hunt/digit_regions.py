"""Strata of the other families: digits, widths and values at which adders go wrong."""

from __future__ import annotations

from math import comb

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from verify.addition.oracle import MAX_OPERAND, PLACES
from verify.addition.strategies import BIT_PLACES, Pair, operands, pairs
from verify.hunt.draws import numbers, spell
from verify.hunt.strata import Batch, stratum

_POWERS_OF_TEN = 10 ** np.arange(PLACES + 1)
_POWERS = np.unique(np.concatenate([_POWERS_OF_TEN, 2 ** np.arange(BIT_PLACES + 1)]))
_EDGES = np.unique(np.concatenate([_POWERS - 1, _POWERS])).clip(0, MAX_OPERAND)
_PAIRS = (MAX_OPERAND + 1) ** 2
_ALPHABETS = ((0, 9), (0, 1, 9), (0, 1, 8, 9), (4, 5))  # three quarters of the faults in published adders show here


def _column_case(cases: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return place, carry-in and the two digits of each of the 1,900 cases; the units column has no carry-in."""
    place = np.where(cases < 100, 0, (cases + 100) // 200)
    carry = np.where(cases < 100, 0, (cases - 100) // 100 % 2)
    return place, carry, cases % 100 // 10, cases % 10


def _put_column(a: np.ndarray, b: np.ndarray, cases: np.ndarray) -> Batch:
    place, _, digit_a, digit_b = _column_case(cases)
    unit = _POWERS_OF_TEN[place]
    return a + (digit_a - a // unit % 10) * unit, b + (digit_b - b // unit % 10) * unit


@stratum("columns", family="columns", strategy=pairs(), size=1900)
def _columns(random: Generator, cases: np.ndarray) -> Batch:
    """Every pair of digits in every column, with and without a carry coming in, the other digits drawn."""
    place, carry, _, _ = _column_case(cases)
    a, b = _put_column(numbers(random, len(cases)), numbers(random, len(cases)), cases)
    unit = _POWERS_OF_TEN[place]
    low_a, low_b = _carrying(a % unit, b % unit, unit, carry == 1)
    return a // unit * unit + low_a, b // unit * unit + low_b


def _carrying(a: np.ndarray, b: np.ndarray, unit: np.ndarray, carries: np.ndarray) -> Batch:
    """Return numbers below a unit whose sum reaches it just where it should, each changed to its complement if not."""
    wrong = (a + b >= unit) != carries
    a, b = np.where(wrong, unit - 1 - a, a), np.where(wrong, unit - 1 - b, b)
    one_short = carries & (a + b == unit - 1)
    up = one_short & (a < unit - 1)
    return a + up, b + (one_short & ~up)


@stratum("lone-columns", family="columns", strategy=pairs(), size=1900, fixed=True, share=1900 / _PAIRS)
def _lone_columns(random: Generator, cases: np.ndarray) -> Batch:  # noqa: ARG001 - the case is the pair
    """Every pair of digits in every column, with and without a carry coming in from 9 + 1, all else zero."""
    place, carry, _, _ = _column_case(cases)
    below = _POWERS_OF_TEN[(place - 1).clip(0)] * carry
    return _put_column(9 * below, below, cases)


@stratum(
    "alphabets",
    family="columns",
    strategy=st.sampled_from(_ALPHABETS).flatmap(lambda alphabet: st.tuples(operands(alphabet), operands(alphabet))),
    share=0.4 ** (2 * PLACES) + 0.2 ** (2 * PLACES),  # the third holds the first two, and none of the last
)
def _alphabets(random: Generator, cases: np.ndarray) -> Batch:
    """Both operands have few different digits: 0 and 9; 0, 1 and 9; 0, 1, 8 and 9; 4 and 5."""
    a, b = np.empty(len(cases), np.int64), np.empty(len(cases), np.int64)
    for offset, alphabet in enumerate(_ALPHABETS):
        of_this = slice(offset, None, len(_ALPHABETS))
        shape = (len(a[of_this]), PLACES)
        a[of_this], b[of_this] = (spell(random.choice(np.array(alphabet), shape)) for _ in range(2))
    return a, b


@stratum(
    "sparse",
    family="columns",
    strategy=st.tuples(operands((0, 1, 5, 9)), operands((0, 1, 5, 9))),
    share=sum(comb(PLACES, count) * 0.9**count * 0.1 ** (PLACES - count) for count in range(4)) ** 2,
)
def _sparse(random: Generator, cases: np.ndarray) -> Batch:
    """At most three digits of each operand are not zero."""

    def few(count: int) -> np.ndarray:
        digits = np.zeros((count, PLACES), np.int64)
        places, values = random.integers(0, PLACES, (count, 3)), random.integers(0, 10, (count, 3))
        np.put_along_axis(digits, places, values, axis=1)
        return spell(digits)

    return few(len(cases)), few(len(cases))


@stratum("changed-digit", family="columns", strategy=pairs())
def _changed_digit(random: Generator, cases: np.ndarray) -> Batch:
    """Operands at an edge, such as 9,999,999,999 and 2^32, with one digit changed."""
    a, b = random.choice(_EDGES, (2, len(cases)))
    place = 10 ** random.integers(0, PLACES, len(cases))
    changed = a + (random.integers(0, 10, len(cases)) - a // place % 10) * place
    swap = random.random(len(cases)) < 0.5
    return np.where(swap, b, changed), np.where(swap, changed, b)


@stratum("uniform", family="sums", strategy=st.tuples(operands(), operands()), share=1.0)
def _uniform(random: Generator, cases: np.ndarray) -> Batch:
    """Both operands drawn evenly from 0 to 9,999,999,999."""
    return numbers(random, len(cases)), numbers(random, len(cases))


@stratum(
    "below-100",
    family="sums",
    strategy=st.tuples(operands(max_digits=2), operands(max_digits=2)),
    size=10_000,
    fixed=True,
    share=10_000 / _PAIRS,
)
def _below_100(random: Generator, cases: np.ndarray) -> Batch:  # noqa: ARG001 - the case is the pair
    """Every pair of operands below 100."""
    return cases // 100, cases % 100


@stratum("any-width", family="sums", strategy=pairs())
def _any_width(random: Generator, cases: np.ndarray) -> Batch:
    """Operands of every number of digits, the short as often as the long."""
    a, b = (numbers(random, len(cases)) % 10 ** random.integers(0, PLACES + 1, len(cases)) for _ in range(2))
    return a, b


@stratum("short-against-long", family="sums", strategy=st.tuples(operands(max_digits=4), operands(min_digits=7)))
def _short_against_long(random: Generator, cases: np.ndarray) -> Batch:
    """An operand of at most four digits and one of seven or more, in either order."""
    short = numbers(random, len(cases)) % 10 ** random.integers(1, 5, len(cases))
    long = numbers(random, len(cases)) % 10 ** random.integers(7, PLACES + 1, len(cases))
    swap = random.random(len(cases)) < 0.5
    return np.where(swap, long, short), np.where(swap, short, long)


_near_powers = st.builds(
    lambda power, offset: min(max(power + offset, 0), MAX_OPERAND),
    st.sampled_from(_POWERS.tolist()),
    st.sampled_from((0, -1, 1, -2, 2)),
)


_NEAR = {number for power in _POWERS.tolist() for number in range(power - 100, power + 101)}


@stratum(
    "near-powers",
    family="boundary",
    strategy=st.tuples(_near_powers, _near_powers),
    share=sum(0 <= number <= MAX_OPERAND for number in _NEAR) ** 2 / _PAIRS,
)
def _near_powers_of_two_and_ten(random: Generator, cases: np.ndarray) -> Batch:
    """Operands within 100 of a power of ten or of two."""
    near = random.choice(_POWERS, (2, len(cases))) + random.integers(-100, 101, (2, len(cases)))
    a, b = near.clip(0, MAX_OPERAND)
    return a, b


@st.composite
def _pairs_of_round_sums(draw: st.DrawFn) -> Pair:
    total = 10 ** draw(st.integers(1, PLACES)) + draw(st.sampled_from((0, -1, 1)))
    a = min(draw(operands()), total)
    return max(a, total - MAX_OPERAND), min(total - a, MAX_OPERAND)


def _pairs_with_sum(total: int) -> int:
    """Return how many pairs of operands have a sum."""
    return min(total, 2 * MAX_OPERAND - total) + 1 if total >= 0 else 0


_ROUND_TOTALS = {10**power + offset for power in range(1, PLACES + 1) for offset in range(-10, 11)}


@stratum(
    "round-totals",
    family="boundary",
    strategy=_pairs_of_round_sums(),
    share=sum(map(_pairs_with_sum, _ROUND_TOTALS)) / _PAIRS,
)
def _round_sums(random: Generator, cases: np.ndarray) -> Batch:
    """Sums within 10 of a power of ten."""
    total = 10 ** random.integers(1, PLACES + 1, len(cases)) + random.integers(-10, 11, len(cases))
    a = random.integers((total - MAX_OPERAND).clip(0), total.clip(0, MAX_OPERAND), endpoint=True)
    return a, total.clip(0) - a


@stratum("runs", family="boundary", strategy=st.tuples(operands((0, 9)), operands((0, 9))))
def _runs(random: Generator, cases: np.ndarray) -> Batch:
    """Each operand has a run of nines or of zeros among digits that are drawn."""

    def with_run(count: int) -> np.ndarray:
        span = np.sort(random.integers(0, PLACES + 1, (count, 2)))
        inside = (np.arange(PLACES) >= span[:, :1]) & (np.arange(PLACES) < span[:, 1:])
        return spell(np.where(inside, random.choice([0, 9], (count, 1)), random.integers(0, 10, (count, PLACES))))

    return with_run(len(cases)), with_run(len(cases))


_round_operands = st.builds(lambda number, zeros: number * 10**zeros, operands(max_digits=5), st.integers(0, 5))


@stratum("trailing-zeros", family="boundary", strategy=st.tuples(_round_operands, _round_operands), share=0.01)
def _trailing_zeros(random: Generator, cases: np.ndarray) -> Batch:
    """Both operands end in zeros."""
    units = 10 ** random.integers(1, PLACES + 1, (2, len(cases)))
    a, b = (numbers(random, len(cases)) // unit * unit for unit in units)
    return a, b


@stratum("one-zero", family="boundary", strategy=st.tuples(operands(), st.just(0)), share=2e-10)
def _one_zero(random: Generator, cases: np.ndarray) -> Batch:
    """One operand is zero, the other of any width."""
    number = numbers(random, len(cases)) % 10 ** random.integers(0, PLACES + 1, len(cases))
    left = random.random(len(cases)) < 0.5
    return np.where(left, number, 0), np.where(left, 0, number)


@stratum("equal", family="algebra", strategy=operands().map(lambda number: (number, number)), share=1e-10)
def _equal(random: Generator, cases: np.ndarray) -> Batch:
    """Both operands are the same number."""
    number = numbers(random, len(cases)) % 10 ** random.integers(0, PLACES + 1, len(cases))
    return number, number
