"""Sums over positions whose weights are divided by their total only afterwards, as in ``exp(s) @ v / exp(s).sum()``.

A product with weights that are not negative is followed, with the total weight of each of its elements, through
products with other matrices, until it is divided: if the total is then at most one, the whole is a weighted mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from verify.anatomy.torch_reads import key

NEAR = 1e-3  # above one, that a total may be


@dataclass(frozen=True)
class Share:
    """Where a weighted mean was begun.

    Attributes:
        product: the number of the step that multiplies weights and values.
        values: which of its operands the values are, 0 or 1.
        through: steps that multiply the result by a matrix from the right.
    """

    product: int
    values: int
    through: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Sum:
    """A weighted sum: the total weight of each element, as its storage has them in memory."""

    held: Any
    offset: int
    totals: np.ndarray  # (N,)
    share: Share

    def of(self, tensor: Tensor) -> np.ndarray | None:
        """Return the totals in the shape of a view of the whole sum; None of a part of it."""
        if tensor.numel() != len(self.totals) or tensor.storage_offset() != self.offset:
            return None
        strides = [stride * self.totals.itemsize for stride in tensor.stride()]
        return np.lib.stride_tricks.as_strided(self.totals, tuple(tensor.shape), strides, writeable=False)


class Shares:
    """The weighted sums of one run."""

    def __init__(self) -> None:
        self._sums: dict[int, list[_Sum]] = {}

    def clear(self) -> None:
        """Forget all."""
        self._sums.clear()

    def product(self, pair: list[Tensor], values: list[np.ndarray], output: Tensor, step: int) -> None:
        """Follow a product of two matrices, where the weights of one are not negative."""
        x, y = values
        found = []
        if _is_weights(x):
            found.append((x.sum(-1)[..., None] if y.ndim > 1 else x.sum(-1), Share(step, 1)))
            found += [(x @ totals, each.share) for each in self._of(pair[1])
                      if each.share.values == 1 and (totals := each.of(pair[1])) is not None]  # fmt: skip
        if _is_weights(y):
            found.append((y.sum(-2)[..., None, :] if y.ndim > 1 else y.sum(), Share(step, 0)))
        found += [
            (totals[..., :1], Share(each.share.product, 1, (*each.share.through, step)))
            for each in self._of(pair[0])
            if each.share.values == 1 and (totals := each.of(pair[0])) is not None and not np.ptp(totals, axis=-1).any()
        ]
        for totals, share in found:
            self._keep(output, totals, share)

    def scaled(self, tensor: Tensor, factor: np.ndarray) -> list[Share]:
        """Return the shares of a sum that a factor, or one for each element, makes a mean."""
        found = []
        for each in self._of(tensor):
            totals = each.of(tensor)
            if totals is None:
                continue
            with np.errstate(all="ignore"):
                scaled = totals * factor
            if np.isfinite(scaled).all() and (scaled >= 0).all() and (scaled <= 1 + NEAR).all() and scaled.any():
                found.append(each.share)
        return found

    def _of(self, tensor: Tensor) -> list[_Sum]:
        return self._sums.get(key(tensor), [])

    def _keep(self, output: Tensor, totals: np.ndarray, share: Share) -> None:
        """Keep the totals of a sum, where it is all of its storage."""
        if output.numel() * output.element_size() != output.untyped_storage().nbytes() or not output.numel():
            return
        flat = np.empty(output.numel())
        try:
            whole = np.broadcast_to(totals, tuple(output.shape))
        except ValueError:
            return
        strides = [stride * flat.itemsize for stride in output.stride()]
        np.lib.stride_tricks.as_strided(flat, tuple(output.shape), strides)[...] = whole
        kept = _Sum(output.untyped_storage(), int(output.storage_offset()), flat, share)
        self._sums.setdefault(key(output), []).append(kept)


def _is_weights(values: np.ndarray) -> bool:
    is_one = values.dtype.kind == "f" and values.ndim and np.isfinite(values).all()
    return bool(is_one and (values >= 0).all() and values.any())
