"""Text and tokens: 100,000 pairs in and out."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from adder.tokens import WIDTH, decode, encode, format_prompts, format_sums, parse_prompts
from benchmarks.paths import operands

pytestmark = pytest.mark.benchmark(max_time=0.3, min_rounds=3)

A, B = operands(100_000)


def test_prompts_to_operands(benchmark: BenchmarkFixture) -> None:
    benchmark(parse_prompts, format_prompts(A, B))


def test_prompts_of_any_padding_to_operands(benchmark: BenchmarkFixture) -> None:
    benchmark(parse_prompts, [f"{a}+{b}=" for a, b in zip(A.tolist(), B.tolist(), strict=True)])


def test_operands_to_tokens(benchmark: BenchmarkFixture) -> None:
    benchmark(encode, A, B)


def test_states_to_sums(benchmark: BenchmarkFixture) -> None:
    benchmark(decode, encode(A, B)[:, :WIDTH])


def test_sums_to_text(benchmark: BenchmarkFixture) -> None:
    benchmark(format_sums, A + B)
