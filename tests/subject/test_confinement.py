"""A file changes nothing of the machine, reaches past no limit, and takes no memory that is not counted."""

from __future__ import annotations

import os
import re
import shutil
import stat
from functools import partial

import pytest

from tests.subject.as_user import WITHOUT_NAMESPACES
from tests.subject.rungs import await_that, promised
from verify import interpreters
from verify.errors import SubjectCrashedError
from verify.subject.sandbox import Limits, cgroup, ladder
from verify.subject.sandbox.limits import MEBIBYTE

pytestmark = pytest.mark.usefixtures("scratch")

SMALL = Limits(memory_bytes=400 * MEBIBYTE, start_seconds=600)
SETTINGS = ["/proc/sys/vm/swappiness", "/proc/sys/kernel/panic", "/proc/self/../sys/vm/swappiness"]
CHANGES = ["mode", "mode of what is open", "times", "owner", "attribute", "flags", "length", "name", "second name"]
CALLS = [
    "the internet", "netlink", "vsock", "packets", "tracing", "memory of others", "a user namespace",
    "a mount namespace", "a process in a user namespace", "a process by hidden flags", "a namespace of others",
    "memory without a name", "shared segments", "keys", "new keys", "io_uring", "bpf", "faults",
    "performance counters", "a mount", "larger pipes", "watching a folder the old way", "a lease on a file",
    "before all others", "sooner than others", "the disk before others", "quotas by a handle", "a tree of mounts",
    "semaphores that stay", "segments of others", "the end of segments of others", "the end of queues of others",
    "the end of named queues", "pages kept in pipes", "files kept in pipes", "pipes kept in pipes", "a pair of sockets",
    "limits of others", "processors of others", "the class of others", "memory that is shared and no file's",
    "a thread with handles of its own",
]  # fmt: skip


@promised("changes settings of the kernel", on=["bwrap", "landlock"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_the_kernel_stay_as_they_are(hostile, rung, setting):
    assert hostile("changes_settings", rung, target=setting).name.startswith("held back")


@pytest.fixture
def belonging(tmp_path):
    """Return a file of the user's, and a look at all that can be changed of it."""
    file = tmp_path / "home" / "belonging.txt"
    file.parent.mkdir()
    file.write_text("mine")
    file.chmod(0o644)
    return file


def look(file):
    found = file.stat()
    return file.read_text(), stat.S_IMODE(found.st_mode), found.st_mtime, found.st_uid, os.listxattr(file)


@promised("changes modes, times, owners, attributes of files", on=["bwrap", "landlock"])
@pytest.mark.parametrize("way", [*CHANGES, "existence"])
def test_a_file_outside_is_not_changed(hostile, rung, belonging, way):
    before = look(belonging)
    assert hostile("changes_files", rung, target=f"{way} of {belonging}").name.startswith("held back")
    assert look(belonging) == before
    assert list(belonging.parent.iterdir()) == [belonging]


@promised("changes modes, times, owners, attributes of files", on=["bwrap", "landlock"])
@pytest.mark.parametrize("way", CHANGES)
def test_nor_is_the_file_itself(hostile, rung, tmp_path, way):
    file = tmp_path / "theirs" / "changes_files.py"
    before = look(file)
    assert hostile("changes_files", rung, target=f"{way} of {file}").name.startswith("held back")
    assert look(file) == before


@promised("changes modes, times, owners, attributes of files", on=["bwrap", "landlock"])
@pytest.mark.parametrize("way", ["mode", "times", "owner"])
@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/urandom"])
def test_nor_is_a_device_of_the_machine(hostile, rung, device, way):
    assert hostile("changes_files", rung, target=f"{way} of {device}").name.startswith("held back")


@promised("makes a device, such as that of a disk", on=ladder.RUNGS)
def test_no_device_is_made(hostile, rung):
    assert hostile("makes_a_device", rung).name.startswith("held back")


@promised("makes a device, such as that of a disk", on=ladder.RUNGS)
def test_nor_is_one_made_where_namespaces_are_not_permitted(hostile, rung, monkeypatch):
    """Root's worker then is root without any bounds of a namespace."""
    monkeypatch.setattr(interpreters, "python", partial(python_without_namespaces, interpreters.python))
    if rung == "bwrap":
        with pytest.raises(SubjectCrashedError, match="ended its process"):
            hostile("makes_a_device", rung)
    else:
        assert hostile("makes_a_device", rung).name.startswith("held back")


def python_without_namespaces(python, *arguments):
    is_warden = arguments[0] == "-S"
    return [*python(), "-c", WITHOUT_NAMESPACES, *python(*arguments)[1:]] if is_warden else python(*arguments)


@promised("watches what the user does with files", on=ladder.RUNGS)
def test_folders_are_not_watched(hostile, rung, belonging):
    assert hostile("watches_files", rung, target=belonging.parent).name.startswith("held back")


@promised("asks whether a path exists", on=["bwrap"])
def test_no_path_outside_is_known(hostile, rung, belonging):
    assert hostile("asks_of_a_path", rung, target=belonging).name == "held back: FileNotFoundError"


@promised("calls parts of the kernel that no adder needs", on=ladder.RUNGS)
def test_the_widest_doors_of_the_kernel_are_shut(hostile, rung):
    assert hostile("calls_the_kernel", rung, target="\n".join(CALLS)).name == "held back: PermissionError"


@promised("hoards memory that is not resident", on=ladder.RUNGS)
@pytest.mark.parametrize("where", ["scratch", "unlinked", "memfd", "segments", "shared", "pipes"])
def test_memory_of_every_kind_is_limited(hostile, rung, where):
    assert_limited(hostile, rung, where)


@promised("hoards memory that is not resident", on=ladder.RUNGS)
@pytest.mark.parametrize("where", ["torn", "torn zeros", "torn files", "behind a thread"])
def test_memory_is_counted_where_no_group_limits_it(hostile, rung, where, monkeypatch):
    monkeypatch.setattr(cgroup, "places_of_this_process", list)
    assert_limited(hostile, rung, where)


@promised("fills file systems in memory", on=["bwrap", "landlock"])
@pytest.mark.parametrize("where", ["/dev/shm", "/dev", "/"])
def test_file_systems_in_memory_are_limited(hostile, rung, where):
    assert_limited(hostile, rung, where)


@promised("fills file systems in memory", on=["bwrap", "landlock"])
@pytest.mark.parametrize("where", ["names in scratch", "names in /dev/shm"])
def test_files_in_memory_are_counted_though_they_are_empty(hostile, rung, where):
    ended = outcome_of(lambda: hostile("hoards_memory", rung, target=where, limits=SMALL).name)
    assert ended.startswith("held back") or re.search(r"made \d+ files \(limit 10000\)|scratch folder", ended)


def assert_limited(hostile, rung, where):
    """Check that memory cannot be taken, or that the file is ended for it; and that none of it stays."""
    before = shutil.disk_usage("/dev/shm").used
    ended = outcome_of(lambda: hostile("hoards_memory", rung, target=where, limits=SMALL).name)
    assert ended.startswith("held back") or "memory (limit 0.4 GiB)" in ended or "scratch folder" in ended
    assert shutil.disk_usage("/dev/shm").used - before < 100 * MEBIBYTE


def outcome_of(load):
    try:
        return load()
    except SubjectCrashedError as error:
        return str(error)


@promised("starts threads without end", on=ladder.RUNGS)
def test_threads_are_counted(hostile, rung):
    def add_for_a_while():
        adder = hostile("starts_threads", rung, limits=Limits(threads=300, start_seconds=600))
        await_that(lambda: adder.add(1, 1) != 2)

    assert re.search(r"started \d+ threads \(limit 300\) and was ended", outcome_of(add_for_a_while))


@promised("leaves folders that cannot be removed", on=ladder.RUNGS)
def test_folders_nested_deeper_than_a_path_is_long_are_removed(hostile, rung):
    ended = outcome_of(lambda: hostile("nests_folders", rung, limits=Limits(start_seconds=600)).name)
    assert ended == "nests folders" or "scratch folder" in ended
