"""A campaign moves to where it finds something, breeds from what is decided narrowly, and tells failures by shape."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest

from tests.hunt.campaign_subjects import SPEC, sums
from verify.addition.oracle import forced_tokens, state_tokens
from verify.hunt import session
from verify.hunt.campaign import Goal
from verify.hunt.clusters import Failure, Shape, cluster, shape_of, shrink_failure
from verify.hunt.learning import FLOOR, UNIFORM_SHARE, Frontier, Schedule, Yield, shares
from verify.hunt.margins import KEPT, WEAKEST, Weak, generations, margins, weakest
from verify.hunt.randomness import StableRandom
from verify.hunt.regions import STRATA
from verify.hunt.shards import Part, Shard, pairs_below
from verify.hunt.store import Store
from verify.hunt.work import Found
from verify.subject import LocalSubject


def subject_of(add_batch, **others):
    def add(model, a, b):
        return int(add_batch(model, np.array([a]), np.array([b]))[0])

    return LocalSubject(
        "fake.py",
        SimpleNamespace(build_model=lambda: (None, {}), add=add, add_batch=add_batch, **others),
    )


class TestShares:
    def test_without_yields_all_but_uniform_have_the_same(self):
        found = shares({"uniform": Yield(), "one": Yield(), "two": Yield()})
        assert found == {"uniform": UNIFORM_SHARE, "one": (1 - UNIFORM_SHARE) / 2, "two": (1 - UNIFORM_SHARE) / 2}

    def test_they_sum_to_1(self):
        found = shares({name: Yield(shards, shards % 3, 1 / (1 + shards)) for shards, name in enumerate(STRATA)})
        assert sum(found.values()) == pytest.approx(1)

    def test_a_stratum_with_new_shapes_has_more_and_every_other_its_floor(self):
        found = shares({"uniform": Yield(), "one": Yield(10, 5), "two": Yield(10), "three": Yield(10)})
        floor = (1 - UNIFORM_SHARE) * FLOOR / 3
        assert found["one"] == pytest.approx(floor + (1 - UNIFORM_SHARE) * (1 - FLOOR))
        assert found["two"] == found["three"] == pytest.approx(floor)

    def test_it_has_less_again_when_nothing_new_comes(self):
        soon = shares({"one": Yield(10, 5), "two": Yield(10, 1)})
        late = shares({"one": Yield(1000, 5), "two": Yield(10, 1)})
        assert late["one"] < soon["one"]

    def test_a_stratum_with_the_smallest_margin_has_more(self):
        found = shares({"one": Yield(10, 0, 0.5), "two": Yield(10, 0, 0.1), "three": Yield(10)})
        assert found["two"] > found["one"] > found["three"]

    def test_margins_that_are_all_the_same_say_nothing(self):
        found = shares({"one": Yield(10, 0, 1.0), "two": Yield(10, 0, 1.0), "three": Yield(10)})
        assert found["one"] == found["three"]

    def test_what_uniform_yields_does_not_move_its_share(self):
        assert shares({"uniform": Yield(10, 9, 1e-9), "one": Yield(10)})["uniform"] == UNIFORM_SHARE


class TestSchedule:
    @pytest.fixture
    def store(self, tmp_path):
        session.hunt(
            session.Settings(f"{SPEC}:Right", sandbox="off", goal=Goal(shards=50), store=tmp_path / "hunt.sqlite")
        )
        with closing(Store.read(tmp_path / "hunt.sqlite")) as store:
            yield store

    def test_no_shard_that_is_done_or_was_handed_out_comes_again(self, store):
        schedule = Schedule(store, Part(), shards=None)
        handed_out = [schedule.next() for _ in range(500)]
        assert len(set(handed_out)) == 500
        assert not {shard for shard in handed_out if shard.number in store.numbers(shard.stratum)}

    def test_pairs_are_bred_once_there_are_margins(self, store):
        schedule = Schedule(store, Part(), shards=None)
        assert WEAKEST not in {schedule.next().stratum for _ in range(200)}
        schedule.learn([Found(Shard("words", 9), 1, (), (Weak(0.1, 1, 2),), (), 0.1, "here")])
        assert WEAKEST in {schedule.next().stratum for _ in range(200)}

    def test_a_stratum_with_new_shapes_gets_most_of_the_cases(self, store):
        schedule = Schedule(store, Part(), shards=None)
        failures = tuple(Failure(Shape(place, "g"), 1, 2, "0", 1, confirmed=True) for place in range(9))
        schedule.learn([Found(Shard("runs", 9), 1, failures, (), (), 0.1, "here")])
        given = dict.fromkeys(STRATA, 0)
        for shard in (schedule.next() for _ in range(300)):
            given[shard.stratum] += pairs_below(shard.number + 1) - pairs_below(shard.number)
        total = sum(given.values())
        assert given["runs"] > 0.3 * total
        assert min(given[name] for name, stratum in STRATA.items() if not stratum.fixed) > 0.005 * total

    def test_the_memory_of_what_is_done_does_not_grow(self):
        frontier = Frontier(0, 1, None)
        for number in range(100_000):
            frontier.pass_over(number ^ 1)  # out of order
        assert (frontier.number, frontier.ahead) == (100_000, set())


class TestShapes:
    @pytest.mark.parametrize(
        ("a", "b", "got", "shape"),
        [
            (5, 9995, 0, Shape(4, "kpppg")),
            (1, 1, 3, Shape(0, "k")),
            (9_999_999_999, 1, 0, Shape(10, "pppppppppg")),
            (99, 1, 110, Shape(1, "pg")),
            (10, 80, 0, Shape(1, "pk")),
            (90, 0, 0, Shape(1, "pk")),
            (9, 0, 0, Shape(0, "p")),
            (1, 2, "three", Shape(-1, "")),
            (1, 2, 3 + 10**15, Shape(10, "kk")),
        ],
    )
    def test_a_shape_is_the_first_wrong_place_and_what_decides_its_carry(self, a, b, got, shape):
        assert shape_of(a, b, got) == shape

    def test_failures_are_counted_by_shape_and_the_smallest_kept(self):
        subject = subject_of(lambda _model, a, b: np.where(a > 4, 0, a + b))
        a, b = np.array([8, 5, 6, 70]), np.array([0, 0, 5, 0])
        found = cluster(subject, a, b, np.zeros(4, np.int64))
        assert [(row.shape, row.a, row.b, row.count) for row in found] == [
            (Shape(0, "k"), 5, 0, 2),
            (Shape(0, "g"), 6, 5, 1),
            (Shape(1, "kk"), 70, 0, 1),
        ]
        assert all(row.confirmed for row in found)

    def test_a_failure_that_add_does_not_repeat_is_not_confirmed(self):
        subject = subject_of(lambda _model, a, b: a + b)
        (found,) = cluster(subject, np.array([3]), np.array([4]), np.array([8]))
        assert (found.got, found.confirmed) == ("8", False)

    @pytest.mark.parametrize("length", range(1, 10))
    def test_a_lost_chain_shrinks_to_1_and_nines(self, length):
        subject = subject_of(lambda _model, a, b: sums(a, b, length))
        nines = 10 ** (length - 1) - 1
        a, b = 4_000_000_007 + nines // 9 * 20, 10 * (nines - nines // 9 * 2) + 5
        got = subject.add(a, b)
        found = shrink_failure(subject, Failure(shape_of(a, b, got), a, b, repr(got), 1, confirmed=True))
        assert sorted(found) == [1, 10**length - 1]


class TestBreeding:
    """The subject loses one chosen sum in 10^9, and its margin says how many columns are as in that sum."""

    word = np.array([9, 0, 9, 0, 9, 0, 9, 0, 9])

    def matches(self, a, b):
        digits = (a[:, None] // 10 ** np.arange(9) % 10, b[:, None] // 10 ** np.arange(9) % 10)
        return ((digits[0] == self.word) & (digits[1] == 9 - self.word)).sum(axis=1)

    def subject(self):
        def forced_logits(model, ids, method=None):
            a, b = (((ids[:, :35] >> shift & 1) << np.arange(35)).sum(axis=1) for shift in (1, 0))
            logits = np.zeros((len(ids), 35, 4))
            np.put_along_axis(logits, state_tokens(a, b)[..., None], 1.0, axis=-1)
            return logits * (9 - self.matches(a, b))[:, None, None]

        return subject_of(lambda _model, a, b: a + b - (self.matches(a, b) == 9), forced_logits=forced_logits)

    def test_margins_are_those_of_the_weakest_step(self):
        a, b = np.array([909090909, 5]), np.array([90909090, 4])
        assert margins(self.subject(), a, b).tolist() == [0, 9]
        assert forced_tokens(a, b).shape == (2, 70)

    def test_it_finds_in_thousands_what_chance_would_in_10_to_the_18(self):
        subject, tried = self.subject(), 0
        for (a, b), _ in generations(subject, (), StableRandom("any"), 60_000):  # type: ignore[arg-type]
            tried += len(a)
            if (subject.add_batch(a, b) != a + b).any():
                break
        assert tried < 60_000

    def test_a_bred_shard_is_the_same_every_time(self):
        bred = [list(generations(self.subject(), (), StableRandom("any"), 500)) for _ in range(2)]
        assert all((one[0][0] == other[0][0]).all() for one, other in zip(*bred, strict=True))
        assert sum(len(a) for (a, _), _ in bred[0]) == 500

    def test_wrong_sums_and_such_without_a_margin_are_no_parents(self):
        a = np.arange(5)
        found = weakest(a, a, np.array([np.nan, -1.0, np.inf, 0.5, 0.2]), KEPT)
        assert found == [Weak(0.2, 4, 4), Weak(0.5, 3, 3)]

    def test_a_subject_that_shows_no_logits_has_no_margins(self):
        assert margins(subject_of(lambda _model, a, b: a + b), np.array([1]), np.array([2])) is None

    def test_a_campaign_breeds_and_writes_down_from_what(self, tmp_path):
        path = tmp_path / "hunt.sqlite"
        found = session.hunt(session.Settings(goal=Goal(seconds=3.0), store=path))
        (bred,) = (row for row in found["strata"] if row["name"] == WEAKEST)
        assert bred["cases"] > 0
        assert bred["failure_rate_bound_95"] is None
        with closing(Store.read(path)) as store:
            rows = store._connection.execute("SELECT parents FROM shards WHERE stratum = ?", [WEAKEST]).fetchall()
        assert all(parents for (parents,) in rows)
