"""The hunt finds what is planted, within its limits, counts it, and shrinks it to the smallest pair."""

from __future__ import annotations

import numpy as np
import pytest

from tests.mutants import MUTANTS, PLAIN, Mutant, drop_carry_after, wrong_where
from verify.errors import SubjectCrashedError, SubjectTimeoutError
from verify.hunt.regions import STRATA, named
from verify.hunt.replay import shrink_from
from verify.hunt.search import Limits, search, shrink
from verify.subject import LocalSubject

PLENTY = Limits(cases=20_000, seconds=60)


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self):
        return self.now


def subject_of(mutant):
    return LocalSubject(mutant.name, mutant)


def test_an_adder_without_fault_passes_every_stratum():
    plain = subject_of(Mutant("plain", "", "", lambda a, b: a + b))

    assert all(search(plain, stratum, Limits(2_000, 60)).failures == 0 for stratum in STRATA.values())


def test_it_counts_the_failures_and_keeps_the_smallest():
    wrong = subject_of(Mutant("odd", "sums", "", wrong_where(lambda a, b: a % 2 == 1)))

    found = search(wrong, named("below-100"), PLENTY)

    assert (found.cases, found.failures, found.complete) == (10_000, 5_000, True)
    assert (found.smallest, found.got) == ((1, 0), 2)


def test_the_same_seed_finds_the_same_pair():
    wrong = subject_of(MUTANTS["carry_dropped_after_3_columns"])

    found = [search(wrong, named("words"), PLENTY, seed=seed).smallest for seed in (1, 1, 2)]

    assert found[0] == found[1] != found[2]


def test_it_stops_at_the_number_of_cases():
    assert search(subject_of(MUTANTS["one_more"]), named("uniform"), Limits(1_234, 60)).cases == 1_234


def test_it_stops_at_the_number_of_seconds_however_slow_the_subject_is():
    clock = Clock()

    def slow(a, b):
        clock.now += 0.002 * len(a)
        return a + b

    found = search(subject_of(Mutant("slow", "", "", slow)), named("uniform"), Limits(10**9, 0.3), clock=clock)

    assert 100 <= found.cases <= 158  # 150, and a batch that is begun is finished
    assert not found.in_time


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

    assert shrink(wrong, found.smallest) == (1, 10**length - 1)


def test_a_lone_pair_is_its_own_smallest():
    wrong = subject_of(MUTANTS["only_counting"])

    assert shrink(wrong, (1_234_567_890, 9_876_543_210)) == (1_234_567_890, 9_876_543_210)


@pytest.mark.parametrize("calls", [0, 1, 5, 20, 40])
def test_shrinking_ends_with_its_time_and_the_smallest_pair_that_it_saw(calls):
    clock, asked = Clock(), []

    def slow(a, b):
        clock.now += 1
        asked.append((int(a[0]), int(b[0])))
        return drop_carry_after(1, 10)(a, b)

    wrong = subject_of(Mutant("slow", "", "", slow))
    asked.clear()
    found = shrink(wrong, (9_876_543_219, 1_234_567_891), seconds=calls, clock=clock)

    whole = 13  # calls, where there is time enough
    failing = [(a, b) for a, b in asked if drop_carry_after(1, 10)(np.array([a]), np.array([b]))[0] != a + b]
    assert len(asked) == min(calls, whole)
    assert found == min([(9_876_543_219, 1_234_567_891), *failing], key=lambda pair: (sum(pair), pair[0]))


def test_an_adder_that_changes_its_mind_is_asked_once_of_each_pair():
    asked = []

    def fickle(a, b):
        asked.append((int(a[0]), int(b[0])))
        return a + b + len(asked) % 2

    wrong = subject_of(Mutant("fickle", "", "", fickle))
    asked.clear()
    found = shrink(wrong, (9_876_543_219, 1_234_567_891))

    assert len(asked) == len(set(asked)) > 3
    assert found in {*asked, (9_876_543_219, 1_234_567_891)}


def test_a_subject_that_is_lost_while_it_is_shrunk_keeps_its_counterexample():
    def dies(pair):
        if sum(pair) < 1_000:
            raise SubjectCrashedError("gone")
        return True

    assert sum(shrink_from((9_876_543_219, 1_234_567_891), dies)) >= 1_000


def test_what_was_counted_before_a_worker_was_lost_is_kept():
    class Dies(LocalSubject):
        def add_batch(self, a, b, *, alone=False):
            if len(a) > 8:
                raise SubjectTimeoutError("it hangs")
            return super().add_batch(a, b, alone=alone)

    found = search(Dies("one_more", MUTANTS["one_more"]), named("uniform"), PLENTY)

    assert (found.cases, found.failures, str(found.lost)) == (8, 8, "it hangs")
    assert not found.in_time


def test_half_of_the_uniform_stratum_is_asked_of_add_itself():
    class Alone(LocalSubject):
        abilities = frozenset()

        def __init__(self):
            self.clock, self.asked = Clock(), []
            super().__init__("plain", PLAIN)
            self.abilities = frozenset()

        def add_batch(self, a, b, *, alone=False):
            self.clock.now += 0.01 * len(a) if alone else 0.0001 * len(a)
            self.way = "add" if alone else "teacher forcing"
            return a + b

    subject = Alone()
    uniform = search(subject, named("uniform"), Limits(10**9, 4), clock=subject.clock)
    words = search(subject, named("words"), Limits(1_000, 4), clock=subject.clock)

    assert 200 <= uniform.ways["add"][0] <= 300
    assert uniform.ways["teacher forcing"][0] > 10_000
    assert words.ways.keys() == {"teacher forcing"}
