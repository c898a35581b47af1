"""The answers do not hang on how numbers are held: type, threads, size of the batch, or the compiler."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import numpy as np
import pytest

from verify.addition.oracle import WIDTH, transition_table
from verify.anatomy.numerics import TYPES, margins, ulp
from verify.hunt import draws
from verify.hunt.assertions import assert_sum, require
from verify.subject import Subject

pytestmark = pytest.mark.nature("suspect")

SIZES = (1, 2, 3, 127, 1_024, 32_769, 100_000)


@pytest.fixture(scope="module")
def contexts() -> np.ndarray:
    """Sequences, int64 (256, 70), of random tokens: all 16 contexts at every step, beside many others."""
    return np.random.default_rng(0).integers(0, 4, (256, 2 * WIDTH))


@pytest.fixture(scope="module")
def expected(contexts: np.ndarray) -> np.ndarray:
    """The right state after every context, int64 (256, 35)."""
    return np.asarray(transition_table()[contexts[:, :WIDTH], contexts[:, WIDTH:]])


@pytest.mark.nature("ok")  # what an adder is declares no other type than its own
@pytest.mark.parametrize("dtype", TYPES)
def test_every_transition_stays_right_in_this_type(
    subject: Subject,
    contexts: np.ndarray,
    expected: np.ndarray,
    dtype: str,
    record_property: Callable[[str, object], None],
) -> None:
    require(subject, "forced_logits")
    require(subject, "module")

    logits = subject.ask("forced_logits_in", ids=contexts, dtype=dtype)
    overflows = int(np.count_nonzero(~np.isfinite(logits)))
    assert overflows == 0, f"in {dtype} {overflows} of {logits.size} logits overflow"
    margin, largest = float(margins(logits, expected).min()), float(np.abs(logits).max())
    record_property("adder.margin", {"dtype": dtype, "margin": margin, "largest": largest, "ulp": ulp(largest, dtype)})

    assert margin > 0, f"in {dtype} the right state leads by {margin}, but must lead"


def test_threads_change_no_choice(subject: Subject, contexts: np.ndarray) -> None:
    require(subject, "forced_logits")
    require(subject, "module")

    one, many = (subject.ask("forced_logits_on", ids=contexts, threads=threads) for threads in (1, os.cpu_count() or 2))

    assert np.array_equal(one.argmax(axis=-1), many.argmax(axis=-1))


def test_no_choice_hangs_on_the_sequences_beside_it(
    subject: Subject, contexts: np.ndarray, expected: np.ndarray
) -> None:
    require(subject, "forced_logits")

    alone = np.concatenate([subject.ask("forced_logits", ids=contexts[[row]]) for row in range(32)])

    assert np.array_equal(alone.argmax(axis=-1), expected[:32])


@pytest.mark.nature("violated")
@pytest.mark.parametrize("size", SIZES)
def test_a_batch_of_any_size_is_added_right(subject: Subject, size: int) -> None:
    require(subject, "add_batch")
    drawn = draws.numbers(subject.task, np.random.default_rng(size), 2 * size)
    a, b = drawn[:size], drawn[size:]

    wrong = np.flatnonzero(subject.add_batch(a, b) != a + b)
    for row in wrong[:1]:
        assert_sum(subject, int(a[row]), int(b[row]))
    assert not len(wrong), f"{len(wrong)} of {size} sums in a batch are wrong, of which add alone says otherwise"


@pytest.mark.thorough(reason="torch.compile takes some 15 seconds")
@pytest.mark.filterwarnings("ignore:.*script_method. is deprecated:DeprecationWarning")  # torch's own compiler
def test_the_compiler_changes_no_choice(subject: Subject, contexts: np.ndarray, expected: np.ndarray) -> None:
    require(subject, "forced_logits")
    require(subject, "module")
    if not shutil.which(os.environ.get("CXX", "g++")):
        pytest.skip("this machine has no C++ compiler for torch.compile")

    logits = subject.ask("forced_logits_compiled", ids=contexts)

    assert np.array_equal(logits.argmax(axis=-1), expected)
