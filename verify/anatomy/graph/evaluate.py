"""Evaluating a graph in numpy, many sequences at once, in its own type or another: always admissibly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from verify.anatomy.graph.read import Entry, Graph

_UNARY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "neg": np.negative,
    "sq": np.square,
    "abs": np.abs,
    "relu": lambda x: np.maximum(x, 0),
    "round": lambda x: x.astype(np.float32).astype(x.dtype),
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "exp": np.exp,
    "tanh": np.tanh,
}
_BINARY: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
}


@dataclass
class Numbers:
    """The numbers of a graph as arrays, which may be changed.

    Attributes:
        tables: float64 (N, V).
        constants: distinct ones of all steps, float64 (M,).
        places: where each stands in `constants`.
    """

    tables: np.ndarray
    constants: np.ndarray
    places: dict[float, int]

    @classmethod
    def of(cls, graph: Graph) -> Numbers:
        """Return those of a graph."""
        found = sorted({node[1] for step in graph.steps for node in step.nodes if node[0] == "const"})
        tables = np.array(graph.tables, np.float64).reshape(-1, graph.vocabulary)
        return cls(tables, np.array(found, np.float64), {number: place for place, number in enumerate(found)})


def evaluate(
    graph: Graph, step: int, tokens: np.ndarray, dtype: str | None = None, numbers: Numbers | None = None
) -> np.ndarray:  # fmt: skip
    """Return the logits of one step, (B, choices) in a type.

    Args:
        graph: what is evaluated.
        step: from 0 on.
        tokens: prompt and the answer so far, int64 (B, L + step).
        dtype: "float32" or "float64"; None for the graph's own, or float64 where float32 does not hold its constants.
        numbers: in place of the graph's.
    """
    program, kind = graph.steps[step], np.dtype(dtype or type_of(graph))
    numbers = numbers or Numbers.of(graph)
    columns = np.empty((len(program.nodes), len(tokens)), kind)
    rows: dict[tuple[int, ...], np.ndarray] = {}
    with np.errstate(all="ignore"):
        for index, node in enumerate(program.nodes):
            columns[index] = _value(node, columns, numbers, tokens, rows)
    return columns[list(program.logits)].T


def type_of(graph: Graph) -> str:
    """Return the type in which a graph is evaluated: its own, if that holds every constant."""
    with np.errstate(over="ignore"):
        holds = graph.dtype == "float64" or all(float(np.float32(number)) == number for number in graph.constants)
    return graph.dtype if holds else "float64"


def _value(
    node: tuple[Any, ...],
    columns: np.ndarray,
    numbers: Numbers,
    tokens: np.ndarray,
    rows: dict[tuple[int, ...], np.ndarray],
) -> Any:
    kind, *arguments = node
    if kind == "const":
        return numbers.constants[numbers.places[arguments[0]]]
    if kind == "tok":
        return numbers.tables[arguments[1], tokens[:, arguments[0]]]
    if kind == "sum":
        return columns[list(arguments[0])].sum(axis=0)
    if kind == "dot":
        first, second = (list(each) for each in zip(*arguments[0], strict=True))
        return (columns[first] * columns[second]).sum(axis=0)
    if kind == "smax":
        if arguments[0] not in rows:
            rows[arguments[0]] = _softmax(columns[list(arguments[0])])
        return rows[arguments[0]][arguments[1]]
    if kind in _BINARY:
        return _BINARY[kind](columns[arguments[0]], columns[arguments[1]])
    return one(kind, columns[arguments[0]])


def one(kind: str, x: np.ndarray) -> np.ndarray:
    """Return a function of one number; of what is off by some slack, the number itself."""
    from scipy import special

    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "slack": lambda x: x,
        "sigmoid": special.expit,
        "silu": lambda x: x * special.expit(x),
        "gelu": lambda x: x * special.ndtr(x),
        "gelu_tanh": lambda x: (
            x * special.expit(x.dtype.type(2 * np.sqrt(2 / np.pi)) * (x + x.dtype.type(0.044715) * x**3))
        ),
    }
    found: np.ndarray = (_UNARY.get(kind) or functions[kind])(x)
    return found


def _softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max(axis=0))
    return np.asarray(weights / weights.sum(axis=0))


def digits_of(operands: Sequence[int], count: int) -> np.ndarray:
    """Return the digits of operands, int64 (B, count), units first."""
    return np.array([[operand // 10**place % 10 for place in range(count)] for operand in operands], np.int64)


def write(layout: Sequence[Entry], a: Sequence[int], b: Sequence[int], digits: int) -> np.ndarray:
    """Return the tokens of a layout, int64 (B, L), for operands of so many digits."""
    first, second = digits_of(a, digits), digits_of(b, digits)  # (B, W)
    total, carry = np.zeros_like(first), np.zeros(len(first), np.int64)
    carries = np.zeros_like(first)  # out of each column
    for place in range(digits):
        whole = first[:, place] + second[:, place] + carry
        carry, total[:, place] = np.divmod(whole, 10)
        carries[:, place] = carry
    symbols: dict[str, Callable[[int], np.ndarray]] = {
        "constant": lambda _j: np.zeros(len(first), np.int64),
        "a": lambda j: first[:, j],
        "b": lambda j: second[:, j],
        "pair": lambda j: 10 * first[:, j] + second[:, j],
        "sum": lambda j: total[:, j] if j < digits else carry,
        "state": lambda j: total[:, j] + 10 * carries[:, j] if j < digits else carry,
    }
    columns = [np.array(entry.tokens)[symbols[entry.feature](entry.column)] for entry in layout]
    return np.stack(columns, axis=1).astype(np.int64)


def forced(graph: Graph, a: Sequence[int], b: Sequence[int], dtype: str | None = None) -> np.ndarray:
    """Return the graph's logits before every token of the right answer, float64 (B, K, choices)."""
    tokens = write([*graph.prompt, *graph.answer], a, b, graph.digits)
    length = len(graph.prompt)
    found = [evaluate(graph, step, tokens[:, : length + step], dtype) for step in range(len(graph.answer))]
    return np.stack(found, axis=1).astype(np.float64)
