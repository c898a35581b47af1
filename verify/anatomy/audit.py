"""What a subject is made of, and what its answers depend on: found out by changing it and looking at the sums.

Every check runs where the model lives and says "ok", "suspect", "violated" or "unknown", with the observation that it
rests on. No check reads code: a transformer is not judged by how its class is written. Where no forward call is found
the checks that need one say "unknown", never "violated".
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from verify.anatomy import forcing, layout, watching
from verify.anatomy.counting import SUMS, changed, parameters, sequences
from verify.anatomy.forcing import UnlearntError
from verify.anatomy.tensors import tensors
from verify.errors import ProtocolError
from verify.subject.operations import operation
from verify.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from verify.anatomy.forcing import Forcer
    from verify.anatomy.watching import PatchPoint, Trace
    from verify.subject import LoadedAdder, Subject

__all__ = ["OUTCOMES", "audit", "audit_checks", "parameters"]

OUTCOMES = {"ok", "suspect", "violated", "unknown"}

_FEW = SUMS[10:18]
_EXAMPLES = 44
_NONSENSE = 1  # the token that a forward is made to say: every vocabulary has it


def audit(subject: Subject) -> list[dict[str, str]]:
    """Return what a subject's sums depend on: rows {"check", "outcome", "detail"}.

    Raises:
        ProtocolError: what comes back from the subject's process is no audit.
    """
    rows = [_declaration(parameters(subject)), *subject.ask("audit_checks")]
    try:
        checked = [{key: printable(str(row[key])) for key in ("check", "outcome", "detail")} for row in rows]
    except (TypeError, KeyError, IndexError) as error:
        raise ProtocolError(f"{subject.spec} broke the protocol: its audit is none") from error
    if not {row["outcome"] for row in checked} <= OUTCOMES:
        raise ProtocolError(f"{subject.spec} broke the protocol: its audit has other outcomes than {sorted(OUTCOMES)}")
    return checked


@operation
def audit_checks(loaded: LoadedAdder) -> list[dict[str, str]]:
    """Return what the sums depend on, as rows {"check", "outcome", "detail"}."""
    rows = []
    for name, check in _CHECKS.items():
        try:
            outcome, detail = check(loaded.watchable)
        except UnlearntError as error:
            outcome, detail = "unknown", str(error)
        except Exception as error:  # a stranger's model may raise anything when it is changed
            outcome, detail = "unknown", f"{type(error).__name__} while it was looked into"
        rows.append({"check": name, "outcome": outcome, "detail": detail})
    return rows


def _declaration(counts: dict[str, Any]) -> dict[str, str]:
    declared = counts["declared"]
    ways = [counts[way] for way in ("counted", "unique", "nonzero")]
    detail = "{} counted, {} distinct values, {} not zero".format(*ways)
    if declared is None:
        outcome, detail = "unknown", f"metadata declares no params; {detail}"
    else:
        outcome, detail = ("ok" if declared in ways else "suspect"), f"{declared} declared; {detail}"
    return {"check": "declared parameters", "outcome": outcome, "detail": detail}


def _weights_matter(loaded: LoadedAdder) -> tuple[str, str]:
    """Zeroed and randomised weights must break the sums."""
    found = [tensor for tensor in tensors(loaded) if tensor.is_parameter]
    if not found:
        return "unknown", "no tensors were found in the model or the file"
    source = np.random.default_rng(5)
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "zeroed": np.zeros_like,
        "randomised": lambda values: source.normal(0, max(1.0, float(np.abs(values).max(initial=0))), values.shape),
    }
    survived = {}
    for name, change in changes.items():
        with changed(found, change):
            survived[name] = _right(loaded, _FEW)
    worst = max(survived, key=lambda name: survived[name])
    detail = ", ".join(f"{count} of {len(_FEW)} sums right with weights {name}" for name, count in survived.items())
    return ("violated" if survived[worst] > len(_FEW) // 2 else "ok"), detail


def _forward_matters(loaded: LoadedAdder) -> tuple[str, str]:
    """With a forward that says nonsense the sums must break."""
    point = watching.find(loaded)
    if point is not None:
        right = _right_with_nonsense(loaded, [point])
        outcome = "violated" if right > len(_FEW) // 2 else "ok"
        return outcome, f"{right} of {len(_FEW)} sums right though {point.name} says nonsense"
    with changed(tensors(loaded), np.zeros_like):
        right = _right_with_nonsense(loaded, list(watching.candidates(loaded)))
    if right < len(_FEW):
        return "unknown", watching.NOT_FOUND
    detail = f"{right} of {len(_FEW)} sums right though all functions say nonsense and all tensors are zero"
    return ("violated" if _sums_in_python(loaded) else "suspect"), detail


def _right_with_nonsense(loaded: LoadedAdder, points: list[PatchPoint]) -> int:
    with contextlib.ExitStack() as stack:
        for point in points:
            stack.enter_context(point.replaced(_nonsense(point)))
        return _right(loaded, _FEW)


def _nonsense(point: PatchPoint) -> Callable[..., Any]:
    def forward(*arguments: Any, **keywords: Any) -> Any:
        return watching.saying(point.original(*arguments, **keywords), _NONSENSE)

    return forward


def _fed_back(loaded: LoadedAdder) -> tuple[str, str]:
    """A token that is forced upon a step must be the last input of the next call, and show in the answer."""
    point = _point(loaded)
    trace = watching.watch(loaded, point, *_FEW[0])
    missing, shown = [], 0
    for step in range(len(trace.calls) - 1):
        token = (trace.calls[step + 1].tokens[-1] + 1) % min(_vocabulary(trace), 10)
        forced = watching.watch_forced(loaded, point, trace.a, trace.b, step, int(token))
        shown += forced.answer.value != trace.answer.value
        if len(forced.calls) > step + 1 and forced.calls[step + 1].tokens[-1] != token:
            missing.append(step)
    steps = len(trace.calls) - 1
    if missing:
        return "violated", f"a token forced upon step {missing[0]} is not the last input of the next call"
    if shown == 0:
        return "violated", f"none of {steps} forced tokens shows in the answer"
    return "ok", f"{steps} forced tokens were fed back, {shown} of them show in the answer"


def _one_token_a_call(loaded: LoadedAdder) -> tuple[str, str]:
    """Each call's input must be the last one's and the token that it chose."""
    traces = _traces(loaded)
    if not all(watching.is_decoding(trace) for trace in traces):
        return "suspect", "the input of some calls is not the last one's and one token more"
    vocabulary = _vocabulary(traces[0])
    if not any(forcing.is_greedy(traces, choices) for choices in (vocabulary, 10)):
        return "suspect", "the token that is appended is not the largest logit's"
    calls = {len(trace.calls) for trace in traces}
    return "ok", f"{' or '.join(map(str, sorted(calls)))} calls a sum, each appending the token that the last one chose"


def _prompt_is_plain(loaded: LoadedAdder) -> tuple[str, str]:
    """Every token of the prompt must be a constant or a function of one column of the operands."""
    reason = forcing.learn_forcing(loaded)
    if not reason:
        kinds = [token.feature.kind if token.feature.size > 1 else "constant" for token in _forcer(loaded).prompt]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        return "ok", f"{len(kinds)} tokens: {counts}"
    told = _sum_in_prompt(loaded)
    if told is None:
        raise UnlearntError(reason)
    return "violated", told


def _sum_in_prompt(loaded: LoadedAdder) -> str | None:
    """Return which token of the prompt is a function of the sum, and of no column of the operands; None if none is."""
    a, b = layout.examples(_EXAMPLES)
    traces = [watching.watch(loaded, _point(loaded), x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    if len({len(trace.calls[0].tokens) for trace in traces}) != 1:
        return None
    prompts = np.stack([trace.calls[0].tokens for trace in traces])
    plain = layout.learn(prompts, a, b, layout.prompt_features(pairs=False))
    of_sum = layout.learn(prompts, a, b, layout.answer_features())
    for position, (operand, total) in enumerate(zip(plain, of_sum, strict=True)):
        if operand is None and total is not None:
            return f"token {position} of the prompt is a function of the sum's column {total.feature.column}"
    return None


def _is_causal(loaded: LoadedAdder) -> tuple[str, str]:
    """No later token may move an earlier logit."""
    forcer = _forcer(loaded)
    sequence = forcing.inputs_of(*sequences(forcer))
    output = forcer.forward(sequence)
    if output.ndim < 2 or output.shape[1] != sequence.shape[1]:
        return "unknown", "forward gives the last position alone, so that nothing later can be seen to move it"
    violation = forcing.causal_violation(forcer, sequence, first=1)
    return ("violated", violation) if violation else ("ok", f"{len(sequence)} sequences, every position")


def _has_attention(loaded: LoadedAdder) -> tuple[str, str]:
    """The last output must depend on tokens at other positions, and on which position they stand at."""
    forcer = _forcer(loaded)
    prompts, answers = sequences(forcer)
    before = forcer.outputs(prompts, answers)
    earlier = range(prompts.shape[1] - 1)
    moving = [position for position in earlier if _moves(forcer, prompts, answers, position, before)]
    if not moving:
        return "violated", "no earlier token moves any answer step: positions are not connected"
    softmaxes = _softmaxes(loaded)
    seen = "no softmax was seen" if softmaxes == 0 else f"{softmaxes} softmax calls a forward were seen"
    return "ok", f"{len(moving)} of {prompts.shape[1]} prompt positions move the answer; {seen}"


def _moves(forcer: Forcer, prompts: np.ndarray, answers: np.ndarray, position: int, before: np.ndarray) -> bool:
    changed = prompts.copy()
    changed[:, position] = np.roll(changed[:, position], 1)
    return not np.array_equal(forcer.outputs(changed, answers), before, equal_nan=True)


def _softmaxes(loaded: LoadedAdder) -> int:
    """Return how many softmax kernels torch runs in one forward; 0 where torch runs none of them."""
    try:
        from torch.utils._python_dispatch import TorchDispatchMode
    except ImportError:
        return 0
    seen: list[str] = []

    class Seeing(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if "softmax" in str(function) or "scaled_dot_product" in str(function):
                seen.append(str(function))
            return function(*args, **(kwargs or {}))

    forcer = _forcer(loaded)
    with Seeing():  # type: ignore[no-untyped-call]
        forcer.forward(sequences(forcer)[0])
    return len(seen)


def _no_python_sum(loaded: LoadedAdder) -> tuple[str, str]:
    """Operands that record what is done to them: a sum of both is a shortcut, or an honest check of itself."""
    if _sums_in_python(loaded):
        return "suspect", "the file computes a + b in Python; it may be a check of its own, see what else is said"
    if loaded.answer(_Operand(1), _Operand(2)).raised:
        return "unknown", "add refuses operands that remember what is done to them"
    return "ok", "a + b is not computed from the operands as they are given"


class _Operand(int):
    """An int that remembers which operands it was added up from."""

    sources: frozenset[str] = frozenset()
    seen: ClassVar[set[frozenset[str]]] = set()

    def _added(self, other: int) -> _Operand:
        total = _Operand(int(self) + int(other))
        total.sources = self.sources | getattr(other, "sources", frozenset())
        self.seen.add(total.sources)
        return total

    __add__ = __radd__ = _added


def _sums_in_python(loaded: LoadedAdder) -> bool:
    _Operand.seen.clear()
    for a, b in _FEW[:3]:
        operands = _Operand(a), _Operand(b)
        for operand, name in zip(operands, "ab", strict=True):
            operand.sources = frozenset(name)
        loaded.answer(*operands)
    return frozenset("ab") in _Operand.seen


def _keeps_still(loaded: LoadedAdder) -> tuple[str, str]:
    """Adding must not change the weights."""
    found = tensors(loaded)
    before = [tensor.read() for tensor in found]
    _right(loaded, _FEW)
    changed = [
        tensor.name
        for tensor, values in zip(found, before, strict=True)
        if not np.array_equal(tensor.read(), values, equal_nan=True)
    ]
    if changed:
        return "suspect", f"adding changes {', '.join(changed)}"
    return "ok", f"{len(found)} tensors unchanged after {len(_FEW)} sums"


_CHECKS: dict[str, Callable[[LoadedAdder], tuple[str, str]]] = {
    "weights do the work": _weights_matter,
    "forward does the work": _forward_matters,
    "chosen tokens are fed back": _fed_back,
    "one token a call": _one_token_a_call,
    "prompt is laid out plainly": _prompt_is_plain,
    "causality": _is_causal,
    "attention": _has_attention,
    "no sum in Python": _no_python_sum,
    "weights keep still": _keeps_still,
}


def _right(loaded: LoadedAdder, sums: tuple[tuple[int, int], ...]) -> int:
    return sum(loaded.answer(a, b).value == a + b for a, b in sums)


def _point(loaded: LoadedAdder) -> PatchPoint:
    if "point" not in loaded.memory:
        loaded.memory["point"] = watching.find(loaded)
    point: PatchPoint | None = loaded.memory["point"]
    if point is None:
        raise UnlearntError(watching.NOT_FOUND)
    return point


def _forcer(loaded: LoadedAdder) -> Forcer:
    reason = forcing.learn_forcing(loaded)
    if reason:
        raise UnlearntError(reason)
    forcer: Forcer = loaded.memory["forcer"]
    return forcer


def _traces(loaded: LoadedAdder) -> list[Trace]:
    return [watching.watch(loaded, _point(loaded), a, b) for a, b in _FEW]


def _vocabulary(trace: Trace) -> int:
    output = trace.calls[0].output
    return 10 if output.dtype.kind in "iu" else output.shape[-1]
