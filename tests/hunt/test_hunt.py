"""``pytest verify -k carry`` finds a lost carry on any seed, shrinks it to a one and nines, and replays that first."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.mutation import PLUGIN, ROOT, SUITE

BY_LOADING = 4  # sums that are asked for before the first claim
LOSSY = """
LENGTH = {length}

def build_model():
    return None, {{"name": "lossy"}}

def add(model, a, b):
    with open("asked.txt", "a") as log:
        print(a, b, file=log)
    total = a + b
    carry = run = 0
    for place in range(10):
        both = a // 10**place % 10 + b // 10**place % 10
        run = 1 if both > 9 else run + 1 if both == 9 and carry else 0
        carry = both + carry > 9
        if run >= LENGTH:
            return total - 10 ** (place + 1)
    return total
"""


def hunt(folder, *arguments):
    (folder / "asked.txt").write_text("")
    command = [
        *[sys.executable, "-m", "pytest", *PLUGIN, "-pno:cacheprovider", str(SUITE), "-k", "carry", "-q"],
        *["--submission=lossy.py", "--sandbox=off", "--evidence=found.json", "--cases=2000", "--tb=no", *arguments],
    ]
    finished = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert finished.returncode == 1, finished.stdout.decode()[-2000:]
    asked = [tuple(map(int, line.split())) for line in (folder / "asked.txt").read_text().splitlines()]
    return asked, json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize(("length", "seed"), [(1, 11), (2, 12), (4, 13), (7, 14), (10, 15)])
def test_a_lost_chain_is_found_shrunk_and_replayed_first(tmp_path, length, seed):
    smallest = (1, 10**length - 1)
    (tmp_path / "lossy.py").write_text(LOSSY.format(length=length))

    _, evidence = hunt(tmp_path, f"--hypothesis-seed={seed}", "-x")
    first = evidence["counterexamples"][0]
    assert (first["a"], first["b"]) == smallest

    asked, _ = hunt(tmp_path, "-x")
    assert asked[BY_LOADING] == smallest


def test_every_stratum_that_finds_it_shrinks_it_alike(tmp_path):
    (tmp_path / "lossy.py").write_text(LOSSY.format(length=3))

    _, evidence = hunt(tmp_path, "--hypothesis-profile=quick")
    hunted = [found for found in evidence["counterexamples"] if found["stratum"]]

    assert len(hunted) >= 6
    assert {(found["a"], found["b"]) for found in hunted} == {(1, 999)}


def test_what_a_batch_finds_is_replayed_by_its_property(tmp_path):
    (tmp_path / "lossy.py").write_text(LOSSY.format(length=10))
    hunt(tmp_path, "--stratum=one-generate")

    asked, evidence = hunt(tmp_path, "-x")

    assert evidence["counterexamples"][0]["stratum"] is None
    assert asked[BY_LOADING] == (1, 9_999_999_999)
