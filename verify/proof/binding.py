"""Holds a subject's program against the theorem about its architecture, as far as running it can.

A theorem about an architecture says nothing of a program beside it. These things are compared: that ``forward``
dispatches the architecture's operations (`verify.proof.architecture`), that the logits it computes, by each of its
methods that computes any, lie within the error bounds around the enclosures, in all 16 contexts at all 35 positions,
and that ``add``, and each method, gives the right sum of pairs of operands in which every context that can occur at a
position occurs there. What was seen goes into a certificate's record, and is no part of its theorem.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.proof.architecture import read_architecture
from verify.proof.automaton import (
    BINARY_WIDTH,
    MAX_OPERAND,
    PAIRS,
    Node,
    binary_machine,
    full_adder_rows,
    successors,
)
from verify.proof.bound import BoundError, error_bounds
from verify.proof.exactness import RoundsError, exact_logits
from verify.proof.formats import EVERY_OPERATION, FLOAT32_ACCUMULATION, Rounding, rounding_of
from verify.proof.network import CONTEXTS, Step, step
from verify.proof.weights import SHAPES, RefusalError, Weights, WrongSumError, numbers_of
from verify.text import number

if TYPE_CHECKING:
    from torch import nn

RANDOM_PAIRS = 64

Claim = tuple[Fraction, Fraction, Fraction]  # lower end, upper end, error bound


@lru_cache(maxsize=1)
def covering_pairs() -> tuple[tuple[int, int], ...]:
    """Return pairs of operands in which every context (pair, state) occurs at every bit where it can, 526 in all."""
    draw = random.Random(0)  # noqa: S311 - reproducible on purpose
    candidates = [(draw.randint(0, MAX_OPERAND), draw.randint(0, MAX_OPERAND)) for _ in range(RANDOM_PAIRS)]
    wanted = _possible_contexts()
    missing, chosen = set(wanted), []
    for operands in [*candidates, *wanted.values()]:
        covered = missing.intersection(_contexts(*operands))
        if covered:
            chosen.append(operands)
            missing -= covered
    return tuple(chosen)


def compare_sums(add: Callable[[int, int], object], pairs: Iterable[tuple[int, int]] = ()) -> int:
    """Return how many sums of `covering_pairs` and of further pairs were compared, all of them being right.

    Raises:
        WrongSumError: a sum is wrong; then the machine that was proved is not what ``add`` runs.
    """
    compared = [*covering_pairs(), *pairs]
    for a, b in compared:
        got = add(a, b)
        if type(got) is not int or got != a + b:
            raise WrongSumError(
                f"add({a}, {b})={got!r}, but should be {a + b}: add does not run the machine it was read as", (a, b)
            )
    return len(compared)


def compare_logits(model: nn.Module, architecture: Mapping[str, Any]) -> int:
    """Return how many logits a module was found to compute within the error bound around the real ones, all of them.

    Every context is tried at every position, all other tokens being drawn at random.

    Raises:
        RefusalError: a logit is outside.
    """
    import torch

    claimed = claims(architecture)
    device = next(model.parameters()).device
    ids = torch.from_numpy(forced_ids())
    compared = 0
    for k in range(BINARY_WIDTH):
        part = ids[k::BINARY_WIDTH, : BINARY_WIDTH + k + 1]
        with torch.no_grad():
            logits = model(part.to(device))[:, -1].double().cpu().tolist()
        for context, row in zip(CONTEXTS, logits, strict=True):
            _share(claimed[context], row, context, k)
            compared += len(row)
    return compared


def forced_ids() -> np.ndarray:
    """Return sequences, int64 (560, 70), number 35 c + k with context c at position k; other tokens are random."""
    ids = np.random.default_rng(0).integers(0, 4, (len(CONTEXTS) * BINARY_WIDTH, 2 * BINARY_WIDTH))
    rows = np.arange(len(ids))
    ids[rows, rows % BINARY_WIDTH] = np.repeat([pair for pair, _state in CONTEXTS], BINARY_WIDTH)
    ids[rows, BINARY_WIDTH + rows % BINARY_WIDTH] = np.repeat([state for _pair, state in CONTEXTS], BINARY_WIDTH)
    return ids


def claims(architecture: Mapping[str, Any]) -> dict[tuple[int, int], list[Claim]]:
    """Return what the theorem claims of each logit, by context: its enclosure, and how far a computed one may lie off.

    The mode is the one that torch's arithmetic is of: in 16 bits, float32 of which any result may be stored.

    Raises:
        RefusalError: there is no bound.
    """
    dtype = architecture["dtype"]
    weights = Weights.from_tensors(architecture["weights"])
    rounding = rounding_of(dtype, EVERY_OPERATION if dtype == "float64" else FLOAT32_ACCUMULATION)
    found = {}
    for context in CONTEXTS:
        real = step(weights, *context)
        errors = _errors(weights, real, context, rounding)
        found[context] = [(each.low, each.high, error) for each, error in zip(real.logits, errors, strict=True)]
    return found


def largest_share(claimed: Mapping[tuple[int, int], list[Claim]], logits: np.ndarray) -> Fraction:
    """Return the largest error over its bound of logits (560, 35, 4) of `forced_ids`; 0 where nothing may round.

    Raises:
        RefusalError: a logit is outside.
    """
    table = np.asarray(logits, float).reshape(len(CONTEXTS), BINARY_WIDTH, BINARY_WIDTH, 4)
    return max(
        _share(claimed[context], table[index, k, k].tolist(), context, k)
        for index, context in enumerate(CONTEXTS)
        for k in range(BINARY_WIDTH)
    )


def check_bytes(architecture: Mapping[str, Any], tensors: Sequence[Mapping[str, Any]]) -> None:
    """Check that the numbers of an architecture are those in the plain bytes of a model's tensors.

    Args:
        architecture: as it was described where the model lives.
        tensors: of the model, each with ``dtype``, ``shape`` and ``bytes``, a uint8 array.

    Raises:
        RefusalError: a tensor was described that is not there.
    """
    found = set()
    for each in tensors:
        if each["dtype"] == architecture["dtype"]:
            raw = np.ascontiguousarray(each["bytes"], np.uint8).tobytes()
            found.add((tuple(each["shape"]), numbers_of(each["dtype"], raw)))
    for name, rows in architecture["weights"].items():
        if (SHAPES[name], tuple(number for row in rows for number in row)) not in found:
            raise RefusalError(f"{name} was described otherwise than the bytes of the model's tensors say")


def bind(
    subject: str, architecture: Mapping[str, Any], model: Any, add: Callable[[int, int], object]
) -> dict[str, Any]:
    """Return the record of a subject whose model was read, for `verify.proof.certificate.prove`.

    Raises:
        RefusalError: the subject computes other logits or other sums, or changes its model.
    """
    if architecture["forward"] == "traced":
        compare_logits(model, architecture)
    pairs = compare_sums(add)
    if read_architecture(model) != architecture:
        raise RefusalError("the model is another after adding than before")
    return {
        "subject": subject, "weights": "here", "forward": architecture["forward"], "decoding": "compared",
        "pairs": pairs, "methods": {},
    }  # fmt: skip


def _errors(weights: Weights, real: Step, context: tuple[int, int], rounding: Rounding) -> Sequence[Fraction]:
    try:
        exact_logits(weights, *context, rounding)
    except RoundsError:
        pass
    else:
        return [Fraction(0)] * len(real.logits)
    try:
        return error_bounds(weights, real, rounding)
    except BoundError as error:
        raise RefusalError(f"logits cannot be compared with the architecture's: {error}") from None


def _share(claimed: Sequence[Claim], row: Sequence[float], context: tuple[int, int], k: int) -> Fraction:
    """Return the largest error over its bound of the four logits of one context."""
    largest = Fraction(0)
    for token, (logit, (low, high, error)) in enumerate(zip(row, claimed, strict=True)):
        if not low - error <= logit <= high + error:
            raise RefusalError(
                f"logit {token} of bit {k} after pair {context[0]} and state {context[1]} is {logit}, but the "
                f"architecture's is {float(low)} within {number(float(error))}"
            )
        off = max(Fraction(logit) - high, low - Fraction(logit))
        largest = max(largest, off / error if error else Fraction(0))
    return largest


def _contexts(a: int, b: int) -> Iterator[tuple[int, int, int]]:
    """Yield (bit, pair, state) of every step of one addition."""
    rows, state = full_adder_rows(), 0
    for bit in range(BINARY_WIDTH):
        pair = 2 * (a >> bit & 1) + (b >> bit & 1)
        yield bit, pair, state
        state = rows[state][pair]


def _possible_contexts() -> dict[tuple[int, int, int], tuple[int, int]]:
    """Return every (bit, pair, state) that operands in range reach, with a pair of operands that does."""
    machine = binary_machine(full_adder_rows())
    level: dict[Node, tuple[int, int]] = {Node(0, 0, True, True): (0, 0)}
    found: dict[tuple[int, int, int], tuple[int, int]] = {}
    for bit in range(BINARY_WIDTH):
        following: dict[Node, tuple[int, int]] = {}
        for node, operands in level.items():
            for after, (a, b), _wrong in successors(machine, bit, node, operands):
                pair = PAIRS.index((a >> bit & 1, b >> bit & 1))
                found.setdefault((bit, pair, node.state), (a, b))
                following.setdefault(after, (a, b))
        level = following
    return found
