"""Many subjects are judged each by a process of its own, and an interrupted run over many goes on from where it was."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace

import pytest

from tests.mutation import ROOT
from verify.__main__ import main
from verify.errors import EvidenceError
from verify.judge.many import Board, content
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


def test_one_table_of_many_and_the_broken_do_not_stop_it(tmp_path, capsys, monkeypatch):
    board = tmp_path / "board"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    specs = ["missing.py", f"{MUTANTS}:plain", f"{MUTANTS}:always_zero"]
    arguments = ["run", *specs, "--profile=quick", "--budget=300", "--sandbox=off", "--jobs=2", f"--board={board}"]

    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out.index("NO COUNTEREXAMPLE") < output.out.index("UNDECIDED")
    assert "missing.py: UNDECIDED, UNKNOWN" in output.err
    assert sorted(path.name for path in board.iterdir()) == ["board.json", "board.md", "index.html", "pages"]
    assert len(json.loads((board / "board.json").read_text())["reports"]) == 3
    pages = re.findall(r'href="(pages/[^"]+)"', (board / "index.html").read_text())
    assert len({*pages}) == 3
    assert all((board / each).is_file() for each in pages)
    assert "Wrong, or a rule is violated" in (board / "board.md").read_text()
    assert "# Board" in (tmp_path / "summary.md").read_text()

    assert main(arguments) == 1  # what is finished is not judged again, what was not decided is
    assert capsys.readouterr().err == "missing.py: UNDECIDED, UNKNOWN\n"


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
    kept = json.loads(results.read_text())
    assert (kept["schema"], kept["reports"]) == ("adder-board/1", reports)


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


@pytest.mark.parametrize("held", ["[]", '{"schema": "adder-board/9", "reports": []}', '{"reports": []}', "{"])
def test_no_board_of_this_version_is_written_over(held, tmp_path):
    (tmp_path / "board.json").write_text(held)

    with pytest.raises(EvidenceError, match="name another file"):
        Counted(OPTIONS, results=tmp_path / "board.json").judge(["a"])


def test_a_run_over_fifty_that_is_cut_short_goes_on_where_it_was(tmp_path):
    specs = [f"adder_{number}" for number in range(50)]
    first = Counted(OPTIONS, results=tmp_path / "board.json")
    first.statuses = {"adder_30": "interrupt"}
    first.judge(specs)
    second = Counted(OPTIONS, results=tmp_path / "board.json")
    reports, _ = second.judge(specs)

    assert set(first.judged) | set(second.judged) == set(specs)
    assert not set(first.judged) & set(second.judged)
    assert [report["subject"]["spec"] for report in reports] == specs


def test_a_board_in_place_of_a_file_or_in_no_folder_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "missing" / "board"):
        assert main(["run", "a.py", f"--board={folder}"]) == 2
        assert "name a folder, in a folder that is there" in capsys.readouterr().err


@pytest.fixture
def folder(tmp_path):
    """Two adders and a module, in a folder of their own."""
    place = tmp_path / "submissions"
    place.mkdir()
    (place / "layers.py").write_text("WIDTH = 35\n")
    (place / "one.py").write_text("from layers import WIDTH\n")
    (place / "two.py").write_text("WIDTH = 35\n")
    return place


def contents(folder):
    files = frozenset(path.resolve() for path in folder.glob("*.py"))
    return {path.stem: content(str(path), files) for path in sorted(folder.glob("*.py"))}


def test_a_new_file_beside_a_subject_and_a_fresh_checkout_do_not_make_it_another(folder):
    before = contents(folder)
    (folder / "three.py").write_text("new = 1\n")
    os.utime(folder / "one.py", (0, 0))
    assert before.items() <= contents(folder).items()


def test_what_a_subject_reads_makes_it_another(folder):
    before = contents(folder)
    (folder / "layers.py").write_text("WIDTH = 36\n")
    (folder / "weights.bin").write_bytes(b"1")
    changed = contents(folder)
    assert all(changed[name] != before[name] for name in before)


def test_a_module_that_another_subject_alone_reads_changes_that_one(folder):
    before = contents(folder)
    (folder / "layers.py").write_text("WIDTH = 36\n")
    changed = contents(folder)
    assert changed["one"] != before["one"]
    assert changed["two"] == before["two"]
