"""A set of rules is data: it says which rows are held against an adder; a file that is none is told what is wrong."""

from __future__ import annotations

import json

import pytest

from tests.report import samples
from verify.__main__ import main
from verify.anatomy import ROWS
from verify.judge import rules
from verify.judge.run import undecided
from verify.judge.session import Options
from verify.report import boards, tables, verdict
from verify.report.evidence import check, digits_of

NAME = 'name = "a board"\n'
BAD = {
    "no TOML": ("name = ", "is no TOML"),
    "nameless": ('count = "counted"', "has no name"),
    "another key": (NAME + "most = 3", "has the key 'most', but may have name, source, digits, count, must, allowed"),
    "no such count": (NAME + 'count = "bytes"', "count is 'bytes', but should be one of counted, unique"),
    "no text": (NAME + "source = 3", "source is 3, but should be text"),
    "no list": (NAME + 'must = "causality"', "must is 'causality', but should be a list of rows"),
    "no such row": (
        NAME + 'must = ["is nice"]',
        "must names 'is nice', which is no row; rows are declared parameters,",
    ),
    "digits are no width": (NAME + "digits = 0", "digits is 0, but should be an integer from 1 to 100"),
    "digits are true": (NAME + "digits = true", "digits is True, but should be an integer"),
    "allowed is no table": (NAME + "allowed = 3", "allowed is 3, but should be a table"),
    "allowed is no row": (NAME + '[allowed]\n"an encoder" = ["x"]', "an encoder names 'x', which is no row"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_set_of_rules_ends_with_status_2_and_says_why(name, tmp_path, capsys):
    text, why = BAD[name]
    file = tmp_path / "board.toml"
    file.write_text(text)
    assert main(["run", "--rules", str(file)]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("spec", "why"),
    [("nobody", "no rules are named 'nobody'; known are adderboard"), ("/no/such.toml", "cannot be read")],
)
def test_rules_that_are_not_there_end_with_status_2(spec, why, capsys):
    assert main(["run", "--rules", spec]) == 2
    assert why in capsys.readouterr().err


def test_a_board_says_of_how_many_digits_operands_are_and_no_adder_does(tmp_path, capsys):
    file, answer = tmp_path / "narrow.py", tmp_path / "found.json"
    file.write_text(
        "def build_model():\n    return None, {'digits': 2}\n"
        "def add(model, a, b):\n    return (a + b) * (max(a, b) < 100)\n"
    )
    arguments = ["run", str(file), "--rules", "adderboard", "--sandbox=limits", "--profile=quick", f"--json={answer}"]
    assert main([*arguments, "--digits=2"]) == 2
    assert "the rules of AdderBoard are of 10 digits; leave out --digits 2" in capsys.readouterr().err
    assert main(arguments) == 1
    assert digits_of(json.loads(answer.read_text())) == 10


def test_by_the_suites_own_rules_every_row_is_held():
    assert all(map(rules.SUITE.hold, ROWS))


@pytest.mark.parametrize("name", rules.known())
def test_a_set_that_comes_with_the_suite_is_one(name):
    found = rules.load(name)
    assert found.name
    assert found.source.startswith("https://")
    assert any(map(found.hold, ROWS))


def test_what_is_allowed_is_not_held_even_where_it_must_be_ok(tmp_path):
    (tmp_path / "board.toml").write_text(f'{NAME}must = ["causality", "attention"]\n[allowed]\nencoder = ["causality"]')
    found = rules.load(str(tmp_path / "board.toml"))
    assert [row for row in ROWS if found.hold(row)] == ["attention"]


def test_a_run_by_other_rules_is_another_run():
    told = [Options(rules=each).as_json()["rules"] for each in (rules.SUITE, rules.load("adderboard"))]
    assert told[0] is None
    assert told[1]["name"] == "AdderBoard"


def by_rules(monkeypatch, rows, **changes):
    """Return the nature of a report whose audit found rows, by other rules."""
    chosen = rules.Rules("a board", **changes)
    monkeypatch.setattr("verify.judge.run.Session.known", lambda _self, name: rows if name == "audit" else None)
    monkeypatch.setattr("verify.judge.run.Options", lambda spec: Options(spec=spec, rules=chosen))
    report = undecided("adder.py", "it was not asked")
    check("correctness", report, "report")
    return report["nature"]


def row(check_, outcome):
    return {"check": check_, "outcome": outcome, "detail": "seen"}


def test_a_row_that_is_not_held_is_told_and_makes_no_verdict(monkeypatch):
    rows = [row("attention", "ok"), row("causality", "violated")]
    found = by_rules(monkeypatch, rows, must=("attention",))
    assert (found["verdict"], len(found["rows"])) == ("AS DECLARED", 2)
    assert by_rules(monkeypatch, rows)["verdict"] == "VIOLATED"


def test_of_a_row_that_must_be_ok_and_was_not_looked_into_nothing_is_known(monkeypatch):
    found = by_rules(monkeypatch, [row("attention", "ok")], must=("attention", "causality"))
    assert found["verdict"] == "UNKNOWN"
    assert found["reason"].endswith("of the others nothing is known: causality")


def judged(**changes):
    """Return a report by the rules of a board."""
    report = samples.report("NO COUNTEREXAMPLE", **changes)
    used = rules.Rules("A board", "https://example.org", "freedom", ("causality",), {"an encoder": ["attention"]})
    report["nature"]["rules"] = used.as_json()
    return report


def test_a_board_says_by_which_rules_and_ranks_by_their_count():
    counts = samples.report()["parameters"]
    large = judged(
        parameters=counts | {"freedom": 40, "counted": 40}, subject=samples.report()["subject"] | {"name": "large"}
    )
    small = judged(parameters=counts | {"freedom": 3, "counted": 46})
    table = boards.whole([large, small])
    assert [str(row[1]).split()[0] for row in table.rows] == ["adder-46", "large"]
    said = boards.board_markdown([large, small])
    assert said.count("By the rules of A board") == 1
    assert "1 row must be ok; the count is what is degrees of freedom; allowed: an encoder." in said
    assert "By the rules" not in boards.board_markdown([samples.report()])


def test_a_card_and_a_table_say_by_which_rules():
    report = judged()
    assert verdict.told(report)[1].sentence.endswith(", by the rules of A board")
    assert "the count by the rules of A board" in str(tables.parameters(report).rows)
    held = {row[0].text: not row[0].note for row in tables.nature(report).rows}
    assert held == {"causality": True, "weights do the work": False, "declared parameters": False}
