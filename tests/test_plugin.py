"""``pytest verify`` does what its options say, reports what it found, and leaves other people's tests alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.mutation import PLUGIN, ROOT, SUITE, families

MUTANTS = ROOT / "tests" / "mutants.py"


class Run:
    """A pytest run of its own, in a folder of its own."""

    def __init__(self, folder, *arguments, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "ADDER_", "CI"))}
        finished = subprocess.run(
            [sys.executable, "-m", "pytest", *PLUGIN, "-pno:cacheprovider", "--color=no", *map(str, arguments)],
            cwd=folder,
            env=clean | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.status = finished.returncode
        self.output = finished.stdout + finished.stderr

    def __contains__(self, text):
        return text in self.output


@pytest.fixture
def run(tmp_path):
    def run_in_folder(*arguments, **environment):
        return Run(tmp_path, *arguments, **environment)

    return run_in_folder


def on(mutant, *families_):
    files = [SUITE / f"test_{family}.py" for family in families_]
    return [*files, f"--submission={MUTANTS}:{mutant}", "--sandbox=off", "--hypothesis-profile=quick"]


def test_the_subject_and_how_much_was_tried_are_named(run):
    found = run(*on("plain", "sums", "smoke"))

    assert found.status == 0
    assert f"subject {MUTANTS}:plain (plain), isolation off, profile quick" in found
    assert re.search(r"hunted \d\d,\d{3} pairs in 4 strata: 0 failures", found.output)


def test_pytest_asks_for_the_digits_that_it_is_told(run):
    found = run(*on("plain", "sums", "smoke"), "--digits=2", "--cases=10000")

    assert found.status == 0
    assert re.search(r"hunted 1\d,\d{3} pairs in 1 strata: 0 failures", found.output)  # every pair, and no more

    found = run(*on("ten_digits_of_sum", "smoke"), "--digits=11")
    assert found.status == 1
    assert re.search(r"add\((10000000000, 0|0, 10000000000)\)=0, but should be 10000000000", found.output)


@pytest.mark.parametrize(("options", "message"), [
    (["--digits=0"], "--digits=0: 0 is no number of digits; give an integer from 1 to 100"),
    (["--digits=1", "--stratum=below-100"], "with 1 digit there is no stratum 'below-100'"),
])  # fmt: skip
def test_digits_that_make_no_sense_are_wrong_use(run, options, message):
    found = run(*on("plain", "smoke"), *options)

    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert message in found


def test_the_subject_also_comes_from_the_environment_and_the_settings(run, tmp_path):
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nsubmission = {MUTANTS}:always_zero\n")
    from_settings = run(SUITE / "test_vectors.py", f"--rootdir={tmp_path}", "-c", tmp_path / "pytest.ini", "-x")
    from_environment = run(SUITE / "test_vectors.py", "-x", ADDER_SUBMISSION=f"{MUTANTS}:one_more")

    assert "(always_zero)" in from_settings
    assert "(one_more)" in from_environment
    assert from_settings.status == from_environment.status == 1


@pytest.mark.parametrize(("arguments", "message"), [
    (["--stratum=nowhere"], "no stratum is named 'nowhere'; there are: placed-chains,"),
    (["--budget=0"], "--budget=0.0 must be more than 0"),
    (["--cases=0"], "--cases=0 must be more than 0"),
    (["--cases=-3"], "--cases=-3 must be more than 0"),
    (["--xfails-file=nowhere.txt"], "the ledger 'nowhere.txt' cannot be read"),
])  # fmt: skip
def test_an_option_without_sense_is_refused_in_one_line(run, arguments, message):
    found = run(*on("plain", "smoke"), *arguments)

    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert message in found
    assert "Traceback" not in found


def test_a_broken_database_is_refused_in_one_line(run, tmp_path):
    (tmp_path / ".hypothesis").write_text("no folder")

    found = run(*on("plain", "smoke"))

    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert "the example database '.hypothesis/examples' cannot be used (Not a directory)" in found


@pytest.mark.parametrize("named_by", ["the command line", "the environment"])
def test_an_empty_subject_is_refused_and_not_our_own_model(run, named_by):
    if named_by == "the environment":
        found = run(SUITE / "test_smoke.py", ADDER_SUBMISSION="")
    else:
        found = run(SUITE / "test_smoke.py", "--submission=")

    assert found.status == 2
    assert "an empty name names no subject" in found


def test_a_subject_that_is_none_ends_the_run_with_status_2(run):
    found = run(SUITE / "test_smoke.py", "--submission=nowhere.py")

    assert found.status == 2
    assert "'nowhere.py' is no file or folder" in found


def test_a_subject_that_pytest_would_take_for_its_own_folder_is_refused(run, tmp_path):
    (tmp_path / "mine.py").write_text("")

    found = run(SUITE / "test_smoke.py", "--submission", "mine.py")

    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert "write --submission=FILE" in found


@pytest.fixture
def theirs(tmp_path):
    """Return a folder beside the one of a run, with settings that would have pytest run what lies there."""
    folder = tmp_path / "their folder"
    folder.mkdir()
    (folder / "adder.py").write_text(MUTANTS.read_text())
    (folder / "found.json").write_text("{}")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p planted\npythonpath = .\nsubmission = nowhere.py\n")
    for name in ("planted", "conftest"):
        (folder / f"{name}.py").write_text(f"open({str(folder / 'was run')!r}, 'a').write({name!r})")
    return folder


def test_no_settings_and_no_code_beside_a_subject_are_heeded(run, theirs):
    values = [f"--submission={theirs}/adder.py:plain", f"--evidence={theirs}/found.json"]
    found = run("--pyargs", "verify", "-k", "smoke", *values, "--sandbox=off", "--hypothesis-profile=quick")

    assert found.status == 0
    assert not (theirs / "was run").exists()


@pytest.mark.parametrize("option", ["--evidence", "--xfails-file", "--method", "--stratum"])
@pytest.mark.parametrize("value", ["found.json", ""])
def test_an_option_whose_path_pytest_would_take_for_its_own_folder_is_refused(run, theirs, option, value):
    (theirs / "pytest.ini").write_text("[pytest]\nsubmission = nowhere.py\n")
    found = run("--pyargs", "verify", option, theirs / value)

    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert f"write {option}=FILE" in found
    assert not (theirs / "was run").exists()


def test_one_stratum_can_be_hunted_alone(run, tmp_path):
    found = run(*on("plain", "sums", "carry"), "--stratum=words", "--cases=1000", "--evidence=found.json")

    assert found.status == 0
    assert "1 passed" in found
    strata = json.loads((tmp_path / "found.json").read_text())["strata"]
    assert [(stratum["name"], stratum["cases"]) for stratum in strata] == [("words", 1_000)]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_evidence_tells_what_was_found(run, tmp_path, workers):
    found = run(*on("carry_dropped_after_2_columns", "carry", "smoke"), "--evidence=found.json", f"-n{workers}")
    evidence = json.loads((tmp_path / "found.json").read_text())
    families_ = {family["name"]: family for family in evidence["families"]}

    assert found.status == 1
    assert evidence["schema"] == "adder-evidence/2"
    assert evidence["subject"]["name"] == "carry_dropped_after_2_columns"
    assert families_["smoke"]["failed"] == 0
    assert families_["carry"]["failed"] > 8
    assert families_["carry"]["seconds"] > 0
    assert {"failures", "cases", "sentence", "complete"} <= evidence["strata"][0].keys()
    assert (evidence["counterexample"]["a"], evidence["counterexample"]["b"]) == (1, 99)
    assert evidence["counterexample"]["replay"].startswith("pytest --pyargs verify -k carry --submission=")
    assert any(row["failures"] for row in evidence["chains"] if row["length"] == 3)


def test_a_skip_is_counted_with_its_reason(run, tmp_path):
    run(*on("plain", "transitions"), "--evidence=found.json")
    (family,) = json.loads((tmp_path / "found.json").read_text())["families"]

    assert family["skipped"] == 17
    assert family["reasons"] == [
        (
            "plain offers no forced_logits: forced_logits(model, ids, method=None) -> "
            "logits of every answer step, the answer being forced"
        )
    ]


def test_the_card_stands_in_the_report_of_a_failure(run):
    found = run(*on("no_carry_into_column_2", "carry"), "-x")

    assert "add(1, 9)=0, but should be 10 [carry chain of 1 from column 1]" in found
    assert "  a      .........1" in found
    assert f"again: pytest --pyargs verify -k carry --submission={MUTANTS}:no_carry_into_column_2" in found


def test_the_ledger_lets_known_failures_pass_and_no_other(run, tmp_path):
    ledger = tmp_path / "known.txt"
    ledger.write_text(
        "test_vectors.py  # nothing is right here\ntest_smoke.py::test_an_easy_sum_is_right[1-2]  # three\n"
    )
    arguments = [*on("one_more", "vectors", "smoke"), "--xfails-file=known.txt"]

    found = run(*arguments)
    assert "72 xfailed" not in found
    assert "73 xfailed" in found
    assert "3 failed" in found

    ledger.write_text("test_smoke.py::test_a_batch_has_one_sum_for_each_pair  # it has\n")
    found = run(*arguments)
    assert "[XPASS(strict)] it has" in found


@pytest.mark.parametrize(("line", "message"), [
    ("test_smoke.py::test_nothing  # gone", "known.txt:1: 'test_smoke.py::test_nothing' matches no test"),
    ("test_nowhere.py  # gone", "known.txt:1: 'test_nowhere.py' matches no test"),
    ("test_smoke.py", "known.txt:1: 'test_smoke.py' has no reason"),
])  # fmt: skip
def test_the_ledger_complains_about_a_line_that_is_not_in_order(run, tmp_path, line, message):
    (tmp_path / "known.txt").write_text(line + "\n")

    found = run(*on("plain", "smoke"), "--xfails-file=known.txt")

    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert message in found


def test_a_ledger_line_for_a_family_that_was_not_collected_is_no_fault(run, tmp_path):
    (tmp_path / "known.txt").write_text("test_carry.py  # another run's\n")

    assert run(*on("plain", "smoke"), "--xfails-file=known.txt").status == 0


def test_the_suite_runs_by_its_package_name(run):
    found = run("--pyargs", "verify", "-k", "smoke", f"--submission={MUTANTS}:plain", "--hypothesis-profile=quick")

    assert found.status == 0
    assert "5 passed" in found


def test_a_family_word_picks_that_family_and_no_other(run):
    names = families()
    found = run(SUITE, "--collect-only", "-q", f"--submission={MUTANTS}:plain")
    tests = [line.rpartition("/")[2] for line in found.output.splitlines() if "::" in line]

    strays = [
        (test, word) for test in tests for word in names
        if word in test.lower() and not test.startswith(f"test_{word}.py")
    ]  # fmt: skip

    assert tests
    assert strays == []


def test_other_peoples_tests_are_left_alone(run, tmp_path):
    (tmp_path / "test_other.py").write_text("def test_it():\n    pass\n")

    found = run("test_other.py", "-q", "--evidence=found.json")

    assert found.status == 0
    assert found.output.splitlines()[-1].startswith("1 passed")
    assert "subject" not in found
    assert not (tmp_path / ".hypothesis").exists()


def test_the_plugin_is_light_to_import():
    script = "import sys, verify.plugin; print(sorted({'torch', 'hypothesis', 'numpy'} & set(sys.modules)))"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"
