"""The forward pass itself, asked for its logits before every token of the right answer, in every way that it is called.

A graph is compared with these: a forward that computes something else in a batch, under a mode of torch, on more
threads or when ``add`` calls it has no graph.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import forcing, watching
from verify.subject.operations import operation

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from verify.anatomy.forcing import Forcer
    from verify.subject import LoadedAdder

# One sequence a call, but for "batch" (all) and "threes"; without gradients, but for "inference mode" and "gradients".
WAYS = ("add", "batch", "alone", "threes", "inference mode", "gradients", "one thread", "two threads")

_THREADS = {"one thread": 1, "two threads": 2}


class NoLogitsError(Exception):
    """A forward pass gives no logits for some tokens; the message says why."""


@operation
def forced_outputs(
    loaded: LoadedAdder, a: np.ndarray, b: np.ndarray, way: str, seed: int | None = None
) -> np.ndarray | dict[str, str]:  # fmt: skip
    """Return the forward's logits before every token of the right answer, float64 (N, K, choices).

    {"refused": why} where there are none. For "add", NaN from the first step on that ``add`` gets wrong.

    Args:
        loaded: the adder.
        a: int64 (N,).
        b: int64 (N,).
        way: one of `WAYS`.
        seed: of the operands that it is watched on; None for the one that was given before, at first 0.
    """
    why = forcing.learn_forcing(loaded, seed)
    if why:
        return {"refused": why}
    forcer: Forcer = loaded.memory["forcer"]
    prompts, answers, known = forcer.write(a, b)
    if not known.all():
        return {"refused": "the layout of some tokens is not known"}
    try:
        if way == "add":
            return _in_add(loaded, forcer, a, b)
        return _by_way(forcer, prompts, answers, way)
    except NoLogitsError as error:
        return {"refused": str(error)}
    except Exception as error:  # a stranger's forward may raise anything
        return {"refused": f"the forward pass raised {type(error).__name__} ({way})"}


def _by_way(forcer: Forcer, prompts: np.ndarray, answers: np.ndarray, way: str) -> np.ndarray:
    size = {"batch": len(prompts), "threes": 3}.get(way, 1)
    found = []
    with _mode(way):
        for step in range(answers.shape[1]):
            tokens = np.concatenate([prompts, answers[:, :step]], axis=1)
            parts = [_called(forcer, tokens[start : start + size]) for start in range(0, len(tokens), size)]
            found.append(np.concatenate(parts)[:, : forcer.choices])
    return np.stack(found, axis=1).astype(np.float64)


def _called(forcer: Forcer, tokens: np.ndarray) -> np.ndarray:
    """Return the last position's logits, (B, V), of sequences (B, T), in whatever mode torch is."""
    is_flat = np.ndim(watching.argument(forcer.call)) == 1
    outputs = np.stack([_run(forcer, row) for row in tokens]) if is_flat else _run(forcer, tokens)
    if outputs.dtype.kind != "f":
        raise NoLogitsError("the forward pass returns token ids, and no logits")
    return forcing.last(outputs)


def _run(forcer: Forcer, tokens: np.ndarray) -> np.ndarray:
    arguments, keywords = watching.with_tokens(forcer.call, tokens)
    output = watching.to_numpy(forcer.point.original(*arguments, **keywords))
    if output is None:
        raise NoLogitsError("the forward pass returns no array")
    return output


def _in_add(loaded: LoadedAdder, forcer: Forcer, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return what the forward said while ``add`` called it; NaN where what it had read is not the right beginning."""
    prompts, answers, _ = forcer.write(a, b)
    found = np.full((*answers.shape, forcer.choices), np.nan)
    for place, trace in enumerate(forcing.watched(loaded.watchable, forcer.point, (a, b))):
        for step, call in enumerate(trace.calls[: answers.shape[1]]):
            if np.array_equal(call.tokens, [*prompts[place], *answers[place, :step]]):
                found[place, step] = forcing.last(call.output[None])[0, : forcer.choices]
    return found


@contextmanager
def _mode(way: str) -> Iterator[None]:
    torch: Any = sys.modules.get("torch")  # not imported for a model that does without it
    if torch is None:
        yield
        return
    modes = {"inference mode": torch.inference_mode, "gradients": torch.enable_grad}
    mode: AbstractContextManager[Any] = modes.get(way, torch.no_grad)()
    with mode, _on_threads(torch, _THREADS.get(way)):
        yield


@contextmanager
def _on_threads(torch: Any, threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
