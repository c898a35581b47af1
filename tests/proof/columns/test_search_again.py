"""A leaf that the search proves and the checker does not is split until it does, and left open where it never does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.proof.columns import graphs
from tests.proof.columns.test_theorem import Adder, forced_wrong, proof_of
from verify.proof.columns import checker

OPTION = 75  # a = 7, b = 5, no carry comes in


def refuse(monkeypatch: pytest.MonkeyPatch, is_refused: Callable[[list[int]], bool]) -> None:
    """Have the checker prove no cell of some kind."""
    proves = checker.Cells.proves
    monkeypatch.setattr(
        checker.Cells, "proves", lambda self, cell, right: not is_refused(cell) and proves(self, cell, right)
    )


def test_leaves_that_the_checker_does_not_prove_are_split_and_then_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, lambda cell: checker.pairs_in(cell) > 600)
    proof = proof_of(Adder(graphs.adder()))
    assert proof.verdict == "MODEL PROVED"
    assert proof.searched is not None
    assert proof.searched.ratio is not None  # of all leaves, those that were not split again among them


def test_what_the_checker_never_proves_stays_open_and_the_rest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, lambda cell: bool(cell[0] >> OPTION & cell[1] & 1))
    proof = proof_of(Adder(graphs.adder()))
    assert proof.verdict == "UNDECIDED"
    assert proof.checked is not None
    assert proof.checked.accepted
    assert 0 < 10**4 - proof.checked.pairs_right == proof.checked.open_pairs < 3 * 10**3
    assert "cells are open" in proof.reason


def test_of_a_wrong_adder_all_that_the_checker_proves_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, lambda cell: bool(cell[0] >> OPTION & cell[1] & 1))
    wrong = Adder(graphs.adder(9.0))
    wrong._add = lambda a, b: a + b + bool(forced_wrong(wrong, a, b))
    proof = proof_of(wrong)
    assert proof.verdict == "COUNTEREXAMPLE"
    assert proof.checked is not None
    assert proof.checked.accepted
    assert proof.checked.pairs_right > 0


def test_the_statement_speaks_of_open_leaves_only_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = proof_of(Adder(graphs.adder())).certificate
    refuse(monkeypatch, lambda cell: bool(cell[0] >> OPTION & cell[1] & 1))
    part = proof_of(Adder(graphs.adder())).certificate
    assert whole is not None
    assert part is not None
    assert whole["statement"].startswith("For all integers 0 <= a, b < 10^2: in every admissible evaluation")
    assert part["statement"].startswith("For all integers 0 <= a, b < 10^2 whose options lie in no open leaf: in every")
    assert checker.check(part | {"statement": whole["statement"]}).objections[-1].startswith("statement is")
