"""Every decoding path by batch: a table to look at. Figures that are compared come from `benchmarks.throughput`."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from adder.decoding import METHODS, add_tensors
from adder.model import GPTAdder
from benchmarks.paths import REFERENCE_BATCH, operands

pytestmark = pytest.mark.benchmark(max_time=0.2, min_rounds=3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch", [1, 100, 10_000, 1_000_000])
def test_path(benchmark: BenchmarkFixture, model: GPTAdder, method: str, batch: int) -> None:
    if method == "reference" and batch > REFERENCE_BATCH:
        pytest.skip(f"no faster than a batch of {REFERENCE_BATCH}, and {batch // REFERENCE_BATCH} times longer")
    a, b = operands(batch)
    benchmark.group = f"{batch:,} pairs"
    benchmark.extra_info["pairs"] = batch
    sums = benchmark(add_tensors, model, a, b, method)
    assert torch.equal(sums, a + b)


@pytest.mark.parametrize("batch", [1, 100, 10_000, 1_000_000])
def test_floor(benchmark: BenchmarkFixture, batch: int) -> None:
    a, b = operands(batch)
    benchmark.group = f"{batch:,} pairs"
    benchmark.extra_info["pairs"] = batch
    benchmark(torch.add, a, b)
