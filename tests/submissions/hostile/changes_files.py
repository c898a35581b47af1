"""Changes a file in a way that needs no right to write to it: its target is the way and the path.

What it sets is what is there already, as far as that can be, so that it does no harm where it gets through.
"""

import os
import stat
from pathlib import Path

from attempt import outcome, target


def set_flags(path):
    import fcntl

    with Path(path).open("rb") as file:
        flags = fcntl.ioctl(file, 0x80086601, b"\0" * 8)
        fcntl.ioctl(file, 0x40086602, flags)


WAYS = {
    "mode": lambda path: os.chmod(path, stat.S_IMODE(os.stat(path).st_mode)),
    "mode of what is open": lambda path: os.fchmod(os.open(path, os.O_RDONLY), stat.S_IMODE(os.stat(path).st_mode)),
    "times": lambda path: os.utime(path, ns=(os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns)),
    "owner": lambda path: os.chown(path, os.getuid(), os.getgid()),
    "attribute": lambda path: os.setxattr(path, "user.mark", b"mine"),
    "flags": set_flags,
    "length": lambda path: os.truncate(path, 0),
    "name": lambda path: os.rename(path, path + ".mine"),
    "second name": lambda path: os.link(path, path + ".mine"),
    "existence": lambda path: os.unlink(path),
}


def build_model():
    way, _, path = target().partition(" of ")
    return None, outcome(lambda: WAYS[way](path))


def add(model, a, b):
    return a + b
