"""Which entries of tensors are used: each is dead, idle or needed, in one table with the names of the tensors.

An entry is *dead* where none of several other values moves a logit; *idle* where zero moves logits, or another value
does, but with zero in its place every answer stays right; *needed* where with zero in its place an answer is wrong.
Saturated attention moves for some values alone, and ``x * 1.5 + 1`` leaves -2 where it is: so zero, the negative and
two random values are tried, and a second time on other sums before an entry is called dead.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import forcing, operands
from verify.anatomy.tensors import changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.anatomy.forcing import Forcer
    from verify.anatomy.tensors import Tensor
    from verify.subject import LoadedAdder

DEAD, IDLE, NEEDED = "dead", "idle", "needed"

SUMS = 24
_TRIES = 2  # draws of sums on which a dead entry moves nothing
MOST_ENTRIES = 600  # entries that are changed one by one


@dataclass
class Usage:
    """How the entries of one tensor are used."""

    name: str
    shape: list[int]
    count: int
    nonzero: int
    dead: int
    idle: int
    needed: int


def usage(loaded: LoadedAdder, counted: list[Tensor]) -> list[dict[str, Any]] | None:
    """Return a `Usage` for each tensor, as a dict; None where there are too many entries, or no batched forward."""
    if sum(tensor.read().size for tensor in counted) > MOST_ENTRIES or forcing.learn_forcing(loaded):
        return None
    return [asdict(_of_tensor(loaded, tensor)) for tensor in counted]


def sequences(loaded: LoadedAdder, forcer: Forcer, count: int = SUMS) -> tuple[np.ndarray, np.ndarray]:
    """Return prompts and true answers of a few sums whose layout is known."""
    prompts, answers, known = forcer.write(*operands.examples(operands.source(loaded, "sequences"), count, loaded.task))
    return prompts[known], answers[known]


class _Sums:
    """Sums, and what the untouched model says of them."""

    def __init__(self, loaded: LoadedAdder) -> None:
        self.forcer: Forcer = loaded.memory["forcer"]
        self.prompts, self.answers = sequences(loaded, self.forcer)
        self.before = self._outputs()
        self.right = self._right(self.before)

    def moves(self, tensor: Tensor, index: int, value: float) -> tuple[bool, bool]:
        """Return whether another value of an entry moves an output, and whether an answer gets wrong that was right."""
        with changed([tensor], lambda values: _with(values, index, value)):
            after = self._outputs()
        return (
            not np.array_equal(after, self.before, equal_nan=True),
            bool(np.any(self.right & ~self._right(after))),
        )

    def _outputs(self) -> np.ndarray:
        return self.forcer.outputs(self.prompts, self.answers)

    def _right(self, outputs: np.ndarray) -> np.ndarray:
        margins: np.ndarray = forcing.margins_of(outputs, self.answers, self.forcer.choices) > 0
        return margins


def _of_tensor(loaded: LoadedAdder, tensor: Tensor) -> Usage:
    values = tensor.read()
    scale = max(1.0, float(np.abs(np.nan_to_num(values)).max(initial=0)))
    sums, random = _Sums(loaded), operands.source(loaded, "values of entries")
    kinds = [_of_entry(loaded, sums, tensor, index, scale, random) for index in range(values.size)]
    return Usage(
        tensor.name,
        list(values.shape),
        values.size,
        int(np.count_nonzero(values)),
        *(kinds.count(kind) for kind in (DEAD, IDLE, NEEDED)),
    )


def _of_entry(
    loaded: LoadedAdder, sums: _Sums, tensor: Tensor, index: int, scale: float, random: np.random.Generator
) -> str:
    value = float(tensor.read().reshape(-1)[index])
    for attempt in range(_TRIES):
        is_moved, is_wrong = sums.moves(tensor, index, 0.0) if value else (False, False)
        if is_wrong:
            return NEEDED
        if is_moved or any(sums.moves(tensor, index, other)[0] for other in _others(value, scale, random)):
            return IDLE
        if attempt + 1 < _TRIES:
            sums = _Sums(loaded)
    return DEAD


def _others(value: float, scale: float, random: np.random.Generator) -> Iterator[float]:
    if value:
        yield -value
    yield from random.normal(0, scale, 2).tolist()


def _with(values: np.ndarray, index: int, value: float) -> np.ndarray:
    changed_values = values.copy()
    changed_values.reshape(-1)[index] = value
    return changed_values
