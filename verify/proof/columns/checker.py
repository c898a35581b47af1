"""Checks a theorem about an adder of one layer: the standard library alone, no line shared with the prover.

Run it as ``python checker.py CERTIFICATE``: 0 accepted, 1 rejected, 2 no certificate. It is written from
docs/columns.md, whose sections it names. From the graph it derives tables, kinds, sums over columns, enclosures and
error bounds, all of them itself, and shows each leaf; from the certificate it takes the trees, which say what to show,
and a choice of coordinates.

Its own arithmetic is IEEE double, to nearest. A *ball* (m, r) is the interval [m - r, m + r] of real numbers. Radii and
error bounds are sums of terms that are not negative, so that n roundings understate them by at most a factor of
1 - n 2^-53; each is grown by GROW = 1 + 2^-40, which pays for 8,000 of them, and no sum has more than LONGEST terms.
TINY pays for what underflows. Middles err by at most n 2^-53 of the sum of their terms' magnitudes, and each place says
how that is paid. Every comparison that accepts is written so that nan rejects.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import itemgetter, mul
from pathlib import Path
from typing import Any

SCHEMA, GRAPH_SCHEMA = "adder-columns/1", "adder-graph/1"
U = {"float32": 2.0**-24, "float64": 2.0**-53}
H = {"float32": 2.0**-126, "float64": 2.0**-1022}
HUGE, SMALL = 2.0**120, 2.0**-100  # section 2: beyond these nothing is proved
LARGEST_SINGLE = 2.0**128 - 2.0**103  # from here on float32 has only infinity
LARGEST = 2.0**60  # of a number of the tail that is not linear; what is linear in such is below HUGE, shown once
LONGEST = 4096  # terms of a sum, scores of a row, tokens of a layout
BYTES = 1 << 28  # of a certificate
GROW, TINY, EPS = 1 + 2.0**-40, 2.0**-1000, 2.0**-53
# libm's exp, erfc, tanh and expm1 err by a few units of the last place at most (glibc states 1 to 5, others are like
# it); this is 512 of them, and pays for the few operations around the call as well.
LIBM = 2.0**-44
INFLATED = 1 + 2.0**-20  # pays for the roundings of a whole pass over the tail: few dozen levels of sums
BOXES, ROUNDS = 96, 6  # boxes a leaf, sweeps for an extreme
NEAR = 2.0**-10  # of the width of a box: an extreme that is known so well is not looked at again
SEEN = 10  # objections that are told: of leaves, and of all else

ASSUMPTIONS = {
    "graph": "The graph is what is proved of. That a program computes it, decodes greedily and reads these tokens as "
    "digits is no part of the theorem.",
    "operations": "u is 2^-24 for float32 and 2^-53 for float64. Against the exact function of the computed arguments, "
    "add, sub, mul, sq and round err by at most u of the result, div by 3 u, sqrt by 3 u, rsqrt by 4 u, exp by 40 u, "
    "tanh and sigmoid by 16 u; silu and gelu_tanh by 8 u of the argument's magnitude, gelu by 13 u; slack by as many u "
    "of its second argument's magnitude as it says; neg, abs and relu not at all; a constant that is no number of the "
    "dtype by u.",
    "sums": "A sum of n terms or products errs by at most (n + 1) u / (1 - (n + 1) u) of the sum of its terms' "
    "magnitudes: its terms are added in any order, products fused into it or not.",
    "small numbers": "Results and operands below the smallest normal number h may become 0: beside the above an "
    "operation errs by at most 2 h times the number of its terms or operands and the sum of their magnitudes, a "
    "division by 2 h / |divisor| more.",
    "softmax": "Of each score the largest computed score of the row is subtracted, with one rounding; exp errs by at "
    "most 40 u of its result, and by h. The exponentials are computed once for all means over a row. They are divided "
    "by their sum before or after they weigh values, every sum in any order. Masked positions have a weight of exactly "
    "0.",
    "range": "What is proved includes that no result and no partial sum reaches 2^120 in magnitude, and that divisors "
    "and arguments of sqrt and rsqrt have magnitudes of at least 2^-100.",
    "checker": "The checker's own numbers are IEEE doubles, rounded to nearest; its library's exp, erfc, tanh and "
    "expm1 err by at most 2^-46 of the result.",
}

Ball = tuple[float, float]
Form = dict[int, float]  # a linear combination: factors by key
Functional = dict[int, float]  # of the magnitudes of the tail's numbers, by key: an upper bound of something


class Rejected(ValueError):  # noqa: N818 - what the checker says, not what went wrong with it
    """The certificate cannot be followed; the message names the place and the value."""


class Unbounded(ArithmeticError):  # noqa: N818 - a finding
    """On this box no bound holds: a number may overflow, or a divisor come near to 0."""


class OutOfTime(Exception):  # noqa: N818 - a finding
    """The time that the caller gave is used up."""


# --- Balls -----------------------------------------------------------------------------------------------------------


def ball(low: float, high: float) -> Ball:
    """Return a ball around an interval: both differences err by 2^-53 of themselves, which GROW pays for."""
    middle = 0.5 * low + 0.5 * high
    return middle, max(high - middle, middle - low) * GROW + TINY


def ends(x: Ball) -> tuple[float, float]:
    """Return floats around a ball."""
    return math.nextafter(x[0] - x[1], -math.inf), math.nextafter(x[0] + x[1], math.inf)


def size(x: Ball) -> float:
    """Return an upper bound of the magnitudes in a ball."""
    return (abs(x[0]) + x[1]) * GROW


def plus(x: Ball, y: Ball) -> Ball:
    """Return a ball around the sums."""
    middle = x[0] + y[0]
    return middle, (x[1] + y[1] + abs(middle) * EPS) * GROW + TINY


def times(x: Ball, y: Ball) -> Ball:
    """Return a ball around the products."""
    middle = x[0] * y[0]
    return middle, (abs(x[0]) * y[1] + x[1] * (abs(y[0]) + y[1]) + abs(middle) * EPS) * GROW + TINY


def inverse(y: Ball) -> Ball:
    """Return a ball around the reciprocals: |1/y - 1/m| <= r / (|m| (|m| - r)).

    Raises:
        Unbounded: the divisor may be smaller than section 2 allows.
    """
    least = (abs(y[0]) - y[1]) * (1 - 2.0**-50)
    if not least >= SMALL:
        raise Unbounded(f"a divisor in {_short(y)} may be smaller than 2^-100")
    middle = 1 / y[0]
    return middle, (y[1] / (abs(y[0]) * least) + abs(middle) * EPS) * GROW + TINY


def both(x: Ball, y: Ball) -> Ball:
    """Return a ball around what is in both of two, which is something."""
    if abs(x[0] - y[0]) + min(x[1], y[1]) <= max(x[1], y[1]):  # one holds the other
        return x if x[1] <= y[1] else y
    (a, b), (c, d) = ends(x), ends(y)
    return ball(max(a, c), min(b, d))


def around(x: Ball, slopes: list[Ball], radius: list[float], error: float) -> Ball:
    """Return a ball around a number at the centre of a box, and around what it may be elsewhere in it, and off."""
    return x[0], (x[1] + sum((abs(m) + r) * wide for (m, r), wide in zip(slopes, radius, strict=True)) + error) * GROW


def corners(x: Ball, y: Ball) -> tuple[float, float]:
    """Return numbers around the products, from the four corners."""
    (a, b), (c, d) = ends(x), ends(y)
    products = (a * c, a * d, b * c, b * d)
    return _around(min(products), max(products), 2.0**-50)


def _around(low: float, high: float, slack: float) -> tuple[float, float]:
    return low - abs(low) * slack - TINY, high + abs(high) * slack + TINY


def _short(x: Ball) -> str:
    low, high = ends(x)
    return f"[{low:.6g}, {high:.6g}]"


# --- Functions of one variable: enclosures of their values and of their derivatives ----------------------------------

# Where silu, gelu and gelu_tanh are least, and a number below that least value. Each falls, then rises. Their
# derivatives fall, rise and fall again, as their second derivatives have the signs of 2 - x^2 (gelu), of
# 2 - x tanh(x / 2) (silu), and of 1 + 6 a x^2 - k x tanh(k (x + a x^3)) (1 + 3 a x^2)^2 with k = sqrt(2 / pi) and
# a = 0.044715 (gelu_tanh): in each what is subtracted, divided by the rest, grows with |x|, so that there is one zero a
# side. Places and values by arb, rounded outward.
LEAST = {
    "silu": (-1.27847, -1.27846, -0.27846455),
    "gelu": (-0.75180, -0.75179, -0.16997121),
    "gelu_tanh": (-0.75247, -0.75246, -0.17004076),
}
TURNS = {
    "silu": (2.39935, 2.39936, 1.09983933, -0.09983933),
    "gelu": (1.41421, 1.41422, 1.12890415, -0.12890415),
    "gelu_tanh": (1.41850, 1.41851, 1.12899307, -0.12899307),
}
ROOT_OF_HALF, ROOT_OF_TWO_OVER_PI, ROOT_OF_TWO_PI = math.sqrt(0.5), math.sqrt(2 / math.pi), math.sqrt(2 * math.pi)
CUBIC = 0.044715


def _sigmoid(x: float) -> float:
    decay = math.exp(-abs(x))
    return 1 / (1 + decay) if x >= 0 else decay / (1 + decay)


def _sech2(x: float) -> float:
    decay = math.exp(-2 * abs(x))
    return 4 * decay / (1 + decay) ** 2


def _inner(x: float) -> float:
    return ROOT_OF_TWO_OVER_PI * (x + CUBIC * x * x * x)


def _gelu_tanh_slope(x: float) -> float:
    if abs(x) > 40:  # 1 - tanh is below 2^-1000 there, and so is its product with all that grows like a power
        return 1.0 if x > 0 else 0.0
    steep = 0.5 * x * _sech2(_inner(x)) * ROOT_OF_TWO_OVER_PI * (1 + 3 * CUBIC * x * x)
    return 0.5 * (1 + math.tanh(_inner(x))) + steep


# The error of each: exp, tanh, sigmoid relative to the value; of x times a function f of z = x times a constant (or the
# cubic, whose terms have one sign), relative to x: z is off by a few 2^-53 of itself, and |z f'(z)| < 1 for all of
# them. So too for derivatives, whose terms are at most 2 and change by at most 8 of z's relative error, absolutely.
RISING: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "tanh": math.tanh, "sigmoid": _sigmoid, "sqrt": math.sqrt, "rsqrt": lambda x: 1 / math.sqrt(x),
}  # fmt: skip
DIPPING: dict[str, Callable[[float], float]] = {
    "silu": lambda x: x * _sigmoid(x),
    "gelu": lambda x: 0.5 * x * math.erfc(-x * ROOT_OF_HALF),
    "gelu_tanh": lambda x: 0.5 * x * (1 + math.tanh(_inner(x))),
}
SLOPES: dict[str, Callable[[float], float]] = {
    "silu": lambda x: _sigmoid(x) + x * _sigmoid(x) * _sigmoid(-x),
    "gelu": lambda x: 0.5 * math.erfc(-x * ROOT_OF_HALF) + x * math.exp(-0.5 * x * x) / ROOT_OF_TWO_PI,
    "gelu_tanh": _gelu_tanh_slope,
}
UNARY = ("abs", "relu", *RISING, *DIPPING)
RELATIVE = {"sqrt": 3, "rsqrt": 4, "exp": 40, "tanh": 16, "sigmoid": 16}  # times u of the result: section 2
OF_ARGUMENT = {"silu": 8, "gelu": 13, "gelu_tanh": 8}


def span(op: str, low: float, high: float) -> tuple[float, float]:
    """Return numbers around the values of a function on an interval.

    Raises:
        Unbounded: the function is not defined there, or too large.
    """
    if op in ("sqrt", "rsqrt") and not low >= SMALL:
        raise Unbounded(f"{op} of [{low:.6g}, {high:.6g}], which must be at least 2^-100")
    if not -HUGE < low <= high < (83.0 if op == "exp" else HUGE):
        raise Unbounded(f"{op} of [{low:.6g}, {high:.6g}], which is too large")
    if op == "relu":
        return max(low, 0.0), max(high, 0.0)
    if op == "abs":
        return _nearest(low, high), max(abs(low), abs(high))
    if op in RISING:
        first, last = RISING[op](low), RISING[op](high)
        return _around(*((last, first) if op == "rsqrt" else (first, last)), LIBM)
    first, last = DIPPING[op](low), DIPPING[op](high)
    slack, (left, right, least) = max(abs(low), abs(high)) * LIBM + TINY, LEAST[op]
    lowest = min(first, last) - slack
    return (min(lowest, least) if low <= right and high >= left else lowest), max(first, last) + slack


def slope(op: str, low: float, high: float) -> tuple[float, float]:
    """Return numbers around the derivatives on an interval on which ``span`` is defined; of corners, all between."""
    if op == "relu":
        return float(low > 0), float(high >= 0)
    if op == "abs":
        return (1.0 if low > 0 else -1.0), (-1.0 if high < 0 else 1.0)
    if op in SLOPES:
        first, last = SLOPES[op](low), SLOPES[op](high)
        left, right, peak, trough = TURNS[op]
        top = peak if low <= right and high >= left else max(first, last) + LIBM
        return (trough if low <= -left and high >= -right else min(first, last) - LIBM), top
    if op == "exp":
        return _around(math.exp(low), math.exp(high), LIBM)
    if op == "sqrt":
        return _around(0.5 / math.sqrt(high), 0.5 / math.sqrt(low), LIBM)
    if op == "rsqrt":
        return _around(-0.5 / (low * math.sqrt(low)), -0.5 / (high * math.sqrt(high)), LIBM)
    near, far = _nearest(low, high), max(abs(low), abs(high))
    if op == "tanh":
        return _around(_sech2(far), _sech2(near), LIBM)
    return _around(0.25 * _sech2(0.5 * far), 0.25 * _sech2(0.5 * near), LIBM)


def _nearest(low: float, high: float) -> float:
    return 0.0 if low <= 0 <= high else min(abs(low), abs(high))


# --- The graph: form (section 1) -------------------------------------------------------------------------------------

SYMBOLS = {"constant": 1, "a": 10, "b": 10, "pair": 100, "sum": 10, "state": 20}
PROMPTS, ANSWERS = ("constant", "a", "b", "pair"), ("constant", "sum", "state")
LISTS = ("sum", "dot", "smax")
ARITY = {"const": 1, "tok": 2, "sum": 1, "dot": 1, "smax": 2, "slack": 3}
ARITY |= dict.fromkeys(("add", "sub", "mul", "div"), 2) | dict.fromkeys(("neg", "sq", "round", *UNARY), 1)


def _told(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 120 else text[:120] + "..."


def demand(holds: bool, place: str, value: Any, wanted: str) -> None:
    """Raise ``Rejected`` with the place and the value unless something holds."""
    if not holds:
        raise Rejected(f"{place} is {_told(value)}, but must be {wanted}")


def keys_of(value: Any, place: str, names: tuple[str, ...]) -> list[Any]:
    """Return an object's values; it must have these keys and no others."""
    demand(isinstance(value, dict), place, value, "an object")
    demand(set(value) == set(names), f"the list of keys of {place}", sorted(value), ", ".join(sorted(names)))
    return [value[name] for name in names]


def list_of(value: Any, place: str, least: int = 0, most: float = math.inf) -> list[Any]:
    """Return a list, of a length that is allowed."""
    demand(isinstance(value, list), place, value, "a list")
    demand(least <= len(value) <= most, f"the length of {place}", len(value), f"from {least} to {most}")
    return value  # type: ignore[no-any-return]


def count(value: Any, place: str, least: int, most: int) -> int:
    """Return an integer that is allowed; a bool is none."""
    demand(type(value) is int and least <= value <= most, place, value, f"an integer from {least} to {most}")
    return value  # type: ignore[no-any-return]


def number(value: Any, place: str) -> float:
    """Return a finite number that is written as float.hex writes it."""
    demand(isinstance(value, str) and len(value) < 32, place, value, "a number as float.hex writes it")
    try:
        read = float.fromhex(value)
    except (ValueError, OverflowError):
        read = math.nan
    demand(math.isfinite(read) and read.hex() == value, place, value, "a finite number as float.hex writes it")
    return read


OPTIONS = [(option // 100, option // 10 % 10, option % 10) for option in range(200)]
CARRY = [(c, (c + a + b) // 10) for c, a, b in OPTIONS]  # in and out
FULL = (1 << 200) - 1


@dataclass(frozen=True)
class Token:
    """One entry of the layout, and which symbol each option of its column stands for."""

    column: int  # whose options determine it; -1 where nothing does
    tokens: list[int]
    symbols: list[int]  # by option

    def mask(self, symbol: int) -> int:
        """Return the set of options with a symbol."""
        return sum(1 << option for option, each in enumerate(self.symbols) if each == symbol)


def symbol_of(feature: str, last: bool, option: tuple[int, int, int]) -> int:
    """Return the symbol of a feature at an option; ``last`` is the digit that the last column carries out."""
    c, a, b = option
    if last:
        return (c + a + b) // 10
    return {"constant": 0, "a": a, "b": b, "pair": 10 * a + b, "sum": (c + a + b) % 10, "state": c + a + b}[feature]


def read_token(entry: Any, place: str, digits: int, vocabulary: int, features: tuple[str, ...]) -> Token:
    """Return one entry of the layout."""
    feature, column, tokens = keys_of(entry, place, ("feature", "column", "tokens"))
    demand(isinstance(feature, str) and feature in features, f"{place}.feature", feature, ", ".join(features))
    answers = feature in ("sum", "state")
    count(column, f"{place}.column", 0, 0 if feature == "constant" else digits - 1 + answers)
    last = answers and column == digits
    symbols = 2 if last else SYMBOLS[feature]
    for i, token in enumerate(list_of(tokens, f"{place}.tokens", symbols, symbols)):
        count(token, f"{place}.tokens[{i}]", 0, vocabulary - 1)
    of_options = [symbol_of(feature, last, option) for option in OPTIONS]
    return Token(-1 if feature == "constant" else column - last, tokens, of_options)


def check_answer(answer: list[Token], given: list[Any], digits: int) -> None:
    """Demand that the answer's tokens determine the sum: each column once, distinct tokens for distinct digits."""
    seen = []
    for i, (entry, form) in enumerate(zip(answer, given, strict=True)):
        if entry.column >= 0:
            seen.append(form["column"])
            digit_of: dict[int, int] = {}
            same = [digit_of.setdefault(token, symbol % 10) == symbol % 10 for symbol, token in enumerate(entry.tokens)]
            demand(all(same), f"graph.answer[{i}].tokens", entry.tokens, "distinct for distinct digits")
    demand(sorted(seen) == [*range(digits + 1)], "graph.answer's columns", seen, f"each of 0 to {digits} once")


@dataclass(frozen=True)
class Node:
    """A node: the earlier nodes that it reads (of a dot, the factors in turn), and what else it has."""

    op: str
    reads: tuple[int, ...]
    more: Any = None  # a constant; a token's position and table; the position in a row; how often a slack may err by u


def read_node(node: Any, place: str, index: int, positions: int, tables: int) -> Node:
    """Return a node whose arguments are earlier nodes."""
    op = list_of(node, place, 1)[0]
    demand(isinstance(op, str) and op in ARITY, f"{place}[0]", op, "the name of an operation")
    list_of(node, place, ARITY[op] + 1, ARITY[op] + 1)
    if op == "const":
        return Node(op, (), number(node[1], f"{place}[1]"))
    if op == "tok":
        p, i = count(node[1], f"{place}[1]", 0, positions - 1), count(node[2], f"{place}[2]", 0, tables - 1)
        return Node(op, (), (p, i))
    reads, more = node[1 : 3 if op == "slack" else None], None
    if op in LISTS:
        reads = list_of(node[1], f"{place}[1]", 1 if op == "smax" else 2, LONGEST)
    if op == "dot":
        reads = [x for pair in reads for x in list_of(pair, f"a term of {place}", 2, 2)]
    if op == "smax":
        more = count(node[2], f"{place}[2]", 0, len(reads) - 1)
    if op == "slack":
        more = count(node[3], f"{place}[3]", 1, 10**6)
    return Node(op, tuple(count(x, f"an argument of {place}", 0, index - 1) for x in reads), more)


@dataclass(frozen=True)
class Graph:
    """A graph whose form is sound."""

    digits: int
    dtype: str
    prompt: list[Token]
    answer: list[Token]
    tables: list[list[float]]
    steps: list[tuple[list[Node], list[int]]]

    def token(self, position: int) -> Token:
        """Return the entry of the layout at a position."""
        return (self.prompt + self.answer)[position]


def read_graph(graph: Any) -> Graph:
    """Return a graph after every check of its form that needs no arithmetic."""
    names = ("schema", "digits", "dtype", "vocabulary", "choices", "prompt", "answer", "tables", "steps")
    schema, digits, dtype, vocabulary, choices, prompt, answer, tables, steps = keys_of(graph, "graph", names)
    demand(schema == GRAPH_SCHEMA, "graph.schema", schema, GRAPH_SCHEMA)
    demand(isinstance(dtype, str) and dtype in U, "graph.dtype", dtype, "float32 or float64")
    count(digits, "graph.digits", 1, 20)
    count(vocabulary, "graph.vocabulary", 2, 1 << 20)
    count(choices, "graph.choices", 2, vocabulary)
    prompts, answers = (
        [read_token(each, f"graph.{name}[{i}]", digits, most, features) for i, each in enumerate(entries)]
        for name, entries, most, features in (
            ("prompt", list_of(prompt, "graph.prompt", 1, LONGEST), vocabulary, PROMPTS),
            ("answer", list_of(answer, "graph.answer", 1, LONGEST), choices, ANSWERS),
        )
    )
    check_answer(answers, answer, digits)
    read = [
        [number(x, f"graph.tables[{i}][{j}]") for j, x in enumerate(list_of(table, f"graph.tables[{i}]"))]
        for i, table in enumerate(list_of(tables, "graph.tables"))
    ]
    for i, table in enumerate(read):
        list_of(table, f"graph.tables[{i}]", vocabulary, vocabulary)
    list_of(steps, "graph.steps", len(answers), len(answers))
    made = [read_step(step, k, len(prompts) + k, len(read), choices) for k, step in enumerate(steps)]
    return Graph(digits, dtype, prompts, answers, read, made)


def read_step(step: Any, k: int, positions: int, tables: int, choices: int) -> tuple[list[Node], list[int]]:
    """Return the nodes and logits of a step; every node must be read."""
    place = f"graph.steps[{k}]"
    nodes, logits = keys_of(step, place, ("nodes", "logits"))
    list_of(nodes, f"{place}.nodes")
    read = [read_node(node, f"{place}.nodes[{i}]", i, positions, tables) for i, node in enumerate(nodes)]
    for token, node in enumerate(list_of(logits, f"{place}.logits", choices, choices)):
        count(node, f"{place}.logits[{token}]", 0, len(nodes) - 1)
    needless = set(range(len(nodes))).difference(logits, *(node.reads for node in read))
    demand(not needless, f"the list of nodes of {place} that nothing reads", sorted(needless), "empty")
    return read, logits


def digest_of(graph: Any) -> str:
    """Return the sha256 of a graph as JSON with sorted keys and without spaces."""
    return hashlib.sha256(json.dumps(graph, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def statement(graph: dict[str, Any], open_leaves: int = 0) -> str:
    """Return the theorem in words: of all pairs, or of those that lie in no open leaf."""
    digits, steps = graph["digits"], len(graph["answer"])
    which = f"For all integers 0 <= a, b < 10^{digits}" + (" whose options lie in no open leaf" if open_leaves else "")
    return (
        f"{which}: in every admissible evaluation in {graph['dtype']} of the graph with sha256 {digest_of(graph)}, at "
        f"each of its {steps} steps, given the prompt and the right tokens before, the logit of the right token of "
        f"a + b is strictly larger than that of each other of the first {graph['choices']} tokens; so that greedy "
        f"decoding emits the {steps} tokens that spell a + b."
    )


# --- Before attention: tables (sections 2 and 4) ---------------------------------------------------------------------

UNIT: Ball = (1.0, 0.0)


class Arithmetic:
    """What one operation may err by, in one dtype; each method returns a ball around exact and computed values."""

    def __init__(self, dtype: str) -> None:
        self.dtype, self.u, self.h = dtype, U[dtype], H[dtype]

    def gamma(self, n: int) -> float:
        """Return g(n), grown."""
        return n * self.u / (1 - n * self.u) * GROW

    def const(self, value: float) -> Ball:
        """Return a constant, which may have to be rounded to the dtype, and become 0 where it is small.

        Raises:
            Unbounded: the dtype holds none like it.
        """
        small = 2 * self.h if 0 < abs(value) < self.h else 0.0
        if self.dtype == "float64" or _is_single(value):
            return value, small
        if not abs(value) < LARGEST_SINGLE:
            raise Unbounded(f"the constant {value:.6g} is infinite in float32")
        return value, abs(value) * self.u * GROW + small + TINY

    def padded(self, x: Ball, error: float, operands: list[Ball]) -> Ball:
        """Return a ball with an error, and with what small numbers may do."""
        radius = (x[1] + error + 2 * self.h * (len(operands) + sum(map(size, operands)))) * GROW + TINY
        if not abs(x[0]) + radius < HUGE:
            raise Unbounded(f"{_short((x[0], radius))} may reach 2^120")
        return x[0], radius

    def summed(self, xs: list[Ball], ys: list[Ball]) -> Ball:
        """Return a sum of products; the middle's own n + 2 roundings are paid for by name."""
        products = list(map(times, xs, ys))
        magnitudes, n = sum(map(size, products)), len(products)
        if not magnitudes < HUGE / 2:
            raise Unbounded(f"a sum whose terms have magnitudes of {magnitudes:.6g} may reach 2^120")
        exact = sum(x[0] for x in products), sum(x[1] for x in products)
        return self.padded(exact, (self.gamma(n + 1) + (n + 2) * EPS) * magnitudes, xs + ys)

    def unary_error(self, op: str, argument: float, result: float) -> float:
        """Return what a function of one variable errs by, small numbers apart."""
        of_argument = OF_ARGUMENT.get(op, 0) * self.u * argument
        return of_argument + RELATIVE.get(op, 0) * self.u * result

    def value(self, op: str, more: Any, xs: list[Ball]) -> Ball:
        """Return the value of a node from its arguments' values."""
        if op == "dot":
            return self.summed(xs[::2], xs[1::2])
        if op == "sum":
            return self.summed(xs, [UNIT] * len(xs))
        if op in UNARY:
            first, last = span(op, *ends(xs[0]))
            error = self.unary_error(op, size(xs[0]), max(abs(first), abs(last)))
            return self.padded(ball(first, last), error, xs)
        if op == "slack":
            return self.padded(xs[0], more * self.u * size(xs[1]), xs)
        if op == "neg":
            return self.padded((-xs[0][0], xs[0][1]), 0.0, xs)
        if op == "div":
            upside = inverse(xs[1])
            exact = times(xs[0], upside)
            return self.padded(exact, 3 * self.u * size(exact) + 2 * self.h * size(upside), xs)
        if op in ("mul", "sq"):
            exact = times(xs[0], xs[-1])
        elif op == "round":
            exact = xs[0]
        else:
            exact = plus(xs[0], xs[1] if op == "add" else (-xs[1][0], xs[1][1]))
        return self.padded(exact, self.u * size(exact), xs)


def _is_single(value: float) -> bool:
    try:
        return bool(struct.unpack("<f", struct.pack("<f", value))[0] == value)
    except OverflowError:
        return False


class Tables:
    """Every node before attention that any step has, once: a table over the symbols of the token it depends on."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.arithmetic = graph, Arithmetic(graph.dtype)
        self.known: dict[Node, int] = {}
        self.nodes: list[Node] = []  # whose arguments are ids
        self.tokens: list[frozenset[int]] = []  # positions that a node depends on
        self.values: list[list[Ball] | None] = []  # by symbol; None where there are two tokens

    def id_of(self, node: Node, ids: dict[int, int]) -> int:
        """Return the id of a node whose arguments have ids."""
        key = Node(node.op, tuple(ids[x] for x in node.reads), node.more)
        if key not in self.known:
            self.known[key] = len(self.nodes)
            self.nodes.append(key)
            self._tabulate(key)
        return self.known[key]

    def _tabulate(self, node: Node) -> None:
        depends, values = frozenset[int]().union(*(self.tokens[x] for x in node.reads)), None
        if node.op == "const":
            values = [self.arithmetic.const(node.more)]
        elif node.op == "tok":
            position, table = node.more
            token = self.graph.token(position)
            depends = frozenset([position] if token.column >= 0 else [])
            values = [self.arithmetic.const(self.graph.tables[table][each]) for each in token.tokens]
        elif len(depends) <= 1:
            values = self.entries(node, [self.values[x] or [] for x in node.reads])
        self.tokens.append(depends)
        self.values.append(values)

    def entries(self, node: Node, given: list[list[Ball]]) -> list[Ball]:
        """Return a node's values from those of its arguments, of which those that are constant have one entry."""
        entries = max(map(len, given))
        columns = [each if len(each) == entries else each * entries for each in given]
        return [self.arithmetic.value(node.op, node.more, list(xs)) for xs in zip(*columns, strict=True)]


# --- A step: kinds (section 4) ---------------------------------------------------------------------------------------

FEW, WEIGHT, MEAN, TAIL = "before attention", "a weight", "a mean", "after attention"


@dataclass
class Mean:
    """A row, by its scores' nodes, and the value (a table's id; None is 1) of each position that takes part."""

    row: tuple[int, ...]
    values: dict[int, int | None]


class Step:
    """One step of the graph: what each node is."""

    def __init__(self, tables: Tables, k: int) -> None:
        self.tables, self.graph, self.k = tables, tables.graph, k
        self.nodes, self.logits = self.graph.steps[k]
        self.query, self.answer = len(self.graph.prompt) + k - 1, self.graph.answer[k]
        self.entry = self.graph.token(self.query)
        self.kind: dict[int, str] = {}
        self.ids: dict[int, int] = {}  # of nodes before attention
        self.means: dict[int, Mean] = {}
        for i in range(len(self.nodes)):
            try:
                self._classify(i)
            except Unbounded as reason:
                raise Rejected(f"{self.place(i)}: {reason}") from None
        self.tail = [i for i, kind in self.kind.items() if kind == TAIL]
        read = {x for i in self.tail for x in self.nodes[i].reads} | set(self.logits)  # after attention
        for x in read:
            if self.kind[x] == WEIGHT:
                self.means[x] = Mean(self.nodes[x].reads, {self.nodes[x].more: None})
            if self.kind[x] == FEW and self.depends(self.ids[x]):
                raise Rejected(f"{self.place(x)} is read after attention, but depends on another token than the query")
        self.needed = read & set(self.means)

    def place(self, i: int) -> str:
        """Return a node's place, in words."""
        return f"graph.steps[{self.k}].nodes[{i}] ({self.nodes[i].op})"

    def depends(self, x: int) -> frozenset[int]:
        """Return the tokens other than the query that a node before attention depends on."""
        return self.tables.tokens[x] - {self.query}

    def _classify(self, i: int) -> None:
        node = self.nodes[i]
        kinds = {self.kind[x] for x in node.reads}
        if node.op == "smax":
            if kinds != {FEW}:
                raise Rejected(f"{self.place(i)} has a score that is not {FEW}: a second layer")
            self.kind[i] = WEIGHT
        elif kinds <= {FEW}:
            self.kind[i], self.ids[i] = FEW, self.tables.id_of(node, self.ids)
            if len(self.depends(self.ids[i])) > 1:
                raise Rejected(f"{self.place(i)} depends on two tokens beside the query, but may on one")
        elif (mean := self._mean(node)) is not None:
            self.kind[i], self.means[i] = MEAN, mean
        else:
            self.kind[i] = TAIL

    def _mean(self, node: Node) -> Mean | None:
        """Return a mean, where a node has the form of one (section 2)."""
        if node.op not in ("dot", "mul"):
            return None
        found: dict[int, int | None] = {}
        rows = set()
        for pair in zip(node.reads[::2], node.reads[1::2], strict=True):
            x, y = pair if self.kind[pair[0]] == WEIGHT else pair[::-1]
            if self.kind[x] != WEIGHT or self.kind[y] != FEW or self.nodes[x].more in found:
                return None
            rows.add(self.nodes[x].reads)
            found[self.nodes[x].more] = self.ids[y]
        return Mean(rows.pop(), found) if len(rows) == 1 else None


class AtQuery:
    """The tables of a step for one symbol of the query: a list by the symbol of the one other token."""

    def __init__(self, step: Step, symbol: int) -> None:
        self.step, self.symbol = step, symbol
        self.made: dict[int, list[Ball]] = {}

    def values(self, x: int) -> list[Ball]:
        """Return a node's values: one where it depends on nothing but the query."""
        tables = self.step.tables
        known = tables.values[x]
        if known is not None:
            return [known[self.symbol]] if self.step.query in tables.tokens[x] else known
        if x not in self.made:
            self.made[x] = tables.entries(tables.nodes[x], [self.values(y) for y in tables.nodes[x].reads])
        return self.made[x]


# --- Attention: sums over columns, and the reachable set (sections 3 and 5) ------------------------------------------

Pairs = tuple[list[tuple[float, float]], ...]  # (N, D) of the options of a column, by carry in and out: 00, 01, 10, 11
Range = tuple[float, float]
Cell = list[int]  # for each column a set of options: bit i stands for option i


@lru_cache(maxsize=1 << 14)
def groups(mask: int, is_first: bool) -> tuple[list[int], ...]:
    """Return a column's options by carry in and out; the carry into the first column is 0."""
    found: tuple[list[int], ...] = ([], [], [], [])
    for option, (into, out) in enumerate(CARRY):
        if mask >> option & 1 and not (into and is_first):
            found[2 * into + out].append(option)
    return found


def pairs_in(cell: Cell) -> int:
    """Return how many pairs of operands a cell holds."""
    even, odd = 1, 0
    for column, mask in enumerate(cell):
        p00, p01, p10, p11 = map(len, groups(mask, not column))
        even, odd = even * p00 + odd * p10, even * p01 + odd * p11
    return even + odd


def sweep(columns: list[Pairs], t: float, best: Callable[..., float], worst: float) -> float:
    """Return the best sum of N - t D over all paths; ``worst`` where there is none."""
    even, odd = 0.0, worst
    for p00, p01, p10, p11 in columns:
        a00 = best([n - t * d for n, d in p00]) if p00 else worst
        a01 = best([n - t * d for n, d in p01]) if p01 else worst
        a10 = best([n - t * d for n, d in p10]) if p10 else worst
        a11 = best([n - t * d for n, d in p11]) if p11 else worst
        even, odd = best(even + a00, odd + a10), best(even + a01, odd + a11)
    return best(even, odd)


def outline(pairs: list[tuple[float, float]], best: Callable[..., float]) -> list[tuple[float, float]]:
    """Return the pairs among which the best N - t D is, whatever t: the lower or the upper side of their convex hull.

    One between two others in D is left out where it is surely beyond the line through them: differences of floats and
    their products err by less than 2^-50 of themselves, and what is infinite tells nothing.
    """
    sign = 1.0 if best is min else -1.0
    kept: list[tuple[float, float]] = []
    for n, d in sorted(pairs, key=lambda pair: (pair[1], sign * pair[0])):
        if kept and kept[-1][1] == d:
            continue
        while len(kept) > 1:
            (n0, d0), (n1, d1) = kept[-2:]
            rise, fall = (n - n0) * (d1 - d0) * sign, (n1 - n0) * (d - d0) * sign
            if not fall - rise > (abs(fall) + abs(rise)) * 2.0**-49 + TINY:
                break
            kept.pop()
        kept.append((n, d))
    return kept


@dataclass
class Position:
    """One position of a row: what stands there by the symbol of its token, of which there is one where it has none."""

    column: int  # -1 where it has none
    symbols: list[int]  # by option
    weights: list[float]  # e
    errors: list[float]  # r
    values: list[list[float]] = field(default_factory=list)  # by axis of the base, by symbol


@dataclass
class Part:
    """A column's options in a cell, for one row: N of every axis, and D, by carry in and out, each once."""

    told: tuple[list[tuple[tuple[float, ...], float]], ...]
    outlines: dict[tuple[int, Any], Pairs] = field(default_factory=dict)

    @cached_property
    def weights(self) -> Pairs:
        """The least and the largest D, with 0 for N."""
        return tuple([(0.0, end(d for _, d in each)) for end in (min, max) if each] for each in self.told)

    def outline(self, axis: int, best: Callable[..., float]) -> Pairs:
        """Return those of an axis among which the best is."""
        key = (axis, best)
        if key not in self.outlines:
            self.outlines[key] = tuple(outline([(ns[axis], d) for ns, d in each], best) for each in self.told)
        return self.outlines[key]


class Row:
    """The sums of one row, for one symbol of the query: D and, for each axis, N."""

    def __init__(self, digits: int, positions: list[Position], rank: int) -> None:
        self.digits, self.positions = digits, positions
        self.most = sum(max(each.weights) for each in positions)
        self.error = max(max(each.errors) for each in positions)
        self.sums = self.summed([each.weights for each in positions])
        self.axes, self.sizes = [], []
        for axis in range(rank):
            terms = [list(map(mul, each.weights, each.values[axis])) for each in positions]
            self.sizes.append(sum(max(map(abs, term)) for term in terms))
            self.axes.append(self.summed(terms))
        # n positions in a column, the products, W columns, t: the roundings of a path's sum, relative to its terms
        self.noise = (len(positions) + digits + rank + 24) * 2 * EPS

    def summed(self, terms: list[list[float]]) -> list[list[float]]:
        """Return the sum of functions of symbols as functions of options; what depends on none is put in column 0."""
        total = [[0.0] * len(OPTIONS) for _ in range(self.digits)]
        for position, term in zip(self.positions, terms, strict=True):
            column = max(position.column, 0)
            total[column] = [x + term[symbol] for x, symbol in zip(total[column], position.symbols, strict=True)]
        return total

    def paired(self, upper: list[float], column: int, mask: int) -> Pairs:
        """Return a column's N and D by carry in and out."""
        lower = self.sums[column]
        return tuple([(upper[o], lower[o]) for o in group] for group in groups(mask, not column))

    def part(self, column: int, mask: int) -> Part:
        """Return a column's D and N of every axis, each once."""
        sums = [*(axis[column] for axis in self.axes), self.sums[column]]
        told = [dict.fromkeys(tuple([each[o] for each in sums]) for o in g) for g in groups(mask, not column)]
        return Part(tuple([(each[:-1], each[-1]) for each in group] for group in told))

    def denominators(self, parts: list[Part]) -> Range:
        """Return bounds of D over the paths of a cell that has one."""
        columns, margin = [part.weights for part in parts], self.most * self.noise
        least = (sweep(columns, -1.0, min, math.inf) - margin) * (1 - 2.0**-40)
        return least, (sweep(columns, -1.0, max, -math.inf) + margin) * GROW

    def extreme(
        self,
        columns: list[Pairs],
        best: Callable[..., float],
        size: float,
        denominators: Range,
        near: tuple[float, float] = (0.0, 1.0),
        fine: float = 0.0,
    ) -> tuple[float, tuple[float, float]]:
        """Return a bound of N / D beyond all paths of a cell that has one, on the side of ``best``, and what is near.

        With v(t) = best (N - t D): N / D is on the inner side of t + v / D for each D of the path, so of the worse end.
        ``size`` bounds the magnitudes of N's terms: the sums of a path err by ``noise`` times that and t times D's.
        Which t are tried is a matter of luck: ``near`` holds one, and how fast v falls, D there. The extreme itself is
        at t + v / D with some D of the cell: it is known well enough where both ends differ by ``fine`` at most.

        Raises:
            Unbounded: there is no path, or no finite bound.
        """
        sign = 1.0 if best is min else -1.0
        least, largest = denominators
        bound, (t, steep), before = -sign * math.inf, near, (0.0, 0.0)
        for i in range(ROUNDS):
            value = sweep(columns, t, best, sign * math.inf)
            safe = value - sign * (size + abs(t) * self.most) * self.noise
            step = safe / (least if sign * safe < 0 else largest)
            found = t + step - sign * ((abs(t) + abs(step)) * 2.0**-50 + TINY)
            if not math.isfinite(found):
                raise Unbounded("the reachable set cannot be bounded")
            bound = max(bound, found) if sign > 0 else min(bound, found)
            if i and t != before[0]:
                steep = (before[1] - value) / (t - before[0])
            steep = min(max(steep, least), largest)
            before, t = (t, value), t + value / steep
            if abs(value) <= size * 2.0**-23 or abs(value) * (1 / least - 1 / largest) <= fine:
                break  # any more changes less than float32 does, or than is asked for
        return bound, (t, steep)


@dataclass
class Over:
    """One row over a cell: what its columns hold, bounds of D, and by axis of its part of y."""

    parts: list[Part]
    denominators: Range
    ranges: list[Range] = field(default_factory=list)


class Reach:
    """What attention can hand on at one step and one symbol of the query: y = B means, its errors, its extremes."""

    def __init__(self, at: AtQuery, means: list[int], base: list[list[float]], cell: Cell, place: str) -> None:
        self.step, self.at, self.means, self.base, self.rank, self.place = at.step, at, means, base, len(base), place
        self.arithmetic = at.step.tables.arithmetic
        self.magnitudes = [0.0] * len(means)
        self.fixed = [
            0.0
        ] * self.rank  # of y: the computed one's distance to the nominal one, but for the weights' errors
        self.rows = [self._row(row) for row in sorted({at.step.means[i].row for i in means})]
        self.parts: dict[tuple[int, int, int], Part] = {}
        self.starts: dict[tuple[int, int, Any], tuple[float, float]] = {}
        self.fine = [[0.0] * self.rank for _ in self.rows]
        self.kept: tuple[Cell, list[Over]] = ([], [])
        for row, over in zip(self.rows, self._over(cell), strict=True):
            least, largest = over.denominators
            if not (least > 0.5 and all(map(math.isfinite, [largest, *row.sizes]))):
                raise Rejected(f"{place}: the weights of a row sum to as little as {least:.6g}, and cannot be bounded")
        self.errors = self.errors_in(cell)

    def _weights(self, row: tuple[int, ...]) -> list[list[tuple[float, float, float]]]:
        """Return for each position and symbol the weight e, its relative error r and its absolute error."""
        scores = [self.at.values(self.step.ids[x]) for x in row]
        u, h = self.arithmetic.u, self.arithmetic.h
        top = max(ends(x)[1] for each in scores for x in each)
        middle = max(min(ends(x)[0] for x in each) for each in scores)  # H: below the largest score of every path
        made = []
        for each in scores:
            weights = []
            for x in each:
                gap, upper = x[0] - middle, math.nextafter(ends(x)[1] - middle, math.inf)
                demand(upper < 300, f"{self.place}: what a score is above a row's least largest", upper, "below 300")
                off = x[1] + u * (top - ends(x)[0]) * GROW * (1 + 2 * u) + 41 * u + abs(gap) * 2 * EPS + LIBM
                if gap < -690 or not off < 0.5:  # no nominal weight: all of it is an error
                    weights.append((0.0, 0.0, math.exp(upper) * 1.01 + 2 * h))
                else:
                    weights.append((math.exp(gap), math.expm1(off * GROW) * (1 + 2.0**-20), 2 * h))
            made.append(weights)
        return made

    def _row(self, row: tuple[int, ...]) -> Row:
        step = self.step
        mine = [i for i, node in enumerate(self.means) if step.means[node].row == row]
        weights, positions, given = self._weights(row), [], []
        for i, (score, weight) in enumerate(zip(row, weights, strict=True)):
            read = [step.means[self.means[m]].values.get(i, -1) for m in mine]
            values = [[(0.0, 0.0)] if x == -1 else [UNIT] if x is None else self.at.values(x) for x in read]
            tokens = step.depends(step.ids[score]).union(*(step.depends(x) for x in read if x not in (-1, None)))
            if len(tokens) > 1:
                raise Rejected(f"{self.place}: score {i} of a row and its values depend on the tokens {sorted(tokens)}")
            token = step.graph.token(next(iter(tokens))) if tokens else None
            symbols = len(token.tokens) if token else 1
            weight = weight if len(weight) == symbols else weight * symbols
            given.append([each if len(each) == symbols else each * symbols for each in values])
            es, rs, _ = map(list, zip(*weight, strict=True))
            positions.append(Position(token.column if token else -1, token.symbols if token else [0] * 200, es, rs))
        self._add_means(mine, given, sum(max(x[2] for x in each) for each in weights))
        for axis, factors in enumerate([base[m] for m in mine] for base in self.base):
            most = 0.0
            for position, values in zip(positions, given, strict=True):
                terms = [[b * x[0] for b, x in zip(factors, each, strict=True)] for each in zip(*values, strict=True)]
                position.values.append([sum(each) for each in terms])
                most = max(most, *(sum(map(abs, each)) for each in terms))
            self.fixed[axis] += most * (len(mine) + 2) * EPS * GROW + TINY
        return Row(step.graph.digits, positions, self.rank)

    def _add_means(self, mine: list[int], given: list[list[list[Ball]]], absolute: float) -> None:
        """Add what does not depend on the path: widths of values, the sums' rounding, what small numbers may do."""
        n, u, h = len(given), self.arithmetic.u, self.arithmetic.h
        for j, m in enumerate(mine):
            balls = [x for values in given for x in values[j]]
            most = max(map(size, balls))
            demand(most * n < HUGE / 4, f"{self.place}: the largest value of a mean", most, "such that no sum is 2^120")
            error = max(x[1] for x in balls) + (2 * n + 10) * u * 1.01 * most
            error = (error + 2 * absolute * most * 1.01 + 8 * n * h * (1 + most)) * GROW + TINY
            self.magnitudes[m] = (most + error) * GROW
            for axis in range(self.rank):
                self.fixed[axis] += abs(self.base[axis][m]) * error * GROW

    def errors_in(self, cell: Cell) -> list[float]:
        """Return by how much the computed y may differ from the nominal one, over a cell that has a path."""
        errors = list(self.fixed)
        for row, over in zip(self.rows, self.over(cell), strict=True):
            for axis in range(self.rank):
                errors[axis] += self._error(row, axis, cell, over) * GROW + TINY
        return errors

    @staticmethod
    def _error(row: Row, axis: int, cell: Cell, over: Over) -> float:
        """Return what errors of weights do: at most (max of sum e r |v - c| / sum e + max r |y - c|) / (1 - max r)."""
        low, high = over.ranges[axis]
        centre = 0.5 * (low + high)
        terms = [
            [e * r * abs(v - centre) for e, r, v in zip(each.weights, each.errors, each.values[axis], strict=True)]
            for each in row.positions
        ]
        columns = [row.paired(upper, j, cell[j]) for j, upper in enumerate(row.summed(terms))]
        found = row.extreme(columns, max, sum(map(max, terms)), over.denominators)[0]
        distance = max(high - centre, centre - low) * GROW + TINY
        return max(found + row.error * distance, 0.0) / (1 - row.error)

    def _part(self, i: int, column: int, mask: int) -> Part:
        key = (i, column, mask)
        if key not in self.parts:
            self.parts[key] = self.rows[i].part(column, mask)
        return self.parts[key]

    def _over(self, cell: Cell) -> list[Over]:
        """Return each row over a cell, without the ranges of its part of y."""
        parts = [[self._part(i, column, mask) for column, mask in enumerate(cell)] for i in range(len(self.rows))]
        return [Over(each, row.denominators(each)) for row, each in zip(self.rows, parts, strict=True)]

    def over(self, cell: Cell) -> list[Over]:
        """Return each row over a cell that has a path, and keep it for when it is asked for again."""
        if self.kept[0] != cell:
            if len(self.parts) > 4000:
                self.parts.clear()
            found = self._over(cell)
            for i, each in enumerate(found):
                each.ranges = [self._range(i, axis, each) for axis in range(self.rank)]
            self.kept = list(cell), found
        return self.kept[1]

    def _range(self, i: int, axis: int, over: Over) -> Range:
        """Return bounds of one row's part of y on one axis; how fine they must be is guessed from the last ones."""
        low, high = -math.inf, math.inf
        for _ in range(2):
            fine = self.fine[i][axis]
            low, high = max(low, self._end(i, axis, over, min)), min(high, self._end(i, axis, over, max))
            self.fine[i][axis] = NEAR * max(high - low, 0.0)
            if fine <= 4 * self.fine[i][axis]:
                break
        return low, high

    def _end(self, i: int, axis: int, over: Over, best: Callable[..., float]) -> float:
        key, row = (i, axis, best), self.rows[i]
        start, columns = self.starts.get(key, (0.0, 1.0)), [part.outline(axis, best) for part in over.parts]
        bound, self.starts[key] = row.extreme(
            columns, best, row.sizes[axis], over.denominators, start, self.fine[i][axis]
        )
        return bound

    def box(self, cell: Cell, errors: list[float]) -> tuple[list[float], list[float]]:
        """Return the middle and the radii of a box around the computed y, over a cell that has a path."""
        centre, radius = [], []
        for axis in range(self.rank):
            total = (0.0, errors[axis])
            for over in self.over(cell):
                total = plus(total, ball(*over.ranges[axis]))
            centre.append(total[0])
            radius.append(total[1])
        return centre, radius

    def lowest(self, direction: list[float], cell: Cell) -> float:
        """Return a lower bound of direction . y over a cell, for the nominal y: the minima of the rows, added."""
        total = 0.0
        for row, over in zip(self.rows, self.over(cell), strict=True):
            columns = [
                tuple([(sum(map(mul, direction, ns)), d) for ns, d in group] for group in part.told)
                for part in over.parts
            ]
            size = sum(abs(g) * each for g, each in zip(direction, row.sizes, strict=True))
            ranges = list(zip(direction, over.ranges, strict=True))
            start = sum(min(g * low, g * high) for g, (low, high) in ranges)
            fine = NEAR * sum(abs(g) * (high - low) for g, (low, high) in ranges)
            least, _ = row.extreme(columns, min, size, over.denominators, (start, 1.0), fine)
            total = math.nextafter(total + least, -math.inf)
        return total


# --- After attention: forms (section 6) ------------------------------------------------------------------------------

ERRORS = 1 << 40  # keys of forms: 0 is 1, below it the means, above it y and the atoms, from here on errors


def add_to(total: dict[int, float], factor: float, terms: dict[int, float]) -> None:
    """Add a multiple of a linear combination to another."""
    for key, value in terms.items():
        total[key] = total.get(key, 0.0) + factor * value


def grown(functional: Functional) -> Functional:
    """Return a functional grown for the roundings that made it."""
    return {key: value * GROW + TINY for key, value in functional.items()}


@dataclass
class Number:
    """A number of the tail: a form, what its errors may come to, and a bound of its magnitude."""

    form: Form
    error: Functional
    magnitude: Functional


@dataclass(frozen=True)
class Ready:
    """A form of 1, y and atoms: middles, radii and errors are scalar products with what the keys' numbers have."""

    keys: tuple[int, ...]
    factors: tuple[float, ...]
    sizes: tuple[float, ...]
    errors: tuple[float, ...]
    take: Any


@dataclass
class State:
    """Every number of the tail on one box: middles, radii grown for a form's roundings, magnitudes, local errors.

    ``steep`` and ``wide`` are balls around derivatives to y, a list by key for each axis, where they are known.
    """

    middle: list[float]
    radius: list[float]
    most: list[float]
    local: list[float]
    forms: list[Ball]
    errors: list[float]
    slopes: dict[int, tuple[Ball, Ball]] = field(default_factory=dict)
    steep: list[list[float]] = field(default_factory=list)
    wide: list[list[float]] = field(default_factory=list)


class Tail:
    """What follows attention, for one step and one symbol of the query.

    A node that is linear in others is a *form*: a combination of 1, of means, of the results of what is not linear
    (*atoms*, each a function of one or two forms), and of errors, each a number of its own that a functional bounds.
    Means become C y and an error. So the program is a list of atoms, and F of section 6 is the form of a difference of
    two logits. What rounding of a form's factors here may do is part of its error; a scalar product's own rounding is
    at most ``slack`` of the terms' magnitudes, and put in radii.
    """

    def __init__(self, reach: Reach) -> None:
        self.reach, self.step, self.arithmetic = reach, reach.step, reach.arithmetic
        self.numbers: dict[int, Number] = {}
        self.errors: list[Functional] = []
        self.atoms: list[tuple[str, int, int, list[int]]] = []  # the function, its forms, and those that are new
        self.forms: list[Ready] = []
        self.form_of: dict[int, int] = {}
        self.products: dict[tuple[int, int], Number] = {}
        self.differences: dict[tuple[int, int], Ready] = {}
        self.index = {node: i for i, node in enumerate(reach.means)}
        self.solver = least_squares(reach.base, len(reach.means))
        for i in self.step.tail:
            try:
                self.numbers[i] = self._made(i)
            except Unbounded as reason:
                raise Rejected(f"{self.step.place(i)}: {reason}") from None
        longest = reach.rank + len(self.atoms) + len(self.forms)  # keys of a form, or what is added into one adjoint
        demand(longest <= LONGEST, f"{reach.place}: how many numbers come after attention", longest, f"to {LONGEST}")
        self.slack = (4 * longest + 64) * EPS

    # - from nodes to forms -

    def number(self, i: int) -> Number:
        """Return a node as a number of the tail."""
        if i not in self.numbers:
            if self.step.kind[i] == FEW:
                middle, radius = self.value(i)
                form = {0: middle, self._error({0: radius}): 1.0}
                self.numbers[i] = Number(form, {0: radius}, {0: size((middle, radius))})
            else:
                m = self.index[i]
                self.numbers[i] = Number({-1 - m: 1.0}, {}, {0: self.reach.magnitudes[m]})
        return self.numbers[i]

    def value(self, i: int) -> Ball:
        """Return a number that was there before attention."""
        return self.reach.at.values(self.step.ids[i])[0]

    def _error(self, functional: Functional) -> int:
        self.errors.append(functional)
        return ERRORS + len(self.errors) - 1

    def _made(self, i: int) -> Number:
        node, u, h = self.step.nodes[i], self.arithmetic.u, self.arithmetic.h
        op, x, y = node.op, node.reads[0], node.reads[-1]
        if op in UNARY:
            return self._atom(op, x, x)
        if op in ("mul", "sq"):
            return self._linear([(x, y)], u)
        if op == "dot":
            n = len(node.reads) // 2
            terms = list(zip(node.reads[::2], node.reads[1::2], strict=True))
            return self._linear(terms, self.arithmetic.gamma(n + 1), of_terms=True)
        if op == "sum":
            gamma = self.arithmetic.gamma(len(node.reads) + 1)
            return self._linear([(1.0, each) for each in node.reads], gamma, of_terms=True)
        if op == "div" and self.step.kind[y] != FEW:
            return self._atom("over", x, y)
        if op == "div":
            divisor, upside = self.value(y), inverse(self.value(y))
            return self._linear([(upside, x)], 3 * u, {0: 2 * h * (1 + size(divisor) + size(upside))})
        if op == "slack":
            own: Functional = {0: 2 * h}
            add_to(own, (node.more * u + 2 * h) * GROW, self.number(y).magnitude)
            return self._linear([(1.0, x)], 0.0, own)
        if op in ("neg", "round"):
            return self._linear([(-1.0 if op == "neg" else 1.0, x)], u if op == "round" else 0.0)
        return self._linear([(1.0, x), (1.0 if op == "add" else -1.0, y)], u)

    def _term(self, x: Any, y: int, own: Functional) -> tuple[Ball, Number]:
        """Return a factor and a number for a term (see ``_linear``), and add what small operands may do to an error."""
        h = 2 * self.arithmetic.h
        if isinstance(x, int) and self.step.kind[x] != FEW and self.step.kind[y] == FEW:
            x, y = y, x
        if isinstance(x, int) and self.step.kind[x] == FEW:
            x = self.value(x)
        if isinstance(x, int):
            for each in (x, y):
                add_to(own, h, self.number(each).magnitude)
            key = (min(x, y), max(x, y))
            if key not in self.products:
                self.products[key] = self._atom("times", *key)
            return UNIT, self.products[key]
        factor = (x, 0.0) if isinstance(x, float) else x
        add_to(own, h, self.number(y).magnitude)
        own[0] = own.get(0, 0.0) + h * (2 + size(factor))
        return factor, self.number(y)

    def _linear(
        self, given: list[tuple[Any, int]], relative: float, own: Functional | None = None, *, of_terms: bool = False
    ) -> Number:
        """Return a sum of terms, each a factor (a node, a ball or a float) and a node, with its own error by section 2.

        ``relative`` is of the exact result, or of the sum of the terms' magnitudes. Of that sum are the roundings of
        the form's factors here, each made by a product and a sum a term.
        """
        own = dict(own or {0: 4 * self.arithmetic.h * len(given)})
        terms = [self._term(x, y, own) for x, y in given]
        form: Form = {}
        whole: Functional = {}
        error: Functional = {}
        for factor, each in terms:
            add_to(form, factor[0], each.form)
            add_to(error, abs(factor[0]), each.error)
            add_to(own, factor[1], each.magnitude)
            add_to(whole, size(factor), each.magnitude)
        add_to(own, (2 * len(terms) + 2) * EPS, whole)
        if not whole.get(0, 0.0) + LARGEST * sum(value for key, value in whole.items() if key) < HUGE / 4:
            raise Unbounded(f"a sum whose terms may have magnitudes of {whole.get(0, 0.0):.6g} may reach 2^120")
        exact = self._magnitude(form, error, own)
        add_to(own, relative, whole if of_terms else exact)
        own = grown(own)
        add_to(error, 1.0, own)
        error = grown(error)
        magnitude = self._magnitude(form, error)
        form[self._error(own)] = 1.0
        return Number(form, error, magnitude)

    def _magnitude(self, form: Form, *errors: Functional) -> Functional:
        """Return a bound of the magnitude of a form whose errors have these bounds."""
        magnitude: Functional = {}
        for each in errors:
            add_to(magnitude, 1.0, each)
        for key, value in form.items():
            if key < 0:
                add_to(magnitude, abs(value), {0: self.reach.magnitudes[-1 - key]})
            elif key < ERRORS:
                add_to(magnitude, abs(value), {key: 1.0})
        return grown(magnitude)

    def _atom(self, op: str, x: int, y: int) -> Number:
        before = len(self.forms)
        for i in (x, y):
            if i not in self.form_of:
                self.form_of[i] = len(self.forms)
                self.forms.append(self.ready(self.number(i).form))
        self.atoms.append((op, self.form_of[x], self.form_of[y], list(range(before, len(self.forms)))))
        key = self.reach.rank + len(self.atoms)
        return Number({key: 1.0}, {}, {key: 1.0})

    def ready(self, form: Form) -> Ready:
        """Return a form with its means as C y, the errors as a functional: also of one rounding of each factor."""
        factors: Form = {0: 0.0}
        errors: Functional = {0: 0.0}
        means = [0.0] * len(self.reach.means)
        for key, factor in form.items():
            if key >= ERRORS:
                add_to(errors, abs(factor) * GROW, self.errors[key - ERRORS])
            elif key < 0:
                means[-1 - key] = factor
            else:
                factors[key] = factor
                add_to(errors, abs(factor) * EPS, {key: 1.0})
        if any(means):
            solved = [sum(map(mul, row, means)) for row in self.solver]
            left = self._left(means, solved)
            solved = [c + sum(map(mul, row, left)) for c, row in zip(solved, self.solver, strict=True)]
            left = self._left(means, solved)
            for m, each in enumerate(left):  # the factor, its own rounding, and those of what was subtracted from it
                terms = abs(means[m]) + sum(abs(c * row[m]) for c, row in zip(solved, self.reach.base, strict=True))
                errors[0] += (abs(each) + (self.reach.rank + 4) * EPS * terms) * self.reach.magnitudes[m] * GROW + TINY
            factors |= {axis + 1: c for axis, c in enumerate(solved) if c}
        if not all(map(math.isfinite, [*factors.values(), *errors.values()])):
            raise Unbounded("a factor that no double holds")
        keys = [*sorted(factors.keys() | errors.keys()), 0]  # 0 twice, so that itemgetter always gives a tuple
        values = [*(factors.get(key, 0.0) for key in keys[:-1]), 0.0]
        bounds = [*(errors.get(key, 0.0) * GROW for key in keys[:-1]), 0.0]
        return Ready(tuple(keys), tuple(values), tuple(map(abs, values)), tuple(bounds), itemgetter(*keys))

    def _left(self, means: list[float], solved: list[float]) -> list[float]:
        """Return what C B leaves of a map."""
        columns = zip(*self.reach.base, strict=True) if self.reach.base else [()] * len(means)
        return [w - sum(map(mul, solved, column)) for w, column in zip(means, columns, strict=True)]

    def difference(self, right: int, rival: int) -> Ready:
        """Return the form of one logit minus another; what they share is gone from it."""
        key = (self.step.logits[right], self.step.logits[rival])
        if key not in self.differences:
            form = dict(self.number(key[0]).form)
            add_to(form, -1.0, self.number(key[1]).form)
            self.differences[key] = self.ready(form)
        return self.differences[key]

    # - from boxes to bounds -

    def forward(self, centre: list[float], radius: list[float], *, rounded: bool) -> State:
        """Return enclosures of every number on a box: of the exact and, if asked, of all computed ones.

        Raises:
            Unbounded: on this box nothing is proved.
        """
        state = self._begun(centre, radius)
        for i, (op, f, g, new) in enumerate(self.atoms):
            for j in new:
                self._add_form(state, j, rounded=rounded)
            self._add_atom(state, i, *self._result(op, state.forms[f], state.forms[g], same=f == g, rounded=rounded))
        return state

    def _begun(self, centre: list[float], radius: list[float]) -> State:
        """Return 1 and y on a box."""
        middle, most = [1.0, *centre], [1.0, *((abs(c) + r) * GROW for c, r in zip(centre, radius, strict=True))]
        around = [self.slack, *(r + self.slack * m for r, m in zip(radius, most[1:], strict=True))]
        return State(middle, around, most, [0.0] * len(middle), [], [])

    def _add_form(self, state: State, j: int, *, rounded: bool) -> None:
        form = self.forms[j]
        error = sum(map(mul, form.errors, form.take(state.most))) * GROW + TINY if rounded else 0.0
        spread = sum(map(mul, form.sizes, form.take(state.radius)))
        state.forms.append((sum(map(mul, form.factors, form.take(state.middle))), (spread + error) * GROW + TINY))
        state.errors.append(error)

    def _result(self, op: str, x: Ball, y: Ball, *, same: bool, rounded: bool) -> tuple[Ball, float]:
        """Return a ball around an atom's results, and what it errs by itself."""
        own = 0.0
        if op == "times":
            low, high = corners(x, y)
            low = max(low, 0.0) if same else low
        elif op == "over":
            upside = inverse(y)
            low, high = corners(x, upside)
            small = 2 * self.arithmetic.h * (2 + size(x) + size(y) + size(upside))
            own = 3 * self.arithmetic.u * max(abs(low), abs(high)) + small
        else:
            low, high = span(op, *ends(x))
            own = self.arithmetic.unary_error(op, size(x), max(abs(low), abs(high)))
            own += 2 * self.arithmetic.h * (1 + size(x))
        own = own * GROW + TINY if rounded else 0.0
        m, r = ball(low, high)
        return (m, (r + own) * GROW), own

    def _add_atom(self, state: State, i: int, result: Ball, own: float) -> None:
        magnitude = size(result)
        if not magnitude < LARGEST:
            raise Unbounded(f"{self.atoms[i][0]} may give {magnitude:.6g}, above 2^60")
        state.middle.append(result[0])
        state.most.append(magnitude)
        state.radius.append(result[1] + self.slack * magnitude)
        state.local.append(own)

    def narrowed(self, centre: list[float], radius: list[float], point: State) -> State:
        """Return a state as ``forward`` does, narrower by the mean value theorem, with derivatives to y.

        A number's exact value is that at the centre, and its derivatives to y, enclosed over the box, times the way
        from there; a computed one is off by at most the derivatives to each earlier error times that error.

        Args:
            centre: of the box.
            radius: of the box.
            point: the state of its centre, without roundings.
        """
        state, rank, slack = self._begun(centre, radius), self.reach.rank, self.slack
        axes = range(rank)
        state.steep = [[float(key == axis + 1) for key in range(rank + 1)] for axis in axes]
        state.wide = [[slack * float(key == axis + 1) for key in range(rank + 1)] for axis in axes]
        off = [0.0] * (rank + 1)  # by key, what a computed number is off
        slopes: list[tuple[list[Ball], float]] = []  # of forms: derivatives to y, and what a computed one is off
        for i, (op, f, g, new) in enumerate(self.atoms):
            for j in new:
                self._add_form(state, j, rounded=True)
                each = self.forms[j]
                along = [self._along(each, state, axis) for axis in axes]
                error = (sum(map(mul, each.sizes, each.take(off))) + state.errors[j]) * GROW + TINY
                slopes.append((along, error))
                state.forms[j] = both(state.forms[j], around(point.forms[j], along, radius, error))
            result, own = self._result(op, state.forms[f], state.forms[g], same=f == g, rounded=True)
            (to_x, to_y), (x, x_off), (y, y_off) = self.slopes(state, i), slopes[f], slopes[g]
            along = [plus(times(to_x, x[axis]), times(to_y, y[axis])) for axis in axes]
            error = (size(to_x) * x_off + size(to_y) * y_off + own) * GROW + TINY
            value = point.middle[rank + 1 + i], point.radius[rank + 1 + i]
            self._add_atom(state, i, both(result, around(value, along, radius, error)), own)
            off.append(error)
            for axis, (m, r) in enumerate(along):
                state.steep[axis].append(m)
                state.wide[axis].append(r + slack * abs(m))
        return state

    @staticmethod
    def _along(form: Ready, state: State, axis: int) -> Ball:
        """Return a ball around a form's derivative to y on an axis."""
        middle = sum(map(mul, form.factors, form.take(state.steep[axis])))
        return middle, sum(map(mul, form.sizes, form.take(state.wide[axis]))) * GROW + TINY

    @staticmethod
    def lower(form: Ready, state: State, *, rounded: bool) -> float:
        """Return a lower bound of a form."""
        error = sum(map(mul, form.errors, form.take(state.most))) if rounded else 0.0
        spread = sum(map(mul, form.sizes, form.take(state.radius)))
        middle = sum(map(mul, form.factors, form.take(state.middle)))
        return math.nextafter(middle - (spread + error) * GROW - TINY, -math.inf)

    def slopes(self, state: State, i: int) -> tuple[Ball, Ball]:
        """Return balls around an atom's derivatives to its forms, on the box of a state."""
        if i not in state.slopes:
            op, f, g, _ = self.atoms[i]
            x, y = state.forms[f], state.forms[g]
            if op == "times":
                state.slopes[i] = y, x
            elif op == "over":
                upside = inverse(y)
                state.slopes[i] = upside, times((-x[0], x[1]), times(upside, upside))
            else:
                state.slopes[i] = ball(*slope(op, *ends(x))), (0.0, 0.0)
        return state.slopes[i]

    def gradient(self, form: Ready, state: State) -> tuple[list[Ball], float]:
        """Return balls around a form's derivatives to y over a box, and the sum of |adjoint| times error.

        The middle of a sum of products errs by less than ``slack`` times the terms' magnitudes, which is added where a
        form's adjoint is complete, before it is handed on.
        """
        slack, first = self.slack, self.reach.rank + 1
        middle, radius = [0.0] * len(state.middle), [0.0] * len(state.middle)
        above, around = [0.0] * len(self.forms), [0.0] * len(self.forms)
        total = sum(map(mul, form.errors, form.take(state.most)))
        for key, factor, most in zip(form.keys, form.factors, form.sizes, strict=True):
            middle[key] += factor
            radius[key] += most * slack
        for i in range(len(self.atoms) - 1, -1, -1):
            _, f, g, new = self.atoms[i]
            m, r = middle[first + i], radius[first + i]
            if m or r:
                total += (abs(m) + r) * state.local[first + i]
                for j, (steep, wide) in zip((f, g), self.slopes(state, i), strict=True):
                    above[j] += m * steep
                    around[j] += abs(m) * wide + r * (abs(steep) + wide) + slack * abs(m * steep)
            for j in new:
                m, r = above[j], around[j]
                if m or r:
                    total += (abs(m) + r) * state.errors[j]
                    each = self.forms[j]
                    r += slack * (abs(m) + r)
                    for key, factor, most in zip(each.keys, each.factors, each.sizes, strict=True):
                        middle[key] += m * factor
                        radius[key] += r * most
        found = [(m, r + slack * r) for m, r in zip(middle[1:first], radius[1:first], strict=True)]
        return [both(each, self._along(form, state, axis)) for axis, each in enumerate(found)], total


def least_squares(base: list[list[float]], means: int) -> list[list[float]]:
    """Return (B B')^-1 B in floats; nothing rests on it, as what it leaves of a map is counted as an error."""
    rank = len(base)
    rows = [[sum(map(mul, x, y)) for y in base] + list(x) for x in base]
    for i in range(rank):
        pivot = max(range(i, rank), key=lambda j: abs(rows[j][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        if not abs(rows[i][i]) > 0:
            return [[0.0] * means for _ in range(rank)]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for j in range(rank):
            if j != i and rows[j][i]:
                rows[j] = [x - rows[j][i] * y for x, y in zip(rows[j], rows[i], strict=True)]
    return [row[rank:] for row in rows]


# --- A cell ----------------------------------------------------------------------------------------------------------


class Cells:
    """Shows that the right token's logit is largest on cells of one step and one symbol of the query."""

    def __init__(self, tail: Tail) -> None:
        self.tail, self.reach, self.errors = tail, tail.reach, tail.reach.errors
        self.reason = ""

    def proves(self, cell: Cell, right: int) -> bool:
        """Say whether every pair in a cell has the right token largest; boxes are bisected on the way."""
        if not pairs_in(cell):
            return True
        rivals = [token for token in range(len(self.reach.step.logits)) if token != right]
        self.errors = self.reach.errors
        pending = [(*self.reach.box(cell, self.errors), rivals)]
        for i in range(BOXES):
            centre, radius, rivals = pending.pop()
            rivals, axis = self._left(cell, centre, radius, right, rivals, is_part=i > 1)
            if i == 0 and rivals:  # again with the errors that attention has in this cell, which are fewer
                self.errors = list(map(min, self.errors, self.reach.errors_in(cell)))
                pending.append((*self.reach.box(cell, self.errors), rivals))
                continue
            if rivals and axis is None:
                return False
            if rivals and axis is not None:
                half = 0.5 * radius[axis] * GROW + TINY
                for sign in (-1, 1):
                    moved = [c + sign * half if a == axis else c for a, c in enumerate(centre)]
                    # the halves cover the box: each is as wide as half of it, and as the rounding of its centre
                    width = [half * GROW + abs(moved[a]) * 2.0**-50 if a == axis else r for a, r in enumerate(radius)]
                    pending.append((moved, width, rivals))
            if not pending:
                return True
        self.reason = f"{BOXES} boxes are not enough; {self.reason}"
        return False

    def _left(
        self, cell: Cell, centre: list[float], radius: list[float], right: int, rivals: list[int], *, is_part: bool
    ) -> tuple[list[int], int | None]:
        """Return the rivals that one box does not rule out, and the axis to halve where that may help.

        The computed g . (y - c) is at least some number over the whole cell. Where that is above what it can be in a
        part of its box, no y of the cell is in there.
        """
        tail = self.tail
        axes = range(self.reach.rank)
        try:
            state = tail.forward(centre, radius, rounded=True)
            rivals = [v for v in rivals if not tail.lower(tail.difference(right, v), state, rounded=True) > 0]
            if not rivals:
                return [], None
            point = tail.forward(centre, [0.0] * self.reach.rank, rounded=False)
            state = tail.narrowed(centre, radius, point)
            rivals = [v for v in rivals if not tail.lower(tail.difference(right, v), state, rounded=True) > 0]
            if not rivals:
                return [], None
        except Unbounded as reason:
            self.reason = str(reason)
            return rivals, max(axes, key=radius.__getitem__, default=None)
        failing, worst, axis = [], math.inf, None
        for rival in rivals:
            form = tail.difference(right, rival)
            at_centre = tail.lower(form, point, rounded=False)
            slopes, errors = tail.gradient(form, state)
            curved = sum(wide * radius[a] for a, (_, wide) in enumerate(slopes))
            linear = sum(abs(steep) * radius[a] for a, (steep, _) in enumerate(slopes))
            rest = at_centre - (errors + curved) * INFLATED - abs(at_centre) * 2.0**-50 - TINY
            if rest - linear * INFLATED > 0:
                continue
            may_help = len(axes) > 1 and (rest > 0 or is_part)
            if may_help and self._lowest(slopes, centre, cell) > min(-rest, linear * INFLATED):
                continue
            failing.append(rival)
            if not rest - linear >= worst:
                worst = rest - linear
                shares = [(wide + 2.0**-10 * abs(steep)) * radius[a] for a, (steep, wide) in enumerate(slopes)]
                axis = max(axes, key=shares.__getitem__, default=None)
                self.reason = (
                    f"token {right} beats token {rival} by {at_centre:.6g} at the centre of a box, "
                    f"less {linear:.6g} (linear), {curved:.6g} (curvature), {errors:.6g} (rounding)"
                )
        return failing, axis

    def _lowest(self, slopes: list[Ball], centre: list[float], cell: Cell) -> float:
        """Return a lower bound of g . (y - c), the computed y being the nominal one up to the errors of attention."""
        direction = [steep for steep, _ in slopes]
        terms = list(map(mul, direction, centre))
        errors = sum(abs(g) * e for g, e in zip(direction, self.errors, strict=True))
        least = self.reach.lowest(direction, cell)
        noise = (sum(map(abs, terms)) + abs(least)) * (len(terms) + 4) * 2 * EPS
        bound: float = least - sum(terms) - (errors + noise) * INFLATED - TINY
        return bound


# --- The certificate (section 7) -------------------------------------------------------------------------------------

KEYS = ("schema", "graph", "sha256", "steps", "statement", "assumptions", "record")
MASK = re.compile("[0-9a-f]{1,50}")  # 200 options
FAULTS = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, MemoryError)


@dataclass
class Verdict:
    """What the checker says of a certificate.

    Attributes:
        objections: why it is rejected; none where it is accepted.
        unproved: the leaves that were not proved: step, symbol of the query, tree, and place among the tree's nodes.
        leaves, open_leaves: how many were proved, and how many are left open.
        open_pairs: in open leaves, each pair as often as it is open.
        pairs: of operands, in all.
        undecided: whether the time was used up, so that it is rejected for that.
        statement: the theorem, once it is accepted.
    """

    objections: list[str] = field(default_factory=list)
    unproved: list[tuple[int, int, int, int]] = field(default_factory=list)
    leaves: int = 0
    open_leaves: int = 0
    open_pairs: int = 0
    pairs: int = 0
    undecided: bool = False
    statement: str = ""

    @property
    def accepted(self) -> bool:
        """Whether all that the certificate claims is proved."""
        return bool(self.statement) and not self.objections

    @property
    def proved(self) -> bool:
        """Whether it is proved of all pairs."""
        return self.accepted and not self.open_leaves

    @property
    def pairs_right(self) -> int:
        """How many pairs are right for certain, at least."""
        return max(self.pairs - self.open_pairs, 0) if self.accepted else 0


def leaves_of(tree: Any, root: Cell, place: str) -> Iterator[tuple[int, Cell, int]]:
    """Yield each leaf's place among the nodes of a tree, its cell, and 0 or 1: it is to be proved, or left open."""
    pending = [root]
    for i, node in enumerate(list_of(tree, place)):
        demand(bool(pending), f"{place}[{i}]", node, "nothing, as the tree has ended")
        cell = pending.pop()
        if type(node) is int:
            yield i, cell, count(node, f"{place}[{i}]", 0, 1)
            continue
        column, mask = list_of(node, f"{place}[{i}]", 2, 2)
        count(column, f"{place}[{i}][0]", 0, len(root) - 1)
        fits = isinstance(mask, str) and MASK.fullmatch(mask) is not None
        demand(fits, f"{place}[{i}][1]", mask, "a set of options: 1 to 50 digits in hex")
        left = int(mask, 16)
        parts = (cell[column] & ~left, cell[column] & left)  # the left one is taken first
        pending += [[*cell[:column], part, *cell[column + 1 :]] for part in parts]
    demand(not pending, f"the number of parts that {place} leaves out", len(pending), "0")


def root_of(digits: int, *given: tuple[Token, int]) -> Cell:
    """Return the cell at which tokens have symbols."""
    cell = [FULL] * digits
    for token, symbol in given:
        if token.column >= 0:
            cell[token.column] &= token.mask(symbol)
        # a constant has one symbol, and every option has it
    return cell


class Checker:
    """Goes through a certificate, and counts."""

    def __init__(self, certificate: dict[str, Any], time_left: Callable[[], float] | None, most: float) -> None:
        self.time_left, self.most = time_left, most
        schema, graph, sha256, steps, said, assumptions, _ = keys_of(certificate, "the certificate", KEYS)
        demand(schema == SCHEMA, "schema", schema, SCHEMA)
        self.graph, self.steps = read_graph(graph), steps
        demand(sha256 == digest_of(graph), "sha256", sha256, f"that of the graph, {digest_of(graph)}")
        self.plain, self.said = graph, said
        keys_of(assumptions, "assumptions", tuple(ASSUMPTIONS))
        for name, text in ASSUMPTIONS.items():
            demand(assumptions[name] == text, f"assumptions.{name}", assumptions[name], text)
        list_of(steps, "steps", len(self.graph.answer), len(self.graph.answer))
        self.found = Verdict(pairs=10 ** (2 * self.graph.digits))

    def run(self) -> Verdict:
        """Return what is found; a step with a fault is left, and the next one is checked."""
        tables = Tables(self.graph)
        for k, given in enumerate(self.steps):
            try:
                self._step(Step(tables, k), given, f"steps[{k}]")
            except OutOfTime:
                self.found.undecided = True
                self.found.objections.append(f"the time ran out in steps[{k}], after {self.found.leaves} proved leaves")
                return self.found
            except Rejected as reason:
                self.found.objections.append(str(reason))
            except FAULTS as reason:
                self.found.objections.append(f"steps[{k}] cannot be followed: {type(reason).__name__}: {reason}")
            if len(self.found.objections) >= 2 * SEEN or len(self.found.unproved) >= self.most:
                return self.found
        said = statement(self.plain, self.found.open_leaves)
        demand(self.said == said, "statement", self.said, said)
        self.found.statement = said
        return self.found

    def _step(self, step: Step, given: Any, place: str) -> None:
        (queries,) = keys_of(given, place, ("queries",))
        symbols = len(step.entry.tokens)
        for symbol, query in enumerate(list_of(queries, f"{place}.queries", symbols, symbols)):
            self._query(step, symbol, query, f"{place}.queries[{symbol}]")

    def _query(self, step: Step, symbol: int, query: Any, place: str) -> None:
        means, base, trees = keys_of(query, place, ("means", "base", "trees"))
        for i, node in enumerate(list_of(means, f"{place}.means")):
            known = type(node) is int and node in step.means and node not in means[:i]
            demand(known, f"{place}.means[{i}]", node, "a node that is a mean, named once")
        missing = sorted(step.needed.difference(means))
        demand(not missing, f"the list of means that are read, but missing in {place}.means", missing, "empty")
        rows = [
            [number(x, f"{place}.base[{i}]") for x in list_of(row, f"{place}.base[{i}]", len(means), len(means))]
            for i, row in enumerate(list_of(base, f"{place}.base", 0, len(means)))
        ]
        demand(all(abs(x) < LARGEST for row in rows for x in row), f"{place}.base", base, "of numbers below 2^60")
        list_of(trees, f"{place}.trees", len(step.answer.tokens), len(step.answer.tokens))
        whole = root_of(self.graph.digits, (step.entry, symbol))
        cells = Cells(Tail(Reach(AtQuery(step, symbol), means, rows, whole, place))) if pairs_in(whole) else None
        for target, tree in enumerate(trees):
            root = root_of(self.graph.digits, (step.entry, symbol), (step.answer, target))
            for leaf, cell, is_open in leaves_of(tree, root, f"{place}.trees[{target}]"):
                if self.time_left is not None and not self.time_left() > 0:
                    raise OutOfTime
                if is_open:
                    self.found.open_leaves += 1
                    self.found.open_pairs += pairs_in(cell)
                elif cells is None or cells.proves(cell, step.answer.tokens[target]):  # no pair has this symbol
                    self.found.leaves += 1
                else:
                    self.found.unproved.append((step.k, symbol, target, leaf))
                    self._object(f"{place}.trees[{target}][{leaf}] is not proved: {cells.reason}")

    def _object(self, objection: str) -> None:
        if len(self.found.unproved) >= self.most:
            raise Rejected(f"{objection}; no more was checked")
        if len(self.found.objections) < SEEN:
            self.found.objections.append(objection)


def check(certificate: Any, *, time_left: Callable[[], float] | None = None, most: float = SEEN) -> Verdict:
    """Return what the checker says of a certificate, given as JSON gives it.

    ``time_left`` gives seconds; where there are none, what is left of the certificate is not checked: it is rejected.
    So it is after ``most`` leaves that are not proved.
    """
    try:
        return Checker(certificate, time_left, most).run()
    except FAULTS as reason:
        text = str(reason) if isinstance(reason, Rejected) else f"{type(reason).__name__}: {reason}"
        return Verdict(objections=[text])


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Take a JSON object in; where a name stands twice, readers would read different certificates."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def read(data: bytes) -> Any:
    """Return the JSON of a certificate, plain or gzip.

    Raises:
        ValueError: it is none, or too long, or too deep, or has a name twice in an object.
    """
    try:
        if data[:2] == b"\x1f\x8b":
            unzip = zlib.decompressobj(wbits=31)
            data = unzip.decompress(data, BYTES + 1)
            if len(data) <= BYTES and (not unzip.eof or unzip.unused_data):
                raise ValueError("gzip that is cut short, or has more than one part")
        if len(data) > BYTES:
            raise ValueError(f"more than {BYTES} bytes")
        return json.loads(data.decode("utf-8"), object_pairs_hook=unambiguous, parse_constant=_no_number)
    except (zlib.error, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def read_file(path: Path | str) -> Any:
    """Return the JSON of the certificate in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, or too much of it.
    """
    with Path(path).open("rb") as file:
        return read(file.read(BYTES + 1))


def told(found: Verdict) -> list[str]:
    """Return in words what the checker says."""
    if not found.accepted:
        word = "undecided" if found.undecided else "rejected"
        return [f"{word}: {objection}" for objection in found.objections]
    right = "all pairs are" if found.proved else f"at least {found.pairs_right} of {found.pairs} pairs are"
    lines = [f"accepted: {right} right", found.statement, f"leaves proved: {found.leaves}, open: {found.open_leaves}"]
    return [*lines, "assumptions:", *(f"  {name}: {text}" for name, text in ASSUMPTIONS.items())]


def main(arguments: list[str]) -> int:
    """Check the file named on the command line: 0 accepted, 1 rejected, 2 no certificate."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python checker.py CERTIFICATE\n")
        return 2
    try:
        certificate = read_file(arguments[0])
    except (OSError, ValueError, MemoryError) as error:
        sys.stderr.write(f"{arguments[0]!a} is no certificate: {str(error)!a}\n")
        return 2
    if not isinstance(certificate, dict) or certificate.get("schema") != SCHEMA:
        sys.stderr.write(f"{arguments[0]!a} is no certificate of schema {SCHEMA}\n")
        return 2
    found = check(certificate)
    sys.stdout.write("\n".join(told(found)) + "\n")
    return 0 if found.accepted else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
