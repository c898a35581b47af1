"""Operations on the logits of an adder: every answer step forced, in the type of the weights or in another."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import numpy as np

from verify.addition.oracle import WIDTH
from verify.subject.operations import operation

TYPES = ("float64", "float32", "bfloat16", "float16")


@operation
def forced_logits(loaded: Any, *, ids: np.ndarray, method: str | None = None) -> np.ndarray:
    """Return the logits, float64 (N, 35, 4), of all answer steps of sequences int64 (N, 70)."""
    return np.asarray(loaded.namespace.forced_logits(loaded.model, ids, method=method), np.float64)


@operation
def methods_with_logits(loaded: Any) -> list[str]:
    """Return the names of the ways to decode that compute logits; those that look answers up raise ValueError."""
    found = []
    for name in getattr(loaded.namespace, "METHODS", ()):
        with suppress(ValueError):
            loaded.namespace.forced_logits(loaded.model, np.zeros((1, 2 * WIDTH), np.int64), method=name)
            found.append(str(name))
    return found


@operation
def forced_logits_in(loaded: Any, *, ids: np.ndarray, dtype: str) -> np.ndarray:
    """Return `forced_logits` of a copy of the model in a torch type of `TYPES`, its values widened without rounding."""
    import torch

    model = copy.deepcopy(loaded.model).to(getattr(torch, dtype))
    return np.asarray(loaded.namespace.forced_logits(model, ids), np.float64)


@operation
def forced_logits_on(loaded: Any, *, ids: np.ndarray, threads: int) -> np.ndarray:
    """Return `forced_logits`, torch computing on a number of threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return forced_logits(loaded, ids=ids)
    finally:
        torch.set_num_threads(before)


@operation
def forced_logits_compiled(loaded: Any, *, ids: np.ndarray) -> np.ndarray:
    """Return `forced_logits` of the model as torch.compile translates it."""
    import torch

    return np.asarray(loaded.namespace.forced_logits(torch.compile(loaded.model), ids), np.float64)


def margins(logits: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the logit of the right state minus the best other, (N, 35), from (N, 35, 4) and int64 (N, 35)."""
    right = np.take_along_axis(logits, expected[..., None], axis=-1)[..., 0]
    others = logits.copy()
    np.put_along_axis(others, expected[..., None], -np.inf, axis=-1)
    return np.asarray(right - others.max(axis=-1), np.float64)


def ulp(value: float, dtype: str) -> float:
    """Return the distance of the numbers of a type next to a value that it holds."""
    bits = {"float64": 52, "float32": 23, "bfloat16": 7, "float16": 10}[dtype]
    return float(2.0 ** (np.frexp(value)[1] - 1 - bits)) if value else 0.0
