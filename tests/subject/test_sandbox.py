"""No stranger's file gets out of the sandbox, or leaves a process or a file behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.subject.rungs import OPERAND, SUBMISSIONS, any_rung, await_that, processes_of, promised
from verify import subject
from verify.errors import IsolationError, ProtocolError, SubjectCrashedError, SubjectTimeoutError, UsageError
from verify.subject.answers import as_sum
from verify.subject.sandbox import Limits, ladder

pytestmark = pytest.mark.usefixtures("scratch")


@any_rung
def test_a_worker_adds(hostile, rung):
    adder = hostile("hangs", rung)
    assert (adder.isolation, adder.name, adder.add(3, 4)) == (rung, "hangs", 7)


@any_rung
def test_a_batch_comes_back_whole(hostile, rung):
    a = np.arange(5000)
    np.testing.assert_array_equal(hostile("hangs", rung).add_batch(a, a), 2 * a)


@promised("reads the user's files", on=["bwrap", "landlock"])
def test_a_secret_in_the_home_is_not_read(hostile, rung, tmp_path):
    secret = tmp_path / "home" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("my secret")
    assert hostile("reads_a_secret", rung, target=secret).name.startswith("held back")


@promised("lists the user's folders", on=["bwrap", "landlock"])
def test_the_home_is_not_listed(hostile, rung, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "diary.txt").touch()
    assert hostile("lists_the_home", rung, target=home).name.startswith("held back")


@promised("reaches the network", on=ladder.RUNGS)
def test_no_connection_is_made(hostile, rung):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        assert hostile("connects", rung, target=server.getsockname()[1]).name.startswith("held back")
        with pytest.raises(BlockingIOError):
            server.accept()


@promised("reaches the network", on=ladder.RUNGS)
def test_no_datagram_is_received(hostile, rung):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        hostile("sends_a_datagram", rung, target=server.getsockname()[1])
        with pytest.raises(BlockingIOError):
            server.recv(16)


@promised("reaches a daemon by its socket", on=ladder.RUNGS)
def test_no_socket_in_the_file_system_is_reached(hostile, rung, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("daemon")
        server.listen()
        target = tmp_path / "daemon"
        assert hostile("connects_to_a_path", rung, target=target).name.startswith("held back")


@promised("reaches a daemon by its socket", on=ladder.RUNGS)
def test_nor_does_a_datagram_reach_one(hostile, rung, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("theirs/daemon")  # where the file may look
        server.setblocking(False)
        assert hostile("writes_to_a_path", rung, target=tmp_path / "theirs" / "daemon").name.startswith("held back")
        with pytest.raises(BlockingIOError):
            server.recv(16)


@promised("writes outside of scratch, or beside the file", on=["bwrap", "landlock"])
@pytest.mark.parametrize("name", ["writes_outside", "writes_beside"])
def test_nothing_is_written_outside_of_scratch(hostile, rung, tmp_path, name):
    target = tmp_path / "outside.txt"
    assert hostile(name, rung, target=target).name.startswith("held back")
    assert not target.exists()
    assert not list(tmp_path.glob("**/planted.py"))


@any_rung
def test_scratch_can_be_written_to(hostile, rung):
    assert hostile("writes_to_scratch", rung).name.startswith("got through")


@promised("ends other processes of the user's", on=["bwrap", "landlock"])
def test_other_processes_cannot_be_killed(hostile, rung):
    with subprocess.Popen(["/bin/sleep", "60"]) as canary:
        try:
            assert hostile("kills_its_parent", rung, target=canary.pid).name.startswith("held back")
            assert canary.poll() is None
        finally:
            canary.kill()


@promised("starts processes without end", on=ladder.RUNGS)
def test_forking_without_end_is_ended(hostile, rung):
    with pytest.raises(SubjectCrashedError, match=r"started \d+ processes \(limit 32\)"):
        hostile("forks_without_end", rung, limits=Limits(processes=32))


@promised("takes memory without end", on=ladder.RUNGS)
def test_eating_memory_is_ended(hostile, rung):
    with pytest.raises(SubjectCrashedError, match=r"memory \(limit 0.4 GiB\)"):
        hostile("eats_memory", rung)


@promised("takes memory without end", on=ladder.RUNGS)
def test_more_memory_than_there_is_is_refused(hostile, rung):
    with pytest.raises(SubjectCrashedError, match="ran out of memory"):
        hostile("asks_for_all_memory", rung)


@promised("hangs", on=ladder.RUNGS)
def test_a_hang_at_the_start_is_ended(hostile, rung):
    with pytest.raises(SubjectTimeoutError, match="within 1 s when asked to load"):
        hostile("hangs_at_start", rung, limits=Limits(start_seconds=1))


@promised("hangs", on=ladder.RUNGS)
def test_a_hang_is_told_by_its_operands(hostile, rung):
    adder = hostile("hangs", rung)
    a = np.array([1, 2, OPERAND, 3])
    with pytest.raises(SubjectTimeoutError, match=rf"within 1.5 s at add\({OPERAND}, 12\)"):
        adder.add_batch(a, a * 0 + 12)


@any_rung
def test_a_crash_of_the_interpreter_is_told_by_its_operands(hostile, rung):
    adder = hostile("crashes", rung)
    with pytest.raises(SubjectCrashedError, match=rf"SIGSEGV at add\({OPERAND}, 1\)"):
        adder.add(OPERAND, 1)


@promised("ends its process, as if all had gone well", on=ladder.RUNGS)
def test_an_end_with_status_0_is_no_success(hostile, rung):
    with pytest.raises(SubjectCrashedError, match="ended its process with status 0"):
        hostile("ends_itself", rung).add(OPERAND, 1)


@promised("forges answers", on=ladder.RUNGS)
@pytest.mark.parametrize("name", ["forges_answers", "floods_the_channel"])
def test_forged_answers_break_the_protocol(hostile, rung, name):
    with pytest.raises(ProtocolError, match="broke the protocol"):
        hostile(name, rung).add(OPERAND, 1)


@promised("prints a verdict", on=ladder.RUNGS)
def test_a_printed_verdict_is_quoted_and_not_believed(hostile, rung, capfd):
    adder = hostile("prints_a_verdict", rung)
    assert as_sum(adder.add(1, 1)) == 3
    assert adder.name == r"\x1b[2Jprints a verdict"
    assert adder.author == r"nobody\nPROVED"
    await_that(lambda: as_sum(adder.add(1, 1)) == 3 and adder.findings)  # its stdout is read beside its answers
    assert [found["name"] for found in adder.findings] == ["wrote to stdout"]
    assert adder.findings[0]["detail"].startswith(r"print to stderr, or nothing at all: \x1b[2J\x1b[HVERDICT")
    assert capfd.readouterr() == ("", "")


@promised("leaves a process behind", on=ladder.RUNGS)
@pytest.mark.parametrize("name", ["leaves_a_child", "leaves_a_thread"])
def test_a_child_that_cut_its_ties_ends_too(hostile, rung, scratch, name):
    adder = hostile(name, rung)
    assert len(processes_of(scratch)) >= 2
    adder.close()


UNSEEN = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from verify.subject.sandbox import warden
seen, looks = warden.descendants, [[], []]
warden.descendants = lambda process: looks.pop() if looks else seen(process)
child = os.fork()
if child == 0:
    os.closerange(0, 3)
    time.sleep(600)
print(child, flush=True)
warden._end(0)
"""


def test_what_no_list_of_processes_shows_for_a_moment_ends_too():
    root = str(Path(subject.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", UNSEEN, root], capture_output=True, text=True, check=True)
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


@promised("outlives a run that is killed", on=ladder.RUNGS)
def test_the_worker_ends_when_its_parent_is_killed(rung, scratch):
    code = (
        "import sys, time; from verify import subject; from verify.subject.sandbox import Limits\n"
        f"adder = subject.load({str(SUBMISSIONS / 'hostile' / 'hangs.py')!r}, sandbox={rung!r})\n"
        "print('ready', flush=True); adder.add(5_000_000_000, 1)"
    )
    root = str(Path(subject.__file__).parents[2])
    environment = {"PYTHONPATH": root, "TMPDIR": str(scratch), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout.readline() == b"ready\n"
        parent.send_signal(signal.SIGKILL)
    await_that(lambda: not processes_of(scratch))


def test_the_best_rung_is_chosen():
    best = next(rung for rung in ladder.RUNGS if ladder.missing(rung) is None)
    assert ladder.choose("auto") == best


@pytest.fixture
def no_bwrap(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    ladder._missing_bwrap.cache_clear()
    yield
    ladder._missing_bwrap.cache_clear()


@pytest.mark.usefixtures("no_bwrap")
def test_a_rung_that_is_not_to_be_had_is_refused():
    with pytest.raises(IsolationError, match="'bwrap' is not to be had: bubblewrap is not installed"):
        ladder.choose("bwrap")


@pytest.mark.usefixtures("no_bwrap")
def test_without_bubblewrap_the_next_rung_is_chosen():
    assert ladder.choose("auto") in {"landlock", "limits"}


def test_an_unknown_rung_is_refused():
    with pytest.raises(UsageError, match="sandbox 'jail' is unknown; it is one of auto, bwrap"):
        ladder.choose("jail")
