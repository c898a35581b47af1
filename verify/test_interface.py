"""An adder is a function of its operands: an int, the same every time, alone or in a batch, in any order."""

from __future__ import annotations

import numpy as np
import pytest

from verify.errors import UndecidedError
from verify.hunt.assertions import assert_answer, require, within
from verify.subject import MAX_OPERAND, Subject

pytestmark = pytest.mark.nature("violated")

PAIRS = [(0, 0), (1, 9), (12, 30), (95, 905), (4_999_999_999, 5_000_000_001), (MAX_OPERAND, 1), (MAX_OPERAND,) * 2]
OUTSIDE_SECONDS = 2.0  # a plain column adder may loop for ever on -1, and be right on every pair
OUT_OF_RANGE = [(-1, 0), (0, -1), (MAX_OPERAND + 1, 0), (0, 2**35)]

pairs = pytest.mark.parametrize(("a", "b"), PAIRS)


@pytest.fixture(scope="module")
def batch() -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(11)
    a, b = source.integers(0, MAX_OPERAND, (2, 90), endpoint=True)
    return np.append(a, [pair[0] for pair in PAIRS]), np.append(b, [pair[1] for pair in PAIRS])


@pytest.mark.nature("suspect", rule="an int comes back")
@pairs
def test_an_int_comes_back(subject: Subject, a: int, b: int) -> None:
    answer = subject.answer(a, b)
    assert answer.type_name == "int", answer.complaint


@pairs
def test_twice_the_same(subject: Subject, a: int, b: int) -> None:
    first, again = subject.add(a, b), subject.add(a, b)
    if first != again:
        assert_answer(a, b, got=first)
        assert_answer(a, b, got=again)
    assert first == again


def test_no_call_remembers_another(subject: Subject) -> None:
    forwards = [subject.add(a, b) for a, b in PAIRS]
    backwards = [subject.add(a, b) for a, b in reversed(PAIRS)]
    if forwards != backwards[::-1]:
        for pair, got in [*zip(PAIRS, forwards, strict=True), *zip(reversed(PAIRS), backwards, strict=True)]:
            assert_answer(*pair, got=got)
    assert forwards == backwards[::-1]


def test_a_batch_is_its_answers_one_by_one(subject: Subject, batch: tuple[np.ndarray, np.ndarray]) -> None:
    require(subject, "add_batch")
    a, b = batch
    alone = [subject.add(x, y) for x, y in PAIRS]
    assert subject.add_batch(a, b)[-len(PAIRS) :].tolist() == alone


def test_the_order_of_a_batch_does_not_matter(subject: Subject, batch: tuple[np.ndarray, np.ndarray]) -> None:
    require(subject, "add_batch")
    a, b = batch
    order = np.random.default_rng(12).permutation(len(a))
    np.testing.assert_array_equal(subject.add_batch(a[order], b[order]), subject.add_batch(a, b)[order])


def test_what_else_is_in_a_batch_does_not_matter(subject: Subject, batch: tuple[np.ndarray, np.ndarray]) -> None:
    require(subject, "add_batch")
    a, b = batch
    zeros = np.zeros(len(a), np.int64)
    padded = subject.add_batch(np.concatenate([a, zeros]), np.concatenate([b, zeros]))
    np.testing.assert_array_equal(padded[: len(a)], subject.add_batch(a, b))


def test_an_empty_batch_has_no_answers(subject: Subject) -> None:
    nothing = np.empty(0, np.int64)
    assert subject.add_batch(nothing, nothing).tolist() == []


@pytest.fixture(scope="module")
def endless() -> list[str]:
    """What came to no end when it was asked for: nothing further is then asked for."""
    return []


@pytest.mark.outside
@pytest.mark.nature("suspect")
@pytest.mark.parametrize(("a", "b"), OUT_OF_RANGE)
def test_an_operand_out_of_range_is_refused(subject: Subject, endless: list[str], a: int, b: int) -> None:
    if endless:
        pytest.skip(endless[0])
    try:
        with within(subject, OUTSIDE_SECONDS):
            answer = subject.answer(a, b)
    except UndecidedError:
        endless.append(f"add({a}, {b}) of {subject.name} came to no end, of which the contract says nothing")
        pytest.skip(endless[0])
    if not answer.raised:
        pytest.skip(f"{subject.name} answers operands out of range, of which the contract says nothing")
    assert answer.text, "an error names what is wrong"
