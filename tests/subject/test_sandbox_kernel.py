"""What the kernel is asked to forbid, it forbids."""

from __future__ import annotations

import errno
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from verify.subject import sandbox
from verify.subject.sandbox import kernel, ladder

ROOT = str(Path(sandbox.__file__).parents[3])

pytestmark = pytest.mark.skipif(
    ladder.missing("landlock") is not None, reason=f"no landlock: {ladder.missing('landlock')}"
)


def refused(number):
    """Return the error of a system call without arguments, in a process that may not open sockets."""
    code = (
        f"import sys, ctypes; sys.path.insert(0, {ROOT!r})\n"
        "from verify.subject.sandbox import kernel\n"
        "kernel.forbid_sockets()\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"libc.syscall({number}, -1, -1, -1, -1, -1)\n"
        "print(ctypes.get_errno())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_every_forbidden_call_is_refused():
    _, numbers = kernel._FORBIDDEN[platform.machine()]
    assert {refused(number) for number in (numbers[0], numbers[1], numbers[-1])} == {errno.EPERM}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has a second set of numbers")
def test_the_second_set_of_system_calls_is_no_way_around():
    assert refused(0x40000000 + 41) == errno.EPERM


def test_other_calls_are_not_refused():
    close = {"x86_64": 3, "aarch64": 57}[platform.machine()]
    assert refused(close) == errno.EBADF
