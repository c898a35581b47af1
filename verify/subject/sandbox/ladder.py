"""The ladder of isolation: which rungs this machine has, and how a worker is started on each.

Top to bottom: "bwrap" (bubblewrap: its own view of the file system), "landlock" (Landlock, seccomp and, where they are
permitted, namespaces), "limits" (resource limits alone). What each promises stands in README.md.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from verify import interpreters
from verify.errors import IsolationError, UsageError
from verify.subject.sandbox.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNGS = ("bwrap", "landlock", "limits")
CONFINING = ("bwrap", "landlock")  # those that keep a file from the user's files and from the network

_HERE = Path(__file__).resolve().parent
_PACKAGE = _HERE.parents[1]
_SIGNALS_SCOPED_SINCE = 6  # ABI of Landlock

# what a Python process reads of a system, beside its own installation and the file under verification
_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store")
_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/alternatives",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
_PROC_FILES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def choose(demanded: str) -> str:
    """Return the rung that is demanded; for "auto" the best that confines a file on this machine.

    Raises:
        IsolationError: it is not to be had; the message says why.
        UsageError: there is no such rung.
    """
    if demanded == "auto":
        return _best()
    if demanded not in RUNGS:
        raise UsageError(f"sandbox {demanded!r} is unknown; it is one of auto, {', '.join(RUNGS)}, off")
    reason = missing(demanded)
    if reason is not None:
        raise IsolationError(
            f"sandbox {demanded!r} is not to be had: {reason}; --sandbox auto takes the best that this machine has"
        )
    return demanded


def _best() -> str:
    """Return the best of `CONFINING`: what protects nothing on the disk is taken only where it is named.

    Raises:
        IsolationError: there is none; the message says what to do.
    """
    reasons = {rung: missing(rung) for rung in CONFINING}
    found = next((rung for rung, reason in reasons.items() if reason is None), None)
    if found is None:
        why = "; ".join(f"no {rung}: {reason}" for rung, reason in reasons.items())
        raise IsolationError(
            f"this machine cannot confine a stranger's file ({why}). Install bubblewrap; or, for a file that you have "
            "read and trust with all that you may do yourself, name --sandbox limits, which protects nothing on the "
            "disk, or --sandbox off"
        )
    return found


def missing(rung: str) -> str | None:
    """Return why a rung is not to be had on this machine, found out by trying it; None where it is."""
    if rung == "bwrap":
        return _missing_bwrap()
    return _missing_landlock() if rung == "landlock" else None


def command(
    rung: str,
    worker: Sequence[str],
    *,
    lifeline: int,
    readable: Sequence[str],
    folder: str,
    scratch: str,
    limits: Limits,
    groups: Sequence[Path] = (),
) -> list[str]:
    """Return the command that starts a worker on a rung, behind a warden.

    Args:
        rung: one of `RUNGS`.
        lifeline: the end of a pipe to read from, whose other end this process alone has: it closes as this one ends.
        worker: the command to confine.
        readable: paths that it may read beside Python's and the system's own.
        folder: its working directory.
        scratch: an empty folder that it may write to; on "bwrap" its name alone is used.
        limits: for the size of the scratch folder.
        groups: folders of the control groups that it joins.
    """
    paths = [*_python_folders(), *readable]
    is_bwrap = rung == "bwrap"
    settings = {
        "rung": rung,
        "lifeline": lifeline,
        "command": [_bwrap() or "bwrap", *_bwrap_options(paths, folder, scratch, limits)] if is_bwrap else list(worker),
        "inside": ["--", *worker] if is_bwrap else [],
        "environment": environment(scratch),
        "folder": "/" if is_bwrap else folder,
        "readable": [*paths, *_SYSTEM_FOLDERS, *_SYSTEM_FILES, *_PROC_FILES, *_DEVICES],
        "writable": [scratch, "/dev/null"],
        "scratch": scratch,
        "scratch_bytes": limits.file_bytes,
        "groups": [str(folder) for folder in groups],
    }
    return interpreters.python("-S", str(_HERE / "warden.py"), json.dumps(settings))


def environment(scratch: str) -> dict[str, str]:
    """Return the environment of a worker: nothing of the user's but the number of threads."""
    kept = {name: value for name, value in os.environ.items() if name in {"OMP_NUM_THREADS", "MKL_NUM_THREADS"}}
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "USER": "stranger",
        "LANG": "C.UTF-8",
        "CUDA_VISIBLE_DEVICES": "",
        **kept,
    }


def worker_command(*arguments: str) -> list[str]:
    """Return the command of the worker: this interpreter, without the user's paths and settings."""
    return interpreters.python("-u", str(_HERE / "worker.py"), *arguments)


def _python_folders() -> list[str]:
    """Return what an interpreter like this one reads: its installation, its packages and this package."""
    executable = Path(sys.executable)
    folders = [sys.prefix, sys.base_prefix, str(executable.parent), str(executable.resolve().parent), str(_PACKAGE)]
    return list(dict.fromkeys([*folders, *interpreters.module_folders()]))


def _bwrap() -> str | None:
    """Return where bubblewrap is; a folder that is named by its way from here may be anybody's."""
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(place).is_absolute()]
    return shutil.which("bwrap", path=os.pathsep.join(places))


def _bwrap_options(paths: Sequence[str], folder: str, scratch: str, limits: Limits) -> list[str]:
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, value in environment(scratch).items():
        options += ["--setenv", name, value]
    for path in _SYSTEM_FOLDERS:
        if Path(path).is_symlink():
            options += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).exists():
            options += ["--ro-bind", path, path]
    # run by root, the kernel's settings below /proc are the whole machine's to change
    options += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--remount-ro", "/proc", "--dev", "/dev"]
    options += ["--size", str(limits.file_bytes), "--tmpfs", "/dev/shm", "--dir", folder]  # noqa: S108 - a new one
    options += ["--size", str(limits.file_bytes), "--tmpfs", scratch]
    for path in (*_SYSTEM_FILES, *paths):
        options += ["--ro-bind-try", path, path]
    options += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*options, "--chdir", folder]


@functools.cache
def _missing_bwrap() -> str | None:
    bwrap = _bwrap()
    if bwrap is None:
        return "bubblewrap is not installed (the command bwrap)"
    options = _bwrap_options([], "/scratch", "/scratch", Limits())
    trial = interpreters.run([bwrap, *options, "--", "/bin/true"])
    return None if trial.returncode == 0 else f"bwrap does not work here: {trial.stderr.strip()[:200]}"


@functools.cache
def _missing_landlock() -> str | None:
    trial = interpreters.run(interpreters.python("-S", str(_HERE / "warden.py"), "probe"))
    if trial.returncode != 0:
        return f"the probe failed: {trial.stderr.strip()[-200:]}"
    offered = json.loads(trial.stdout)
    if not offered["abi"]:
        return "this kernel has no Landlock"
    if not offered["seccomp"]:
        return "the system calls of this architecture are not known"
    if not offered["namespaces"] and offered["abi"] < _SIGNALS_SCOPED_SINCE:
        return f"namespaces are not permitted, and Landlock {offered['abi']} does not hold signals back"
    return None
