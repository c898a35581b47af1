"""A small adder as a graph of docs/columns.md, written by hand, and what it computes on every pair.

At step k attention averages the digits of columns k and k - 1 with weights 10 : 10 : 1 : 1, so that it hands on
t = 10 s_k + s_(k-1); the tail cuts t / 10 into a digit. Two columns are right; a third could not be.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DIGITS = 2
_SHARP = 20.0  # of the step that takes ten away between 9.95 and 10


class _Writer:
    def __init__(self) -> None:
        self.nodes: list[list[Any]] = []

    def add(self, *node: Any) -> int:
        self.nodes.append(list(node))
        return len(self.nodes) - 1

    def number(self, value: float) -> int:
        return self.add("const", float(value).hex())


def adder(near: float = 10.0, *, width: float = 10.0) -> dict[str, Any]:
    """Return the graph, with another weight of the near column, or another number to be taken away at ten."""
    entry = lambda feature, column: {"feature": feature, "column": column, "tokens": list(range(10))}  # noqa: E731
    prompt = [entry("a", 0), entry("a", 1), entry("b", 0), entry("b", 1)]
    prompt.append({"feature": "constant", "column": 0, "tokens": [10]})
    carry = {"feature": "sum", "column": DIGITS, "tokens": [0, 1]}
    return {
        "schema": "adder-graph/1",
        "digits": DIGITS,
        "dtype": "float32",
        "vocabulary": 11,
        "choices": 10,
        "prompt": prompt,
        "answer": [entry("sum", 0), entry("sum", 1), carry],
        "tables": [[float(digit).hex() for digit in [*range(10), 0]]],
        "steps": [_step(step, near, width) for step in range(DIGITS + 1)],
    }


def _step(step: int, near: float, width: float) -> dict[str, Any]:
    write = _Writer()
    weights = {0: {0: 1.0}, 1: {1: near, 0: 1.0}, 2: {1: near, 0: 1.0}}[step]  # of columns
    total = 2 * sum(weights.values())
    scores, values = [], []
    for column, weight in weights.items():
        for operand in (0, 1):
            scores.append(write.number(math.log(weight)))
            values.append(write.add("tok", 2 * operand + column, 0))
    row = [write.add("smax", scores, place) for place in range(len(scores))]
    mean = write.add("dot", [[weight, value] for weight, value in zip(row, values, strict=True)])
    z = write.add("mul", mean, write.number(total if step == 0 else total / near))
    over = write.add("sub", z, write.number(9.95))
    sharp = write.add("mul", over, write.number(_SHARP))
    ramp = write.add("relu", sharp)
    less = write.add("relu", write.add("sub", sharp, write.number(1.0)))
    whole = write.add("sub", ramp, less)  # 0 below 9.95, 1 from 10 on
    logits = []
    folded = -1 if step == DIGITS else write.add("sub", z, write.add("mul", whole, write.number(width)))
    for token in range(10):
        if step == DIGITS:
            factor, constant = (2.0 * token, -float(token)) if token < 2 else (0.0, -9.0)
            logits.append(
                write.add("dot", [[whole, write.number(factor)], [write.number(constant), write.number(1.0)]])
            )
            continue
        middle = token + 0.45
        terms = [[folded, write.number(2 * middle)], [write.number(-(middle**2)), write.number(1.0)]]
        logits.append(write.add("dot", terms))
    return {"nodes": write.nodes, "logits": logits}


def all_pairs() -> tuple[np.ndarray, np.ndarray]:
    """Return every pair of operands, (10^4,) each."""
    a, b = np.divmod(np.arange(10 ** (2 * DIGITS)), 10**DIGITS)
    return a, b


def margins(graph: dict[str, Any], step: int, a: np.ndarray, b: np.ndarray, kind: type = np.float64) -> np.ndarray:
    """Return right logit minus best other of operands, (N,), by an evaluation in order of writing."""
    found = logits(graph, step, a, b, kind).copy()
    target = (a + b) // 10**step % 10
    places = np.arange(len(a))
    right = found[target, places].copy()
    found[target, places] = -np.inf
    return np.asarray(right - found.max(axis=0))


def logits(graph: dict[str, Any], step: int, a: np.ndarray, b: np.ndarray, kind: type = np.float64) -> np.ndarray:
    """Return the logits of operands, (choices, N)."""
    columns = [a % 10, a // 10 % 10, b % 10, b // 10 % 10]
    values: list[Any] = []
    for name, *rest in graph["steps"][step]["nodes"]:
        read = [values[each] for each in rest if isinstance(each, int)] if name not in ("const", "tok", "smax") else []
        if name == "const":
            value: Any = np.full(len(a), float.fromhex(rest[0]), kind)
        elif name == "tok":
            value = columns[rest[0]].astype(kind)
        elif name == "smax":
            powers = np.exp(np.stack([values[each] for each in rest[0]]))
            value = powers[rest[1]] / powers.sum(axis=0)
        elif name == "dot":
            value = sum(values[x] * values[y] for x, y in rest[0])
        else:
            value = _operate(name, *read)
        values.append(value)
    return np.stack([values[each] for each in graph["steps"][step]["logits"][: graph["choices"]]])


def _operate(name: str, *read: np.ndarray) -> np.ndarray:
    if name == "sub":
        return np.asarray(read[0] - read[1])
    return np.asarray(read[0] * read[1]) if name == "mul" else np.maximum(read[0], read[0].dtype.type(0))
