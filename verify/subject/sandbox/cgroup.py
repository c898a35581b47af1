"""Control groups: limits of memory and of tasks that the kernel keeps, where this user may make a group.

What is counted ten times a second (`link`) can be passed for a tenth of a second, and counts by what `/proc` tells; a
group is charged for every page that its processes touch, of whatever kind, and is never above its limit. Both versions
of the kernel's interface are known: https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1/memory.html and
pids.html there. Standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

_NAME = "adder-verify"
_UNIFIED = "cgroup2"
_LOOKS, _TICK = 100, 0.02  # at a group that is not yet empty, and seconds between them
_CONTROLLERS = ("memory", "pids")
_LIMITS = {  # by version and controller: the files that hold limits, the first of which must be there
    "cgroup2": {"memory": ("memory.max", "memory.swap.max"), "pids": ("pids.max",)},
    "cgroup": {"memory": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"), "pids": ("pids.max",)},
}
_KILLS = {"cgroup2": "memory.events", "cgroup": "memory.oom_control"}  # where "oom_kill N" stands


@dataclass(frozen=True)
class Place:
    """A folder in which a group may perhaps be made.

    Attributes:
        version: "cgroup2", or "cgroup" for version 1, as the kernel names the file system.
        controllers: which of "memory" and "pids" may be kept there.
        folder: where.
    """

    version: str
    controllers: tuple[str, ...]
    folder: Path


class Group:
    """The groups of one worker, one for each hierarchy; empty where none is to be had.

    Attributes:
        folders: what a process joins by writing "0" to ``cgroup.procs`` in each.
        kills: where the kernel counts the processes that it ended for their memory; None where none limits it.
    """

    def __init__(self, memory_bytes: int, tasks: int, places: list[Place] | None = None) -> None:
        """Make what groups can be made.

        Args:
            memory_bytes: all that the group may hold, swapped pages included.
            tasks: how many threads and processes it may have.
            places: where to try, the best first; None for those of this process.
        """
        self.folders: list[Path] = []
        self.kills: Path | None = None
        values = {"memory": memory_bytes, "pids": tasks}
        for place in places_of_this_process() if places is None else places:
            wanted = {name: values[name] for name in place.controllers if name in values}
            folder = _make(place, wanted) if wanted else None
            if folder is not None:
                self.folders.append(folder)
                for name in wanted:
                    del values[name]
                if "memory" in wanted:
                    self.kills = folder / _KILLS[place.version]

    @property
    def overflowed(self) -> bool:
        """Whether the kernel has ended a process of the group because of its memory."""
        with contextlib.suppress(OSError):
            if self.kills is not None:
                return bool(re.search(r"^oom_kill [1-9]", self.kills.read_text(), re.MULTILINE))
        return False

    def close(self) -> None:
        """Remove the groups, once their processes have ended."""
        remove([str(folder) for folder in self.folders])


def remove(folders: list[str]) -> None:
    """Remove groups whose processes have been ended, of which the kernel may take a moment to be rid.

    One that still has a process stays, for a later run to sweep.
    """
    for folder in folders:
        for _ in range(_LOOKS):
            try:
                Path(folder).rmdir()
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(_TICK)
            else:
                break


def join(folders: list[str]) -> None:
    """Bring this process into groups; whatever it starts from now on is in them too.

    Raises:
        OSError: a group is gone, or the kernel does not allow it.
    """
    for folder in folders:
        (Path(folder) / "cgroup.procs").write_text("0")


def places_of_this_process() -> list[Place]:
    """Return where groups may perhaps be made by this process: below its own, else beside it."""
    try:
        groups, mounts = (os.fsdecode(Path(f"/proc/self/{name}").read_bytes()) for name in ("cgroup", "mountinfo"))
        return places(groups, mounts)
    except OSError:
        return []


def places(groups: str, mounts: str) -> list[Place]:
    """Return the places that two tables of the kernel tell of.

    Args:
        groups: the text of /proc/PID/cgroup, lines of ``number:controllers:path``.
        mounts: the text of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
    """
    own = dict(line.split(":", 2)[1:] for line in groups.splitlines() if line.count(":") >= 2)
    found = []
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        version, *_, options = rest.split() or ["", ""]
        if version not in _LIMITS or len(fields.split()) < 5:
            continue
        named = "" if version == _UNIFIED else next((name for name in own if name and name in options), None)
        if named not in own:
            continue
        kept = _CONTROLLERS if version == _UNIFIED else tuple(name for name in _CONTROLLERS if name in named.split(","))
        root, mount = fields.split()[3:5]
        below = os.path.relpath(own[named], root)
        folder = Path(mount) if below.startswith("..") else Path(mount) / below
        found += [Place(version, kept, where) for where in dict.fromkeys([folder, max(folder.parent, Path(mount))])]
    return [place for place in found if place.controllers]


def _make(place: Place, values: dict[str, int]) -> Path | None:
    """Return a new group with limits; None where it is not to be had here, and then nothing is left of it."""
    _sweep(place.folder)
    folder = place.folder / f"{_NAME}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
    except OSError:
        return None
    try:
        for controller, value in values.items():
            first, *others = _LIMITS[place.version][controller]
            _set(folder / first, value)
            for other in others:  # swap, where the kernel counts it
                if (folder / other).exists():
                    _set(folder / other, 0 if place.version == _UNIFIED else value)
    except OSError:
        remove([str(folder)])
        return None
    return folder


def _set(file: Path, value: int) -> None:
    """Write a limit into a file that is there: a group without it does not have the controller.

    Raises:
        OSError: it is not there, or not this user's to set.
    """
    with os.fdopen(os.open(file, os.O_WRONLY), "w") as stream:
        stream.write(str(value))


def _sweep(folder: Path) -> None:
    """Remove groups that processes which are gone have left behind."""
    for left in folder.glob(f"{_NAME}-*-*"):
        owner = left.name.removeprefix(f"{_NAME}-").partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            with contextlib.suppress(OSError):
                left.rmdir()
