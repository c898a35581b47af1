"""What descends from a process, and how much memory it takes, read from ``/proc``. Standard library alone."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path

UNCOUNTABLE = 1 << 62  # bytes

_PAGE = os.sysconf("SC_PAGE_SIZE")
_BUFFERS = {"pipe": 64 << 10, "socket": 256 << 10}  # bytes that each may hold, and that are nobody's
_DELETED = " (deleted)"
_SHARED = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) ...s \S+ ([0-9a-f]+):([0-9a-f]+) (\d+) .*%s$" % re.escape(_DELETED).encode(),
    re.MULTILINE,
)


def descendants(root: int) -> list[int]:
    """Return the processes that descend from one, parents before children, without those that have ended."""
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        return _descendants_by_parents(root)
    found: list[int] = []
    for process in (pending := [root]):  # the list grows while it is walked
        children = [child for child in _children(process) if child not in found]
        pending += children
        found += children
    return [process for process in found if _state(process) not in {"Z", "X", ""}]


def _children(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def _descendants_by_parents(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for process, parent, state in _table():
        if state != "Z":
            children.setdefault(parent, []).append(process)
    found = list(children.get(root, []))
    for process in found:  # the list grows while it is walked
        found.extend(children.get(process, []))
    return found


def living(processes: list[int]) -> list[int]:
    """Return those of some processes that have not ended."""
    return [process for process in processes if _state(process) not in {"Z", "X", ""}]


def threads_of(process: int) -> int:
    """Return how many threads a process has; 0 where it has ended."""
    try:
        return int(_stat(process)[17])
    except (OSError, IndexError, ValueError):
        return 0


def memory_of(processes: list[int]) -> int:
    """Return how many bytes of memory some processes keep: resident, and what no process's residents count.

    That is what is open and has no name any more (files in memory among them), what is mapped to be shared (whether or
    not it is in a table of pages), and what pipes and sockets may hold.
    """
    seen: set[object] = set()
    return sum(_resident(process) + _open(process, seen) + _shared(process, seen) for process in processes)


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _open(process: int, seen: set[object]) -> int:
    """Return the bytes behind a process's open handles, without what was seen before."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(f"/proc/{process}/fd") as handles:
        for handle in handles:
            with contextlib.suppress(OSError):
                target = os.readlink(handle.path)  # noqa: PTH115 - as text, which is no path
                kind = target.partition(":")[0]
                if kind in _BUFFERS and target not in seen:
                    seen.add(target)
                    total += _BUFFERS[kind]
                elif target.endswith(_DELETED) and (file := handle.stat()) and _key(file) not in seen:
                    seen.add(_key(file))
                    total += file.st_blocks * 512 if stat.S_ISREG(file.st_mode) else 0
    return total


def _shared(process: int, seen: set[object]) -> int:
    """Return the bytes of a process's shared mappings of what has no name, without what was seen before."""
    total = 0
    with contextlib.suppress(OSError):
        for found in _SHARED.finditer(Path(f"/proc/{process}/maps").read_bytes()):
            begin, end, major, minor = (int(part, 16) for part in found.groups()[:4])
            key = (os.makedev(major, minor), int(found[5]))
            if key not in seen:
                seen.add(key)
                total += end - begin
    return total


def _key(file: os.stat_result) -> tuple[int, int]:
    return file.st_dev, file.st_ino


def folder_bytes(folder: Path, most: int) -> int:
    """Return how much the files in a folder take, on a disk or in memory, or more than can be counted.

    Args:
        folder: all that is below it counts.
        most: entries to look at.
    """
    total, pending = 0, [str(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    most -= 1
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:  # barred, or nested deeper than a path is long
            return UNCOUNTABLE
        if most < 0:
            return UNCOUNTABLE
    return total


def tasks_of_user() -> int:
    """Return how many threads this user runs on this machine."""
    user, total = os.getuid(), 0
    for process, _, _ in _table():
        folder = Path(f"/proc/{process}")
        try:
            if folder.stat().st_uid == user:
                total += sum(1 for _ in (folder / "task").iterdir())
        except OSError:
            continue
    return total


def _state(process: int) -> str:
    """Return the letter of a process's state; "" where there is no such process."""
    try:
        return _stat(process)[0]
    except OSError:
        return ""


def _stat(process: int) -> list[str]:
    """Return what stands in /proc/PID/stat behind the name, which may hold anything, even ") R 1"."""
    return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _table() -> list[tuple[int, int, str]]:
    """Return (process, parent, state) of every process."""
    rows = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = _stat(int(entry.name))[:2]
                rows.append((int(entry.name), int(parent), state))
    return rows
