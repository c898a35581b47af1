"""Decoding: every honest way to run the weights of an adder, behind one interface.

===============  ==========  =========================================================================
method           kind        why it generates the tokens of the first
===============  ==========  =========================================================================
``reference``    model run   greedy decoding by definition: the whole sequence, at every step
``incremental``  model run   the mask hides all but a pair and a state, so nothing else is computed
``verified``     model run   a draft is kept only where the model's own choices confirm all its tokens
``tabulated``    memoised    the 16 contexts that the mask leaves are read off the model, then looked up
``scan``         memoised    that table as boolean formulas, the carries of all places by parallel prefix
===============  ==========  =========================================================================

A *model run* does the arithmetic of the weights for every token of every addition; what is *memoised* does it once
for a model and is never called a model run. A model under another mask than the routing mask is no step function:
``incremental`` and ``verified`` then decode as ``reference`` does, and what is memoised refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from adder.batch_last import MAX_CONTEXTS, pair_tokens, spell
from adder.errors import AdderError
from adder.incremental import IncrementalDecoder, is_routed
from adder.model import GPTAdder
from adder.scan import derive
from adder.speculative import OnePass
from adder.tokens import VOCABULARY, WIDTH, check_operands, encode, format_sums, parse_prompts
from adder.transitions import generate_tabulated, transitions

MODEL_RUNS = ("reference", "incremental", "verified")
MEMOISED = ("tabulated", "scan")
METHODS = MODEL_RUNS + MEMOISED

# How many additions at a time keep a path's buffers in cache and its operations on one thread.
_CHUNK = {
    "reference": 512,
    "incremental": MAX_CONTEXTS,
    "verified": MAX_CONTEXTS // WIDTH,
    "tabulated": MAX_CONTEXTS,
    "scan": MAX_CONTEXTS,
}

Path = Callable[[Tensor, Tensor], Tensor]  # from a chunk of operands, int64 (C,) twice, to an answer each


class MethodError(AdderError, ValueError):
    """A decoding method that does not exist."""


@torch.inference_mode()
def generate_ids(model: Callable[[Tensor], Tensor], ids: Tensor, steps: int) -> Tensor:
    """Return the tokens that any model generates greedily, the whole sequence going through it at every step.

    Args:
        model: takes ids, int64 (B, T), and returns logits, (B, T, V).
        ids: int64 (B, T), the prompts.
        steps: how many tokens to generate.

    Returns:
        int64 (B, steps); of equal logits the lowest token is taken.
    """
    length = ids.shape[1]
    sequence = ids.new_empty(len(ids), length + steps)  # (B, T + steps)
    sequence[:, :length] = ids
    for end in range(length, length + steps):
        logits = model(sequence[:, :end])  # (B, end, V)
        torch.argmax(logits[:, -1], dim=-1, out=sequence[:, end])  # (B,)
    return sequence[:, length:]  # (B, steps)


def generate(model: GPTAdder, prompts: Sequence[str], method: str | None = None) -> list[str]:
    """Return the sum that each prompt asks for, 11 digits each: ``0000000012+0000000030=`` gives ``00000000042``.

    Raises:
        PromptError: a prompt is not of the form ``a+b=``.
        OperandError: an operand is over 9_999_999_999.
        MethodError: see `add_tensors`.
    """
    _check_method(method)
    a, b = parse_prompts(prompts)
    return format_sums(add_tensors(model, a, b, method))


@torch.inference_mode()
def add_tensors(model: GPTAdder, a: Tensor, b: Tensor, method: str | None = None) -> Tensor:
    """Return the sums, int64 (N,), that a model generates for operands int64 (N,) and int64 (N,).

    Args:
        model: an adder; the work is done on its device and in its dtype.
        a: each in [0, 9_999_999_999].
        b: likewise.
        method: one of `METHODS`; without one, a model run: ``verified`` or ``incremental``, by the batch.

    Returns:
        The sums, on the operands' device.

    Raises:
        MethodError: the method does not exist.
        OperandError: an operand has another dtype or shape, or is out of range.
        TableError: the method is memoised and the model is no step function.
    """
    _check(a, b, method)
    sums = torch.empty_like(a)  # (N,)
    for rows, chunk in _chunks(model, a, b, method, _sums):
        sums[rows] = chunk  # (C,)
    return sums


@torch.inference_mode()
def answer_tokens(model: GPTAdder, a: Tensor, b: Tensor, method: str | None = None) -> Tensor:
    """Return the states, int64 (N, 35), that a model generates; arguments and errors are those of `add_tensors`."""
    _check(a, b, method)
    tokens = a.new_empty(len(a), WIDTH)  # (N, 35)
    for rows, states in _chunks(model, a, b, method, _states):
        tokens[rows] = states.T  # (C, 35)
    return tokens


@torch.inference_mode()
def forced_logits(model: GPTAdder, ids: Tensor, method: str = "reference") -> Tensor:
    """Return the logits of all 35 steps, the generated tokens being given instead of chosen.

    Args:
        model: an adder.
        ids: int64 (N, 70), 35 pair tokens, the start token and 34 forced states: any tokens in 0..3.
        method: a model run: one whole-sequence forward for ``reference``, 35 steps for ``incremental``, one pass
            over 35 * N contexts for ``verified``.

    Returns:
        (N, 35, 4) in the dtype of the weights: entry k is what the model says after state k.

    Raises:
        MethodError: the method is no model run.
    """
    if method not in MODEL_RUNS:
        raise MethodError(f"method {method!r} computes no logits; the model runs are {', '.join(MODEL_RUNS)}")
    logits = torch.empty(len(ids), WIDTH, VOCABULARY, dtype=model.dtype, device=model.device)
    force = _FORCED[_possible(model, method)]
    for rows in _slices(len(ids), _CHUNK[method]):
        force(model, ids[rows].to(model.device), logits[rows])
    return logits


def _force_reference(model: GPTAdder, ids: Tensor, out: Tensor) -> None:
    out.copy_(model(ids)[:, WIDTH:])  # (C, 35, 4)


def _force_incremental(model: GPTAdder, ids: Tensor, out: Tensor) -> None:
    decoder = IncrementalDecoder(model, len(ids))
    decoder.start(ids[:, :WIDTH].T)
    for step in range(WIDTH):
        out[:, step] = decoder.step(ids[:, WIDTH + step]).T  # (C, 4)


def _force_verified(model: GPTAdder, ids: Tensor, out: Tensor) -> None:
    logits = OnePass(model, len(ids)).logits(ids[:, :WIDTH].T, ids[:, WIDTH:].T)  # (4, 35 * C)
    out.copy_(logits.view(VOCABULARY, WIDTH, len(ids)).permute(2, 1, 0))  # (C, 35, 4)


_FORCED = {"reference": _force_reference, "incremental": _force_incremental, "verified": _force_verified}


def _states(model: GPTAdder, method: str, width: int) -> Path:
    """Return a path from a chunk of operands to its states, int64 (35, C), a buffer that the next chunk overwrites."""
    if method == "reference":
        return lambda a, b: generate_ids(model, encode(a, b), WIDTH).T
    if method == "incremental":
        decoder = IncrementalDecoder(model, width)
        states = torch.empty(WIDTH, width, dtype=torch.int64, device=model.device)  # (35, C)
        return lambda a, b: decoder.generate(pair_tokens(a, b), out=states)
    if method == "verified":
        return OnePass(model, width).generate
    table = transitions(model)
    if method == "tabulated":
        return lambda a, b: generate_tabulated(table, a, b)
    scan = derive(table.next_state.tolist())
    return lambda a, b: pair_tokens(*reversed(scan.planes(a, b)))  # a token's bits stand in the planes as a pair's do


def _sums(model: GPTAdder, method: str, width: int) -> Path:
    """Return a path from a chunk of operands to its sums, int64 (C,)."""
    if method == "scan":
        return derive(transitions(model).next_state.tolist()).sums
    states = _states(model, method, width)
    return lambda a, b: spell(states(a, b))


def _chunks(
    model: GPTAdder, a: Tensor, b: Tensor, method: str | None, prepare: Callable[[GPTAdder, str, int], Path]
) -> Iterator[tuple[slice, Tensor]]:
    """Yield the rows of one chunk of the batch after another, and its answers, which the next chunk may overwrite."""
    chosen = _possible(model, method or default_method(len(a)))
    paths: dict[int, Path] = {}
    for rows in _slices(len(a), _CHUNK[chosen]):
        width = rows.stop - rows.start
        if width not in paths:
            paths[width] = prepare(model, chosen, width)
        yield rows, paths[width](a[rows].to(model.device), b[rows].to(model.device))


def _slices(length: int, width: int) -> Iterator[slice]:
    for start in range(0, length, width):
        yield slice(start, min(start + width, length))


def default_method(batch: int) -> str:
    """Return the model run that is fastest for a batch: one pass over all steps, or 35 steps where each is wide."""
    return "verified" if batch < _CHUNK["incremental"] else "incremental"


def _possible(model: GPTAdder, method: str) -> str:
    """Return the method, or ``reference`` in place of a model run that only the routing mask allows."""
    return "reference" if method in MODEL_RUNS and not is_routed(model) else method


def _check(a: Tensor, b: Tensor, method: str | None) -> None:
    _check_method(method)
    check_operands(a, b)


def _check_method(method: str | None) -> None:
    if method is not None and method not in METHODS:
        raise MethodError(f"method {method!r} does not exist; the methods are {', '.join(METHODS)}")
