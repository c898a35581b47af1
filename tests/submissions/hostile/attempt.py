"""What the hostile submissions beside it share: they try something, and their name says how it went.

``target.txt``, written by the test that copies them, holds the path, port or process that they are after.
"""

import ctypes
import platform
from pathlib import Path

TARGET = Path(__file__).with_name("target.txt")

libc = ctypes.CDLL(None, use_errno=True)


def target():
    """Return what the test set this file on."""
    return TARGET.read_text()


def outcome(attempt):
    """Return metadata whose name says whether an attempt got through."""
    try:
        return {"name": f"got through: {attempt()}"}
    except OSError as error:
        return {"name": f"held back: {type(error).__name__}"}


def call(number, *arguments):
    """Make a system call.

    Raises:
        OSError: the kernel refuses.
    """
    result = libc.syscall(
        ctypes.c_long(number), *(ctypes.c_long(value) if isinstance(value, int) else value for value in arguments)
    )
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def end_this_thread():
    """End the thread that calls this, and no other of its process, even where it is the first."""
    call(93 if platform.machine() == "aarch64" else 60, 0)
