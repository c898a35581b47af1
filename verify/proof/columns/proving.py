"""The search over a whole graph: every step, every symbol of the query, and the certificate for a checker to decide on.

That a forward does what its graph says is compared on drawn pairs, within the bounds of the search itself, and is no
part of the theorem.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from verify.anatomy.operands import of_every_option
from verify.proof.columns import options
from verify.proof.columns.search import SPARE, Found, Open, Pair, Search
from verify.proof.columns.step import Step, step_of
from verify.proof.columns.tables import Tables
from verify.text import number, plural

SCHEMA = "adder-columns/1"

_GENEROUS = 4  # shares of the time that one search may take
_LONG = 60  # pairs with long carries that are compared with the real forward


@dataclass(frozen=True)
class StepFound:
    """What the searches of one step came to.

    Attributes:
        step: counted from 1.
        rank: how many numbers attention hands on.
        cells, open: leaves in all, and of these open.
        pairs_open: pairs in the open cells, each counted as often as it is open.
        margin: the least bound of a proved cell, in logits; None where none was proved, or some by an earlier search.
        ratio: the least bound over its errors.
        seconds: CPU seconds.
        founds: what each search found, by symbol of the query.
        reach: the ranges of what attention hands on: {"query", "target", "low", "high"} by symbols.
        tightest: what it hands on in the middle of the proved cell with the least ratio; None where there is no ratio.
    """

    step: int
    rank: int
    cells: int
    open: int
    pairs_open: int
    margin: float | None
    ratio: float | None
    seconds: float
    founds: list[Found] = field(repr=False)
    reach: list[dict[str, Any]] = field(repr=False)
    tightest: list[float] | None = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return it for evidence, but for what is drawn, and the trees."""
        drawn_ = {"founds", "reach", "tightest"}
        found = {name: value for name, value in vars(self).items() if name not in drawn_}
        return found | {"pairs_open": str(self.pairs_open)}


@dataclass
class Searched:
    """What the search over a whole graph came to.

    Attributes:
        steps: by step.
        certificate: of schema adder-columns/1, without statement and record.
        wrong: pairs at which the real forward was seen to be wrong at some step.
        worst: of the open cells, the one with the lowest bound that was looked at, and its step counted from 1.
        met: the least real margin that was met, and where.
    """

    steps: list[StepFound]
    certificate: dict[str, Any]
    wrong: list[Pair]
    worst: tuple[int, Open] | None
    met: tuple[float, Pair] | None

    @property
    def is_whole(self) -> bool:
        """Whether no cell is open."""
        return not any(step.open for step in self.steps)

    @property
    def hardest(self) -> StepFound:
        """The step with the least ratio, and where cells are open one of these."""
        steps = [step for step in self.steps if step.open] or self.steps
        return min(steps, key=lambda step: math.inf if step.ratio is None else step.ratio)

    @property
    def margin(self) -> float | None:
        """The least bound of all steps, in logits; None where that of one is not known."""
        return _least([step.margin for step in self.steps])

    @property
    def ratio(self) -> float | None:
        """The least bound over its errors of all steps; None where that of one is not known."""
        return _least([step.ratio for step in self.steps])

    @property
    def cells(self) -> int:
        """How many there are in all."""
        return sum(step.cells for step in self.steps)

    @property
    def in_words(self) -> str:
        """How many cells there are, and by how much the least margin is above the errors that roundings make."""
        cells = plural(self.cells, "cell")
        if self.margin is None or self.ratio is None:
            return cells
        return f"{cells}, least bound {number(self.margin)} logits, {number(self.ratio)} times its error"


def _least(numbers: list[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return min(known) if known and len(known) == len(numbers) else None


class UnfaithfulError(Exception):
    """The real forward and the graph differ by more than roundings can; the message says where."""


def search_graph(
    graph: dict[str, Any],
    ask: Callable[[list[Pair]], np.ndarray],
    time_left: Callable[[], float],
    *,
    before: Mapping[str, Any] | None = None,
    real: Callable[[list[Pair], str], np.ndarray] | None = None,
    ways: Mapping[str, int] = MappingProxyType({"batch": 1}),
    rng: np.random.Generator | None = None,
    spare: float = SPARE,
) -> Searched:
    """Return what can be proved of a graph.

    Args:
        graph: of schema adder-graph/1.
        ask: gives the least margin of the real forward, over all steps, of each pair.
        time_left: seconds that the search may take.
        before: a certificate of the same graph, whose open leaves are searched, and whose others are kept.
        real: gives the real forward's logits of each pair, (n, K, choices), as it is called in one of the ways, to be
            compared with the graph, NaN where it was not called; None to compare nothing.
        ways: in which it is called, each with one of how many drawn pairs it is called.
        rng: of the pairs that are compared.
        spare: see `Search`.

    Raises:
        RefusalError: the method does not apply to the graph.
        UnfaithfulError: the real forward is another one.
        ValueError: what was given as a certificate of the graph is none.
    """
    layouts = [step_of(graph, index) for index in range(len(graph["steps"]))]
    left = sum(step.query.size for step in layouts)
    steps, proofs, wrong = [], [], list[Pair]()
    worst: tuple[int, Open] | None = None
    met: tuple[float, Pair] | None = None
    compared = None if real is None else _Compared(graph, real, ways, rng or np.random.default_rng())
    for step in layouts:
        begin = time.process_time()
        tables = Tables(step)
        founds, queries = list[Found](), list[dict[str, Any]]()
        rank = 0
        for query in range(step.query.size):
            ends = _deadline(time_left, left)
            left -= 1
            search = Search(step, tables, query, ask, ends, spare)
            if compared is not None:
                compared.check(search)
            found = search.run(None if before is None else _trees(before, step.index, query))
            rank = max(rank, search.attention.rank)
            founds.append(found)
            wrong += [pair for pair in found.wrong if pair not in wrong]
            queries.append({
                "means": list(step.means),
                "base": [[float(number).hex() for number in row] for row in search.attention.base],
                "trees": found.trees,
            })  # fmt: skip
            worst, met = _lower_bound(worst, found, step.index), _lower(met, found.met)
        proofs.append({"queries": queries})
        steps.append(_sum_up(step, founds, rank, time.process_time() - begin))
    return Searched(steps, {"schema": SCHEMA, "graph": graph, "steps": proofs}, wrong, worst, met)


def search_again(
    earlier: Searched,
    unproved: Sequence[tuple[int, int, int, int]],
    ask: Callable[[list[Pair]], np.ndarray],
    time_left: Callable[[], float],
    spare: float,
) -> Searched:
    """Return an earlier search with leaves split that it proved, and the checker does not; their parts are searched.

    Args:
        earlier: of a whole graph.
        unproved: of these leaves the step, the symbol of the query, the tree, and the place in it, all from 0.
        ask: as for `search_graph`.
        time_left: seconds; without any, the leaves are left open.
        spare: see `Search`.
    """
    graph, steps, wrong = earlier.certificate["graph"], list(earlier.steps), list(earlier.wrong)
    proofs = [{"queries": list(step["queries"])} for step in earlier.certificate["steps"]]
    worst, met = earlier.worst, earlier.met
    for index in sorted({place[0] for place in unproved}):
        begin = time.process_time()
        step, founds = step_of(graph, index), list(steps[index].founds)
        tables = Tables(step)
        for query in sorted({place[1] for place in unproved if place[0] == index}):
            trees = [list(tree) for tree in founds[query].trees]
            for *at, tree, leaf in unproved:
                if at == [index, query]:
                    trees[tree][leaf] = 1
            found = Search(step, tables, query, ask, time_left, spare).run(trees, splits=True)
            founds[query] = found.after(founds[query])
            wrong += [pair for pair in found.wrong if pair not in wrong]
            worst, met = _lower_bound(worst, found, index), _lower(met, found.met)
            proofs[index]["queries"][query] = proofs[index]["queries"][query] | {"trees": found.trees}
        seconds = steps[index].seconds + time.process_time() - begin
        steps[index] = _sum_up(step, founds, steps[index].rank, seconds)
    return Searched(steps, earlier.certificate | {"steps": proofs}, wrong, worst, met)


def _lower_bound(worst: tuple[int, Open] | None, found: Found, step: int) -> tuple[int, Open] | None:
    """Return the open cell with the lower bound, of one with its step and of what was found at another."""
    if found.worst is None or (worst is not None and worst[1].bound <= found.worst.bound):
        return worst
    return step + 1, found.worst


def _lower(met: tuple[float, Pair] | None, other: tuple[float, Pair] | None) -> tuple[float, Pair] | None:
    return min([each for each in (met, other) if each is not None], default=None)


def _trees(certificate: Mapping[str, Any], step: int, query: int) -> list[list[Any]]:
    try:
        found = certificate["steps"][step]["queries"][query]["trees"]
    except (IndexError, KeyError, TypeError):
        raise ValueError(f"it has no trees of step {step + 1} and symbol {query} of its query") from None
    if isinstance(found, list) and all(isinstance(tree, list) for tree in found):
        return found
    raise ValueError(f"its trees of step {step + 1} are no lists")


def _deadline(time_left: Callable[[], float], searches: int) -> Callable[[], float]:
    """Return what one of so many searches has left: some shares of the time, as most of them take little."""
    left, share = time_left(), min(1.0, _GENEROUS / searches)
    spare = left * (1 - share) if math.isfinite(left) else 0.0
    return lambda: time_left() - spare


def _sum_up(step: Step, founds: list[Found], rank: int, seconds: float) -> StepFound:
    known = [] if any(found.kept for found in founds) else founds
    margins = [found.margin for found in known if np.isfinite(found.margin)]
    ratios = [found.least for found in known if np.isfinite(found.least)]
    return StepFound(
        step=step.index + 1,
        rank=rank,
        cells=sum(found.cells for found in founds),
        open=sum(found.open for found in founds),
        pairs_open=sum(found.pairs_open for found in founds),
        margin=min(margins, default=None),
        ratio=min(ratios, default=None),
        seconds=round(seconds, 2),
        founds=founds,
        reach=[
            {"query": query, "target": target, "low": box[0].tolist(), "high": box[1].tolist()}
            for query, found in enumerate(founds)
            for target, box in found.reach
        ],
        tightest=_tightest(known),
    )


def _tightest(founds: list[Found]) -> list[float] | None:
    least = min(founds, key=lambda found: found.least, default=None)
    return None if least is None or least.tightest is None else [float(number) for number in least.tightest]


class _Compared:
    """The real forward on drawn pairs, against what the tables and the tail say of them."""

    def __init__(
        self,
        graph: dict[str, Any],
        real: Callable[[list[Pair], str], np.ndarray],
        ways: Mapping[str, int],
        rng: np.random.Generator,
    ) -> None:
        self.pairs = drawn(graph["digits"], rng)
        self.ways, self.logits = ways, {}
        for way, every in ways.items():
            pairs = self.pairs[::every]
            found = self.logits[way] = real(pairs, way)
            wanted = (len(pairs), len(graph["steps"]), graph["choices"])
            if found.shape != wanted:
                raise UnfaithfulError(f"the forward gives logits of shape {found.shape}, but should of {wanted}")

    def check(self, search: Search) -> None:
        """Compare the pairs that have this search's symbol of the query.

        Raises:
            UnfaithfulError: one differs by more than the bound of its roundings.
        """
        here = np.array([n for n, pair in enumerate(self.pairs) if _symbol(search.step, pair) == search.query], int)
        if not len(here):
            return
        centre, allowed = search.at([self.pairs[n] for n in here])
        for way, logits in self.logits.items():
            every = self.ways[way]
            some = here % every == 0
            pairs = [self.pairs[n] for n in here[some]]
            if pairs:
                _compare(search, way, pairs, logits[here[some] // every], centre[:, some], allowed[:, some])


def _compare(
    search: Search, way: str, pairs: list[Pair], logits: np.ndarray, centre: np.ndarray, allowed: np.ndarray
) -> None:
    """Compare the logits of pairs, (n, K, v), with margins and what roundings may change of them, (v, n)."""
    step = search.step.index
    logits = logits[:, step].T  # (v, n)
    owed = np.isinf(centre).argmax(axis=0)
    with np.errstate(invalid="ignore"):
        seen = logits[owed, np.arange(len(pairs))] - logits
        excess = np.where(np.isinf(centre), -np.inf, np.abs(seen - centre) - allowed)
    excess = np.where(np.isnan(logits).all(axis=0), -np.inf, excess)  # the forward was not called
    if np.all(excess <= 0):
        return
    excess = np.nan_to_num(excess, nan=np.inf)
    rival, n = np.unravel_index(int(excess.argmax()), excess.shape)
    raise UnfaithfulError(
        f"at step {step + 1} of {pairs[n][0]} + {pairs[n][1]} the forward, called so: {way}, tells the right token's "
        f"logit and token {rival}'s apart by {number(seen[rival, n], 6)}, but what was recorded of it by "
        f"{number(centre[rival, n], 6)}, and roundings explain {number(allowed[rival, n], 2)}"
    )


def _symbol(step: Step, pair: Pair) -> int:
    path = options.path_of(*pair, step.digits)
    return int(step.query.symbol[path[step.query.column]])


def drawn(digits: int, rng: np.random.Generator) -> list[Pair]:
    """Return 300 pairs of operands: 240 that show every option of every column, and 60 with long carries."""
    a = rng.integers(0, 10, (_LONG, digits))
    b = np.where(rng.random((_LONG, digits)) < 0.5, 9 - a, rng.integers(0, 10, (_LONG, digits)))
    powers = [10**place for place in range(digits)]
    numbers = (
        [sum(int(digit) * power for digit, power in zip(row, powers, strict=True)) for row in each] for each in (a, b)
    )
    return [*of_every_option(rng, digits), *zip(*numbers, strict=True)]
