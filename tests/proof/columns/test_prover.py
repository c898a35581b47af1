"""What is said of random networks of 1 to 3 digits is what their pairs say, with roundings pushed to their bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.proof.columns import networks
from tests.proof.columns.trials import PROBES, SHAPES, probe, worst_of
from verify.proof.columns import checker
from verify.proof.columns.certificate import complete
from verify.proof.columns.proving import search_graph
from verify.proof.columns.search import Search
from verify.proof.columns.step import step_of
from verify.proof.columns.tables import Tables

PARTS = 20  # of all pairs of 3 digits, to be evaluated one after another
PUSHED = [shape for shape in SHAPES if shape != "float64"]  # the evaluation itself is in float64


def right_pairs(graph: dict[str, Any]) -> int:
    parts = zip(*(np.array_split(each, PARTS) for each in networks.all_pairs(graph["digits"])), strict=True)
    return sum(int((networks.least_margins(graph, a, b) > 0).all(axis=0).sum()) for a, b in parts)


@pytest.mark.parametrize(
    ("digits", "seed", "noise"),
    [(2, 1, 0.0), (2, 2, 0.001), (2, 3, 0.003), (2, 4, 0.01), (2, 5, 0.03), (3, 6, 0.001), (3, 7, 0.01)],
)
def test_a_random_network_is_proved_where_all_its_pairs_are_right(digits: int, seed: int, noise: float) -> None:
    graph = networks.adder(digits, np.random.default_rng(seed), noise, paired=False)

    def ask(pairs: list[tuple[int, int]]) -> np.ndarray:
        return np.asarray(networks.least_margins(graph, *np.array(pairs).T).min(axis=0))

    found = search_graph(graph, ask, lambda: math.inf)
    checked = checker.check(complete(found.certificate, {}))
    right = right_pairs(graph)
    assert (found.is_whole, checked.proved) == (right == 100**digits,) * 2
    assert not (found.wrong and found.is_whole)
    assert checked.pairs_right <= right


@pytest.mark.parametrize("shape", PUSHED)
def test_roundings_pushed_to_their_bounds_stay_within_what_the_prover_allows(shape: str) -> None:
    graph = networks.adder(2, np.random.default_rng(8), 0.01, **SHAPES[shape])
    draw = np.random.default_rng(9)
    most = 0.0
    for k in range(3):
        step = step_of(graph, k)
        tables = Tables(step)
        a, b = draw.integers(0, 100, (2, 400))
        symbols = networks.symbols(step.query.feature, step.query.column, 2, a, b)
        for query in range(step.query.size):
            some = symbols == query
            if not some.any():
                continue
            search = Search(step, tables, query, lambda pairs: np.ones(len(pairs)), lambda: math.inf)
            centre, allowed = search.at(list(zip(a[some].tolist(), b[some].tolist(), strict=True)))
            for seed in range(4):
                logits = networks.Evaluation(graph, k, a[some], b[some], np.random.default_rng(seed)).logits.T
                own = np.isinf(centre).argmax(axis=0)
                seen = logits[own, np.arange(logits.shape[1])] - logits
                rivals = np.isfinite(centre)
                share = np.abs(seen - centre)[rivals] / allowed[rivals]
                most = max(most, float(share.max()))
    assert 0.01 < most <= 1, most


@pytest.mark.parametrize("name", ["mean of equals", "values that are off"])
def test_a_margin_below_its_roundings_is_left_open_and_one_well_above_is_closed(name: str) -> None:
    worst = worst_of(name)
    for margin, is_whole in [(0.97 * worst, False), (12 * worst + 2, True)]:
        step = step_of(probe(PROBES[name], margin), 0)
        tables, open_ = Tables(step), 0
        for query in range(0, step.query.size, 9):
            open_ += Search(step, tables, query, lambda pairs: np.ones(len(pairs)), lambda: math.inf).run().open
        assert (open_ == 0) == is_whole
