"""Files that appear whole or not at all, written aside, then renamed; and folders that go when their process does."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Any

from verify import ends

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a disk"),
    (stat.S_ISSOCK, "a socket"),
)
_OPEN = {"fd", "stdin", "stdout", "stderr"}  # in /dev
_PREFIX = "adder-scratch-"  # of scratch folders, all of which are locked


def write_text(path: Path, text: str) -> None:
    """Write a text to a file that appears whole or not at all, and make its folder where it is missing.

    What is there and is no regular file, such as a device, a pipe or a terminal, is written to and stays what it is.

    Raises:
        OSError: the disk is full, say; then neither the file nor a part of it is there.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes as `write_text` writes a text."""
    if _is_written_through(path):
        _write_through(path, data)
        return
    with ends.undisturbed():
        _replace(Path(os.path.realpath(path)), data)  # what a link names is replaced, not the link


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except BaseException as error:
        Path(aside).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def check_writable(path: Path) -> None:
    """Check, before any work, that `write_text` can write to a path.

    Raises:
        OSError: it cannot; the message says why.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file", str(path))
    if _is_written_through(path):
        _not_a_disk(path)
    elif not (os.access(path.parent, os.W_OK) if path.parent.is_dir() else True):
        raise PermissionError(errno.EACCES, "its folder cannot be written to", str(path))


def read_bytes(path: Path, most: int) -> bytes:
    """Return what a regular file holds, at once: what may never end, or hang, is not opened.

    Raises:
        OSError: it is no regular file, or holds more than ``most`` bytes; the message says which.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # of a pipe, without waiting for a writer
    try:
        _check_regular(os.fstat(handle), path, most)
    except BaseException:
        os.close(handle)
        raise
    with os.fdopen(handle, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise _too_large(path, most)
    return data


def check_regular(path: Path, most: int) -> None:
    """Check by its status alone that a path leads to a regular file of so many bytes at most.

    Raises:
        OSError: see `read_bytes`.
    """
    _check_regular(path.stat(), path, most)


def _check_regular(status: os.stat_result, path: Path, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, and no regular file", str(path))
    if status.st_size > most:
        raise _too_large(path, most)


def _too_large(path: Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it holds more than {most:,} bytes", str(path))


def is_replaced(path: Path) -> bool:
    """Return whether `write_text` makes a file anew at a path: elsewhere what is written twice is there twice."""
    return not _is_written_through(path)


def _is_written_through(path: Path) -> bool:
    """Return whether a path is no regular file, or names what is open: /dev/stdout may be one that others write to."""
    place, *more = path.absolute().parts[1:3] or [""]
    if place == "proc" or (place == "dev" and more and more[0] in _OPEN):
        return path.exists() or path.is_symlink()
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _write_through(path: Path, data: bytes) -> None:
    _not_a_disk(path)
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY  # a pipe that nobody reads is no reason to wait
    handle = os.open(path, flags)
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _not_a_disk(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode) or stat.S_ISBLK(mode):
        raise OSError(errno.EINVAL, f"it is {'a folder' if stat.S_ISDIR(mode) else 'a disk'}; name a file", str(path))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys to a file that appears whole or not at all.

    Raises:
        ValueError: a number is not finite.
    """
    write_text(path, json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=True) + "\n")


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it, however deep; what cannot be removed stays, and is no error.

    What lies deep is moved up a level at a time, so that neither the length of a path nor the depth of calls grows.
    """
    try:
        folder.chmod(0o700)
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        stuck: set[str] = set()
        while names := _names(top) - stuck:
            stuck |= {name for name in names if not _remove_from(top, name)}
    finally:
        os.close(top)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove_from(top: int, name: str) -> bool:
    """Remove a file from a folder, or a folder, whose own folders are moved into the one above; return whether."""
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=top)
        return True
    try:
        os.chmod(name, 0o700, dir_fd=top)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    except OSError:
        return False
    try:
        for each in _names(inner):
            with contextlib.suppress(OSError):
                os.unlink(each, dir_fd=inner)
                continue
            with contextlib.suppress(OSError):
                os.chmod(each, 0o700, dir_fd=inner)  # to be moved, its entry ".." must be writable
                os.rename(each, secrets.token_hex(16), src_dir_fd=inner, dst_dir_fd=top)
        os.rmdir(name, dir_fd=top)
    except OSError:
        return False
    finally:
        os.close(inner)
    return True


def _names(folder: int) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}


class Scratch:
    """A folder for what a run needs for a while, locked for as long as this process lives.

    A process that is killed leaves its folder behind: the next one finds it without a lock, and removes it. The lock
    is the kernel's own, on the folder itself: it cannot outlive its process, whatever number the next one has.

    Attributes:
        path: of the folder.
    """

    def __init__(self) -> None:
        """Make the folder, and remove those whose owner is gone."""
        place = Path(tempfile.gettempdir())
        sweep(place)
        with ends.undisturbed():
            while True:
                self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
                lock = _lock(self.path)
                if lock is not None:  # else a process that sweeps was quicker
                    self._lock: int | None = lock
                    ends.remember(self, lambda: remove_folder(self.path))
                    return

    def __enter__(self) -> Path:
        """Return the path."""
        return self.path

    def __exit__(self, *_: object) -> None:
        """Remove the folder."""
        self.close()

    def close(self) -> None:
        """Remove the folder with what is in it; a second call does nothing."""
        if self._lock is not None:
            remove_folder(self.path)
            os.close(self._lock)
            self._lock = None
            ends.forget(self)


def sweep(place: Path) -> None:
    """Remove the scratch folders of this user in a place whose owners are gone."""
    with contextlib.suppress(OSError):
        for folder in place.glob(f"{_PREFIX}*"):
            lock = _lock(folder)
            if lock is not None:
                remove_folder(folder)
                os.close(lock)


def _lock(folder: Path) -> int | None:
    """Return a lock on a folder of this user's, or None where another process has it or it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
    except OSError:
        pass
    os.close(handle)
    return None
