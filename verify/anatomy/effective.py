"""The numbers that meet tokens in a forward, and how many of them parameters can choose freely.

Tied, repeated and derived weights are fewer than they look, and so are parameters of which two do what one would: the
rank of the map from parameters to what meets the tokens is their degrees of freedom.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from verify.anatomy import watching
from verify.anatomy.forcing import inputs_of, without_gradients
from verify.anatomy.tensors import changed
from verify.anatomy.torch_reads import key, leaves
from verify.anatomy.usage import sequences

if TYPE_CHECKING:
    from verify.anatomy.forcing import Forcer
    from verify.anatomy.tensors import Tensor as Named
    from verify.subject import LoadedAdder

_STEP = 1e-3  # of a parameter, and of 1: how far it is moved either way
_LEAST = 1e-3  # of the largest singular value: below lie roundings and what the step bends
_WIDTH, _TIMES = 8, 6  # so many sums of what meets the tokens for each parameter; each number is, by sign, in so many


class _Meeting(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's hook for subclasses has no types
    """Sees every operation that a token is in, and keeps the numbers in it that depend on no token."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.met: list[np.ndarray] = []
        self._of_tokens: dict[int, Any] = {}  # storages, held: their addresses are their names

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def depends(self, tensor: Tensor) -> None:
        """Note that a tensor depends on tokens."""
        self._of_tokens[key(tensor)] = tensor.untyped_storage()

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        result = func(*args, **kwargs)
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - what we look at is no read
            given = leaves((args, list(kwargs.values())))
            tensors = [each for each in given if isinstance(each, Tensor)]
            if not any(key(each) in self._of_tokens for each in tensors):
                return result
            for each in [*leaves(result), *(tensors[:1] if func._schema.is_mutable else [])]:  # noqa: SLF001
                if isinstance(each, Tensor):
                    self.depends(each)
            self.met += [_numbers(each) for each in tensors if key(each) not in self._of_tokens]
            self.met += [np.array([each], np.float64) for each in given if type(each) is float]
        return result


def _numbers(tensor: Tensor) -> np.ndarray:
    plain = tensor.detach().cpu()
    is_number = plain.is_floating_point()
    return plain.double().numpy().reshape(-1) if is_number else np.zeros(0)


def degrees_of_freedom(loaded: LoadedAdder, forcer: Forcer, counted: list[Named]) -> int | None:
    """Return the rank of the map from parameters to the numbers that meet tokens; None where these are not seen."""
    prompts, answers = sequences(loaded, forcer)
    if not len(prompts):
        return None
    tokens = inputs_of(prompts[:1], answers[:1])[0]
    try:
        with _meeting(loaded, forcer) as meet:
            before = meet(tokens)
            size = _WIDTH * sum(tensor.read().size for tensor in counted) + 64
            random = np.random.default_rng(len(before))
            places = random.integers(0, size, (_TIMES, len(before)))
            signs = random.choice([-1.0, 1.0], (_TIMES, len(before)))

            def at(tensor: Named, index: int, value: float) -> np.ndarray:
                with changed([tensor], lambda values: _with(values, index, value)):
                    found = meet(tokens)
                finite = np.nan_to_num(found, posinf=0, neginf=0)
                return np.asarray(sum(np.bincount(*each, size) for each in zip(places, signs * finite, strict=True)))

            columns = [
                at(tensor, index, value + step) - at(tensor, index, value - step)
                for tensor in counted
                for index, value in enumerate(tensor.read().reshape(-1).astype(np.float64).tolist())
                for step in [_STEP * max(1.0, abs(value))]
            ]
    except Exception:  # a stranger's forward may raise anything with other weights, or take in other numbers
        return None
    norms = [float(np.linalg.norm(column)) for column in columns]
    moving = [column / norm for column, norm in zip(columns, norms, strict=True) if norm > 0]
    return int(np.linalg.matrix_rank(np.array(moving), rtol=_LEAST)) if moving else 0


@contextlib.contextmanager
def _meeting(loaded: LoadedAdder, forcer: Forcer) -> Any:
    """Yield what returns the numbers that meet tokens, int64 (T,), float64 (N,)."""
    from verify.anatomy.graph import numpy_recorder

    given = watching.argument(forcer.call)

    def run(tokens: np.ndarray) -> np.ndarray:
        seen = _Meeting()
        arguments, keywords = watching.with_sequence(forcer.call, tokens)
        slot = forcer.call.slot
        seen.depends(arguments[slot] if isinstance(slot, int) else keywords[slot])
        with without_gradients(), seen:
            forcer.point.original(*arguments, **keywords)
        return np.concatenate([np.zeros(0), *seen.met])

    if not isinstance(given, np.ndarray | list):
        yield run
        return
    with numpy_recorder.computed_by_torch(forcer.point.original, loaded.model, forcer.call) as forward:

        def run_by_torch(tokens: np.ndarray) -> np.ndarray:
            seen = _Meeting()
            with without_gradients(), seen:
                forward(tokens, seen.depends)
            return np.concatenate([np.zeros(0), *seen.met])

        yield run_by_torch


def _with(values: np.ndarray, index: int, value: float) -> np.ndarray:
    changed_values = values.copy()
    changed_values.reshape(-1)[index] = value
    return changed_values
