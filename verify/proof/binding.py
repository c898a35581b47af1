"""Ties a subject's program to the theorem about its architecture, as far as running it can.

A theorem about an architecture says nothing of a program beside it. Three things are checked: that ``forward``
dispatches the architecture's operations (`verify.proof.architecture`), that the logits it computes lie within the error
bounds around the enclosures, in all 16 contexts at all 35 positions, and that ``add`` gives the right sum of pairs of
operands in which every context that can occur at a position occurs there. What remains is an assumption, and the
certificate says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

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
from verify.proof.formats import MODES, rounding_of
from verify.proof.network import CONTEXTS, Step, step
from verify.proof.weights import RefusalError, Weights

if TYPE_CHECKING:
    from torch import nn

RANDOM_PAIRS = 64


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
        RefusalError: a sum is wrong; then the machine that was proved is not what ``add`` runs.
    """
    compared = [*covering_pairs(), *pairs]
    for a, b in compared:
        got = add(a, b)
        if type(got) is not int or got != a + b:
            raise RefusalError(
                f"add({a}, {b})={got!r}, but should be {a + b}: add does not run the machine it was read as"
            )
    return len(compared)


def compare_logits(model: nn.Module, architecture: Mapping[str, Any]) -> int:
    """Return how many logits a module was found to compute within the error bound around the real ones, all of them.

    Every context is tried at every position, all other tokens being drawn at random.

    Raises:
        RefusalError: a logit is outside.
    """
    import torch

    weights = Weights.from_tensors(architecture["weights"])
    steps = [step(weights, *context) for context in CONTEXTS]
    errors = [_widest_errors(weights, each, architecture["dtype"]) for each in steps]
    device = next(model.parameters()).device
    draw = torch.Generator().manual_seed(0)
    compared = 0
    for k in range(BINARY_WIDTH):
        ids = torch.randint(0, 4, (len(CONTEXTS), BINARY_WIDTH + k + 1), generator=draw)
        ids[:, k] = torch.tensor([pair for pair, _state in CONTEXTS])
        ids[:, -1] = torch.tensor([state for _pair, state in CONTEXTS])
        with torch.no_grad():
            logits = model(ids.to(device))[:, -1].double().cpu().tolist()
        for context, row, each, error in zip(CONTEXTS, logits, steps, errors, strict=True):
            _check_row(context, k, row, each, error)
            compared += len(row)
    return compared


def bind(
    subject: str, architecture: Mapping[str, Any], model: Any, add: Callable[[int, int], object]
) -> dict[str, Any]:
    """Return the binding of a subject whose model was read, for `verify.proof.certificate.prove`.

    Raises:
        RefusalError: the subject computes other logits or other sums, or changes its model.
    """
    if architecture["forward"] == "traced":
        compare_logits(model, architecture)
    pairs = compare_sums(add)
    if read_architecture(model) != architecture:
        raise RefusalError("the model is another after adding than before")
    return {"subject": subject, "forward": architecture["forward"], "decoding": "compared", "pairs": pairs}


def _widest_errors(weights: Weights, each: Step, dtype: str) -> list[Fraction]:
    try:
        bounds = [error_bounds(weights, each, rounding_of(dtype, mode)) for mode in MODES]
    except BoundError as error:
        raise RefusalError(f"logits cannot be compared with the architecture's: {error}") from None
    return [max(errors) for errors in zip(*bounds, strict=True)]


def _check_row(context: tuple[int, int], k: int, row: Sequence[float], each: Step, errors: Sequence[Fraction]) -> None:
    for token, (logit, real, error) in enumerate(zip(row, each.logits, errors, strict=True)):
        if not (real.low - error <= logit <= real.high + error):
            raise RefusalError(
                f"logit {token} of bit {k} after pair {context[0]} and state {context[1]} is {logit}, but the "
                f"architecture's is {float(real.low)} within {float(error):.3g}"
            )


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
