"""The rungs that this machine has, as parameters, and what tests on them look at."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import pytest

from verify.subject.sandbox import Limits, ladder
from verify.subject.sandbox.cgroup import places_of_this_process
from verify.subject.sandbox.limits import MEBIBYTE

SUBMISSIONS = Path(__file__).parents[1] / "submissions"
OPERAND = 5_000_000_000  # the one that sets the hostile submissions off

QUICK = Limits(call_seconds=1.5, start_seconds=60, memory_bytes=400 * MEBIBYTE, processes=32)


def _available(rungs):
    def skipping(rung):
        reason = ladder.missing(rung)
        return pytest.param(rung, marks=pytest.mark.skipif(reason is not None, reason=f"no {rung}: {reason}"))

    return [skipping(rung) for rung in rungs]


def promised(what, *, on):
    """Mark a test as what shows that a file that tries something is held back, on some rungs; see `promises.py`."""

    def mark(test):
        test.promise = (what, tuple(on))
        return pytest.mark.parametrize("rung", _available(on))(test)

    return mark


any_rung = pytest.mark.parametrize("rung", _available(ladder.RUNGS))
confined = pytest.mark.parametrize("rung", _available(["bwrap", "landlock"]))


def await_that(condition, looks=12_000):
    """Wait until something holds: for so many looks, not for a time, which goes on where a machine is halted."""
    for _ in range(looks):
        if condition():
            return
        time.sleep(0.05)
    assert condition()


def processes_of(place):
    """Return the processes whose environment names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if any(str(place).encode() in environment_of(thread) for thread in (entry / "task").iterdir()):
                    found.append(int(entry.name))
    return found


def environment_of(thread):
    """Return the environment of a thread; one that has ended has none, though others of its process may."""
    try:
        return (thread / "environ").read_bytes()
    except OSError:
        return b""


def groups_of(process):
    """Return the control groups that a process made for its workers."""
    places = dict.fromkeys(place.folder for place in places_of_this_process())
    return [group for folder in places for group in folder.glob(f"adder-verify-{process}-*")]


def hear_all_signals():
    """Ignore no signal that ends a command, as what runs these tests may do: nohup does."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
