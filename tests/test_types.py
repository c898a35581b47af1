"""Who installs the packages gets their types: mypy, run outside the checkout, sees them and refuses a wrong call."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.mutation import ROOT

pytest.importorskip("mypy")

USES = """\
from adder import add_tensors, solve
from verify import Subject, load

model = solve(seed=1)
subject: Subject = load("my_adder.py")
"""
MISUSES = 'solve(seed="one")\nload(1)\n'


def mypy(folder, source):
    """Return what mypy, where it is strict, says of a source in a folder of its own."""
    (folder / "user.py").write_text(source)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += [f"--cache-dir={ROOT / '.mypy_cache' / 'outside'}", "user.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_a_user_sees_our_types_and_a_wrong_call_is_refused(tmp_path):
    assert mypy(tmp_path, USES).startswith("Success")
    said = mypy(tmp_path, USES + MISUSES)
    assert 'Argument "seed" to "solve" has incompatible type "str"; expected "int"' in said
    assert 'Argument 1 to "load" has incompatible type "int"' in said
