"""How many parameters an adder has, by each way of counting: disputes are about which of them counts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import forcing, operands
from verify.anatomy.forcing import UnlearntError
from verify.anatomy.literals import numbers_in_code
from verify.anatomy.tensors import Tensor, changed, tensors
from verify.anatomy.usage import MOST_ENTRIES, usage
from verify.errors import ProtocolError
from verify.subject.operations import operation
from verify.text import printable

if TYPE_CHECKING:
    from verify.anatomy.forcing import Forcer
    from verify.subject import LoadedAdder, Subject

_SEQUENCES = 24


def parameters(subject: Subject, seed: int | None = None) -> dict[str, Any]:
    """Return the parameters of a subject by each way of counting, and how each of its numbers is used.

    "declared" is what the metadata claims; "counted" are elements of parameters, shared storage once; "unique" their
    distinct values; "nonzero" those that are not zero; "freedom" the rank of the map from parameters to what meets the
    tokens; "buffers" elements of other float tensors, and "copies" of those that repeat the values of a parameter;
    "dead" parameters that move no logit of some sums, and "needed_outside" numbers outside parameters on which answers
    depend; "tensors" and "outside" what `verify.anatomy.usage` found of each tensor of parameters, and of each other
    one and each number in the code. None where something was not found out.

    Args:
        subject: what is counted.
        seed: of the operands on which it is found out what moves a logit, see `verify.anatomy.operands.use_seed`.

    Raises:
        ProtocolError: what comes back from the subject's process are no counts.
    """
    told = subject.ask("count_parameters", seed=seed)
    try:
        counts = {way: int(told[way]) for way in ("counted", "unique", "nonzero", "buffers", "copies")}
        freedom = None if told["freedom"] is None else int(told["freedom"])
        used, outside = (None if told[name] is None else list(map(_row, told[name])) for name in ("tensors", "outside"))
        notes = [printable(str(note), 2000) for note in told["notes"]]
    except (TypeError, KeyError, ValueError) as error:
        raise ProtocolError(f"{subject.spec} broke the protocol: its counts are none") from error
    return {
        "declared": subject.declared_parameters,
        **counts,
        "freedom": freedom,
        "dead": _sum(used, "dead"),
        "needed_outside": _sum(outside, "needed"),
        "tensors": used,
        "outside": outside,
        "notes": notes,
    }


def _sum(rows: list[dict[str, Any]] | None, kind: str) -> int | None:
    return None if rows is None else sum(row[kind] for row in rows)


def _row(told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of one tensor, as plain values."""
    numbers = {key: int(told[key]) for key in ("count", "nonzero", "dead", "idle", "needed")}
    return {"name": printable(str(told["name"])), "shape": [int(size) for size in told["shape"]], **numbers}


@operation
def count_parameters(loaded: LoadedAdder, seed: int | None = None) -> dict[str, Any]:
    """Return how many parameters a model has, by each way of counting; found out once."""
    operands.use_seed(loaded, seed)
    if "counts" not in loaded.memory:
        loaded.memory["counts"] = _count(loaded)
    counts: dict[str, Any] = loaded.memory["counts"]
    return counts


def _count(loaded: LoadedAdder) -> dict[str, Any]:
    found = tensors(loaded)
    counted = [tensor for tensor in found if tensor.is_parameter]
    others = [tensor for tensor in found if not tensor.is_parameter]
    copied = {tensor.name: source for tensor in others if (source := _repeats(tensor, counted))}
    values = np.concatenate([np.zeros(0), *(tensor.read().reshape(-1) for tensor in counted)])
    outside, missing = _outside(loaded, [tensor for tensor in others if tensor.name not in copied])
    return {
        "counted": len(values),
        "unique": len(np.unique(values)),
        "nonzero": int(np.count_nonzero(values)),
        "buffers": sum(tensor.read().size for tensor in others if tensor.name not in copied),
        "copies": sum(tensor.read().size for tensor in others if tensor.name in copied),
        "freedom": _freedom(loaded, counted),
        "tensors": usage(loaded, counted),
        "outside": outside,
        "notes": [
            *missing,
            *_note("tensors that are no parameters", [tensor for tensor in others if tensor.name not in copied], {}),
            *_note("repeat a parameter's values", [tensor for tensor in others if tensor.name in copied], copied),
        ],
    }


def _outside(loaded: LoadedAdder, others: list[Tensor]) -> tuple[list[dict[str, Any]] | None, list[str]]:
    """Return how other tensors than parameters, and numbers in the code, are used, and why some are missing."""
    try:
        in_code, why = numbers_in_code(loaded)
    except Exception as error:  # a stranger's file may do anything when it is executed anew
        told = str(error) if isinstance(error, UnlearntError) else f"{type(error).__name__} while it was looked into"
        return None, [f"numbers outside parameters were not tried: {told}"]
    used = usage(loaded, others)
    missing = [f"numbers in the code: {why}"] if why else []
    if used is None:
        missing.append(f"tensors that are no parameters have more than {MOST_ENTRIES} entries, and were not tried")
    return [*(used or []), *map(asdict, in_code)], missing


def _freedom(loaded: LoadedAdder, counted: list[Tensor]) -> int | None:
    """Return the degrees of freedom of parameters; None where they are too many, or the forward is not seen."""
    if not 0 < sum(tensor.read().size for tensor in counted) <= MOST_ENTRIES or forcing.learn_forcing(loaded):
        return None
    try:
        from verify.anatomy.effective import degrees_of_freedom
    except ImportError:  # there is no torch
        return None
    return degrees_of_freedom(loaded, loaded.memory["forcer"], counted)


def _note(what: str, named: list[Tensor], copied: dict[str, str]) -> list[str]:
    names = [
        f"{tensor.name} {list(tensor.read().shape)}{copied.get(tensor.name, '') and ' as ' + copied[tensor.name]}"
        for tensor in named
    ]
    return [f"{what}: {', '.join(names)}"] if names else []


def _repeats(tensor: Tensor, counted: list[Tensor]) -> str:
    """Return the name of the parameter whose values a tensor repeats, such as a table of weights in the file, or ""."""
    values = tensor.read().reshape(-1).astype(np.float32)
    same = (
        other.name
        for other in counted
        if len(values) > 1 and np.array_equal(values, other.read().reshape(-1).astype(np.float32), equal_nan=True)
    )
    return next(same, "")


@operation
def module_state(loaded: LoadedAdder) -> dict[str, Any]:
    """Return what a torch module holds: {"parameters": {name: shape}, "buffers": {name: array}}."""
    parameters = {name: list(tensor.shape) for name, tensor in loaded.model.named_parameters()}
    buffers = {name: tensor.detach().cpu().numpy() for name, tensor in loaded.model.named_buffers()}
    return {"parameters": parameters, "buffers": buffers}


@operation
def head_is_tied(loaded: LoadedAdder) -> bool | None:
    """Return whether the logit of a token moves with its embedding, in sequences without it; None if unlearnt.

    Embeddings are parameters with a row for each token.
    """
    if forcing.learn_forcing(loaded):
        return None
    forcer: Forcer = loaded.memory["forcer"]
    drawn = operands.without_carry(operands.source(loaded, "tied head"), _SEQUENCES, loaded.task)
    prompts, answers, known = forcer.write(*drawn)
    prompts, answers = prompts[known], answers[known]
    before = forcer.outputs(prompts, answers)
    absent = before.shape[-1] - 1
    without = (prompts != absent).all(axis=1) & (answers != absent).all(axis=1)
    if not without.any():
        return None
    prompts, answers, before = prompts[without], answers[without], before[without]
    moved = []
    for tensor in tensors(loaded):
        if tensor.is_parameter and tensor.read().shape[:1] == before.shape[-1:]:
            with changed([tensor], lambda values: _nudged(values, values.size - 1)):
                after = forcer.outputs(prompts, answers)
            moved.append(bool(np.any(after[..., absent] != before[..., absent])))
    return any(moved)


def _nudged(values: np.ndarray, index: int) -> np.ndarray:
    nudged = values.copy()
    flat = nudged.reshape(-1)
    flat[index] = flat[index] * 1.5 + 1
    return nudged
