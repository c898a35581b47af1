"""Many subjects are judged each by a process of its own, and an interrupted run over many goes on from where it was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.mutation import ROOT
from verify.__main__ import main
from verify.errors import EvidenceError
from verify.judge.many import Board
from verify.judge.run import undecided
from verify.judge.session import Options

OPTIONS = Options(profile="quick", sandbox="off", seed=0)
MUTANTS = ROOT / "tests" / "mutants.py"


class Counted(Board):
    """A board that counts whom it judges, and starts nothing."""

    def __init__(self, options, **settings):
        super().__init__(options, **settings)
        self.statuses, self.judged = {}, ()

    def _judge(self, spec):
        if self.statuses.get(spec) == "interrupt":
            raise KeyboardInterrupt
        self.judged = (*self.judged, spec)
        report = undecided(spec, "not looked at")
        status = self.statuses.get(spec, 0)
        report["environment"]["seed"] = OPTIONS.seed
        report["environment"]["run"] = OPTIONS.as_json() | {"status": status, "content": ""}
        return report, status


def test_one_table_of_many_and_the_broken_do_not_stop_it(tmp_path, capsys):
    page = tmp_path / "board.html"
    specs = ["missing.py", f"{MUTANTS}:plain", f"{MUTANTS}:always_zero"]
    arguments = ["run", *specs, "--profile=quick", "--budget=300", "--sandbox=off", "--jobs=2", f"--html={page}"]

    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out.index("NO COUNTEREXAMPLE") < output.out.index("UNDECIDED")
    assert "missing.py: UNDECIDED, UNKNOWN" in output.err
    assert "missing.py" in page.read_text()


def test_what_is_finished_is_not_judged_again(tmp_path):
    results = tmp_path / "board.json"
    first = Counted(OPTIONS, results=results)
    first.statuses = {"b": "interrupt"}
    _, status = first.judge(["a", "b"])
    second = Counted(OPTIONS, results=results)
    reports, _ = second.judge(["a", "b"])

    assert status == 130
    assert second.judged == ("b",)
    assert [report["subject"]["spec"] for report in reports] == ["a", "b"]
    assert json.loads(results.read_text()) == reports


@pytest.mark.parametrize("options", [
    Options(profile="quick", seed=1), Options(profile="default", seed=0),
], ids=["seed", "profile"])  # fmt: skip
def test_another_run_judges_all_again(tmp_path, options):
    Counted(OPTIONS, results=tmp_path / "board.json").judge(["a"])
    again = Counted(options, results=tmp_path / "board.json")
    again.judge(["a"])

    assert again.judged == ("a",)


@pytest.mark.parametrize("name", ["version", "commit"])
def test_another_suite_judges_all_again(name, tmp_path, monkeypatch):
    Counted(OPTIONS, results=tmp_path / "board.json").judge(["a"])
    monkeypatch.setattr(f"verify.judge.many.{name}", lambda: "another")
    again = Counted(OPTIONS, results=tmp_path / "board.json")
    again.judge(["a"])

    assert again.judged == ("a",)


def test_a_seed_that_nobody_gave_makes_no_other_run(tmp_path):
    for judged in [("a",), ()]:
        board = Counted(replace(OPTIONS, seed=None), results=tmp_path / "board.json")
        board.judge(["a"])

        assert board.judged == judged


def test_what_could_not_be_decided_is_tried_again(tmp_path):
    for _ in range(2):
        board = Counted(OPTIONS, results=tmp_path / "board.json")
        board.statuses = {"a": 3}
        board.judge(["a"])

        assert board.judged == ("a",)


def test_the_worst_says_how_the_run_ends():
    board = Counted(OPTIONS)
    board.statuses = {"a": 0, "b": 4, "c": 3}

    assert board.judge(["a", "b"])[1] == 4
    assert board.judge(["a", "b", "c"])[1] == 3


def test_a_file_that_holds_something_else_is_not_written_over(tmp_path):
    (tmp_path / "mine.json").write_text('{"not": "ours"}')

    with pytest.raises(EvidenceError, match="holds no reports of a run over many; name another file"):
        Counted(OPTIONS, results=tmp_path / "mine.json").judge(["a"])
