"""Where the kernel lets a group be made, a worker's memory and tasks are limited by it; elsewhere they are counted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.subject.rungs import SUBMISSIONS, any_rung, await_that, groups_of
from verify import interpreters
from verify.errors import SubjectCrashedError
from verify.subject import load
from verify.subject.sandbox import Limits
from verify.subject.sandbox.cgroup import Group, Place, places, places_of_this_process
from verify.subject.sandbox.limits import MEBIBYTE
from verify.subject.sandbox.link import Link

VERSION_1 = """\
9:name=systemd:/
8:pids:/
4:memory,hugetlb:/docker/7a
0::/
"""
MOUNTS_1 = """\
30 23 0:5 / /sys rw - sysfs sysfs rw
35 31 0:32 /docker/7a /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory,hugetlb
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
"""
MOUNTS_2 = "26 24 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
OWN_2 = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope\n"
SLICE = Path("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice")


def test_places_are_found_in_either_version():
    assert places(OWN_2, MOUNTS_2) == [
        Place("cgroup2", ("memory", "pids"), SLICE / "terminal.scope"),
        Place("cgroup2", ("memory", "pids"), SLICE),
    ]
    assert places(VERSION_1, MOUNTS_1) == [
        Place("cgroup", ("memory",), Path("/sys/fs/cgroup/memory")),  # a container sees its own as the root
        Place("cgroup", ("pids",), Path("/sys/fs/cgroup/pids")),
    ]


@pytest.mark.parametrize(
    ("groups", "mounts"), [("", MOUNTS_2), (OWN_2, ""), ("nonsense\n", "nonsense - \n"), (OWN_2, MOUNTS_1)]
)
def test_no_place_is_made_up(groups, mounts):
    assert places(groups, mounts) == []


def test_a_group_whose_name_is_no_text_is_no_fault(monkeypatch):
    tables = {"cgroup": b"0::/caf\xe9\n", "mountinfo": MOUNTS_2.encode()}
    monkeypatch.setattr(Path, "read_bytes", lambda path: tables[path.name])
    assert places_of_this_process()[0].folder == Path("/sys/fs/cgroup/caf\udce9")


def test_no_table_is_no_place(monkeypatch):
    def unreadable(path):
        raise PermissionError(path)

    monkeypatch.setattr(Path, "read_bytes", unreadable)
    assert places_of_this_process() == []


def test_a_folder_without_the_controller_is_no_group(tmp_path):
    group = Group(1 << 28, 99, [Place("cgroup2", ("memory", "pids"), tmp_path), Place("cgroup", ("pids",), tmp_path)])
    assert group.folders == []
    assert list(tmp_path.iterdir()) == []
    assert not group.overflowed


@pytest.fixture
def kernel(monkeypatch):
    """Let every new folder hold the files that the second version's kernel puts there."""
    make = Path.mkdir

    def with_files(folder, *arguments, **options):
        make(folder, *arguments, **options)
        for name in ("memory.max", "memory.swap.max", "pids.max", "memory.events"):
            (folder / name).touch()

    monkeypatch.setattr(Path, "mkdir", with_files)


def test_a_group_of_the_second_version_has_all_limits(tmp_path, kernel):
    (tmp_path / "slice").mkdir()
    group = Group(1 << 28, 99, [Place("cgroup2", ("memory", "pids"), tmp_path / "slice")] * 2)
    (folder,) = group.folders
    assert [(folder / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max")] == [
        "268435456", "0", "99",
    ]  # fmt: skip
    assert not group.overflowed
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert group.overflowed


def test_groups_of_processes_that_are_gone_are_swept(tmp_path):
    with subprocess.Popen(["/bin/true"]) as child:
        ended = child.pid
    for owner in (ended, os.getpid()):
        (tmp_path / f"adder-verify-{owner}-00").mkdir()
    Group(1 << 28, 99, [Place("cgroup2", ("memory",), tmp_path)])
    assert [left.name for left in tmp_path.iterdir()] == [f"adder-verify-{os.getpid()}-00"]


@pytest.fixture
def groups():
    """Return the folders of this machine's groups of workers, as a function; skipped where there are none to be had."""
    trial = Group(1 << 30, 99)
    trial.close()
    if trial.kills is None:
        pytest.skip("no control group with a limit of memory is to be had here")
    return lambda: groups_of(os.getpid())


@any_rung
def test_the_kernel_keeps_the_limit_of_memory(groups, rung, monkeypatch):
    monkeypatch.setattr(Link, "_excess", lambda _: "")  # counted by nobody else
    with pytest.raises(SubjectCrashedError, match=r"took all of its memory \(limit 0.3 GiB\)"):
        load(str(SUBMISSIONS / "hostile" / "eats_memory.py"), sandbox=rung, limits=Limits(memory_bytes=300 * MEBIBYTE))
    await_that(lambda: groups() == [])


def test_a_worker_that_cannot_be_started_leaves_no_group(groups, monkeypatch):
    def fail(*_, **__):
        raise OSError("no processes are left")

    monkeypatch.setattr(interpreters, "start", fail)
    with pytest.raises(OSError, match="no processes are left"):
        load(str(SUBMISSIONS / "honest" / "plain_object.py"), sandbox="limits")
    assert groups() == []


@any_rung
def test_a_worker_is_in_its_groups_and_they_go_with_it(groups, rung):
    adder = load(str(SUBMISSIONS / "honest" / "plain_object.py"), sandbox=rung)
    assert groups()
    assert all((folder / "cgroup.procs").read_text().split() for folder in groups())
    adder.close()
    assert groups() == []
