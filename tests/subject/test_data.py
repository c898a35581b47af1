"""A graph is a subject: `extract` writes it, our own decoder runs it, and it answers as the adder that it is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.anatomy.graphs import adder
from verify.__main__ import main
from verify.addition.task import Task
from verify.anatomy.graph.asking import recording_of
from verify.anatomy.graph.nodes import RefusedError
from verify.errors import GraphError, SubjectNotFoundError
from verify.proof.proving import prove_subject
from verify.subject import load
from verify.subject.answers import NO_INTEGER
from verify.subject.loading import locate

COLUMNS = Path(__file__).parents[1] / "submissions" / "columns"
WRONG = 9293099345, 2860099680  # of wrong_in_a_rare_word


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("graphs")
    for name in ("one_head", "wrong_in_a_rare_word"):
        assert (
            main(["extract", str(COLUMNS / f"{name}.py"), "--sandbox=off", "--out", str(found / f"{name}.json")]) == 0
        )
    return found


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray]:
    a, b = np.random.default_rng(3).integers(0, 10**10, (2, 200))
    return np.append(a, WRONG[0]), np.append(b, WRONG[1])


@pytest.mark.parametrize("name", ["one_head", "wrong_in_a_rare_word"])
def test_it_answers_as_the_adder_that_it_is_of(folder: Path, pairs: tuple[np.ndarray, np.ndarray], name: str) -> None:
    graph, file = load(str(folder / f"{name}.json")), load(str(COLUMNS / f"{name}.py"), sandbox="off")
    expected = [file.add(*pair) for pair in zip(*(each.tolist() for each in pairs), strict=True)]
    assert graph.add_batch(*pairs).tolist() == expected
    assert graph.way == "add_batch"
    assert graph.add(*WRONG) == expected[-1]
    assert (expected[-1] == sum(WRONG)) is (name == "one_head")


def test_what_it_is_is_told_before_anything_runs(folder: Path) -> None:
    spec = str(folder / "one_head.json")
    assert locate(spec).is_data
    assert not locate(str(COLUMNS / "one_head.py")).is_data
    for rung in ("auto", "bwrap", "off"):
        subject = load(spec, sandbox=rung)  # type: ignore[arg-type]
        assert (subject.is_data, subject.isolation, subject.afresh().isolation) == (True, "data", "data")
    assert not load(str(COLUMNS / "one_head.py"), sandbox="off").is_data


def test_it_declares_its_numbers_and_the_audit_finds_that_they_do_the_work(folder: Path) -> None:
    subject = load(str(folder / "one_head.json"))
    plain = json.loads((folder / "one_head.json").read_text())
    constants = {node[1] for step in plain["steps"] for node in step["nodes"] if node[0] == "const"}
    counts = subject.ask("count_parameters", seed=1)
    assert subject.declared_parameters == counts["counted"] == len(constants) + sum(map(len, plain["tables"]))
    for check in ("weights do the work", "forward does the work", "no sum in Python"):
        (row,) = subject.ask("audit_checks", only=check)
        assert row["outcome"] == "ok", row


def test_its_graph_is_itself(folder: Path, tmp_path: Path) -> None:
    assert main(["extract", str(folder / "one_head.json"), "--out", str(tmp_path / "again.json")]) == 0
    assert (tmp_path / "again.json").read_bytes() == (folder / "one_head.json").read_bytes()


def test_what_spells_no_sum_is_a_wrong_answer_in_words(folder: Path, tmp_path: Path) -> None:
    plain = json.loads((folder / "one_head.json").read_text())
    last = plain["steps"][10]["logits"]
    last[0], last[7] = last[7], last[0]
    (tmp_path / "seven.json").write_text(json.dumps(plain))
    subject = load(str(tmp_path / "seven.json"))
    assert repr(subject.add(1, 2)) == "'token 7 is no digit of column 11'"
    large = 9_999_999_999
    assert subject.add_batch(np.array([1, large]), np.array([2, large])).tolist() == [NO_INTEGER, 2 * large]


def test_what_is_no_graph_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evidence.json").write_text(json.dumps({"schema": "adder-report/2"}))
    with pytest.raises(GraphError, match=r"^evidence.json"):
        load(str(tmp_path / "evidence.json"))
    with pytest.raises(SubjectNotFoundError, match="extract"):
        load(str(tmp_path / "none.json"))
    assert main(["audit", str(tmp_path / "evidence.json")]) == 2
    assert capsys.readouterr().err.startswith("adder-verify: error: evidence.json: ")


def test_a_graph_is_asked_for_as_many_digits_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "narrow.json").write_text(json.dumps(adder()))
    assert load(str(tmp_path / "narrow.json")).task == Task(1)


@pytest.mark.parametrize("digits", [2, 10])
def test_a_graph_of_another_width_than_is_asked_for_proves_nothing(tmp_path: Path, digits: int) -> None:
    (tmp_path / "narrow.json").write_text(json.dumps(adder()))
    subject = load(str(tmp_path / "narrow.json"), digits=digits)
    with pytest.raises(RefusedError, match=f"its graph adds operands of 1 digit, and {digits} digits are asked"):
        recording_of(subject)
    proof = prove_subject(subject, known_decoder=True)
    assert not proof.accepted
    assert "its graph adds operands of 1 digit" in proof.reason


def test_an_adder_without_a_graph_is_undecided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(COLUMNS.parent / "wrong" / "always_zero.py")
    assert main(["extract", spec, "--sandbox=off", "--out", str(tmp_path / "none.json")]) == 3
    assert capsys.readouterr().out.startswith("NO GRAPH: ")
    assert not (tmp_path / "none.json").exists()


def written_by_hand() -> dict[str, Any]:
    """Return a graph that adds, written from docs/columns.md alone.

    x is what the columns so far sum to, in units of the last of them; ramps count its whole part, less ten from 10 on.
    """
    digits = [*range(10)]

    def entry(feature: str, column: int) -> dict[str, Any]:
        return {"feature": feature, "column": column, "tokens": digits}

    return {
        "schema": "adder-graph/1",
        "digits": 10,
        "dtype": "float64",
        "vocabulary": 10,
        "choices": 10,
        "prompt": [entry(operand, column) for operand in "ab" for column in range(10)],
        "answer": [*(entry("sum", column) for column in range(10)), {"feature": "sum", "column": 10, "tokens": [0, 1]}],
        "tables": [[float(digit).hex() for digit in digits]],
        "steps": [column_by_hand(column) for column in range(11)],
    }


def column_by_hand(column: int) -> dict[str, Any]:
    nodes: list[list[Any]] = []

    def put(*node: Any) -> int:
        nodes.append(list(node))
        return len(nodes) - 1

    def number(value: float) -> int:
        return put("const", float(value).hex())

    below = [
        [put("tok", 10 * operand + place, 0), number(10.0 ** (place - column))]
        for operand in range(2)
        for place in range(min(column + 1, 10))
    ]
    x = put("dot", below)
    steep = number(1e11)

    def is_at_least(least: int) -> int:
        """Return 1 where x is at least a whole number, 0 where it is less by 10^-10 or more."""
        over = put("mul", put("sub", x, number(least - 1e-10)), steep)
        return put("sub", put("relu", over), put("relu", put("sub", over, number(1.0))))

    ramps = [is_at_least(least) for least in range(1, 20)]
    digit = put("dot", [[ramp, number(-9.0 if least == 10 else 1.0)] for least, ramp in enumerate(ramps, 1)])
    logits = [put("sub", put("mul", digit, number(2.0 * each)), number(each * each)) for each in range(10)]
    return {"nodes": nodes, "logits": logits}


def test_a_graph_that_is_written_by_hand_adds(tmp_path: Path) -> None:
    file = tmp_path / "by_hand.json"
    file.write_text(json.dumps(written_by_hand()))
    adder = load(str(file))
    for a, b in [(0, 0), (10**10 - 1, 1), (10**10 - 1, 10**10 - 1), (1_234_567_890, 8_765_432_109), (5, 5), (909, 91)]:
        assert adder.add(a, b) == a + b


def test_of_equal_logits_the_first_is_taken(tmp_path: Path) -> None:
    graph = written_by_hand()
    units = graph["steps"][0]
    units["logits"] = units["logits"][:1] * 10
    units["nodes"] = units["nodes"][: units["logits"][0] + 1]
    file = tmp_path / "tied.json"
    file.write_text(json.dumps(graph))
    assert load(str(file)).add(12, 35) == 40
