"""The suite has teeth: each mutant dies by the family of claims that it names, and the plain adder dies by none."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.mutants import MUTANTS, PLAIN
from tests.mutation import ROOT, families

ALONE = {  # of each family a mutant that no other kills
    "algebra": "equal_operands",
    "boundary": "only_two_to_the_20",
    "carry": "one_word_alone",
    "columns": "lone_three_and_eight_in_column_5",
    "interface": "no_empty_batch",
    "numerics": "ties_in_bfloat16",
    "parameters": "declares_45",
    "proof": "logits_off_by_a_hundredth",
    "sums": "only_8_plus_85",
    "transformer": "sum_in_python",
    "transitions": "logits_of_another_method",
    "vectors": "only_counting",
}
STANDS = {"smoke": "it tells, before all others, an adder that is wired wrongly from one that answers wrongly"}

NAMED = sorted({mutant.family for mutant in MUTANTS.values()})


def run_python(*arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    finished = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=clean, capture_output=True, text=True, check=False, timeout=600
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout


def test_there_are_many_mutants_and_each_has_its_own_name():
    assert len(MUTANTS) >= 150
    assert all(name == mutant.name and name.isidentifier() for name, mutant in MUTANTS.items())


@pytest.mark.parametrize("family", NAMED)
def test_a_mutant_dies_by_the_family_that_it_names(family):
    killed = json.loads(run_python("-m", "tests.mutation", family))

    assert [name for name, is_dead in killed.items() if not is_dead] == []


def test_the_plain_adder_survives_every_family():
    script = "from tests.mutation import *; print(killers('plain', families(), 2_000))"

    assert run_python("-c", script).strip() == "[]"


def test_every_family_is_named_by_a_mutant():
    assert families() == NAMED


def test_every_family_kills_a_mutant_that_no_other_kills_or_says_why_it_stands():
    assert sorted(ALONE | STANDS) == families()


def test_a_mutant_that_one_family_kills_alone_is_killed_by_no_other():
    script = f"from tests.mutation import *; json.dump(kills_all({list(ALONE.values())}), sys.stdout)"

    assert json.loads(run_python("-c", script)) == {name: [family] for family, name in ALONE.items()}


@pytest.mark.parametrize("mutant", [*MUTANTS.values(), PLAIN], ids=lambda mutant: mutant.name)
def test_a_mutant_says_what_is_wrong_with_it(mutant):
    assert mutant.fault
    assert mutant.family in families() or mutant is PLAIN
