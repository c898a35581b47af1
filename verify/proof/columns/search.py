"""Branch and bound over sets of options: one step, one symbol of the query (sections 3, 5 and 6 of docs/columns.md).

Cells that one bound decides are leaves; others are split in the column whose contributions differ most along what the
worst bound looks at. The path that makes a bound least is a pair of operands, and the best guess at a wrong sum.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from verify.proof.columns import options
from verify.proof.columns.attention import Attention, Row
from verify.proof.columns.step import Step
from verify.proof.columns.tables import Tables
from verify.proof.columns.tail import Margins, Tail
from verify.text import number, plural

Pair = tuple[int, int]

_BATCH = 192  # cells that are bounded at once
_SLACK = 1e-11  # of the prover's own sums over columns
SPARE = 1.02  # of the error bounds: the checker's are a little larger
_FIRST, _LATER = 8, 2  # iterations for a side of a box: at a root, and below, where the parent's are known
_GUESSES = 4  # pairs that are asked in a batch
_MOST_LEAVES = 20_000  # of one search: more tell nobody anything
_MOST_AFTER_A_WRONG = 2_000


@dataclass
class Open:
    """A cell that was not proved.

    Attributes:
        pairs: how many pairs it holds.
        bound: the least of its bounds; at most 0.
        linear, curvature, attention, rounding: what was taken from the margin at the centre, in logits.
        centre: that margin.
        nearest: the pair that the bound fears.
    """

    pairs: int
    bound: float
    centre: float
    linear: float
    curvature: float
    attention: float
    rounding: float
    nearest: Pair | None

    @property
    def at_risk(self) -> bool:
        """Whether rounding alone is in the way."""
        return self.bound + self.attention + self.rounding > 0

    @property
    def in_words(self) -> str:
        """How many pairs it holds, which of its terms is too large, and the pair that is nearest to being wrong."""
        terms = {
            "the change over the cell": self.linear,
            "curvature": self.curvature,
            "the error of attention": self.attention,
            "the error of what follows attention": self.rounding,
        }
        largest = max(terms, key=lambda name: terms[name])
        nearest = "" if self.nearest is None else f", nearest {self.nearest[0]} + {self.nearest[1]}"
        risk = ", at risk: only roundings exceed its margin" if self.at_risk else ""
        pairs = plural(self.pairs, "pair")
        return (
            f"{pairs}{nearest}, a margin of {number(self.centre)} logits at its centre, from which "
            f"most is taken by {largest}, {number(terms[largest])}{risk}"
        )


@dataclass
class Found:
    """What a search found.

    Attributes:
        trees: one for each symbol of the target, in preorder, as docs/columns.md writes them.
        cells, open: leaves in all, and those that are open.
        kept: how many an earlier search proved; nothing of the following is told of these.
        least: the least ratio of a proved bound, errors not taken off, to its errors.
        margin: the least of these bounds.
        met: the least real margin that was met, and where.
        wrong: pairs at which a real forward was wrong.
        worst: of the cells that cannot be split further, the one with the lowest bound; where the time ended before
            there was one, the lowest of those that were split last.
        pairs_open: pairs in open leaves.
        reach: the box of y over each root that has a path, by the target's symbol, (2, r), for drawing.
        tightest: of the proved cells, the middle, (r,), of that with the least ratio.
    """

    trees: list[list[Any]] = field(default_factory=list)
    cells: int = 0
    open: int = 0
    kept: int = 0
    least: float = np.inf
    margin: float = np.inf
    met: tuple[float, Pair] | None = None
    wrong: list[Pair] = field(default_factory=list)
    worst: Open | None = None
    pairs_open: int = 0
    reach: list[tuple[int, np.ndarray]] = field(default_factory=list)
    tightest: np.ndarray | None = None

    def after(self, earlier: Found) -> Found:
        """Return what both found, this one being of the leaves that the other left open."""
        first = min((earlier, self), key=lambda each: each.least)
        met = min([each for each in (earlier.met, self.met) if each is not None], default=None)
        return replace(
            self,
            kept=earlier.kept,
            least=first.least,
            margin=min(earlier.margin, self.margin),
            met=met,
            wrong=earlier.wrong + [pair for pair in self.wrong if pair not in earlier.wrong],
            tightest=first.tightest,
        )


@dataclass
class _Cells:
    """Cells of one level: masks, target symbols, boxes of y by row from above, names in the tree."""

    masks: np.ndarray  # (n, W, 200) bool
    targets: np.ndarray  # (n,)
    low: np.ndarray  # (rows, r, n)
    high: np.ndarray
    names: np.ndarray  # (n,)
    is_root: bool

    def __len__(self) -> int:
        return len(self.masks)

    def some(self, which: np.ndarray | slice) -> _Cells:
        return _Cells(
            self.masks[which],
            self.targets[which],
            self.low[:, :, which],
            self.high[:, :, which],
            self.names[which],
            self.is_root,
        )


@dataclass
class _Bounded:
    """Bounds of cells: by rival (v, n) where they say so."""

    margins: Margins
    bounds: np.ndarray  # (v, n)
    centre: np.ndarray  # (r, n)
    radius: np.ndarray  # (r, n), attention's error within
    off: np.ndarray  # (r, n), attention's error
    low: np.ndarray  # (rows, r, n)
    high: np.ndarray
    penalties: np.ndarray  # (W, 200, n)


class Search:
    """The search at one step and one symbol of the query."""

    def __init__(
        self,
        step: Step,
        tables: Tables,
        query: int,
        ask: Callable[[list[Pair]], np.ndarray],
        time_left: Callable[[], float],
        spare: float = SPARE,
    ) -> None:
        """Tabulate the step.

        Args:
            step: what is proved of.
            tables: of it.
            query: which symbol its query has.
            ask: gives the least real margin of each pair at this step.
            time_left: seconds; at 0 what is left stays open.
            spare: what the bounds of errors are multiplied with, since the checker's are others.

        Raises:
            RefusalError: the method does not apply.
        """
        self.step, self.query, self.ask, self.time_left, self.spare = step, query, ask, time_left, spare
        self.attention = Attention(step, tables, query)
        self.tail = Tail(step, tables, query, self.attention)
        self.found = Found()
        self._splits: dict[int, tuple[int, np.ndarray, int, int]] = {}
        self._open: set[int] = set()
        self._names = 0
        self._batches = 0
        self._split_last: Open | None = None  # what is worst where the time ends

    def run(self, before: list[list[Any]] | None = None, *, splits: bool = False) -> Found:
        """Return what was found.

        Args:
            before: trees of an earlier search, whose splits and proved leaves are kept; None to begin anew.
            splits: whether the open leaves of these trees are split whatever their bounds are.

        Raises:
            ValueError: these are no trees of this step.
        """
        roots = self._roots()
        self._names = len(roots)
        queue = deque([roots if before is None else self._grown(roots, before)])
        while queue:
            cells = queue.popleft()
            while queue and len(cells) < _BATCH and queue[0].is_root == cells.is_root:
                cells = _join(cells, queue.popleft())
            if len(cells) > _BATCH:
                queue.appendleft(cells.some(slice(_BATCH, None)))
                cells = cells.some(slice(_BATCH))
            most = _MOST_AFTER_A_WRONG if self.found.wrong else _MOST_LEAVES
            if self.time_left() <= 0 or self._names > 2 * most:
                self._give_up(cells)
                continue
            children = self._bound_and_split(cells, splits=splits and cells.is_root)
            if children is not None:
                queue.append(children)
        if self._open and self.found.worst is None:
            self.found.worst = self._split_last
        self.found.trees = [self._tree(name) for name in range(len(roots))]
        self.found.cells = sum(tree.count(0) + tree.count(1) for tree in self.found.trees)
        self.found.open = sum(tree.count(1) for tree in self.found.trees)
        return self.found

    def at(self, pairs: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
        """Return of pairs with this symbol of the query each margin, (v, n), and by what roundings may change it.

        Margins are in real arithmetic, and infinite for the right token.
        """
        digits = self.step.digits
        masks = np.zeros((len(pairs), digits, options.COUNT), bool)
        for mask, (a, b) in zip(masks, pairs, strict=True):
            mask[np.arange(digits), options.path_of(a, b, digits)] = True
        column = masks[:, self.step.target.column].argmax(axis=1)
        targets = self.step.target.symbol[column]
        nothing = np.zeros((len(self.attention.rows), self.attention.rank, len(masks)))
        cells = _Cells(masks, targets, nothing, nothing, np.arange(len(masks)), is_root=True)
        bounded = self._bound(cells, _penalties(masks))
        margins, radius = bounded.margins, bounded.radius
        allowed = (np.abs(margins.gradient) * radius).sum(axis=1) + (margins.doubt * radius).sum(axis=1) + margins.error
        return margins.centre, allowed

    def _roots(self) -> _Cells:
        step = self.step
        whole = np.ones((step.digits, options.COUNT), bool)
        whole[0] &= options.CARRY == 0
        if step.query.size > 1:
            whole[step.query.column] &= step.query.symbol == self.query
        masks = np.repeat(whole[None], step.target.size, axis=0)
        for symbol in range(step.target.size):
            masks[symbol, step.target.column] &= step.target.symbol == symbol
        nothing = np.zeros((len(self.attention.rows), self.attention.rank, len(masks)))
        targets = np.arange(len(masks))
        return _Cells(masks, targets, nothing, nothing, targets, is_root=True)

    def _bound_and_split(self, cells: _Cells, *, splits: bool) -> _Cells | None:
        """Decide the cells that one bound decides, if any may be decided; return the others, split."""
        penalties = _penalties(cells.masks)
        is_possible = np.isfinite(options.least(penalties))
        if not is_possible.all():
            cells, penalties = cells.some(is_possible), np.ascontiguousarray(penalties[:, :, is_possible])
        if not len(cells):
            return None
        bounded = self._bound(cells, penalties)
        if not self.found.reach:  # the roots
            self._note_reach(cells, bounded)
        columns = np.arange(len(cells))
        worst = bounded.bounds.argmin(axis=0)
        least = bounded.bounds[worst, columns]
        is_proved = (least > 0) & (not splits)
        errors = self._errors(bounded)[worst, columns]
        if is_proved.any():
            found = self.found
            whole = (least + errors)[is_proved]
            ratios = whole / errors[is_proved]
            found.margin = min(found.margin, float(whole.min()))
            if ratios.min() < found.least:
                found.least = float(ratios.min())
                found.tightest = bounded.centre[:, np.flatnonzero(is_proved)[ratios.argmin()]]
        left = np.flatnonzero(~is_proved)
        if not len(left):
            return None
        return self._split(cells.some(left), _select(bounded, left), worst[left])

    def _grown(self, roots: _Cells, trees: list[list[Any]]) -> _Cells:
        """Note the splits of trees; return their open leaves, as cells of which nothing else is known."""
        if len(trees) != len(roots):
            raise ValueError(f"there are {len(trees)} trees, but should be {len(roots)}")
        possible = roots.some(np.isfinite(options.least(_penalties(roots.masks))))
        if len(possible):
            self._note_reach(possible, self._bound(possible, _penalties(possible.masks)))
        masks, targets, names = list[np.ndarray](), list[int](), list[int]()
        for root, tree in enumerate(trees):
            pending = [(root, roots.masks[root])]
            for node in tree:
                if not pending:
                    raise ValueError("a tree goes on after its end")
                name, mask = pending.pop()
                if node == 1:
                    masks.append(mask)
                    targets.append(root)
                    names.append(name)
                elif node == 0:
                    self.found.kept += options.pairs_in(mask) > 0
                else:
                    pending += self._split_again(name, mask, *options.read_split(node, self.step.digits))
            if pending:
                raise ValueError("a tree ends too early")
        nothing = np.zeros((len(self.attention.rows), self.attention.rank, len(masks)))
        kept = np.array(masks, bool).reshape(len(masks), *roots.masks.shape[1:])
        return _Cells(kept, np.array(targets, int), nothing, nothing, np.array(names, int), is_root=True)

    def _split_again(self, name: int, mask: np.ndarray, column: int, left: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """Note a split; return both parts by name, the one that comes first in a tree at the end."""
        first, second = self._names, self._names + 1
        self._names += 2
        self._splits[name] = (column, left, first, second)
        parts = []
        for part, inside in ((second, ~left), (first, left)):
            parts.append((part, mask.copy()))
            parts[-1][1][column] &= inside
        return parts

    # ---- bounds ---------------------------------------------------------------------------------------------------

    def _bound(self, cells: _Cells, penalties: np.ndarray) -> _Bounded:
        low, high = np.empty_like(cells.low), np.empty_like(cells.high)
        off = np.repeat(self.attention.off[:, None], len(cells), axis=1)
        ranges = []
        for index, row in enumerate(self.attention.rows):
            ranges.append(self._denominators(row, penalties))
            self._box(row, ranges[-1], penalties, cells, index, low[index], high[index])
            off += self._doubt(row, ranges[-1], penalties, low[index], high[index])
        centre = (low + high).sum(axis=0) / 2
        radius = np.maximum((high - low).sum(axis=0) / 2, 0) + off
        tokens = self.step.target.tokens[cells.targets]
        margins = self.tail.margins(centre, radius, tokens)
        rest = margins.centre - self.spare * ((margins.doubt * radius).sum(axis=1) + margins.error)
        bounds = rest - (np.abs(margins.gradient) * radius).sum(axis=1)
        bounds = np.where(np.isnan(bounds), -np.inf, bounds)
        bounds[tokens, np.arange(len(cells))] = np.inf
        bounded = _Bounded(margins, bounds, centre, radius, off, low, high, penalties)
        self._tighten(bounded, rest, ranges)
        return bounded

    def _note_reach(self, cells: _Cells, bounded: _Bounded) -> None:
        """Keep the boxes of y, for drawing."""
        radius = bounded.radius - bounded.off
        self.found.reach = [
            (int(symbol), np.stack([bounded.centre[:, n] - radius[:, n], bounded.centre[:, n] + radius[:, n]]))
            for n, symbol in enumerate(cells.targets)
        ]

    def _tighten(self, bounded: _Bounded, rest: np.ndarray, ranges: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Take the exact range of the linear part where the box of it was not enough."""
        for rival, bounds in enumerate(bounded.bounds):
            gradient = bounded.margins.gradient[rival]
            some = np.flatnonzero((bounds <= 0) & (rest[rival] > 0) & np.isfinite(gradient).all(axis=0))
            if not len(some):
                continue
            w, penalties = np.ascontiguousarray(gradient[:, some]), bounded.penalties[:, :, some]
            total = -(w * bounded.centre[:, some]).sum(axis=0) - (np.abs(w) * bounded.off[:, some]).sum(axis=0)
            for index, row in enumerate(self.attention.rows):
                middle = (bounded.low[index][:, some] + bounded.high[index][:, some]) / 2
                denominators = ranges[index][0][some], ranges[index][1][some]
                total += _support(row, w, penalties, denominators, (w * middle).sum(axis=0), _LATER)
            bounds[some] = np.maximum(bounds[some], rest[rival, some] + total)

    def _denominators(self, row: Row, penalties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weight = row.weight[:, :, None]
        least = options.least(weight + penalties) + row.fixed[0]
        most = row.fixed[0] - options.least(penalties - weight)
        return least * (1 - 1e-12), most * (1 + 1e-12)

    def _box(
        self,
        row: Row,
        denominators: tuple[np.ndarray, np.ndarray],
        penalties: np.ndarray,
        cells: _Cells,
        index: int,
        low: np.ndarray,
        high: np.ndarray,
    ) -> None:
        """Set the box of a row's part of y, (r, n), both sides of each axis."""
        iterations = _FIRST if cells.is_root else _LATER
        for axis in range(self.attention.rank):
            if not row.moment[:, :, axis].any() and not row.fixed[1][axis]:
                low[axis] = high[axis] = 0.0
                continue
            w = np.zeros((self.attention.rank, len(cells)))
            w[axis] = 1.0
            low[axis] = _support(row, w, penalties, denominators, cells.low[index, axis], iterations)
            high[axis] = -_support(row, -w, penalties, denominators, -cells.high[index, axis], iterations)

    def _doubt(
        self,
        row: Row,
        denominators: tuple[np.ndarray, np.ndarray],
        penalties: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
    ) -> np.ndarray:
        """Return by what the computed y may be off for the weights' sake, (r, n)."""
        doubt = row.fixed[2] - options.least(penalties - row.doubt[:, :, None])
        least = np.maximum(denominators[0] - doubt, 1e-300)
        off = np.empty_like(low)
        for axis in range(self.attention.rank):
            spread = row.fixed[3][axis] - options.least(penalties - row.spread[:, :, axis, None])
            far = np.maximum(np.abs(low[axis] - row.middle[axis]), np.abs(high[axis] - row.middle[axis]))
            off[axis] = (spread + doubt * far) / least * (1 + 1e-6)
        return off

    def _errors(self, bounded: _Bounded) -> np.ndarray:
        """Return what roundings take from each bound, (v, n)."""
        attention: np.ndarray = (np.abs(bounded.margins.gradient) * bounded.off).sum(axis=1)
        total: np.ndarray = attention + bounded.margins.error + 1e-300
        return total

    # ---- splitting ------------------------------------------------------------------------------------------------

    def _split(self, cells: _Cells, bounded: _Bounded, worst: np.ndarray) -> _Cells | None:
        columns = np.arange(len(cells))
        direction = self._direction(bounded, worst)
        contributions = self._contributions(bounded, direction)  # (W, 200, n)
        self._guess(bounded, contributions, bounded.bounds[worst, columns])
        high = np.where(np.isinf(bounded.penalties), -np.inf, contributions).max(axis=1)
        low = np.where(np.isinf(bounded.penalties), np.inf, contributions).min(axis=1)
        splits = np.where(cells.masks.sum(axis=2).T > 1, high - low + 1e-300, -1.0)  # (W, n)
        column = splits.argmax(axis=0)
        can = splits[column, columns] > 0
        self._give_up(cells.some(~can))
        self._note_worst(cells, bounded, worst, contributions)
        kept = np.flatnonzero(can)
        if not len(kept):
            return None
        cut = (high[column, columns] + low[column, columns]) / 2
        goes_left = contributions[column, :, columns] <= cut[:, None]  # (n, 200)
        inside = cells.masks[columns, column]
        stuck = ~((goes_left & inside).any(axis=1) & (~goes_left & inside).any(axis=1))
        for n in np.flatnonzero(stuck & can):  # all alike along the direction: any half
            members = np.flatnonzero(inside[n])
            goes_left[n] = np.isin(np.arange(options.COUNT), members[: len(members) // 2])
        left, right = cells.masks.copy(), cells.masks.copy()
        left[columns, column] &= goes_left
        right[columns, column] &= ~goes_left
        names = self._names + np.arange(2 * len(kept))
        self._names += len(names)
        for place, n in enumerate(kept):
            first, second = int(names[place]), int(names[len(kept) + place])
            self._splits[int(cells.names[n])] = (int(column[n]), left[n, column[n]], first, second)
        twice = np.concatenate([kept, kept])
        return _Cells(
            np.concatenate([left[kept], right[kept]]),
            cells.targets[twice],
            bounded.low[:, :, twice],
            bounded.high[:, :, twice],
            names,
            is_root=False,
        )

    def _direction(self, bounded: _Bounded, worst: np.ndarray) -> np.ndarray:
        """Return along what to split, (r, n): the worst rival's gradient, or the axis in which that is least known."""
        columns = np.arange(len(worst))
        gradient = bounded.margins.gradient[worst, :, columns].T
        gradient = np.where(np.isfinite(gradient), gradient, 1.0)
        gradient = np.where(np.abs(gradient).sum(axis=0) > 0, gradient, 1.0)
        second = bounded.margins.doubt[worst, :, columns].T * bounded.radius
        second = np.where(np.isfinite(second), second, np.where(np.isnan(second), 0, 1e300))
        first = (np.abs(gradient) * bounded.radius).sum(axis=0)
        is_curved = second.sum(axis=0) > first
        axis = np.zeros_like(gradient)
        axis[second.argmax(axis=0), columns] = 1.0
        return np.where(is_curved, axis, gradient)

    def _contributions(self, bounded: _Bounded, direction: np.ndarray) -> np.ndarray:
        """Return what each option adds to the direction's numerator, beyond its share of the mean, (W, 200, n)."""
        total = np.zeros(bounded.penalties.shape)
        for index, row in enumerate(self.attention.rows):
            middle = (direction * (bounded.low[index] + bounded.high[index]) / 2).sum(axis=0)
            total += row.moment @ direction - row.weight[:, :, None] * middle
        return total

    def _guess(self, bounded: _Bounded, contributions: np.ndarray, least: np.ndarray) -> None:
        """Ask for the pairs that make the lowest bounds, now and then."""
        self._batches += 1
        if self._batches > 5 and self._batches % 5:
            return
        pairs = [
            options.operands(path)
            for n in np.argsort(least)[:_GUESSES]
            if (path := options.least_path(contributions[:, :, n] + bounded.penalties[:, :, n])) is not None
        ]
        if not pairs:
            return
        real = self.ask(pairs)
        lowest = int(np.argmin(real))
        if self.found.met is None or real[lowest] < self.found.met[0]:
            self.found.met = float(real[lowest]), pairs[lowest]
        self.found.wrong += [pair for pair, margin in zip(pairs, real, strict=True) if not margin > 0]

    def _note_worst(self, cells: _Cells, bounded: _Bounded, worst: np.ndarray, contributions: np.ndarray) -> None:
        """Keep the cell with the lowest bound of those that stay open for good, and else of those that are split."""
        columns = np.arange(len(cells))
        least = bounded.bounds[worst, columns]
        open_ = [n for n in range(len(cells)) if int(cells.names[n]) in self._open]
        n = min(open_ or range(len(cells)), key=lambda each: least[each])
        if open_ and self.found.worst is not None and self.found.worst.bound <= least[n]:
            return
        gradient = np.abs(bounded.margins.gradient[worst[n], :, n])
        path = options.least_path(contributions[:, :, n] + bounded.penalties[:, :, n])
        cell = Open(
            pairs=options.pairs_in(cells.masks[n]),
            bound=float(least[n]),
            centre=float(bounded.margins.centre[worst[n], n]),
            linear=float(gradient @ (bounded.radius - bounded.off)[:, n]),
            curvature=float(bounded.margins.doubt[worst[n], :, n] @ bounded.radius[:, n]),
            attention=float(gradient @ bounded.off[:, n]),
            rounding=float(bounded.margins.error[worst[n], n]),
            nearest=None if path is None else options.operands(path),
        )
        if open_:
            self.found.worst = cell
        else:
            self._split_last = cell

    def _give_up(self, cells: _Cells) -> None:
        """Leave cells open for good."""
        for mask, name in zip(cells.masks, cells.names.tolist(), strict=True):
            self._open.add(name)
            self.found.pairs_open += options.pairs_in(mask)

    def _tree(self, root: int) -> list[Any]:
        tree: list[Any] = []
        stack = [root]
        while stack:
            name = stack.pop()
            if name not in self._splits:
                tree.append(1 if name in self._open else 0)
                continue
            column, left, first, second = self._splits[name]
            tree.append([column, options.mask(left)])
            stack += [second, first]
        return tree


def _support(
    row: Row,
    w: np.ndarray,
    penalties: np.ndarray,
    denominators: tuple[np.ndarray, np.ndarray],
    start: np.ndarray,
    iterations: int,
) -> np.ndarray:
    """Return a lower bound of w . y over each cell, (n,), for one row, w being (r, n), by Dinkelbach's iteration."""
    least, most = denominators
    numerator, fixed = row.moment @ w, row.fixed[1] @ w  # (W, 200, n), (n,)
    best, t = np.full(w.shape[1], -np.inf), start
    is_settled = bool(np.all(most - least < 1e-11 * most))
    for _ in range(iterations):
        value = options.least(numerator - row.weight[:, :, None] * t + penalties) + fixed - row.fixed[0] * t
        t = t + np.where(value < 0, value / least, value / most)
        best = np.maximum(best, t)
        if is_settled or np.all(np.abs(value) < 1e-6 * least):
            break
    found: np.ndarray = best - _SLACK * (1 + np.abs(best))
    return found


def _penalties(masks: np.ndarray) -> np.ndarray:
    """Return 0 for the options in cells and infinity for others, (W, 200, n)."""
    return np.where(np.ascontiguousarray(masks.transpose(1, 2, 0)), 0.0, np.inf)


def _select(bounded: _Bounded, some: np.ndarray) -> _Bounded:
    margins = bounded.margins
    return _Bounded(
        Margins(
            margins.centre[:, some], margins.gradient[:, :, some], margins.doubt[:, :, some], margins.error[:, some]
        ),
        bounded.bounds[:, some],
        bounded.centre[:, some],
        bounded.radius[:, some],
        bounded.off[:, some],
        bounded.low[:, :, some],
        bounded.high[:, :, some],
        bounded.penalties[:, :, some],
    )


def _join(first: _Cells, second: _Cells) -> _Cells:
    return _Cells(
        np.concatenate([first.masks, second.masks]),
        np.concatenate([first.targets, second.targets]),
        np.concatenate([first.low, second.low], axis=2),
        np.concatenate([first.high, second.high], axis=2),
        np.concatenate([first.names, second.names]),
        first.is_root,
    )
