"""What is kept outside Hypothesis is replayed by it: the test that fails loudly when an upgrade takes that away."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.database import InMemoryExampleDatabase

from verify.addition.strategies import pairs
from verify.hunt import replay

PAIR = (4_444_444_445, 5_555_555_555)


def property_over(database, seen, phases):
    @settings(database=database, phases=phases, deadline=None, max_examples=2, suppress_health_check=list(HealthCheck))
    @given(pair=pairs())
    def claim(pair):
        seen.append(pair)
        assert sum(pair) != 10**10

    replay.set_key(claim, replay.key_of("claim", "subject"))
    return claim


def test_a_kept_pair_is_the_first_that_its_property_sees():
    database, seen = InMemoryExampleDatabase(), []
    claim = property_over(database, seen, [Phase.reuse, Phase.generate])

    assert replay.keep(database, replay.key_of("claim", "subject"), PAIR)
    with pytest.raises(AssertionError):
        claim()

    assert seen[0] == PAIR


def test_a_kept_pair_is_shrunk_and_the_smallest_is_replayed_next():
    database, seen = InMemoryExampleDatabase(), []
    replay.keep(database, replay.key_of("claim", "subject"), PAIR)
    with pytest.raises(AssertionError):
        property_over(database, [], list(Phase))()

    with pytest.raises(AssertionError):
        property_over(database, seen, [Phase.reuse, Phase.generate])()

    assert seen[0] == (1, 9_999_999_999)


def test_the_pair_of_another_subject_is_not_replayed():
    database, seen = InMemoryExampleDatabase(), []
    replay.keep(database, replay.key_of("claim", "another"), PAIR)

    property_over(database, seen, [Phase.reuse, Phase.generate])()

    assert PAIR not in seen


def test_without_a_database_nothing_is_kept():
    assert not replay.keep(None, b"", PAIR)


def test_without_the_internals_shrinking_starts_from_nothing(monkeypatch):
    monkeypatch.setattr(replay, "choices_to_bytes", None)

    assert replay.shrink_from(PAIR, lambda pair: sum(pair) > 5) != PAIR
    assert replay.shrink_from(PAIR, lambda pair: False) == PAIR
    assert not replay.keep(InMemoryExampleDatabase(), b"", PAIR)
