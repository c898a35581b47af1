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
_LARGEST_FILE, _LARGEST_ZEROS = 64 << 20, 8 << 30  # bytes that what is mapped may hold where no more of it is seen
_ZEROS = b"/dev/zero"
_DELETED = " (deleted)"
_SHARED = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) ...s ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+) +(.*)%s$" % re.escape(_DELETED).encode(),
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
    return living(found)


def _children(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def _descendants_by_parents(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for process, parent in _table():
        children.setdefault(parent, []).append(process)
    found = list(children.get(root, []))
    for process in found:  # the list grows while it is walked
        found.extend(children.get(process, []))
    return living(found)


def living(processes: list[int]) -> list[int]:
    """Return those of some processes that have not ended: a thread of theirs goes on."""
    return [process for process in processes if _place(process)]


def _place(process: int) -> str:
    """Return the folder that tells of a process, by a thread that has not ended; "" where all have.

    The first thread may end while others go on: the process then looks as if it had ended, and holds nothing.
    """
    place = f"/proc/{process}"
    if _is_alive(place):
        return place
    with contextlib.suppress(OSError):
        threads = map(str, Path(f"{place}/task").iterdir())
        return next((thread for thread in threads if _is_alive(thread)), "")
    return ""


def _is_alive(place: str) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return _stat(place)[0] not in {"Z", "X"}
    return False


def threads_of(process: int) -> int:
    """Return how many threads a process has; 0 where it has ended."""
    try:
        return int(_stat(f"/proc/{process}")[17])
    except (OSError, IndexError, ValueError):
        return 0


def memory_of(processes: list[int]) -> int:
    """Return how many bytes of memory some processes keep: resident, and what no process's residents count.

    That is what is open and has no name any more (files in memory among them), what is mapped to be shared (whether or
    not it is in a table of pages), and what pipes and sockets may hold.
    """
    places = [place for process in processes if (place := _place(process))]
    held: dict[object, int] = {}  # bytes, by whatever several processes may hold together
    resident = sum(_resident(place, is_open=_open(place, held)) for place in places)
    of_known_size = frozenset(held)
    for place in places:
        _shared(place, held, of_known_size)
    return resident + sum(held.values())


def _resident(place: str, *, is_open: bool) -> int:
    """Return the resident bytes of a process; where it hides what it has open and mapped, all that it can have mapped.

    A program that may be executed and not be read hides it from an ordinary user.
    """
    try:
        return int(Path(f"{place}/statm").read_text().split()[1 if is_open else 0]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _open(place: str, held: dict[object, int]) -> bool:
    """Enter the bytes behind a process's open handles; return whether they could be looked at."""
    try:
        with os.scandir(f"{place}/fd") as handles:
            for handle in handles:
                with contextlib.suppress(OSError):
                    _enter(handle, held)
    except PermissionError:
        return False
    except OSError:  # it has ended
        pass
    return True


def _enter(handle: os.DirEntry[str], held: dict[object, int]) -> None:
    target = os.readlink(handle.path)  # noqa: PTH115 - as text, which is no path
    kind = target.partition(":")[0]
    if kind in _BUFFERS:
        held[target] = _BUFFERS[kind]
    elif target.endswith(_DELETED):
        file = handle.stat()
        held[file.st_dev, file.st_ino] = file.st_blocks * 512 if stat.S_ISREG(file.st_mode) else 0


def _shared(place: str, held: dict[object, int], of_known_size: frozenset[object]) -> None:
    """Enter the bytes of a process's shared mappings of what has no name and is not open.

    No more of it need be mapped than a page for all of it to stay: it counts up to the end of what is seen of it, and
    as the largest that there can be at least.
    """
    with contextlib.suppress(OSError):
        for found in _SHARED.finditer(Path(f"{place}/maps").read_bytes()):
            begin, end, offset, major, minor = (int(part, 16) for part in found.groups()[:5])
            key = (os.makedev(major, minor), int(found[6]))
            if key not in of_known_size:
                least = _LARGEST_ZEROS if found[7] == _ZEROS else _LARGEST_FILE
                held[key] = max(held.get(key, least), offset + end - begin)


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


def files_of(processes: list[int], folder: str) -> int:
    """Return how many files the file system has that some processes see at a folder, empty ones too: each takes memory.

    The first one counts that can be looked at; 0 where none can.
    """
    for process in processes:
        with contextlib.suppress(OSError):
            found = os.statvfs(f"/proc/{process}/root{folder}")
            return found.f_files - found.f_ffree
    return 0


def tasks_of_user() -> int:
    """Return how many threads this user runs on this machine."""
    user, total = os.getuid(), 0
    for process, _ in _table():
        folder = Path(f"/proc/{process}")
        try:
            if folder.stat().st_uid == user:
                total += sum(1 for _ in (folder / "task").iterdir())
        except OSError:
            continue
    return total


def _stat(place: str) -> list[str]:
    """Return what stands in /proc/PID/stat behind the name, which may hold anything, even ") R 1"."""
    return Path(f"{place}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _table() -> list[tuple[int, int]]:
    """Return (process, parent) of every process."""
    rows = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                rows.append((int(entry.name), int(_stat(str(entry))[1])))
    return rows
