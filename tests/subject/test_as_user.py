"""What holds for root holds for an ordinary user: the same tests, run by one."""

from __future__ import annotations

import re

import pytest

from tests.subject.as_user import missing, pytest_as_user

TESTS = ["test_sandbox.py", "test_confinement.py", "test_time.py"]


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_the_sandbox_holds_for_an_ordinary_user():
    done = pytest_as_user(*[f"tests/subject/{name}" for name in TESTS])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 150


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_landlock_holds_where_namespaces_are_not_permitted():
    tests = [f"tests/subject/{name}" for name in TESTS]
    done = pytest_as_user(*tests, "-k", "landlock or bwrap", "-rs", namespaces=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "no bwrap: bwrap does not work here" in done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 50
