"""Of an adder with one number changed, nothing is proved that its sums contradict."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests import column_mutants
from tests.column_mutants import judge, mutants
from tests.proof.columns import graphs
from verify.proof.columns import checker

SEED = 11


def test_no_mutant_contradicts_what_is_said_of_it() -> None:
    found = Counter[str]()
    for name, graph, change in mutants(76, 0, SEED):
        if name.endswith("2 digits"):  # these take long
            continue
        outcome = judge(graph)
        assert outcome.fault is None, (name, change, outcome)
        found[outcome.found] += 1
    assert found["proved"] > 5
    assert found["refuted"] > 5


def test_no_mutant_of_a_recorded_adder_contradicts_what_is_said_of_it() -> None:
    (name, graph, change), *_ = mutants(0, 1, SEED)
    outcome = judge(graph)
    assert outcome.fault is None, (name, change, outcome)


def test_a_theorem_of_a_wrong_adder_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(certificate: dict[str, Any], **_: Any) -> checker.Verdict:
        return checker.Verdict(pairs=10**4, statement="it adds")

    monkeypatch.setattr(column_mutants.checker, "check", check)
    fault = judge(graphs.adder(9.0)).fault
    assert fault is not None
    assert "are wrong" in fault
