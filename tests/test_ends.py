"""However a command ends, no process and no folder of it stays, and what it found is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.mutation import ROOT
from tests.subject.rungs import SUBMISSIONS, any_rung, await_that, processes_of
from verify import files, interpreters
from verify.ends import FOLLOWED

HANGS = str(SUBMISSIONS / "hostile" / "hangs.py")
MODULE = [sys.executable, "-P", "-m", "verify"]
COMMANDS = {
    "audit": ["audit", str(SUBMISSIONS / "hostile" / "hangs_at_start.py")],
    "hunt": ["hunt", HANGS, "--budget", "1h"],
    "hunt in a pool": ["hunt", HANGS, "--budget", "1h", "--jobs", "2"],
}


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def started(place, arguments, **options):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(place), "HOME": str(place.parent)}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(
        [*MODULE, *arguments], env=environment, cwd=place.parent, preexec_fn=hear_all_signals, **silent | options
    )


def hear_all_signals():
    """Ignore no signal that ends a command, as what runs these tests may do: nohup does."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)


def at_work(process, place):
    """Return whether a command has a worker under way, or has ended."""
    return process.poll() is not None or len(set(processes_of(place)) - {process.pid}) >= 2


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
@pytest.mark.parametrize("command", COMMANDS)
@any_rung
def test_nothing_stays_of_a_command_that_is_ended(place, rung, command, name):
    with started(place, [*COMMANDS[command], "--sandbox", rung]) as process:
        await_that(lambda: at_work(process, place))
        process.send_signal(signal.Signals[name])
        status = process.wait(600)
    assert status == (-signal.SIGKILL if name == "SIGKILL" else 130)
    await_that(lambda: not processes_of(place))
    files.sweep(place)  # what a killed driver leaves, the next one takes away
    assert [*place.iterdir()] == []


def test_what_was_found_is_kept(place):
    store = place.parent / "hunt.sqlite"
    arguments = ["hunt", HANGS, "--budget", "1h", "--store", str(store), "--sandbox", "limits"]
    with started(place, arguments, stdout=subprocess.PIPE) as process:
        await_that(lambda: store.exists() and shards(store))
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=600)[0]
    assert b"NO COUNTEREXAMPLE: in " in said
    assert shards(store)


def shards(store):
    import sqlite3

    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT count(*) FROM shards").fetchone()[0]
    except sqlite3.Error:
        return 0
    finally:
        connection.close()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_commands_work_with_closed_streams(place, closed):
    result = place.parent / "found.json"
    command = [*MODULE, "hunt", HANGS, "--shards", "1", "--jobs", "2", "--sandbox", "limits", "--json", str(result)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(place), "HOME": str(place.parent)}
    done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *command], env=environment, timeout=600)
    assert done.returncode == 0
    assert json.loads(result.read_text())["shards"] == 1


def test_an_ignored_hangup_stays_ignored(place):
    code = "import signal; from verify.ends import orderly\nwith orderly():\n    print(signal.getsignal(signal.SIGHUP))"
    command = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", code]
    said = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True).stdout
    assert said.strip() == str(signal.SIG_IGN)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_a_process_that_works_for_another_ends_with_it(place, name):
    code = (
        "import sys; from verify import interpreters\n"
        f"process = interpreters.start(interpreters.python_module('verify', 'hunt', {HANGS!r}, '--budget', '1h'), "
        "follows=True)\nprint('started', flush=True); process.wait()"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(place), "HOME": str(place.parent)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"started\n"
        await_that(lambda: len(processes_of(place)) >= 4)
        parent.send_signal(signal.Signals[name])
    await_that(lambda: not processes_of(place))
    files.sweep(place)
    assert [*place.iterdir()] == []


def test_whom_a_process_works_for_is_not_handed_on(monkeypatch):
    monkeypatch.setenv(FOLLOWED, "7")
    assert FOLLOWED not in interpreters.environment()
