"""Gates: ratios within one run that no machine should miss, set at about a quarter of what is measured."""

from __future__ import annotations

import pytest

from adder.model import GPTAdder
from benchmarks import codec, paths

Row = dict[str, float]


@pytest.fixture(scope="module")
def wide(model: GPTAdder) -> dict[str, Row]:
    """Median ratios of every path at 100,000 pairs."""
    return ratios(model, 100_000)


@pytest.fixture(scope="module")
def single(model: GPTAdder) -> dict[str, Row]:
    """Median ratios of every path at one pair."""
    return ratios(model, 1)


def ratios(model: GPTAdder, batch: int) -> dict[str, Row]:
    rows = paths.measure(model, batch, rounds=5)
    return {
        row["path"]: {other: row[f"ratio_to_{other}"]["median"] for other in ("reference", "floor")} for row in rows
    }


@pytest.mark.parametrize(
    ("path", "times"), [("incremental", 200), ("verified", 200), ("default", 200), ("tabulated", 800), ("scan", 7_000)]
)
def test_a_path_is_many_times_faster_than_the_reference(wide: dict[str, Row], path: str, times: float) -> None:
    assert wide[path]["reference"] > times


def test_the_scan_stays_within_reach_of_one_addition_of_tensors(wide: dict[str, Row]) -> None:
    assert wide["scan"]["floor"] > 0.005


def test_the_default_keeps_up_with_the_fastest_model_run(wide: dict[str, Row], single: dict[str, Row]) -> None:
    for measured in (wide, single):
        fastest = max(measured[path]["reference"] for path in ("incremental", "verified"))
        assert measured["default"]["reference"] > fastest / 2


def test_one_pair_is_faster_than_by_the_reference(single: dict[str, Row]) -> None:
    assert single["default"]["reference"] > 3


def test_text_is_read_and_written_many_times_faster_than_one_at_a_time() -> None:
    nanoseconds = {row["conversion"]: row["nanoseconds_per_pair"]["median"] for row in codec.measure(50_000, rounds=5)}
    assert nanoseconds["prompts to tokens, one at a time"] > 10 * nanoseconds["prompts to operands"]
    assert nanoseconds["states to text, one at a time"] > 10 * nanoseconds["sums to text"]


def test_memory_does_not_grow_with_the_number_of_batches(model: GPTAdder) -> None:
    for row in paths.memory(model, batch=100_000):
        if row["growth_bytes"] is None:
            pytest.skip("this system does not say how much memory a process holds")
        assert row["growth_bytes"] < 16 * 2**20, row
