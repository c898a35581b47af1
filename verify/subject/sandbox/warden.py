"""The process between parent and worker: it confines the worker and ends it.

Run as a script with one argument: a JSON object of `main`'s settings, or ``probe``. When the worker ends, or the
parent does, whatever the worker has started ends too, and after the parent its scratch folder goes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

for name, folder in (("verify", 2), ("verify.subject", 1)):  # the packages themselves would bring numpy along
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = [str(Path(__file__).resolve().parents[folder])]

from verify.files import remove_folder  # noqa: E402 - the packages come first
from verify.subject.sandbox import cgroup, kernel  # noqa: E402
from verify.subject.sandbox.limits import MOST_FILES  # noqa: E402
from verify.subject.sandbox.processes import descendants  # noqa: E402

_PATIENCE = 10.0  # seconds in which to end what the worker has started


def main(settings: dict[str, Any]) -> NoReturn:
    """Confine and run a worker, and end with its exit status, as a shell would give it.

    Args:
        settings: rung, lifeline (a pipe that closes as the parent ends), command and what stands inside of it,
            environment, folder (the working directory), readable and writable (paths), scratch, scratch_bytes, groups
            (folders of control groups that the worker joins).
    """
    lifeline = settings["lifeline"]
    os.set_inheritable(lifeline, False)
    children, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: _end(128 + signal.SIGTERM))
    for ignored in (signal.SIGHUP, signal.SIGINT):  # meant for the parent, which ends this one
        signal.signal(ignored, signal.SIG_IGN)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child != 0:
        _watch(child, lifeline, children, settings["scratch"], settings["groups"])
    _join(settings["groups"])
    in_namespaces = settings["rung"] == "landlock" and kernel.enter_namespaces()
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # bound to the thread that forked: this process has one
    if in_namespaces and (worker := os.fork()) != 0:  # the first process of the namespace: with it, all others end
        os._exit(_wait_for(worker))
    _become_worker(settings, in_namespaces=in_namespaces)


def probe() -> dict[str, Any]:
    """Return what this machine offers to the rung "landlock"."""
    return {
        "abi": kernel.landlock_abi(),
        "seccomp": kernel.has_seccomp(),
        "namespaces": kernel.enter_namespaces(),
    }


def _become_worker(settings: dict[str, Any], *, in_namespaces: bool) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        for changed in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT):
            signal.signal(changed, signal.SIG_DFL)
        command = settings["command"]
        if settings["rung"] == "bwrap":
            command = [*command, "--seccomp", str(_filter()), *settings["inside"]]
        elif settings["rung"] == "landlock":
            closed = in_namespaces and _close_file_systems(settings["scratch"], settings["scratch_bytes"])
            os.chdir(settings["folder"])
            kernel.drop_capabilities()
            kernel.restrict_files(settings["readable"], settings["writable"])
            kernel.forbid_calls(files=not closed)
        else:
            os.chdir(settings["folder"])
            kernel.drop_capabilities()
            kernel.forbid_calls(files=False)
        os.execve(command[0], command, settings["environment"])  # noqa: S606 - our own command, without a shell
    except BaseException as error:
        _give_up(error)


def _close_file_systems(scratch: str, size: int) -> bool:
    """Make all file systems read-only but a scratch folder in memory; return whether this kernel can."""
    try:
        kernel.make_read_only()
    except OSError:
        kernel.mount_scratch(scratch, size, MOST_FILES)
        return False
    kernel.mount_scratch(scratch, size, MOST_FILES)
    return True


def _filter() -> int:
    """Return a pipe from which bubblewrap reads the filter of system calls.

    All that a file finds there is read-only, but for the machine's own devices: their modes are root's to change.
    """
    program = kernel.calls_filter(files=os.geteuid() == 0)
    read, write = os.pipe()  # it holds more than the program
    os.write(write, program)
    os.close(write)
    os.set_inheritable(read, True)
    return read


def _join(groups: list[str]) -> None:
    """Bring this process into control groups: it is the first of those that they limit."""
    try:
        cgroup.join(groups)
    except OSError as error:
        _give_up(error)


def _give_up(error: BaseException) -> NoReturn:
    """Say what failed and end: whatever it was, nothing may run unconfined."""
    with contextlib.suppress(OSError):
        os.write(2, f"the worker cannot be confined: {error}\n".encode())
    os._exit(126)


def _watch(child: int, lifeline: int, children: int, scratch: str, groups: list[str]) -> NoReturn:
    """Wait until the worker ends, or the parent does, and end what is left; after the parent, tidy up for it."""
    poll = select.poll()
    for handle in (lifeline, children):
        poll.register(handle, select.POLLIN)
    while True:
        ready = [handle for handle, _ in poll.poll()]
        with contextlib.suppress(BlockingIOError):
            os.read(children, 4096)
        if lifeline in ready:
            _end(1, scratch, groups)
        status = _reap(child)
        if status is not None:
            _end(status)


def _reap(child: int) -> int | None:
    """Bury the processes that ended; return the exit status of one of them, where it is among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                found = _as_shell(ended[1])
    return found


def _wait_for(child: int) -> int:
    """Return the exit status of a child, as a shell would give it, and bury all others meanwhile."""
    while True:
        process, status = os.wait()
        if process == child:
            return _as_shell(status)


def _as_shell(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _end(status: int, scratch: str = "", groups: list[str] | None = None) -> NoReturn:
    """End all that descends from this process: stopped first, so that nothing multiplies while it is ended.

    Args:
        status: of this process.
        scratch: a folder that goes too, where the parent is not there to remove it.
        groups: control groups that go likewise.
    """
    give_up = time.monotonic() + _PATIENCE
    while _has_children() and time.monotonic() < give_up:
        alive = descendants(os.getpid())
        for what in (signal.SIGSTOP, signal.SIGKILL):
            for process in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, what)
    if scratch:
        remove_folder(Path(scratch))
    cgroup.remove(groups or [])
    os._exit(status)


def _has_children() -> bool:
    """Bury the children that ended; return whether there are others: as long as anything descends from this process.

    A list of them is no answer: of processes that each start another one and end, it may show none that lives.
    """
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


if __name__ == "__main__":
    if sys.argv[1] == "probe":
        sys.stdout.write(json.dumps(probe()))
    else:
        main(json.loads(sys.argv[1]))
