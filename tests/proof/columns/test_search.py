"""The search proves no cell that holds a wrong pair, and decides adders that are right."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from tests.proof.columns import graphs, networks
from verify.proof.columns import checker
from verify.proof.columns.certificate import complete
from verify.proof.columns.proving import Searched, UnfaithfulError, search_graph
from verify.proof.columns.search import Search
from verify.proof.weights import RefusalError

A, B = graphs.all_pairs()
STEPS = range(graphs.DIGITS + 1)


def ask(graph: dict[str, Any]) -> Any:
    def least(pairs: list[tuple[int, int]]) -> np.ndarray:
        a, b = (np.array(each) for each in zip(*pairs, strict=True))
        return np.min([graphs.margins(graph, step, a, b) for step in STEPS], axis=0)

    return least


def real(graph: dict[str, Any]) -> Any:
    def logits(pairs: list[tuple[int, int]], _way: str = "batch") -> np.ndarray:
        a, b = (np.array(each) for each in zip(*pairs, strict=True))
        return np.stack([graphs.logits(graph, step, a, b, np.float32).T for step in STEPS], axis=1).astype(float)

    return logits


def search(graph: dict[str, Any], **more: Any) -> Searched:
    return search_graph(graph, ask(graph), lambda: math.inf, **more)


def asks(graph: dict[str, Any]) -> Any:
    return lambda pairs: np.min(networks.least_margins(graph, *np.array(pairs).T), axis=0)


def wrong_pairs(graph: dict[str, Any]) -> set[tuple[int, int]]:
    is_wrong = np.min([graphs.margins(graph, step, A, B) for step in STEPS], axis=0) <= 0
    return set(zip(A[is_wrong].tolist(), B[is_wrong].tolist(), strict=True))


def test_a_right_adder_is_decided_and_the_real_forward_agrees() -> None:
    graph = graphs.adder()
    found = search(graph, real=real(graph), rng=np.random.default_rng(1))
    assert not wrong_pairs(graph)
    assert found.is_whole
    assert not found.wrong
    assert all(step.rank == 1 and step.ratio is not None and step.ratio > 1 for step in found.steps)


@pytest.mark.parametrize("near", [5.0, 7.0, 9.0, 12.0, 15.0])
def test_another_weight_of_the_near_column_is_refuted(near: float) -> None:
    graph = graphs.adder(near)
    wrong = wrong_pairs(graph)
    found = search(graph)
    assert wrong
    assert not found.is_whole
    assert found.wrong
    assert set(found.wrong) <= wrong
    assert sum(step.pairs_open for step in found.steps) >= len(wrong)


def test_no_mutant_that_enumeration_finds_wrong_is_decided() -> None:
    rng = np.random.default_rng(3)
    outcomes = []
    for _ in range(40):
        graph = copy.deepcopy(graphs.adder())
        step = graph["steps"][int(rng.integers(len(graph["steps"])))]
        constants = [node for node in step["nodes"] if node[0] == "const" and float.fromhex(node[1])]
        node = constants[int(rng.integers(len(constants)))]
        node[1] = (float.fromhex(node[1]) * float(rng.choice([0.5, 0.9, 0.99, 1.001, 1.01, 1.1, 1.5]))).hex()
        found, wrong = search(graph), wrong_pairs(graph)
        outcomes.append((bool(wrong), found.is_whole))
        assert not (wrong and found.is_whole)
        assert set(found.wrong) <= wrong
    assert outcomes.count((True, False)) > 5
    assert outcomes.count((False, True)) > 5


def test_open_cells_hold_every_wrong_pair() -> None:
    graph = graphs.adder(width=9.0)
    found = search(graph)
    assert sum(step.pairs_open for step in found.steps) >= len(wrong_pairs(graph)) > 0


def test_without_time_all_is_open() -> None:
    graph = graphs.adder()
    found = search_graph(graph, ask(graph), lambda: 0.0)
    assert not found.is_whole
    assert sum(step.pairs_open for step in found.steps) == 3 * 10**4


def test_a_forward_that_is_another_is_noticed() -> None:
    graph, other = graphs.adder(), graphs.adder(10.01)
    with pytest.raises(UnfaithfulError, match="tells the right token's logit and token"):
        search_graph(graph, ask(graph), lambda: math.inf, real=real(other), rng=np.random.default_rng(1))


def test_a_value_of_two_tokens_before_attention_is_refused() -> None:
    graph = graphs.adder()
    nodes = graph["steps"][1]["nodes"]
    tokens = [place for place, node in enumerate(nodes) if node[0] == "tok"]
    dot = next(node for node in nodes if node[0] == "dot")
    nodes[dot[1][0][1]] = ["mul", *tokens[:2]] if tokens[1] < dot[1][0][1] else nodes[dot[1][0][1]]
    later = dot[1][-1][1]
    nodes[later] = ["mul", *[each for each in tokens if each < later][:2]]
    with pytest.raises(RefusalError, match="depends on the tokens at positions 2 and 4, which"):
        search(graph)


class Clock:
    """Is asked for the time that is left, and says that there is none after so many answers."""

    def __init__(self, answers: float = math.inf) -> None:
        self.answers = answers

    def __call__(self) -> float:
        self.answers -= 1
        return math.inf if self.answers >= 0 else 0.0


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many cells are bounded, by batch."""
    counts: list[int] = []
    split = Search._bound_and_split

    def counted(self: Search, cells: Any, **how: Any) -> Any:
        counts.append(len(cells))
        return split(self, cells, **how)

    monkeypatch.setattr(Search, "_bound_and_split", counted)
    return counts


@pytest.mark.parametrize("answers", [0, 5, 12, 20])
def test_a_search_goes_on_from_where_another_ended(answers: int, bounded: list[int]) -> None:
    graph = networks.adder(1)
    in_one = search_graph(graph, asks(graph), Clock())
    whole, leaves = sum(bounded), in_one.cells
    bounded.clear()
    cut = search_graph(graph, asks(graph), Clock(answers))
    first, still_open = sum(bounded), sum(step.open for step in cut.steps)
    assert still_open
    bounded.clear()
    after = search_graph(graph, asks(graph), Clock(), before=cut.certificate)
    assert after.is_whole
    assert in_one.is_whole
    assert (after.margin, after.ratio) in ((None, None), (in_one.margin, in_one.ratio))  # of no part of the cells
    assert checker.check(complete(after.certificate, {})).proved
    assert first + sum(bounded) <= whole + still_open + 20
    assert abs(after.cells - leaves) <= leaves / 10


def test_a_search_from_a_whole_certificate_bounds_nothing(bounded: list[int]) -> None:
    graph = graphs.adder()
    found = search(graph)
    bounded.clear()
    again = search(graph, before=found.certificate)
    assert again.is_whole
    assert again.certificate["steps"] == found.certificate["steps"]
    assert sum(bounded) == 0


def test_what_is_open_for_good_stays_open(bounded: list[int]) -> None:
    graph = graphs.adder(width=9.0)
    found = search(graph)
    again = search(graph, before=found.certificate)
    assert [step.pairs_open for step in again.steps] == [step.pairs_open for step in found.steps]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([0, 0], "goes on"),
        ([[0, "ff"], 0], "too early"),
        ([[2, "ff"], 0, 0], "no split"),
        ([[0, "f" * 51], 0, 0], "no split"),
        (["x"], "no split"),
        ("x", "no lists"),
    ],
)
def test_trees_that_are_none_are_refused(tree: Any, message: str) -> None:
    graph = graphs.adder()
    certificate = copy.deepcopy(search(graph).certificate)
    certificate["steps"][1]["queries"][0]["trees"][0] = tree
    with pytest.raises(ValueError, match=message):
        search(graph, before=certificate)
