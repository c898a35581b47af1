"""SQLite as a campaign uses it: one writer by a lock, commits that reach the disk, readers that change nothing.

The rollback journal is used with ``synchronous = EXTRA``, so that a commit has reached the disk when it returns
(https://www.sqlite.org/pragma.html#pragma_synchronous); a write-ahead log would not work on network folders
(https://www.sqlite.org/wal.html), where clusters keep their files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.errors import StoreError, StoreWriteError
from verify.files import check_regular
from verify.text import printable

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
LARGEST_STORE = 64 << 30  # bytes
_ROOM = 1 << 20  # bytes that are free on a disk that is not full
_INTEGER, _REAL, _TEXT = "'integer'", "'real', 'integer'", "'text'"
_OR_NULL = ", 'null'"
_COLUMNS = {  # of each table: the kinds of value in each column
    "campaign": {
        **dict.fromkeys(["identity", "subject", "part", "goal"], _TEXT),
        **dict.fromkeys(["seconds", "changed"], _REAL),
    },
    "shards": {
        "stratum": _TEXT,
        **dict.fromkeys(["number", "cases", "failures"], _INTEGER),
        "margin": _REAL + _OR_NULL,
        **dict.fromkeys(["a", "b"], _INTEGER + _OR_NULL),
        "parents": _TEXT + _OR_NULL,
        **dict.fromkeys(["seconds", "finished"], _REAL),
        "host": _TEXT,
    },
    "clusters": {
        "place": _INTEGER,
        "word": _TEXT,
        "failures": _INTEGER,
        "stratum": _TEXT,
        **dict.fromkeys(["a", "b"], _INTEGER),
        "got": _TEXT,
        "confirmed": _INTEGER,
        **dict.fromkeys(["least_a", "least_b"], _INTEGER + _OR_NULL),
        "least_got": _TEXT + _OR_NULL,
    },
}
_SENSE = {  # of each table: what its numbers have to be
    "shards": " AND number >= 0 AND cases >= 0 AND failures BETWEEN 0 AND cases",
    "clusters": " AND failures > 0 AND confirmed IN (0, 1) AND (least_a IS NULL) = (least_b IS NULL)",
}


def create(path: Path, campaign: Sequence[Any]) -> None:
    """Make a store that holds a campaign and no shard; it appears whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    remove(aside)
    try:
        with contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as connection, transaction(connection):
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO campaign VALUES (?, ?, ?, ?, ?, ?)", campaign)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        aside.replace(path)
    except BaseException:
        remove(aside)
        raise


def remove(path: Path) -> None:
    """Remove a store that is not finished, with what SQLite and its driver keep beside it."""
    for beside in ("", "-journal", ".lock", ".lock-journal"):
        path.with_name(path.name + beside).unlink(missing_ok=True)


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


def check(connection: sqlite3.Connection) -> None:
    """Check that a store holds what a driver writes, in every page, table, column and row.

    Raises:
        ValueError: it does not; the message says where.
        sqlite3.Error: it is no database any more.
    """
    objections = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
    if objections != ["ok"]:
        raise ValueError(str(objections[0]))
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")}
    if names != _COLUMNS.keys():
        raise ValueError(f"its tables are {', '.join(sorted(map(ascii, names))) or 'none'}")
    for table, columns in _COLUMNS.items():
        found = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        if found != [*columns]:
            raise ValueError(f"the columns of {table} are {', '.join(map(ascii, found))}")
        conditions = " AND ".join(f"typeof({name}) IN ({kinds})" for name, kinds in columns.items())
        conditions += _SENSE.get(table, "")
        wrong = connection.execute(f"SELECT count(*) FROM {table} WHERE NOT ({conditions})").fetchone()[0]  # noqa: S608
        if wrong:
            raise ValueError(f"{wrong} rows of {table} hold what no driver writes")


def wrong_write(path: Path, error: sqlite3.Error | OSError) -> StoreError | StoreWriteError:
    """Return the error that says why a store cannot be written."""
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return damaged(path, error)
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
        return StoreError(f"the store {str(path)!r} may not be written there ({error}); give --store another place")
    why = "the disk is full" if primary == sqlite3.SQLITE_FULL or _is_full(path) else str(error)
    return StoreWriteError(f"the store {str(path)!r} cannot be written: {why}")


def damaged(path: Path, error: Exception) -> StoreError:
    """Return the error that says that a store is not what a driver wrote."""
    return StoreError(
        f"the store {str(path)!r} is damaged ({printable(str(error))}); take a copy, or begin anew with another file"
    )


def _is_full(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.absolute().parent).free < _ROOM
    return False


def locked(path: Path) -> sqlite3.Connection:
    """Return what holds the lock of a store: an empty database beside it, locked until its process ends.

    Raises:
        StoreError: another process holds it, or there can be none.
        StoreWriteError: the disk is full, say.
    """
    beside = path.with_name(f"{path.name}.lock")
    if beside.exists() and not beside.is_file():
        raise StoreError(f"{str(beside)!r}, the lock of the store, is no regular file; give --store another name")
    try:
        lock = sqlite3.connect(beside, isolation_level=None, timeout=0, check_same_thread=False)
    except sqlite3.Error as error:
        raise wrong_write(path, error) from error
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise wrong_write(path, error) from error
        raise StoreError(
            f"the store {str(path)!r} is in use by another driver ({error}); wait for its end, or watch it with "
            f"`adder-verify hunt --status {path}`"
        ) from error
    return lock


def holds_something(path: Path) -> bool:
    """Return whether a file is there and is not empty.

    Raises:
        StoreError: no file can be there, or what is there is none.
    """
    if path.is_dir():
        raise StoreError(f"the store {str(path)!r} is a folder; name a file, such as hunt.sqlite")
    if not path.absolute().parent.is_dir():
        raise StoreError(f"there is no folder {str(path.absolute().parent)!r} for the store; make it first")
    if path.exists():
        try:
            check_regular(path, LARGEST_STORE)
        except OSError as error:
            raise StoreError(
                f"{str(path)!r} is no store: {error.strerror}; name a file, such as hunt.sqlite"
            ) from error
    return path.exists() and path.stat().st_size > 0
