"""The hunt finds what is planted, within its limits, counts it, and shrinks it to the smallest pair."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.mutants import MUTANTS, Mutant, drop_carry_after, wrong_where
from verify.hunt.regions import STRATA, named
from verify.hunt.search import Limits, search, shrink
from verify.subject import LocalSubject

PLENTY = Limits(cases=20_000, seconds=60)


def subject_of(mutant):
    return LocalSubject(mutant.name, mutant)


def test_an_adder_without_fault_passes_every_stratum():
    plain = subject_of(Mutant("plain", "", "", lambda a, b: a + b))

    assert all(search(plain, stratum, Limits(2_000, 60)).failures == 0 for stratum in STRATA.values())


def test_it_counts_the_failures_and_keeps_the_first():
    wrong = subject_of(Mutant("odd", "sums", "", wrong_where(lambda a, b: a % 2 == 1)))

    found = search(wrong, named("below-100"), PLENTY)

    assert (found.cases, found.failures, found.complete) == (10_000, 5_000, True)
    assert found.first[0] % 2 == 1
    assert found.got == sum(found.first) + 1


def test_the_same_seed_finds_the_same_pair_first():
    wrong = subject_of(MUTANTS["carry_dropped_after_3_columns"])

    first = [search(wrong, named("words"), PLENTY, seed=seed).first for seed in (1, 1, 2)]

    assert first[0] == first[1] != first[2]


def test_it_stops_at_the_number_of_cases():
    assert search(subject_of(MUTANTS["one_more"]), named("uniform"), Limits(1_234, 60)).cases == 1_234


def test_it_stops_at_the_number_of_seconds_however_slow_the_subject_is():
    def slow(a, b):
        time.sleep(0.002 * len(a))
        return a + b

    found = search(subject_of(Mutant("slow", "", "", slow)), named("uniform"), Limits(10**9, 0.3))

    assert 8 <= found.cases < 1_000
    assert found.seconds < 1.5


def test_an_answer_that_is_no_sum_is_a_failure():
    silent = subject_of(Mutant("silent", "smoke", "", lambda a, b: np.full_like(a, -5)))

    assert search(silent, named("one-zero"), Limits(50, 60)).failures == 50


def test_it_tallies_where_carry_chains_were_laid():
    found = search(subject_of(MUTANTS["carry_dropped_after_4_columns"]), named("placed-chains"), PLENTY)
    failed = {(start, length) for _, start, length, _, failures in found.chains if failures}

    assert sum(cases for *_, cases, _ in found.chains) == found.cases
    assert {length for _, length in failed} >= set(range(4, 11))
    assert sum(failures for *_, failures in found.chains) == found.failures


@pytest.mark.parametrize(("length", "seed"), [(1, 0), (2, 1), (3, 2), (7, 3), (10, 4)])
def test_a_lost_chain_shrinks_to_a_one_and_nines(length, seed):
    wrong = subject_of(Mutant("lossy", "carry", "", drop_carry_after(length, 10)))
    found = search(wrong, named("placed-chains"), PLENTY, seed=seed)

    assert shrink(wrong, found.first) == (1, 10**length - 1)


def test_a_lone_pair_is_its_own_smallest():
    wrong = subject_of(MUTANTS["only_counting"])

    assert shrink(wrong, (1_234_567_890, 9_876_543_210)) == (1_234_567_890, 9_876_543_210)


def test_shrinking_ends_when_its_time_is_over():
    calls = []

    def slow(a, b):
        calls.append(1)
        time.sleep(0.01)
        return a + b + 1

    wrong = subject_of(Mutant("slow", "", "", slow))
    shrink(wrong, (9_876_543_210, 1_234_567_890), seconds=0.1)

    assert len(calls) < 40
