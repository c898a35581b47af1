"""The process between parent and worker on the rungs "landlock" and "limits": it confines the worker and ends it.

Run as a script with one argument: a JSON object of `main`'s settings, or ``probe``. When the worker ends, or the
parent does, whatever the worker has started ends too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

for name, folder in (("verify", 2), ("verify.subject", 1)):  # the packages themselves would bring numpy along
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = [str(Path(__file__).resolve().parents[folder])]

from verify.subject.sandbox import kernel  # noqa: E402 - the packages come first
from verify.subject.sandbox.processes import descendants  # noqa: E402

_PATIENCE = 10.0  # seconds in which to end what the worker has started


def main(settings: dict[str, Any]) -> NoReturn:
    """Confine and run a worker, and end with its exit status, as a shell would give it.

    Args:
        settings: rung, parent (its process id), command, environment, folder (the working directory), readable and
            writable (paths), scratch, scratch_bytes.
    """
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != settings["parent"]:
        os._exit(1)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: _end(128 + signal.SIGTERM))
    in_namespaces = settings["rung"] == "landlock" and kernel.enter_namespaces()
    child = os.fork()
    if child != 0:
        _end(_wait_for(child))
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
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
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if in_namespaces:
            kernel.mount_scratch(settings["scratch"], settings["scratch_bytes"])
        os.chdir(settings["folder"])
        if settings["rung"] == "landlock":
            kernel.restrict_files(settings["readable"], settings["writable"])
            kernel.forbid_sockets()
        command = settings["command"]
        os.execve(command[0], command, settings["environment"])  # noqa: S606 - our own command, without a shell
    except BaseException as error:
        os.write(2, f"the worker cannot be confined: {error}\n".encode())
    finally:
        os._exit(126)  # whatever failed, nothing may run unconfined


def _wait_for(child: int) -> int:
    """Return the exit status of a child, as a shell would give it, and bury all others meanwhile."""
    while True:
        process, status = os.wait()
        if process == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _end(status: int) -> NoReturn:
    """End all that descends from this process: stopped first, so that nothing multiplies while it is ended."""
    give_up = time.monotonic() + _PATIENCE
    while (alive := descendants(os.getpid())) and time.monotonic() < give_up:
        for what in (signal.SIGSTOP, signal.SIGKILL):
            for process in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, what)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    os._exit(status)


if __name__ == "__main__":
    if sys.argv[1] == "probe":
        sys.stdout.write(json.dumps(probe()))
    else:
        main(json.loads(sys.argv[1]))
