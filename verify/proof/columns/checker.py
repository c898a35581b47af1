"""Checks a theorem about an adder of one layer: the standard library alone, no line shared with the prover.

Run it as ``python checker.py CERTIFICATE``: 0 accepted, 1 rejected, 2 no certificate. It is written from
docs/columns.md, whose sections it names. From graph and layout it derives tables, kinds, sums over columns, enclosures
and error bounds, all of them itself, and shows each leaf; from the certificate it takes what to show, the trees, and
coordinates.

Its own arithmetic is IEEE double, to nearest. A *ball* (m, r) is the interval [m - r, m + r] of real numbers. Radii and
error bounds are sums of terms that are not negative, so that n roundings understate them by at most a factor of
1 - n 2^-53; each is grown by GROW = 1 + 2^-40, which pays for 8,000 of them, and no sum has more than LONGEST = 4,096
terms. TINY pays for what underflows. Middles err by at most n 2^-53 of the sum of their terms' magnitudes, and each
place says how that is paid. Every comparison that accepts is written so that nan rejects.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from operator import itemgetter, mul
from pathlib import Path
from typing import Any

SCHEMA, GRAPH_SCHEMA = "adder-columns/1", "adder-graph/1"
U = {"float32": 2.0**-24, "float64": 2.0**-53}
H = {"float32": 2.0**-126, "float64": 2.0**-1022}
HUGE, SMALL = 2.0**120, 2.0**-100  # section 2: beyond these nothing is proved
LARGEST = 2.0**60  # of a number of the tail; what lies between such numbers is bounded by HUGE once for all cells
LONGEST = 4096  # terms of a sum, scores of a row, tokens of a layout
BYTES, DEPTH = 1 << 28, 64  # of a certificate
GROW, TINY = 1 + 2.0**-40, 2.0**-1000
EPS = 2.0**-53
# libm's exp, erfc, tanh and expm1 err by a few units of the last place at most (glibc states 1 to 5, others are like
# it); this is 512 of them, and pays for the few operations around the call as well.
LIBM = 2.0**-44
NATS = {"float32": -126 * 0.6931471805599454, "float64": -1022 * 0.6931471805599454}  # above log(h)
BOXES, PARTS, SEEN = 96, 24, 10  # boxes a cell, cells that a leaf is split into here, objections that are told

ASSUMPTIONS = {
    "graph": "The graph is what is proved of. That a program computes it, decodes greedily and reads these tokens as "
    "digits is no part of the theorem.",
    "operations": "u is 2^-24 for float32 and 2^-53 for float64. Against the exact function of the computed arguments,"
    " add, sub, mul, sq and round err by at most u of the result, div by 3 u, sqrt by 2 u, rsqrt by 4 u, exp by 40 u, "
    "tanh and sigmoid by 16 u; silu, gelu and gelu_tanh by 8 u of the argument's magnitude; neg, abs and relu not at "
    "all; a constant that is no number of the dtype by u.",
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
}  # fmt: skip

Ball = tuple[float, float]
Functional = dict[int, float]  # of the magnitudes of the tail's numbers: an upper bound of something
Form = tuple[int, dict[int, int]]  # s and integers n: the exact sum of n 2^-s x over its keys


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


def _gelu_tanh(x: float) -> float:
    inner = ROOT_OF_TWO_OVER_PI * (x + CUBIC * x * x * x)
    return 0.5 * x * (1 + math.tanh(inner))


def _gelu_tanh_slope(x: float) -> float:
    if abs(x) > 40:  # 1 - tanh is below 2^-1000 there, and so is its product with all that grows like a power
        return 1.0 if x > 0 else 0.0
    inner = ROOT_OF_TWO_OVER_PI * (x + CUBIC * x * x * x)
    return 0.5 * (1 + math.tanh(inner)) + 0.5 * x * _sech2(inner) * ROOT_OF_TWO_OVER_PI * (1 + 3 * CUBIC * x * x)


# The error of each: exp, tanh, sigmoid relative to the value; of x times a function f of z = x times a constant (or the
# cubic, whose terms have one sign), relative to x: z is off by a few 2^-53 of itself, and |z f'(z)| < 1 for all of
# them. So too for derivatives, whose terms are at most 2 and change by at most 8 of z's relative error, absolutely.
RISING: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "tanh": math.tanh, "sigmoid": _sigmoid, "sqrt": math.sqrt, "rsqrt": lambda x: 1 / math.sqrt(x),
}  # fmt: skip
DIPPING: dict[str, Callable[[float], float]] = {
    "silu": lambda x: x * _sigmoid(x),
    "gelu": lambda x: 0.5 * x * math.erfc(-x * ROOT_OF_HALF),
    "gelu_tanh": _gelu_tanh,
}
SLOPES: dict[str, Callable[[float], float]] = {
    "silu": lambda x: _sigmoid(x) + x * _sigmoid(x) * _sigmoid(-x),
    "gelu": lambda x: 0.5 * math.erfc(-x * ROOT_OF_HALF) + x * math.exp(-0.5 * x * x) / ROOT_OF_TWO_PI,
    "gelu_tanh": _gelu_tanh_slope,
}
UNARY = ("abs", "relu", *RISING, *DIPPING)
RELATIVE = {"sqrt": 2, "rsqrt": 4, "exp": 40, "tanh": 16, "sigmoid": 16}  # times u of the result: section 2


def _around(low: float, high: float, slack: float) -> tuple[float, float]:
    return low - abs(low) * slack - TINY, high + abs(high) * slack + TINY


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
        return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))
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
    near = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    far = max(abs(low), abs(high))
    if op == "tanh":
        return _around(_sech2(far), _sech2(near), LIBM)
    return _around(0.25 * _sech2(0.5 * far), 0.25 * _sech2(0.5 * near), LIBM)


# --- The graph: form (section 1) -------------------------------------------------------------------------------------

ANSWERS, PROMPTS = ("constant", "sum", "state"), ("constant", "a", "b", "pair")
ONE = ("neg", "sq", "round", *UNARY)
TWO = ("add", "sub", "mul", "div")


def _is_count(value: Any, below: int) -> bool:
    return type(value) is int and 0 <= value < below


def _told(value: Any) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value))
    return text if len(text) <= 120 else text[:120] + "..."


def demand(holds: bool, place: str, value: Any, wanted: str) -> None:
    """Raise ``Rejected`` with the place and the value unless something holds."""
    if not holds:
        raise Rejected(f"{place} is {_told(value)}, but must be {wanted}")


def keys_of(value: Any, place: str, names: tuple[str, ...]) -> None:
    """Demand an object with these keys and no others."""
    demand(isinstance(value, dict), place, value, "an object")
    for name in value:
        demand(name in names, f"a key of {place}", name, f"one of {', '.join(names)}")
    for name in names:
        demand(name in value, f"the list of keys of {place}", sorted(value), f"with {name}")


def list_of(value: Any, place: str, length: int | None = None) -> list[Any]:
    """Demand a list, of a length where one is given."""
    demand(isinstance(value, list), place, value, "a list")
    demand(length is None or len(value) == length, f"the length of {place}", len(value), str(length))
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


@dataclass(frozen=True)
class Token:
    """One entry of the layout, and which symbol each option of its column stands for."""

    feature: str
    column: int  # whose options determine it; -1 where nothing does
    tokens: list[int]
    symbols: list[int]  # by option

    def mask(self, symbol: int) -> int:
        """Return the set of options with a symbol."""
        return sum(1 << option for option, each in enumerate(self.symbols) if each == symbol)


OPTIONS = [(option // 100, option // 10 % 10, option % 10) for option in range(200)]
CARRY = [(c, (c + a + b) // 10) for c, a, b in OPTIONS]  # in and out
FULL = (1 << 200) - 1


def _symbol(feature: str, last: bool, option: tuple[int, int, int]) -> int:
    c, a, b = option
    total = a + b + c
    if feature in ("sum", "state") and last:
        return total // 10
    return {"constant": 0, "a": a, "b": b, "pair": 10 * a + b, "sum": total % 10, "state": total}[feature]


def read_token(entry: Any, place: str, digits: int, vocabulary: int, features: tuple[str, ...]) -> Token:
    """Return one entry of the layout."""
    keys_of(entry, place, ("feature", "column", "tokens"))
    feature, column = entry["feature"], entry["column"]
    demand(feature in features, f"{place}.feature", feature, f"one of {', '.join(features)}")
    limit = {"constant": 1, "sum": digits + 1, "state": digits + 1}.get(feature, digits)
    demand(_is_count(column, limit), f"{place}.column", column, f"an integer from 0 to {limit - 1}")
    last = feature in ("sum", "state") and column == digits
    count = 2 if last else {"constant": 1, "a": 10, "b": 10, "pair": 100, "sum": 10, "state": 20}[feature]
    tokens = list_of(entry["tokens"], f"{place}.tokens", count)
    for i, token in enumerate(tokens):
        demand(_is_count(token, vocabulary), f"{place}.tokens[{i}]", token, f"an integer from 0 to {vocabulary - 1}")
    symbols = [_symbol(feature, last, option) for option in OPTIONS]
    return Token(feature, -1 if feature == "constant" else column - last, tokens, symbols)


def check_answer(answer: list[Token], digits: int, choices: int) -> None:
    """Demand that the answer's tokens determine the sum, and that the decoder can choose them."""
    seen = []
    for i, entry in enumerate(answer):
        place = f"graph.answer[{i}].tokens"
        demand(all(token < choices for token in entry.tokens), place, entry.tokens, f"below choices, {choices}")
        if entry.feature == "constant":
            continue
        seen.append(entry.column + (len(entry.tokens) == 2))
        digit_of: dict[int, int] = {}
        for symbol, token in enumerate(entry.tokens):
            unique = digit_of.setdefault(token, symbol % 10) == symbol % 10
            demand(unique, place, entry.tokens, "distinct for distinct digits")
    demand(
        sorted(seen) == list(range(digits + 1)),
        "the list of columns in graph.answer",
        seen,
        f"each of 0 to {digits} once",
    )


Node = tuple[Any, ...]


def read_node(node: Any, place: str, index: int, positions: int, tables: int) -> Node:
    """Return a node, its numbers read; its arguments are earlier nodes."""
    demand(isinstance(node, list) and bool(node) and isinstance(node[0], str), place, node, "a list with a name first")
    op = node[0]

    def earlier(value: Any) -> int:
        demand(_is_count(value, index), f"an argument of {place}", value, f"a node before {index}")
        return value  # type: ignore[no-any-return]

    def terms(value: Any, least: int) -> list[Any]:
        fits = isinstance(value, list) and least <= len(value) <= LONGEST
        demand(fits, f"the terms of {place}", value, f"a list of {least} to {LONGEST}")
        return value  # type: ignore[no-any-return]

    arity = {"const": 1, "tok": 2, "sum": 1, "dot": 1, "smax": 2} | dict.fromkeys(ONE, 1) | dict.fromkeys(TWO, 2)
    demand(op in arity, f"{place}[0]", op, "the name of an operation")
    demand(len(node) == arity[op] + 1, f"the length of {place}", len(node), str(arity[op] + 1))
    if op == "const":
        return op, number(node[1], f"{place}[1]")
    if op == "tok":
        demand(_is_count(node[1], positions), f"{place}[1]", node[1], f"a position below {positions}")
        demand(_is_count(node[2], tables), f"{place}[2]", node[2], f"a table below {tables}")
        return op, node[1], node[2]
    if op == "sum":
        return op, tuple(earlier(x) for x in terms(node[1], 2))
    if op == "dot":
        pairs = [list_of(pair, f"a term of {place}", 2) for pair in terms(node[1], 2)]
        return op, tuple((earlier(x), earlier(y)) for x, y in pairs)
    if op == "smax":
        row = tuple(earlier(x) for x in terms(node[1], 1))
        demand(_is_count(node[2], len(row)), f"{place}[2]", node[2], f"a position in a row of {len(row)}")
        return op, row, node[2]
    return op, *(earlier(x) for x in node[1:])


def arguments(node: Node) -> Iterator[int]:
    """Yield the nodes that a node reads."""
    op = node[0]
    if op == "dot":
        for pair in node[1]:
            yield from pair
    elif op in ("sum", "smax"):
        yield from node[1]
    elif op not in ("const", "tok"):
        yield from node[1:]


@dataclass(frozen=True)
class Graph:
    """A graph whose form is sound."""

    digits: int
    dtype: str
    choices: int
    prompt: list[Token]
    answer: list[Token]
    tables: list[list[float]]
    steps: list[tuple[list[Node], list[int]]]
    digest: str

    def token(self, position: int) -> Token:
        """Return the entry of the layout at a position."""
        return (self.prompt + self.answer)[position]


def digest_of(graph: dict[str, Any]) -> str:
    """Return the sha256 of a graph as JSON with sorted keys and without spaces."""
    return hashlib.sha256(json.dumps(graph, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_graph(graph: Any) -> Graph:
    """Return a graph after every check of its form that needs no arithmetic."""
    names = ("schema", "digits", "dtype", "vocabulary", "choices", "prompt", "answer", "tables", "steps")
    keys_of(graph, "graph", names)
    demand(graph["schema"] == GRAPH_SCHEMA, "graph.schema", graph["schema"], GRAPH_SCHEMA)
    digits, vocabulary, choices = graph["digits"], graph["vocabulary"], graph["choices"]
    demand(_is_count(digits, 21) and digits > 0, "graph.digits", digits, "an integer from 1 to 20")
    demand(isinstance(graph["dtype"], str) and graph["dtype"] in U, "graph.dtype", graph["dtype"], "float32 or float64")
    demand(_is_count(vocabulary, 1 << 20) and vocabulary > 1, "graph.vocabulary", vocabulary, "an integer from 2")
    demand(_is_count(choices, vocabulary + 1) and choices > 1, "graph.choices", choices, f"from 2 to {vocabulary}")
    entries = {}
    for name, features in (("prompt", PROMPTS), ("answer", ANSWERS)):
        given = list_of(graph[name], f"graph.{name}")
        demand(0 < len(given) <= LONGEST, f"the length of graph.{name}", len(given), f"from 1 to {LONGEST}")
        places = [(each, f"graph.{name}[{i}]") for i, each in enumerate(given)]
        entries[name] = [read_token(each, place, digits, vocabulary, features) for each, place in places]
    check_answer(entries["answer"], digits, choices)
    tables = [
        list_of(table, f"graph.tables[{i}]", vocabulary)
        for i, table in enumerate(list_of(graph["tables"], "graph.tables"))
    ]
    read = [[number(x, f"graph.tables[{i}][{j}]") for j, x in enumerate(table)] for i, table in enumerate(tables)]
    steps = []
    for k, step in enumerate(list_of(graph["steps"], "graph.steps", len(entries["answer"]))):
        place = f"graph.steps[{k}]"
        keys_of(step, place, ("nodes", "logits"))
        given = list_of(step["nodes"], f"{place}.nodes")
        positions = len(entries["prompt"]) + k
        nodes = [read_node(node, f"{place}.nodes[{i}]", i, positions, len(read)) for i, node in enumerate(given)]
        logits = list_of(step["logits"], f"{place}.logits", choices)
        for token, node in enumerate(logits):
            demand(_is_count(node, len(nodes)), f"{place}.logits[{token}]", node, f"a node below {len(nodes)}")
        steps.append((nodes, logits))
    prompt, answer = entries["prompt"], entries["answer"]
    return Graph(digits, graph["dtype"], choices, prompt, answer, read, steps, digest_of(graph))


def statement(graph: dict[str, Any]) -> str:
    """Return the theorem in words."""
    digits, steps = graph["digits"], len(graph["answer"])
    return (
        f"For all integers 0 <= a, b < 10^{digits} whose options lie in no open leaf, and without open leaves these "
        f"are all pairs: in every admissible evaluation in {graph['dtype']} of the graph with sha256 "
        f"{digest_of(graph)}, at each of its {steps} steps, given the prompt and the right tokens before, the logit of "
        f"the right token of a + b is strictly larger than that of each other of the first {graph['choices']} tokens; "
        f"so that greedy decoding emits the {steps} tokens that spell a + b."
    )


# --- Before attention: tables (sections 2 and 4) ---------------------------------------------------------------------


class Arithmetic:
    """What one operation may err by, in one dtype; each method returns a ball around exact and computed values."""

    def __init__(self, dtype: str) -> None:
        self.dtype, self.u, self.h = dtype, U[dtype], H[dtype]

    def gamma(self, n: int) -> float:
        """Return g(n), grown."""
        return n * self.u / (1 - n * self.u) * GROW

    def const(self, value: float) -> Ball:
        """Return a constant, which may have to be rounded to the dtype."""
        if self.dtype == "float32" and not _is_single(value):
            return value, abs(value) * self.u * GROW + TINY
        return value, 0.0

    def padded(self, x: Ball, error: float, count: int, operands: float) -> Ball:
        """Return a ball with an error, and with what small numbers may do."""
        radius = (x[1] + error + 2 * self.h * (count + operands)) * GROW + TINY
        if not abs(x[0]) + radius < HUGE:
            raise Unbounded(f"{_short((x[0], radius))} may reach 2^120")
        return x[0], radius

    def summed(self, terms: list[tuple[Ball, Ball]], products: bool) -> Ball:
        """Return a sum of products, or of the first factors; the middle's own n + 2 roundings are paid for by name."""
        middle = radius = magnitudes = operands = 0.0
        for (x, dx), (y, dy) in terms:
            product, spread = x * y, abs(x) * dy + dx * (abs(y) + dy)
            middle += product
            radius += spread
            magnitudes += abs(product) + spread
            operands += abs(x) + dx + (abs(y) + dy if products else 0.0)
        n = len(terms)
        if not magnitudes < HUGE / 2:
            raise Unbounded(f"a sum whose terms have magnitudes of {magnitudes:.6g} may reach 2^120")
        return self.padded((middle, radius), (self.gamma(n + 1) + (n + 2) * EPS) * magnitudes, n, operands)

    def unary(self, op: str, x: Ball) -> Ball:
        """Return a function of one variable."""
        low, high = ends(x)
        first, last = span(op, low, high)
        return self.padded(ball(first, last), self.unary_error(op, size(x), max(abs(first), abs(last))), 1, size(x))

    def unary_error(self, op: str, argument: float, result: float) -> float:
        """Return what a function of one variable errs by, small numbers apart."""
        return 8 * self.u * argument if op in DIPPING else RELATIVE.get(op, 0) * self.u * result

    def divided(self, x: Ball, y: Ball) -> Ball:
        """Return a quotient; a numerator that becomes 0 costs 2 h / |y|."""
        upside = inverse(y)
        exact = times(x, upside)
        return self.padded(exact, 3 * self.u * size(exact) + 2 * self.h * size(upside), 2, size(x) + size(y))

    def few(self, op: str, xs: list[Ball], pairs: list[tuple[Ball, Ball]]) -> Ball:
        """Return the value of a node whose arguments are known."""
        if op in ("sum", "dot"):
            return self.summed(pairs, op == "dot")
        if op in UNARY:
            return self.unary(op, xs[0])
        if op == "div":
            return self.divided(xs[0], xs[1])
        if op == "neg":
            return self.padded((-xs[0][0], xs[0][1]), 0.0, 1, size(xs[0]))
        operands = sum(map(size, xs))
        if op in ("mul", "sq"):
            exact = times(xs[0], xs[-1])
        elif op == "round":
            exact = xs[0]
        else:
            exact = plus(xs[0], xs[1] if op == "add" else (-xs[1][0], xs[1][1]))
        return self.padded(exact, self.u * size(exact), len(xs), operands)


def _is_single(value: float) -> bool:
    """Say whether a number is a float32: 24 bits, of which none is worth less than 2^-149."""
    top, bottom = value.as_integer_ratio()
    return abs(value) < 2.0**128 and top.bit_length() - _trailing(top) <= 24 and bottom <= 1 << 149


def _trailing(n: int) -> int:
    return (n & -n).bit_length() - 1 if n else 0


UNIT: Ball = (1.0, 0.0)


class Tables:
    """Every node before attention that any step has, once: a table over the symbols of the token it depends on."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.arithmetic = graph, Arithmetic(graph.dtype)
        self.known: dict[tuple[Any, ...], int] = {}
        self.nodes: list[tuple[str, tuple[Any, ...]]] = []
        self.tokens: list[frozenset[int]] = []  # positions that a node depends on
        self.values: list[list[Ball] | None] = []  # by symbol; None where there are two tokens

    def node(self, node: Node, ids: dict[int, int]) -> int:
        """Return the id of a node whose arguments have ids."""
        op = node[0]
        if op in ("const", "tok"):
            key = node
        elif op == "dot":
            key = (op, tuple((ids[x], ids[y]) for x, y in node[1]))
        elif op == "sum":
            key = (op, tuple(ids[x] for x in node[1]))
        else:
            key = (op, *(ids[x] for x in node[1:]))
        if op == "const":
            key = (op, node[1].hex())
        if key not in self.known:
            self.known[key] = self._new(node, key)
        return self.known[key]

    def _new(self, node: Node, key: tuple[Any, ...]) -> int:
        op = node[0]
        entry = self.graph.token(node[1]) if op == "tok" else None
        if op == "const":
            depends, values = frozenset[int](), [self.arithmetic.const(node[1])]
        elif entry is not None:
            depends = frozenset(() if entry.column < 0 else (node[1],))
            values = [self.arithmetic.const(self.graph.tables[node[2]][token]) for token in entry.tokens]
        else:
            depends = frozenset().union(*(self.tokens[x] for x in _ids(key)))
            values = []
        self.nodes.append((op, key))
        self.tokens.append(depends)
        self.values.append(values or None)
        made = len(self.nodes) - 1
        if not values and len(depends) <= 1:
            count = max((len(self.values[x] or ()) for x in _ids(key)), default=1)
            self.values[made] = [self.entry(made, [self.at(x, i) for x in _ids(key)]) for i in range(count)]
        return made

    def at(self, x: int, symbol: int) -> Ball:
        """Return the entry of a table, which has one where it depends on nothing."""
        values = self.values[x]
        assert values is not None  # noqa: S101 - nodes of two tokens are refused before anything reads them here
        return values[symbol if len(values) > 1 else 0]

    def entry(self, x: int, given: list[Ball]) -> Ball:
        """Return a node's value for values of its arguments, in the order of ``_ids``."""
        op = self.nodes[x][0]
        if op == "dot":
            return self.arithmetic.few(op, [], list(zip(given[::2], given[1::2], strict=True)))
        if op == "sum":
            return self.arithmetic.few(op, [], [(each, UNIT) for each in given])
        return self.arithmetic.few(op, given, [])


def _ids(key: tuple[Any, ...]) -> list[int]:
    if key[0] == "dot":
        return [x for pair in key[1] for x in pair]
    if key[0] in ("const", "tok"):
        return []
    return list(key[1]) if key[0] == "sum" else list(key[1:])


# --- A step: kinds (section 4) ---------------------------------------------------------------------------------------

FEW, WEIGHT, MEAN, TAIL = "before attention", "a weight", "a mean", "after attention"


@dataclass
class Mean:
    """A row, and the value (an id of a table; None is 1) of each position that takes part."""

    row: tuple[int, ...]
    values: dict[int, int | None]


class Step:
    """One step of the graph: what each live node is, and the order of computation."""

    def __init__(self, tables: Tables, k: int) -> None:
        self.tables, self.graph, self.k = tables, tables.graph, k
        self.nodes, self.logits = self.graph.steps[k]
        self.query, self.answer = len(self.graph.prompt) + k - 1, self.graph.answer[k]
        self.entry = self.graph.token(self.query)
        self.kind: dict[int, str] = {}
        self.ids: dict[int, int] = {}  # of nodes before attention
        self.rows: list[tuple[int, ...]] = []
        self.weights: dict[int, tuple[tuple[int, ...], int]] = {}
        self.means: dict[int, Mean] = {}
        self.tail: list[int] = []
        live = self._live()
        for i in live:
            try:
                self._classify(i)
            except Unbounded as reason:
                raise Rejected(f"{self.place(i)}: {reason}") from None
        readers = [*self.tail, -1]
        for reader in readers:
            for x in self.logits[: self.graph.choices] if reader < 0 else arguments(self.nodes[reader]):
                if self.kind[x] == WEIGHT:
                    row, position = self.weights[x]
                    self.means[x] = Mean(row, {position: None})
                if self.kind[x] == FEW and self.depends(self.ids[x]):
                    raise Rejected(
                        f"{self.place(x)} is read after attention, but depends on another token than the query"
                    )
        read = {x for reader in self.tail for x in arguments(self.nodes[reader])} | set(
            self.logits[: self.graph.choices]
        )
        self.needed = {x for x in self.means if x in read}

    def place(self, i: int) -> str:
        """Return a node's place, in words."""
        return f"graph.steps[{self.k}].nodes[{i}] ({self.nodes[i][0]})"

    def depends(self, x: int) -> frozenset[int]:
        """Return the tokens other than the query that a node before attention depends on."""
        return self.tables.tokens[x] - {self.query}

    def _live(self) -> list[int]:
        live, pending = set(), list(self.logits[: self.graph.choices])
        while pending:
            i = pending.pop()
            if i not in live:
                live.add(i)
                pending += arguments(self.nodes[i])
        return sorted(live)

    def _classify(self, i: int) -> None:
        node = self.nodes[i]
        op, kinds = node[0], {self.kind[x] for x in arguments(node)}
        if op == "smax":
            if kinds != {FEW}:
                raise Rejected(
                    f"{self.place(i)} has a score that is {', '.join(sorted(kinds - {FEW}))}: a second layer"
                )
            row = tuple(self.ids[x] for x in node[1])
            self.kind[i], self.weights[i] = WEIGHT, (row, node[2])
            if row not in self.rows:
                self.rows.append(row)
        elif kinds <= {FEW}:
            self.kind[i], self.ids[i] = FEW, self.tables.node(node, self.ids)
            others = self.depends(self.ids[i])
            if len(others) > 1:
                raise Rejected(
                    f"{self.place(i)} depends on the tokens {sorted(others)} beside the query, but may on one"
                )
        elif (mean := self._mean(node)) is not None:
            self.kind[i], self.means[i] = MEAN, mean
        else:
            self.kind[i] = TAIL
            self.tail.append(i)

    def _mean(self, node: Node) -> Mean | None:
        """Return a mean, where a node has the form of one (section 2)."""
        if node[0] not in ("dot", "mul"):
            return None
        found: dict[int, int | None] = {}
        rows = set()
        for pair in node[1] if node[0] == "dot" else [node[1:]]:
            x, y = pair if self.kind[pair[0]] == WEIGHT else pair[::-1]
            if self.kind[x] != WEIGHT or self.kind[y] != FEW:
                return None
            row, position = self.weights[x]
            rows.add(row)
            if position in found:
                return None
            found[position] = self.ids[y]
        return Mean(rows.pop(), found) if len(rows) == 1 else None

    def at_query(self, symbol: int) -> AtQuery:
        """Return the tables of this step for one symbol of the query."""
        return AtQuery(self, symbol)


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
            return [tables.at(x, self.symbol)] if self.step.query in tables.tokens[x] else known
        if x not in self.made:
            xs = [self.values(y) for y in _ids(tables.nodes[x][1])]
            count = max(map(len, xs))
            columns = [each if len(each) == count else each * count for each in xs]
            self.made[x] = [tables.entry(x, list(given)) for given in zip(*columns, strict=True)]
        return self.made[x]


# --- Attention: sums over columns, and the reachable set (sections 3 and 5) ------------------------------------------

Pairs = tuple[list[tuple[float, float]], ...]  # (N, D) of the options of a column, by carry in and out: 00, 01, 10, 11
FADED = 2.0**-45  # what a nominal weight errs by against its exp: libm's error, and a rounding of its argument apart


def groups(mask: int, column: int) -> list[list[int]]:
    """Return a set's options by carry in and out; the carry into column 0 is 0."""
    found: list[list[int]] = [[], [], [], []]
    for option, (into, out) in enumerate(CARRY):
        if mask >> option & 1 and not (into and not column):
            found[2 * into + out].append(option)
    return found


def pairs_in(cell: list[int]) -> int:
    """Return how many pairs of operands a cell holds."""
    even, odd = 1, 0
    for column, mask in enumerate(cell):
        count = [len(each) for each in groups(mask, column)]
        even, odd = even * count[0] + odd * count[2], even * count[1] + odd * count[3]
    return even + odd


def sweep(columns: list[Pairs], t: float, best: Any, worst: float) -> tuple[float, list[tuple[float, ...]]]:
    """Return the best sum of N - t D over all paths (worst where there is none), and what was best on the way."""
    even, odd = 0.0, worst
    trail: list[tuple[float, ...]] = []
    for p00, p01, p10, p11 in columns:
        a00 = best([n - t * d for n, d in p00], default=worst)
        a01 = best([n - t * d for n, d in p01], default=worst)
        a10 = best([n - t * d for n, d in p10], default=worst)
        a11 = best([n - t * d for n, d in p11], default=worst)
        trail.append((even, odd, a00, a01, a10, a11))
        even, odd = best(even + a00, odd + a10), best(even + a01, odd + a11)
    return best(even, odd), trail


def ratio(columns: list[Pairs], t: float, value: float, trail: list[tuple[float, ...]]) -> float:
    """Return N / D of the path that a sweep found best; only a better t, on which nothing rests."""
    upper = lower = 0.0
    even, odd, a00, a01, a10, a11 = trail[-1]
    state = 0 if value in (even + a00, odd + a10) else 1
    for pairs, (even, odd, a00, a01, a10, a11) in zip(reversed(columns), reversed(trail), strict=True):
        first, second = (a00, a10) if state == 0 else (a01, a11)
        came = 0 if even + first == value else 1
        wanted = (first, second)[came]
        n, d = next(((n, d) for n, d in pairs[2 * came + state] if n - t * d == wanted), (0.0, 0.0))
        upper, lower = upper + n, lower + d
        state, value = came, (even, odd)[came]
    return upper / lower if lower > 0 else t


@dataclass
class Position:
    """One position of a row: what stands there by the symbol of its token, of which there is one where it has none."""

    column: int
    symbols: list[int]
    weights: list[float]  # e
    errors: list[float]  # r
    values: list[list[float]] = field(default_factory=list)  # by axis of the base, by symbol

    def spread(self, by_symbol: list[float]) -> list[float]:
        """Return a function of the symbol as one of the option."""
        return [by_symbol[symbol] for symbol in self.symbols]


class Row:
    """The sums of one row, for one symbol of the query: D and, for each axis, N."""

    def __init__(self, digits: int, positions: list[Position], rank: int) -> None:
        self.digits, self.positions, self.count = digits, positions, len(positions)
        self.most = sum(max(each.weights) for each in positions)
        self.error = max(max(each.errors) for each in positions)
        self.sums = self.summed([each.weights for each in positions])
        self.axes, self.sizes = [], []
        for axis in range(rank):
            terms = [[e * v for e, v in zip(each.weights, each.values[axis], strict=True)] for each in positions]
            self.sizes.append(sum(max(map(abs, term)) for term in terms))
            self.axes.append(self.summed(terms))
        # n positions in a column, the products, W columns, t: the roundings of a path's sum, relative to its terms
        self.noise = (self.count + digits + rank + 24) * 2 * EPS
        self.least = self.largest = 1.0

    def summed(self, terms: list[list[float]]) -> list[list[float]]:
        """Return the sum of functions of symbols as functions of options; what depends on none is put in column 0."""
        total = [[0.0] * 200 for _ in range(self.digits)]
        for position, term in zip(self.positions, terms, strict=True):
            column = max(position.column, 0)
            total[column] = [x + y for x, y in zip(total[column], position.spread(term), strict=True)]
        return total

    def bound(self, cell: list[int], place: str) -> None:
        """Bound the sum of weights over all paths, from both sides."""
        columns = [
            tuple([(each[o], 0.0) for o in group] for group in groups(mask, column))
            for column, (mask, each) in enumerate(zip(cell, self.sums, strict=True))
        ]
        margin = self.most * self.noise
        self.least = (sweep(columns, 0.0, min, math.inf)[0] - margin) * (1 - 2.0**-40)
        self.largest = (sweep(columns, 0.0, max, -math.inf)[0] + margin) * GROW
        finite = math.isfinite(self.largest) and all(map(math.isfinite, self.sizes))
        if not (self.least > 0.5 and finite):
            raise Rejected(f"{place}: the weights of a row sum to as little as {self.least:.6g}, and cannot be bounded")

    def extreme(
        self, columns: list[Pairs], best: Any, size: float, start: float, rounds: int = 6
    ) -> tuple[float, float] | None:
        """Return a bound of N / D beyond all paths, on the side of ``best``, and a good t; None without a path.

        With v(t) = best (N - t D): N / D is on the inner side of t + v / D for each D of the path, so of the worse end.
        ``size`` bounds the magnitudes of N's terms: the sums of a path err by ``noise`` times that and t times D's.
        """
        sign = 1.0 if best is min else -1.0
        t, bound = start, -sign * math.inf
        for _ in range(rounds):
            value, trail = sweep(columns, t, best, sign * math.inf)
            if value == sign * math.inf:
                return None
            safe = value - sign * (size + abs(t) * self.most) * self.noise
            step = safe / (self.least if sign * safe < 0 else self.largest)
            found = t + step - sign * ((abs(t) + abs(step)) * 2.0**-50 + TINY)
            if not math.isfinite(found):
                raise Unbounded("the reachable set cannot be bounded")
            bound = max(bound, found) if sign > 0 else min(bound, found)
            if abs(value) <= size * 2.0**-32:
                break
            t = ratio(columns, t, value, trail)
        return bound, t


class Reach:
    """What attention can hand on at one step and one symbol of the query: y = B means, its errors, its extremes."""

    def __init__(self, at: AtQuery, means: list[int], base: list[list[float]], cell: list[int], place: str) -> None:
        self.step, self.at, self.means, self.base, self.rank, self.place = at.step, at, means, base, len(base), place
        self.arithmetic = at.step.tables.arithmetic
        self.magnitudes = [0.0] * len(means)
        self.errors = [0.0] * self.rank  # of y: |y' - y|, once the rows are there
        self.rows: list[Row] = []
        for row in sorted({at.step.means[i].row for i in means}):
            self.rows.append(self._row(row))
            self.rows[-1].bound(cell, place)
        self.cache: dict[tuple[int, int, int, int], Pairs] = {}
        self.starts: dict[tuple[int, int, Any], float] = {}
        self._add_attention(cell)

    def _scores(self, row: tuple[int, ...]) -> list[list[tuple[float, float, float]]]:
        """Return for each position and symbol the weight e, its relative error r and its absolute error."""
        scores = [self.at.values(x) for x in row]
        u, h = self.arithmetic.u, self.arithmetic.h
        top = max(ends(x)[1] for each in scores for x in each)
        middle = max(min(ends(x)[0] for x in each) for each in scores)  # H: below the largest score of every path
        made = []
        for each in scores:
            weights = []
            for x in each:
                gap, upper = x[0] - middle, math.nextafter(ends(x)[1] - middle, math.inf)
                if not upper < 300:
                    raise Rejected(
                        f"{self.place}: a score of {_short(x)} beside a row's largest of {middle:.6g} or less"
                    )
                distance = (top - ends(x)[0]) * GROW
                off = x[1] + u * distance * (1 + 2 * u) + 41 * u + abs(gap) * 2 * EPS + FADED
                if upper <= NATS[self.arithmetic.dtype] or gap < -690 or not off < 0.5:
                    weights.append((0.0, 0.0, math.exp(upper) * 1.01 + 2 * h))
                else:
                    weights.append((math.exp(gap), math.expm1(off * GROW) * (1 + 2.0**-20), 2 * h))
            made.append(weights)
        return made

    def _row(self, row: tuple[int, ...]) -> Row:
        step, digits = self.step, self.step.graph.digits
        weights = self._scores(row)
        mine = [i for i, node in enumerate(self.means) if step.means[node].row == row]
        positions, given = [], []
        for i, (score, weight) in enumerate(zip(row, weights, strict=True)):
            read = [step.means[self.means[m]].values.get(i, -1) for m in mine]
            values = [[(0.0, 0.0)] if x == -1 else [UNIT] if x is None else self.at.values(x) for x in read]
            tokens = step.depends(score).union(*(step.depends(x) for x in read if x not in (-1, None)))
            if len(tokens) > 1:
                raise Rejected(f"{self.place}: score {i} of a row and its values depend on the tokens {sorted(tokens)}")
            token = step.graph.token(next(iter(tokens))) if tokens else None
            count = len(token.tokens) if token else 1
            values = [each if len(each) == count else each * count for each in values]
            weight = weight if len(weight) == count else weight * count
            symbols = token.symbols if token else [0] * 200
            es, rs, _ = zip(*weight, strict=True)
            positions.append(Position(token.column if token else -1, symbols, list(es), list(rs)))
            given.append(values)
        self._add_means(mine, given, sum(max(x[2] for x in each) for each in weights))
        base = [[rows[m] for m in mine] for rows in self.base]
        slack = (len(mine) + 2) * EPS
        for axis, factors in enumerate(base):
            most = 0.0
            for position, values in zip(positions, given, strict=True):
                terms = [[b * x[0] for b, x in zip(factors, each, strict=True)] for each in zip(*values, strict=True)]
                position.values.append([sum(each) for each in terms])
                most = max(most, *(sum(map(abs, each)) for each in terms))
            self.errors[axis] += most * slack * GROW + TINY
        if not mine:
            raise Rejected(f"{self.place}: a row without a mean")
        return Row(digits, positions, self.rank)

    def _add_means(self, mine: list[int], given: list[list[list[Ball]]], absolute: float) -> None:
        """Add what does not depend on the path: widths of values, the sums' rounding, what small numbers may do."""
        n, u, h = len(given), self.arithmetic.u, self.arithmetic.h
        for j, m in enumerate(mine):
            balls = [x for values in given for x in values[j]]
            most = max(map(size, balls))
            if not most * n < HUGE / 4:
                raise Rejected(f"{self.place}: values of {most:.6g} may sum to 2^120")
            error = max(x[1] for x in balls) + (2 * n + 10) * u * 1.01 * most
            error = (error + 2 * absolute * most * 1.01 + 8 * n * h * (1 + most)) * GROW + TINY
            self.magnitudes[m] = (most + error) * GROW
            for axis in range(self.rank):
                self.errors[axis] += abs(self.base[axis][m]) * error * GROW

    def _add_attention(self, cell: list[int]) -> None:
        """Add what errors of weights do: at most (max of sum e r |v - c| / sum e + max r |y - c|) / (1 - max r)."""
        for i, row in enumerate(self.rows):
            for axis in range(self.rank):
                ranges = self.range_of(i, axis, cell)
                low, high = ranges or (0.0, 0.0)
                centre = 0.5 * (low + high)
                terms = [
                    [
                        e * r * abs(v - centre)
                        for e, r, v in zip(each.weights, each.errors, each.values[axis], strict=True)
                    ]
                    for each in row.positions
                ]
                sums = row.summed(terms)
                columns = [self._pairs(row, sums[j], j, mask) for j, mask in enumerate(cell)]
                found = row.extreme(columns, max, sum(map(max, terms)), 0.0)
                reach = max(high - centre, centre - low) * GROW + TINY
                error = ((found[0] if found else 0.0) + row.error * reach) / (1 - row.error)
                self.errors[axis] += max(error, 0.0) * GROW + TINY

    @staticmethod
    def _pairs(row: Row, upper: list[float], column: int, mask: int) -> Pairs:
        lower = row.sums[column]
        return tuple([(upper[o], lower[o]) for o in group] for group in groups(mask, column))

    def _columns(self, i: int, axis: int, cell: list[int]) -> list[Pairs]:
        found = []
        for column, mask in enumerate(cell):
            key = (i, axis, column, mask)
            if key not in self.cache:
                self.cache[key] = self._pairs(self.rows[i], self.rows[i].axes[axis][column], column, mask)
            found.append(self.cache[key])
        return found

    def range_of(self, i: int, axis: int, cell: list[int]) -> tuple[float, float] | None:
        """Return bounds of one row's part of y on one axis; None where the cell has no path."""
        row = self.rows[i]
        columns = self._columns(i, axis, cell)
        found = []
        for best in (min, max):
            extreme = row.extreme(columns, best, row.sizes[axis], self.starts.get((i, axis, best), 0.0))
            if extreme is None:
                return None
            self.starts[i, axis, best] = extreme[1]
            found.append(extreme[0])
        return found[0], found[1]

    def box(self, cell: list[int]) -> tuple[list[float], list[float]]:
        """Return the middle and the radii of a box around y' = B means', errors of attention included."""
        if len(self.cache) > 4000:
            self.cache.clear()
        centre, radius = [], []
        for axis in range(self.rank):
            total = (0.0, 0.0)
            for i in range(len(self.rows)):
                ranges = self.range_of(i, axis, cell)
                if ranges is None:
                    raise Unbounded("a cell without a path")  # never reached: such cells are told apart before
                total = plus(total, ball(*ranges))
            centre.append(total[0])
            radius.append((total[1] + self.errors[axis]) * GROW + TINY)
        return centre, radius

    def lowest(self, direction: list[float], cell: list[int]) -> float:
        """Return a lower bound of direction . y over a cell: the minima of the rows, added."""
        total = 0.0
        for row in self.rows:
            size_of = sum(abs(g) * size for g, size in zip(direction, row.sizes, strict=True))
            columns = []
            for column, mask in enumerate(cell):
                axes, lower = [axis[column] for axis in row.axes], row.sums[column]
                upper = [sum(map(mul, direction, at)) for at in zip(*axes, strict=True)]
                columns.append(tuple([(upper[o], lower[o]) for o in group] for group in groups(mask, column)))
            found = row.extreme(columns, min, size_of, 0.0)
            if found is None:
                raise Unbounded("a cell without a path")
            total = math.nextafter(total + found[0], -math.inf)
        return total

    def split(self, direction: list[float], cell: list[int]) -> tuple[list[int], list[int]] | None:
        """Return two parts of a cell, split where its options change direction . y most; None where none does."""
        widest, chosen = 0.0, None
        for column, mask in enumerate(cell):
            options = [o for group in groups(mask, column) for o in group]
            effect = dict.fromkeys(options, 0.0)
            for row in self.rows:
                for g, axis in zip(direction, row.axes, strict=True):
                    for o in options:
                        effect[o] += g * axis[column][o] / row.least
            low, high = min(effect.values(), default=0.0), max(effect.values(), default=0.0)
            if high - low > widest:
                middle = 0.5 * (low + high)
                widest = high - low
                chosen = column, sum(1 << o for o in options if effect[o] <= middle)
        if chosen is None:
            return None
        column, left = chosen
        return (
            [mask & left if j == column else mask for j, mask in enumerate(cell)],
            [mask & ~left if j == column else mask for j, mask in enumerate(cell)],
        )


# --- After attention: forms (section 6) ------------------------------------------------------------------------------

ERRORS = 1 << 40  # keys of forms: 0 is 1, below it the means, above it the tail's numbers, from here on errors


def combined(terms: list[tuple[float, Form]]) -> Form:
    """Return a linear combination of forms, exactly: every float is an integer times a power of two."""
    scaled, top = [], 0
    for factor, (scale, form) in terms:
        numerator, denominator = factor.as_integer_ratio()
        shift = scale + denominator.bit_length() - 1
        scaled.append((numerator, shift, form))
        top = max(top, shift)
    total: dict[int, int] = {}
    for numerator, shift, form in scaled:
        aligned = numerator << top - shift
        for key, value in form.items():
            total[key] = total.get(key, 0) + aligned * value
    return top, {key: value for key, value in total.items() if value}


def add_to(total: Functional, factor: float, functional: Functional) -> None:
    """Add a multiple of a functional to another; all numbers are at least 0."""
    for key, value in functional.items():
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
    """A form as floats: middles, radii and errors are scalar products with what the keys' numbers have."""

    keys: tuple[int, ...]
    factors: tuple[float, ...]
    sizes: tuple[float, ...]
    errors: tuple[float, ...]
    take: Any


@dataclass
class State:
    """Every number of the tail on one box: middles, radii grown for a form's roundings, magnitudes, local errors."""

    middle: list[float]
    radius: list[float]
    most: list[float]
    local: list[float]
    forms: list[Ball]
    errors: list[float]
    slopes: dict[int, tuple[Ball, Ball]] = field(default_factory=dict)


class Tail:
    """What follows attention, for one step and one symbol of the query.

    A node that is linear in others is a *form*: an exact combination of 1, of means, of the results of what is not
    linear (*atoms*, each a function of one or two forms), and of errors. Means become C y and an error. So the program
    is a list of atoms, and F of section 6 is the form of a difference of two logits. Rounding a factor to a float is
    one more error; a scalar product's own rounding is at most ``slack`` of the terms' magnitudes, and put in radii.
    """

    def __init__(self, reach: Reach) -> None:
        self.reach, self.step, self.arithmetic = reach, reach.step, reach.arithmetic
        self.numbers: dict[int, Number] = {}
        self.errors: list[Functional] = []
        self.atoms: list[tuple[str, int, int, list[int]]] = []
        self.forms: list[Ready] = []
        self.form_of: dict[int, int] = {}
        self.products: dict[tuple[int, int], Number] = {}
        self.differences: dict[tuple[int, int], Ready] = {}
        self.index = {node: i for i, node in enumerate(reach.means)}
        self.base = [combined([(b, (0, {-1 - m: 1})) for m, b in enumerate(row)]) for row in reach.base]
        self.solver = least_squares(reach.base, len(reach.means))
        for i in self.step.tail:
            try:
                self.numbers[i] = self._made(i)
            except Unbounded as reason:
                raise Rejected(f"{self.step.place(i)}: {reason}") from None
        longest = reach.rank + len(self.atoms) + len(self.forms)  # keys of a form, or what is added into one adjoint
        if not longest <= LONGEST:
            raise Rejected(
                f"graph.steps[{self.step.k}]: {longest} numbers after attention, but at most {LONGEST} are checked"
            )
        self.slack = (4 * longest + 64) * EPS

    # - from nodes to forms -

    def number(self, i: int) -> Number:
        """Return a node as a number of the tail."""
        if i not in self.numbers:
            if self.step.kind[i] == FEW:
                self.numbers[i] = self._few(i)
            else:
                m = self.index[i]
                self.numbers[i] = Number((0, {-1 - m: 1}), {}, {0: self.reach.magnitudes[m]})
        return self.numbers[i]

    def value(self, i: int) -> Ball:
        """Return a number that was there before attention."""
        return self.reach.at.values(self.step.ids[i])[0]

    def _few(self, i: int) -> Number:
        middle, radius = self.value(i)
        form = combined([(middle, (0, {0: 1}))])
        if radius:
            form = combined([(middle, (0, {0: 1})), (1.0, (0, {self._error({0: radius}): 1}))])
        return Number(form, {0: radius}, {0: size((middle, radius))})

    def _error(self, functional: Functional) -> int:
        self.errors.append(functional)
        return ERRORS + len(self.errors) - 1

    def _made(self, i: int) -> Number:
        node = self.step.nodes[i]
        op, u = node[0], self.arithmetic.u
        if op in UNARY:
            return self._atom(op, node[1], node[1])
        if op in ("mul", "sq"):
            return self._linear([self._term(node[1], node[-1])], u, 2)
        if op == "dot":
            return self._linear([self._term(x, y) for x, y in node[1]], self.arithmetic.gamma(len(node[1]) + 1), 0)
        if op == "sum":
            return self._linear([(UNIT, self.number(x)) for x in node[1]], self.arithmetic.gamma(len(node[1]) + 1), 0)
        if op == "div":
            if self.step.kind[node[2]] != FEW:
                return self._atom("over", node[1], node[2])
            divisor = inverse(self.value(node[2]))
            return self._linear([(divisor, self.number(node[1]))], 3 * u, 2, 2 * self.arithmetic.h * size(divisor))
        if op in ("neg", "round"):
            sign = -1.0 if op == "neg" else 1.0
            return self._linear([((sign, 0.0), self.number(node[1]))], 0.0 if op == "neg" else u, 1)
        second = (1.0 if op == "add" else -1.0, 0.0)
        return self._linear([(UNIT, self.number(node[1])), (second, self.number(node[2]))], u, 2)

    def _term(self, x: int, y: int) -> tuple[Ball, Number]:
        if self.step.kind[x] == FEW:
            return self.value(x), self.number(y)
        if self.step.kind[y] == FEW:
            return self.value(y), self.number(x)
        key = (min(x, y), max(x, y))
        if key not in self.products:
            self.products[key] = self._atom("times", *key)
        return UNIT, self.products[key]

    def _linear(self, terms: list[tuple[Ball, Number]], relative: float, operands: int, more: float = 0.0) -> Number:
        """Return a node that is linear in others, with an error of its own by section 2."""
        form = combined([(factor[0], each.form) for factor, each in terms])
        whole: Functional = {}
        error: Functional = {}
        own: Functional = {
            0: 2 * self.arithmetic.h * (operands + 2 * len(terms) + sum(size(f) for f, _ in terms)) + more
        }
        for factor, each in terms:
            add_to(whole, size(factor), each.magnitude)
            add_to(error, abs(factor[0]), each.error)
            add_to(own, factor[1] + 2 * self.arithmetic.h, each.magnitude)
        add_to(own, relative, whole)
        if not whole.get(0, 0.0) + LARGEST * sum(value for key, value in whole.items() if key) < HUGE / 4:
            raise Unbounded(f"a sum whose terms may have magnitudes of {whole.get(0, 0.0):.6g} may reach 2^120")
        own = grown(own)
        scale, values = form
        add_to(error, 1.0, own)
        values[self._error(own)] = 1 << scale
        return self._number(form, grown(error))

    def _number(self, form: Form, error: Functional) -> Number:
        magnitude: Functional = {}
        for key, factor in _floats(form).items():
            if key < 0:
                magnitude[0] = magnitude.get(0, 0.0) + abs(factor) * self.reach.magnitudes[-1 - key]
            elif key < ERRORS:
                magnitude[key] = magnitude.get(key, 0.0) + abs(factor)
        add_to(magnitude, 1.0, error)
        return Number(form, error, grown(magnitude))

    def _atom(self, op: str, x: int, y: int) -> Number:
        before = len(self.forms)
        f = self._ready(x)
        g = f if x == y else self._ready(y)
        self.atoms.append((op, f, g, list(range(before, len(self.forms)))))
        key = self.reach.rank + len(self.atoms)
        return Number((0, {key: 1}), {}, {key: 1.0})

    def _ready(self, i: int) -> int:
        if i not in self.form_of:
            self.forms.append(self.ready(self.number(i).form))
            self.form_of[i] = len(self.forms) - 1
        return self.form_of[i]

    def ready(self, form: Form) -> Ready:
        """Return a form as floats, its means as C y; C comes from floats, what it leaves is exact."""
        factors: dict[int, float] = {0: 0.0}
        errors: Functional = {0: 0.0}
        means = [0.0] * len(self.reach.means)
        for key, factor in _floats(form).items():
            if key >= ERRORS:
                add_to(errors, abs(factor) * GROW, self.errors[key - ERRORS])
            elif key < 0:
                means[-1 - key] = factor
            else:
                factors[key] = factor
                errors[key] = errors.get(key, 0.0) + abs(factor) * EPS
        if any(means):
            solved = [sum(map(mul, row, means)) for row in self.solver]
            left = [
                w - sum(c * row[m] for c, row in zip(solved, self.reach.base, strict=True)) for m, w in enumerate(means)
            ]
            solved = [c + sum(map(mul, row, left)) for c, row in zip(solved, self.solver, strict=True)]
            if not all(map(math.isfinite, solved)):
                raise Rejected(f"{self.reach.place}.base leaves no finite map from y to what is read")
            only = {key: value for key, value in form[1].items() if key < 0}
            rest = combined([(1.0, (form[0], only)), *((-c, row) for c, row in zip(solved, self.base, strict=True))])
            for key, factor in _floats(rest).items():
                errors[0] += abs(factor) * self.reach.magnitudes[-1 - key] * GROW
            factors |= {axis + 1: c for axis, c in enumerate(solved) if c}
        keys = [*sorted(factors.keys() | errors.keys()), 0]  # twice, so that itemgetter always gives a tuple
        values = [*(factors.get(key, 0.0) for key in keys[:-1]), 0.0]
        bounds = [*(errors.get(key, 0.0) * GROW for key in keys[:-1]), 0.0]
        return Ready(tuple(keys), tuple(values), tuple(map(abs, values)), tuple(bounds), itemgetter(*keys))

    def difference(self, right: int, rival: int) -> Ready:
        """Return the form of one logit minus another; what they share is gone from it, exactly."""
        x, y = self.step.logits[right], self.step.logits[rival]
        if (x, y) not in self.differences:
            form = combined([(1.0, self.number(x).form), (-1.0, self.number(y).form)])
            self.differences[x, y] = self.ready(form)
        return self.differences[x, y]

    # - from boxes to bounds -

    def forward(self, centre: list[float], radius: list[float], *, rounded: bool) -> State:
        """Return enclosures of every number on a box: of the exact and, if asked, of all computed ones.

        Raises:
            Unbounded: on this box nothing is proved.
        """
        slack, u, h = self.slack, self.arithmetic.u, self.arithmetic.h
        middle, most = [1.0, *centre], [1.0, *((abs(c) + r) * GROW for c, r in zip(centre, radius, strict=True))]
        grown_radius = [slack, *(r + slack * m for r, m in zip(radius, most[1:], strict=True))]
        local = [0.0] * len(middle)
        forms: list[Ball] = []
        errors: list[float] = []
        for op, f, g, new in self.atoms:
            for i in new:
                form = self.forms[i]
                error = sum(map(mul, form.errors, form.take(most))) if rounded else 0.0
                spread = sum(map(mul, form.sizes, form.take(grown_radius)))
                forms.append((sum(map(mul, form.factors, form.take(middle))), (spread + error) * GROW + TINY))
                errors.append(error * GROW + TINY)
            x, y = forms[f], forms[g]
            if op == "times":
                first, last = squared(x) if f == g else corners(x, y)
                own = 0.0
            elif op == "over":
                upside = inverse(y)
                first, last = corners(x, upside)
                own = 3 * u * max(abs(first), abs(last)) + 2 * h * (2 + size(x) + size(y) + size(upside))
            else:
                low, high = ends(x)
                first, last = span(op, low, high)
                own = self.arithmetic.unary_error(op, size(x), max(abs(first), abs(last))) + 2 * h * (1 + size(x))
            m = 0.5 * first + 0.5 * last
            r = (max(last - m, m - first) + (own if rounded else 0.0)) * GROW + TINY
            magnitude = (abs(m) + r) * GROW
            if not magnitude < LARGEST:
                raise Unbounded(f"{op} may give {magnitude:.6g}, above 2^60")
            middle.append(m)
            most.append(magnitude)
            grown_radius.append(r + slack * magnitude)
            local.append(own * GROW + TINY if rounded else 0.0)
        return State(middle, grown_radius, most, local, forms, errors)

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
                state.slopes[i] = ((2 * x[0], 2 * x[1]), (0.0, 0.0)) if f == g else (y, x)
            elif op == "over":
                upside = inverse(y)
                square = times(upside, upside)
                state.slopes[i] = upside, times((-x[0], x[1]), square)
            else:
                state.slopes[i] = ball(*slope(op, *ends(x))), (0.0, 0.0)
        return state.slopes[i]

    def gradient(self, form: Ready, state: State) -> tuple[list[Ball], float]:
        """Return balls around a form's derivatives to y over a box, and the sum of |adjoint| times error.

        The middle of a sum of products errs by less than ``slack`` times the terms' magnitudes, which is added where a
        form's adjoint is complete, before it is handed on.
        """
        slack = self.slack
        count = len(state.middle)
        middle, radius = [0.0] * count, [0.0] * count
        above, around = [0.0] * len(self.forms), [0.0] * len(self.forms)
        total = sum(map(mul, form.errors, form.take(state.most)))
        for key, factor, most in zip(form.keys, form.factors, form.sizes, strict=True):
            middle[key] += factor
            radius[key] += most * slack
        first = self.reach.rank + 1
        for i in range(len(self.atoms) - 1, -1, -1):
            _, f, g, new = self.atoms[i]
            m, r = middle[first + i], radius[first + i]
            if m or r:
                total += (abs(m) + r) * state.local[first + i]
                one, two = self.slopes(state, i)
                above[f] += m * one[0]
                around[f] += abs(m) * one[1] + r * (abs(one[0]) + one[1])
                if two != (0.0, 0.0):
                    above[g] += m * two[0]
                    around[g] += abs(m) * two[1] + r * (abs(two[0]) + two[1])
                around[f] += slack * abs(m * one[0])
                around[g] += slack * abs(m * two[0])
            for j in new:
                m, r = above[j], around[j]
                if m or r:
                    total += (abs(m) + r) * state.errors[j]
                    each = self.forms[j]
                    r += slack * (abs(m) + r)
                    for key, factor, most in zip(each.keys, each.factors, each.sizes, strict=True):
                        middle[key] += m * factor
                        radius[key] += r * most
        return [(m, r + slack * r) for m, r in zip(middle[1:first], radius[1:first], strict=True)], total


def _floats(form: Form) -> dict[int, float]:
    """Return a form's factors, each rounded to nearest."""
    one = 1 << form[0]
    try:
        return {key: value / one for key, value in form[1].items()}
    except OverflowError:
        raise Unbounded("a factor that no double holds") from None


def squared(x: Ball) -> tuple[float, float]:
    """Return numbers around the squares."""
    low, high = ends(x)
    near = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    far = max(abs(low), abs(high))
    return max(near * near * (1 - 2.0**-50) - TINY, 0.0), far * far * (1 + 2.0**-50) + TINY


def corners(x: Ball, y: Ball) -> tuple[float, float]:
    """Return numbers around the products, from the four corners."""
    (a, b), (c, d) = ends(x), ends(y)
    products = (a * c, a * d, b * c, b * d)
    low, high = min(products), max(products)
    return low - abs(low) * 2.0**-50 - TINY, high + abs(high) * 2.0**-50 + TINY


def least_squares(base: list[list[float]], count: int) -> list[list[float]]:
    """Return (B B')^-1 B in floats; nothing rests on it, as what it leaves of a map is counted as an error."""
    rank = len(base)
    rows = [[sum(map(mul, x, y)) for y in base] + list(x) for x in base]
    for i in range(rank):
        pivot = max(range(i, rank), key=lambda j: abs(rows[j][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        if not abs(rows[i][i]) > 0:
            return [[0.0] * count for _ in range(rank)]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for j in range(rank):
            if j != i and rows[j][i]:
                rows[j] = [x - rows[j][i] * y for x, y in zip(rows[j], rows[i], strict=True)]
    return [row[rank:] for row in rows]


# --- A cell ----------------------------------------------------------------------------------------------------------

INFLATED = (
    1 + 2.0**-20
)  # of what is subtracted: it is a sum of products over at most 4,096 numbers at a few dozen levels


class Cells:
    """Shows that the right token's logit is largest on cells of one step and one symbol of the query."""

    def __init__(self, tail: Tail) -> None:
        self.tail, self.reach = tail, tail.reach
        self.least_ratio = math.inf
        self.reason = ""

    def proves(self, cell: list[int], right: int) -> bool:
        """Say whether every pair in a cell has the right token largest; the cell may be split further on the way."""
        pending, parts = [cell], PARTS
        while pending:
            part = pending.pop()
            if not pairs_in(part):
                continue
            direction = self._failing(part, right)
            if direction is None:
                continue
            parts -= 1
            halves = self.reach.split(direction, part) if parts > 0 else None
            if halves is None:
                return False
            pending += halves
        return True

    def _failing(self, cell: list[int], right: int) -> list[float] | None:
        """Return None where a cell is proved, else the gradient of the rival that comes nearest."""
        centre, radius = self.reach.box(cell)
        rivals = [token for token in range(self.reach.step.graph.choices) if token != right]
        pending = [(centre, radius, rivals)]
        direction = [1.0] * self.reach.rank
        for _ in range(BOXES):
            centre, radius, rivals = pending.pop()
            left, axis, gradient = self._left(cell, centre, radius, right, rivals)
            if left:
                direction = gradient
                if axis is None or len(pending) > 7:
                    return direction
                half = 0.5 * radius[axis] * GROW + TINY
                for sign in (-1, 1):
                    moved = [c + sign * half if a == axis else c for a, c in enumerate(centre)]
                    # the halves cover the box: each is as wide as half of it, and as the rounding of its centre
                    width = [half * GROW + abs(moved[a]) * 2.0**-50 if a == axis else r for a, r in enumerate(radius)]
                    pending.append((moved, width, left))
            if not pending:
                return None
        return direction

    def _left(
        self, cell: list[int], centre: list[float], radius: list[float], right: int, rivals: list[int]
    ) -> tuple[list[int], int | None, list[float]]:
        """Return the rivals that one box does not rule out, the axis to halve, and the worst one's gradient."""
        tail, rank = self.tail, self.reach.rank
        try:
            state = tail.forward(centre, radius, rounded=True)
            point = tail.forward(centre, [0.0] * rank, rounded=False)
        except Unbounded as reason:
            self.reason = str(reason)
            widest = max(range(rank), key=lambda a: radius[a], default=None)
            return rivals, widest, [1.0] * rank
        left = [v for v in rivals if not tail.lower(tail.difference(right, v), state, rounded=True) > 0]
        if not left:
            return [], None, []
        failing, worst, axis, direction = [], math.inf, None, [0.0] * rank
        for rival in left:
            form = tail.difference(right, rival)
            at_centre = tail.lower(form, point, rounded=False)
            slopes, errors = tail.gradient(form, state)
            curved = sum(r * radius[a] for a, (_, r) in enumerate(slopes))
            linear = sum(abs(m) * radius[a] for a, (m, _) in enumerate(slopes))
            bound = at_centre - (errors + curved + linear) * INFLATED - TINY
            if not bound > 0 and rank > 1 and at_centre - (errors + curved) * INFLATED > 0:
                bound = max(bound, at_centre - (errors + curved) * INFLATED - TINY + self._linear(slopes, centre, cell))
            if bound > 0:
                self.least_ratio = min(self.least_ratio, (bound + errors) / errors)
                continue
            failing.append(rival)
            if bound < worst or not math.isfinite(bound):
                worst, direction = bound, [m for m, _ in slopes]
                shares = [r * radius[a] + 2.0**-10 * abs(m) * radius[a] for a, (m, r) in enumerate(slopes)]
                axis = max(range(rank), key=lambda a: shares[a]) if rank and (curved > 0 or linear > 0) else None
                if at_centre - errors <= 0:
                    axis = None
                self.reason = (
                    f"token {right} beats token {rival} by {at_centre:.6g} at the centre {_numbers(centre)} of a box, "
                    f"less {linear:.6g} (linear), {curved:.6g} (curvature), {errors:.6g} (rounding)"
                )
        return failing, axis, direction

    def _linear(self, slopes: list[Ball], centre: list[float], cell: list[int]) -> float:
        """Return a lower bound of g . (y' - c), y' being reachable up to the errors of attention."""
        direction = [m for m, _ in slopes]
        terms = [abs(g * c) for g, c in zip(direction, centre, strict=True)]
        at_centre = sum(g * c for g, c in zip(direction, centre, strict=True))
        errors = sum(abs(g) * e for g, e in zip(direction, self.reach.errors, strict=True))
        least = self.reach.lowest(direction, cell)
        noise = (sum(terms) + abs(least)) * (len(terms) + 4) * 2 * EPS
        return least - at_centre - (errors + noise) * INFLATED - TINY


def _numbers(values: list[float]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"


# --- The certificate (section 7) -------------------------------------------------------------------------------------

MASK = re.compile(r"(0x)?[0-9a-f]{1,50}")


@dataclass
class StepReport:
    """What came of one step."""

    step: int
    leaves: int = 0
    open_leaves: int = 0
    open_pairs: int = 0
    least_ratio: float = math.inf
    objections: list[str] = field(default_factory=list)
    undecided: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a checker says of a certificate."""

    accepted: bool
    objections: list[str]
    proved: bool = False  # for all pairs
    pairs_right: int = 0  # at least
    pairs: int = 0
    leaves: int = 0
    open_leaves: int = 0
    least_ratio: float = math.inf  # margin by error, where the mean value theorem was needed
    undecided: bool = False  # the time was used up
    statement: str = ""

    @property
    def accuracy(self) -> Fraction:
        """The part of all pairs that is right for certain, exactly."""
        return Fraction(self.pairs_right, self.pairs or 1)


def leaves_of(tree: Any, root: list[int], place: str) -> Iterator[tuple[int, list[int], int]]:
    """Yield the number of each leaf, its cell, and 0 or 1: whether it is to be proved or left open."""
    nodes = list_of(tree, place)
    pending = [root]
    leaf = 0
    for i, node in enumerate(nodes):
        demand(bool(pending), f"{place}[{i}]", node, "nothing, as the tree has ended")
        cell = pending.pop()
        if type(node) is int:
            demand(node in (0, 1), f"{place}[{i}]", node, "0, 1 or a split")
            yield leaf, cell, node
            leaf += 1
            continue
        column, text = list_of(node, f"{place}[{i}]", 2)
        demand(_is_count(column, len(root)), f"{place}[{i}][0]", column, f"a column from 0 to {len(root) - 1}")
        fits = isinstance(text, str) and MASK.fullmatch(text) is not None
        demand(fits, f"{place}[{i}][1]", text, "a set of options in hex, of at most 50 digits")
        left = int(text, 16)
        right_part = list(cell)
        left_part = list(cell)
        left_part[column], right_part[column] = cell[column] & left, cell[column] & ~left
        pending += [right_part, left_part]
    demand(not pending, f"the end of {place}", len(nodes), f"followed by {len(pending)} more parts")


def root_of(graph: Graph, *given: tuple[Token, int]) -> list[int]:
    """Return the cell at which tokens have symbols."""
    cell = [FULL] * graph.digits
    for token, symbol in given:
        if token.column >= 0:
            cell[token.column] &= token.mask(symbol)
    return cell


class StepCheck:
    """The check of one step, which does not depend on another's."""

    def __init__(self, tables: Tables, k: int, given: Any, time_left: Callable[[], float] | None) -> None:
        self.graph, self.k, self.given, self.time_left = tables.graph, k, given, time_left
        self.tables, self.report, self.place = tables, StepReport(k), f"steps[{k}]"

    def run(self, progress: Callable[[int, int], None] | None = None) -> StepReport:
        """Return what comes of this step; faults are objections."""
        try:
            self._run(progress)
        except OutOfTime:
            self.report.undecided = True
            self.report.objections.append(f"{self.place}: the time ran out at leaf {self.report.leaves} of the step")
        except Rejected as reason:
            self.report.objections.append(str(reason))
        except Unbounded as reason:
            self.report.objections.append(f"{self.place}: {reason}")
        except (
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
            RecursionError,
            AssertionError,
        ) as error:
            self.report.objections.append(f"{self.place} cannot be followed: {type(error).__name__}: {error}")
        return self.report

    def _run(self, progress: Callable[[int, int], None] | None) -> None:
        keys_of(self.given, self.place, ("queries",))
        step = Step(self.tables, self.k)
        queries = list_of(self.given["queries"], f"{self.place}.queries", len(step.entry.tokens))
        for symbol, query in enumerate(queries):
            self._query(step, symbol, query, f"{self.place}.queries[{symbol}]", progress)

    def _query(
        self, step: Step, symbol: int, query: Any, place: str, progress: Callable[[int, int], None] | None
    ) -> None:
        keys_of(query, place, ("means", "base", "trees"))
        means = self._means(step, query["means"], f"{place}.means")
        rows = [
            list_of(row, f"{place}.base[{i}]", len(means))
            for i, row in enumerate(list_of(query["base"], f"{place}.base"))
        ]
        demand(len(rows) <= max(len(means), 1), f"the length of {place}.base", len(rows), f"at most {len(means)}")
        base = [[number(x, f"{place}.base[{i}][{j}]") for j, x in enumerate(row)] for i, row in enumerate(rows)]
        demand(
            all(abs(x) < LARGEST for row in base for x in row), f"{place}.base", query["base"], "of numbers below 2^60"
        )
        trees = list_of(query["trees"], f"{place}.trees", len(step.answer.tokens))
        whole = root_of(self.graph, (step.entry, symbol))
        if not pairs_in(whole):
            for target, tree in enumerate(trees):  # no pair has this symbol: the trees' form is all there is
                for _ in leaves_of(tree, whole, f"{place}.trees[{target}]"):
                    self.report.leaves += 1
            return
        cells = Cells(Tail(Reach(step.at_query(symbol), means, base, whole, place)))
        for target, tree in enumerate(trees):
            root = root_of(self.graph, (step.entry, symbol), (step.answer, target))
            for leaf, cell, is_open in leaves_of(tree, root, f"{place}.trees[{target}]"):
                self._leaf(cells, cell, is_open, step.answer.tokens[target], f"{place}.trees[{target}]: leaf {leaf}")
                if progress:
                    progress(self.k, self.report.leaves)
        self.report.least_ratio = min(self.report.least_ratio, cells.least_ratio)

    def _means(self, step: Step, given: Any, place: str) -> list[int]:
        means = list_of(given, place)
        for i, node in enumerate(means):
            known = _is_count(node, len(step.nodes)) and node in step.means
            demand(known, f"{place}[{i}]", node, "a node that is a mean")
            demand(node not in means[:i], f"{place}[{i}]", node, "named once")
        missing = sorted(step.needed - set(means))
        demand(not missing, place, means, f"with all means that are read; {missing} are missing")
        return means

    def _leaf(self, cells: Cells, cell: list[int], is_open: int, right: int, place: str) -> None:
        if self.time_left and not self.time_left() > 0:
            raise OutOfTime
        self.report.leaves += 1
        if is_open:
            self.report.open_leaves += 1
            self.report.open_pairs += pairs_in(cell)
        elif not cells.proves(cell, right):
            self.report.objections.append(f"{place} is not proved: {cells.reason}")
            if len(self.report.objections) >= SEEN:
                raise Rejected(f"{self.place}: no more leaves of this step were tried")


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Take a JSON object in; where a name stands twice, readers would read different certificates."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _unpacked(data: bytes) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    unzip = zlib.decompressobj(wbits=31)
    text = unzip.decompress(data, BYTES + 1)
    if len(text) > BYTES or not unzip.eof or unzip.unused_data:
        raise ValueError(f"gzip that is cut short, has more than one part, or holds more than {BYTES} bytes")
    return text


def read(data: bytes | str) -> Any:
    """Return the JSON of a certificate, plain or gzip.

    Raises:
        ValueError: it is none, or too long, or too deep, or has a name twice in an object.
    """
    try:
        text = data if isinstance(data, str) else _unpacked(data).decode("utf-8")
        if len(text) > BYTES:
            raise ValueError(f"more than {BYTES} bytes")
        return json.loads(text, object_pairs_hook=unambiguous, parse_constant=_no_constant)
    except (zlib.error, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


KEYS = ("schema", "graph", "sha256", "steps", "statement", "assumptions", "record")


def opened(certificate: Any) -> Graph:
    """Return the graph of a certificate after every check that needs no step.

    Raises:
        Rejected: names the first fault.
    """
    demand(isinstance(certificate, dict), "the certificate", certificate, "an object")
    demand(certificate.get("schema") == SCHEMA, "schema", certificate.get("schema"), SCHEMA)
    keys_of(certificate, "the certificate", KEYS)
    graph = read_graph(certificate["graph"])
    demand(certificate["sha256"] == graph.digest, "sha256", certificate["sha256"], f"that of the graph, {graph.digest}")
    expected = statement(certificate["graph"])
    demand(certificate["statement"] == expected, "statement", certificate["statement"], json.dumps(expected))
    given = certificate["assumptions"]
    demand(isinstance(given, dict), "assumptions", given, "an object")
    for name in {**ASSUMPTIONS, **given}:
        demand(
            given.get(name) == ASSUMPTIONS.get(name),
            f"assumptions.{name}",
            given.get(name),
            _told(ASSUMPTIONS.get(name)),
        )
    list_of(certificate["steps"], "steps", len(graph.answer))
    return graph


def check_step(
    certificate: dict[str, Any],
    k: int,
    *,
    tables: Tables | None = None,
    progress: Callable[[int, int], None] | None = None,
    time_left: Callable[[], float] | None = None,
) -> StepReport:
    """Return what comes of one step alone, for a caller that spreads steps; ``conclude`` takes all of them together."""
    try:
        tables = tables or Tables(opened(certificate))
    except (Rejected, TypeError, RecursionError) as reason:
        return StepReport(k, objections=[str(reason)])
    return StepCheck(tables, k, certificate["steps"][k], time_left).run(progress)


def conclude(certificate: dict[str, Any], reports: list[StepReport]) -> Verdict:
    """Return the verdict on a certificate from the reports on its steps, of which each must be there once."""
    try:
        graph = opened(certificate)
    except Rejected as reason:
        return Verdict(accepted=False, objections=[str(reason)])
    objections = [each for report in reports for each in report.objections]
    if [report.step for report in reports] != list(range(len(graph.answer))):
        objections.append(f"steps {[report.step for report in reports]} were checked, but must be all, in order")
    accepted = not objections and not any(report.undecided for report in reports)
    pairs, missing = 10 ** (2 * graph.digits), sum(report.open_pairs for report in reports)
    open_leaves = sum(report.open_leaves for report in reports)
    return Verdict(
        accepted=accepted,
        objections=objections,
        proved=accepted and open_leaves == 0,
        pairs_right=max(pairs - missing, 0) if accepted else 0,
        pairs=pairs,
        leaves=sum(report.leaves for report in reports),
        open_leaves=open_leaves,
        least_ratio=min((report.least_ratio for report in reports), default=math.inf),
        undecided=any(report.undecided for report in reports),
        statement=certificate["statement"] if accepted else "",
    )


def check(
    certificate: Any,
    *,
    progress: Callable[[int, int], None] | None = None,
    time_left: Callable[[], float] | None = None,
) -> Verdict:
    """Return the verdict on a certificate: bytes or text of JSON, or what JSON gives.

    ``progress`` is called with a step and the number of its leaves so far; ``time_left`` gives seconds, and where it
    gives none, the check ends undecided, which is not accepted.
    """
    try:
        if isinstance(certificate, bytes | str):
            certificate = read(certificate)
        graph = opened(certificate)
    except Rejected as reason:
        return Verdict(accepted=False, objections=[str(reason)])
    except (ValueError, TypeError, RecursionError) as error:
        return Verdict(accepted=False, objections=[f"no certificate: {error}"])
    tables, reports = Tables(graph), []
    for k in range(len(graph.answer)):
        reports.append(check_step(certificate, k, tables=tables, progress=progress, time_left=time_left))
        if reports[-1].undecided:
            break
    if reports[-1].undecided:
        reports += [StepReport(k, undecided=True) for k in range(len(reports), len(graph.answer))]
    return conclude(certificate, reports)


def told(verdict: Verdict) -> list[str]:
    """Return a verdict in words."""
    if not verdict.accepted:
        word = "undecided" if verdict.undecided else "rejected"
        return [f"{word}: {objection}" for objection in verdict.objections]
    right = (
        "all pairs are right"
        if verdict.proved
        else f"at least {verdict.pairs_right} of {verdict.pairs} pairs are right"
    )
    lines = [f"accepted: {right}", verdict.statement, f"leaves: {verdict.leaves}, open: {verdict.open_leaves}"]
    return [*lines, "assumptions:", *(f"  {name}: {text}" for name, text in ASSUMPTIONS.items())]


def main(arguments: list[str]) -> int:
    """Check the file named on the command line: 0 accepted, 1 rejected, 2 no certificate."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python checker.py CERTIFICATE\n")
        return 2
    try:
        certificate = read(Path(arguments[0]).read_bytes())
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{arguments[0]} is no certificate: {error}\n")
        return 2
    if not isinstance(certificate, dict) or certificate.get("schema") != SCHEMA:
        sys.stderr.write(f"{arguments[0]} is no certificate of schema {SCHEMA}\n")
        return 2
    verdict = check(certificate)
    sys.stdout.write("\n".join(told(verdict)) + "\n")
    return 0 if verdict.accepted else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
