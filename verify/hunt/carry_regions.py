"""Strata of the carry family: where chains of carries start, run and stop."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.random import Generator

from verify.addition.oracle import GENERATE, KILL, KINDS, PROPAGATE
from verify.addition.strategies import Pair, carry_chains, pairs, pairs_of, words
from verify.addition.task import Task
from verify.hunt.draws import GENERATES, KILLS, PROPAGATES, realise
from verify.hunt.strata import Batch, stratum

MOST_LISTED = 10  # digits whose words and sets of carries are run through one by one; of more they are drawn


@cache
def _spans(places: int) -> np.ndarray:
    """Return every [start, end) of a carry chain: 55 of 10 places."""
    return np.array([(start, end) for start in range(places) for end in range(start + 1, places + 1)])


def _decimal_spans(task: Task) -> np.ndarray:
    return _spans(task.digits)


def _bit_spans(task: Task) -> np.ndarray:
    return _spans(task.free_bits)


def _is_listed(task: Task) -> bool:
    return task.digits <= MOST_LISTED


def _any_kinds(random: Generator, count: int, places: int) -> np.ndarray:
    return random.integers(0, len(KINDS), (count, places))


def _lay(kinds: np.ndarray, spans: np.ndarray, above: int | None = None) -> np.ndarray:
    """Lay a carry chain over each row's span [start, end), and a kind upon its end."""
    place = np.arange(kinds.shape[1])
    start, end = spans[:, :1], spans[:, 1:]
    laid = np.where((place > start) & (place < end), PROPAGATES, kinds)
    laid = np.where(place == start, GENERATES, laid)
    return laid if above is None else np.where(place == end, above, laid)


def _words_with_two_chains(task: Task) -> SearchStrategy[Pair]:
    """Pairs whose word has two chains in it, any word below and above."""
    chains: tuple[str, ...] = (GENERATE, PROPAGATE, KILL, GENERATE, PROPAGATE)
    if task.digits < len(chains):
        chains = (GENERATE, KILL, GENERATE)
    most_below = min(2, task.digits - len(chains))
    below = words(max_length=most_below, task=task)
    above = words(max_length=task.digits - len(chains) - most_below, task=task)
    return st.builds(lambda low, high: (*low, *chains, *high), below, above).flatmap(pairs_of)


def _words_of_one_generate(task: Task) -> SearchStrategy[Pair]:
    places = range(task.digits)
    return st.sampled_from(places).flatmap(
        lambda place: pairs_of([GENERATE if at == place else PROPAGATE for at in places])
    )


@stratum(
    "placed-chains",
    family="carry",
    strategy=lambda task: carry_chains(task=task),
    size=lambda task: len(_decimal_spans(task)),
    spans=_decimal_spans,
)
def _placed_chains(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """A carry chain of every length from every column, among columns of any kind."""
    return realise(random, _lay(_any_kinds(random, len(cases), task.digits), _decimal_spans(task)[cases]))


@stratum(
    "stopped-chains",
    family="carry",
    strategy=lambda task: carry_chains(max_length=task.digits - 1, task=task),
    fewest=2,
    size=lambda task: len(_decimal_spans(task)),
)
def _stopped_chains(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """A carry chain of every length from every column, stopped by a column that kills the carry."""
    kinds = _any_kinds(random, len(cases), task.digits)
    return realise(random, _lay(kinds, _decimal_spans(task)[cases], above=KILLS))


@stratum("two-chains", family="carry", strategy=_words_with_two_chains, fewest=3)
def _two_chains(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Two carry chains with a column between them that kills."""
    cut = np.sort(np.argsort(random.random((len(cases), task.digits + 1)))[:, :4])  # four cuts, increasing
    kinds = np.full((len(cases), task.digits), KILLS)
    return realise(random, _lay(_lay(kinds, cut[:, :2], above=KILLS), cut[:, 2:]))


@stratum(
    "one-generate",
    family="carry",
    strategy=_words_of_one_generate,
    size=lambda task: task.digits,
    # 45 of 100 pairs of digits generate, 10 propagate
    share=lambda task: task.digits * 0.45 * 0.1 ** (task.digits - 1),
)
def _one_generate(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Every column propagates but one, which generates."""
    return realise(random, np.where(np.arange(task.digits) == cases[:, None], GENERATES, PROPAGATES))


def _every(count: str, task: Task) -> str:
    return f"Every one of the {count}" if _is_listed(task) else "Any"


@stratum(
    "words",
    family="carry",
    strategy=lambda task: words(task=task).flatmap(pairs_of),
    sentence=lambda task: (
        f"{_every(f'{3**task.digits:,}', task)} words of {task.digits} columns that kill, propagate or generate."
    ),
    size=lambda task: 3**task.digits if _is_listed(task) else None,
)
def _words(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    if not _is_listed(task):
        return realise(random, _any_kinds(random, len(cases), task.digits))
    return realise(random, cases[:, None] // 3 ** np.arange(task.digits) % 3)


@stratum(
    "carry-masks",
    family="carry",
    strategy=pairs,
    sentence=lambda task: f"{_every(f'{2**task.digits:,}', task)} sets of columns that a carry leaves.",
    size=lambda task: 2**task.digits if _is_listed(task) else None,
)
def _carry_masks(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    if _is_listed(task):
        carries = cases[:, None] >> np.arange(task.digits) & 1
    else:
        carries = random.integers(0, 2, (len(cases), task.digits))
    before = np.concatenate([np.zeros((len(cases), 1), np.int64), carries[:, :-1]], axis=1)
    decided = np.where(carries == 1, GENERATES, KILLS)
    propagated = (carries == before) & (random.random(carries.shape) < 0.5)
    return realise(random, np.where(propagated, PROPAGATES, decided))


@stratum(
    "bit-chains",
    family="carry",
    strategy=lambda task: carry_chains(base=2, task=task),
    size=lambda task: len(_bit_spans(task)),
    spans=_bit_spans,
    base=2,
)
def _bit_chains(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """A carry chain of every length from every bit, among bits of any kind."""
    kinds = _any_kinds(random, len(cases), task.free_bits)
    return realise(random, _lay(kinds, _bit_spans(task)[cases]), base=2)


@stratum(
    "bit-words",
    family="carry",
    strategy=lambda task: words(base=2, task=task).flatmap(lambda word: pairs_of(word, base=2)),
)
def _bit_words(task: Task, random: Generator, cases: np.ndarray) -> Batch:
    """Words of {bits} bits in which a bit propagates as often as a drawn share says."""
    kinds = np.where(random.random((len(cases), task.free_bits)) < 0.5, KILLS, GENERATES)
    propagates = random.random((len(cases), task.free_bits)) < random.random((len(cases), 1))
    return realise(random, np.where(propagates, PROPAGATES, kinds), base=2)
