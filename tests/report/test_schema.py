"""What the commands write as JSON has one documented form, which any validator of JSON Schema checks."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.mutation import ROOT
from tests.report import samples
from verify.judge.many import BOARD, as_json
from verify.judge.run import SCHEMA, undecided
from verify.report import evidence, schema

VALIDATOR = Draft202012Validator(json.loads(schema.FILE.read_text()))
EVERYTHING = samples.everything("COUNTEREXAMPLE")


def test_the_file_is_what_the_shapes_say():
    assert schema.FILE.read_text() == schema.text(), "python -m verify.report.schema writes it anew"


def test_it_is_a_schema():
    Draft202012Validator.check_schema(VALIDATOR.schema)


def test_its_names_are_those_that_a_run_writes():
    assert (evidence.KINDS["correctness"].schema, evidence.BOARD) == (SCHEMA, BOARD)


RENDERED = [ROOT / "reports" / "data" / kind.file for kind in evidence.KINDS.values()]


@pytest.mark.parametrize("path", list(filter(Path.is_file, RENDERED)), ids=lambda path: path.name)
def test_our_own_evidence_has_its_form(path):
    VALIDATOR.validate(json.loads(path.read_text()))


@pytest.mark.parametrize("verdict", samples.SUMS)
def test_a_report_of_every_verdict_has_its_form_alone_and_on_a_board(verdict):
    report = samples.report(verdict)
    VALIDATOR.validate(report)
    VALIDATOR.validate(as_json([report, undecided("missing.py", "there is no file missing.py")]))


@pytest.mark.parametrize("kind", evidence.KINDS)
def test_validator_and_reader_agree_on_what_is_missing(kind):
    for name in EVERYTHING[kind]:
        lacking = copy.deepcopy(EVERYTHING[kind])
        del lacking[name]
        assert VALIDATOR.is_valid(lacking) == evidence.is_understood(kind, lacking) or is_a_rule(kind, name)


def is_a_rule(kind, name):
    """Return whether a key is asked for by a rule that no schema tells, such as that a counterexample is shown."""
    return (kind, name) == ("correctness", "counterexample")


@pytest.mark.parametrize("bad", [[], [samples.report()], {"schema": "adder-board/1", "reports": [{}]}, {}, "text"])
def test_what_is_no_evidence_is_refused(bad):
    assert not VALIDATOR.is_valid(bad)
