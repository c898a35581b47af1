"""Strata of the other families: digits, widths and values at which adders go wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import comb

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.random import Generator

from verify.addition.strategies import Pair, operands, pairs
from verify.addition.task import MOST_ENUMERATED, Task
from verify.hunt.draws import between, numbers, powers, shortened, spell
from verify.hunt.strata import EVERY_PAIR, Batch, stratum

_ALPHABETS = ((0, 9), (0, 1, 9), (0, 1, 8, 9), (4, 5))  # three quarters of the faults in published adders show here


@cache
def _round(task: Task) -> np.ndarray:
    """Return the powers of ten and of two up to the one above all operands, or the largest word of bits."""
    return np.unique(np.concatenate([task.powers, task.array(2**bit for bit in range(task.free_bits + 1))]))


@cache
def _edges(task: Task) -> np.ndarray:
    return np.asarray(np.unique(np.concatenate([_round(task) - 1, _round(task)])).clip(0, task.largest))


def _column_cases(task: Task) -> int:
    return 200 * task.digits - 100  # the units column has no carry-in


def _column_case(cases: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return place, carry-in and the two digits of each case, 1,900 of 10 digits; the units column has no carry-in."""
    place = np.where(cases < 100, 0, (cases + 100) // 200)
    carry = np.where(cases < 100, 0, (cases - 100) // 100 % 2)
    return place, carry, cases % 100 // 10, cases % 10


def _put_column(task: Task, a: np.ndarray, b: np.ndarray, cases: np.ndarray) -> Batch:
    place, _, digit_a, digit_b = _column_case(cases)
    unit = task.powers[place]
    return a + (digit_a - a // unit % 10) * unit, b + (digit_b - b // unit % 10) * unit


@stratum("columns", family="columns", strategy=pairs, size=_column_cases)
def _columns(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Every pair of digits in every column, with and without a carry coming in, the other digits drawn."""
    place, carry, _, _ = _column_case(cases)
    a, b = _put_column(task, numbers(task, random, len(cases)), numbers(task, random, len(cases)), cases)
    unit = task.powers[place]
    low_a, low_b = _carrying(a % unit, b % unit, unit, carry == 1)
    return a // unit * unit + low_a, b // unit * unit + low_b


def _carrying(a: np.ndarray, b: np.ndarray, unit: np.ndarray, carries: np.ndarray) -> Batch:
    """Return numbers below a unit whose sum reaches it just where it should, each changed to its complement if not."""
    wrong = (a + b >= unit) != carries
    a, b = np.where(wrong, unit - 1 - a, a), np.where(wrong, unit - 1 - b, b)
    one_short = carries & (a + b == unit - 1)
    up = one_short & (a < unit - 1)
    return a + up, b + (one_short & ~up)


@stratum(
    "lone-columns",
    family="columns",
    strategy=pairs,
    size=_column_cases,
    fixed=True,
    share=lambda task: _column_cases(task) / task.pairs,
)
def _lone_columns(task: Task, random: Generator, cases: np.ndarray) -> Batch:  # noqa: ARG001 - the case is the pair
    """Every pair of digits in every column, with and without a carry coming in from 9 + 1, all else zero."""
    place, carry, _, _ = _column_case(cases)
    below = task.powers[(place - 1).clip(0)] * carry
    return _put_column(task, 9 * below, below, cases)


def _pairs_of_alphabets(task: Task) -> SearchStrategy[Pair]:
    return st.sampled_from(_ALPHABETS).flatmap(
        lambda alphabet: st.tuples(operands(alphabet, task=task), operands(alphabet, task=task))
    )


def _pairs_of(*alphabet: int) -> Callable[[Task], SearchStrategy[Pair]]:
    """Return the strategy of pairs with digits of an alphabet, as a function of the task."""
    return lambda task: st.tuples(operands(alphabet, task=task), operands(alphabet, task=task))


@stratum(
    "alphabets",
    family="columns",
    strategy=_pairs_of_alphabets,
    # the third holds the first two, and none of the last
    share=lambda task: 0.4 ** (2 * task.digits) + 0.2 ** (2 * task.digits),
)
def _alphabets(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Both operands have few different digits: 0 and 9; 0, 1 and 9; 0, 1, 8 and 9; 4 and 5."""
    a, b = np.empty(len(cases), task.dtype), np.empty(len(cases), task.dtype)
    for offset, alphabet in enumerate(_ALPHABETS):
        of_this = slice(offset, None, len(_ALPHABETS))
        shape = (len(a[of_this]), task.digits)
        a[of_this], b[of_this] = (spell(random.choice(np.array(alphabet), shape)) for _ in range(2))
    return a, b


@stratum(
    "sparse",
    family="columns",
    strategy=_pairs_of(0, 1, 5, 9),
    share=lambda task: (
        sum(comb(task.digits, count) * 0.9**count * 0.1 ** (task.digits - count) for count in range(4)) ** 2
    ),
)
def _sparse(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """At most three digits of each operand are not zero."""

    def few(count: int) -> np.ndarray:
        digits = np.zeros((count, task.digits), np.int64)
        places, values = random.integers(0, task.digits, (count, 3)), random.integers(0, 10, (count, 3))
        np.put_along_axis(digits, places, values, axis=1)
        return spell(digits)

    return few(len(cases)), few(len(cases))


@stratum("changed-digit", family="columns", strategy=pairs)
def _changed_digit(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Operands at an edge, such as {largest} and powers of two, with one digit changed."""
    a, b = random.choice(_edges(task), (2, len(cases)))
    place = powers(task, random, len(cases), 0, task.digits - 1)
    changed = a + (random.integers(0, 10, len(cases)) - a // place % 10) * place
    swap = random.random(len(cases)) < 0.5
    return np.where(swap, b, changed), np.where(swap, changed, b)


@stratum("uniform", family="sums", strategy=_pairs_of(*range(10)), share=1.0)
def _uniform(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Both operands drawn evenly from 0 to {largest}."""
    return numbers(task, random, len(cases)), numbers(task, random, len(cases))


@stratum(
    "below-100",
    family="sums",
    strategy=lambda _: st.tuples(operands(max_digits=2), operands(max_digits=2)),
    fewest=3,
    size=10_000,
    fixed=True,
    share=lambda task: 10_000 / task.pairs,
)
def _below_100(task: Task, random: Generator, cases: np.ndarray) -> Batch:  # noqa: ARG001 - the case is the pair
    """Every pair of operands below 100."""
    return (cases // 100).astype(task.dtype), (cases % 100).astype(task.dtype)


@stratum(
    EVERY_PAIR,
    family="sums",
    strategy=pairs,
    most=MOST_ENUMERATED,
    size=lambda task: task.pairs,
    fixed=True,
    share=1.0,
)
def _every_pair(task: Task, random: Generator, cases: np.ndarray) -> Batch:  # noqa: ARG001 - the case is the pair
    """Every pair of operands that there is."""
    return cases // (task.largest + 1), cases % (task.largest + 1)


@stratum("any-width", family="sums", strategy=pairs)
def _any_width(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Operands of every number of digits, the short as often as the long."""
    return shortened(task, random, len(cases)), shortened(task, random, len(cases))


def _short_and_long(task: Task) -> tuple[int, int]:
    """Return the most digits of a short operand and the fewest of a long one: 4 and 7 of 10."""
    short = max(1, 4 * task.digits // 10)
    return short, max(short + 1, 7 * task.digits // 10)


def _pairs_of_short_and_long(task: Task) -> SearchStrategy[Pair]:
    short, long = _short_and_long(task)
    return st.tuples(operands(max_digits=short, task=task), operands(min_digits=long, task=task))


@stratum(
    "short-against-long",
    family="sums",
    strategy=_pairs_of_short_and_long,
    fewest=2,
    sentence=lambda task: "An operand of at most {} digits and one of {} or more, in either order.".format(
        *_short_and_long(task)
    ),
)
def _short_against_long(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    most, least = _short_and_long(task)
    short = numbers(task, random, len(cases)) % powers(task, random, len(cases), 1, most)
    long = numbers(task, random, len(cases)) % powers(task, random, len(cases), least)
    swap = random.random(len(cases)) < 0.5
    return np.where(swap, long, short), np.where(swap, short, long)


def _near(task: Task) -> int:
    """Return how far from a power what is near it lies at most: 100, and less where operands are short."""
    return min(100, (task.largest + 1) // 10)


def _pairs_near_powers(task: Task) -> SearchStrategy[Pair]:
    near = st.builds(
        lambda power, offset: min(max(power + offset, 0), task.largest),
        st.sampled_from(_round(task).tolist()),
        st.sampled_from((0, -1, 1, -2, 2)),
    )
    return st.tuples(near, near)


def _share_near_powers(task: Task) -> float:
    reach = _near(task)
    near = {number for power in _round(task).tolist() for number in range(power - reach, power + reach + 1)}
    return float(sum(0 <= number <= task.largest for number in near) ** 2 / task.pairs)


@stratum(
    "near-powers",
    family="boundary",
    strategy=_pairs_near_powers,
    sentence=lambda task: f"Operands within {_near(task)} of a power of ten or of two.",
    share=_share_near_powers,
)
def _near_powers_of_two_and_ten(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    reach, shape = _near(task), (2, len(cases))
    near = random.choice(_round(task), shape) + random.integers(-reach, reach + 1, shape)
    a, b = near.clip(0, task.largest)
    return a, b


@st.composite
def _pairs_of_round_sums(draw: st.DrawFn, task: Task) -> Pair:
    total = 10 ** draw(st.integers(1, task.digits)) + draw(st.sampled_from((0, -1, 1)))
    a = min(draw(operands(task=task)), total)
    return max(a, total - task.largest), min(total - a, task.largest)


def _pairs_with_sum(total: int, task: Task) -> int:
    """Return how many pairs of operands have a sum."""
    return min(total, 2 * task.largest - total) + 1 if total >= 0 else 0


def _around(task: Task) -> int:
    """Return how far from a power of ten a round sum lies at most: 10, and less of one digit, whose sums end at 18."""
    return min(10, task.largest - 1)


def _share_of_round_totals(task: Task) -> float:
    around = range(-_around(task), _around(task) + 1)
    totals = {10**power + offset for power in range(1, task.digits + 1) for offset in around}
    return float(sum(_pairs_with_sum(total, task) for total in totals) / task.pairs)


@stratum(
    "round-totals",
    family="boundary",
    strategy=_pairs_of_round_sums,
    sentence=lambda task: f"Sums within {_around(task)} of a power of ten.",
    share=_share_of_round_totals,
)
def _round_sums(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    around = _around(task)
    total = powers(task, random, len(cases), 1) + random.integers(-around, around + 1, len(cases))
    a = between(task, random, (total - task.largest).clip(0), total.clip(0, task.largest))
    return a, total.clip(0) - a


@stratum("runs", family="boundary", strategy=_pairs_of(0, 9))
def _runs(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Each operand has a run of nines or of zeros among digits that are drawn."""

    def with_run(count: int) -> np.ndarray:
        span = np.sort(random.integers(0, task.digits + 1, (count, 2)))
        inside = (np.arange(task.digits) >= span[:, :1]) & (np.arange(task.digits) < span[:, 1:])
        run = random.choice([0, 9], (count, 1))
        return spell(np.where(inside, run, random.integers(0, 10, (count, task.digits))))

    return with_run(len(cases)), with_run(len(cases))


def _pairs_of_round_operands(task: Task) -> SearchStrategy[Pair]:
    zeros = task.digits // 2
    number = operands(max_digits=task.digits - zeros, task=task)
    round_operands = st.builds(lambda number, zeros: number * 10**zeros, number, st.integers(0, zeros))
    return st.tuples(round_operands, round_operands)


@stratum("trailing-zeros", family="boundary", strategy=_pairs_of_round_operands, share=0.01)
def _trailing_zeros(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Both operands end in zeros."""
    units = task.powers[random.integers(1, task.digits + 1, (2, len(cases)))]
    a, b = (numbers(task, random, len(cases)) // unit * unit for unit in units)
    return a, b


@stratum(
    "one-zero",
    family="boundary",
    strategy=lambda task: st.tuples(operands(task=task), st.just(0)),
    share=lambda task: 2 / (task.largest + 1),
)
def _one_zero(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """One operand is zero, the other of any width."""
    number = shortened(task, random, len(cases))
    left = random.random(len(cases)) < 0.5
    return np.where(left, number, 0), np.where(left, 0, number)


@stratum(
    "equal",
    family="algebra",
    strategy=lambda task: operands(task=task).map(lambda number: (number, number)),
    share=lambda task: 1 / (task.largest + 1),
)
def _equal(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Both operands are the same number."""
    number = shortened(task, random, len(cases))
    return number, number
