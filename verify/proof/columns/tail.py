"""What follows attention, on many cells at once: margins at the centre, gradients, errors (docs/columns.md, section 6).

The tail is a program of variables: what attention hands on (affine in y), then sums, products, reciprocals and
functions of one variable. Those of one kind and level are computed together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.proof.columns.attention import Attention, linear_terms, number, relative_error, slack_of
from verify.proof.columns.rounding import (
    FACTORS,
    FUNCTIONS,
    OF_THE_ARGUMENT,
    Interval,
    Unit,
    is_inside,
    magnitude,
    product,
    reciprocal,
    square,
)
from verify.proof.columns.step import FEW, Step
from verify.proof.columns.tables import Tables


@dataclass(frozen=True)
class Margins:
    """Of n cells, by rival token (v).

    Attributes:
        centre: right logit minus the rival's at the centre, (v, n).
        gradient: its middle over the box, (v, r, n).
        doubt: half the width of the gradient's enclosure, (v, r, n).
        error: of the difference of logits, from all roundings, (v, n).
    """

    centre: np.ndarray
    gradient: np.ndarray
    doubt: np.ndarray
    error: np.ndarray


@dataclass
class _Sums:
    """Variables that are affine in earlier ones."""

    rows: np.ndarray  # variables computed here
    columns: np.ndarray  # variables read
    factors: np.ndarray  # (g, c)
    offs: np.ndarray  # half widths of the factors
    constants: np.ndarray  # (g, 1)
    fixed: np.ndarray  # error of the constants, (g, 1)


@dataclass
class _Products:
    """Products of two variables, or squares where both are one."""

    rows: np.ndarray
    x: np.ndarray
    y: np.ndarray
    relative: np.ndarray


@dataclass
class _Curves:
    """Functions of one variable, all of one name; "reciprocal" among them."""

    name: str
    rows: np.ndarray
    x: np.ndarray


class Tail:
    """The tail at one step and one symbol of the query."""

    def __init__(self, step: Step, tables: Tables, query: int, attention: Attention) -> None:
        """Write the tail as a program."""
        self.attention, self.unit = attention, Unit.of(step.dtype)
        self._step, self._tables, self._query = step, tables, query
        self._level: list[int] = [0] * len(attention.linear.read)
        self._place = {node: row for row, node in enumerate(attention.linear.read)}
        self._sums: dict[int, list[tuple[int, dict[int, float], dict[int, float], float, float]]] = {}
        self._products: dict[int, list[tuple[int, int, int, float]]] = {}
        self._curves: dict[tuple[int, str], list[tuple[int, int]]] = {}
        for node in attention.linear.curved:
            self._write(node)
        few = [node for node in step.logits if node not in self._place]  # logits that do not depend on attention
        for node in few:
            self._place[node] = self._sum({}, {}, *number(tables, node, query))
        self.logits = np.array([self._place[node] for node in step.logits])
        self.count = len(self._level)
        self._program = self._grouped()

    # ---- writing the program ------------------------------------------------------------------------------------

    def _new(self, *read: int) -> int:
        self._level.append(1 + max((self._level[each] for each in read), default=0))
        return len(self._level) - 1

    def _sum(self, factors: dict[int, float], offs: dict[int, float], constant: float, off: float) -> int:
        row = self._new(*factors)
        self._sums.setdefault(self._level[row], []).append((row, factors, offs, constant, off))
        return row

    def _product(self, x: int, y: int, relative: float) -> int:
        row = self._new(x, y)
        self._products.setdefault(self._level[row], []).append((row, x, y, relative))
        return row

    def _curve(self, name: str, x: int) -> int:
        row = self._new(x)
        self._curves.setdefault((self._level[row], name), []).append((row, x))
        return row

    def _write(self, node: int) -> None:
        operation, *rest = self._step.nodes[node]
        terms = linear_terms(self._step, node)
        unit = self.unit
        if terms is not None:
            relative, slack = relative_error(operation, len(terms), unit), slack_of(self._step, node, unit)
            self._place[node] = self._affine(terms, relative, inverse=operation == "div", slack=slack)
        elif operation == "dot":
            mixed: list[tuple[int, int | None, int]] = []
            for x, y in rest[0]:
                if self._step.kinds[x] == FEW or self._step.kinds[y] == FEW:
                    mixed.append((y, x, 1) if self._step.kinds[x] == FEW else (x, y, 1))
                else:
                    inner = -1 - self._product(self._place[x], self._place[y], 0.0)
                    mixed.append((inner, None, 1))
            self._place[node] = self._affine(mixed, unit.sum(len(mixed)))
        elif operation == "mul":
            self._place[node] = self._product(self._place[rest[0]], self._place[rest[1]], unit.u)
        elif operation == "sq":
            self._place[node] = self._product(self._place[rest[0]], self._place[rest[0]], unit.u)
        elif operation == "div":
            inverse = self._curve("reciprocal", self._place[rest[1]])
            if self._step.kinds[rest[0]] == FEW:
                factor, off = number(self._tables, rest[0], self._query)
                self._place[node] = self._sum({inverse: factor}, {inverse: off + 3 * unit.u * abs(factor)}, 0.0, 0.0)
            else:
                self._place[node] = self._product(self._place[rest[0]], inverse, 3 * unit.u)
        else:
            self._place[node] = self._curve(operation, self._place[rest[0]])

    def _affine(
        self,
        terms: list[tuple[int, int | None, int]],
        relative: float,
        *,
        inverse: bool = False,
        slack: tuple[int, float] | None = None,
    ) -> int:
        """Write a sum of terms; a node below 0 is a variable of the program, -1 its first."""
        factors: dict[int, float] = {}
        offs: dict[int, float] = {}
        constant = off = 0.0
        for x, factor, sign in terms:
            f, wide = (
                (float(sign), 0.0) if factor is None else number(self._tables, factor, self._query, inverse=inverse)
            )
            if x >= 0 and self._step.kinds[x] == FEW:
                c, half = number(self._tables, x, self._query)
                constant += f * c
                off += abs(f) * half + wide * (abs(c) + half) + relative * abs(f * c)
                continue
            row = -1 - x if x < 0 else self._place[x]
            factors[row] = factors.get(row, 0.0) + f
            offs[row] = offs.get(row, 0.0) + wide + relative * abs(f)  # rounding of each term by itself
        if slack is not None:
            node, times = slack
            if self._step.kinds[node] == FEW:
                c, half = number(self._tables, node, self._query)
                off += times * (abs(c) + half)
            else:
                row = self._place[node]
                factors.setdefault(row, 0.0)
                offs[row] = offs.get(row, 0.0) + times
        return self._sum(factors, offs, constant, off)

    def _grouped(self) -> list[_Sums | _Products | _Curves]:
        found: list[tuple[int, _Sums | _Products | _Curves]] = []
        for level, sums in self._sums.items():
            columns = sorted({each for _, factors, *_ in sums for each in factors})
            at = {each: i for i, each in enumerate(columns)}
            factors, offs = np.zeros((len(sums), len(columns))), np.zeros((len(sums), len(columns)))
            for i, (_, by, wide, *_) in enumerate(sums):
                for each, factor in by.items():
                    factors[i, at[each]], offs[i, at[each]] = factor, wide[each]
            rows = np.array([each[0] for each in sums])
            found.append(
                (level, _Sums(rows, np.array(columns, int), factors, offs, _column(sums, 3), _column(sums, 4)))
            )
        for level, products in self._products.items():
            rows, x, y, relative = (np.array(each) for each in zip(*products, strict=True))
            found.append((level, _Products(rows, x, y, relative[:, None])))
        for (level, name), curves in self._curves.items():
            rows, x = (np.array(each) for each in zip(*curves, strict=True))
            found.append((level, _Curves(name, rows, x)))
        return [group for _, group in sorted(found, key=lambda each: each[0])]

    # ---- running it -----------------------------------------------------------------------------------------------

    def margins(self, centre: np.ndarray, radius: np.ndarray, target: np.ndarray) -> Margins:
        """Return what is known of the margins on cells.

        Args:
            centre: of the box of y, (r, n).
            radius: of the box, (r, n), attention's error within it.
            target: the token that is right, (n,).
        """
        with np.errstate(all="ignore"):
            return _Run(self, centre, radius).margins(target)


def _column(rows: list[tuple[Any, ...]], index: int) -> np.ndarray:
    return np.array([row[index] for row in rows])[:, None]


class _Run:
    """One run over cells: values at the centre, ranges, slopes to y, local errors."""

    def __init__(self, tail: Tail, centre: np.ndarray, radius: np.ndarray) -> None:
        self.tail, self.radius = tail, radius
        count, (rank, cells) = tail.count, centre.shape
        self.c = np.zeros((count, cells))
        self.low, self.high = np.zeros((count, cells)), np.zeros((count, cells))
        self.jlow, self.jhigh = np.zeros((count, rank, cells)), np.zeros((count, rank, cells))
        self.local, self.error = np.zeros((count, cells)), np.zeros((count, cells))
        self.slopes: list[tuple[Interval, ...]] = []
        attention = tail.attention
        inputs = slice(0, len(attention.maps))
        self.c[inputs] = attention.maps @ centre + attention.constants[:, None]
        self.jlow[inputs] = self.jhigh[inputs] = attention.maps[:, :, None]
        self.local[inputs] = attention.errors[:, None] + 1e-14 * (1 + np.abs(self.c[inputs]))
        self._close(
            inputs, (np.full((len(attention.maps), cells), -np.inf), np.full((len(attention.maps), cells), np.inf)), 0.0
        )
        for group in tail._program:  # noqa: SLF001
            self.slopes.append(self._compute(group))

    def _close(self, rows: slice | np.ndarray, exact: Interval, carried: np.ndarray | float) -> None:
        """Set the ranges of variables: of the exact values, and by the mean value theorem, the narrower of both."""
        self.error[rows] = carried + self.local[rows]
        steepest = np.maximum(np.abs(self.jlow[rows]), np.abs(self.jhigh[rows]))
        reach = (steepest * self.radius).sum(axis=1) * (1 + 1e-12) + self.error[rows] + 1e-14 * np.abs(self.c[rows])
        self.low[rows] = np.fmax(exact[0] - self.local[rows], self.c[rows] - reach)
        self.high[rows] = np.fmin(exact[1] + self.local[rows], self.c[rows] + reach)

    def _at(self, rows: np.ndarray) -> Interval:
        return self.low[rows], self.high[rows]

    def _slope(self, rows: np.ndarray) -> Interval:
        return self.jlow[rows], self.jhigh[rows]

    def _compute(self, group: _Sums | _Products | _Curves) -> tuple[Interval, ...]:
        if isinstance(group, _Sums):
            return self._compute_sums(group)
        if isinstance(group, _Products):
            return self._compute_products(group)
        return self._compute_curves(group)

    def _compute_sums(self, group: _Sums) -> tuple[Interval, ...]:
        rows, columns = group.rows, group.columns
        up, down = np.maximum(group.factors, 0), np.minimum(group.factors, 0)
        size = magnitude(self._at(columns))
        self.c[rows] = group.factors @ self.c[columns] + group.constants
        exact = (
            up @ self.low[columns] + down @ self.high[columns] + group.constants,
            up @ self.high[columns] + down @ self.low[columns] + group.constants,
        )
        terms = np.abs(group.factors) @ size + np.abs(group.constants)
        self.local[rows] = (
            group.offs @ size + group.fixed + 1e-15 * terms + self.tail.unit.tiny * (4 + size.sum(axis=0))
        )
        shape = (len(rows), *self.jlow.shape[1:])
        flat = len(columns), shape[1] * shape[2]
        jlow, jhigh = (each[columns].reshape(flat) for each in (self.jlow, self.jhigh))
        self.jlow[rows] = (up @ jlow + down @ jhigh).reshape(shape)
        self.jhigh[rows] = (up @ jhigh + down @ jlow).reshape(shape)
        self._close(rows, exact, np.abs(group.factors) @ self.error[columns])
        return ()

    def _compute_products(self, group: _Products) -> tuple[Interval, ...]:
        rows, x, y = group.rows, self._at(group.x), self._at(group.y)
        same = (group.x == group.y)[:, None]
        self.c[rows] = self.c[group.x] * self.c[group.y]
        of_two, of_one = product(x, y), square(x)
        exact = np.where(same, of_one[0], of_two[0]), np.where(same, of_one[1], of_two[1])
        size = magnitude(x), magnitude(y)
        self.local[rows] = (group.relative + 1e-15) * magnitude(exact) + self.tail.unit.tiny * (2 + size[0] + size[1])
        by_x = product((x[0][:, None], x[1][:, None]), self._slope(group.y))
        by_y = product((y[0][:, None], y[1][:, None]), self._slope(group.x))
        self.jlow[rows], self.jhigh[rows] = by_x[0] + by_y[0], by_x[1] + by_y[1]
        self._close(rows, exact, size[0] * self.error[group.y] + size[1] * self.error[group.x])
        return x, y

    def _compute_curves(self, group: _Curves) -> tuple[Interval, ...]:
        rows, name, x = group.rows, group.name, self._at(group.x)
        unit, centre = self.tail.unit, self.c[group.x]
        if name == "reciprocal":
            self.c[rows] = 1 / centre
            exact = reciprocal(x)
            squared = square(exact)
            slopes = -squared[1], -squared[0]
            relative = 1e-15 * magnitude(exact)
        else:
            function = FUNCTIONS[name]
            inside = is_inside(name, x)
            self.c[rows] = function.value(centre)
            exact, slopes = function.range(x), function.slopes(x)
            exact = np.where(inside, exact[0], -np.inf), np.where(inside, exact[1], np.inf)
            slopes = np.where(inside, slopes[0], -np.inf), np.where(inside, slopes[1], np.inf)
            of = magnitude(x) if name in OF_THE_ARGUMENT else magnitude(exact)
            relative = (FACTORS[name] * unit.u + 1e-15) * of
        self.local[rows] = relative + unit.tiny * (2 + magnitude(x))
        by = product((slopes[0][:, None], slopes[1][:, None]), self._slope(group.x))
        self.jlow[rows], self.jhigh[rows] = by
        self._close(rows, exact, magnitude(slopes) * self.error[group.x])
        return (slopes,)

    def margins(self, target: np.ndarray) -> Margins:
        """Return the margins, by reverse passes for all rivals at once."""
        tail, cells = self.tail, len(target)
        tokens, rivals = np.arange(len(tail.logits)), len(tail.logits)
        low = np.zeros((rivals, tail.count, cells))
        for token, row in enumerate(tail.logits):
            low[:, row] += target == token
            low[token, row] -= 1
        high = low.copy()
        for group, slopes in zip(reversed(tail._program), reversed(self.slopes), strict=True):  # noqa: SLF001
            self._back(group, slopes, low, high)
        steepest = np.maximum(np.abs(low), np.abs(high))
        right = self.c[tail.logits[target], np.arange(cells)]
        centre = right - self.c[tail.logits]
        error = np.einsum("vkn,kn->vn", steepest, self.local) * (1 + 1e-9) + 1e-13 * (
            1 + np.abs(right) + np.abs(self.c[tail.logits])
        )
        maps = tail.attention.maps
        inputs = slice(0, len(maps))
        up, down = np.maximum(maps, 0).T, np.minimum(maps, 0).T  # (r, inputs)
        glow = up @ low[:, inputs] + down @ high[:, inputs]
        ghigh = up @ high[:, inputs] + down @ low[:, inputs]
        owed = tail.logits[target]
        columns = np.arange(cells)
        forward_low = self.jlow[owed, :, columns].T[None] - self.jhigh[tail.logits]
        forward_high = self.jhigh[owed, :, columns].T[None] - self.jlow[tail.logits]
        glow, ghigh = np.fmax(glow, forward_low), np.fmin(ghigh, forward_high)
        gradient = (glow + ghigh) / 2
        doubt = (ghigh - glow) / 2 + 1e-12 * np.abs(gradient)
        own = tokens[:, None] == target
        return Margins(
            np.where(own, np.inf, centre), gradient, np.where(own[:, None], 0.0, doubt), np.where(own, 0.0, error)
        )

    def _back(
        self, group: _Sums | _Products | _Curves, slopes: tuple[Interval, ...], low: np.ndarray, high: np.ndarray
    ) -> None:
        a = low[:, group.rows], high[:, group.rows]
        if isinstance(group, _Sums):
            up, down = np.maximum(group.factors, 0).T, np.minimum(group.factors, 0).T
            low[:, group.columns] += up @ a[0] + down @ a[1]
            high[:, group.columns] += up @ a[1] + down @ a[0]
        elif isinstance(group, _Products):
            x, y = slopes
            for read, factor in ((group.x, y), (group.y, x)):
                part = product(a, factor)
                np.add.at(low.swapaxes(0, 1), read, part[0].swapaxes(0, 1))
                np.add.at(high.swapaxes(0, 1), read, part[1].swapaxes(0, 1))
        else:
            part = product(a, slopes[0])
            np.add.at(low.swapaxes(0, 1), group.x, part[0].swapaxes(0, 1))
            np.add.at(high.swapaxes(0, 1), group.x, part[1].swapaxes(0, 1))
