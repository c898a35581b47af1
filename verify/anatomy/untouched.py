"""What an adder says before anything is changed: of what is wrong then, or is another every time, nothing follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from verify.anatomy import forcing, operands
from verify.anatomy.forcing import UnlearntError
from verify.anatomy.usage import SUMS, sequences

if TYPE_CHECKING:
    from verify.anatomy.forcing import Forcer
    from verify.subject import LoadedAdder

FEW = 8  # sums that a check asks for
SAYS_NOTHING = "so that wrong ones say nothing"


@dataclass(frozen=True)
class Untouched:
    """Sums whose every step is right, and what the forward says at each.

    Attributes:
        forcer: what calls the forward.
        prompts: int64 (N, L).
        answers: int64 (N, K).
        outputs: logits (N, K, V), or token ids (N, K).
    """

    forcer: Forcer
    prompts: np.ndarray
    answers: np.ndarray
    outputs: np.ndarray


def untouched(loaded: LoadedAdder, count: int = SUMS) -> Untouched:
    """Return a few sums whose every step is right with nothing changed.

    Raises:
        UnlearntError: no forward was learnt, no sum is right, or the same tokens give other outputs the second time.
    """
    forcer = forcer_of(loaded)
    prompts, answers = sequences(loaded, forcer, count)
    outputs = forcer.outputs(prompts, answers)
    if not np.array_equal(forcer.outputs(prompts, answers), outputs, equal_nan=True):
        raise UnlearntError("the same tokens give other logits when they are given again")
    right = np.asarray((forcing.margins_of(outputs, answers, forcer.choices) > 0).all(axis=1))
    if not right.any():
        raise UnlearntError(f"with nothing changed a step of each of {len(right)} sums is wrong, {SAYS_NOTHING}")
    return Untouched(forcer, prompts[right], answers[right], outputs[right])


def forcer_of(loaded: LoadedAdder) -> Forcer:
    """Return what calls the forward on sequences.

    Raises:
        UnlearntError: that was not learnt; the message says why.
    """
    reason = forcing.learn_forcing(loaded)
    if reason:
        raise UnlearntError(reason)
    forcer: Forcer = loaded.memory["forcer"]
    return forcer


def fresh(loaded: LoadedAdder) -> list[tuple[int, int]]:
    """Return pairs that were not asked for before."""
    return operands.fresh(loaded, "sums", FEW)


def right_of(loaded: LoadedAdder, pairs: list[tuple[int, int]]) -> int:
    """Return how many sums are right."""
    return sum(loaded.answer(a, b).value == a + b for a, b in pairs)


def check_right(loaded: LoadedAdder) -> None:
    """Check that sums are right before anything is changed.

    Raises:
        UnlearntError: some are wrong.
    """
    right = right_of(loaded, fresh(loaded))
    if right < FEW:
        raise UnlearntError(f"with nothing changed {right} of {FEW} sums are right, {SAYS_NOTHING}")
