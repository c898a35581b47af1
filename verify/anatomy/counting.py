"""How many parameters an adder has, by each way of counting: disputes are about which of them counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import forcing, operands
from verify.anatomy.tensors import Tensor, changed, tensors
from verify.anatomy.usage import usage
from verify.errors import ProtocolError
from verify.subject.operations import operation
from verify.text import printable

if TYPE_CHECKING:
    from verify.anatomy.forcing import Forcer
    from verify.subject import LoadedAdder, Subject

_SEQUENCES = 24


def parameters(subject: Subject, seed: int | None = None) -> dict[str, Any]:
    """Return {"declared", "counted", "unique", "nonzero", "buffers", "copies", "dead", "tensors", "notes"}.

    "counted" are elements of parameters, shared storage once; "unique" their distinct values; "nonzero" those that are
    not zero; "buffers" elements of other float tensors, and "copies" of those that repeat the values of a parameter;
    "dead" parameters that move no logit of some sums, and "tensors" what `verify.anatomy.usage` found of each: None
    where that was not found out.

    Args:
        subject: what is counted.
        seed: of the operands on which it is found out what moves a logit, see `verify.anatomy.operands.use_seed`.

    Raises:
        ProtocolError: what comes back from the subject's process are no counts.
    """
    told = subject.ask("count_parameters", seed=seed)
    try:
        counts = {way: int(told[way]) for way in ("counted", "unique", "nonzero", "buffers", "copies")}
        used = None if told["tensors"] is None else [_row(each) for each in told["tensors"]]
        notes = [printable(str(note), 2000) for note in told["notes"]]
    except (TypeError, KeyError, ValueError) as error:
        raise ProtocolError(f"{subject.spec} broke the protocol: its counts are none") from error
    dead = None if used is None else sum(row["dead"] for row in used)
    return {"declared": subject.declared_parameters, **counts, "dead": dead, "tensors": used, "notes": notes}


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
    return {
        "counted": len(values),
        "unique": len(np.unique(values)),
        "nonzero": int(np.count_nonzero(values)),
        "buffers": sum(tensor.read().size for tensor in others if tensor.name not in copied),
        "copies": sum(tensor.read().size for tensor in others if tensor.name in copied),
        "tensors": usage(loaded, counted),
        "notes": [
            *_note("tensors that are no parameters", [tensor for tensor in others if tensor.name not in copied], {}),
            *_note("repeat a parameter's values", [tensor for tensor in others if tensor.name in copied], copied),
        ],
    }


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
