"""What the tests of the sandbox share: hostile submissions, the rungs to run them on, and an eye on what is left."""

from __future__ import annotations

import shutil
import tempfile

import pytest

from tests.subject.rungs import QUICK, SUBMISSIONS, await_that, processes_of
from verify import subject


@pytest.fixture
def hostile(tmp_path):
    """Return how to load a hostile submission, copied to a folder of its own, set on a target."""
    folder = tmp_path / "theirs"
    shutil.copytree(SUBMISSIONS / "hostile", folder)
    loaded = []

    def load(name, rung, *, target="", limits=QUICK, **options):
        (folder / "target.txt").write_text(str(target))
        loaded.append(subject.load(str(folder / f"{name}.py"), sandbox=rung, limits=limits, **options))
        return loaded[-1]

    yield load
    for adder in loaded:
        adder.close()


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Give a test scratch folders of its own, and check afterwards that neither a file nor a process is left."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []
    await_that(lambda: not processes_of(place))  # what is killed takes a moment to be gone
