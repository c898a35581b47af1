"""Each stratum holds what its sentence says, is the same for a seed, and covers all of its cases where it can."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from tests.mutants import MUTANTS
from verify.addition import oracle
from verify.addition.oracle import MAX_OPERAND, PLACES
from verify.addition.task import Task
from verify.errors import UsageError
from verify.hunt import regions, strata
from verify.hunt.carry_regions import _spans
from verify.hunt.digit_regions import _pairs_with_sum
from verify.hunt.draws import realise
from verify.hunt.regions import STRATA, named, strata_of

EVERY = pytest.mark.parametrize("stratum", STRATA.values(), ids=lambda stratum: stratum.name)


def repeats_together(a, b):
    return re.search(r"(..)\1", "".join(x + y for x, y in zip(f"{a:010}", f"{b:010}", strict=True))) is not None


def is_palindrome(number):
    return str(number) == str(number)[::-1]


def is_reversed(a, b):
    """Return whether the lowest columns of b, however many, are those of a in reverse, and nothing stands above."""
    return any(f"{a:0{width}}" == f"{b:0{width}}"[::-1] for width in range(1, PLACES + 1))


def take(name, count, seed=0):
    cases, a, b = named(name).stream(seed).take(count)
    return cases.tolist(), list(zip(a.tolist(), b.tolist(), strict=True))


@EVERY
def test_a_batch_holds_operands(stratum):
    _, a, b = stratum.stream(3).take(5_000)

    assert a.dtype == b.dtype == np.int64
    assert min(a.min(), b.min()) >= 0
    assert max(a.max(), b.max()) <= MAX_OPERAND


@EVERY
def test_a_seed_gives_the_same_batch_again_and_another_seed_another(stratum):
    first, again, other = (stratum.stream(seed).take(100)[1:] for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@EVERY
def test_a_stratum_is_fixed_where_a_case_is_one_pair(stratum):
    cases = np.arange(stratum.size or 1_000)

    first, second = (stratum.draw(np.random.default_rng(seed), cases) for seed in (1, 2))

    assert stratum.fixed == np.array_equal(first, second)


@EVERY
def test_a_stratum_says_what_lies_in_it(stratum):
    assert stratum.sentence.endswith(".")
    assert stratum in strata_of(stratum.family)


@EVERY
def test_its_strategy_yields_operands(stratum):
    quiet = settings(database=None, max_examples=20, phases=[Phase.generate], suppress_health_check=list(HealthCheck))

    a, b = find(stratum.strategy, lambda pair: True, settings=quiet)

    assert 0 <= a <= MAX_OPERAND
    assert 0 <= b <= MAX_OPERAND


@pytest.mark.parametrize("name", [name for name, stratum in STRATA.items() if stratum.size])
def test_an_exhaustive_stratum_comes_to_every_case_before_one_comes_again(name):
    size = named(name).size
    stream = named(name).stream(0)
    cases = np.concatenate([stream.take(count)[0] for count in (size // 3, size - size // 3)])

    assert np.array_equal(np.sort(cases), np.arange(size))
    assert stream.complete


def test_a_fixed_stratum_ends_and_another_begins_again():
    fixed, endless = named("below-100").stream(0), named("carry-masks").stream(0)

    assert len(fixed.take(20_000)[0]) == 10_000
    assert fixed.exhausted
    assert len(fixed.take(1)[0]) == 0
    assert len(endless.take(3_000)[0]) == 3_000
    assert not endless.exhausted


def test_a_placed_chain_stands_where_its_case_says():
    for case, (a, b) in zip(*take("placed-chains", 300), strict=True):
        start, end = _spans(PLACES)[case].tolist()
        assert oracle.word(a, b)[start:end] == ("generate",) + ("propagate",) * (end - start - 1)


def test_a_stopped_chain_ends_at_a_kill():
    for case, (a, b) in zip(*take("stopped-chains", 300), strict=True):
        assert (*oracle.word(a, b), "kill")[_spans(PLACES)[case][1]] == "kill"


def test_two_chains_are_apart():
    for _, (a, b) in zip(*take("two-chains", 300), strict=True):
        assert len(oracle.chains(a, b)) == 2


def test_all_59_049_words_come():
    assert len({oracle.word(a, b) for a, b in take("words", 3**PLACES)[1]}) == 3**PLACES


def test_a_carry_mask_is_the_set_of_columns_that_a_carry_leaves():
    for case, (a, b) in zip(*take("carry-masks", 300), strict=True):
        assert sum(column.carry_out << column.place for column in oracle.columns(a, b)) == case


def test_one_generate_stands_among_propagates():
    for case, (a, b) in zip(*take("one-generate", 50), strict=True):
        assert [kind for kind in oracle.word(a, b) if kind != "propagate"] == ["generate"]
        assert oracle.word(a, b)[case] == "generate"


@pytest.mark.parametrize("name", ["columns", "lone-columns"])
def test_every_column_gets_every_pair_of_digits_with_every_carry(name):
    seen = {
        (column.place, column.a, column.b, column.carry_in)
        for _, (a, b) in zip(*take(name, 1_900), strict=True)
        for column in oracle.columns(a, b)
    }

    assert len(seen) == 1_900


def test_all_pairs_below_100_come():
    assert set(take("below-100", 10_000)[1]) == {(a, b) for a in range(100) for b in range(100)}


@pytest.mark.parametrize(("name", "holds"), [
    ("alphabets", lambda a, b: any(set(f"{a:010}{b:010}") <= set(x) for x in ("09", "019", "0189", "45"))),
    ("sparse", lambda a, b: sum(digit != "0" for digit in str(a)) <= 3 and sum(digit != "0" for digit in str(b)) <= 3),
    ("short-against-long", lambda a, b: min(a, b) < 10_000),
    ("round-totals", lambda a, b: min(abs(a + b - 10**place) for place in range(12)) <= 10),
    ("trailing-zeros", lambda a, b: a % 10 == b % 10 == 0),
    ("one-zero", lambda a, b: 0 in (a, b)),
    ("equal", lambda a, b: a == b),
    ("repeated-digits", lambda a, b: repeats_together(a, b)),
    ("palindromes", lambda a, b: is_palindrome(a) and is_palindrome(b)),
    ("reversed", lambda a, b: is_reversed(a, b)),
    ("doubled", lambda a, b: a == 2 * b or b == 2 * a),
    ("neighbours", lambda a, b: abs(a - b) == 1),
])  # fmt: skip
def test_its_sentence_holds(name, holds):
    assert all(holds(a, b) for a, b in take(name, 2_000)[1])


PATTERNS = {  # holds of all that the strategy of a stratum yields; a rare pair; the smallest one, and that above 100
    "repeated-digits": (
        repeats_together,
        lambda a, b: len({*f"{a:010}"}) == len({*f"{b:010}"}) == 1 and 0 < a != b,
        [(0, 0), (111, 0)],
    ),
    "palindromes": (
        lambda a, b: is_palindrome(a) and is_palindrome(b),
        lambda a, b: min(a, b) > 10**9,
        [(1, 1), (101, 1)],
    ),
    "reversed": (is_reversed, lambda a, b: min(a, b) > 10**9 and a != b, [(0, 0), (100, 1)]),
    "doubled": (lambda a, b: 2 * a == b or a == 2 * b, lambda a, b: b > a > 10**9, [(0, 0), (100, 200)]),
    "neighbours": (lambda a, b: abs(a - b) == 1, lambda a, b: a > b > 10**9, [(0, 1), (100, 101)]),
}
REPEATABLE = settings(
    database=None, deadline=None, derandomize=True, max_examples=3_000, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_strategy_of_patterns_yields_nothing_else(name):
    holds, _, _ = PATTERNS[name]

    @settings(REPEATABLE, max_examples=200)
    @given(named(name).strategy)
    def yields(pair):
        assert 0 <= min(pair) <= max(pair) <= MAX_OPERAND
        assert holds(*pair)

    yields()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_strategy_of_patterns_reaches_the_rare(name):
    _, rare, _ = PATTERNS[name]

    assert rare(
        *find(named(name).strategy, lambda pair: rare(*pair), settings=settings(REPEATABLE, phases=[Phase.generate]))
    )


@pytest.mark.parametrize("name", PATTERNS)
def test_a_strategy_of_patterns_shrinks_to_something_readable(name):
    _, _, smallest = PATTERNS[name]

    found = [
        find(named(name).strategy, lambda pair, least=least: pair[0] >= least, settings=REPEATABLE)
        for least in (0, 100)
    ]

    assert found == smallest


@pytest.mark.parametrize(("name", "mutant"), [
    ("repeated-digits", "fours_on_sevens"),
    ("palindromes", "two_palindromes"),
    ("reversed", "reversed_operands"),
    ("doubled", "doubled_operand"),
    ("neighbours", "neighbouring_operands"),
])  # fmt: skip
def test_of_all_strata_one_of_patterns_finds_its_mutant_most_often(name, mutant):
    wrong = MUTANTS[mutant]

    def failures(stratum):
        _, a, b = stratum.stream(0).take(wrong.cases)
        return np.count_nonzero(wrong.sums(a, b) != a + b)

    found = {stratum.name: failures(stratum) for stratum in STRATA.values()}

    assert found[name] >= 5
    assert sum(found.values()) - found[name] <= found[name] / 5


@pytest.mark.parametrize("base", [2, 10])
def test_columns_of_a_kind_are_drawn_evenly(base):
    kinds = np.tile(np.arange(3), (30_000, 1))
    a, b = realise(np.random.default_rng(0), kinds, base)
    drawn, counts = np.unique(np.stack([a // base % base, b // base % base]), axis=1, return_counts=True)

    assert set((drawn[0] + drawn[1]).tolist()) == {base - 1}
    assert counts.min() > 0.9 * 30_000 / base


def test_an_unknown_stratum_is_refused_with_the_names_of_all():
    with pytest.raises(UsageError, match="no stratum is named 'nowhere'; there are: placed-chains, "):
        named("nowhere")


def test_an_author_adds_a_stratum_in_ten_lines(monkeypatch):
    monkeypatch.setattr(strata, "RULES", {})
    monkeypatch.setattr(strata, "STRATA", {})
    small = st.integers(0, 7)

    @strata.stratum("small", family="sums", strategy=lambda task: st.tuples(small, small), size=64)
    def _small(task, random, cases):
        """Every pair of operands below 8."""
        return cases // 8, cases % 8

    found = strata.RULES["small"].at(Task())
    assert found.sentence == "Every pair of operands below 8."
    assert len(found.stream(0).take(64)[0]) == 64
    assert {"small": found} == strata.STRATA
    assert regions.RULES is not strata.RULES


LIES_IN = {
    "trailing-zeros": lambda a, b: (a % 10 == 0) & (b % 10 == 0),
    "uniform": lambda a, b: a >= 0,
}


@pytest.mark.parametrize("name", LIES_IN)
def test_the_share_of_a_stratum_is_that_of_uniform_pairs_that_lie_in_it(name):
    a, b = np.random.default_rng(0).integers(0, MAX_OPERAND + 1, (2, 1_000_000))

    assert LIES_IN[name](a, b).mean() == pytest.approx(named(name).share, rel=0.02)


def test_pairs_with_each_sum_are_all_pairs():
    counts = [_pairs_with_sum(total, Task(2)) for total in range(199)]

    assert sum(counts) == 100**2
    assert counts[0] == counts[198] == 1


def test_the_pairs_that_lie_in_a_stratum_are_counted_in_small():
    digits = [(a, b) for a in range(10) for b in range(10)]

    assert sum(a + b > 9 for a, b in digits) == 45
    assert sum(a + b == 9 for a, b in digits) == 10
    assert named("one-generate").share == pytest.approx(10 * 0.45 * 1e-9)
