"""What a subject is made of, and what its answers depend on: found out by changing it and looking at the sums.

Every check runs where the model lives and says "ok", "suspect", "violated" or "unknown", with the observation that it
rests on and on how many sums it was made. No check reads code: a transformer is not judged by how its class is
written. Where no forward call is found the checks that need one say "unknown", never "violated"; and so do those that
follow sums as they break, where sums are wrong before anything was changed. No pair of operands is asked twice, see
`verify.anatomy.operands`.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import forcing, layout, operands, watching
from verify.anatomy.anew import build_anew
from verify.anatomy.counting import parameters
from verify.anatomy.cutting import attention_matters
from verify.anatomy.disguises import Operand, sums_seen
from verify.anatomy.forcing import UnlearntError
from verify.anatomy.positions import mixed_by_attention
from verify.anatomy.swapping import comes_from_tokens
from verify.anatomy.tensors import changed, tensors
from verify.anatomy.untouched import FEW, check_right, forcer_of, fresh, right_of, untouched
from verify.anatomy.unwatched import CHECK, same_unwatched
from verify.anatomy.usage import MOST_ENTRIES
from verify.errors import ProtocolError, UndecidedError
from verify.subject.operations import operation
from verify.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from verify.anatomy.layout import Token
    from verify.anatomy.untouched import Untouched
    from verify.anatomy.watching import PatchPoint, Trace
    from verify.subject import LoadedAdder, Subject

OUTCOMES = {"ok", "suspect", "violated", "unknown"}

_FEWEST_DIGITS = 4  # of operands whose sum no other number is likely to be
_NOISE = 1e-3  # of each weight
_NONSENSE = 1  # the token that a forward is made to say: every vocabulary has it


def audit(subject: Subject, seed: int | None = None) -> list[dict[str, str]]:
    """Return what a subject's sums depend on: rows {"check", "outcome", "detail"}.

    Each check is asked for alone: where one ends the subject's process, its row says so, and the others are asked for.

    Args:
        subject: what is looked into.
        seed: of the operands, see `verify.anatomy.operands.use_seed`.

    Raises:
        ProtocolError: what comes back from the subject's process is no audit.
    """
    rows = [
        _asked(subject, "declared parameters", lambda: [_declaration(parameters(subject, seed))]),
        _asked(subject, "weights are used", lambda: [_use(subject, parameters(subject, seed))]),
    ]
    rows += [
        _asked(subject, name, lambda name=name: subject.ask("audit_checks", seed=seed, only=name))  # type: ignore[misc]
        for name in _CHECKS
    ]
    rows = [*rows, _asked(subject, CHECK, lambda: [same_unwatched(subject, seed)])]
    return [_of_few_pairs(row) for row in rows] if subject.task.is_enumerable else rows


def _of_few_pairs(row: dict[str, str]) -> dict[str, str]:
    """Return a row about an adder of so few pairs that some were asked before: from memory it may answer honestly."""
    if row["outcome"] != "violated":
        return row
    return row | {"outcome": "suspect", "detail": f"{row['detail']}; of so few pairs it may remember each"}


def _asked(subject: Subject, name: str, ask: Callable[[], Any]) -> dict[str, str]:
    try:
        answer = ask()
    except UndecidedError as error:
        return {"check": name, "outcome": "unknown", "detail": printable(str(error))}
    try:
        (told,) = answer
        row = {key: printable(str(told[key])) for key in ("check", "outcome", "detail")}
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise ProtocolError(f"{subject.spec} broke the protocol: its audit is none") from error
    if row["outcome"] not in OUTCOMES or row["check"] != name:
        raise ProtocolError(f"{subject.spec} broke the protocol: its audit has other outcomes than {sorted(OUTCOMES)}")
    return row


@operation
def audit_checks(loaded: LoadedAdder, seed: int | None = None, only: str | None = None) -> list[dict[str, str]]:
    """Return what the sums depend on, as rows {"check", "outcome", "detail"}.

    Args:
        loaded: the adder.
        seed: of the operands, see `verify.anatomy.operands.use_seed`.
        only: the check to make, or None for all.
    """
    operands.use_seed(loaded, seed)
    return [
        {"check": name, **dict(zip(("outcome", "detail"), _checked(check, loaded.watchable), strict=True))}
        for name, check in _CHECKS.items()
        if only in (None, name)
    ]


def _checked(check: Callable[[LoadedAdder], tuple[str, str]], loaded: LoadedAdder) -> tuple[str, str]:
    try:
        return check(loaded)
    except UnlearntError as error:
        return "unknown", str(error)
    except (Exception, SystemExit) as error:  # a stranger's model may raise anything when it is changed
        return "unknown", f"{type(error).__name__} while it was looked into"


def _declaration(counts: dict[str, Any]) -> dict[str, str]:
    declared = counts["declared"]
    ways = [counts[way] for way in ("counted", "unique", "nonzero", "freedom")]
    detail = "{} counted, {} distinct values, {} not zero".format(*ways)
    if counts["freedom"] is not None:
        detail += f", {plural(counts['freedom'], 'degree')} of freedom"
    if counts["needed_outside"]:
        detail += f"; {plural(counts['needed_outside'], 'number')} outside parameters on which answers depend"
    if declared is None:
        outcome, detail = "unknown", f"metadata declares no params; {detail}"
    else:
        outcome, detail = ("ok" if declared in ways else "suspect"), f"{declared} declared; {detail}"
    return {"check": "declared parameters", "outcome": outcome, "detail": detail}


def _use(subject: Subject, counts: dict[str, Any]) -> dict[str, str]:
    used = counts["tensors"]
    if not used:
        why = "no tensors were found in the model or the file"
        if counts["counted"] > MOST_ENTRIES:
            why = f"more than {MOST_ENTRIES} parameters are not changed one by one"
        elif counts["counted"]:
            why = f"they were not changed one by one: {subject.ask('learn_forcing')}"
        return {"check": "weights are used", "outcome": "unknown", "detail": printable(why)}
    ways = {way: sum(row[way] for row in used) for way in ("needed", "idle", "dead")}
    detail = ", ".join(f"{number} {way}" for way, number in ways.items())
    dead = ", ".join(f"{row['dead']} of {row['name']}" for row in used if row["dead"])
    return {
        "check": "weights are used",
        "outcome": "suspect" if ways["dead"] == counts["counted"] else "ok",
        "detail": f"{detail}: {dead}" if dead else detail,
    }


def _weights_matter(loaded: LoadedAdder) -> tuple[str, str]:
    """Zeroed and randomised weights must break the sums."""
    found = [tensor for tensor in tensors(loaded) if tensor.is_parameter]
    if not found:
        return "unknown", "no tensors were found in the model or the file"
    check_right(loaded)
    random = operands.source(loaded, "weights")
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "zeroed": np.zeros_like,
        "randomised": lambda values: random.normal(0, max(1.0, float(np.abs(values).max(initial=0))), values.shape),
    }
    survived, asked = {}, fresh(loaded)
    for name, change in changes.items():
        with changed(found, change):
            survived[name] = right_of(loaded, asked)
        asked = fresh(loaded)
    detail = ", ".join(f"{count} of {FEW} sums right with weights {name}" for name, count in survived.items())
    if right_of(loaded, asked) < FEW:
        return "unknown", f"{detail}; sums stay wrong with the weights put back: the adder remembers"
    survivor = max(survived, key=lambda name: survived[name])
    if survived[survivor] > FEW // 2 and _looks_up(loaded, changes[survivor]):
        return _of_looking_up(loaded), f"{detail}; {_LOOKS_UP}"
    return _by_survivors(max(survived.values())), detail


def _logits_move(loaded: LoadedAdder) -> tuple[str, str]:
    """A thousandth of noise on all weights must move logits: 0.87 to 1.00 of them moved in 17 honest models."""
    found = [tensor for tensor in tensors(loaded) if tensor.is_parameter]
    if not found:
        return "unknown", "no tensors were found in the model or the file"
    right = untouched(loaded)
    before = right.outputs
    if before.dtype.kind in "iu":
        return "unknown", "forward gives tokens and no logits"
    random = operands.source(loaded, "noise")
    with changed(found, lambda values: values * (1 + _NOISE * random.standard_normal(values.shape))):
        after = right.forcer.outputs(right.prompts, right.answers)
    moved = float(np.mean(~((after == before) | (np.isnan(after) & np.isnan(before)))))
    detail = f"with {_NOISE:.1%} of noise on all weights {moved:.3f} of the logits move"
    return ("ok" if moved else "suspect"), detail


def _by_survivors(right: int) -> str:
    """Return what it means that so many sums are right though what they should come from was taken away."""
    return "ok" if right == 0 else "violated" if right > FEW // 2 else "suspect"


_LOOKS_UP = (
    "but in the same file, executed anew with weights changed before its first sum, none is: the adder remembers"
)


def _looks_up(loaded: LoadedAdder, change: Callable[[np.ndarray], np.ndarray] = np.zeros_like) -> bool:
    """Return whether sums that a change of the weights leaves right are wrong where it was made from the start."""
    as_it_is, other = build_anew(loaded), build_anew(loaded)
    if as_it_is is None or other is None or right_of(as_it_is, fresh(as_it_is)) < FEW:
        return False
    with changed(tensors(other), change):
        return right_of(other, fresh(other)) == 0


def _of_looking_up(loaded: LoadedAdder) -> str:
    """Return what it means that an adder remembers; one that also sums in Python may have broken to be seen to."""
    return "suspect" if _sums_in_python(loaded) else "unknown"


def _forward_matters(loaded: LoadedAdder) -> tuple[str, str]:
    """With a forward that says nonsense the sums must break."""
    point = watching.find(loaded)
    check_right(loaded)
    if point is not None:
        right = _right_with_nonsense(loaded, [point])
        return _by_survivors(right), f"{right} of {FEW} sums right though {point.name} says nonsense"
    with changed(tensors(loaded), np.zeros_like):
        right = _right_with_nonsense(loaded, list(watching.candidates(loaded)))
    if right < FEW:
        return "unknown", watching.NOT_FOUND
    detail = f"{right} of {FEW} sums right though all functions say nonsense and all tensors are zero"
    if _looks_up(loaded):
        return _of_looking_up(loaded), f"{detail}; {_LOOKS_UP}"
    return ("violated" if _sums_in_python(loaded) else "suspect"), detail


def _right_with_nonsense(loaded: LoadedAdder, points: list[PatchPoint]) -> int:
    with contextlib.ExitStack() as stack:
        for point in points:
            stack.enter_context(point.replaced(_nonsense(point)))
        return right_of(loaded, fresh(loaded))


def _nonsense(point: PatchPoint) -> Callable[..., Any]:
    def forward(*arguments: Any, **keywords: Any) -> Any:
        return watching.saying(point.original(*arguments, **keywords), _NONSENSE)

    return forward


def _fed_back(loaded: LoadedAdder) -> tuple[str, str]:
    """A token that is forced upon a step must be the last input of the next call, and show in the answer."""
    point = _point(loaded)
    check_right(loaded)
    steps = max(len(trace.calls) for trace in _traces(loaded)) - 1
    seen, lost = Counter[str](), 0
    for step, (a, b) in enumerate(operands.fresh(loaded, "feedback", steps)):
        trace = watching.watch_forced(loaded, point, a, b, step)
        if len(trace.calls) > step + 1 and trace.forced != trace.calls[step + 1].tokens[-1]:
            seen["lost"], lost = seen["lost"] + 1, lost or step + 1
        seen.update({"unasked": not trace.calls, "forced": trace.forced is not None, "shown": not trace.is_right})
    if seen["lost"]:
        return "violated", f"a token forced upon step {lost} is not the last input of the next call"
    detail = f"{seen['forced']} forced tokens were fed back, {seen['shown']} of them show in the answer"
    if seen["unasked"]:
        return "suspect", f"{seen['unasked']} of {steps} sums were answered without a forward call; {detail}"
    if seen["shown"] == 0:
        return "violated", f"none of {seen['forced']} forced tokens shows in the answer"
    return "ok", detail


def _one_token_a_call(loaded: LoadedAdder) -> tuple[str, str]:
    """Each call's input must be the last one's and the token that it chose."""
    traces = [trace for trace in _traces(loaded) if not trace.answer.raised]
    if not traces:
        return "unknown", f"add raises on all of {FEW} sums"
    strange = sum(not watching.is_decoding(trace) for trace in traces)
    if strange:
        what = "the input of some calls is not the last one's and one token more"
        return "suspect", f"of {strange} of {len(traces)} sums {what}"
    vocabulary = _vocabulary(traces[0])
    if not any(forcing.is_greedy(traces, choices) for choices in (vocabulary, 10)):
        return "suspect", "the token that is appended is not the largest logit's"
    calls = " or ".join(map(str, sorted({len(trace.calls) for trace in traces})))
    called = f"{calls} call{'s' * (calls != '1')}"
    return "ok", f"{called} for each of {len(traces)} sums, each appending the token that the last one chose"


def _prompt_is_plain(loaded: LoadedAdder) -> tuple[str, str]:
    """Every token of the prompt must be a constant or a function of one column of the operands."""
    reason = forcing.learn_forcing(loaded)
    if not reason:
        kinds = [token.feature.kind if token.feature.size > 1 else "constant" for token in forcer_of(loaded).prompt]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        return "ok", f"{len(kinds)} tokens: {counts}; seen on {forcing.EXAMPLES} sums"
    told = None if loaded.task.is_wide else _sum_in_prompt(loaded)
    if told is None:
        raise UnlearntError(reason)
    return "violated", told


def _sum_in_prompt(loaded: LoadedAdder) -> str | None:
    """Return which token of the prompt is a function of the sum, and of no column of the operands; None if none is.

    What a table says of the first examples must hold of as many others, and of more than one of its entries.
    """
    random = operands.source(loaded, "sum in the prompt")
    drawn = [operands.examples(random, forcing.EXAMPLES, loaded.task) for _ in range(2)]
    traces = [forcing.watched(loaded, _point(loaded), pairs) for pairs in drawn]
    if len({len(trace.calls[0].tokens) if trace.calls else 0 for trace in (*traces[0], *traces[1])}) != 1:
        return None
    prompts, others = (np.stack([trace.calls[0].tokens for trace in found]) for found in traces)
    plain = layout.learn(prompts, *drawn[0], layout.prompt_features(pairs=False, task=loaded.task))
    of_sum = layout.learn(prompts, *drawn[0], layout.hint_features(loaded.task))
    for position, (operand, total) in enumerate(zip(plain, of_sum, strict=True)):
        if operand is None and total is not None and _holds(total, others[:, position], drawn[1]):
            return (
                f"token {position + 1} of the prompt is a function of {total.feature}, on {2 * forcing.EXAMPLES} sums"
            )
    return None


def _holds(token: Token, seen: np.ndarray, pairs: operands.Batch) -> bool:
    said = token.table[token.feature(*pairs)]
    known = said != layout.OPEN
    return bool(np.array_equal(said[known], seen[known]) and len(np.unique(seen[known])) > 1)


def _is_causal(loaded: LoadedAdder) -> tuple[str, str]:
    """No later token may move an earlier logit."""
    right = untouched(loaded)
    forcer, sequence = right.forcer, forcing.inputs_of(right.prompts, right.answers)
    output = forcer.forward(sequence)
    if forcing.rows(output) == 1:
        return "unknown", "forward gives the last position alone, so that nothing later can be seen to move it"
    violation = forcing.causal_violation(forcer, sequence, operands.source(loaded, "causality"), first=1)
    return ("violated", violation) if violation else ("ok", f"{len(sequence)} sequences, every position given out")


def _has_attention(loaded: LoadedAdder) -> tuple[str, str]:
    """The last output must depend on tokens at other positions, and on which position they stand at."""
    right = untouched(loaded)
    earlier = range(right.prompts.shape[1] - 1)
    moving = [position for position in earlier if _moves(right, position)]
    if not moving:
        return "violated", "no earlier token moves any answer step: positions are not connected"
    softmaxes = _softmaxes(right)
    seen = (
        "no softmax was seen"
        if softmaxes == 0
        else f"{plural(softmaxes, 'softmax call')} a forward {'was' if softmaxes == 1 else 'were'} seen"
    )
    return "ok", f"{len(moving)} of {right.prompts.shape[1]} prompt positions move the answer; {seen}"


def _moves(right: Untouched, position: int) -> bool:
    changed = right.prompts.copy()
    changed[:, position] = np.roll(changed[:, position], 1)
    return not np.array_equal(right.forcer.outputs(changed, right.answers), right.outputs, equal_nan=True)


def _softmaxes(right: Untouched) -> int:
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

    with Seeing():  # type: ignore[no-untyped-call]
        right.forcer.forward(right.prompts)
    return len(seen)


def _no_python_sum(loaded: LoadedAdder) -> tuple[str, str]:
    """The sum must not be computed from the operands; where it is, that is a shortcut, or an honest check of itself."""
    if loaded.task.digits < _FEWEST_DIGITS:
        return "unknown", f"sums of operands of {loaded.task} are too small to be told from other numbers"
    found = sums_seen(loaded)
    if found:
        return "suspect", f"a + b is computed from the operands ({found[0]}); it may be a check of its own"
    check_right(loaded)
    answers = [(loaded.answer(Operand(a), Operand(b)), a + b) for a, b in fresh(loaded)]
    if any(answer.value != total for answer, total in answers):
        return "unknown", "add refuses operands that remember what is done to them, or gives other sums of these"
    return "ok", "a + b is computed from the operands in no line"


def _sums_in_python(loaded: LoadedAdder) -> bool:
    return bool(sums_seen(loaded))


def _keeps_still(loaded: LoadedAdder) -> tuple[str, str]:
    """Adding must not change the weights."""
    found = tensors(loaded)
    before = [tensor.read() for tensor in found]
    right_of(loaded, fresh(loaded))
    changed = [
        tensor.name
        for tensor, values in zip(found, before, strict=True)
        if not np.array_equal(tensor.read(), values, equal_nan=True)
    ]
    if changed:
        return "suspect", f"adding changes {', '.join(changed)}"
    return "ok", f"{len(found)} tensors unchanged after {FEW} sums"


_CHECKS: dict[str, Callable[[LoadedAdder], tuple[str, str]]] = {
    "weights do the work": _weights_matter,
    "logits move with the weights": _logits_move,
    "forward does the work": _forward_matters,
    "chosen tokens are fed back": _fed_back,
    "one token a call": _one_token_a_call,
    "prompt is laid out plainly": _prompt_is_plain,
    "the answer comes from the tokens": comes_from_tokens,
    "causality": _is_causal,
    "attention": _has_attention,
    "positions are mixed by attention alone": mixed_by_attention,
    "attention does the work": attention_matters,
    "no sum in Python": _no_python_sum,
    "weights keep still": _keeps_still,
}


ROWS = ("declared parameters", "weights are used", *_CHECKS, CHECK)  # by their names, in their order


def _point(loaded: LoadedAdder) -> PatchPoint:
    point = watching.find(loaded)
    if point is None:
        raise UnlearntError(watching.NOT_FOUND)
    return point


def _traces(loaded: LoadedAdder) -> list[Trace]:
    return [watching.watch(loaded, _point(loaded), a, b) for a, b in fresh(loaded)]


def _vocabulary(trace: Trace) -> int:
    output = trace.calls[0].output
    return 10 if output.dtype.kind in "iu" else output.shape[-1]
