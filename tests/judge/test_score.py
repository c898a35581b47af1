"""The leaderboard's score is reproduced exactly."""

from __future__ import annotations

import random

import numpy as np
import pytest

from verify.judge.score import cases, longest_chains, score
from verify.subject import LocalSubject


class Losing:
    """Right, but where the longest carry chain has at least so many columns."""

    def __init__(self, length):
        self.length = length

    def build_model(self):
        """Return no model."""
        return None, {}

    def add(self, _model, a, b):
        """Return the sum, or one less."""
        chain = longest_chains(np.array([a]), np.array([b]))[0]
        return a + b - (chain >= self.length)


def test_the_cases_are_the_leaderboards():
    a, b = cases()
    source = random.Random(2025)
    assert (len(a), a[0], b[0], a[9], b[9]) == (10_010, 0, 0, 1, 9_999_999_999)
    assert (a[10], b[10]) == (source.randint(0, 9_999_999_999), source.randint(0, 9_999_999_999))


def test_a_right_adder_qualifies():
    found = score(LocalSubject("right", Losing(99)))
    assert (found["correct"], found["total"], found["accuracy"], found["qualified"]) == (10_010, 10_010, 100.0, True)
    assert (sum(found["chains"]), found["failures"]) == (10_010, [])


def test_an_adder_that_loses_long_chains_qualifies_all_the_same():
    found = score(LocalSubject("losing", Losing(6)))
    assert found["qualified"]
    assert found["correct"] == sum(found["chains"][:6])


def test_the_threshold_is_99_percent():
    found = score(LocalSubject("losing", Losing(2)))
    assert not found["qualified"]
    assert len(found["failures"]) == 20
    assert found["failures"][0]["got"] == found["failures"][0]["expected"] - 1


@pytest.mark.parametrize(
    ("a", "b", "length"),
    [(0, 0, 0), (4, 5, 0), (9, 1, 1), (95, 5, 2), (9_999_999_999, 1, 10), (9_999_999_999, 9_999_999_999, 1)],
)
def test_a_chain_is_a_generate_and_the_propagates_above_it(a, b, length):
    assert longest_chains(np.array([a]), np.array([b])).tolist() == [length]


def test_text_counts_as_wrong_as_it_does_on_the_leaderboard():
    class Text(Losing):
        def add(self, model, a, b):
            return str(super().add(model, a, b))

    assert score(LocalSubject("text", Text(99)))["correct"] == 0
