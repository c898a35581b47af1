"""Our model by everyone's contract, ``build_model()`` and ``add(model, a, b)``, and what the suite uses beyond it."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from adder import decoding
from adder.errors import OperandError, WeightsError
from adder.model import GPTAdder, routing_mask
from adder.solver import solve
from adder.tokens import MAX_OPERAND, START, VOCABULARY, WIDTH
from adder.transitions import transitions as read_table

METHODS = decoding.METHODS
DTYPES = {dtype: dtype for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16)}


def build_model() -> tuple[GPTAdder, dict[str, Any]]:
    """Return a solved model and what is to be known of it."""
    metadata = {
        "name": "adder-46",
        "author": "adder",
        "params": 46,
        "architecture": "1-layer decoder, width 2, 1 head, MLP of 4, tied head, tokens are column pairs in base 2",
        "tricks": [
            "routing mask",
            "carry in the generated token",
            "integer weights found by search over 16 transitions",
        ],
    }
    return solve(seed=1), metadata


def add(model: GPTAdder, a: int, b: int) -> int:
    """Return the sum that the model generates, a whole-sequence forward pass for each token: plain to see, and slow.

    Raises:
        OperandError: an operand is no int in [0, 9_999_999_999].
    """
    for name, operand in (("a", a), ("b", b)):
        if type(operand) is not int or not 0 <= operand <= MAX_OPERAND:
            raise OperandError(f"{name} = {operand!r} is no operand; operands are integers from 0 to {MAX_OPERAND}")
    return int(add_batch(model, [a], [b], method="reference")[0])


def add_batch(model: GPTAdder, a: ArrayLike, b: ArrayLike, method: str | None = None) -> NDArray[np.int64]:
    """Return the sums, int64 (N,), that the model generates for operands of shape (N,) each.

    Raises:
        OperandError: see `adder.decoding.add_tensors`.
    """
    operand_a, operand_b = (torch.from_numpy(np.array(operand, np.int64)) for operand in (a, b))
    sums: NDArray[np.int64] = decoding.add_tensors(model, operand_a, operand_b, method).numpy()
    return sums


def forced_logits(model: GPTAdder, ids: ArrayLike, method: str | None = None) -> NDArray[np.float64]:
    """Return the logits (N, 35, 4) of all answer steps of sequences (N, 70) whose answer tokens are forced.

    Without a method it is one whole-sequence forward pass.
    """
    sequences = torch.from_numpy(np.array(ids, np.int64))  # (N, 70)
    logits = decoding.forced_logits(model, sequences, method or "reference")  # (N, 35, 4)
    answer: NDArray[np.float64] = logits.double().cpu().numpy()
    return answer


def transitions(model: GPTAdder) -> dict[str, Any]:
    """Return the step function of the model: what `verify.proof` calls one, with a column of two bits to a step.

    Raises:
        TableError: the model has another mask, and is no step function.
    """
    next_state = read_table(model).next_state.tolist()  # (4, 4)
    states = range(VOCABULARY)
    table = {(state, (pair >> 1, pair & 1)): next_state[pair][state] for state in states for pair in range(VOCABULARY)}
    return {"base": 2, "width": WIDTH, "start": START, "digits": {state: state & 1 for state in states}, "table": table}


def with_weights(path: Path | str) -> SimpleNamespace:
    """Return this contract for other weights: a state dict in a file, under any names, as ``adder solve --out`` saves.

    The model has the dtype of the weights and the routing mask.

    Raises:
        WeightsError: the file holds no state dict of this architecture, or one of mixed or unknown dtypes.
    """
    path = Path(path)
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        # A plain dict of copies: what else a file may carry (metadata, views of one storage) has no say.
        state = {str(name): tensor.detach().clone().contiguous() for name, tensor in saved.items()}
        (dtype,) = {DTYPES[tensor.dtype] for tensor in state.values()}
        model = GPTAdder(routing_mask()).to(dtype)
        model.load_state_dict(state, assign=False)
    except (OSError, RuntimeError, pickle.UnpicklingError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path} holds no state dict of the 46 parameters in one floating type ({type(error).__name__}); "
            "adder solve --out FILE saves one"
        ) from error
    metadata = {"name": path.stem, "params": 46}
    functions = {
        "add": add,
        "add_batch": add_batch,
        "forced_logits": forced_logits,
        "transitions": transitions,
        "METHODS": METHODS,
    }
    return SimpleNamespace(build_model=lambda: (model, metadata), **functions)
