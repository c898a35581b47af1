"""A verdict rests on the suite, the audit and the proof of one run, and on nothing else."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from verify.__main__ import main
from verify.addition.bounds import failure_rate_bound
from verify.errors import SubjectCrashedError, SubjectNotFoundError
from verify.judge import run as judge
from verify.proof.proving import Proof

OPTIONS = judge.Options()
KEYS = {
    "schema", "subject", "verdict", "reason", "counterexample", "cases", "failures", "failure_rate_bound_95", "strata",
    "families", "chains", "parameters", "audit", "proof", "environment", "seconds",
}  # fmt: skip
WRONG = {
    "a": 1, "b": 9, "call": "add(1, 9)", "got": 0, "expected": 10, "reason": "carry chain of 1 from column 1",
    "family": "carry", "stratum": None, "cases": 0, "failures": 0, "difference": -10, "swapped_is_right": False,
    "idle_a": [], "idle_b": [], "first_wrong_column": 1, "first_wrong_step": None, "replay": "pytest verify -k carry",
}  # fmt: skip


def evidence(*, counterexample=None, failed=0):
    family = {"name": "carry", "passed": 1, "failed": failed, "skipped": 0, "reasons": ["no"] * failed, "seconds": 1.0}
    stratum = {"cases": 1000, "failures": 0, "sentence": "Any.", "family": "sums"}
    kind = {"name": "uniform", "exhaustive": False, "complete": False, "share": 1.0}
    return {
        "subject": {"spec": "a.py", "name": "a", "author": "", "sha256": ""},
        "counterexample": counterexample,
        "cases": 1000,
        "failures": 0,
        "strata": [stratum | kind],
        "families": [family],
        "run": {},
        "chains": [],
    }


def decide(found, *, accepted=False):
    proof = Proof(accepted=accepted, reason="because")
    return judge._report(found, [], {}, proof, OPTIONS)


def test_a_proof_that_the_checker_accepts_is_proved():
    report = decide(evidence(), accepted=True)
    assert (report["verdict"], report["reason"]) == ("PROVED", "because")


def test_without_a_proof_the_cases_speak_with_their_bound():
    report = decide(evidence())
    assert report["verdict"] == "NO COUNTEREXAMPLE"
    assert report["failure_rate_bound_95"] == failure_rate_bound(0, 1000)
    assert "in 1,000 cases; at 95 % confidence at most 0.00299 of uniform pairs fail" in report["reason"]


@pytest.mark.parametrize("accepted", [False, True], ids=["unproved", "proved"])
def test_a_counterexample_outweighs_everything(accepted):
    report = decide(evidence(counterexample=WRONG, failed=1), accepted=accepted)
    assert report["verdict"] == "COUNTEREXAMPLE"
    assert report["reason"] == "add(1, 9)=0, but should be 10 [carry chain of 1 from column 1]"
    assert "off by -10^1" in report["counterexample"]["card"]


def test_a_claim_that_fails_without_a_wrong_sum_is_no_pass():
    report = decide(evidence(failed=1), accepted=True)
    assert report["verdict"] == "COUNTEREXAMPLE"
    assert report["reason"] == "claims fail in carry, the first: no"


def test_no_uniform_case_supports_no_bound():
    found = evidence()
    found["strata"] = []
    assert decide(found)["failure_rate_bound_95"] is None


@pytest.mark.parametrize("change", [{"spec": "b.py"}, {"sha256": "00"}, {"method": "scan"}], ids=str)
def test_a_suite_that_ran_on_something_else_is_not_believed(change):
    subject = SimpleNamespace(spec="a.py", sha256="", method=None)
    ran = {"spec": "a.py", "sha256": "", "method": None}
    judge._check_same(subject, ran)
    with pytest.raises(SubjectCrashedError, match=r"and not on a\.py"):
        judge._check_same(subject, ran | change)


def test_what_cannot_be_judged_is_undecided_with_the_reason():
    report = judge.undecided("x.py", SubjectNotFoundError("'x.py' is no file"))
    assert (report["verdict"], report["reason"]) == ("UNDECIDED", "'x.py' is no file")
    assert set(report) == KEYS


def test_our_own_model_is_judged_from_end_to_end(tmp_path, capsys, monkeypatch):
    path = tmp_path / "report.json"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert main(["run", "--profile", "quick", "--budget", "1", "--json", str(path)]) == 0
    report = json.loads(path.read_text())
    assert set(report) == KEYS
    assert report["verdict"] == "PROVED"
    assert report["proof"]["certificate"]["binding"]["decoding"] == "compared"
    assert {row["outcome"] for row in report["audit"]} == {"ok"}
    assert "PROVED" in capsys.readouterr().out
    assert (tmp_path / "summary.md").read_text().startswith("## ✓ adder-46: PROVED")


def test_many_subjects_make_one_table_and_the_broken_do_not_stop_it(tmp_path, capsys):
    page = tmp_path / "board.html"
    specs = ["missing.py", "tests/mutants.py:plain"]
    assert main(["run", *specs, "--profile", "quick", "--budget", "1", "--sandbox", "off", "--html", str(page)]) == 2
    output = capsys.readouterr().out
    assert output.index("NO COUNTEREXAMPLE") < output.index("UNDECIDED")
    assert "missing.py" in page.read_text()
