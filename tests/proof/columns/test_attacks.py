"""Certificates of what is false: each was accepted once, or might be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.proof.columns import graphs
from verify.proof.columns import checker
from verify.proof.columns.certificate import complete
from verify.proof.columns.proving import search_graph


def with_an_end(right: float, other: float) -> dict[str, Any]:
    """Return a graph that adds, and then says 9 where one constant is above another."""
    graph = graphs.adder()
    nodes = [["const", right.hex()], ["const", other.hex()]]
    graph["answer"].append({"feature": "constant", "column": 0, "tokens": [9]})
    graph["steps"].append({"nodes": nodes, "logits": [1] * 9 + [0]})
    return graph


@pytest.fixture(scope="module")
def steps() -> list[Any]:
    """What is found of the graph before it says 9."""

    def margins(pairs: list[tuple[int, int]]) -> np.ndarray:
        a, b = (np.array(each) for each in zip(*pairs, strict=True))
        return np.min([graphs.margins(graphs.adder(), step, a, b) for step in range(3)], axis=0)

    found: list[Any] = search_graph(graphs.adder(), margins, lambda: 1.0).certificate["steps"]
    return found


def checked(steps: list[Any], right: float, other: float) -> checker.Verdict:
    last = {"queries": [{"means": [], "base": [], "trees": [[0]]}] * 2}
    found = {"schema": "adder-columns/1", "graph": with_an_end(right, other), "steps": [*steps, last]}
    return checker.check(complete(found, {}))


def test_two_constants_apart_are_a_theorem(steps: list[Any]) -> None:
    assert checked(steps, 2.0, 1.0).proved


@pytest.mark.parametrize(("right", "other"), [(2e39, 1e39), (1e-39, 0.0), (2.0**-140, 0.0), (1e-50, 0.0)])
def test_constants_that_float32_cannot_tell_apart_prove_nothing(steps: list[Any], right: float, other: float) -> None:
    """Both are infinite there, or may both be 0: neither is the larger."""
    found = checked(steps, right, other)
    assert not found.accepted
    assert all(each.startswith(("steps[3]", "graph.steps[3]")) for each in found.objections)
