"""A solve, warm, of each kind of weights and as the reference does it, and all 16 contexts in one forward."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from adder.model import GPTAdder
from adder.solver import solve
from adder.tokens import encode
from benchmarks.paths import operands
from benchmarks.reference_solver import solve_as_reference

pytestmark = pytest.mark.benchmark(max_time=0.3, min_rounds=3)


@pytest.mark.parametrize("weights", ["integer", "real"])
def test_solve(benchmark: BenchmarkFixture, weights: str) -> None:
    benchmark(solve, 1, weights=weights)


def test_solve_as_the_reference(benchmark: BenchmarkFixture) -> None:
    benchmark(solve_as_reference, 1)


@torch.inference_mode()
def test_forward(benchmark: BenchmarkFixture, model: GPTAdder) -> None:
    benchmark(model, encode(*operands(512)))
