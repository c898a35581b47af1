"""The automaton of columns says of all pairs what enumeration says."""

from __future__ import annotations

import numpy as np
import pytest

from verify.proof.columns import options


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def all_paths() -> list[list[int]]:
    return [options.path_of(a, b, 2) for a in range(100) for b in range(100)]


def test_a_path_is_a_pair_and_the_other_way_round(rng: np.random.Generator) -> None:
    for a, b in rng.integers(0, 10**10, (200, 2)).tolist():
        path = options.path_of(a, b, 10)
        assert options.operands(path) == (a, b)
        assert options.CARRY[path[0]] == 0
        assert options.CARRY[path[1:]].tolist() == options.CARRY_OUT[path[:-1]].tolist()


def test_the_least_over_paths_is_the_least_over_all_pairs(rng: np.random.Generator) -> None:
    paths = np.array(all_paths())
    for _ in range(5):
        costs = rng.normal(size=(2, options.COUNT, 3))
        costs[rng.random(costs.shape) < 0.3] = np.inf
        sums = costs[0, paths[:, 0]] + costs[1, paths[:, 1]]
        assert options.least(costs) == pytest.approx(sums.min(axis=0))
        best = options.least_path(costs[:, :, 0])
        assert best is not None
        assert costs[0, best[0], 0] + costs[1, best[1], 0] == pytest.approx(sums[:, 0].min())


def test_a_cell_without_a_path_has_no_least_path() -> None:
    assert options.least_path(np.full((2, options.COUNT), np.inf)) is None


def test_pairs_in_a_cell_are_counted(rng: np.random.Generator) -> None:
    cell = rng.random((2, options.COUNT)) < 0.5
    inside = sum(bool(cell[0, first] and cell[1, second]) for first, second in all_paths())
    assert options.pairs_in(cell) == inside
    assert options.pairs_in(np.ones((10, options.COUNT), bool)) == 10**20


def test_a_mask_names_options_as_the_page_does() -> None:
    column = (options.CARRY == 1) & (options.DIGIT_A == 2) & (options.DIGIT_B == 3)
    assert options.mask(column) == format(1 << 123, "x")
