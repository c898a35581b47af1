"""A step of a recorded forward, taken apart: what stands before attention, the rows, the means, what comes after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verify.proof.columns import options
from verify.proof.weights import RefusalError

FEW, WEIGHT, MEAN, TAIL = "few", "weight", "mean", "tail"


@dataclass(frozen=True)
class Place:
    """A position of the sequence: its token's feature, of which column, and the token of each symbol."""

    feature: str
    size: int
    column: int
    symbol: np.ndarray  # (200,) of each option of the column
    tokens: np.ndarray  # (size,)

    @classmethod
    def of(cls, entry: dict[str, Any], digits: int) -> Place:
        """Return the place that an entry of the layout describes."""
        size, column, symbol = options.symbols(entry["feature"], entry["column"], digits)
        return cls(entry["feature"], size, column, symbol, np.array(entry["tokens"]))


@dataclass
class Mean:
    """An average of values by one row of weights: the row, and the value's node by position in the row, None for 1."""

    row: int
    values: dict[int, int | None]


@dataclass
class Step:
    """One step of the decoding.

    Attributes:
        index: k, counted from 0.
        nodes: of its program.
        logits: nodes of the tokens that the decoder chooses from.
        places: of the positions that it reads; the last is the query.
        target: the place of the token that it emits.
        tables: columns of embeddings, by token.
        kinds: of the nodes that the logits need, in order.
        reads: the position, besides the query, whose token a node of kind few depends on, or None.
        rows: lists of scores.
        means: by node.
    """

    index: int
    digits: int
    dtype: str
    nodes: list[list[Any]]
    logits: list[int]
    places: list[Place]
    target: Place
    tables: np.ndarray
    kinds: dict[int, str] = field(default_factory=dict)
    reads: dict[int, int | None] = field(default_factory=dict)
    rows: list[list[int]] = field(default_factory=list)
    means: dict[int, Mean] = field(default_factory=dict)

    @property
    def query(self) -> Place:
        """The place of the last token that it reads."""
        return self.places[-1]

    def of_kind(self, kind: str) -> list[int]:
        """Return the nodes of a kind, in order."""
        return [node for node, each in self.kinds.items() if each == kind]


def step_of(graph: dict[str, Any], index: int) -> Step:
    """Return a step of a graph, taken apart.

    Raises:
        RefusalError: it is no one-layer transformer in the sense of section 4.
    """
    program, digits = graph["steps"][index], graph["digits"]
    layout = [Place.of(entry, digits) for entry in [*graph["prompt"], *graph["answer"]]]
    length = len(graph["prompt"]) + index
    step = Step(
        index=index,
        digits=digits,
        dtype=graph["dtype"],
        nodes=program["nodes"],
        logits=program["logits"][: graph["choices"]],
        places=layout[:length],
        target=layout[length],
        tables=np.array([[float.fromhex(number) for number in table] for table in graph["tables"]]),
    )
    _classify(step)
    return step


def arguments(node: list[Any]) -> list[int]:
    """Return the nodes that a node reads."""
    operation = node[0]
    if operation in ("const", "tok"):
        return []
    if operation == "dot":
        return [argument for term in node[1] for argument in term]
    if operation in ("sum", "smax"):
        return list(node[1])
    return list(node[1:3]) if operation == "slack" else list(node[1:])


def _needed(step: Step) -> list[int]:
    found, stack = set[int](), list(step.logits)
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack += arguments(step.nodes[node])
    return sorted(found)


def _layers(step: Step, needed: list[int]) -> int:
    """Return how many softmaxes depend on each other, at most."""
    depths: dict[int, int] = {}
    for index in needed:
        node = step.nodes[index]
        depths[index] = max((depths[each] for each in arguments(node)), default=0) + (node[0] == "smax")
    return max(depths.values())


def _classify(step: Step) -> None:
    rows: dict[tuple[int, ...], int] = {}
    needed = _needed(step)
    if _layers(step, needed) > 1:
        raise RefusalError(
            f"at step {step.index + 1} the scores of an attention depend on what another attention found: "
            "only one layer of it can be proved"
        )
    for index in needed:
        node = step.nodes[index]
        if node[0] == "smax":
            scores = tuple(node[1])
            rows.setdefault(scores, len(rows))
            step.kinds[index] = WEIGHT
        elif not _is_mean(step, index, rows):
            _settle(step, index, rows)
    step.rows = [list(row) for row in rows]
    for logit in step.logits:  # a weight that is a logit is a mean
        _as_mean(step, logit, rows)
    if not step.means:
        raise RefusalError(f"no attention takes part in step {step.index + 1}")


def _is_mean(step: Step, index: int, rows: dict[tuple[int, ...], int]) -> bool:
    """Return whether a node is an average by weights of one row; if it is, note it."""
    node = step.nodes[index]
    terms = node[1] if node[0] == "dot" else [node[1:]] if node[0] == "mul" else []
    values: dict[int, int | None] = {}
    row = None
    for x, y in terms:
        weight, value = (x, y) if step.kinds[x] == WEIGHT else (y, x)
        if step.kinds[weight] != WEIGHT or step.kinds[value] != FEW:
            return False
        _, scores, place = step.nodes[weight]
        this = rows[tuple(scores)]
        if place in values or row not in (None, this):
            return False
        row, values[place] = this, value
    if row is None:
        return False
    step.kinds[index], step.means[index] = MEAN, Mean(row, values)
    return True


def _as_mean(step: Step, node: int, rows: dict[tuple[int, ...], int]) -> None:
    """Take a weight by itself for an average of 1 at its position and 0 elsewhere."""
    if step.kinds[node] == WEIGHT:
        _, scores, place = step.nodes[node]
        step.means.setdefault(node, Mean(rows[tuple(scores)], {place: None}))


def _settle(step: Step, index: int, rows: dict[tuple[int, ...], int]) -> None:
    """Note whether a node stands before attention or after it."""
    node = step.nodes[index]
    read = arguments(node)
    for each in read:
        _as_mean(step, each, rows)
    if {step.kinds[each] for each in read} - {FEW}:
        step.kinds[index] = TAIL
        return
    places = {step.reads[each] for each in read} - {None}
    if node[0] == "tok" and node[1] != len(step.places) - 1 and step.places[node[1]].size > 1:
        places = {node[1]}
    if len(places) > 1:
        raise RefusalError(f"at step {step.index + 1} {_mixed(sorted(each for each in places if each is not None))}")
    step.kinds[index] = FEW
    step.reads[index] = next(iter(places), None)


def _mixed(places: list[int]) -> str:
    first, second, *more = (place + 1 for place in places)
    others = f" (and of {len(more)} more)" if more else ""
    return (
        f"a number depends on the tokens at positions {first} and {second}{others}, which no softmax attention mixed: "
        "nothing else may mix positions, such as recurrence, convolution, a sum over them, or another attention"
    )
