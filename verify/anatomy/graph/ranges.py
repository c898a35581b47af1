"""Where the numbers of a program surely lie, whatever the tokens are and however it rounds: wide, for one purpose.

A factor of 0 hides what it multiplies, but for an infinity or what is no number: of those the product is none. So what
a program leaves out must surely be finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

Node = int
Program: TypeAlias = Any  # as `nodes` has it, which imports this module

Range = tuple[float, float]

LARGEST = 2.0**100  # far from float32's
_EVERYTHING = (-math.inf, math.inf)
_WIDER = 2.0**-10  # of a magnitude: more than a sum of thousands of numbers rounds in float32
_CURVES: dict[str, Callable[[float, float], Range]] = {
    "exp": lambda low, high: (math.exp(low), math.exp(high)) if high < 80 else _EVERYTHING,
    "tanh": lambda low, high: (math.tanh(low), math.tanh(high)),
    "sqrt": lambda low, high: (math.sqrt(low), math.sqrt(high)) if low >= 0 else _EVERYTHING,
    "rsqrt": lambda low, high: (high**-0.5, low**-0.5) if low > 1 / LARGEST else _EVERYTHING,
    "relu": lambda low, high: (max(low, 0.0), max(high, 0.0)),
    "neg": lambda low, high: (-high, -low),
    "abs": lambda low, high: (0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high))),
    "round": lambda low, high: (low, high),
    "sigmoid": lambda low, high: (-1.0, 1.0) if low <= high else _EVERYTHING,
    **dict.fromkeys(("silu", "gelu", "gelu_tanh"), lambda low, high: (min(low, -1.0), max(high, 1.0))),
}


class Ranges:
    """The ranges of a program's nodes, each found once."""

    def __init__(self, program: Program, inputs: Callable[[str, tuple[Any, ...]], Iterable[Node]]) -> None:
        self._program, self._inputs = program, inputs
        self._found: dict[Node, Range] = {}

    def is_finite(self, node: Node) -> bool:
        """Return whether a number is surely finite, and far from overflow."""
        return math.isfinite(self.of(node)[0])

    def is_divisor(self, node: Node) -> bool:
        """Return whether a number is surely finite, and far from 0."""
        low, high = self.of(node)
        return self.is_finite(node) and (low > 1 / LARGEST or high < -1 / LARGEST)

    def of(self, node: Node) -> Range:
        """Return the least and the largest value that a node may have; infinities where not even that is sure."""
        pending = [node]
        while pending:
            kind, arguments = self._program.kinds[pending[-1]], self._program.arguments[pending[-1]]
            missing = [x for x in self._inputs(kind, arguments) if x not in self._found]
            pending += missing
            if not missing:
                self._found[pending.pop()] = self._wide(kind, arguments)
        return self._found[node]

    def _wide(self, kind: str, arguments: tuple[Any, ...]) -> Range:
        read = [self._found[x] for x in self._inputs(kind, arguments)]
        if not all(map(math.isfinite, (end for each in read for end in each))):
            return _EVERYTHING
        low, high = self._of_token(kind, arguments) if not read else _of(kind, arguments, read)
        low, high = low - abs(low) * _WIDER, high + abs(high) * _WIDER
        return (low, high) if -LARGEST < low <= high < LARGEST else _EVERYTHING

    def _of_token(self, kind: str, arguments: tuple[Any, ...]) -> Range:
        if kind not in {"const", "tok", "index"}:
            return _EVERYTHING
        values = arguments if kind == "const" else [arguments[1][each] for each in self._program.feasible[arguments[0]]]
        is_finite = all(isinstance(value, float) and math.isfinite(value) for value in values)
        return (min(values), max(values)) if is_finite else _EVERYTHING


def _of(kind: str, arguments: tuple[Any, ...], read: list[Range]) -> Range:
    """Return the range of a node from those of what it reads, all finite."""
    first, last = read[0], read[-1]
    if kind in _CURVES:
        return _CURVES[kind](*first)
    found: dict[str, Callable[[], Range]] = {
        "smax": lambda: (0.0, 1.0),
        "sum": lambda: _sum(read),
        "add": lambda: _sum(read),
        "sub": lambda: _sum([first, (-last[1], -last[0])]),
        "mul": lambda: _product(first, last),
        "sq": lambda: _product(first, first, same=True),
        "div": lambda: _product(first, (1 / last[1], 1 / last[0])) if last[0] * last[1] > 0 else _EVERYTHING,
        "dot": lambda: _sum(
            [_product(p, q, same=x == y) for p, q, (x, y) in zip(read[::2], read[1::2], arguments[0], strict=True)]
        ),
        "slack": lambda: _sum([first, _product((-1.0, 1.0), (0.0, arguments[-1] * 2.0**-22 * max(map(abs, last))))]),
    }
    return found.get(kind, lambda: _EVERYTHING)()


def _sum(terms: list[Range]) -> Range:
    """Return the range of a sum in any order: of terms that are not negative none is."""
    low, high = sum(x for x, _ in terms), sum(y for _, y in terms)
    off = _WIDER * sum(max(abs(x), abs(y)) for x, y in terms)
    return (low * (1 - _WIDER) if all(x >= 0 for x, _ in terms) else low - off), high + off


def _product(x: Range, y: Range, *, same: bool = False) -> Range:
    corners = [p * q for p in x for q in y]
    return (max(min(corners), 0.0) if same else min(corners)), max(corners)
