"""The row that says what attention does: what becomes of answers without it, and which parameters act through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from verify.anatomy import operands
from verify.anatomy.positions import outcome_of, traced
from verify.anatomy.tensors import changed, tensors
from verify.text import plural

if TYPE_CHECKING:
    from verify.anatomy.mixing import Mixing, Run
    from verify.anatomy.positions import Traced
    from verify.anatomy.tensors import Tensor
    from verify.subject import LoadedAdder

_MOST_ENTRIES = 64  # parameters that are changed one by one; of more, tensor by tensor


def attention_matters(loaded: LoadedAdder) -> tuple[str, str]:
    """With what attention gives cut, answers must break.

    Raises:
        UnlearntError: the forward cannot be traced; the message says why.
    """
    found = traced(loaded)
    if not all(each.mixing.attention for each in found):
        return _without(found)
    right, steps = (sum(counts) for counts in zip(*(_right_when_cut(loaded, each) for each in found), strict=True))
    means = plural(found[0].mixing.attention, "weighted mean")
    detail = f"with {means} over positions cut {right} of {steps} answer steps are right{_share(loaded, found[-1])}"
    return ("ok" if right < steps else _worse(found)), detail


def _without(found: list[Traced]) -> tuple[str, str]:
    """Return what it means that no attention is seen: a look-up, or what was not followed."""
    return _worse(found), "no weighted mean over positions was seen that could be cut"


def _worse(found: list[Traced]) -> str:
    """Return what the row on mixing says of answers that need no attention; nothing worse is said of them here."""
    outcome = outcome_of(found)[0]
    return "violated" if outcome == "ok" else outcome


def _right_when_cut(loaded: LoadedAdder, each: Traced) -> tuple[int, int]:
    """Return how many answer steps are right when attention gives zeros, and of how many."""
    mixing = each.mixing
    cut = {index: np.zeros_like(output) for index, output in mixing.held.items()}
    right = steps = 0
    with each.running(loaded) as run:
        for tokens, expected in each.answers():
            with mixing.tracer.comparing(None, cut):
                rows = each.own(run(tokens))[:, 1:]
            said = rows[:, 0].astype(np.int64) if each.gives_tokens else rows[:, : each.choices].argmax(axis=1)
            right, steps = right + int((said == expected).sum()), steps + len(expected)
    return right, steps


def _share(loaded: LoadedAdder, each: Traced) -> str:
    """Return how many parameters move what attention gives, in words; "" where none is seen."""
    found = [tensor for tensor in tensors(loaded) if tensor.is_parameter]
    total = sum(tensor.read().size for tensor in found)
    if not total:
        return ""
    random = operands.source(loaded, "through attention")
    acting = 0
    with each.running(loaded) as run:
        tokens = each.tokens
        for tensor in found:
            size = tensor.read().size
            places = [[index] for index in range(size)] if total <= _MOST_ENTRIES else [list(range(size))]
            acting += sum(len(place) * _moves(each.mixing, run, tokens, tensor, place, random) for place in places)
    return f"; {acting} of {total} parameters act through them"


def _moves(
    mixing: Mixing, run: Run, tokens: np.ndarray, tensor: Tensor, places: list[int], random: np.random.Generator
) -> bool:
    def other(values: np.ndarray) -> np.ndarray:
        found = values.copy()
        found.reshape(-1)[places] += random.normal(0, 1, len(places))
        return found

    mixing.tracer.forget(1)
    with changed([tensor], other), mixing.tracer.comparing(0, {}):
        run(tokens)
    steps = mixing.tracer.steps
    return any(moved.any() for index in mixing.held if (moved := steps[index].moved) is not None)
