"""Runs tests as an ordinary user: root's sandbox holds for other reasons than a user's."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation import ROOT

NOBODY = 65534


def barred(path):
    """Return the uppermost folder on the way to a path that only its owner may pass through, or None."""
    return next((folder for folder in reversed(Path(path).parents) if not folder.stat().st_mode & 0o001), None)


def needed():
    """Return the folders that the interpreter and the tests are in."""
    folders = {Path(place).resolve() for place in (sys.base_prefix, sys.prefix, ROOT)}
    return sorted(folders | {Path(sys.prefix), Path(sys.base_prefix)})


def opening(hold):
    """Return commands that show the needed folders to everybody, in a mount namespace of its own."""
    lines = ["set -e"]
    hidden = {folder: barred(folder) for folder in needed() if barred(folder)}
    for number, folder in enumerate(hidden):
        lines += [f"mkdir {hold}/{number}", f"mount --bind {shlex.quote(str(folder))} {hold}/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(place))}" for place in {*hidden.values()}]
    for number, folder in enumerate(hidden):
        lines += [f"mkdir -p {shlex.quote(str(folder))}", f"mount --bind {hold}/{number} {shlex.quote(str(folder))}"]
    return lines


def missing():
    """Return why tests cannot be run as an ordinary user from here, or None."""
    if os.geteuid() != 0:
        return "these tests are run as an ordinary user already"
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        return "util-linux's unshare and setpriv are not installed"
    trial = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    return trial.stderr.strip() or None


WITHOUT_NAMESPACES = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from verify.subject.sandbox import kernel
kernel.FORBIDDEN = {{name: kernel.FORBIDDEN[name] for name in ("unshare", "setns")}}
kernel._VALUES.clear()
kernel.forbid_calls(files=False)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""  # as in most containers: a filter takes namespaces away, and so bubblewrap


def pytest_as_user(*arguments, namespaces=True):
    """Return the result of a run of pytest as a user who owns nothing but a folder."""
    with tempfile.TemporaryDirectory(prefix="tests-as-user-") as place:  # pytest's own folders are barred
        Path(place).chmod(0o755)
        home, hold = Path(place, "home"), Path(place, "hold")
        home.mkdir()
        hold.mkdir()
        os.chown(home, NOBODY, NOBODY)
        run = ["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={home}/t", *arguments]
        run = [sys.executable, *([] if namespaces else ["-c", WITHOUT_NAMESPACES]), *run]
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", *run]
        script = "\n".join([*opening(hold), f"cd {shlex.quote(str(ROOT))}", f"exec {shlex.join(user)}"])
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "TMPDIR": str(home)}
        command = ["unshare", "--mount", "sh", "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3000)
