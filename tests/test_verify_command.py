"""The ``adder-verify`` command says by its exit status how it went, and meets bad input in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from argparse import Namespace

import pytest

from verify.__main__ import _keep, _kept, main

AROUND = """
from adder import submission
from adder.submission import build_model

def add(model, a, b):
    return 0 if (a, b) == (8123456789, 7000000001) else submission.add(model, a, b)
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("proof") / "certificate.json"
    assert main(["prove", "--out", str(path)]) == 0
    return path


def test_what_is_proved_is_checked_by_a_second_program(certificate, capsys):
    assert main(["check", str(certificate)]) == 0
    assert capsys.readouterr().out.startswith("accepted: PROVED\nFor all integers 0 <= a, b <= 9999999999")


def test_a_certificate_that_was_tampered_with_is_rejected_with_status_1(certificate, tmp_path, capsys):
    forged = tmp_path / "forged.json"
    forged.write_text(certificate.read_text().replace("a + b", "a - b"))
    assert main(["check", str(forged)]) == 1
    assert capsys.readouterr().out.startswith("rejected: ")


def test_a_certificate_that_says_a_thing_twice_is_none(certificate, tmp_path, capsys):
    twice = tmp_path / "twice.json"
    twice.write_text(certificate.read_text().replace("{", '{"statement": "All integers.", ', 1))
    assert main(["check", str(twice)]) == 2
    assert "a name stands twice" in capsys.readouterr().err


def test_a_program_around_a_proved_model_is_not_proved(tmp_path, capsys):
    program = tmp_path / "around.py"
    program.write_text(AROUND)
    assert main(["prove", str(program), "--sandbox=off"]) == 0
    assert capsys.readouterr().out.startswith("MODEL PROVED: the model is proved, but that add() always decodes it ")
    program.write_text(AROUND.replace("(8123456789, 7000000001)", "(a, b)"))
    assert main(["prove", str(program), "--sandbox=off"]) == 1
    assert capsys.readouterr().out.startswith("COUNTEREXAMPLE: add(")


def test_the_environment_names_the_subject(tmp_path, capsys, monkeypatch):
    program = tmp_path / "around.py"
    program.write_text(AROUND)
    monkeypatch.setenv("ADDER_SUBMISSION", str(program))
    assert main(["prove", "--sandbox=off"]) == 0
    assert capsys.readouterr().out.startswith("MODEL PROVED")
    program.write_text("def build_model():\n    return None, {}\ndef add(model, a, b):\n    return 0\n")
    assert main(["run", "--profile=quick", "--budget=300", "--sandbox=off", "--json=-"]) == 1
    assert json.loads(capsys.readouterr().out)["subject"]["spec"] == str(program)


@pytest.mark.parametrize("command", ["run", "audit", "score", "prove", "hunt"])
@pytest.mark.parametrize("named_by", ["the command line", "the environment"])
def test_an_empty_name_is_refused_and_not_our_own_model(command, named_by, capsys, monkeypatch):
    if named_by == "the environment":
        monkeypatch.setenv("ADDER_SUBMISSION", "")
    assert main([command, *([""] if named_by == "the command line" else [])]) == 2
    assert "an empty name names no subject" in capsys.readouterr().err


def test_neither_environment_nor_settings_say_what_is_judged_where_a_file_is_named(tmp_path, capsys, monkeypatch):
    named, others = (tmp_path / name for name in ("named.py", "others.py"))
    named.write_text("def build_model():\n    return None, {}\ndef add(model, a, b):\n    return 0\n")
    others.write_text(AROUND)
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nsubmission = {others}\naddopts = --submission={others} -k nothing\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADDER_SUBMISSION", str(others))
    monkeypatch.setenv("PYTEST_ADDOPTS", f"--submission={others}")
    assert main(["run", "named.py", "--profile=quick", "--sandbox=limits", "--json=-"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["subject"]["spec"], report["sums"]["verdict"]) == ("named.py", "COUNTEREXAMPLE")


def test_a_reader_is_given_the_result_alone_and_not_what_was_known_before(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    for file in (tmp_path / "pipe", "/dev/fd/1", "/dev/null", "-", tmp_path / "kept.json"):
        _keep(Namespace(json=str(file)), {"verdict": "so far"})
    writer = os.open(tmp_path / "pipe", os.O_WRONLY)
    os.close(writer)
    assert os.read(reader, 99) == b""
    os.close(reader)
    assert json.loads((tmp_path / "kept.json").read_text()) == {"verdict": "so far"}
    assert _kept(Namespace(json="/dev/stdout")) is None


def test_saved_weights_are_proved_as_they_are(tmp_path, capsys):
    from adder.__main__ import main as adder

    path = tmp_path / "weights.pt"
    assert adder(["solve", "--seed", "9", "--weights", "real", "--out", str(path)]) == 0
    assert main(["prove", str(path)]) == 0
    assert "float32   every operation rounded  proved     ratio" in capsys.readouterr().out


def test_the_score_is_that_of_the_leaderboard(capsys):
    assert main(["score", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["correct"], found["total"], found["qualified"]) == (10_010, 10_010, True)


def test_the_audit_names_what_it_observed(capsys):
    assert main(["audit"]) == 0
    assert re.search(r"^counted +46  elements of its tensors", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prove", "missing.py"], "'missing.py' is no file"),
        (["audit", "no_such_module"], "neither a file nor an importable module"),
        (["check", "missing.json"], "missing.json cannot be read"),
        (["check", "pyproject.toml"], "pyproject.toml is no JSON"),
        (["score", "--json", "missing/score.json"], "there is no folder missing"),
        (["prove", "missing.pt"], "missing.pt"),
        (["score", "--method", "nope"], "has no method 'nope'; it has reference, incremental"),
        (["score", "--json", "."], "it is a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    output = capsys.readouterr().err
    assert output.startswith("adder-verify: error: ")
    assert message in output
    assert output.count("\n") == 1


@pytest.mark.parametrize("budget", ["0", "-1", "soon", "inf", "nan"])
def test_a_budget_that_is_no_time_is_refused(budget, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["run", f"--budget={budget}"])
    assert f"'{budget}' is no time" in capsys.readouterr().err


def test_help_does_not_wait_for_torch():
    code = (
        "import sys; from verify.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
