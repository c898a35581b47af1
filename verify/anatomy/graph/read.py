"""Reading a graph, from a file or from a worker: nothing in it is believed before its form is checked.

The form is docs/columns.md, section 1. Sizes are bounded, numbers are finite and written in one way only, every node
reads earlier ones, and the layout says every column of a sum once.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from verify.errors import GraphError
from verify.text import printable

SCHEMA = "adder-graph/1"
LARGEST = 32 << 20  # bytes
MOST_DIGITS = 20
MOST_TOKENS = 4096  # of a vocabulary
MOST_POSITIONS = 1024
MOST_TERMS = 4096  # of a sum, scores of a row: the checker takes no more
LARGEST_SLACK = 10**6

SYMBOLS = {"constant": 1, "a": 10, "b": 10, "pair": 100, "sum": 10, "state": 20}
OF_THE_PROMPT = ("constant", "a", "b", "pair")
OF_THE_ANSWER = ("constant", "sum", "state")
ONE = ("neg", "sq", "abs", "relu", "round", "sqrt", "rsqrt", "exp", "tanh", "sigmoid", "silu", "gelu", "gelu_tanh")
TWO = ("add", "sub", "mul", "div")

_ARGUMENTS = {  # how many a kind has
    "const": 1,
    "tok": 2,
    "sum": 1,
    "dot": 1,
    "smax": 2,
    "slack": 3,
    **dict.fromkeys(ONE, 1),
    **dict.fromkeys(TWO, 2),
}
_NUMBER = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}", re.ASCII)
_KEYS = {"schema", "digits", "dtype", "vocabulary", "choices", "prompt", "answer", "tables", "steps"}

Node = tuple[Any, ...]  # its kind, then its arguments, as in the JSON; numbers are floats, lists are tuples


@dataclass(frozen=True)
class Entry:
    """One token of a layout: a function of one column.

    Attributes:
        feature: a key of `SYMBOLS`.
        column: 0 holds the units.
        tokens: the token id for each symbol.
    """

    feature: str
    column: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """The program of one token of the answer."""

    nodes: tuple[Node, ...]
    logits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph whose form was checked.

    Attributes:
        digits: of an operand.
        dtype: "float32" or "float64".
        vocabulary: how many token ids there are.
        choices: how many of them the decoder chooses from.
        prompt: its layout.
        answer: its layout.
        tables: numbers by token id.
        steps: one for each token of the answer.
        plain: the same as JSON has it.
    """

    digits: int
    dtype: str
    vocabulary: int
    choices: int
    prompt: tuple[Entry, ...]
    answer: tuple[Entry, ...]
    tables: tuple[tuple[float, ...], ...]
    steps: tuple[Step, ...]
    plain: dict[str, Any] = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """The graph as JSON with sorted keys and without spaces."""
        return json.dumps(self.plain, sort_keys=True, separators=(",", ":"))

    @property
    def sha256(self) -> str:
        """The digest of `text`, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def constants(self) -> Iterator[float]:
        """Every number in it."""
        for table in self.tables:
            yield from table
        for step in self.steps:
            yield from (node[1] for node in step.nodes if node[0] == "const")


def parse(data: bytes | str) -> dict[str, Any]:
    """Return the graph that JSON holds, as plain values whose form was checked.

    Raises:
        GraphError: it holds none; the message says where.
    """
    return read(data).plain


def read(data: bytes | str) -> Graph:
    """Return the graph that JSON holds, in UTF-8.

    Raises:
        GraphError: it holds none; the message says where.
    """
    if len(data) > LARGEST:
        raise GraphError(f"no graph: {len(data):,} bytes; at most {LARGEST:,} are read")
    try:
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(text, parse_constant=_no_number, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"no graph: no JSON ({printable(str(error), 80)})") from None
    return of(value)


def of(value: Any) -> Graph:
    """Return the graph that plain values describe.

    Raises:
        GraphError: they describe none; the message says where.
    """
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise GraphError(f'no graph: a graph is a JSON object with "schema": "{SCHEMA}"')
    _demand(value.keys() == _KEYS, "its keys", sorted(value.keys() ^ _KEYS))
    digits = _whole(value["digits"], 1, MOST_DIGITS, "digits")
    vocabulary = _whole(value["vocabulary"], 1, MOST_TOKENS, "vocabulary")
    choices = _whole(value["choices"], 1, vocabulary, "choices")
    _demand(value["dtype"] in ("float32", "float64"), "dtype", value["dtype"])
    prompt = _layout(value["prompt"], OF_THE_PROMPT, digits, vocabulary, "prompt")
    answer = _layout(value["answer"], OF_THE_ANSWER, digits, choices, "answer")
    _check_answer(answer, digits)
    tables = tuple(
        tuple(_number(number, f"tables[{index}]") for number in _list(table, vocabulary, f"tables[{index}]"))
        for index, table in enumerate(_list(value["tables"], None, "tables"))
    )
    steps = tuple(
        step_of(step, len(prompt) + index, len(tables), choices, f"steps[{index}]")
        for index, step in enumerate(_list(value["steps"], len(answer), "steps"))
    )
    return Graph(digits, value["dtype"], vocabulary, choices, prompt, answer, tables, steps, value)


def _layout(
    value: Any, features: tuple[str, ...], digits: int, tokens: int, place: str
) -> tuple[Entry, ...]:  # fmt: skip
    entries = _list(value, None, place)
    _demand(0 < len(entries) <= MOST_POSITIONS, place, f"{len(entries)} tokens")
    return tuple(_entry(each, features, digits, tokens, f"{place}[{index}]") for index, each in enumerate(entries))


def _entry(value: Any, features: tuple[str, ...], digits: int, tokens: int, place: str) -> Entry:
    _demand(isinstance(value, dict) and value.keys() == {"feature", "column", "tokens"}, place, value)
    feature = value["feature"]
    _demand(isinstance(feature, str) and feature in features, f"{place}.feature", feature)
    last = {"constant": 0, "sum": digits, "state": digits}.get(feature, digits - 1)
    column = _whole(value["column"], 0, last, f"{place}.column")
    symbols = 2 if column == digits and feature in {"sum", "state"} else SYMBOLS[feature]
    found = _list(value["tokens"], symbols, f"{place}.tokens")
    return Entry(feature, column, tuple(_whole(token, 0, tokens - 1, f"{place}.tokens") for token in found))


def _check_answer(answer: tuple[Entry, ...], digits: int) -> None:
    told = [entry for entry in answer if entry.feature != "constant"]
    columns = sorted(entry.column for entry in told)
    _demand(columns == list(range(digits + 1)), "the answer's columns, each to be said once", columns)
    for entry in told:
        digit_of: dict[int, int] = {}
        for symbol, token in enumerate(entry.tokens):
            is_one = digit_of.setdefault(token, symbol % 10) == symbol % 10
            _demand(is_one, f"column {entry.column} of the answer, two digits of which have one token", token)


def step_of(value: Any, positions: int, tables: int, choices: int, place: str = "step") -> Step:
    """Return a step whose form was checked, that reads so many positions and tables.

    Raises:
        GraphError: it is none; the message says where.
    """
    _demand(isinstance(value, dict) and value.keys() == {"nodes", "logits"}, place, value)
    nodes = tuple(
        _node(node, index, positions, tables, f"{place}.nodes[{index}]")
        for index, node in enumerate(_list(value["nodes"], None, f"{place}.nodes"))
    )
    found = _list(value["logits"], choices, f"{place}.logits")
    logits = tuple(_whole(node, 0, len(nodes) - 1, f"{place}.logits") for node in found)
    idle = set(range(len(nodes))) - {each for node in nodes for each in reads(node)} - set(logits)
    _demand(not idle, f"{place}: a node that nothing reads", min(idle, default=None))
    return Step(nodes, logits)


def _node(value: Any, index: int, positions: int, tables: int, place: str) -> Node:
    _demand(isinstance(value, list) and bool(value) and isinstance(value[0], str), place, value)
    kind, *arguments = value
    _demand(kind in _ARGUMENTS, f"{place}: an unknown kind", kind)
    _demand(len(arguments) == _ARGUMENTS[kind], f"{place}: arguments of {kind}", arguments)
    first, rest = arguments[0], arguments[1:]
    if kind == "const":
        return kind, _number(first, place)
    if kind == "tok":
        return kind, _whole(first, 0, positions - 1, place), _whole(rest[0], 0, tables - 1, place)
    if kind == "dot":
        return kind, _pairs(first, index, place)
    if kind == "sum":
        return kind, _earlier_ones(first, index, 2, place)
    if kind == "smax":
        row = _earlier_ones(first, index, 1, place)
        return kind, row, _whole(rest[0], 0, len(row) - 1, place)
    last = (_whole(rest[1], 1, LARGEST_SLACK, place),) if kind == "slack" else ()
    return kind, *(_whole(x, 0, index - 1, place) for x in (first, *rest[:1])), *last


def reads(node: Node) -> Iterator[int]:
    """Yield the nodes that a node reads."""
    kind = node[0]
    if kind == "dot":
        for pair in node[1]:
            yield from pair
    elif kind in {"sum", "smax"}:
        yield from node[1]
    elif kind not in {"const", "tok"}:
        yield from node[1:3]


def _earlier_ones(value: Any, index: int, fewest: int, place: str) -> tuple[int, ...]:
    found = _list(value, None, place)
    _demand(fewest <= len(found) <= MOST_TERMS, f"{place}: terms, {fewest} to {MOST_TERMS}", len(found))
    return tuple(_whole(each, 0, index - 1, place) for each in found)


def _pairs(value: Any, index: int, place: str) -> tuple[tuple[int, int], ...]:
    found = _list(value, None, place)
    _demand(2 <= len(found) <= MOST_TERMS, f"{place}: terms, 2 to {MOST_TERMS}", len(found))
    pairs = (_list(pair, 2, place) for pair in found)
    return tuple((_whole(x, 0, index - 1, place), _whole(y, 0, index - 1, place)) for x, y in pairs)


def _list(value: Any, length: int | None, place: str) -> list[Any]:
    _demand(isinstance(value, list), place, value)
    _demand(length is None or len(value) == length, f"{place}, which is to hold {length}, holds", len(value))
    return list(value)


def _whole(value: Any, least: int, most: int, place: str) -> int:
    _demand(type(value) is int and least <= value <= most, f"{place}, to be a whole number {least} to {most}", value)
    return int(value)


def _number(value: Any, place: str) -> float:
    _demand(isinstance(value, str) and _NUMBER.fullmatch(value) is not None, f"{place}, to be by float.hex", value)
    try:
        number = float.fromhex(value)
    except OverflowError:
        number = math.inf
    _demand(math.isfinite(number) and number.hex() == value, f"{place}, to be by float.hex and finite", value)
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object that has a key twice")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _demand(holds: bool, place: str, value: Any) -> None:
    if not holds:
        raise GraphError(f"no graph: {place}: {printable(reprlib.repr(value), 80)}")
