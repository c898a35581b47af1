"""The model that is measured, and one thread: threads that wait for each other on a busy machine are no measure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adder.model import GPTAdder
from adder.solver import solve
from benchmarks.paths import threads


@pytest.fixture(scope="session")
def model() -> GPTAdder:
    """The model of base seed 1."""
    return solve(seed=1)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Run everything on one thread."""
    with threads(1):
        yield
