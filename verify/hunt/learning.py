"""Where a campaign looks next: every stratum keeps a floor, and the rest goes to where something is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from verify.hunt.margins import WEAKEST
from verify.hunt.regions import STRATA
from verify.hunt.search import UNIFORM
from verify.hunt.shards import Part, Shard, pairs_below, plan, shards_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from verify.hunt.clusters import Shape
    from verify.hunt.store import Store
    from verify.hunt.work import Found

# Of all cases. The share of the uniform stratum is fixed and what it yields is ignored, so that how many cases it has
# does not depend on what was found in them: the bound on the failure rate needs a number of cases chosen beforehand.
UNIFORM_SHARE = 0.2
FLOOR = 0.5  # of the other cases: shared evenly among the other strata


@dataclass
class Yield:
    """What a stratum brought: shards, shapes of failures that were first seen there, and its smallest margin."""

    shards: int = 0
    shapes: int = 0
    margin: float | None = None


def shares(yields: Mapping[str, Yield]) -> dict[str, float]:
    """Return what part of the next cases each stratum is to have; they sum to 1.

    Beyond its floor a stratum has its part of the yields: new shapes of failures a shard, and one over the rank of its
    smallest margin, where the margins of the strata differ.
    """
    others = [name for name in yields if name != UNIFORM]
    rest = 1 - UNIFORM_SHARE if UNIFORM in yields else 1.0
    scores = _scores({name: yields[name] for name in others})
    total = sum(scores.values())
    found = {UNIFORM: UNIFORM_SHARE} if UNIFORM in yields else {}
    for name in others:
        learnt = scores[name] / total if total else 1 / len(others)
        found[name] = rest * (FLOOR / len(others) + (1 - FLOOR) * learnt)
    return found


def _scores(yields: Mapping[str, Yield]) -> dict[str, float]:
    ranks = {margin: rank for rank, margin in enumerate(sorted({y.margin for y in yields.values() if y.margin}), 1)}
    closeness = {name: 1 / ranks[y.margin] if y.margin and len(ranks) > 1 else 0.0 for name, y in yields.items()}
    return {name: y.shapes / (1 + y.shards) + closeness[name] for name, y in yields.items()}


@dataclass
class Frontier:
    """Which shards of one stratum are still to be done: those from ``number`` on, by steps, that are not ahead."""

    number: int
    step: int
    end: int | None
    ahead: set[int] = field(default_factory=set)

    def pass_over(self, number: int) -> None:
        """Take out a shard that is done."""
        self.ahead.add(number)
        while self.number in self.ahead:
            self.ahead.remove(self.number)
            self.number += self.step

    @property
    def is_open(self) -> bool:
        """Whether a shard is left."""
        return self.end is None or self.number < self.end


class Schedule:
    """The order in which a campaign's shards are handed out."""

    def __init__(self, store: Store, part: Part, *, shards: int | None) -> None:
        self._plans = shards is not None
        self._frontiers = _frontiers(part, None if shards is None else _ends(shards))
        self._yields = {name: Yield() for name in self._frontiers}
        self._given = dict.fromkeys(self._frontiers, 0)
        self._seen: set[Shape] = set()
        self._resume(store)

    def next(self) -> Shard | None:
        """Return a shard that was not handed out, or None where none is left.

        With a number of shards they come in rounds; without, from the stratum that is farthest below its share.
        """
        names = [name for name, frontier in self._frontiers.items() if frontier.is_open and self._is_ready(name)]
        if not names:
            return None
        if self._plans:
            name = min(names, key=lambda each: self._frontiers[each].number)
        else:
            share = shares({each: self._yields[each] for each in names})
            name = min(names, key=lambda each: self._given[each] / share[each])
        shard = Shard(name, self._frontiers[name].number)
        self._hand_out(shard)
        return shard

    def learn(self, found: Iterable[Found]) -> None:
        """Take in what shards brought."""
        for each in found:
            record = self._yields[each.shard.stratum]
            record.shards += 1
            shapes = {failure.shape for failure in each.failures} - self._seen
            record.shapes += len(shapes)
            self._seen |= shapes
            margins = [weak.margin for weak in each.weakest]
            record.margin = min([*margins, *([] if record.margin is None else [record.margin])], default=None)

    def _is_ready(self, name: str) -> bool:
        return name != WEAKEST or any(record.margin is not None for record in self._yields.values())

    def _hand_out(self, shard: Shard) -> None:
        self._given[shard.stratum] += pairs_below(shard.number + 1) - pairs_below(shard.number)
        self._frontiers[shard.stratum].pass_over(shard.number)

    def _resume(self, store: Store) -> None:
        for name in self._frontiers:
            for number in store.numbers(name):
                self._hand_out(Shard(name, number))
        for total in store.totals():
            record = self._yields[total.stratum]
            record.shards, record.margin = total.shards, total.margin
        for cluster in store.clusters():
            self._yields[cluster.stratum].shapes += 1
            self._seen.add(cluster.failure.shape)


def _frontiers(part: Part, ends: dict[str, int] | None) -> dict[str, Frontier]:
    found = {}
    for index, stratum in enumerate(STRATA.values()):
        end = shards_of(stratum) if ends is None else ends.get(stratum.name, 0)
        found[stratum.name] = Frontier(part.first(index), part.of, end)
    found[WEAKEST] = Frontier(part.first(len(STRATA)), part.of, None if ends is None else 0)
    return found


def _ends(shards: int) -> dict[str, int]:
    return {shard.stratum: shard.number + 1 for shard in plan(shards)}
