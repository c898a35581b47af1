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


COLUMN = ["x86_64", "aarch64"].index(platform.machine()) if kernel.has_seccomp() else 0
HARMFUL = {"vhangup"}  # takes no arguments that could be wrong


def errors_of(*numbers, files=True):
    """Return the errors of system calls with senseless arguments, in a process that is filtered."""
    code = (
        f"import sys, ctypes; sys.path.insert(0, {ROOT!r})\n"
        "from verify.subject.sandbox import kernel\n"
        f"kernel.forbid_calls(files={files})\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"for number in {numbers!r}:\n"
        "    libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)\n"
        "    print(ctypes.get_errno())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


def numbers_of(calls):
    return [numbers[COLUMN] for name, numbers in calls.items() if numbers[COLUMN] is not None and name not in HARMFUL]


def test_every_forbidden_call_is_refused():
    numbers = numbers_of(kernel.FORBIDDEN) + numbers_of(kernel.FORBIDDEN_ON_FILES)
    assert errors_of(*numbers) == [errno.EPERM] * len(numbers)


def test_changes_of_files_are_refused_only_where_that_is_said():
    fchmod = kernel.FORBIDDEN_ON_FILES["fchmod"][COLUMN]
    assert errors_of(fchmod, files=False) == [errno.EBADF]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has a second set of numbers")
def test_the_second_set_of_system_calls_is_no_way_around():
    assert errors_of(0x40000000 + 41) == [errno.EPERM]


def test_other_calls_are_not_refused():
    close = {"x86_64": 3, "aarch64": 57}[platform.machine()]
    assert errors_of(close) == [errno.EBADF]
