"""What is said of a stranger's adder: a theorem only by the checker, a counterexample only by ``add``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.proof.columns import graphs
from verify.__main__ import main
from verify.addition.task import Task
from verify.anatomy.graph.evaluate import forced
from verify.anatomy.graph.read import of
from verify.proof.columns import checker, theorem
from verify.proof.columns.certificate import read as read_certificate
from verify.proof.columns.certificate import write as write_certificate
from verify.proof.columns.theorem import ColumnsProof, prove_columns
from verify.proof.conclusion import DISAGREEMENT, NONE
from verify.proof.proving import prove_subject
from verify.subject import load

COLUMNS = Path(__file__).parents[2] / "submissions" / "columns"
END = 10


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Adder:
    """A subject whose forward is a graph, and whose ``add`` is what it is told to be."""

    spec = "graph"
    is_data = False

    def __init__(self, graph: dict[str, Any], add: Callable[[int, int], Any] | None = None) -> None:
        self.graph = of(json.loads(json.dumps(graph)))
        self.task = Task(self.graph.digits)
        self._add = add or (lambda a, b: a + b)
        self.added: list[tuple[int, int]] = []
        self.digest = "same"

    def add(self, a: int, b: int) -> Any:
        self.added.append((a, b))
        return self._add(a, b)

    def ask(self, operation: str, **given: Any) -> Any:
        if operation == "recorded_graph":
            return np.frombuffer(self.graph.text.encode(), np.uint8)
        if operation == "weights_digest":
            return self.digest
        assert operation == "forced_outputs"
        return self.forced(given["a"].tolist(), given["b"].tolist(), given["way"])

    def forced(self, a: list[int], b: list[int], way: str) -> np.ndarray:
        assert way
        return forced(self.graph, a, b)


def proof_of(adder: Adder, **options: Any) -> ColumnsProof:
    found = prove_columns(adder, seed=1, **options)  # type: ignore[arg-type]
    assert isinstance(found, ColumnsProof), found
    return found


def with_an_end(graph: dict[str, Any]) -> dict[str, Any]:
    """Return the graph with an end token after the sum, which it never prefers."""
    answer = [*graph["answer"], {"feature": "constant", "column": 0, "tokens": [9]}]
    return graph | {"answer": answer, "steps": [*graph["steps"], graph["steps"][-1]]}


def test_a_right_graph_is_a_proved_model_and_no_proved_program() -> None:
    proof = proof_of(Adder(graphs.adder()))
    assert (proof.verdict, proof.exit_status, proof.accepted) == ("MODEL PROVED", 0, False)
    assert "is not proved" in proof.reason
    assert proof.accuracy == "on at least 10,000 of all 10^4 pairs"
    assert checker.check(proof.certificate).proved


def test_what_our_own_program_decodes_is_proved() -> None:
    proof = proof_of(Adder(graphs.adder()), known_decoder=True)
    assert (proof.verdict, proof.exit_status, proof.accepted) == ("PROVED", 0, True)


def test_our_own_program_that_adds_wrongly_what_is_proved_is_a_bug_of_ours() -> None:
    proof = proof_of(Adder(graphs.adder(), lambda a, b: a + b + 1), known_decoder=True)
    assert (proof.verdict, proof.exit_status) == (DISAGREEMENT, 3)


def test_a_wrong_sum_of_a_proved_model_is_a_counterexample_all_the_same() -> None:
    proof = proof_of(Adder(graphs.adder(), lambda a, b: a + b + 1))
    assert (proof.verdict, proof.exit_status) == ("COUNTEREXAMPLE", 1)
    assert proof.wrong is not None


def test_a_counterexample_is_what_add_gives_wrongly() -> None:
    wrong = Adder(graphs.adder(9.0))
    wrong._add = lambda a, b: a + b + bool(forced_wrong(wrong, a, b))
    proof = proof_of(wrong)
    assert proof.verdict == "COUNTEREXAMPLE"
    assert proof.wrong is not None
    assert forced_wrong(wrong, *proof.wrong)


def forced_wrong(adder: Adder, a: int, b: int) -> bool:
    logits = forced(adder.graph, [a], [b])[0]
    return [int(each) for each in logits.argmax(axis=1)] != [(a + b) // 10**place % 10 for place in range(3)]


def test_a_forward_that_is_wrong_where_add_is_right_is_undecided() -> None:
    proof = proof_of(Adder(graphs.adder(9.0)))
    assert (proof.verdict, proof.exit_status) == ("UNDECIDED", 3)
    assert "add does not decode it greedily" in proof.reason


def test_an_end_token_that_no_sum_needs_is_left_out() -> None:
    proof = proof_of(Adder(with_an_end(graphs.adder())))
    assert proof.verdict == "MODEL PROVED"
    assert proof.certificate is not None
    assert len(proof.certificate["graph"]["answer"]) == 3


def test_no_time_leaves_cells_open_and_says_of_how_many_pairs() -> None:
    asked = iter([math.inf] * 40)
    proof = proof_of(Adder(graphs.adder()), time_left=lambda: next(asked, 0.0))
    assert (proof.verdict, proof.exit_status) == ("UNDECIDED", 3)
    assert "cells are open" in proof.reason or "no time left" in proof.reason
    assert proof.as_json() is not None


def test_nothing_is_proved_that_the_checker_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    real = checker.check

    def rejecting(certificate: Any, **options: Any) -> Any:
        return replace(real(certificate, **options), objections=["it is a test"])

    monkeypatch.setattr(checker, "check", rejecting)
    proof = proof_of(Adder(graphs.adder()), known_decoder=True)
    assert (proof.verdict, proof.accepted) == ("UNDECIDED", False)
    assert proof.reason == "the checker rejects the certificate: it is a test"
    assert proof.accuracy == ""


class Shrinking(Adder):
    """Gives logits of another shape once it was compared."""

    def forced(self, a: list[int], b: list[int], way: str) -> np.ndarray:
        found = super().forced(a, b, way)
        return found[..., :4] if way == "batch" and len(a) not in (12, 240) else found


def test_logits_of_another_shape_break_the_protocol() -> None:
    found = prove_columns(Shrinking(graphs.adder(9.0)), seed=1)  # type: ignore[arg-type]
    assert found.verdict == NONE
    assert "broke the protocol: logits of shape" in found.reason


class OfAnotherArchitecture(Adder):
    """Is decoded by a program of ours, but its forward was recorded."""

    def ask(self, operation: str, **given: Any) -> Any:
        return {"refused": "other"} if operation == "architecture" else super().ask(operation, **given)


@pytest.mark.parametrize(("is_data", "verdict"), [(True, "PROVED"), (False, "MODEL PROVED")])
def test_only_of_what_was_handed_in_as_a_graph_all_is_proved(is_data: bool, verdict: str) -> None:
    adder = OfAnotherArchitecture(graphs.adder())
    adder.is_data = is_data
    assert prove_subject(adder, known_decoder=True, seed=1).verdict == verdict  # type: ignore[arg-type] # a stand-in


def test_what_the_method_does_not_apply_to_is_no_proof_and_no_fault_of_ours() -> None:
    graph = graphs.adder()
    nodes = graph["steps"][0]["nodes"]
    mean = next(place for place, node in enumerate(nodes) if node[0] == "dot")
    second = len(nodes)
    nodes += [["smax", [mean, mean], 0], ["mul", second, mean], ["add", second + 1, graph["steps"][0]["logits"][9]]]
    graph["steps"][0]["logits"][9] = second + 2
    found = prove_columns(Adder(graph), seed=1)  # type: ignore[arg-type]
    assert (found.verdict, found.exit_status, found.certificate) == (NONE, 3, None)
    assert "only one layer" in found.reason


def test_weights_that_change_while_it_adds_prove_nothing() -> None:
    adder = Adder(graphs.adder())

    def add(a: int, b: int) -> int:
        adder.digest = "another"
        return a + b

    adder._add = add
    found = prove_columns(adder, seed=1)  # type: ignore[arg-type]
    assert (found.verdict, found.certificate) == (NONE, None)
    assert "weights are others" in found.reason


def test_a_wrong_sum_is_a_counterexample_though_the_subject_answers_no_more() -> None:
    wrong = Adder(graphs.adder(9.0))

    def add(a: int, b: int) -> int:
        wrong.digest = "another"
        return a + b + bool(forced_wrong(wrong, a, b))

    wrong._add = add
    found = prove_columns(wrong, seed=1)  # type: ignore[arg-type] # a stand-in
    assert (found.verdict, found.exit_status, found.certificate) == ("COUNTEREXAMPLE", 1, None)
    assert found.wrong is not None
    assert forced_wrong(wrong, *found.wrong)


def test_nothing_is_asked_of_the_subject_after_its_certificate_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    real, adder = checker.check, Adder(graphs.adder())

    def check(certificate: Any, **options: Any) -> Any:
        # instead of methods: nothing may be asked from here on
        adder._add = adder.forced = lambda *_: pytest.fail("it was asked")  # type: ignore[method-assign,assignment]
        return real(certificate, **options)

    monkeypatch.setattr(checker, "check", check)
    assert proof_of(adder).verdict == "MODEL PROVED"


class Watched(Adder):
    """Computes something else in one way of being called."""

    way = "add"

    def forced(self, a: list[int], b: list[int], way: str) -> np.ndarray:
        return super().forced(a, b, way) + (0.004 * np.arange(10) if way == self.way else 0.0)


@pytest.mark.parametrize("way", list(theorem._COMPARED))
def test_a_forward_that_differs_by_more_than_roundings_in_one_way_proves_nothing(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.anatomy.graph.asking.compare", lambda *_: None)  # which sees it first
    adder = Watched(graphs.adder())
    adder.way = way
    found = prove_columns(adder, seed=1)  # type: ignore[arg-type]
    assert found.verdict == NONE
    assert f"called so: {way}" in found.reason


def test_a_search_that_stops_at_a_wrong_sum_leaves_the_rest_open() -> None:
    wrong = Adder(graphs.adder(9.0))
    wrong._add = lambda a, b: a + b + bool(forced_wrong(wrong, a, b))
    stopped, whole = proof_of(wrong, stops_at_a_wrong_sum=True), proof_of(wrong)
    assert (stopped.verdict, whole.verdict) == ("COUNTEREXAMPLE", "COUNTEREXAMPLE")
    assert stopped.searched is not None
    assert whole.searched is not None
    assert stopped.searched.cells < whole.searched.cells


def test_right_on_at_least_so_many_is_true_of_a_wrong_adder() -> None:
    wrong = Adder(graphs.adder(9.0))
    wrong._add = lambda a, b: a + b + bool(forced_wrong(wrong, a, b))
    proof = proof_of(wrong)
    assert proof.checked is not None
    assert proof.checked.accepted
    a, b = graphs.all_pairs()
    right = sum(not forced_wrong(wrong, *pair) for pair in zip(a.tolist()[::7], b.tolist()[::7], strict=True)) * 7
    assert 0 < proof.checked.pairs_right <= right + 7


def test_the_commands_prove_extract_and_check_tell_one_theorem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, graph = tmp_path / "certificate.json", tmp_path / "adder.json"
    spec = str(COLUMNS / "one_head.py")
    assert main(["prove", spec, "--sandbox=off", "--out", str(certificate), "--json=-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["check", str(certificate), "--json=-"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["theorem"]["statement"] == found["statement"]
    assert checked["theorem"]["sha256"] == found["columns"]["graph_sha256"]
    assert main(["extract", spec, "--sandbox=off", "--out", str(graph)]) == 0
    capsys.readouterr()
    assert main(["prove", str(graph)]) == 0
    assert capsys.readouterr().out.startswith("PROVED: ")
    assert main(["prove", spec, "--sandbox=off", "--coq", str(tmp_path / "x.v")]) == 2
    assert not (tmp_path / "x.v").exists()


def test_a_proof_goes_on_from_a_certificate_of_the_same_graph_alone_and_anew_from_a_false_one() -> None:
    first = proof_of(Adder(graphs.adder()), time_left=lambda: 0.0).certificate
    assert first is not None
    assert proof_of(Adder(graphs.adder()), before=first).verdict == "MODEL PROVED"
    forged = json.loads(json.dumps(first))
    for step in forged["steps"]:
        for query in step["queries"]:
            query["trees"] = [[0] for _ in query["trees"]]
    anew = proof_of(Adder(graphs.adder()), before=forged)
    assert anew.verdict == "MODEL PROVED"
    assert anew.searched is not None
    assert anew.searched.cells > sum(len(query["trees"]) for step in forged["steps"] for query in step["queries"])
    assert proof_of(Adder(graphs.adder(10.001)), before=forged).verdict == "MODEL PROVED"


def test_the_command_goes_on_from_where_it_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, spec = tmp_path / "certificate.json.gz", str(COLUMNS / "one_head.py")
    arguments = ["prove", spec, "--sandbox=off", "--out", str(certificate)]
    assert main([*arguments, "--budget=0.001s"]) == 3
    assert "the time" in capsys.readouterr().out
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("MODEL PROVED: ")
    damaged = read_certificate(certificate)
    damaged["steps"] = damaged["steps"][:-1]
    write_certificate(certificate, damaged)
    assert main(arguments) == 2
    assert "damaged" in capsys.readouterr().err


def test_a_damaged_certificate_is_rejected_with_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proof = proof_of(Adder(graphs.adder()))
    assert proof.certificate is not None
    damaged = tmp_path / "damaged.json"
    damaged.write_text(json.dumps(proof.certificate | {"sha256": "0" * 64}))
    assert main(["check", str(damaged)]) == 1
    assert capsys.readouterr().out.startswith("rejected: sha256")


def test_the_forward_of_a_file_is_proved_where_it_runs() -> None:
    subject = load(str(COLUMNS / "one_head.py"), sandbox="off")
    proof = prove_columns(subject, seed=2)
    assert proof.verdict == "MODEL PROVED", proof.reason
