"""What descends from a process, and how much memory it takes, read from ``/proc``. Standard library alone."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(root: int) -> list[int]:
    """Return the processes that descend from one, parents before children, without those that have ended."""
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
    return [process for process, _, state in _table() if state != "Z" and process in processes]


def resident_bytes(process: int) -> int:
    """Return the resident memory of a process; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


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


def _table() -> list[tuple[int, int, str]]:
    """Return (process, parent, state) of every process."""
    rows = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "stat").read_text(errors="replace")
        except OSError:
            continue
        state, parent = line.rpartition(")")[2].split()[:2]  # a process's name may hold anything, even ") R 1"
        rows.append((int(entry.name), int(parent), state))
    return rows
