"""Functions of one variable err by less than the theorem assumes, on a sample of all arguments."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import rounding
from tests.mutation import ROOT
from verify.proof.columns import checker
from verify.proof.columns.rounding import FACTORS

STRIDE = 10_007  # prime, so that no bit of an argument is left out


@pytest.mark.parametrize("name", list(rounding.FUNCTIONS))
def test_a_function_errs_by_less_than_is_assumed(name: str) -> None:
    rows = rounding.measure(name, STRIDE)
    assert all(rounding.is_below(row) for row in rows), rows
    assert all(row["error"] > 0.5 and row["error_of_reference"] < 1e-3 for row in rows), rows


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: np.where(x == x[0], x, np.exp(x)),
        lambda x: np.exp(x) * np.float32(1 + 2.0**-18),
        lambda x: np.where(x > 80, np.float32(np.nan), np.exp(x)),
        lambda x: np.exp(x) + np.float32(2.0**-125),
    ],
    ids=["one argument", "all by a little", "no number", "below normal"],
)
def test_a_wrong_function_is_seen(monkeypatch: pytest.MonkeyPatch, wrong: rounding.Float32) -> None:
    measured = replace(rounding.FUNCTIONS["exp"], computed={"wrong": wrong})
    monkeypatch.setitem(rounding.FUNCTIONS, "exp", measured)
    assert not rounding.is_below(rounding.measure("exp", STRIDE)[0])


def test_both_signs_small_and_large_arguments_are_measured() -> None:
    x = np.concatenate(list(rounding.chunks(rounding.FUNCTIONS["tanh"], STRIDE)))
    for sign in (1, -1):
        size = sign * x[x * sign >= 0]
        assert size.min() < 2.0**-126
        assert size.max() > 2.0**119
        assert len(size[(size > 1) & (size < 2)]) > 2**23 // STRIDE - 1


def test_at_least_twice_is_assumed_of_all_that_was_measured() -> None:
    rows = json.loads((ROOT / rounding.OUT).read_text())["rows"]
    assert {row["function"] for row in rows} == set(rounding.FUNCTIONS)
    for row in rows:
        now = row | {"assumed": rounding.FUNCTIONS[row["function"]].factor}
        assert rounding.is_below(now, 0.5), now


def test_prover_and_checker_assume_the_same() -> None:
    assert {name: FACTORS[name] for name in checker.RELATIVE} == checker.RELATIVE
    assert {name: FACTORS[name] for name in checker.OF_ARGUMENT} == checker.OF_ARGUMENT
