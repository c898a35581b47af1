"""SQLite as a campaign uses it: one writer by a lock, commits that reach the disk, readers that change nothing.

The rollback journal is used with ``synchronous = EXTRA``, so that a commit has reached the disk when it returns
(https://www.sqlite.org/pragma.html#pragma_synchronous); a write-ahead log would not work on network folders
(https://www.sqlite.org/wal.html), where clusters keep their files.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA = 1
_APPLICATION = 0x41444452  # in the file's header: "ADDR"
_PATIENCE = 30.0  # seconds for a reader to finish
_TABLES = """
CREATE TABLE campaign (identity TEXT NOT NULL, subject TEXT NOT NULL, part TEXT NOT NULL, goal TEXT NOT NULL,
    seconds REAL NOT NULL, changed REAL NOT NULL);
CREATE TABLE shards (stratum TEXT, number INTEGER, cases INTEGER NOT NULL, failures INTEGER NOT NULL,
    margin REAL, a INTEGER, b INTEGER, parents TEXT, seconds REAL NOT NULL, finished REAL NOT NULL, host TEXT NOT NULL,
    PRIMARY KEY (stratum, number)) WITHOUT ROWID;
CREATE TABLE clusters (place INTEGER, word TEXT, failures INTEGER NOT NULL, stratum TEXT NOT NULL,
    a INTEGER NOT NULL, b INTEGER NOT NULL, got TEXT NOT NULL, confirmed INTEGER NOT NULL,
    least_a INTEGER, least_b INTEGER, least_got TEXT, PRIMARY KEY (place, word)) WITHOUT ROWID
"""


def create(path: Path, campaign: Sequence[Any]) -> None:
    """Make a store that holds a campaign and no shard; it appears whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as connection, transaction(connection):
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO campaign VALUES (?, ?, ?, ?, ?, ?)", campaign)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    aside.replace(path)


def writable(path: Path) -> sqlite3.Connection:
    """Return the connection of the one driver that holds the lock."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection


def readable(path: Path) -> sqlite3.Connection:
    """Return a connection that writes nothing; only what a killed driver left half-written is rolled back.

    Raises:
        StoreError: the file is no store, or one of another version of the schema.
    """
    for mode in ("ro", "rw"):  # a reader cannot roll back
        uri = f"{path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE)
        try:
            names = ("application_id", "user_version")
            application, schema = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
            break
        except sqlite3.Error as error:
            connection.close()
            if mode == "rw":
                raise StoreError(f"{str(path)!r} is no store of a campaign ({error}); name another file") from error
    if application == _APPLICATION and schema == SCHEMA:
        return connection
    connection.close()
    if application == _APPLICATION:
        raise StoreError(f"{str(path)!r} is a store of version {schema}, but {SCHEMA} is understood; begin a new one")
    raise StoreError(f"{str(path)!r} is a database, but no store of a campaign; name another file")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all that is executed within, or nothing of it."""
    try:
        connection.execute("BEGIN IMMEDIATE")  # within: Ctrl-C may come before the next line
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors, a full disk among them, roll back by themselves
            connection.execute("ROLLBACK")
        raise


def locked(path: Path) -> sqlite3.Connection:
    """Return what holds the lock of a store: an empty database beside it, locked until its process ends.

    Raises:
        StoreError: another process holds it.
    """
    beside = path.with_name(f"{path.name}.lock")
    lock = sqlite3.connect(beside, isolation_level=None, timeout=0, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        raise StoreError(
            f"the store {str(path)!r} is in use by another driver ({error}); wait for its end, or watch it with "
            f"`adder-verify hunt --status {path}`"
        ) from error
    return lock


def holds_something(path: Path) -> bool:
    """Return whether a file is there and is not empty.

    Raises:
        StoreError: no file can be there.
    """
    if path.is_dir():
        raise StoreError(f"the store {str(path)!r} is a folder; name a file, such as hunt.sqlite")
    if not path.absolute().parent.is_dir():
        raise StoreError(f"there is no folder {str(path.absolute().parent)!r} for the store; make it first")
    return path.exists() and path.stat().st_size > 0
