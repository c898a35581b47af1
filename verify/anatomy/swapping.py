"""The row that says whether an answer comes from the tokens: those of another sum are put in their place.

What reaches the forward otherwise, by an attribute, a global or a default argument, then gives itself away: the answer
is still the sum of the operands and not that of the tokens.
"""

from __future__ import annotations

from collections import Counter
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import operands, watching
from verify.anatomy.forcing import UnlearntError
from verify.anatomy.untouched import SAYS_NOTHING

if TYPE_CHECKING:
    from verify.anatomy.watching import PatchPoint, Trace
    from verify.subject import LoadedAdder

_SUMS = 8


def comes_from_tokens(loaded: LoadedAdder) -> tuple[str, str]:
    """With the prompt of another sum in the place of its own, the answer must be the other sum.

    Raises:
        UnlearntError: that cannot be tried; the message says why.
    """
    point = watching.find(loaded)
    if point is None:
        raise UnlearntError(watching.NOT_FOUND)
    pairs = operands.fresh(loaded, "swapped", 3 * _SUMS)
    mine, others = pairs[:_SUMS], pairs[_SUMS : 2 * _SUMS]
    traces = [watching.watch(loaded, point, *pair) for pair in others]
    right = sum(trace.is_right for trace in traces)
    if right < _SUMS:
        raise UnlearntError(f"with nothing changed {right} of {_SUMS} sums are right, {SAYS_NOTHING}")
    if any(not trace.calls for trace in traces):
        raise UnlearntError("some sums are answered without a forward call")
    prompts = [trace.calls[0].tokens for trace in traces]
    if len({len(prompt) for prompt in prompts}) > 1:
        raise UnlearntError("the prompt has another length for other operands")
    if all(np.array_equal(prompt, prompts[0]) for prompt in prompts):
        raise UnlearntError("the prompt is the same for all operands: they reach the model by something else")
    seen = Counter(_answer(loaded, point, *pair) for pair in zip(mine, traces, strict=True))
    return _row(seen, _beside(traces))


def _answer(loaded: LoadedAdder, point: PatchPoint, mine: tuple[int, int], other: Trace) -> str:
    """Return whose sum the answer is: "tokens", "operands" or "neither"."""
    prompt = other.calls[0].tokens

    @wraps(point.original)
    def swapped(*arguments: Any, **keywords: Any) -> Any:
        call = watching.call_of(arguments, keywords)
        if call is None or len(call.tokens) < len(prompt):
            return point.original(*arguments, **keywords)
        tokens = np.concatenate([prompt, call.tokens[len(prompt) :]])
        arguments, keywords = watching.with_sequence(call, tokens)
        return point.original(*arguments, **keywords)

    with point.replaced(swapped):
        value = loaded.answer(*mine).value
    return (
        {sum(mine): "operands", other.a + other.b: "tokens"}.get(value, "neither") if value is not None else "neither"
    )


def _beside(traces: list[Trace]) -> str:
    """Return which argument beside the tokens differs from sum to sum, or ""."""
    first = traces[0].calls[0]
    for slot, value in [*enumerate(first.arguments), *first.keywords.items()]:
        if slot == first.slot:
            continue
        for trace in traces[1:]:
            call = trace.calls[0]
            held: Any = call.arguments if isinstance(slot, int) else call.keywords
            if _differs(value, held[slot]):
                return (
                    f"argument {slot + 1 if isinstance(slot, int) else slot} of the forward differs with the operands"
                )
    return ""


def _differs(one: Any, other: Any) -> bool:
    this, that = watching.to_numpy(one), watching.to_numpy(other)
    return this is not None and that is not None and not np.array_equal(this, that)


def _row(seen: Counter[str], beside: str) -> tuple[str, str]:
    what = f"with the prompt of another sum, {seen['tokens']} of {_SUMS} answers are the sum of the tokens"
    if seen["operands"] == 0:
        if seen["neither"]:
            return "unknown", f"{what}, the others neither that of the tokens nor that of the operands"
        return "ok", what
    told = f"{what} and {seen['operands']} that of the operands"
    if beside:
        return "unknown", f"{told}: {beside}, and what it holds was not followed"
    return "violated", f"{told}: these reach the answer by something else than tokens"
