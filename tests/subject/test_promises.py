"""The sandbox's README promises what tests show, rung by rung, and nothing else."""

from __future__ import annotations

from tests.subject.promises import README, promises, table, written
from tests.subject.rungs import SUBMISSIONS
from verify.subject.sandbox import ladder


def test_the_table_is_that_of_the_tests():
    """`python -m tests.subject.promises` writes it."""
    assert written(README.read_text()) == README.read_text()


def test_a_promise_is_made_for_those_rungs_alone_on_which_every_test_of_it_runs():
    for tests in promises().values():
        for _, _, rungs in tests:
            assert set(rungs) <= set(ladder.RUNGS)
    assert "| asks whether a path exists | held | **open** | **open** |" in table()


def test_every_hostile_file_is_tried_by_a_test():
    tests = "".join(file.read_text() for file in SUBMISSIONS.parents[1].glob("tests/**/test_*.py"))
    files = {file.stem for file in (SUBMISSIONS / "hostile").glob("*.py")} - {"attempt"}
    assert {name for name in files if name not in tests} == set()
