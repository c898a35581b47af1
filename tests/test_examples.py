"""The examples of the documentation are judged as it says: each by the suite, as a stranger's file."""

from __future__ import annotations

import ast
import contextlib
import re
from functools import cache

import pytest
from jsonschema import Draft202012Validator

from tests.mutation import ROOT
from verify.judge.run import judge
from verify.judge.session import Options
from verify.report import schema
from verify.report.card import card

EXAMPLES = ROOT / "docs" / "examples"
VERDICTS = {  # of sums, of nature, and what it counts; how sure the sums are depends on what may be proved of it
    "right.py": ({"MODEL PROVED", "NO COUNTEREXAMPLE"}, "AS DECLARED", 36),
    "loses_long_carries.py": ({"COUNTEREXAMPLE"}, "VIOLATED", 0),
    "checkpoint/submission.py": ({"NO COUNTEREXAMPLE"}, "AS DECLARED", 36),
    "in_mlx.py": ({"NO COUNTEREXAMPLE"}, "AS DECLARED", 36),
}


@cache
def judged(name):
    options = Options(spec=name, profile="quick", cases=100, budget=900, seed=0, sandbox="off")
    with contextlib.chdir(EXAMPLES):
        return judge(options).report


def needed(name):
    """Return the packages that an example imports."""
    tree = ast.parse((EXAMPLES / name).read_text())
    return {each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)} | {
        alias.name for each in ast.walk(tree) if isinstance(each, ast.Import) for alias in each.names
    }


def test_every_example_is_judged_here():
    assert {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")} == {*VERDICTS}


@pytest.mark.parametrize("name", VERDICTS)
def test_an_example_is_judged_as_it_says(name):
    for package in needed(name):
        pytest.importorskip(package, reason=f"{package} is not installed, so {name} was not judged")
    report = judged(name)
    Draft202012Validator(schema.schema()).validate(report)
    sums, nature, counted = VERDICTS[name]
    assert report["sums"]["verdict"] in sums, report["sums"]
    assert (report["nature"]["verdict"], report["parameters"]["counted"]) == (nature, counted), report["nature"]


def of_any_run(line):
    """Return a line of a card without what differs from run to run: numbers, the family that found it, the rung."""
    line = re.sub(r"-k \w+", "-k FAMILY", line.partition(" failed in ")[0])
    return re.sub(r"\d[\d,]*", "N", re.sub(r"^(isolation +).*", r"\1RUNG", line))


def test_the_card_in_the_readme_is_what_its_command_prints():
    (shown,) = re.findall(r"^```\n(sums .*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    of_all, _, _of_one_run = shown.partition("failure rate")
    printed = list(map(of_any_run, card(judged("loses_long_carries.py")).splitlines()))
    lines = list(map(of_any_run, of_all.splitlines()))
    assert printed[: len(lines)] == lines
