"""A store holds a shard whole or not at all, belongs to one campaign, and has one writer."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace

import pytest

from verify.errors import StoreError, StoreWriteError
from verify.hunt.clusters import Failure, Shape
from verify.hunt.identity import Identity
from verify.hunt.margins import Weak
from verify.hunt.shards import Shard
from verify.hunt.store import Store
from verify.hunt.work import Found

IDENTITY = Identity("hunt", "adder.py", "ab", "cd", None, "0.1.0", "ef")
SUBJECT = {"spec": "adder.py", "name": "an adder"}
GOAL = {"shards": 3, "seconds": None}
CARRY = Shape(3, "kppg")


def found(number, *failures, stratum="uniform", weakest=()):
    return Found(Shard(stratum, number), 256, tuple(failures), tuple(weakest), (), 0.5, "here")


def failure(a, b, count=1, shape=CARRY, *, confirmed=True):
    return Failure(shape, a, b, "0", count, confirmed=confirmed)


@contextlib.contextmanager
def opened(path, identity=IDENTITY, **options):
    with contextlib.closing(Store.open(path, identity, SUBJECT, goal=GOAL, **options)) as store:
        yield store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hunt.sqlite"


class TestCommit:
    def test_what_was_committed_is_there_after_opening_again(self, path):
        with opened(path) as store:
            store.commit([found(0, failure(5, 5, 3)), found(1)], 2.5)
        with opened(path) as store:
            assert [(total.shards, total.cases, total.failures) for total in store.totals()] == [(2, 512, 3)]
            assert store.seconds == 2.5
            assert list(store.numbers("uniform")) == [0, 1]

    def test_a_shard_cannot_be_counted_twice(self, path):
        with opened(path) as store:
            store.commit([found(0, failure(5, 5))], 1.0)
            with pytest.raises(StoreWriteError, match="UNIQUE constraint failed"):
                store.commit([found(1), found(0, failure(5, 5))], 2.0)
            assert list(store.numbers("uniform")) == [0]
            assert store.clusters()[0].failure.count == 1
            assert store.seconds == 1.0

    def test_an_interruption_within_a_commit_leaves_nothing_of_it(self, path):
        def interrupted():
            yield found(0, failure(5, 5))
            raise KeyboardInterrupt

        with opened(path) as store:
            with pytest.raises(KeyboardInterrupt):
                store.commit(interrupted(), 1.0)
            store.commit([found(1)], 1.0)
            assert list(store.numbers("uniform")) == [1]
            assert store.clusters() == []

    def test_a_full_disk_leaves_the_store_as_it_was(self, path):
        with opened(path) as store:
            store.commit([found(0, failure(5, 5))], 1.0)
            pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
            store._connection.execute(f"PRAGMA max_page_count = {pages}")
            with pytest.raises(StoreWriteError, match=r"full.*what was committed before stays"):
                store.commit([found(number, failure(6, number)) for number in range(1, 1000)], 2.0)
        with opened(path) as store:
            assert list(store.numbers("uniform")) == [0]
            store.commit([found(1)], 2.0)
            assert list(store.numbers("uniform")) == [0, 1]

    def test_the_smallest_margins_come_first(self, path):
        with opened(path) as store:
            store.commit([found(0, weakest=[Weak(0.5, 1, 2), Weak(0.7, 3, 4)]), found(1, weakest=[Weak(0.1, 5, 6)])], 1)
            assert store.weakest(5) == [Weak(0.1, 5, 6), Weak(0.5, 1, 2)]

    def test_hosts_are_told_apart(self, path):
        with opened(path) as store:
            store.commit([found(0), replace(found(1), host="there")], 1)
            assert store.hosts() == {"here": 256, "there": 256}


class TestClusters:
    def test_the_smallest_failure_of_a_shape_is_kept_whatever_the_order(self, path):
        with opened(path) as store:
            store.commit([found(0, failure(5, 15, 2)), found(1, failure(4, 6, 3)), found(2, failure(7, 9))], 1.0)
            (cluster,) = store.clusters()
        assert (cluster.failure.a, cluster.failure.b, cluster.failure.count) == (4, 6, 6)

    def test_one_that_add_confirms_goes_before_a_smaller_one_that_it_does_not(self, path):
        with opened(path) as store:
            store.commit([found(0, failure(50, 50)), found(1, failure(1, 1, confirmed=False))], 1.0)
            assert store.clusters()[0].failure.a == 50

    def test_what_it_shrinks_to_is_forgotten_when_a_smaller_one_comes(self, path):
        with opened(path) as store:
            store.commit([found(0, failure(50, 50))], 1.0)
            store.keep_least(failure(50, 50), (1, 9), "0")
            assert store.clusters()[0].least == (1, 9)
            store.commit([found(1, failure(40, 40))], 1.0)
            assert store.clusters()[0].least is None
            store.keep_least(failure(50, 50), (1, 9), "0")  # it comes late
            assert store.clusters()[0].least is None


class TestOpening:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"sha256": "00"}, "the digest of the subject's source is ab, not 00"),
            ({"weights": "00"}, "the digest of its weights is cd, not 00"),
            ({"version": "0.2.0"}, "the version of the suite is 0.1.0, not 0.2.0"),
            ({"subject": "other.py"}, "the subject is adder.py, not other.py"),
            ({"name": "other"}, "the campaign's name is hunt, not other"),
            ({"method": "scan"}, "the way of decoding is none, not scan"),
            ({"cases": "00"}, "the digest of what the strata draw is ef, not 00"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_another_campaign_is_refused_and_the_store_untouched(self, path, change, reason):
        with opened(path) as store:
            store.commit([found(0)], 1.0)
        before = path.read_bytes()
        with pytest.raises(StoreError, match=reason):
            Store.open(path, replace(IDENTITY, **change), SUBJECT, goal=GOAL)
        assert path.read_bytes() == before

    def test_another_part_is_refused(self, path):
        with opened(path, part="1/4"):
            pass
        with pytest.raises(StoreError, match="it holds part 1/4, not 2/4"):
            Store.open(path, IDENTITY, SUBJECT, part="2/4", goal=GOAL)

    def test_a_second_driver_is_refused_and_comes_in_after_the_first(self, path):
        with opened(path), pytest.raises(StoreError, match="in use by another driver"):
            Store.open(path, IDENTITY, SUBJECT, goal=GOAL)
        with opened(path) as store:
            assert store.totals() == []

    def test_a_reader_is_not_refused(self, path):
        with opened(path) as store, contextlib.closing(Store.read(path)) as reader:
            store.commit([found(0)], 1.0)
            assert reader.totals()[0].cases == 256

    @pytest.mark.parametrize("content", [b"notes", b"x" * 10_000, b"SQLite format 3\0" + b"\1" * 4096])
    def test_a_file_that_is_no_store_is_refused_and_untouched(self, path, content):
        path.write_bytes(content)
        with pytest.raises(StoreError, match="is no store of a campaign"):
            Store.open(path, IDENTITY, SUBJECT, goal=GOAL)
        assert path.read_bytes() == content
        assert [each.name for each in path.parent.iterdir()] == [path.name]

    def test_a_database_of_something_else_is_refused(self, path):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE notes (text)")
        with pytest.raises(StoreError, match="is a database, but no store"):
            Store.open(path, IDENTITY, SUBJECT, goal=GOAL)

    def test_a_store_of_a_later_version_is_refused(self, path):
        with opened(path):
            pass
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 9")
        with pytest.raises(StoreError, match="is a store of version 9, but 1 is understood"):
            Store.read(path)

    def test_a_store_whose_campaign_is_damaged_is_refused(self, path):
        with opened(path):
            pass
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE campaign SET identity = 'torn'")
        with pytest.raises(StoreError, match="is damaged"):
            Store.read(path)

    def test_an_empty_file_is_a_new_store(self, path):
        path.touch()
        with opened(path) as store:
            assert store.totals() == []

    def test_a_folder_is_refused(self, tmp_path):
        with pytest.raises(StoreError, match="is a folder"):
            Store.open(tmp_path, IDENTITY, SUBJECT, goal=GOAL)

    def test_a_missing_folder_is_refused(self, tmp_path):
        with pytest.raises(StoreError, match="there is no folder"):
            Store.open(tmp_path / "none" / "hunt.sqlite", IDENTITY, SUBJECT, goal=GOAL)

    def test_a_store_that_is_not_there_cannot_be_read(self, path):
        with pytest.raises(StoreError, match="there is no store"):
            Store.read(path)

    def test_what_a_killed_driver_left_half_written_is_rolled_back_for_a_reader(self, path, tmp_path):
        with opened(path) as store:
            store.commit([found(0)], 1.0)
            connection = store._connection
            connection.execute("PRAGMA cache_size = 1")  # so that pages reach the file before the commit
            connection.execute("BEGIN IMMEDIATE")
            for number in range(1, 3000):
                store._put(found(number), 1.0)
            copy = tmp_path / "killed.sqlite"
            copy.write_bytes(path.read_bytes())
            journal = path.with_name(f"{path.name}-journal")
            copy.with_name(f"{copy.name}-journal").write_bytes(journal.read_bytes())
            connection.execute("ROLLBACK")
        with contextlib.closing(Store.read(copy)) as reader:
            assert list(reader.numbers("uniform")) == [0]


class TestTaking:
    @pytest.fixture
    def parts(self, tmp_path):
        paths = [tmp_path / "one.sqlite", tmp_path / "two.sqlite"]
        with opened(paths[0], part="1/2") as store:
            store.commit([found(0, failure(5, 15, 2)), found(2)], 1.0)
        with opened(paths[1], part="2/2") as store:
            store.commit([found(1, failure(4, 6, 3))], 2.0)
            store.keep_least(failure(4, 6), (1, 9), "0")
        return paths

    def test_parts_add_up(self, path, parts):
        with opened(path, part="merged") as store:
            for part in parts:
                store.take(part)
            assert store.totals()[0].cases == 768
            assert store.clusters()[0].failure == failure(4, 6, 5)
            assert store.clusters()[0].least == (1, 9)
            assert store.seconds == 3.0

    def test_a_part_that_is_given_twice_is_refused_and_nothing_of_it_taken(self, path, parts):
        with opened(path, part="merged") as store:
            store.take(parts[0])
            with pytest.raises(StoreError, match="has shard 0 of uniform, and so has another part"):
                store.take(parts[0])
            assert store.clusters()[0].failure.count == 2

    def test_a_part_of_another_campaign_is_refused(self, path, tmp_path, parts):
        other = tmp_path / "other.sqlite"
        with opened(other, replace(IDENTITY, weights="00")):
            pass
        with (
            opened(path, part="merged") as store,
            pytest.raises(StoreError, match="is of another campaign: the digest"),
        ):
            store.take(other)
