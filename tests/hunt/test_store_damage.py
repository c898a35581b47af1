"""A store that is not what a driver wrote is one clear line: no traceback, and no other exit status than 2."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hunt.test_store import CARRY, GOAL, IDENTITY, SUBJECT, failure, found, opened
from tests.mutation import ROOT
from verify.__main__ import main
from verify.errors import StoreError, StoreWriteError
from verify.hunt import session, summary
from verify.hunt.store import Store


@pytest.fixture
def path(tmp_path):
    """Return a store that holds a few shards and failures."""
    path = tmp_path / "hunt.sqlite"
    with opened(path) as store:
        store.commit([found(number, failure(5, 5 + number)) for number in range(40)], 1.0)
        store.keep_least(failure(5, 5), (5, 5), "0")
    return path


def execute(path, *statements):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def read_all(path):
    with contextlib.closing(Store.read(path)) as store:
        return summary.summarise(store), store.weakest(5)


DAMAGES = {
    "a table that is missing": "DROP TABLE clusters",
    "a column that is missing": "ALTER TABLE shards DROP COLUMN margin",
    "a column of another name": "ALTER TABLE shards RENAME COLUMN margin TO other",
    "no campaign": "DELETE FROM campaign",
    "two campaigns": "INSERT INTO campaign SELECT * FROM campaign",
    "text for a number": "UPDATE shards SET cases = 'many'",
    "a blob for text": "UPDATE clusters SET got = x'ff'",
    "nothing for a number": "UPDATE clusters SET least_a = NULL",
    "more failures than cases": "UPDATE shards SET failures = cases + 1",
    "fewer than no cases": "UPDATE shards SET cases = -1",
    "an identity of something else": "UPDATE campaign SET identity = '[]'",
    "a subject that is no JSON": "UPDATE campaign SET subject = '{'",
    "a goal nested without end": f"UPDATE campaign SET goal = '{'[' * 50_000}'",
    "a goal of another kind": "UPDATE campaign SET goal = '[]'",
    "a subject of another kind": "UPDATE campaign SET subject = '[1]'",
    "a subject without a name": "UPDATE campaign SET subject = '{}'",
    "text that is no text": "UPDATE shards SET host = CAST(x'ff' AS TEXT)",
    "a trigger": "CREATE TRIGGER theirs AFTER INSERT ON shards BEGIN DELETE FROM clusters; END",
    "a view": "CREATE VIEW theirs AS SELECT 1",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", [["hunt", "--status", "{}"], ["merge", "{}", "--store", "{}.merged"]])
def test_a_damaged_store_is_one_line_and_status_2(path, capsys, command, damage):
    execute(path, DAMAGES[damage])
    assert main([word.format(path) for word in command]) == 2
    said = capsys.readouterr().err
    assert said.startswith("adder-verify: error: the store")
    assert (said.count("\n"), said.strip().isprintable()) == (1, True)
    assert not path.with_name(f".{path.name}.merged.merging").exists()


def test_flipped_bytes_are_a_store_error_or_change_nothing_that_is_read(path, tmp_path):
    """Any single byte, anywhere in the file."""
    source, whole = random.Random(7), path.read_bytes()
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[source.randrange(len(whole))] ^= 1 << source.randrange(8)
        (tmp_path / "damaged.sqlite").write_bytes(damaged)
        with contextlib.suppress(StoreError):
            read_all(tmp_path / "damaged.sqlite")


def test_half_a_store_is_told_as_damaged(path):
    path.write_bytes(path.read_bytes()[:-2048])
    with pytest.raises(StoreError, match=r"is damaged|is no store"):
        read_all(path)


def test_damage_while_it_is_open_is_told_too(path):
    with contextlib.closing(Store.read(path)) as store:
        store._connection.execute("PRAGMA query_only = OFF")
        execute(path, "DROP TABLE clusters")
        with pytest.raises(StoreError, match="is damaged"):
            store.clusters()


def test_text_of_a_store_is_shown_printable(path):
    execute(path, "UPDATE clusters SET got = char(27) || '[2J', word = char(10)", "UPDATE shards SET host = char(27)")
    told, _ = read_all(path)
    shape = told["clusters"][0]
    assert (shape["found"]["got"], shape["carry_word"], *told["hosts"]) == (r"\x1b[2J", r"\n", r"\x1b")


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a link to a device"])
def test_what_is_no_file_is_refused_at_once_and_stays(tmp_path, kind, capsys):
    path = tmp_path / "hunt.sqlite"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path = Path("/dev/null")
    else:
        path.symlink_to("/dev/zero")
    before = path.stat().st_mode
    for command in (
        ["hunt", "--status", str(path)],
        ["hunt", "--store", str(path)],
        ["merge", "a", "--store", str(path)],
    ):
        assert main(command) == 2
    assert path.stat().st_mode == before
    assert "is no store: it is" in capsys.readouterr().err


def test_a_lock_that_is_no_file_is_refused(path):
    lock = path.with_name(f"{path.name}.lock")
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(StoreError, match="the lock of the store, is no regular file"):
        Store.open(path, IDENTITY, SUBJECT, goal=GOAL)


def test_a_full_disk_is_told_as_a_full_disk_with_what_was_found(path):
    with opened(path) as store:
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreWriteError, match=r"the disk is full.*found and not written: add\(6, 50\)=0, but"):
            store.commit([found(number, failure(6, number)) for number in range(50, 9000)], 2.0)


def in_a_mount_namespace(tmp_path, options, code):
    """Run code in a process that sees a file system of its own, with some options, over a folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        f"from pathlib import Path\nfrom tests.hunt.test_store import *\nfolder = Path({str(folder)!r})\n{code}"
    )
    script = f'mount -t tmpfs -o {options} none {folder} && exec {sys.executable} -B -c "$PROGRAM"'
    command = ["unshare", "--mount", "sh", "-c", script]
    return subprocess.run(command, env={**os.environ, "PROGRAM": program}, capture_output=True, text=True, cwd=ROOT)


needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None or subprocess.run(["unshare", "--mount", "true"]).returncode,
    reason="only root mounts file systems",
)


@needs_mounts
def test_no_store_and_no_part_of_one_is_left_on_a_full_disk(tmp_path):
    code = (
        "(folder / 'filling').write_bytes(b'x' * 65536)\n"
        "try:\n    Store.open(folder / 'hunt.sqlite', IDENTITY, SUBJECT, goal=GOAL)\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
        "print(sorted(path.name for path in folder.iterdir()))\n"
    )
    said = in_a_mount_namespace(tmp_path, "size=64k", code).stdout
    assert "StoreWriteError" in said
    assert "the disk is full" in said
    assert "['filling'" in said
    assert ".hunt.sqlite." not in said


@needs_mounts
def test_a_read_only_file_system_is_told_as_one(tmp_path):
    code = (
        "import subprocess\nwith opened(folder / 'hunt.sqlite'):\n    pass\n"
        "subprocess.run(['mount', '-o', 'remount,ro', str(folder)], check=True)\n"
        "for name in ('hunt.sqlite', 'new.sqlite'):\n"
        "    try:\n        Store.open(folder / name, IDENTITY, SUBJECT, goal={'shards': 9, 'seconds': None})\n"
        "    except Exception as error:\n        print(type(error).__name__, error)\n"
        "Store.read(folder / 'hunt.sqlite')\n"
    )
    done = in_a_mount_namespace(tmp_path, "size=1m", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("StoreError the store") == 2
    assert done.stdout.count("may not be written there") == 2


def test_merging_says_which_parts_and_shards_are_missing(tmp_path):
    for number in (1, 3):
        with opened(tmp_path / f"{number}.sqlite", part=f"{number}/4") as store:
            store.commit([found(number, failure(5, 5, shape=CARRY))], 1.0)
    told = session.merge([tmp_path / "1.sqlite", tmp_path / "3.sqlite"], tmp_path / "merged.sqlite")
    assert told["missing"][:2] == ["part 2/4", "part 4/4"]
    assert "; missing: part 2/4, part 4/4, shard 0 of " in told["reason"]
