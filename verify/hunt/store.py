"""The store of a campaign: one SQLite file, one writer, and a shard is in it whole or not at all.

What a shard found is written in one transaction with the row that says that it is done, under the primary key
(stratum, number): a driver killed at any instant loses no committed shard, and none can be counted twice.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.errors import StoreError, StoreWriteError
from verify.hunt import database
from verify.hunt.clusters import Failure, Shape
from verify.hunt.identity import Identity
from verify.hunt.margins import Weak
from verify.text import printable, printable_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from verify.addition.strategies import Pair
    from verify.hunt.work import Found

_COUNT_FAILURE = """
INSERT INTO clusters VALUES (:place, :word, :count, :stratum, :a, :b, :got, :confirmed, NULL, NULL, NULL)
ON CONFLICT DO UPDATE SET failures = failures + :count
"""
_KEEP_SMALLER = """
UPDATE clusters SET stratum = :stratum, a = :a, b = :b, got = :got, confirmed = :confirmed,
    least_a = NULL, least_b = NULL, least_got = NULL
WHERE place = :place AND word = :word AND (1 - :confirmed, :a + :b, :a, :stratum) < (1 - confirmed, a + b, a, stratum)
"""


_DAMAGE = (sqlite3.Error, TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError)


def _told(found: Iterable[Found]) -> str:
    """Return the smallest failure among what could not be written, in words, so that it is not lost; or ""."""
    failures = [failure for each in found for failure in each.failures]
    if not failures:
        return ""
    least = min(failures, key=lambda failure: (not failure.confirmed, failure.size))
    return f"; found and not written: add({least.a}, {least.b})={least.got}, but should be {least.a + least.b}"


@dataclass(frozen=True)
class Totals:
    """What a stratum's shards add up to."""

    stratum: str
    shards: int
    cases: int
    failures: int
    seconds: float
    margin: float | None


@dataclass(frozen=True)
class Cluster:
    """The failures of one shape: their number, the smallest, where it was found, and what it shrinks to."""

    failure: Failure
    stratum: str
    least: Pair | None = None
    least_got: str | None = None


class Store:
    """A campaign's file.

    Attributes:
        path: of the file.
        identity: of the campaign.
        subject: what is said of the subject in reports: spec, name, author, sha256.
        part: which part of the campaign is in it; "merged" where several are.
        goal: what the campaign was last told to reach: {"seconds", "shards"}.
        seconds: how long drivers were at work on it.
        changed: when the last shard was committed, in seconds since 1970.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: sqlite3.Connection | None = None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        (row,) = connection.execute("SELECT identity, subject, part, goal, seconds, changed FROM campaign")
        identity, subject, part, goal, seconds, changed = row
        self.identity = Identity(**printable_all(json.loads(identity)))
        self.subject: dict[str, Any] = printable_all(json.loads(subject))
        self.part: str = printable(part)
        self.seconds: float = seconds
        self.changed: float = changed
        self.goal: dict[str, Any] = json.loads(goal)
        if not (isinstance(self.subject, dict) and "name" in self.subject and isinstance(self.goal, dict)):
            raise TypeError("what it says of its subject or its goal is nothing of the kind")

    @classmethod
    def open(
        cls, path: Path, identity: Identity, subject: dict[str, Any], *, part: str = "1/1", goal: dict[str, Any]
    ) -> Store:
        """Return the store of a campaign, made where it is missing, for the one driver that writes it.

        Raises:
            StoreError: the file is no store, is another campaign's, or another driver is at work on it.
        """
        if database.holds_something(path):
            with contextlib.closing(cls.read(path)) as found:
                found.require(identity, part)
        lock = database.locked(path)
        try:
            if not database.holds_something(path):
                values = [json.dumps(asdict(identity)), json.dumps(subject), part, json.dumps(goal), 0.0, time.time()]
                database.create(path, values)
            store = cls(path, database.writable(path), lock)
            store._aim(goal)
        except (sqlite3.Error, OSError) as error:
            lock.close()
            raise database.wrong_write(path, error) from error
        except BaseException:
            lock.close()
            raise
        return store

    @classmethod
    def read(cls, path: Path) -> Store:
        """Return a store to be read, also while a driver writes it.

        Raises:
            StoreError: there is none.
        """
        if not database.holds_something(path):
            raise StoreError(f"there is no store {str(path)!r}; `adder-verify hunt --store FILE` makes one")
        connection = database.readable(path)
        try:
            database.check(connection)
            return cls(path, connection)
        except _DAMAGE as error:
            connection.close()
            raise database.damaged(path, error) from error

    def require(self, identity: Identity, part: str) -> None:
        """Check that a store is that of a campaign and part.

        Raises:
            StoreError: it is another's; the message says in what.
        """
        difference = identity.difference(self.identity)
        if not difference and part != self.part:
            difference = f"it holds part {self.part}, not {part}"
        if difference:
            raise StoreError(f"the store {self.path} is another campaign's: {difference}; give --store another file")

    def close(self) -> None:
        """Close the file, and let another driver have it."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    def commit(self, found: Iterable[Found], seconds: float) -> None:
        """Write what shards found, all of them or none, and how long drivers have been at work.

        Raises:
            StoreWriteError: the disk is full, say; the store is as it was.
        """
        now, found = time.time(), list(found)
        try:
            with self._writing():
                for each in found:
                    self._put(each, now)
                self._connection.execute("UPDATE campaign SET seconds = ?, changed = ?", [seconds, now])
        except (StoreError, StoreWriteError) as error:
            lost = _told(found)
            raise type(error)(f"{error}{lost}") from error
        self.seconds, self.changed = seconds, now

    def keep_least(self, failure: Failure, least: Pair, got: str) -> None:
        """Write down what the smallest failure of a shape shrinks to, if it is still the smallest.

        Raises:
            StoreWriteError: see `commit`.
        """
        with self._writing():
            self._put_least(failure, least, got)

    def numbers(self, stratum: str) -> Iterator[int]:
        """Yield the numbers of the shards of a stratum that are done, in their order."""
        rows = self._rows("SELECT number FROM shards WHERE stratum = ? ORDER BY number", [stratum])
        return (number for (number,) in rows)

    def totals(self) -> list[Totals]:
        """Return what each stratum's shards add up to, by the strata's names."""
        rows = self._rows(
            "SELECT stratum, count(*), sum(cases), sum(failures), sum(seconds), min(margin) FROM shards "
            "GROUP BY stratum ORDER BY stratum"
        )
        return [Totals(printable(stratum), *rest) for stratum, *rest in rows]

    def clusters(self) -> list[Cluster]:
        """Return the failures by shape, those that are wrong in the lowest place first."""
        rows = self._rows("SELECT * FROM clusters ORDER BY place, word")
        return [
            Cluster(
                Failure(Shape(place, printable(word)), a, b, printable(got), failures, bool(confirmed)),
                printable(stratum),
                None if least_a is None else (least_a, least_b),
                None if least_got is None else printable(least_got),
            )
            for place, word, failures, stratum, a, b, got, confirmed, least_a, least_b, least_got in rows
        ]

    def weakest(self, count: int) -> list[Weak]:
        """Return the right sums with the smallest margins, one a shard at most."""
        rows = self._rows(
            "SELECT DISTINCT margin, a, b FROM shards WHERE margin IS NOT NULL ORDER BY margin, a, b LIMIT ?", [count]
        )
        return [Weak(*row) for row in rows]

    def hosts(self) -> dict[str, int]:
        """Return how many cases each host added."""
        rows = self._rows("SELECT host, sum(cases) FROM shards GROUP BY host ORDER BY host")
        return {printable(host): cases for host, cases in rows}

    def take(self, part: Path) -> str:
        """Add what another store of the same campaign holds, all of it or nothing; return which part it is.

        Raises:
            StoreError: it is another campaign's, or has shards that are here already.
            StoreWriteError: see `commit`.
        """
        with contextlib.closing(Store.read(part)) as other:
            difference = self.identity.difference(other.identity)
            if difference:
                raise StoreError(
                    f"{part} is of another campaign: {difference}; only parts of one campaign can be merged"
                )
            with self._writing():
                self._take(other)
            self.seconds += other.seconds
            self.changed = max(self.changed, other.changed)
            return other.part

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query, all at once.

        Raises:
            StoreError: the file was damaged since it was opened.
        """
        try:
            return self._connection.execute(query, values).fetchall()
        except _DAMAGE as error:
            raise database.damaged(self.path, error) from error

    def _aim(self, goal: dict[str, Any]) -> None:
        if goal != self.goal:
            with self._writing():
                self._connection.execute("UPDATE campaign SET goal = ?", [json.dumps(goal)])
            self.goal = goal

    def _take(self, other: Store) -> None:
        marks = ", ".join("?" * 11)
        for row in other._rows("SELECT * FROM shards"):
            try:
                self._connection.execute(f"INSERT INTO shards VALUES ({marks})", row)  # noqa: S608 - question marks
            except sqlite3.IntegrityError as error:
                raise StoreError(
                    f"{other.path} has shard {row[1]} of {row[0]}, and so has another part; give each part once"
                ) from error
        for cluster in other.clusters():
            self._count(cluster.failure, cluster.stratum)
            if cluster.least is not None and cluster.least_got is not None:
                self._put_least(cluster.failure, cluster.least, cluster.least_got)
        self._connection.execute(
            "UPDATE campaign SET seconds = seconds + ?, changed = max(changed, ?)", [other.seconds, other.changed]
        )

    def _put(self, found: Found, now: float) -> None:
        weakest = found.weakest[0] if found.weakest else (None, None, None)
        parents = json.dumps(found.parents) if found.parents else None
        failures = sum(failure.count for failure in found.failures)
        self._connection.execute(
            "INSERT INTO shards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                found.shard.stratum,
                found.shard.number,
                found.cases,
                failures,
                *weakest,
                parents,
                found.seconds,
                now,
                found.host,
            ],
        )
        for failure in found.failures:
            self._count(failure, found.shard.stratum)

    def _put_least(self, failure: Failure, least: Pair, got: str) -> None:
        self._connection.execute(
            "UPDATE clusters SET least_a = ?, least_b = ?, least_got = ? "
            "WHERE place = ? AND word = ? AND a = ? AND b = ?",
            [*least, got, failure.shape.place, failure.shape.carry_word, failure.a, failure.b],
        )

    def _count(self, failure: Failure, stratum: str) -> None:
        values = {
            "place": failure.shape.place,
            "word": failure.shape.carry_word,
            "count": failure.count,
            "stratum": stratum,
            "a": failure.a,
            "b": failure.b,
            "got": failure.got,
            "confirmed": int(failure.confirmed),
        }
        self._connection.execute(_COUNT_FAILURE, values)
        self._connection.execute(_KEEP_SMALLER, values)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with database.transaction(self._connection):
                yield
        except sqlite3.Error as error:
            wrong = database.wrong_write(self.path, error)
            raise type(wrong)(
                f"{wrong}; what was committed before stays, and the same command goes on from there"
            ) from error
