"""Strata of the carry family: where chains of carries start, run and stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.random import Generator

from verify.addition.oracle import GENERATE, KILL, KINDS, PLACES, PROPAGATE
from verify.addition.strategies import BIT_PLACES, Pair, carry_chains, pairs, pairs_of, words
from verify.hunt.draws import GENERATES, KILLS, PROPAGATES, realise
from verify.hunt.strata import Batch, stratum


def _spans(places: int) -> np.ndarray:
    """Return every [start, end) of a carry chain."""
    return np.array([(start, end) for start in range(places) for end in range(start + 1, places + 1)])


_SPANS, _BIT_SPANS = _spans(PLACES), _spans(BIT_PLACES)  # 55 and 561


def _any_kinds(random: Generator, count: int, places: int = PLACES) -> np.ndarray:
    return random.integers(0, len(KINDS), (count, places))


def _lay(kinds: np.ndarray, spans: np.ndarray, above: int | None = None) -> np.ndarray:
    """Lay a carry chain over each row's span [start, end), and a kind upon its end."""
    place = np.arange(kinds.shape[1])
    start, end = spans[:, :1], spans[:, 1:]
    laid = np.where((place > start) & (place < end), PROPAGATES, kinds)
    laid = np.where(place == start, GENERATES, laid)
    return laid if above is None else np.where(place == end, above, laid)


def _words_with(chain: Sequence[str], most_below: int) -> SearchStrategy[Pair]:
    """Pairs whose word has a chain in it, any word below and above."""
    below = words(max_length=most_below)
    above = words(max_length=PLACES - len(chain) - most_below)
    return st.builds(lambda low, high: (*low, *chain, *high), below, above).flatmap(pairs_of)


@stratum("placed-chains", family="carry", strategy=carry_chains(), size=len(_SPANS), spans=_SPANS)
def _placed_chains(random: Generator, cases: np.ndarray) -> Batch:
    """A carry chain of every length from every column, among columns of any kind."""
    return realise(random, _lay(_any_kinds(random, len(cases)), _SPANS[cases]))


@stratum("stopped-chains", family="carry", strategy=carry_chains(max_length=PLACES - 1), size=len(_SPANS))
def _stopped_chains(random: Generator, cases: np.ndarray) -> Batch:
    """A carry chain of every length from every column, stopped by a column that kills the carry."""
    return realise(random, _lay(_any_kinds(random, len(cases)), _SPANS[cases], above=KILLS))


@stratum("two-chains", family="carry", strategy=_words_with((GENERATE, PROPAGATE, KILL, GENERATE, PROPAGATE), 2))
def _two_chains(random: Generator, cases: np.ndarray) -> Batch:
    """Two carry chains with a column between them that kills."""
    cut = np.sort(np.argsort(random.random((len(cases), PLACES + 1)))[:, :4])  # four cuts, increasing
    kinds = np.full((len(cases), PLACES), KILLS)
    return realise(random, _lay(_lay(kinds, cut[:, :2], above=KILLS), cut[:, 2:]))


@stratum(
    "one-generate",
    family="carry",
    strategy=st.integers(0, PLACES - 1).flatmap(
        lambda place: pairs_of([GENERATE if at == place else PROPAGATE for at in range(PLACES)])
    ),
    size=PLACES,
    share=PLACES * 0.45 * 0.1 ** (PLACES - 1),  # 45 of 100 pairs of digits generate, 10 propagate
)
def _one_generate(random: Generator, cases: np.ndarray) -> Batch:
    """Every column propagates but one, which generates."""
    return realise(random, np.where(np.arange(PLACES) == cases[:, None], GENERATES, PROPAGATES))


@stratum("words", family="carry", strategy=words().flatmap(pairs_of), size=3**PLACES)
def _words(random: Generator, cases: np.ndarray) -> Batch:
    """Every one of the 59,049 words of ten columns that kill, propagate or generate."""
    return realise(random, cases[:, None] // 3 ** np.arange(PLACES) % 3)


@stratum("carry-masks", family="carry", strategy=pairs(), size=2**PLACES)
def _carry_masks(random: Generator, cases: np.ndarray) -> Batch:
    """Every one of the 1,024 sets of columns that a carry leaves."""
    carries = cases[:, None] >> np.arange(PLACES) & 1
    before = np.concatenate([np.zeros((len(cases), 1), np.int64), carries[:, :-1]], axis=1)
    decided = np.where(carries == 1, GENERATES, KILLS)
    propagated = (carries == before) & (random.random(carries.shape) < 0.5)
    return realise(random, np.where(propagated, PROPAGATES, decided))


@stratum("bit-chains", family="carry", strategy=carry_chains(base=2), size=len(_BIT_SPANS), spans=_BIT_SPANS, base=2)
def _bit_chains(random: Generator, cases: np.ndarray) -> Batch:
    """A carry chain of every length from every bit, among bits of any kind."""
    kinds = _any_kinds(random, len(cases), BIT_PLACES)
    return realise(random, _lay(kinds, _BIT_SPANS[cases]), base=2)


@stratum("bit-words", family="carry", strategy=words(base=2).flatmap(lambda word: pairs_of(word, base=2)))
def _bit_words(random: Generator, cases: np.ndarray) -> Batch:
    """Words of 33 bits in which a bit propagates as often as a drawn share says."""
    kinds = np.where(random.random((len(cases), BIT_PLACES)) < 0.5, KILLS, GENERATES)
    propagates = random.random((len(cases), BIT_PLACES)) < random.random((len(cases), 1))
    return realise(random, np.where(propagates, PROPAGATES, kinds), base=2)
