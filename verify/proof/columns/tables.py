"""What stands before attention, as tables: over the query's symbols and those of one other token, in intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.proof.columns.rounding import (
    FACTORS,
    FUNCTIONS,
    LARGEST,
    OF_THE_ARGUMENT,
    Interval,
    Unit,
    is_inside,
    magnitude,
    product,
    reciprocal,
    square,
)
from verify.proof.columns.step import FEW, Step, arguments
from verify.proof.weights import RefusalError

Node = list[Any]


class Tables:
    """Enclosures of every computed value of the nodes before attention.

    Attributes:
        low: by row of `place`, query symbol and the other token's symbol, (n, Q, S).
        high: (n, Q, S).
        place: row of each node.
    """

    def __init__(self, step: Step) -> None:
        """Enclose all of them; equal operations of one level at once.

        Raises:
            RefusalError: a value is not bounded.
        """
        self.step, self.unit = step, Unit.of(step.dtype)
        nodes = step.of_kind(FEW)
        self.place = {node: row for row, node in enumerate(nodes)}
        sizes = [each.size for each in step.places[:-1]]
        shape = (len(nodes), step.query.size, max([1, *sizes]))
        self.low, self.high = np.zeros(shape), np.zeros(shape)
        with np.errstate(all="ignore"):
            for group in _groups(step, nodes):
                self._enclose(group)
        if not np.all(self.high - self.low < LARGEST):
            raise RefusalError(f"at step {step.index + 1} a number before attention may be as large as any")

    def at(self, node: int, query: int) -> Interval:
        """Return a node's enclosure at a symbol of the query, by the other token's symbol, (S,)."""
        row = self.place[node]
        reads = self.step.reads[node]
        size = 1 if reads is None else self.step.places[reads].size
        return self.low[row, query, :size], self.high[row, query, :size]

    def number(self, node: int, query: int) -> tuple[float, float]:
        """Return the enclosure of a node that depends on the query alone.

        Raises:
            RefusalError: it depends on another token.
        """
        if self.step.reads[node] is not None:
            place = (self.step.reads[node] or 0) + 1
            raise RefusalError(
                f"at step {self.step.index + 1} what follows attention reads the token at position {place}: "
                "it may read that at the last position, and what attention hands on"
            )
        low, high = self.at(node, query)
        return float(low[0]), float(high[0])

    def _enclose(self, group: list[int]) -> None:
        nodes = [self.step.nodes[node] for node in group]
        rows = [self.place[node] for node in group]
        operation = nodes[0][0]
        if operation in ("const", "tok"):
            for row, node in zip(rows, nodes, strict=True):
                self.low[row] = self.high[row] = self._given(node)
            return
        low, high = self._operate(operation, nodes)
        self.low[rows], self.high[rows] = low, high

    def _given(self, node: Node) -> Any:
        if node[0] == "const":
            return np.float64(float.fromhex(node[1]))
        place = self.step.places[node[1]]
        values = self.step.tables[node[2]][place.tokens]
        if node[1] == len(self.step.places) - 1:
            return values[:, None]
        return np.pad(values, (0, self.low.shape[2] - place.size), mode="edge")[None, :]

    def _read(self, nodes: list[int]) -> Interval:
        rows = [self.place[node] for node in nodes]
        return self.low[rows], self.high[rows]

    def _operate(self, operation: str, nodes: list[Node]) -> Interval:
        if operation in ("sum", "dot"):
            return self._add_up(operation, nodes)
        read = [self._read(list(each)) for each in zip(*map(arguments, nodes), strict=True)]
        if operation == "slack":
            times = np.array([node[3] for node in nodes], float)[:, None, None]
            error = times * self.unit.u * magnitude(read[1]) + self.unit.tiny * (1 + sum(map(magnitude, read)))
            return read[0][0] - error, read[0][1] + error
        exact = self._exact(operation, *read)
        relative = magnitude(read[0]) if operation in OF_THE_ARGUMENT else magnitude(exact)
        error = FACTORS[operation] * self.unit.u * relative + (FACTORS[operation] > 0) * self.unit.tiny * (
            2 + sum(magnitude(each) for each in read)
        )
        return exact[0] - error, exact[1] + error

    def _add_up(self, operation: str, nodes: list[Node]) -> Interval:
        """Return sums, (n, Q, S), of terms that have one factor or two."""
        low = high = sizes = operands = np.zeros(1)
        terms = list(zip(*(node[1] for node in nodes), strict=True))
        for term in terms:  # of each node
            factors = [self._read(list(each)) for each in (zip(*term, strict=True) if operation == "dot" else [term])]
            value = product(*factors) if operation == "dot" else factors[0]
            low, high, sizes = low + value[0], high + value[1], sizes + magnitude(value)
            operands = operands + sum(magnitude(each) for each in factors)
        error = self.unit.sum(len(terms)) * sizes + self.unit.tiny * (len(terms) + operands)
        return low - error, high + error

    def _exact(self, operation: str, x: Interval, y: Interval | None = None) -> Interval:
        if y is None:
            if operation == "sq":
                return square(x)
            if not np.all(is_inside(operation, x)):
                raise RefusalError(f"{operation} of a number before attention that may be 0")
            low, high = FUNCTIONS[operation].range(x)
            return low, high
        if operation == "add":
            return x[0] + y[0], x[1] + y[1]
        if operation == "sub":
            return x[0] - y[1], x[1] - y[0]
        return product(x, y if operation == "mul" else reciprocal(y))


def _groups(step: Step, nodes: list[int]) -> list[list[int]]:
    """Return nodes that are computed together: of one level, one operation, one number of terms."""
    level: dict[int, int] = {}
    groups: dict[tuple[int, str, int], list[int]] = {}
    for node in nodes:
        operation = step.nodes[node][0]
        level[node] = 1 + max((level[each] for each in arguments(step.nodes[node])), default=0)
        terms = len(step.nodes[node][1]) if operation in ("sum", "dot") else 0
        groups.setdefault((level[node], operation, terms), []).append(node)
    return [groups[key] for key in sorted(groups)]
