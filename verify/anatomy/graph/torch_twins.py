"""Twins of torch's storages: what each element is, however many views share it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from verify.anatomy.graph.nodes import Program, RefusedError
from verify.anatomy.torch_reads import key


class Twins:
    """Which storages depend on tokens, and the node of each of their elements."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._flat: dict[int, tuple[Any, torch.dtype, np.ndarray]] = {}  # by storage: it, held; its type; nodes

    def has(self, value: Any) -> bool:
        """Return whether a value is a tensor that may depend on tokens."""
        return isinstance(value, Tensor) and key(value) in self._flat

    def put(self, tensor: Tensor, nodes: np.ndarray) -> None:
        """Say what the elements of a tensor are."""
        if not self.has(tensor):
            self._begin(tensor)
        self._strided(tensor)[...] = nodes

    def nodes(self, tensor: Tensor) -> np.ndarray:
        """Return the node of each element, int64 in the tensor's shape; of complex ones, (..., 2)."""
        if self.has(tensor):
            return self._strided(tensor).copy()
        return self.constants(torch.view_as_real(tensor) if tensor.is_complex() else tensor)

    def constants(self, tensor: Tensor) -> np.ndarray:
        """Return the nodes of a tensor that does not depend on tokens."""
        values = tensor.detach().cpu().double().numpy()
        distinct, where = np.unique(values, return_inverse=True)
        nodes = np.array([self.program.const(value) for value in distinct.tolist()], np.int64)
        return nodes[where].reshape(values.shape)

    def _begin(self, tensor: Tensor) -> None:
        """Give a storage a twin, which holds what it holds now."""
        kind, storage = _type(tensor), tensor.untyped_storage()
        whole = torch.empty(0, dtype=kind, device=tensor.device)
        whole.set_(storage, 0, (storage.nbytes() // kind.itemsize,), (1,))
        self._flat[key(tensor)] = storage, kind, self.constants(whole)

    def _strided(self, tensor: Tensor) -> np.ndarray:
        """Return the part of a twin that a tensor is a view of, to be read and written."""
        _, kind, flat = self._flat[key(tensor)]
        if _type(tensor) != kind:
            raise RefusedError("a tensor that depends on tokens is viewed as another type")
        shape, strides, offset = tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
        if tensor.is_complex():
            shape, strides, offset = (*shape, 2), (*(2 * stride for stride in strides), 1), 2 * offset
        return np.lib.stride_tricks.as_strided(flat[offset:], shape, [stride * flat.itemsize for stride in strides])


def _type(tensor: Tensor) -> torch.dtype:
    """Return the type of a tensor's numbers; of a complex one, of each part."""
    return torch.empty(0, dtype=tensor.dtype).real.dtype if tensor.is_complex() else tensor.dtype
