"""What a forward pass computes, as the torch operations that it dispatches: equal traces are equal computations.

The tokens and the parameters are symbols. Every operation that depends on one is recorded with its arguments; every
other tensor counts by its value. A forward that looks at the value of something symbolic is refused, for another value
might take another path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from verify.anatomy.torch_reads import ReadGuard, leaves
from verify.proof.weights import RefusalError


class Trace:
    """A table of operations that traces of several forward passes share: equal numbers are equal computations."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def number(self, operation: Any) -> int:
        """Return the number of an operation with its arguments."""
        return self._numbers.setdefault(operation, len(self._numbers))

    def run(
        self, forward: Callable[[Tensor], Any], ids: Tensor, parameters: Mapping[str, Tensor]
    ) -> tuple[int, list[Tensor]]:
        """Return the number of what a forward pass computes, and the constant tensors that go into it.

        Args:
            forward: from tokens to logits.
            ids: int64 (B, T).
            parameters: symbols by name; each counts as itself, whatever its value.

        Raises:
            RefusalError: the forward reads or overwrites something symbolic, or returns what is no tensor.
        """
        recorder = _Recorder(self, {"ids": ids, **parameters})
        try:
            with torch.no_grad(), ReadGuard(recorder.read_from), recorder:
                logits = forward(ids)
        except RefusalError:
            raise
        except Exception as error:
            raise RefusalError(f"the forward pass cannot be traced: {type(error).__name__}: {error}") from error
        if not isinstance(logits, Tensor) or not recorder.is_symbolic(logits):
            raise RefusalError("the forward pass does not return logits that are computed from its tokens")
        return recorder.symbol(logits), recorder.constants


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's hook for subclasses has no types
    def __init__(self, trace: Trace, symbols: Mapping[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.constants: list[Tensor] = []
        self._trace = trace
        self._alive = list(symbols.values())  # an id is reused once its object is gone
        self._symbols = {id(tensor): trace.number(name) for name, tensor in symbols.items()}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from importing its compiler, 1.5 s, to mark this class as not for compiling."""
        return False

    def is_symbolic(self, value: Any) -> bool:
        """Return whether a tensor depends on tokens or parameters."""
        return id(value) in self._symbols

    def symbol(self, tensor: Tensor) -> int:
        """Return the number of a symbolic tensor."""
        return self._symbols[id(tensor)]

    def read_from(self, name: str, value: Any) -> Any:
        """Return a tensor that is read.

        Raises:
            RefusalError: it is symbolic.
        """
        if self.is_symbolic(value):
            raise RefusalError(f"the forward pass looks at values (Tensor.{name})")
        return value

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not any(self.is_symbolic(leaf) for leaf in leaves((args, list(kwargs.values())))):
            return func(*args, **kwargs)
        if func._schema.is_mutable:  # noqa: SLF001 - the only way to ask
            raise RefusalError(f"the forward pass overwrites a tensor in place ({func})")
        named = [self._described(args), *((name, self._described(value)) for name, value in sorted(kwargs.items()))]
        result = func(*args, **kwargs)
        for index, leaf in enumerate(leaves(result)):
            if not isinstance(leaf, Tensor):
                raise RefusalError(f"the forward pass looks at values ({func})")
            self._alive.append(leaf)
            self._symbols[id(leaf)] = self._trace.number((str(func), tuple(named), index))
        return result

    def _described(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if self.is_symbolic(value):
                return "symbol", self.symbol(value)
            constant = value.detach().cpu().contiguous()
            self.constants.append(constant)
            return "constant", str(value.dtype), tuple(value.shape), constant.view(torch.uint8).numpy().tobytes()
        if isinstance(value, list | tuple):
            return tuple(self._described(each) for each in value)
        return type(value).__name__, repr(value)
