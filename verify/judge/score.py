"""The leaderboard's own cases, and what they cannot see.

AdderBoard's ``verify.py`` (github.com/anadim/AdderBoard) asks for 10 edge pairs, one of them twice, and 10,000 uniform
pairs of ``random.Random(2025)``; an adder qualifies with 99 % of them.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.addition.task import TEN
from verify.errors import UsageError

if TYPE_CHECKING:
    from verify.subject import Subject

EDGE_PAIRS = (
    (0, 0),
    (0, 1),
    (9_999_999_999, 0),
    (9_999_999_999, 1),
    (9_999_999_999, 9_999_999_999),
    (5_000_000_000, 5_000_000_000),
    (1_111_111_111, 8_888_888_889),
    (1_234_567_890, 9_876_543_210),
    (9_999_999_999, 9_999_999_999),
    (1, 9_999_999_999),
)
SEED = 2025
UNIFORM_PAIRS = 10_000
THRESHOLD = 99.0  # percent

_DIGITS = 10


def cases() -> tuple[np.ndarray, np.ndarray]:
    """Return the operands of the 10,010 cases, int64 (N,) each, in the leaderboard's order."""
    source = random.Random(SEED)  # noqa: S311 - the leaderboard's own
    uniform = [(source.randint(0, 9_999_999_999), source.randint(0, 9_999_999_999)) for _ in range(UNIFORM_PAIRS)]
    a, b = np.array([*EDGE_PAIRS, *uniform], np.int64).T
    return a, b


def score(subject: Subject) -> dict[str, Any]:
    """Return what the leaderboard's ``verify.py`` finds of a subject, and what its cases cannot see.

    Returns:
        {"correct", "total", "accuracy" in percent, "qualified", "failures": the first 20 as {"a", "b", "expected",
        "got"}, "batching": how the sums were obtained, "chains": how many cases have a longest carry chain of each
        length, from 0 to 10, and "unseen": sentences on what these cases cannot see}.

    Raises:
        UsageError: the subject is asked for operands of another width.
    """
    if subject.task != TEN:
        raise UsageError(
            f"the leaderboard's cases have operands of {TEN}, and {subject.spec} is asked for {subject.task}; "
            f"`adder-verify run --digits {subject.task.digits}` judges it"
        )
    a, b = cases()
    sums = subject.add_batch(a, b)
    is_right = sums == a + b
    if any(found["name"] == "add returned str, not int" for found in subject.findings):  # there, "42" == 42 is wrong
        is_text = [subject.answer(x, y).type_name == "str" for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        is_right &= ~np.array(is_text)
    wrong = np.flatnonzero(~is_right)
    correct = len(a) - len(wrong)
    accuracy = correct / len(a) * 100
    failures = [
        {"a": int(x), "b": int(y), "expected": int(x + y), "got": _plain(subject.add(int(x), int(y)))}
        for x, y in zip(a[wrong[:20]], b[wrong[:20]], strict=True)
    ]
    chains = np.bincount(longest_chains(a, b), minlength=_DIGITS + 1).tolist()
    return {
        "correct": correct,
        "total": len(a),
        "accuracy": accuracy,
        "qualified": accuracy >= THRESHOLD,
        "failures": failures,
        "batching": subject.batching,
        "chains": chains,
        "unseen": _unseen(chains),
    }


def _plain(answer: object) -> int | str:
    return answer if type(answer) is int else repr(answer)


def longest_chains(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the length of the longest carry chain of each sum, int64 (N,): columns that pass one carry on.

    >>> longest_chains(np.array([12, 5, 99, 9_999_999_999]), np.array([34, 5, 1, 1])).tolist()
    [0, 1, 2, 10]
    """
    longest, running = np.zeros(len(a), np.int64), np.zeros(len(a), np.int64)
    for column in range(_DIGITS):
        place = 10**column
        total = a // place % 10 + b // place % 10
        running = np.where(total >= _DIGITS, 1, np.where((total == _DIGITS - 1) & (running > 0), running + 1, 0))
        longest = np.maximum(longest, running)
    return longest


def _unseen(chains: list[int]) -> list[str]:
    long = sum(chains[6:])
    return [
        f"{long} of {sum(chains)} cases have a carry chain of 6 columns or more, {sum(chains[8:])} of 8 or more",
        f"an adder that is wrong on all of these keeps {(sum(chains) - long) / sum(chains) * 100:.2f} % and qualifies",
        "the parameter count is taken from the metadata, and is not counted",
    ]
