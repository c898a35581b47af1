"""The one door through which other processes are started, so that none of them runs what lies in the user's folder.

``python -m X`` and ``python -c`` put the working folder first on ``sys.path``: a file ``pytest.py`` or
``multiprocessing.py`` that lies there would be executed. Whatever is started here is isolated (``-I``: neither that
folder, nor the user's own packages, nor ``PYTHON*`` variables), works in a folder of ours, and is given an environment
that is written here. A test finds all starts of processes in our code, and fails on one that goes past this door.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from verify import ends
from verify.ends import FOLLOWED

PATIENCE = 15.0  # seconds for a process to end that was told to
_TICK = 0.01

HERE = Path(__file__).resolve().parent  # a folder of ours to work in
_ROOT = HERE.parent  # where `verify` is found, and in a checkout `adder` and `benchmarks`

# what a process may know of its user: where programs and folders are, how text is written, how many threads to take
_KEPT = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"}
_KEPT |= {"CXX", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "XDG_CACHE_HOME"}
_KEPT_FAMILIES = ("LC_", "OMP_", "MKL_", "OPENBLAS_")
_BEGIN = (
    "import runpy, sys; sys.path += [path for path in sys.argv.pop(1).split(%r) if path not in sys.path]; "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process of ours: what is known to be harmless of the user's, and what is given."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_FAMILIES)}
    return kept | {"PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"} | more


def python(*arguments: str) -> list[str]:
    """Return the command of an interpreter like this one, isolated; what it imports must be installed."""
    return [sys.executable, "-I", "-B", *arguments]


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command of an interpreter that runs a module of ours, also where that is not installed."""
    folders = os.pathsep.join([*module_folders(), str(_ROOT)])
    return python("-c", _BEGIN % os.pathsep, folders, module, *arguments)


def module_folders() -> list[str]:
    """Return the folders of installed packages that this process imports from."""
    installed = {"site-packages", "dist-packages"}
    return [path for path in sys.path if Path(path).is_dir() and installed & {*Path(path).parts}]


def start(
    command: Sequence[str],
    *,
    folder: str | Path = HERE,
    env: Mapping[str, str] | None = None,
    follows: bool = False,
    **options: Any,
) -> subprocess.Popen[Any]:
    """Start a command, in a folder and an environment of ours unless others are named.

    Args:
        command: a program, and what it is told; of our own making, never a user's text.
        folder: to work in.
        env: all of its environment, or None for `environment`.
        follows: whether it is a command of ours, see `verify.ends.orderly`, that ends when this process does, however
            that happens: by a pipe that the kernel closes.
        options: of `subprocess.Popen`.
    """
    env = environment() if env is None else env
    with ends.undisturbed():
        if follows:
            return _start_follower(command, env, cwd=folder, **options)
        return subprocess.Popen(command, cwd=folder, env=env, **options)  # noqa: S603 - our own, without a shell


def _start_follower(command: Sequence[str], env: Mapping[str, str], **options: Any) -> subprocess.Popen[Any]:
    followed, held = os.pipe()
    try:
        env = {**env, FOLLOWED: str(followed)}
        # in a session of its own: what a terminal tells all its processes, this one tells it
        process = subprocess.Popen(  # noqa: S603 - our own, without a shell
            command, env=env, pass_fds=[followed], start_new_session=True, **options
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(followed)
    closing = weakref.finalize(process, os.close, held)
    ends.remember(closing, partial(_end_follower, closing, process.pid))
    weakref.finalize(process, ends.forget, closing)
    return process


def _end_follower(closing: Callable[[], object], process: int) -> None:
    closing()
    await_end([process])


def await_end(processes: Sequence[int]) -> None:
    """Wait until some children of this process have ended, but not for ever; nobody else need wait for them."""
    give_up = time.monotonic() + PATIENCE
    while any(map(_is_running, processes)) and time.monotonic() < give_up:
        time.sleep(_TICK)


def _is_running(process: int) -> bool:
    try:
        return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run a command to its end, see `start`; its output is captured as text unless it is sent elsewhere.

    Where it is cut short, its children end too: bubblewrap's may not yet have asked to end with their parent.
    """
    options = {
        "start_new_session": True,
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    } | options
    with ends.undisturbed():
        process = start(command, **options)
        ends.remember(process, partial(_kill_group, process.pid))
    with process:
        try:
            stdout, stderr = process.communicate()
        except BaseException:
            _kill_group(process.pid)
            raise
        finally:
            ends.forget(process)
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


class Pool(ProcessPoolExecutor):
    """A pool of processes of this machine that start afresh, and with the environment that `start` gives."""

    def __init__(self, workers: int, initializer: Callable[[], object]) -> None:
        """Make a pool; its processes are started as tasks come."""
        with _safe_environment():  # the multiprocessing module starts a process of its own for its semaphores
            super().__init__(workers, multiprocessing.get_context("spawn"), initializer=initializer)
            ends.remember(self, self._abandon)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """Return the future of a call; a process that is started for it inherits `environment`."""
        with _safe_environment():
            return super().submit(function, *arguments, **keywords)

    def terminate(self) -> list[int]:
        """Tell the processes to end; return which they are."""
        processes = list((getattr(self, "_processes", None) or {}).values())  # public from Python 3.14 on
        for process in processes:
            process.terminate()
        return [process.pid for process in processes]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes as their tasks end."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        ends.forget(self)

    def _abandon(self) -> None:
        await_end(self.terminate())


@contextlib.contextmanager
def _safe_environment() -> Iterator[None]:
    """Put `environment` in the place of the user's for as long as processes are started that inherit it."""
    with ends.undisturbed():
        before = dict(os.environ)
        _become(environment())
        try:
            yield
        finally:
            _become(before)


def _become(wanted: Mapping[str, str]) -> None:
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)
