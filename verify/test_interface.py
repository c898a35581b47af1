"""An adder is a function of its operands: an int, the same every time, alone or in a batch, in any order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from verify.addition.strategies import Pair
from verify.addition.task import Task
from verify.errors import UndecidedError
from verify.hunt import draws
from verify.hunt.assertions import assert_answer, require, within
from verify.subject import Subject

pytestmark = pytest.mark.nature("violated")

PAIRS: dict[str, Callable[[Task], Pair]] = {
    "0-0": lambda _: (0, 0),
    "1-9": lambda _: (1, 9),
    "12-30": lambda _: (12, 30),
    "95-905": lambda _: (95, 905),
    "two halves": lambda task: (task.largest // 2, task.largest // 2 + 2),
    "the largest and 1": lambda task: (task.largest, 1),
    "the largest twice": lambda task: (task.largest, task.largest),
}
OUTSIDE_SECONDS = 2.0  # a plain column adder may loop for ever on -1, and be right on every pair
OUT_OF_RANGE: dict[str, Callable[[Task], Pair]] = {
    "-1 and 0": lambda _: (-1, 0),
    "0 and -1": lambda _: (0, -1),
    "one more than the largest": lambda task: (task.largest + 1, 0),
    "a bit above what any is": lambda task: (0, 2 ** (2 * task.largest).bit_length()),
}

pairs = pytest.mark.parametrize("name", PAIRS)


def pair_of(name: str, task: Task) -> Pair:
    """Return the pair of a name; the test is skipped where it is none of a task."""
    pair = PAIRS[name](task)
    if not task.holds(*pair):
        pytest.skip(f"{pair[0]} + {pair[1]} is no sum of operands of {task}")
    return pair


@pytest.fixture(scope="module")
def known(subject: Subject) -> list[Pair]:
    """The pairs of the subject's task."""
    return [pair for pair in (of(subject.task) for of in PAIRS.values()) if subject.task.holds(*pair)]


@pytest.fixture(scope="module")
def batch(subject: Subject, known: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(11)
    a, b = (subject.task.array(operand) for operand in zip(*known, strict=True))
    drawn = draws.numbers(subject.task, source, 180)
    return np.append(drawn[:90], a), np.append(drawn[90:], b)


@pytest.mark.nature("suspect", rule="an int comes back")
@pairs
def test_an_int_comes_back(subject: Subject, name: str) -> None:
    a, b = pair_of(name, subject.task)
    answer = subject.answer(a, b)
    assert answer.type_name == "int", answer.complaint


@pairs
def test_twice_the_same(subject: Subject, name: str) -> None:
    a, b = pair_of(name, subject.task)
    first, again = subject.add(a, b), subject.add(a, b)
    if first != again:
        assert_answer(a, b, got=first)
        assert_answer(a, b, got=again)
    assert first == again


def test_no_call_remembers_another(subject: Subject, known: list[Pair]) -> None:
    forwards = [subject.add(a, b) for a, b in known]
    backwards = [subject.add(a, b) for a, b in reversed(known)]
    if forwards != backwards[::-1]:
        for pair, got in [*zip(known, forwards, strict=True), *zip(reversed(known), backwards, strict=True)]:
            assert_answer(*pair, got=got)
    assert forwards == backwards[::-1]


def test_a_batch_is_its_answers_one_by_one(
    subject: Subject, known: list[Pair], batch: tuple[np.ndarray, np.ndarray]
) -> None:
    require(subject, "add_batch")
    a, b = batch
    alone = [subject.add(x, y) for x, y in known]
    assert subject.add_batch(a, b)[-len(known) :].tolist() == alone


def test_the_order_of_a_batch_does_not_matter(subject: Subject, batch: tuple[np.ndarray, np.ndarray]) -> None:
    require(subject, "add_batch")
    a, b = batch
    order = np.random.default_rng(12).permutation(len(a))
    np.testing.assert_array_equal(subject.add_batch(a[order], b[order]), subject.add_batch(a, b)[order])


def test_what_else_is_in_a_batch_does_not_matter(subject: Subject, batch: tuple[np.ndarray, np.ndarray]) -> None:
    require(subject, "add_batch")
    a, b = batch
    zeros = np.zeros(len(a), a.dtype)
    padded = subject.add_batch(np.concatenate([a, zeros]), np.concatenate([b, zeros]))
    np.testing.assert_array_equal(padded[: len(a)], subject.add_batch(a, b))


def test_an_empty_batch_has_no_answers(subject: Subject) -> None:
    nothing = subject.task.array([])
    assert subject.add_batch(nothing, nothing).tolist() == []


@pytest.fixture(scope="module")
def endless() -> list[str]:
    """What came to no end when it was asked for: nothing further is then asked for."""
    return []


@pytest.mark.outside
@pytest.mark.nature("suspect")
@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_an_operand_out_of_range_is_refused(subject: Subject, endless: list[str], name: str) -> None:
    a, b = OUT_OF_RANGE[name](subject.task)
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
