"""The examples of the documentation are judged as it says: each by the suite, as a stranger's file."""

from __future__ import annotations

import ast

import pytest
from jsonschema import Draft202012Validator

from tests.mutation import ROOT
from verify.judge.run import judge
from verify.judge.session import Options
from verify.report import schema

EXAMPLES = ROOT / "docs" / "examples"
VERDICTS = {  # of sums, of nature, and what it counts; how sure the sums are depends on what may be proved of it
    "right.py": ({"MODEL PROVED", "NO COUNTEREXAMPLE"}, "AS DECLARED", 36),
    "loses_long_carries.py": ({"COUNTEREXAMPLE"}, "VIOLATED", 0),
    "checkpoint/submission.py": ({"NO COUNTEREXAMPLE"}, "UNKNOWN", 36),
    "in_mlx.py": ({"NO COUNTEREXAMPLE"}, "AS DECLARED", 36),
}


def judged(name):
    options = Options(spec=str(EXAMPLES / name), profile="quick", cases=100, budget=900, seed=0, sandbox="off")
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
