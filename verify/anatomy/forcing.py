"""Teacher forcing: one batched forward over prompt and true answer checks every step of many sums.

Learnt from watched sums: how prompt and answer are laid out (`verify.anatomy.layout`), that decoding is greedy, and
whether one forward over the whole sequence gives the logits of every step, which holds for causal models alone. Where
it does not, the steps are forced one after another, still a batch at a time. What the forward flags is asked of the
real ``add``, and so is a sample of what it passes; at the first pass that ``add`` gets wrong it is given up.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import layout, operands, watching
from verify.anatomy.watching import chosen
from verify.subject.answers import collect
from verify.subject.operations import operation
from verify.text import number

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from verify.addition.task import Task
    from verify.anatomy.layout import Token
    from verify.anatomy.watching import Call, PatchPoint, Trace
    from verify.subject import LoadedAdder

EXAMPLES = 44
_HELD_OUT = 24
_MOST_EXAMPLES = 3 * EXAMPLES  # for adders that are often wrong
_ENOUGH_RIGHT = 36  # right sums: with 24 a rare token was taken for another column's
_FEWEST_RIGHT = 20  # right sums among the examples: fewer show too little of the layout
_BATCH = 1024  # sequences in one forward
_CLOSE = 1e-3  # of the largest logit: two orders of the same sums differ by less
_SAMPLE = 512  # of so many sums that pass, one is asked of add, and so is the one with the smallest margin
_DIGITS = 10
_TRIES = 3  # pairs on which a forced step may leave the sum right; on some an adder is wrong anyway


class UnlearntError(Exception):
    """The way in which an adder decodes was not learnt; the message says why."""


@dataclass
class Forcer:
    """Checks sums by teacher forcing.

    Attributes:
        point: where the forward call is.
        call: a watched call, as the pattern of further ones.
        prompt: the layout of the prompt.
        emitted: the layout of the answer, without the tokens that the answer does not depend on.
        choices: how many tokens of the vocabulary the decoder chooses from.
        in_one: whether one forward gives the logits of every step.
    """

    point: PatchPoint
    call: Call
    prompt: list[Token]
    emitted: list[Token]
    choices: int
    in_one: bool = True

    def margins(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return how sure the weakest step of each sum is, float64 (N,): right logit minus best other.

        Negative where a step is wrong; for models that emit token ids, 1 and -1. NaN where the layout is open.
        """
        prompts, answers, known = self.write(a, b)
        found = np.full(len(a), np.nan)
        for chunk in np.array_split(np.flatnonzero(known), max(1, -(-known.sum() // _BATCH))):
            if len(chunk):
                outputs = self.outputs(prompts[chunk], answers[chunk])
                found[chunk] = margins_of(outputs, answers[chunk], self.choices).min(axis=1)
        return found

    def write(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return prompts (N, L), true answers (N, K), and where both are known, bool (N,)."""
        prompts, answers = layout.write(self.prompt, a, b), layout.write(self.emitted, a, b)
        return prompts, answers, (prompts != layout.OPEN).all(axis=1) & (answers != layout.OPEN).all(axis=1)

    def outputs(self, prompts: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Return what the forward says before every answer token: (B, K, V), or token ids (B, K)."""
        steps = answers.shape[1]
        sequence = inputs_of(prompts, answers)  # (B, L + K - 1)
        if self.in_one:
            return self.forward(sequence)[:, -steps:]
        ends = range(prompts.shape[1], sequence.shape[1] + 1)
        return np.stack([last(self.forward(sequence[:, :end])) for end in ends], axis=1)

    def forward(self, tokens: np.ndarray) -> np.ndarray:
        """Return the output for sequences, int64 (B, T)."""
        if np.ndim(watching.argument(self.call)) == 1:
            return np.stack([self._forward(row) for row in tokens])
        return self._forward(tokens)

    def _forward(self, tokens: np.ndarray) -> np.ndarray:
        arguments, keywords = watching.with_tokens(self.call, tokens)
        with without_gradients():
            output = watching.to_numpy(self.point.original(*arguments, **keywords))
        if output is None:
            raise UnlearntError("forward returned no array for a batch")
        return output


def learn_forcer(loaded: LoadedAdder) -> Forcer:
    """Return what checks an adder by teacher forcing.

    Raises:
        UnlearntError: the model cannot be watched, or does not decode greedily from a fixed layout.
    """
    point = watching.find(loaded)
    if point is None:
        raise UnlearntError(watching.NOT_FOUND)
    random = operands.source(loaded, "layout")
    traces = watched(loaded, point, operands.examples(random, EXAMPLES, loaded.task))
    while len(traces) < _MOST_EXAMPLES and 0 < sum(trace.is_right for trace in traces) < _ENOUGH_RIGHT:
        traces += watched(loaded, point, operands.examples(random, EXAMPLES, loaded.task))
    prompt = _learn_prompt(loaded, point, traces)
    emitted, choices = _learn_answer(loaded, point, traces)
    forcer = Forcer(point, traces[0].calls[0], prompt, emitted, choices)
    _confirm(loaded, forcer)
    return forcer


def watched(loaded: LoadedAdder, point: PatchPoint, pairs: operands.Batch) -> list[Trace]:
    """Return sums with the forward calls that led to them."""
    a, b = pairs
    return [watching.watch(loaded, point, x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]


@operation
def learn_forcing(loaded: LoadedAdder, seed: int | None = None) -> str:
    """Learn how to check an adder by teacher forcing, once; return "" or why it cannot be.

    Args:
        loaded: the adder.
        seed: of the operands that it is watched on; None for the one that was given before, at first 0.
    """
    operands.use_seed(loaded, seed)
    if loaded.task.is_wide:
        return f"operands of {loaded.task} fit no number that a layout is learnt from"
    if "forcer" not in loaded.memory:
        try:
            loaded.memory["forcer"] = learn_forcer(loaded.watchable)
        except UnlearntError as error:
            loaded.memory["forcer"] = str(error)
        except Exception as error:  # a stranger's forward may raise anything on a batch
            loaded.memory["forcer"] = f"forward raised {type(error).__name__} when it was watched or given a batch"
    forcer = loaded.memory["forcer"]
    return forcer if isinstance(forcer, str) else ""


@operation
def forced_batch(loaded: LoadedAdder, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """Return the sums of operands, int64 (N,) each, in the form of `verify.subject.answers.collect`.

    Checked by teacher forcing; beside what `collect` gives, "given_up" says why that ended, or is "", and "stricter"
    how many sums forcing flagged that add gives right.
    """
    given_up = learn_forcing(loaded)
    margins = None if given_up else _margins(loaded, a, b)
    if margins is None:
        return {**loaded.many("add", a, b), "given_up": given_up or learn_forcing(loaded)}
    flagged = np.flatnonzero(~(margins > 0))
    passed = np.flatnonzero(margins > 0)
    asked = np.concatenate([flagged, _sample(passed, margins)])
    told = collect(loaded.answers(a[asked], b[asked], asked))
    is_right = told["sums"] == (a + b)[asked]
    wrong = asked[~is_right & (margins[asked] > 0)]
    if len(wrong):
        pair = f"{a[wrong[0]]} + {b[wrong[0]]}"
        loaded.memory["forcer"] = f"teacher forcing and add disagreed on {pair}, so that every sum is asked of add"
        return {**loaded.many("add", a, b), "given_up": loaded.memory["forcer"]}
    sums = a + b
    sums[asked] = told["sums"]
    odd = [[int(asked[index]), wire] for index, wire in told["odd"]]
    stricter = int(np.sum(is_right & (margins[asked] <= 0)))  # a token after the sum may be wrong and do no harm
    return {"sums": sums, "odd": odd, "counts": told["counts"], "given_up": "", "stricter": stricter}


@operation
def forced_margins(loaded: LoadedAdder, a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Return the smallest margin of each sum's steps, float64 (N,), negative where one is wrong; None if unlearnt."""
    return None if learn_forcing(loaded) else _margins(loaded, a, b)


def inputs_of(prompts: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return what a decoder has read before its last token, (B, L + K - 1), of prompts (B, L) and answers (B, K)."""
    return np.concatenate([prompts, answers[:, :-1]], axis=1)


def margins_of(outputs: np.ndarray, answers: np.ndarray, choices: int) -> np.ndarray:
    """Return right logit minus best other, float64 (B, K), of logits (B, K, V); of token ids (B, K), 1 or -1."""
    if outputs.ndim == 2:
        return np.where(outputs == answers, 1.0, -1.0)
    logits = outputs[..., :choices].astype(np.float64)  # (B, K, C)
    right = np.take_along_axis(logits, answers[..., None], axis=-1)  # (B, K, 1)
    np.put_along_axis(logits, answers[..., None], -np.inf, axis=-1)
    margins: np.ndarray = right[..., 0] - logits.max(axis=-1)
    return np.where(np.isnan(margins), -np.inf, margins)


def last(output: np.ndarray) -> np.ndarray:
    """Return the last position of a forward's output: (B, V) of (B, T, V) or (B, V), ids (B,) of (B, T) ids."""
    if output.dtype.kind in "iu":
        return output[:, -1] if output.ndim == 2 else output
    return output[:, -1] if output.ndim == 3 else output


def rows(output: np.ndarray) -> int:
    """Return of how many positions, the last ones, there is an output: (B, T, V) or ids (B, T); of (B, V) one."""
    is_many = output.ndim == 3 or (output.ndim == 2 and output.dtype.kind in "iu")
    return int(output.shape[1]) if is_many else 1


def _margins(loaded: LoadedAdder, a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    try:
        margins: np.ndarray = loaded.memory["forcer"].margins(a, b)
    except Exception as error:  # a stranger's forward may raise anything
        loaded.memory["forcer"] = f"forward raised {type(error).__name__} on a batch"
        return None
    return margins


def _sample(passed: np.ndarray, margins: np.ndarray) -> np.ndarray:
    """Return which of the sums that pass are asked of add too: the weakest, and as many at random."""
    count = min(len(passed), -(-len(passed) // _SAMPLE))
    weakest = passed[np.argsort(margins[passed])[:count]]
    return np.union1d(weakest, np.random.default_rng(len(passed)).permutation(passed)[:count])


def _learn_prompt(loaded: LoadedAdder, point: PatchPoint, traces: list[Trace]) -> list[Token]:
    if not all(watching.is_decoding(trace) for trace in traces):
        raise UnlearntError("the forward calls of some sums do not grow by one token a step")
    if len({(len(trace.calls), len(trace.calls[0].tokens)) for trace in traces}) != 1:
        raise UnlearntError("the prompt or the answer has another length for other operands")
    learnt = _fit_prompts(traces, loaded.task, pairs=False)
    if None in learnt:
        more = watched(loaded, point, operands.pair_examples(operands.source(loaded, "pairs of digits"), loaded.task))
        learnt = _fit_prompts([*traces, *more], loaded.task, pairs=True)
    return _all_of(learnt, "of the prompt is no function of one digit or bit of an operand, or of one column of both")


def _fit_prompts(traces: list[Trace], task: Task, *, pairs: bool) -> list[Token | None]:
    a, b = _operands(traces)
    prompts = np.stack([trace.calls[0].tokens for trace in traces])
    return layout.learn(prompts, a, b, layout.prompt_features(pairs=pairs, task=task))


def _learn_answer(loaded: LoadedAdder, point: PatchPoint, traces: list[Trace]) -> tuple[list[Token], int]:
    """Return the layout of the answer, and how many tokens the decoder chooses from."""
    vocabulary = traces[0].calls[0].output.shape[-1]
    choices = next((count for count in (vocabulary, _DIGITS) if is_greedy(traces, count)), None)
    if choices is None:
        raise UnlearntError("the next input does not end in the largest logit of the last output")
    right = [trace for trace in traces if trace.is_right]
    if len(right) < _FEWEST_RIGHT:
        raise UnlearntError(f"only {len(right)} of {len(traces)} sums are right, too few to learn the layout from")
    a, b = _operands(right)
    emitted = np.array([[chosen(call, choices) for call in trace.calls] for trace in right])
    learnt = layout.learn(emitted, a, b, layout.answer_features(loaded.task))
    while learnt and is_idle(
        loaded, point, right[0].calls[len(learnt) - 1], len(learnt) - 1
    ):  # such as what stands after the sum
        learnt.pop()
    return _all_of(learnt, "of the answer is no function of one column of the sum"), choices


def is_greedy(traces: list[Trace], choices: int) -> bool:
    """Return whether every call's input ends in the token that is chosen, of so many, after the call before."""
    steps = ((call, after) for trace in traces for call, after in pairwise(trace.calls))
    return all(chosen(call, choices) == after.tokens[-1] for call, after in steps)


def is_idle(loaded: LoadedAdder, point: PatchPoint, call: Call, step: int) -> bool:
    """Return whether sums stay right whatever other token a step says, each on pairs of its own.

    Args:
        loaded: the adder.
        point: its forward.
        call: one of it.
        step: that is made to say other tokens, from 0 on.
    """
    return all(_stays_right(loaded, point, step, offset) for offset in range(1, watching.forceable(call)))


def _stays_right(loaded: LoadedAdder, point: PatchPoint, step: int, offset: int) -> bool:
    pairs = operands.fresh(loaded, "idle steps", _TRIES)
    return any(watching.watch_forced(loaded, point, *pair, step, offset).is_right for pair in pairs)


def _confirm(loaded: LoadedAdder, forcer: Forcer) -> None:
    """Check on held-out sums, long carries among them, that forcing sees the logits that decoding sees."""
    carrying = operands.carrying(operands.source(loaded, "held out"), _HELD_OUT, loaded.task)
    held_out = watched(loaded, forcer.point, carrying)
    right = [trace for trace in held_out if trace.is_right]
    if not right:
        raise UnlearntError("no held-out sum is right")
    steps = len(forcer.emitted)
    seen = [np.stack([last(call.output[None])[0] for call in trace.calls[:steps]]) for trace in right]
    random = operands.source(loaded, "causality")
    forcer.in_one = _is_close(forcer, right, seen) and _is_causal(forcer, *_operands(right), random)
    if not forcer.in_one and not _is_close(forcer, right, seen):
        raise UnlearntError("a batch gives other logits than one sum at a time")
    margins = forcer.margins(*_operands(held_out))
    is_right = np.array([trace.is_right for trace in held_out])
    if np.any((margins > 0) != is_right, where=~np.isnan(margins)):
        raise UnlearntError("teacher forcing and add disagree on held-out sums")


def _is_close(forcer: Forcer, traces: list[Trace], seen: list[np.ndarray]) -> bool:
    a, b = _operands(traces)
    prompts, answers, known = forcer.write(a, b)
    expected = np.stack(seen)[known]
    got = forcer.outputs(prompts[known], answers[known])
    if got.shape != expected.shape:
        return False
    tolerance = _CLOSE * np.abs(np.where(np.isfinite(expected), expected, 0)).max(initial=1e-9)
    return bool(np.allclose(got, expected, rtol=0, atol=tolerance, equal_nan=True))


def _is_causal(forcer: Forcer, a: np.ndarray, b: np.ndarray, random: np.random.Generator) -> bool:
    """Return whether no later token moves an earlier output."""
    prompts, answers, known = forcer.write(a, b)
    sequence = inputs_of(prompts, answers)[known]
    return causal_violation(forcer, sequence, random, first=prompts.shape[1]) == ""


def causal_violation(forcer: Forcer, sequence: np.ndarray, random: np.random.Generator, *, first: int) -> str:
    """Return how a later token moves an earlier output, or "".

    Args:
        forcer: what calls the forward.
        sequence: int64 (B, T).
        random: exchanges tokens.
        first: the first position whose token is exchanged.
    """
    before = forcer.forward(sequence)
    missing = sequence.shape[1] - rows(before)  # positions of which there is no output, such as an encoder's
    scale = np.abs(np.where(np.isfinite(before), before, 0)).max(initial=1e-9)
    for position in range(first, sequence.shape[1]):
        changed = sequence.copy()
        changed[:, position:] = random.permuted(changed[:, position:], axis=0)
        earlier = max(position - missing, 0)
        moved = _distance(forcer.forward(changed)[:, :earlier], before[:, :earlier])
        if moved > _CLOSE * scale:
            return f"tokens from position {position} on move an earlier output by {number(moved)}"
    return ""


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far two outputs are apart; equal infinities are not."""
    return float(np.abs(np.where(one == other, 0, np.nan_to_num(one) - np.nan_to_num(other))).max(initial=0))


def without_gradients() -> AbstractContextManager[None]:
    """Return what keeps torch, where it is loaded, from keeping track of gradients."""
    torch = sys.modules.get("torch")  # not imported for a model that does without it
    return contextlib.nullcontext() if torch is None else torch.no_grad()


def _operands(traces: list[Trace]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([trace.a for trace in traces], np.int64), np.array([trace.b for trace in traces], np.int64)


def _all_of(learnt: list[Token | None], otherwise: str) -> list[Token]:
    found = [token for token in learnt if token is not None]
    if not learnt:
        raise UnlearntError("no token of the answer matters")
    if len(found) != len(learnt):
        raise UnlearntError(f"token {learnt.index(None) + 1} {otherwise}")
    return found
