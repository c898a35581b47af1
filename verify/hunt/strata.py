"""Strata: named regions of operand space, each with a seeded batch generator and a Hypothesis strategy beside it.

An author adds one in ten lines: under `stratum`, which takes the family whose claim is tested there and the strategy
that yields the same region one pair at a time, a function that draws one pair for each case number. The docstring is
the sentence that reports print:

    @stratum("round-numbers", family="boundary", strategy=lambda task: st.tuples(round_numbers, round_numbers))
    def _round_numbers(task: Task, random: Generator, cases: np.ndarray) -> Batch:
        '''Both operands end in three zeros.'''
        return tuple(numbers(task, random, len(cases)) // 1000 * 1000 for _ in "ab")

So a stratum is a rule, which holds at every width of the operands; `Rule.at` gives it for one task. A stratum with a
``size`` is exhaustive: the case numbers run through 0..size-1, shuffled, before one comes again. The strata themselves
stand in `verify.hunt.regions`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy
from numpy.random import Generator

from verify.addition.strategies import Pair
from verify.addition.task import TEN, Task

EVERY_PAIR = "every-pair"  # the stratum that leaves none out, where there are few enough

Batch = tuple[np.ndarray, np.ndarray]
Draw = Callable[[Generator, np.ndarray], Batch]
DrawAt = Callable[[Task, Generator, np.ndarray], Batch]


@dataclass(frozen=True)
class Stratum:
    """A named region of operand space.

    Attributes:
        name: what ``--stratum`` takes.
        sentence: what lies in it.
        family: the family whose claim is tested there.
        draw: draws a pair for each case number, int64 (N,), from a generator.
        strategy: draws one pair, and shrinks.
        size: the number of cases that covers it, where it is exhaustive; else None.
        fixed: whether a case is one pair, so that a second pass would bring nothing new.
        spans: where each case lays a carry chain, [start, end) in columns of ``base``, int64 (size, 2); or None.
        base: of the spans.
        share: of all pairs, how much lies in it; None where that is not known.
        task: whose pairs they are.
    """

    name: str
    sentence: str
    family: str
    draw: Draw = field(repr=False)
    strategy: SearchStrategy[Pair] = field(repr=False)
    size: int | None = None
    fixed: bool = False
    spans: np.ndarray | None = field(default=None, repr=False, compare=False)
    base: int = 10
    share: float | None = None
    task: Task = TEN

    def stream(self, seed: int) -> Stream:
        """Return the pairs of a seed; every stratum has its own."""
        return Stream(self, seed)


@dataclass(frozen=True)
class Rule:
    """A stratum at every width: what `Stratum` holds, each as it is or as a function of the task.

    Attributes:
        name, family: as of `Stratum`.
        sentence: with what `_words_of` says of the task in braces; or a function of the task.
        draw: draws for a task.
        strategy: of a task.
        fewest, most: digits with which there is such a stratum.
        options: the other attributes of `Stratum`.
    """

    name: str
    sentence: str | Callable[[Task], str]
    family: str
    draw: DrawAt = field(repr=False)
    strategy: Callable[[Task], SearchStrategy[Pair]] = field(repr=False)
    fewest: int = 1
    most: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    _made: dict[Task, Stratum] = field(default_factory=dict, init=False, repr=False, compare=False)

    def exists(self, task: Task) -> bool:
        """Return whether there is such a stratum at the width of a task."""
        return self.fewest <= task.digits <= (self.most or task.digits)

    def at(self, task: Task) -> Stratum:
        """Return the stratum of a task, the same one every time."""
        if task not in self._made:
            self._made[task] = self._make(task)
        return self._made[task]

    def _make(self, task: Task) -> Stratum:
        options = {name: value(task) if callable(value) else value for name, value in self.options.items()}
        sentence = self.sentence(task) if callable(self.sentence) else self.sentence.format(**_words_of(task))
        draw = partial(self.draw, task)
        return Stratum(self.name, sentence, self.family, draw, self.strategy(task), task=task, **options)


def _words_of(task: Task) -> dict[str, Any]:
    return {"largest": task.largest_in_words, "digits": task.digits, "bits": task.free_bits}


class Stream:
    """The pairs of one stratum and seed, in batches of any size."""

    def __init__(self, stratum: Stratum, seed: int) -> None:
        digest = hashlib.sha256(f"{stratum.name}/{seed}".encode()).digest()
        self._random = np.random.default_rng(int.from_bytes(digest[:16], "big"))
        self._stratum = stratum
        self._order = np.empty(0, np.int64)
        self.drawn = 0

    @property
    def exhausted(self) -> bool:
        """Whether every pair of a fixed stratum was drawn."""
        return self._stratum.fixed and self.drawn >= (self._stratum.size or 0)

    @property
    def complete(self) -> bool:
        """Whether the stratum is exhaustive and every case of it was drawn."""
        return self._stratum.size is not None and self.drawn >= self._stratum.size

    def take(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the next case numbers, int64 (N,), and pairs; fewer than asked where a fixed stratum ends."""
        cases = self._cases(count)
        self.drawn += len(cases)
        a, b = self._stratum.draw(self._random, cases)
        return cases, a, b

    def _cases(self, count: int) -> np.ndarray:
        size = self._stratum.size
        if size is None:
            return np.arange(self.drawn, self.drawn + count)
        if len(self._order) < count and not (self._stratum.fixed and self.drawn):
            passes = 1 if self._stratum.fixed else -(-count // size)
            shuffled = self._random.permuted(np.tile(np.arange(size), (passes, 1)), axis=1)
            self._order = np.concatenate([self._order, shuffled.ravel()])
        cases, self._order = self._order[:count], self._order[count:]
        return cases


RULES: dict[str, Rule] = {}
STRATA: dict[str, Stratum] = {}  # of 10 digits


def stratum(
    name: str,
    *,
    family: str,
    strategy: Callable[[Task], SearchStrategy[Pair]],
    sentence: Callable[[Task], str] | None = None,
    fewest: int = 1,
    most: int | None = None,
    **options: Any,
) -> Callable[[DrawAt], DrawAt]:
    """Register a batch generator as the stratum of a name; its docstring becomes the sentence.

    Args:
        name: of the stratum.
        family: of the claims.
        strategy: of a task; yields the same region one pair at a time.
        sentence: of a task, instead of the docstring.
        fewest: digits with which there is such a stratum.
        most: likewise.
        options: the other attributes of `Stratum`, each as it is or as a function of the task.
    """

    def register(draw: DrawAt) -> DrawAt:
        said = (draw.__doc__ or "").strip() if sentence is None else sentence
        RULES[name] = Rule(name, said, family, draw, strategy, fewest, most, options)
        if RULES[name].exists(TEN):
            STRATA[name] = RULES[name].at(TEN)
        return draw

    return register
