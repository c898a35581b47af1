"""Graphs of docs/columns.md written by hand: an adder of one digit, and a program that has every kind of node."""

from __future__ import annotations

import json
from typing import Any

ONES = ("neg", "sq", "abs", "relu", "round", "sqrt", "rsqrt", "exp", "tanh", "sigmoid", "silu", "gelu", "gelu_tanh")


class Writer:
    """Numbers nodes; equal ones are one."""

    def __init__(self) -> None:
        self.nodes: list[list[Any]] = []

    def __call__(self, *node: Any) -> int:
        if list(node) not in self.nodes:
            self.nodes.append(list(node))
        return self.nodes.index(list(node))

    def number(self, value: float) -> int:
        return self("const", float(value).hex())


def adder() -> dict[str, Any]:
    """Return an adder of one digit: t = a + b, less ten times a ramp from 9 to 10, is the digit, the ramp the carry."""
    digits = list(range(10))
    return {
        "schema": "adder-graph/1",
        "digits": 1,
        "dtype": "float32",
        "vocabulary": 12,
        "choices": 11,
        "prompt": [
            {"feature": "a", "column": 0, "tokens": digits},
            {"feature": "b", "column": 0, "tokens": digits},
            {"feature": "constant", "column": 0, "tokens": [11]},
        ],
        "answer": [
            {"feature": "sum", "column": 0, "tokens": digits},
            {"feature": "sum", "column": 1, "tokens": [0, 1]},
            {"feature": "constant", "column": 0, "tokens": [10]},
        ],
        "tables": [[float(min(token, 9)).hex() for token in range(12)]],
        "steps": [_step(step) for step in range(3)],
    }


def _step(step: int) -> dict[str, Any]:
    write = Writer()
    if step == 2:
        none, one = write.number(0.0), write.number(1.0)
        return {"nodes": write.nodes, "logits": [none] * 10 + [one]}
    total = write("add", write("tok", 0, 0), write("tok", 1, 0))
    over, more = (write("relu", write("sub", total, write.number(each))) for each in (9.0, 10.0))
    ramp = write("sub", over, more)
    found = ramp if step else write("sub", total, write("mul", ramp, write.number(10.0)))
    logits = [
        write("dot", [[found, write.number(2.0 * digit)], [write.number(-(digit**2)), write.number(1.0)]])
        for digit in range(10)
    ]
    return {"nodes": write.nodes, "logits": [*logits, write.number(-100.0)]}


def every_kind() -> dict[str, Any]:
    """Return a graph whose first step has as its logits one node of every kind, all of positive numbers."""
    graph = adder()
    write = Writer()
    x, y = write("tok", 0, 0), write.number(0.75)
    positive = write("add", x, y)
    rows = [write("smax", [x, y, positive], place) for place in range(3)]
    logits = [write(kind, positive) for kind in ONES]
    logits += [write(kind, x, positive) for kind in ("add", "sub", "mul", "div")]
    logits += [write("sum", [x, y, positive]), write("dot", [[rows[0], x], [rows[1], y], [rows[2], positive]])]
    logits.append(write("slack", x, positive, 7))
    graph["vocabulary"] = graph["choices"] = len(logits)
    graph["tables"] = [[float(token % 10).hex() for token in range(len(logits))]]
    graph["steps"][0] = {"nodes": write.nodes, "logits": logits}
    for step in graph["steps"][1:]:
        step["logits"] += step["logits"][-1:] * (len(logits) - 11)
    return graph


def written(graph: dict[str, Any]) -> bytes:
    """Return a graph as JSON."""
    return json.dumps(graph).encode()
