"""Evidence says by which version and commit of the suite it was made, and when."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.mutation import ROOT
from verify import made
from verify.__main__ import main


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of one commit, in the place of ours."""
    (tmp_path / "adder").mkdir()
    (tmp_path / "adder" / "model.py").write_text("one\n")
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "One"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(made, "CHECKOUT", tmp_path)
    return tmp_path


def test_the_commit_is_that_of_the_checkout_and_says_whether_the_source_was_changed_since(checkout):
    assert re.fullmatch("[0-9a-f]{40}", clean := made.commit())
    (checkout / "notes.txt").write_text("no source\n")
    assert made.commit() == clean
    (checkout / "adder" / "model.py").write_text("two\n")
    assert made.commit() == f"{clean}-dirty"


def test_a_stranger_s_checkout_around_the_installed_suite_is_not_taken_for_ours(checkout):
    (checkout / "adder" / "model.py").unlink()
    (checkout / "adder").rmdir()
    assert made.commit() == ""


def test_without_git_the_commit_is_not_known(checkout, monkeypatch):
    monkeypatch.setenv("PATH", str(checkout))
    assert made.commit() == ""


def test_the_date_is_utc_to_the_minute():
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", made.made()["date"])


@pytest.mark.parametrize("command", ["adder", "verify"])
def test_both_commands_tell_their_versions_without_importing_torch(command):
    code = (
        f"import sys; from {command}.__main__ import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert re.search(r"tiny-adder \d+\.\d+.*torch \d+\.\d+", run.stdout)
    assert ("adder-report/2" in run.stdout) == (command == "verify")


def test_a_result_as_json_says_what_made_it(capsys):
    assert main(["audit", "--json=-"]) == 0
    assert json.loads(capsys.readouterr().out)["made"]["version"] == made.version()
