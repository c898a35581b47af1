"""Hypothesis strategies for operands, drawn column by column, units first.

Two big integers shrink to pairs such as 2499888789 + 111211; columns shrink to 1 + 9, and to 1 + 9999 for a chain of
four. Long carry chains are built and not hoped for: uniform columns reach a chain of 8 in 17 of 2,000 draws.

All choices are integers and `choices_of` inverts `pairs`, so that a pair found elsewhere can be shrunk and replayed.
A strategy that is given no task draws for the one that is being asked, see `asking`: a claim is written before it is
known how many digits its subject adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn, SearchStrategy

from verify.addition.oracle import GENERATE, KILL, KINDS, PROPAGATE, columns
from verify.addition.task import TEN, Task

Pair = tuple[int, int]

_ASKED: ContextVar[Task] = ContextVar("asked", default=TEN)
_EXTRA_WIDTHS = 6  # draws beyond the widest are the widest: 7 of 17 pairs have all ten columns
_UNIFORM, _PROPAGATING = 0, 1


@contextmanager
def asking(task: Task) -> Iterator[None]:
    """Have strategies that are given no task draw for this one."""
    before = _ASKED.set(task)
    try:
        yield
    finally:
        _ASKED.reset(before)


def asked() -> Task:
    """Return the task that is being asked; of 10 digits where none is."""
    return _ASKED.get()


def pairs(task: Task | None = None) -> SearchStrategy[Pair]:
    """Operands of every width, each column uniform or propagating; they shrink to few and small columns."""
    return _pairs(task)


def operands(
    alphabet: Sequence[int] = range(10),
    *,
    min_digits: int = 0,
    max_digits: int | None = None,
    task: Task | None = None,
) -> SearchStrategy[int]:
    """Single operands with digits of an alphabet, units first.

    Raises:
        InvalidArgument: the alphabet is empty or holds no digit, or the bounds admit no number.
    """
    if not alphabet or not set(alphabet) <= set(range(10)):
        raise InvalidArgument(f"alphabet={list(alphabet)} must hold digits 0 to 9")
    if task is None and (min_digits, max_digits) == (0, None):
        return _operands_asked(tuple(alphabet))
    places = (task or TEN).digits
    max_digits = places if max_digits is None else max_digits
    _check_bounds("digits", min_digits, max_digits, places, least=0)
    digits = st.lists(st.sampled_from(alphabet), min_size=min_digits, max_size=max_digits)
    return digits.map(lambda found: join(found, 10))


def carry_chains(
    *, min_length: int = 1, max_length: int | None = None, base: int = 10, task: Task | None = None
) -> SearchStrategy[Pair]:
    """Operands whose longest carry chain has a length within the bounds, a generate and its propagates counted.

    Raises:
        InvalidArgument: no operands have such a chain.
    """
    places = places_of(base, task or TEN)
    if task is None and (min_length, max_length) != (1, None):
        task = TEN
    _check_bounds("length", min_length, places if max_length is None else max_length, places, least=1)
    return _carry_chains(min_length, max_length, base, task)


def words(
    *, base: int = 10, min_length: int = 0, max_length: int | None = None, task: Task = TEN
) -> SearchStrategy[tuple[str, ...]]:
    """Words over kill, propagate and generate, units first.

    Raises:
        InvalidArgument: the bounds admit no word.
    """
    places = places_of(base, task)
    max_length = places if max_length is None else max_length
    _check_bounds("length", min_length, max_length, places, least=0)
    return st.lists(st.sampled_from(KINDS), min_size=min_length, max_size=max_length).map(tuple)


@st.composite
def pairs_of(draw: DrawFn, word: Sequence[str], base: int = 10) -> Pair:
    """Operands whose columns have the kinds of a word, units first."""
    return join_pairs([draw(_columns(kind, base)) for kind in word], base)


def places_of(base: int, task: Task = TEN) -> int:
    """Return how many columns of a base can be chosen freely.

    Raises:
        InvalidArgument: the base is neither 10 nor 2.
    """
    if base not in (2, 10):
        raise InvalidArgument(f"base={base} must be 2 or 10")
    return task.digits if base == 10 else task.free_bits


def choices_of(pair: Pair) -> list[int]:
    """Return the choices by which `pairs` draws a pair, of whatever task holds it."""
    found = columns(*pair)
    while found and found[-1].a == found[-1].b == 0:
        found.pop()
    choices = [len(found)]
    for column in found:
        propagates = column.kind == PROPAGATE
        choices += [_PROPAGATING, column.a] if propagates else [_UNIFORM, column.a, column.b]
    return choices


def join(digits: Sequence[int], base: int) -> int:
    """Return the number that digits, units first, spell in a base."""
    return sum(digit * base**place for place, digit in enumerate(digits))


def join_pairs(found: Sequence[Pair], base: int) -> Pair:
    """Return the operands that columns, units first, spell in a base."""
    return join([a for a, _ in found], base), join([b for _, b in found], base)


@st.composite
def _operands_asked(draw: DrawFn, alphabet: tuple[int, ...]) -> int:
    return draw(operands(alphabet, task=asked()))


@st.composite
def _pairs(draw: DrawFn, task: Task | None) -> Pair:
    places = (task or asked()).digits
    width = min(draw(st.integers(0, places + _EXTRA_WIDTHS)), places)
    return join_pairs([draw(_any_columns()) for _ in range(width)], 10)


@st.composite
def _any_columns(draw: DrawFn) -> Pair:
    branch = draw(st.integers(_UNIFORM, _PROPAGATING))
    a = draw(st.integers(0, 9))
    return a, (9 - a if branch == _PROPAGATING else draw(st.integers(0, 9)))


@st.composite
def _columns(draw: DrawFn, kind: str, base: int) -> Pair:
    if kind == KILL:
        a = draw(st.integers(0, base - 2))
        return a, draw(st.integers(0, base - 2 - a))
    if kind == PROPAGATE:
        a = draw(st.integers(0, base - 1))
        return a, base - 1 - a
    a = draw(st.integers(1, base - 1))
    return a, draw(st.integers(base - a, base - 1))


@st.composite
def _carry_chains(draw: DrawFn, min_length: int, max_length: int | None, base: int, task: Task | None) -> Pair:
    places = places_of(base, task or asked())
    max_length = places if max_length is None else max_length
    found: list[Pair] = []
    third = places // 3
    _draw_beside(draw, found, places - min_length, max_length, base, third)
    length = draw(st.integers(min_length, min(max_length, places - len(found))))
    found += [draw(_columns(kind, base)) for kind in [GENERATE, *[PROPAGATE] * (length - 1)]]
    _draw_beside(draw, found, places, max_length, base, third, ends_chain=True)
    return join_pairs(found, base)


def _draw_beside(
    draw: DrawFn, found: list[Pair], most: int, max_length: int, base: int, third: int, *, ends_chain: bool = False
) -> None:
    """Draw columns upon those that were found, a third of all in the mean, no chain longer than the bound."""
    while len(found) < most:
        full = ends_chain or _chain_at_the_top(found, base) >= max_length
        column = draw(_columns_or_end((KILL, GENERATE) if full else KINDS, base, third))
        if column is None:
            return
        found.append(column)
        ends_chain = False


@st.composite
def _columns_or_end(draw: DrawFn, kinds: tuple[str, ...], base: int, mean: int) -> Pair | None:
    """One more column, or None: the end, after so many in the mean."""
    if draw(st.integers(0, mean)) == 0:
        return None
    return draw(_columns(draw(st.sampled_from(kinds)), base))


def _chain_at_the_top(found: Sequence[Pair], base: int) -> int:
    for length, (a, b) in enumerate(reversed(found), 1):
        if a + b >= base:
            return length
        if a + b < base - 1:
            break
    return 0


def _check_bounds(what: str, least_value: int, most_value: int, most: int, *, least: int) -> None:
    if not least <= least_value <= most_value <= most:
        raise InvalidArgument(
            f"min_{what}={least_value}, max_{what}={most_value} admit nothing; both lie between {least} and {most}"
        )
