"""Only what docs/columns.md describes is read as a graph; whatever else a file or a worker says is one error."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from tests.anatomy.graphs import adder, every_kind, written
from verify.anatomy.graph import read
from verify.errors import GraphError

STRANGE = (None, True, -1, 0, 1, 10**30, 0.5, "", "add", "0x1.8p+1", "nan", "\ud800", [], [[]], {}, {"a": 1}, [0, 0])


def test_a_graph_is_read_and_written_the_same() -> None:
    for graph in (adder(), every_kind()):
        found = read.read(written(graph))
        assert found.plain == graph
        assert json.loads(found.text) == graph
        assert read.read(found.text).sha256 == found.sha256


def broken(path: list[str | int], value: Any, graph: dict[str, Any] | None = None) -> bytes:
    """Return a graph in which one place holds something else."""
    graph = graph or adder()
    place: Any = graph
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return written(graph)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["schema"], "adder-graph/2"),
        (["digits"], 0),
        (["digits"], 21),
        (["digits"], True),
        (["dtype"], "float16"),
        (["dtype"], ["float32"]),
        (["vocabulary"], 10**9),
        (["choices"], 13),
        (["prompt"], []),
        (["prompt", 0, "feature"], "sum"),
        (["prompt", 0, "column"], 1),
        (["prompt", 0, "tokens"], [0]),
        (["prompt", 0, "tokens", 3], 12),
        (["prompt", 2, "column"], 1),
        (["answer", 0, "feature"], "a"),
        (["answer", 0, "tokens", 9], 11),
        (["answer", 0, "tokens", 9], 8),
        (["answer", 0, "column"], 1),
        (["answer", 1, "column"], 0),
        (["tables", 0, 0], "0x1.80p+1"),
        (["tables", 0, 0], "nan"),
        (["tables", 0, 0], "inf"),
        (["tables", 0, 0], "0x1.0p+9999"),
        (["tables", 0, 0], 1.0),
        (["tables", 0], []),
        (["steps"], []),
        (["steps", 0, "more"], 1),
        (["steps", 0, "logits", 0], 99),
        (["steps", 0, "logits", 0], -1),
        (["steps", 0, "logits"], [0]),
        (["steps", 0, "nodes", 0], ["tok", 3, 0]),
        (["steps", 0, "nodes", 0], ["tok", 0, 1]),
        (["steps", 0, "nodes", 0], ["add", 0, 0]),
        (["steps", 0, "nodes", 2], ["log", 0]),
        (["steps", 0, "nodes", 2], ["add", 0]),
        (["steps", 0, "nodes", 2], ["sum", [0]]),
        (["steps", 0, "nodes", 2], ["dot", [[0, 0]]]),
        (["steps", 0, "nodes", 2], ["dot", [[0, 0], [0, 0, 0]]]),
        (["steps", 0, "nodes", 2], ["sum", [0] * 4097]),
        (["steps", 0, "nodes", 2], ["dot", [[0, 0]] * 4097]),
        (["steps", 0, "nodes", 2], ["smax", [0] * 4097, 0]),
        (["steps", 0, "nodes", 2], ["smax", [], 0]),
        (["steps", 0, "nodes", 2], ["smax", [0, 1], 2]),
        (["steps", 0, "nodes", 2], ["slack", 0, 0, 10**7]),
        (["steps", 0, "nodes", 2], ["abs", 0]),  # the second operand's token is then read by nothing
    ],
)
def test_what_is_no_graph_is_refused_where_it_is_none(path: list[str | int], value: Any) -> None:
    with pytest.raises(GraphError, match="no graph"):
        read.read(broken(path, value))


@pytest.mark.parametrize("key", sorted(adder()))
def test_a_graph_lacks_no_key(key: str) -> None:
    graph = adder()
    del graph[key]
    with pytest.raises(GraphError, match="no graph"):
        read.read(written(graph))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"schema": "adder-graph/1", "digits": ' + b"[" * 950 + b"]" * 950 + b"}",
        b"NaN",
        b'{"schema": "adder-graph/1", "schema": "adder-graph/1"}',
        b"9" * 10_000,
        b" " * (read.LARGEST + 1),
        json.dumps(adder()).encode("utf-16"),
    ],
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(GraphError, match="no graph"):
        read.read(data)


def test_a_key_that_stands_twice_is_refused_however_deep() -> None:
    text = json.dumps(adder()).replace('"column": 1', '"column": 1, "column": 1', 1)
    with pytest.raises(GraphError, match="key twice"):
        read.read(text)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path to every value within."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in items for found in [(*path, key), *places(each, (*path, key))]]


@pytest.mark.parametrize("seed", range(20))
def test_no_damage_raises_anything_else(seed: int) -> None:
    draw = random.Random(seed)
    whole = every_kind()
    paths = places(whole)
    for _ in range(40):
        graph = copy.deepcopy(whole)
        for _ in range(draw.randint(1, 2)):
            path = draw.choice(paths)
            try:
                data = broken(list(path), draw.choice(STRANGE), graph)
            except (TypeError, KeyError, IndexError):  # the other damage took the place away
                continue
        try:
            found = read.read(data)
        except GraphError:
            continue
        assert found.plain == json.loads(data)
