"""The cases of a campaign follow from its name, on every platform and with every version of numpy."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from verify.addition.oracle import MAX_OPERAND
from verify.errors import UsageError
from verify.hunt.randomness import StableRandom
from verify.hunt.regions import STRATA
from verify.hunt.shards import (
    FEWEST_PAIRS,
    MOST_PAIRS,
    Part,
    Shard,
    operands,
    pairs_below,
    plan,
    shards_of,
)

# Of the operands of shard 3 of the campaign "pinned". One that changes ends all campaigns that are under way: raise the
# version of the suite, and say so in CHANGELOG.md. For a new stratum take the digest from the failure.
PINNED = {
    "placed-chains": "a7f06007525024ef",
    "stopped-chains": "e56d5795e6b2f691",
    "two-chains": "25024cbacdbb1364",
    "one-generate": "60196dadc3c5146d",
    "words": "79b27e107858551e",
    "carry-masks": "1fb744fb9f5dd8e1",
    "bit-chains": "be55b8c68838fbab",
    "bit-words": "8e83748f9aa15e2e",
    "columns": "e224ca559e345639",
    "lone-columns": "1596862f258679fe",
    "alphabets": "e9fd2429f7ce8fa5",
    "sparse": "199632916d47aa2c",
    "changed-digit": "8d60185bd8004348",
    "uniform": "71c4c046672e5c27",
    "below-100": "71605ad35fddc27b",
    "any-width": "eb7de9f7574a082b",
    "short-against-long": "0f344301d395ffbe",
    "near-powers": "cbc153841477ee26",
    "round-totals": "480d0d929752b697",
    "runs": "52622e7116757ffa",
    "trailing-zeros": "0cc263052dd0c792",
    "one-zero": "459df9572e4bc54b",
    "equal": "9184a467ceba32ad",
    "repeated-digits": "810c3d2a44fe1afe",
    "palindromes": "f069b8c33f76030c",
    "reversed": "264c406ef5842766",
    "doubled": "33d1391d9ef302bd",
    "neighbours": "5284111451130e86",
}


def digest(drawn):
    return hashlib.sha256(b"".join(operand.astype("<i8").tobytes() for operand in drawn)).hexdigest()[:16]


@pytest.mark.parametrize("name", STRATA)
def test_operands_are_those_that_are_pinned(name):
    assert digest(operands("pinned", Shard(name, 3))) == PINNED.get(name)


def test_every_pinned_stratum_is_there():
    assert PINNED.keys() == STRATA.keys()


def test_raw_words_are_those_of_philox():
    # numpy's own promise covers these; they follow from the algorithm of Salmon et al. (2011)
    assert StableRandom("pinned").integers(0, 2**33, 3).tolist() == [6872228565, 2570797818, 5592092748]


@pytest.mark.parametrize("name", STRATA)
@pytest.mark.parametrize("number", [0, 7])
def test_operands_are_in_range(name, number):
    a, b = operands("any", Shard(name, number))
    assert min(a.min(), b.min()) >= 0
    assert max(a.max(), b.max()) <= MAX_OPERAND


def test_names_strata_and_numbers_draw_different_operands():
    shards = [Shard("uniform", 0), Shard("uniform", 1), Shard("any-width", 0)]
    assert len({digest(operands(name, shard)) for name in ("one", "other") for shard in shards}) == 6


@pytest.mark.parametrize("name", [stratum.name for stratum in STRATA.values() if stratum.fixed])
def test_the_shards_of_a_listed_stratum_hold_each_of_its_pairs_once(name):
    stratum = STRATA[name]
    drawn = [operands("any", Shard(name, number)) for number in range(shards_of(stratum))]
    pairs = np.concatenate([np.stack(each, axis=1) for each in drawn])
    every = np.stack(stratum.draw(np.random.default_rng(0), np.arange(stratum.size)), axis=1)
    assert sorted(map(tuple, pairs)) == sorted(map(tuple, every))


def test_the_first_shards_of_an_exhaustive_stratum_hold_each_of_its_cases(monkeypatch):
    stratum, cases = STRATA["words"], []
    monkeypatch.setitem(STRATA, "words", replace(stratum, draw=lambda _random, drawn: cases.append(drawn)))
    for number in range(41):
        operands("any", Shard("words", number))
    drawn = np.concatenate(cases)
    assert np.array_equal(np.unique(drawn[: stratum.size]), np.arange(stratum.size))
    assert not np.array_equal(drawn[: stratum.size], np.arange(stratum.size))


def test_shards_grow_from_small_to_large_and_no_pair_is_in_two():
    sizes = [pairs_below(number + 1) - pairs_below(number) for number in range(200)]
    assert (sizes[0], sizes[-1]) == (FEWEST_PAIRS, MOST_PAIRS)
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("parts", [1, 2, 3, 23, 40])
def test_every_shard_is_in_one_part(parts):
    owned = [
        (index, number)
        for part in range(1, parts + 1)
        for index in range(len(STRATA))
        for number in range(Part(part, parts).first(index), 100, parts)
    ]
    assert sorted(owned) == [(index, number) for index in range(len(STRATA)) for number in range(100)]


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "", "1/2/3"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(UsageError, match="is no part of a campaign; give i/N"):
        Part.parse(text)


def test_a_plan_takes_the_strata_in_turn_and_ends_with_listed_ones():
    shards = list(plan(2_000))
    assert len(set(shards)) == 2_000
    assert [shard.stratum for shard in shards[: len(STRATA)]] == list(STRATA)
    assert sum(shard.stratum == "below-100" for shard in shards) == shards_of(STRATA["below-100"])


class TestStableRandom:
    def test_integers_have_the_bounds_that_are_asked_for(self):
        random = StableRandom("any")
        assert set(random.integers(3, 6, 1000).tolist()) == {3, 4, 5}
        assert set(random.integers(3, 6, 1000, endpoint=True).tolist()) == {3, 4, 5, 6}
        assert set(random.integers([0, 7], [1, 9], (100, 2))[:, 1].tolist()) == {7, 8}

    def test_integers_of_a_large_span_fill_it(self):
        drawn = StableRandom("any").integers(0, 10**10, 100_000)
        counts = np.bincount(drawn // 10**9, minlength=10)
        assert abs(counts - 10_000).max() < 500  # five standard deviations

    def test_the_last_incomplete_span_of_words_is_drawn_anew(self):
        drawn = StableRandom("any").integers(0, 3 << 30, 60_000)  # modulo alone would draw the first third twice
        assert abs(np.bincount(drawn >> 30, minlength=3) - 20_000).max() < 600

    def test_random_is_even_between_0_and_1(self):
        drawn = StableRandom("any").random((1000, 100))
        assert drawn.min() >= 0
        assert drawn.max() < 1
        assert abs(np.bincount((drawn.ravel() * 10).astype(int), minlength=10) - 10_000).max() < 500

    def test_choice_takes_every_option(self):
        assert set(StableRandom("any").choice([2, 5], (50, 2)).ravel().tolist()) == {2, 5}

    def test_a_draw_that_is_not_stable_is_not_offered(self):
        with pytest.raises(AttributeError, match="standard_normal"):
            StableRandom("any").standard_normal(3)
