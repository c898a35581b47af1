"""What the documentation shows is so: its commands are run, its code is read, its links lead somewhere."""

from __future__ import annotations

import ast
import configparser
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from adder.__main__ import parser as adder
from tests.mutation import ROOT
from verify.__main__ import parser as adder_verify

DOCUMENTS = sorted([
    ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("verify/**/README.md"), ROOT / "benchmarks" / "README.md",
    ROOT / "CHANGELOG.md",
])  # fmt: skip
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PROGRAMS = ("adder ", "adder-verify ", "pytest ", "python ", "shtab ", "tox ", "pip ", "python3 ", "dask ")

NOT_RUN = {  # what is not run here, by how it begins, and where it is instead
    "python3 -m venv": "these are the commands by which CI begins",
    "pip install": "tests/test_package.py installs the wheel",
    "sudo apt-get": "it changes the machine",
    "python -m benchmarks": "it takes minutes; benchmarks/ are run by tox -e bench",
    "pytest benchmarks": "likewise",
    "adder-verify hunt my_adder.py --budget 8h --scheduler": "tests/hunt/test_campaign_cluster.py has a cluster",
}
SHORTER = {  # so that what takes long does not
    r"^adder-verify run ": "adder-verify run --profile quick --sandbox limits ",
    r"--budget (8h|10m|3m)": "--budget 300",
    r"^(adder-verify hunt .*)--budget 300": r"\1--shards 28",
    r"\$SLURM_ARRAY_TASK_ID/40": "1/40",
    r"\$SLURM_ARRAY_TASK_ID": "1",
    r"^pytest (--pyargs )?verify": "pytest --pyargs verify --cases 20",
    r"--submission=my_adder.py( *#.*every claim)": r"-k smoke --submission=my_adder.py\1",
    r" *\{posargs\}": "",
    r" +#.*": "",
}
BROKEN_STATUS = {0, 1}  # the adder that is handed in is the wrong example, and some commands say so


def name(path):
    return str(path.relative_to(ROOT))


def blocks(path, *languages):
    return [body for language, body in BLOCK.findall(path.read_text()) if language in languages]


def strings(found):
    """Yield every text in the values of a document."""
    if isinstance(found, str):
        yield found
    for inner in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from strings(inner)


def commands(path):
    """Return the commands that a document shows, in its order."""
    lines = [line for body in blocks(path, "sh") for line in body.splitlines()]
    for body in blocks(path, "yaml"):
        lines += [line for text in strings(yaml.safe_load(body)) for line in text.splitlines()]
    for body in blocks(path, "ini"):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read_string(body)
        lines += [section[key] for section in settings.values() for key in section]
    return [line.strip() for line in lines if line.startswith((*PROGRAMS, *NOT_RUN))]


WITH_COMMANDS = [path for path in DOCUMENTS if commands(path)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as a reader has it: an adder, and a folder of several; documents share it."""
    place = tmp_path_factory.mktemp("reader")
    wrong = ROOT / "docs" / "examples" / "loses_long_carries.py"
    shutil.copy(wrong, place / "my_adder.py")
    (place / "submissions").mkdir()
    for each in ("one.py", "two.py"):
        shutil.copy(wrong, place / "submissions" / each)
    return place


def shortened(command):
    for long, short in SHORTER.items():
        command = re.sub(long, short, command)
    return command


@cache
def run(command, folder):
    """Run a command where a reader would; what several documents show is run once."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name not in {"ADDER_SUBMISSION", "CI"}}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment | {"PATH": programs}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize("path", WITH_COMMANDS, ids=name)
def test_every_command_runs(path, folder):
    for command in commands(path):
        if not command.startswith(tuple(NOT_RUN)):
            done = run(shortened(command), folder)
            assert done.returncode in BROKEN_STATUS, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            assert "Traceback" not in done.stderr, command


def test_what_is_not_run_is_shown_somewhere():
    shown = [command for path in WITH_COMMANDS for command in commands(path)]
    assert [each for each in NOT_RUN if not any(command.startswith(each) for command in shown)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_no_command_hides_in_a_block_that_is_not_run(path):
    hidden = [line for body in blocks(path, "") for line in body.splitlines() if line.startswith(PROGRAMS)]
    assert hidden == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_command_within_a_sentence_is_understood(path, capsys):
    """Of each only whether its parser knows the words; what it is asked of may be left out."""
    text = BLOCK.sub("", path.read_text())
    for command in re.findall(r"`((?:adder|adder-verify) [a-z][^`]*)`", text):
        program, *words = shlex.split(re.sub(r"[\[\]]|\.\.\.", "", command))
        with contextlib.suppress(SystemExit):
            {"adder": adder, "adder-verify": adder_verify}[program]().parse_args(words)
        said = capsys.readouterr().err
        assert not re.search("unrecognized|invalid", said), said


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_code_is_code(path):
    for body in blocks(path, "python"):
        ast.parse(body)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(path):
    for target in LINK.findall(BLOCK.sub("", path.read_text())):
        if not target.startswith(("http://", "https://")):
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


def anchors(path):
    """Return the anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_document_is_reached_from_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    assert [
        path.name for path in ROOT.glob("docs/*.md") if path.name != "README.md" and f"({path.name})" not in index
    ] == []
    assert "docs/README.md" in (ROOT / "README.md").read_text()
