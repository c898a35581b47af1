"""A scalar program under construction: what is exact is folded, what is not needed falls away.

Equal nodes are one where every evaluation gives them one value. A sum of three, say, is another at each place where it
is computed, since its terms may be added in another order there.

A node is a number. Its kind is one of docs/columns.md, section 1, or one of `_INNER`, which stand for something only
until it is known what becomes of it: a token's whole numbers before they are looked up, a largest score before it is
subtracted. Constants are Python floats; -inf stands for a masked score, NaN for what is not defined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from verify.anatomy.graph.ranges import Ranges

Node = int

ZERO: Node = 0  # the constant 0 is the first node of every program

_INNER = {
    "index": "a whole number that depends on a token",
    "largest": "the largest of several numbers",
    "logsmax": "a logarithm of a softmax",
    "place": "the place of the largest of several numbers",
    "beside": "what an operation gives beside its result",
}
# Elementary operations, which every machine rounds alike, and what does not round.
_ALIKE = {"const", "tok", "add", "sub", "mul", "sq", "neg", "abs", "relu", "round", *_INNER} - {"logsmax"}


class RefusedError(Exception):
    """A forward pass cannot be recorded; the message says why, in one sentence."""


class Program:
    """Nodes by number, each once.

    Attributes:
        kinds: of each node.
        arguments: of each node: nodes, or what the kind asks for.
        vocabulary: how many token ids a table holds.
        feasible: the token ids that may stand at each position.
    """

    def __init__(self, vocabulary: int, feasible: Sequence[Iterable[int]]) -> None:
        self.kinds: list[str] = []
        self.arguments: list[tuple[Any, ...]] = []
        self.vocabulary = vocabulary
        self.feasible = [sorted(tokens) for tokens in feasible]
        self._numbers: dict[Any, Node] = {}
        self._ranges = Ranges(self, inputs)
        self._rows: dict[tuple[Node, ...], list[Any]] = {}  # where the softmax of a row was computed
        self.const(0.0)  # `ZERO`

    def const(self, value: float) -> Node:
        """Return the node of a constant; the two zeros are one."""
        value = float(value) + 0.0
        return self._node("const", "nan" if math.isnan(value) else value)

    def value(self, node: Node) -> float | None:
        """Return what a node is where it is a constant, else None."""
        return float(self.arguments[node][0]) if self.kinds[node] == "const" else None

    def values(self, node: Node) -> list[float]:
        """Return what a constant, or what is looked up by a token, can be; nothing of all else."""
        kind, arguments = self.kinds[node], self.arguments[node]
        if kind == "const":
            return [float(arguments[0])]
        return [arguments[1][token] for token in self.feasible[arguments[0]]] if kind in {"index", "tok"} else []

    def is_value(self, node: Node, value: float) -> bool:
        """Return whether a node is this constant."""
        return self.kinds[node] == "const" and self.arguments[node][0] == value

    def is_whole(self, node: Node) -> bool:
        """Return whether a node is a whole number that depends on a token."""
        return self.kinds[node] == "index"

    def token(self, position: int) -> Node:
        """Return the token id at a position, a whole number."""
        return self.index(position, range(self.vocabulary))

    def index(self, position: int, table: Iterable[float]) -> Node:
        """Return a whole number that is a function of the token at a position; a constant where it can be no other."""
        return self._by_token("index", position, table)

    def tok(self, position: int, table: Iterable[float]) -> Node:
        """Return a number that is a function of the token at a position; a constant where it can be no other."""
        return self._by_token("tok", position, table)

    def _by_token(self, kind: str, position: int, table: Iterable[float]) -> Node:
        values = tuple(float(value) + 0.0 for value in table)
        possible = {values[token] for token in self.feasible[position]}
        return self.const(possible.pop()) if len(possible) == 1 else self._node(kind, position, values)

    def of_tokens(self, function: Callable[..., float], nodes: Sequence[Node], *, exact: bool = False) -> Node | None:
        """Return an exact function of constants and of whole numbers of one token; None where they are something else.

        Args:
            function: of the arguments' values.
            nodes: the arguments.
            exact: whether numbers that were looked up may be arguments too: what is done to them is not rounded.
        """
        kinds = {"const", "index", "tok"} if exact else {"const", "index"}
        if not {self.kinds[node] for node in nodes} <= kinds:
            return None
        varying = {node: self.arguments[node] for node in nodes if self.kinds[node] != "const"}
        positions = {arguments[0] for arguments in varying.values()}
        if len(positions) > 1:
            return None
        if not positions:
            return self.const(function(*(self.value(node) for node in nodes)))
        (position,) = positions
        rows = [
            [varying[node][1][token] if node in varying else self.value(node) for node in nodes]
            for token in range(self.vocabulary)
        ]
        table = [_or_zero(function, row) if token not in self.feasible[position] else function(*row)
                 for token, row in enumerate(rows)]  # fmt: skip
        kind = "tok" if any(self.kinds[node] == "tok" for node in varying) else "index"
        return self._by_token(kind, position, table)

    def number(self, node: Node) -> Node:
        """Return a node as a number: a whole number of a token becomes one that is looked up."""
        return self.tok(*self.arguments[node]) if self.kinds[node] == "index" else node

    def add(self, x: Node, y: Node) -> Node:
        """Return x + y."""
        if self.is_value(x, 0.0):
            return y
        if self.is_value(y, 0.0):
            return x
        masked = self._masked(x, y)
        if masked is not None and not all(node == masked or self._ranges.is_finite(node) for node in (x, y)):
            masked = None  # what is no number is none either where it is masked
        return self._exact("add", lambda p, q: p + q, x, y) if masked is None else masked

    def sub(self, x: Node, y: Node) -> Node:
        """Return x - y."""
        if self.is_value(y, 0.0):
            return x
        if self.is_value(x, 0.0):
            return self.neg(y)
        masked = self._masked(x)
        return self._exact("sub", lambda p, q: p - q, x, y) if masked is None else masked

    def _is_nothing(self, x: Node, y: Node) -> bool:
        """Return whether a product is surely 0: one factor is, and the other is surely a number."""
        return any(self.is_value(p, 0.0) and self._ranges.is_finite(q) for p, q in ((x, y), (y, x)))

    def mul(self, x: Node, y: Node) -> Node:
        """Return x y; 0 where a factor is 0, whatever finite number the other is."""
        if self._is_nothing(x, y):
            return self.const(0.0)
        for one, other in ((x, y), (y, x)):
            if self.is_value(one, 1.0):
                return other
            if self.is_value(one, -1.0):
                return self.neg(other)
        return self.sq(x) if x == y else self._exact("mul", lambda p, q: p * q, x, y)

    def div(self, x: Node, y: Node) -> Node:
        """Return x / y."""
        if self.is_value(y, 1.0) or (self.is_value(x, 0.0) and self._ranges.is_divisor(y)):
            return x
        return self._exact("div", lambda p, q: p / q if q else math.nan, x, y)

    def neg(self, x: Node) -> Node:
        """Return -x."""
        if self.kinds[x] == "neg":
            return int(self.arguments[x][0])
        return self._sure("neg", lambda p: -p, x)

    def abs(self, x: Node) -> Node:
        """Return the magnitude of x."""
        return self._sure("abs", abs, x)

    def relu(self, x: Node) -> Node:
        """Return x where it is above 0, else 0."""
        return self._sure("relu", lambda p: max(p, 0.0), x)

    def sq(self, x: Node) -> Node:
        """Return x x."""
        return self._exact("sq", lambda p: p * p, x)

    def round(self, x: Node) -> Node:
        """Return x, stored as float32."""
        rounded = self.of_tokens(lambda p: float(np.float32(p)), [x], exact=True)
        return self._node("round", x) if rounded is None else rounded

    def curve(self, kind: str, x: Node) -> Node:
        """Return a function of one number, by its kind: sqrt, rsqrt, exp, tanh, sigmoid, silu, gelu, gelu_tanh."""
        at_zero = {"sqrt": 0.0, "exp": 1.0, "tanh": 0.0, "silu": 0.0, "gelu": 0.0, "gelu_tanh": 0.0}
        if kind in at_zero and self.is_value(x, 0.0):
            return self.const(at_zero[kind])
        if kind == "exp" and self.is_value(x, -math.inf):
            return self.const(0.0)
        return self._node(kind, x)

    def sum(self, terms: Iterable[Node]) -> Node:
        """Return a sum, in whatever order."""
        left = tuple(int(term) for term in terms if not self.is_value(term, 0.0))
        if len(left) < 3:
            return self.add(*left) if len(left) == 2 else (left or (self.const(0.0),))[0]
        return self._node("sum", left)

    def dot(self, xs: Iterable[Node], ys: Iterable[Node], *more: Node) -> Node:
        """Return the sum of products, and of what is added to it."""
        one = self.const(1.0)
        pairs = [*zip(map(int, xs), map(int, ys), strict=True), *((int(each), one) for each in more)]
        masked = self._masked(*map(int, more))
        if masked is not None and all(
            self._ranges.is_finite(node) for pair in pairs for node in pair if node != masked
        ):
            return masked
        terms = tuple(pair for pair in pairs if not self._is_nothing(*pair))
        if len(terms) < 2:
            return self.mul(*terms[0]) if terms else self.const(0.0)
        if all(one in pair for pair in terms):
            return self.sum(x if y == one else y for x, y in terms)
        return self._node("dot", terms)

    def slack(self, x: Node, y: Node, times: int) -> Node:
        """Return x, which errs by so many units of rounding of the magnitude of y."""
        return self._node("slack", x, y, times)

    def smax(self, row: Sequence[Node], where: Any) -> list[Node]:
        """Return the softmax of a row; masked scores weigh 0, and of a row of masked ones nothing is defined.

        Args:
            row: scores.
            where: it is computed; computed somewhere else, a row's exponentials are others, and so it has scores of
                its own, the same numbers twice negated.
        """
        live = tuple(int(score) for score in row if not self.is_value(score, -math.inf))
        if not live or any(math.isnan(self.value(score) or 0.0) for score in live):
            return [self.const(math.nan)] * len(row)
        known = self._rows.setdefault(live, [])
        if where not in known:
            known.append(where)
        for _ in range(known.index(where)):
            live = tuple(self._node("neg", self._node("neg", score)) for score in live)
        places = iter(range(len(live)))
        zero = self.const(0.0)
        return [zero if self.is_value(score, -math.inf) else self._weight(live, next(places)) for score in row]

    def _weight(self, row: tuple[Node, ...], place: int) -> Node:
        key = ("smax", row, place)
        if key not in self._numbers:
            self._numbers[key] = self._node(*key)
        return self._numbers[key]

    def logsmax(self, row: Sequence[Node]) -> list[Node]:
        """Return the logarithms of a softmax; only where they end the program may they be left out."""
        return [self._node("logsmax", tuple(map(int, row)), place) for place in range(len(row))]

    def largest(self, nodes: Iterable[Node]) -> Node:
        """Return the largest of several numbers, masked scores left out."""
        live = tuple(sorted({int(node) for node in nodes if not self.is_value(node, -math.inf)}))
        if len(live) < 2:
            return (live or (self.const(-math.inf),))[0]
        return self._node("largest", live)

    def place_of_largest(self) -> Node:
        """Return the place of the largest of several numbers, which nothing can be done with."""
        return self._node("place")

    def beside(self) -> Node:
        """Return what an operation gives beside its result, which nothing can be done with."""
        return self._node("beside")

    def _masked(self, *nodes: Node) -> Node | None:
        """Return -inf where a node is -inf, else None."""
        return next((node for node in nodes if self.is_value(node, -math.inf)), None)

    def _exact(self, kind: str, function: Callable[..., float], *nodes: Node) -> Node:
        """Return the node of a function that rounds; of constants, their exact value where float32 holds it."""
        if all(self.kinds[node] == "const" for node in nodes):
            values = [float(self.arguments[node][0]) for node in nodes]
            result = function(*values)
            if not math.isfinite(result) or (_is_short(result) and _is_exact(kind, result, values)):
                return self.const(result)
        whole = self.of_tokens(function, nodes) if any(map(self.is_whole, nodes)) else None
        return self._node(kind, *map(self.number, nodes)) if whole is None else whole

    def _sure(self, kind: str, function: Callable[..., float], x: Node) -> Node:
        """Return the node of a function that does not round."""
        folded = self.of_tokens(function, [x], exact=True)
        return self._node(kind, x) if folded is None else folded

    def _node(self, kind: str, *arguments: Any) -> Node:
        key = (kind, *arguments)
        found = self._numbers.get(key) if kind in _ALIKE else None
        if found is None:
            found = len(self.kinds)
            self.kinds.append(kind)
            self.arguments.append(arguments)
            if kind in _ALIKE:
                self._numbers[key] = found
        return found


def inputs(kind: str, arguments: tuple[Any, ...]) -> Iterable[Node]:
    """Yield the nodes that a node reads."""
    if kind in {"sum", "smax", "largest", "logsmax"}:
        yield from arguments[0]
    elif kind == "dot":
        for pair in arguments[0]:
            yield from pair
    elif kind == "slack":
        yield from arguments[:2]
    elif kind not in {"const", "tok", "index", "place", "beside"}:
        yield from arguments


def needed(program: Program, outputs: Iterable[Node]) -> list[Node]:
    """Return the nodes that outputs depend on, each after those that it reads: equal programs give equal orders.

    Raises:
        RefusedError: one is no node of docs/columns.md, or no finite number.
    """
    order: dict[Node, None] = {}
    pending = [(node, False) for node in reversed(list(outputs))]
    while pending:
        node, is_read = pending.pop()
        if node in order:
            continue
        if is_read:
            order[node] = None
            continue
        _check(program, node)
        pending.append((node, True))
        pending += [(each, False) for each in reversed(list(inputs(program.kinds[node], program.arguments[node])))]
    return list(order)


def _check(program: Program, node: Node) -> None:
    kind = program.kinds[node]
    if kind in _INNER:
        raise RefusedError(f"the logits depend on {_INNER[kind]}, which is no operation of the method")
    arguments = program.arguments[node]
    numbers = arguments if kind == "const" else arguments[1] if kind == "tok" else ()
    if not all(isinstance(number, float) and math.isfinite(number) for number in numbers):
        raise RefusedError("the logits depend on a constant that is no finite number")


def _is_short(value: float) -> bool:
    return float(np.float32(value)) == value if abs(value) < 2.0**127 else False


def _is_exact(kind: str, result: float, values: list[float]) -> bool:
    """Return whether a result, computed in float64, is the exact one; both arguments of a product being short."""
    if kind in {"mul", "sq"}:
        return all(map(_is_short, values))  # 24 bits times 24 bits
    if kind == "div":
        return _is_short(values[1]) and result * values[1] == values[0]
    x, y = values[0], values[1] if kind == "add" else -values[1]
    return result - x == y and result - y == x


def _or_zero(function: Callable[..., float], values: Sequence[Any]) -> float:
    """Return what a function says of a token that cannot be there; 0 where it says nothing."""
    try:
        return float(function(*values))
    except (ArithmeticError, LookupError, ValueError, TypeError):
        return 0.0
