"""The row that says by what positions are mixed; the tracing is in `verify.anatomy.mixing`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from verify.anatomy import forcing, operands, watching
from verify.anatomy.forcing import UnlearntError, without_gradients
from verify.anatomy.untouched import SAYS_NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from verify.anatomy.mixing import Mixing, Run
    from verify.anatomy.torch_steps import Step
    from verify.anatomy.watching import Call, PatchPoint, Trace
    from verify.subject import LoadedAdder

_SUMS = 8  # that are watched; tokens are exchanged between them: of four, in bits, none may move a logit by chance
_FEWEST = 4  # of them that are right
_CLOSE = 1e-3  # of the largest logit: two orders of the same sums differ by less

_OUTSIDE_TORCH = "what the forward computes is computed neither by torch nor by numpy, whose operations alone are seen"


def mixed_by_attention(loaded: LoadedAdder) -> tuple[str, str]:
    """With what attention gives held, logits must depend on the token at their own position alone.

    Raises:
        UnlearntError: the forward cannot be traced; the message says why.
    """
    return outcome_of(traced(loaded))


def outcome_of(found: list[Traced]) -> tuple[str, str]:
    """Return the outcome of what was traced, and what it rests on: the worst of all calls."""
    rows = [_row(each.mixing, is_torch=each.is_torch) for each in sorted(found, key=lambda each: -each.mixing.leak)]
    return max(rows, key=lambda row: ("ok", "unknown", "suspect", "violated").index(row[0]))


@dataclass(frozen=True)
class Traced:
    """One forward call of a sum, traced, and the same call of other sums.

    Attributes:
        point: what was called.
        calls: of each sum.
        positions: of the rows that it gives out, and which of them answer.
        choices: how many tokens the decoder chooses from.
        mixing: how it mixes positions.
    """

    point: PatchPoint
    calls: list[Call]
    positions: np.ndarray
    choices: int
    mixing: Mixing

    @property
    def tokens(self) -> np.ndarray:
        """The tokens of the first sum, int64 (T,)."""
        return self.calls[0].tokens

    @property
    def is_torch(self) -> bool:
        """Whether it takes torch's tensors."""
        return not isinstance(watching.argument(self.calls[0]), np.ndarray | list)

    @property
    def gives_tokens(self) -> bool:
        """Whether it chooses by itself."""
        return self.calls[0].output.dtype.kind in "iu"

    def own(self, output: np.ndarray) -> np.ndarray:
        """Return the rows that answer, each with its position in front."""
        return _own(self.calls[0], self.positions, output)

    def answers(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield of each sum the tokens, and what it says at the positions that answer, int64 each."""
        for call in self.calls:
            rows = self.own(call.output)[:, 1:]
            yield call.tokens, rows[:, 0].astype(np.int64) if self.gives_tokens else rows[:, : self.choices].argmax(1)

    def running(self, loaded: LoadedAdder) -> AbstractContextManager[Run]:
        """Return what gives the function that runs it on tokens."""
        return _running(loaded, self.point, self.calls[0])


def traced(loaded: LoadedAdder) -> list[Traced]:
    """Return the forward calls of a sum, traced; found out once for a seed.

    Raises:
        UnlearntError: the forward cannot be traced; the message says why.
    """
    seed, known = loaded.memory.get("seed", 0), loaded.memory.setdefault("traced", {})
    if seed not in known:
        known.clear()
        try:
            known[seed] = _all_traced(loaded)
        except UnlearntError as error:
            known[seed] = error
    found: list[Traced] | UnlearntError = known[seed]
    if isinstance(found, UnlearntError):
        raise found
    return found


def _all_traced(loaded: LoadedAdder) -> list[Traced]:
    point = watching.find(loaded)
    if point is None:
        raise UnlearntError(watching.NOT_FOUND)
    pairs = operands.fresh(loaded, "positions", _SUMS)
    traces = [watching.watch(loaded, point, *pair) for pair in pairs]
    right = [trace for trace in traces if trace.is_right]
    if len(right) < _FEWEST:
        raise UnlearntError(f"with nothing changed {len(right)} of {_SUMS} sums are right, {SAYS_NOTHING}")
    lengths = {tuple(len(call.tokens) for call in trace.calls) for trace in right}
    if len(lengths) > 1 or not right[0].calls:
        raise UnlearntError("the prompt or the answer has another length for other operands")
    try:
        from verify.anatomy.torch_steps import UntracedError
    except ImportError as error:
        raise UnlearntError(_OUTSIDE_TORCH) from error
    from verify.anatomy.graph.nodes import RefusedError

    try:
        return [_traced(loaded, point, right, index) for index in _calls(right[0])]
    except (UntracedError, RefusedError) as error:
        raise UnlearntError(f"the forward is not traced: {error}") from error


def _calls(trace: Trace) -> list[int]:
    """Return which calls are traced: the last where it gives the logits of all steps, else three."""
    last = len(trace.calls) - 1
    return [last] if _gives_all(trace.calls[-1]) else sorted({0, last // 2, last})


def _gives_all(call: Call) -> bool:
    return _rows(call) > 1


def _rows(call: Call) -> int:
    """Return of how many positions, the last ones, a call gives logits: of one, of all, or of a decoder's own."""
    is_many = call.output.ndim == 2 or call.output.dtype.kind in "iu"
    return min(call.output.shape[0], len(call.tokens)) if is_many and call.output.ndim else 1


def _own(call: Call, positions: np.ndarray, output: np.ndarray) -> np.ndarray:
    from verify.anatomy.torch_steps import UntracedError

    rows = _rows(call)
    if output.size % rows:
        raise UntracedError("it gives outputs of another shape for other tokens")
    given = np.arange(len(call.tokens) - rows, len(call.tokens))
    return np.column_stack([given.astype(np.float64), output.reshape(rows, -1)])[np.isin(given, positions)]


def _traced(loaded: LoadedAdder, point: PatchPoint, traces: list[Trace], index: int) -> Traced:
    from verify.anatomy import mixing
    from verify.anatomy.torch_steps import UntracedError

    call, calls = traces[0].calls[index], [trace.calls[index] for trace in traces]
    positions = np.arange(len(traces[0].calls[0].tokens) - 1, len(call.tokens))

    def own(output: np.ndarray) -> np.ndarray:
        return _own(call, positions, output)

    with _running(loaded, point, call) as run:
        again, seen = own(run(call.tokens)), own(call.output)
        if not np.array_equal(own(run(call.tokens)), again, equal_nan=True):
            raise UntracedError("the same tokens give other logits when they are given again")
        scale = np.abs(np.where(np.isfinite(seen), seen, 0)).max(initial=1e-9)
        if again.shape != seen.shape or not np.allclose(again, seen, rtol=0, atol=_CLOSE * scale, equal_nan=True):
            raise UntracedError("the same tokens give other logits when they are given again")
        found = mixing.find(run, call.tokens, [each.tokens for each in calls[1:]], own)
    vocabulary = call.output.shape[-1]
    choices = vocabulary if forcing.is_greedy(traces, vocabulary) else min(vocabulary, 10)
    return Traced(point, calls, positions, choices, found)


@contextmanager
def _running(loaded: LoadedAdder, point: PatchPoint, call: Call) -> Iterator[Run]:
    """Yield what runs a forward on tokens, int64 (T,); one of numpy's arrays is computed by torch."""
    from verify.anatomy.graph import numpy_recorder
    from verify.anatomy.torch_steps import UntracedError

    def run(given: np.ndarray) -> np.ndarray:
        arguments, keywords = watching.with_sequence(call, given)
        with without_gradients():
            output = watching.to_numpy(point.original(*arguments, **keywords))
        if output is None:
            raise UntracedError("it returns no array")
        return output

    given = watching.argument(call)
    if not isinstance(given, np.ndarray | list):
        yield run
        return
    with numpy_recorder.computed_by_torch(point.original, loaded.model, call) as forward:

        def run_by_torch(tokens: np.ndarray) -> np.ndarray:
            with without_gradients():
                output = forward(tokens)
            if output is None:
                raise UntracedError(_OUTSIDE_TORCH)
            return np.asarray(output.numpy())

        yield run_by_torch


def _row(found: Mixing, *, is_torch: bool = True) -> tuple[str, str]:
    if not found.leak and not found.attention:
        return "unknown", "no operation was seen to mix positions, and no other token moves a logit"
    if not found.leak:
        if found.hidden is not None:
            what = f"{_named(found.hidden)} on whole numbers of two positions"
            return "violated", f"what attention weighs by comes from {what}"
        return "ok", f"{found.attention} weighted means over positions; with these held, no other token moves a logit"
    held = f"with {found.attention} weighted means over positions held, {found.leak} other tokens move a logit"
    python = f"; it looks at tokens from Python ({found.reads[0]})" if found.reads else ""
    is_whole = found.step is not None and (found.step.is_whole or found.step.is_look_up)
    if not is_torch and found.reads and not is_whole:
        return "unknown", f"{held}: it computes with Python's own numbers, which are not followed{python}"
    if found.step is None:
        return ("suspect" if python else "unknown"), f"{held}: the numbers come from outside torch{python}"
    by = f"{held}: {_named(found.step)}"
    if found.step.is_whole:
        return "violated", f"{by}, on whole numbers of two positions{python}"
    if found.step.is_look_up:
        return "violated", f"{by}, a look-up by two tokens at once{python}"
    if found.step.is_product:
        return "unknown", f"{by}, which is no such mean{python}"
    if found.later is not None:
        return "violated", f"{by}, and then {_named(found.later)}{python}"
    return "suspect", f"{by}, which is no such mean{python}"


def _named(step: Step) -> str:
    return f"torch's {step.name}{step.place}"
