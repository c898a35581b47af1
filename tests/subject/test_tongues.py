"""Whatever a worker says, in any field of any answer, no output of ours is anything but text.

On the terminal no escapes, and no commands to GitHub Actions; in Markdown no cells, in HTML no elements, in JUnit XML
no end of what is quoted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from tests.mutation import PLUGIN, ROOT
from tests.report import samples
from tests.subject import tongues
from tests.subject.rungs import SUBMISSIONS
from tests.subject.test_border import strings
from verify.__main__ import main
from verify.report import boards
from verify.report.page import board
from verify.text import printable

SUBJECTS = {
    "hostile": str(SUBMISSIONS / "hostile" / "speaks_in_tongues.py"),
    "wrong": str(SUBMISSIONS / "wrong" / "drops_a_carry.py"),
    "ours": "adder.submission",
    "torch": str(SUBMISSIONS / "honest" / "packaged"),
}
COMMANDS = {"audit": (), "score": (), "prove": (), "hunt": ("--shards", "1")}


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Return what a command says on the terminal, in JSON and on pages, when all workers speak in tongues."""
    monkeypatch.setattr(tongues.link.wire, "loads", tongues.loads)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    def command(*arguments):
        main([*arguments, "--sandbox=limits", f"--json={tmp_path / 'found.json'}"])
        output = capsys.readouterr()
        return output.out + output.err, tmp_path

    return command


class Elements(HTMLParser):
    """Gathers the names of elements and attributes."""

    def __init__(self, page):
        super().__init__()
        self.names = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names |= {tag, *(name for name, _ in attrs)}


def check_text(text):
    assert text
    assert [character for character in set(text) if not character.isprintable() and character != "\n"] == []
    text.encode()
    assert [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line] == []


def check_markdown(text):
    check_text(text)
    tables = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    assert tables
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table
    assert "<tongue>" not in re.sub(r"\\<|^(```+)text\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def check_json(path):
    for text in strings(json.loads(path.read_text("ascii"))):
        assert all(character.isprintable() or character == "\n" for character in text), text


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_output_of_a_run_holds_more_than_text(said, tmp_path, subject):
    page = tmp_path / "page.html"
    text, folder = said("run", SUBJECTS[subject], "--profile=quick", "--budget=40", f"--html={page}")
    check_text(text)
    check_text(page.read_text("utf-8"))
    elements = Elements(page.read_text("utf-8")).names
    assert not {name for name in elements if name in {"script", "tongue"} or name.startswith("on")}
    check_json(folder / "found.json")
    assert r"\u202e" in (folder / "found.json").read_text().replace(r"\\", "\\")  # it was told
    check_markdown((folder / "summary.md").read_text("utf-8"))


@pytest.mark.parametrize("subject", ["hostile", "ours"])
@pytest.mark.parametrize("command", COMMANDS)
def test_nor_does_that_of_another_command(said, command, subject):
    text, folder = said(command, SUBJECTS[subject], *COMMANDS[command])
    check_text(text)
    if (folder / "found.json").exists():
        check_json(folder / "found.json")


def test_nor_does_that_of_pytest(tmp_path):
    results, evidence = tmp_path / "junit.xml", tmp_path / "found.json"
    command = [
        sys.executable, "-P", "-m", "pytest", *PLUGIN, "-ptests.subject.tongues", "-pno:cacheprovider", "--color=no",
        "--pyargs", "verify", f"--submission={SUBJECTS['hostile']}", "--sandbox=limits", f"--junitxml={results}",
        f"--evidence={evidence}", "--hypothesis-profile=quick", "--budget=40",
    ]  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=600)
    check_text(done.stdout.decode())
    check_json(evidence)
    assert ET.parse(results).getroot().find(".//failure") is not None
    assert not ET.parse(results).findall(".//tongue")


def test_nor_does_a_board():
    who = samples.report()["subject"]
    strange = {name: printable(tongues.TEXT) if isinstance(text, str) else text for name, text in who.items()}
    reports = [samples.report(verdict, subject=strange) for verdict in ("COUNTEREXAMPLE", "NO COUNTEREXAMPLE")]
    check_markdown(boards.board_markdown(reports, linked=True))
    assert "tongue" not in Elements(board(reports, linked=True)).names
