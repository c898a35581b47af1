"""A run says of an adder what was established and nothing else, whatever the adder does, and loses nothing of it."""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.mutation import ROOT
from verify.__main__ import main
from verify.errors import SubjectNotFoundError
from verify.judge.run import chains_of, gather, judge, undecided
from verify.judge.session import Options
from verify.report.evidence import check

SUBMISSIONS = ROOT / "tests" / "submissions"
PLENTY = 600.0  # seconds: runs here end by their number of cases, on a busy machine too


def run_on(name, **options):
    options = {"budget": PLENTY, "cases": 100, "profile": "quick", "seed": 0} | options
    return judge(Options(spec=str(SUBMISSIONS / f"{name}.py"), **options))


def rule(report, name):
    return next(row for row in report["nature"]["rows"] if row["rule"] == name)


@pytest.mark.parametrize(("name", "sums", "nature", "status"), [
    ("honest/emits_tokens", "NO COUNTEREXAMPLE", {"AS DECLARED", "UNKNOWN"}, 0),
    ("honest/remembers", "NO COUNTEREXAMPLE", {"AS DECLARED", "UNKNOWN"}, 0),
    ("cheating/python_sum", "NO COUNTEREXAMPLE", {"VIOLATED"}, 4),
    ("cheating/claims_fewer", "NO COUNTEREXAMPLE", {"SUSPECT"}, 0),
    ("wrong/always_zero", "COUNTEREXAMPLE", {"UNKNOWN"}, 1),
    ("wrong/raises_on_nines", "COUNTEREXAMPLE", {"VIOLATED"}, 1),
    ("wrong/returns_nothing", "COUNTEREXAMPLE", {"SUSPECT"}, 1),
    ("odd/returns_its_own_integer", "NO COUNTEREXAMPLE", {"VIOLATED"}, 4),
    ("odd/remembers_below_zero", "NO COUNTEREXAMPLE", {"VIOLATED"}, 4),
])  # fmt: skip
def test_both_questions_are_answered_and_neither_for_the_other(name, sums, nature, status):
    done = run_on(name, sandbox="off")

    check("correctness", done.report, name)
    assert done.report["sums"]["verdict"] == sums, done.report["sums"]
    assert done.report["nature"]["verdict"] in nature, done.report["nature"]
    assert done.exit_status == status
    assert (done.report["counterexample"] is not None) == (sums == "COUNTEREXAMPLE")


def test_a_type_that_is_not_as_agreed_is_of_the_nature_alone():
    report = run_on("odd/returns_its_own_integer", sandbox="off").report

    assert rule(report, "an int comes back")["outcome"] == "suspect"
    assert report["failures"] == 0


def test_batches_that_differ_from_add_are_no_counterexample_and_no_sums_either():
    spec = f"{ROOT}/tests/hunt/campaign_subjects.py:WrongInBatches"
    done = judge(Options(spec=spec, sandbox="off", cases=100, seed=0))

    assert done.report["counterexample"] is None
    assert done.report["sums"]["verdict"] == "UNDECIDED"
    assert done.report["sums"]["reason"].startswith("sums were wrong that add gives right when asked again: ")
    assert done.report["nature"]["verdict"] == "VIOLATED"
    assert done.exit_status == 3


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_judge(tmp_path, monkeypatch):
    (tmp_path / ".hypothesis").write_text("no folder")
    monkeypatch.chdir(tmp_path)

    assert run_on("cheating/python_sum", sandbox="off").report["sums"]["verdict"] == "NO COUNTEREXAMPLE"


def test_an_error_of_a_claim_itself_is_told(monkeypatch):
    monkeypatch.setattr("verify.subject.Subject.way_of", lambda *_: 1 / 0)

    report = run_on("cheating/python_sum", sandbox="off").report
    lost = {family["name"]: family["reason"] for family in report["families"] if family["lost"]}

    assert any("ZeroDivisionError" in reason for reason in lost.values())
    assert all("division" not in row["observation"] for row in report["nature"]["rows"])


def test_what_no_fresh_worker_confirms_is_no_counterexample():
    done = run_on("odd/tires", sandbox="off")

    assert done.report["sums"]["verdict"] == "UNDECIDED"
    assert "when a fresh worker was asked" in done.report["sums"]["reason"]
    assert done.report["counterexample"] is None
    assert done.exit_status == 3


def test_no_end_on_what_the_contract_leaves_open_is_no_fault():
    done = run_on("odd/loops_below_zero", sandbox="limits", call_seconds=PLENTY)
    interface = next(family for family in done.report["families"] if family["name"] == "interface")

    assert done.report["sums"]["verdict"] == "NO COUNTEREXAMPLE"
    assert interface["failed"] == interface["lost"] == 0
    assert "came to no end, of which the contract says nothing" in interface["reason"]


def test_an_adder_that_hangs_is_undecided_and_says_at_which_sum():
    done = run_on("odd/hangs_on_half", sandbox="limits", call_seconds=1.0)

    assert done.report["sums"]["verdict"] == "UNDECIDED"
    assert "did not answer within 1 s at add(" in done.report["sums"]["reason"]
    assert done.exit_status == 3


def test_a_worker_that_dies_is_replaced_and_the_other_claims_go_on():
    report = run_on("odd/dies_on_one_pair", sandbox="limits").report

    assert report["sums"]["verdict"] == "UNDECIDED"
    assert "ended its process with status 3 at add(" in report["sums"]["reason"]
    assert sum(row["cases"] > 0 for row in report["strata"]) > 3
    assert rule(report, "forward does the work")["outcome"] == "violated"


def test_the_run_ends_with_the_smoke_test_where_that_fails():
    report = run_on("wrong/always_zero", sandbox="off").report

    assert report["cases"] == 0
    assert [family["name"] for family in report["families"]] == ["smoke"]
    assert (report["counterexample"]["a"], report["counterexample"]["b"]) in {(0, 1), (1, 0)}


def test_a_counterexample_is_kept_as_soon_as_it_is_confirmed():
    kept = []

    def interrupt(session):
        if session.stage == "proof":
            raise KeyboardInterrupt

    path = SUBMISSIONS / "wrong" / "raises_on_nines.py"
    options = Options(spec=str(path), sandbox="off", budget=PLENTY, cases=100, profile="quick")
    done = judge(options, listen=interrupt, keep=kept.append)

    assert len(kept) == 1
    check("correctness", kept[0], "kept")
    for report in (kept[0], done.report):
        assert report["sums"]["verdict"] == "COUNTEREXAMPLE"
        assert report["counterexample"]["got"] == "ValueError: too many nines"
    assert done.interrupted
    assert done.exit_status == 130


def test_no_stratum_claims_what_was_not_searched():
    words = next(row for row in run_on("cheating/python_sum", sandbox="off").report["strata"] if row["name"] == "words")

    assert words["cut"] == "cut short at 100 of 59,049: so many cases were asked for"
    assert not words["complete"]


def test_the_bound_is_of_the_draws_that_add_itself_answered():
    rates = run_on("honest/emits_tokens", sandbox="off").report["failure_rates"]

    assert {rate["of"] for rate in rates} <= {"add", "its forward, in batches"}
    assert rates[0]["of"] == "add"
    assert sum(rate["cases"] for rate in rates) == 100


def test_what_cannot_be_judged_is_undecided_with_the_reason():
    report = undecided("x.py", SubjectNotFoundError("'x.py' is no file"))

    check("correctness", report, "x.py")
    assert report["sums"] == {"verdict": "UNDECIDED", "reason": "'x.py' is no file"}
    assert report["nature"]["verdict"] == "UNKNOWN"
    assert chains_of(report)["rows"] == []


def test_our_own_model_is_judged_from_end_to_end(tmp_path, capsys, monkeypatch):
    path = tmp_path / "report.json"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert main(["run", "--profile", "quick", "--budget", str(PLENTY), "--json", str(path)]) == 0
    report = json.loads(path.read_text())
    check("correctness", report, "report")
    assert report["sums"]["verdict"] == "PROVED"
    assert report["nature"]["verdict"] == "AS DECLARED"
    assert {row["outcome"] for row in report["nature"]["rows"]} == {"ok"}
    output = capsys.readouterr()
    assert "PROVED" in output.out
    assert len(output.out.splitlines()) <= 40
    assert output.err == ""
    assert "PROVED" in (tmp_path / "summary.md").read_text().splitlines()[0]


HOSTILE = "import pathlib; pathlib.Path(__file__ + '.ran').write_text('ran')\n"


@pytest.fixture
def theirs(tmp_path):
    """A folder that is not ours: a submission beside files with the names of what a run uses."""
    for name in ("verify", "pytest", "multiprocessing", "conftest", "adder", "hypothesis", "torch", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(HOSTILE)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = -p conftest\nsubmission = other.py\n")
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\naddopts = --nonsense\n")
    (tmp_path / "mine.py").write_text((SUBMISSIONS / "wrong" / "raises_on_nines.py").read_text())
    return tmp_path


def command_of(name):
    return str(Path(sys.executable).with_name(name))


def started_in(folder, *command):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "ADDER_", "CI"))}
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


def test_the_folder_that_the_user_stands_in_has_no_say(theirs):
    done = started_in(theirs, command_of("adder-verify"), "run", "mine.py", "--profile=quick", f"--budget={PLENTY}")

    assert done.returncode == 1, done.stderr
    assert "COUNTEREXAMPLE" in done.stdout
    assert done.stderr.startswith("counterexample: add(")
    assert [path.name for path in theirs.glob("*.ran")] == []


def test_the_command_that_runs_it_again_works_where_it_is_printed(theirs):
    for name in (
        "pytest.ini",
        "setup.cfg",
        "conftest.py",
    ):  # pytest heeds these wherever it starts
        (theirs / name).unlink()
    path = theirs / "report.json"
    started_in(theirs, command_of("adder-verify"), "run", "mine.py", f"--json={path}", "--profile=quick")
    words = shlex.split(json.loads(path.read_text())["counterexample"]["replay"])

    done = started_in(theirs, command_of(words[0]), *words[1:], "-x", "-q", "--cases=200", "-pno:cacheprovider")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "too many nines" in done.stdout


def gathered(monkeypatch, proof, checkers):
    """Return the proof of a gathered report, where Coq accepts as told."""
    loaded = SimpleNamespace(ask=lambda _name: {"refused": "it is a test"}, close=lambda: None)
    judged = SimpleNamespace(report={"proof": proof, "chains": [], "made": {}}, interrupted=False)
    monkeypatch.setattr("verify.judge.run.judge", lambda _options: judged)
    monkeypatch.setattr("verify.subject.load", lambda *_args, **_options: loaded)
    monkeypatch.setattr("verify.proof.coq.checkers_of", lambda _certificate: checkers)
    return gather(Options())["correctness.json"]["proof"]


def test_gathered_evidence_names_coq_beside_our_own_checker_where_it_accepted(monkeypatch):
    ours, coq = {"name": "standard library"}, {"name": "coqc"}
    proof = {"verdict": "PROVED", "certificate": {}, "checkers": [ours]}

    assert gathered(monkeypatch, copy.deepcopy(proof), [coq])["checkers"] == [ours, coq]
    assert gathered(monkeypatch, copy.deepcopy(proof), [])["checkers"] == [ours]
    undecided = proof | {"verdict": "NO COUNTEREXAMPLE"}
    assert gathered(monkeypatch, copy.deepcopy(undecided), [coq])["checkers"] == [ours]
    assert gathered(monkeypatch, None, [coq]) is None
