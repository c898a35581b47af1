"""However a command ends, no process and no folder of it stays, and what it found is kept."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.mutation import ROOT
from tests.subject.rungs import SUBMISSIONS, any_rung, await_that, groups_of, hear_all_signals, processes_of
from verify import ends, files, interpreters
from verify.__main__ import main
from verify.ends import FOLLOWED

HANGS = str(SUBMISSIONS / "hostile" / "hangs.py")
WRONG = str(SUBMISSIONS / "wrong" / "drops_a_carry.py")
RIGHT = str(SUBMISSIONS / "honest" / "array_functions.py")
MODULE = [sys.executable, "-P", "-m", "verify"]
COMMANDS = {
    "run": ["run", HANGS],
    "run of many": ["run", HANGS, RIGHT, "--jobs", "2"],
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
    assert groups_of(process.pid) == []
    files.sweep(place)  # what a killed driver leaves, the next one takes away
    assert [*place.iterdir()] == []


SIGNALLING = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from verify.__main__ import main

name, where, which = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
seen = 0

def look(frame, event, _):
    global seen
    if event == "call" and frame.f_code.co_qualname == where:
        seen += 1
        if seen == which:
            os.kill(os.getpid(), signal.Signals[name])

sys.setprofile(look)
sys.exit(main(sys.argv[1:]))
"""  # sends itself a signal as it calls a function for the nth time

COMMANDS_THAT_END = {
    "run": ["run", WRONG, "--profile", "quick"],
    "run of many": ["run", WRONG, RIGHT, "--jobs", "2", "--profile", "quick"],
    "score": ["score", RIGHT],
    "prove": ["prove", RIGHT],
    "audit": ["audit", RIGHT],
    "hunt": ["hunt", RIGHT, "--shards", "2"],
    "hunt in a pool": ["hunt", RIGHT, "--shards", "2", "--jobs", "2"],
    "check": ["check", "{made}/theorem.json"],
    "merge": ["merge", "{made}/1.sqlite", "{made}/2.sqlite", "--store", "{made}/whole.sqlite"],
    "extract": ["extract", RIGHT, "--out", "{made}/graph.json"],
    "report": ["report", "--render-only", "--out", "{made}/reports"],
}
BEFORE = {  # command -> functions at which nothing is known yet: (name, nth call)
    "run": [
        ("locate", 1), ("SandboxedSubject.__init__", 1), ("Scratch.__init__", 1), ("sweep", 1), ("Link._start", 1),
        ("start", 2), ("Link.request", 1), ("Link.request", 3), ("run_claims", 1), ("Scratch.__init__", 2),
    ],
    "run of many": [("Board.judge", 1)],
    "score": [("Link.request", 1), ("Link.request", 6), ("score", 2)],
    "prove": [("Link.request", 1), ("prove_subject", 1)],
    "audit": [("Link.request", 6), ("audit", 2)],
    "hunt": [("introduce", 1), ("Store.open", 1), ("Link.close", 1)],
    "hunt in a pool": [("introduce", 1), ("Pool.__init__", 1), ("Pool.submit", 1), ("Pool.shutdown", 1)],
    "check": [("read_certificate", 1), ("check", 2)], "merge": [("Store.open", 1), ("Store.take", 2)],
    "extract": [("recording_of", 1), ("Link.close", 1)], "report": [("render", 1), ("write_text", 2)],
}  # fmt: skip
AFTER = {  # command -> functions at which something is known, and in which of its output that stands
    "run": [
        ("Session._hold", 1, b"COUNTEREXAMPLE"), ("Session.conclude", 1, b"COUNTEREXAMPLE"),
        ("Link.close", 2, b"COUNTEREXAMPLE"), ("explain", 1, b"COUNTEREXAMPLE"), ("_report", 2, b"COUNTEREXAMPLE"),
        ("card", 2, b"COUNTEREXAMPLE"), ("write_text", 2, b"COUNTEREXAMPLE"), ("_deliver", 1, b"COUNTEREXAMPLE"),
    ],
    "run of many": [("Board._keep", 1, b"drops a carry"), ("Board._keep", 2, b"array functions")],
    "score": [("Link.close", 1, b"10,010 of 10,010 right"), ("score", 3, b"10,010 of 10,010 right")],
    "prove": [("Link.close", 1, b"NO PROOF"), ("Proof.as_json", 1, b"NO PROOF")],
    "audit": [("_show", 1, b"counted")],
    "hunt": [("summarise", 1, b"NO COUNTEREXAMPLE"), ("campaign", 1, b"NO COUNTEREXAMPLE")],
    "check": [("_show", 1, b"PROVED")], "merge": [("campaign", 1, b"NO COUNTEREXAMPLE")],
}  # fmt: skip
NAMES = ["SIGTERM", "SIGINT", "SIGHUP"]


def cases(table):
    """Return the moments of a table, each with a command and with one of the signals in turn."""
    rows = [(command, *moment) for command, moments in table.items() for moment in moments]
    return [(*row, NAMES[number % len(NAMES)]) for number, row in enumerate(rows)]


WITHOUT_A_SUBJECT = ("check", "merge", "report")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with what commands read that other commands wrote."""
    folder = tmp_path_factory.mktemp("made")
    assert main(["prove", "--out", str(folder / "theorem.json")]) == 0
    for part in "12":
        store = str(folder / f"{part}.sqlite")
        assert main(["hunt", RIGHT, "--shards", "2", "--shard", f"{part}/2", "--store", store]) == 0
    shutil.copytree(ROOT / "reports" / "data", folder / "reports" / "data")
    return folder


@pytest.fixture
def signalled(place, made):
    """Return how to have a signal sent in the middle of a function; it gives the command's end and what was left."""
    return lambda *moment: signal_in_the_middle(place, made, *moment)


def signal_in_the_middle(place, made, command, where, which, name):
    result = place.parent / "found.json"
    arguments = [name, where, str(which), *(each.format(made=made) for each in COMMANDS_THAT_END[command])]
    arguments += [] if command in WITHOUT_A_SUBJECT else ["--sandbox", "limits"]
    arguments += [] if command == "report" else ["--json", str(result)]
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(place), "HOME": str(place.parent)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", SIGNALLING, *arguments],
        env=environment, cwd=place.parent, preexec_fn=hear_all_signals, capture_output=True, timeout=600,
    )  # fmt: skip
    aside = [*place.parent.glob(".found*"), *made.glob(".*"), *made.glob("reports/.*")]
    return done, [*place.iterdir()], processes_of(place), aside, result


@pytest.mark.parametrize(("command", "where", "which", "name"), cases(BEFORE))
def test_nothing_stays_of_a_command_at_whatever_moment_it_is_ended(signalled, command, where, which, name):
    done, *left, _ = signalled(command, where, which, name)
    assert (done.returncode, b"Traceback" in done.stderr) == (130, False)
    assert left == [[], [], []]


@pytest.mark.parametrize(("command", "where", "which", "said", "name"), cases(AFTER))
def test_what_a_command_has_found_is_given_out_at_whatever_moment_it_is_ended(
    signalled, command, where, which, said, name
):
    done, *left, result = signalled(command, where, which, name)
    assert done.returncode == 130
    assert said in done.stdout
    assert left == [[], [], []]
    json.loads(result.read_text())  # whole, though a proof that was not tried is null


TIDYING = """
import sys, time
sys.path.insert(0, %r)
from verify import ends
from verify.subject.sandbox.link import Link
from verify.files import Scratch
from verify.__main__ import main

ends._ONE_WISH = 0.0

def never(self):
    print("tidying", flush=True)
    while True:
        time.sleep(0.01)

%s.close = never
sys.exit(main(sys.argv[1:]))
"""


def is_worker(process):
    with contextlib.suppress(OSError):
        return "/worker.py\0" in Path(f"/proc/{process}/cmdline").read_text().partition("{")[0][:400]
    return False


@pytest.mark.parametrize("names", [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGINT"), ("SIGHUP", "SIGTERM", "SIGHUP")])
@pytest.mark.parametrize("slow", ["Link", "Scratch"])
@any_rung
def test_a_second_signal_ends_what_takes_too_long_and_still_tidies(place, rung, slow, names):
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(place), "HOME": str(place.parent)}
    command = [sys.executable, "-P", "-c", TIDYING % (str(ROOT), slow), *COMMANDS["hunt"], "--sandbox", rung]
    with subprocess.Popen(
        command, env=environment, cwd=place.parent, preexec_fn=hear_all_signals, stdout=subprocess.PIPE
    ) as process:
        await_that(lambda: any(map(is_worker, processes_of(place))))
        process.send_signal(signal.Signals[names[0]])
        assert process.stdout.readline() == b"tidying\n"
        for name in names[1:]:
            process.send_signal(signal.Signals[name])
        assert process.wait(600) == 130
    assert [*place.iterdir()] == []
    assert processes_of(place) == []


def test_signals_of_several_kinds_at_once_mean_one_end(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(ends, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(ends, "_leave_at_once", lambda: left.append(now[0]))
    left = []
    with ends.orderly():
        with pytest.raises(KeyboardInterrupt), ends.interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
        for name in (signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), name)
        assert left == []
        now[0] = 60.0
        os.kill(os.getpid(), signal.SIGINT)
    assert set(left) == {60.0}


def ended(told, *, in_between):
    """Do something that a signal comes in the middle of."""
    with ends.orderly():
        os.kill(os.getpid(), signal.SIGTERM)
        told.append("undisturbed")
        with ends.interruptible() if in_between else ends.undisturbed():
            told.append("inner")
        told.append("outer")


@pytest.mark.parametrize(("in_between", "expected"), [(True, []), (False, ["inner", "outer"])])
def test_a_signal_waits_for_what_can_be_interrupted_or_the_end(in_between, expected):
    told = []
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        ended(told, in_between=in_between)
    assert told == ["undisturbed", *expected]


def test_what_must_not_be_left_half_done_is_done_before_anything_else(monkeypatch):
    monkeypatch.setattr(ends, "_ONE_WISH", 0.0)
    monkeypatch.setattr(ends, "_leave_at_once", lambda: told.append("left"))
    told = []

    def do():
        with ends.interruptible(), ends.undisturbed():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            told.append("done")

    with ends.orderly(), pytest.raises(KeyboardInterrupt):
        do()
    assert told[:2] == ["done", "left"]


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
