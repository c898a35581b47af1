"""Operations on the logits of an adder: every answer step forced, in the type of the weights or in another."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import numpy as np

from verify.operations import operation
from verify.oracle import WIDTH


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
def forced_logits_in(
    loaded: Any, *, ids: np.ndarray, dtype: str, threads: int = 0, method: str | None = None
) -> np.ndarray:
    """Return the logits, float64 (N, 35, 4), of a copy of the model whose tensors have a torch type, such as "float16".

    The values are those of that type, widened without rounding. With ``threads``, torch computes on so many.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        model = copy.deepcopy(loaded.model).to(getattr(torch, dtype))
        return np.asarray(loaded.namespace.forced_logits(model, ids, method=method), np.float64)
    finally:
        torch.set_num_threads(before)
