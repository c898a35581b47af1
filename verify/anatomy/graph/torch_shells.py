"""Shells: what a forward that is recorded holds in the place of tensors, of a shape and a type, and without values.

Whoever reads one past all that watches torch, in whatever way there is, finds nothing there: torch raises an error, or
the process ends. What a shell stands for is found by its storage, so that who exchanges the insides of two exchanges
what they stand for too.
"""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from verify.anatomy.graph.nodes import RefusedError
from verify.anatomy.torch_reads import READS

_TORCH = str(Path(torch.__file__).resolve().parent)
# What Python registers has no signature; so do some of torch's own kernels, of keys that no number is computed by.
_KERNEL = re.compile(r"^(?P<key>\w+)(\[alias\])?: registered at (?P<place>.*?) :: \(none\)", re.MULTILINE)
_NOT_COMPUTING = ("Autograd", "Conjugate", "CUDA", "FuncTorch", "Meta", "MPS", "Negative", "Tracer", "ZeroTensor")


class Shell(Tensor):
    """A tensor without values."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment] # noqa: SLF001 - as any tensor's

    @classmethod
    def __torch_dispatch__(  # type: ignore[override] # mypy takes torch's for a method of objects
        cls, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Have an operation seen that no mode sees: the mode was taken away, or this is another thread."""
        if not _at_work:
            raise RuntimeError("a tensor of a forward that was recorded is used after it")
        return _at_work[-1].seen(func, args, dict(kwargs or {}))


def _reader(name: str) -> Callable[..., Any]:
    """Return a method that reads what a shell stands for where that may be read, also where no mode watches it."""

    def read(self: Shell, *args: Any, **kwargs: Any) -> Any:
        if not _at_work:
            raise RuntimeError("a tensor of a forward that was recorded is used after it")
        tensor = _at_work[-1].read_from(name, self)
        with _disable_current_modes():
            return getattr(tensor, name)(*args, **kwargs)

    return read


for _name in READS:
    setattr(Shell, _name, _reader(_name))

_at_work: list[Shells] = []  # the innermost last


class Shells:
    """The shells of one recording.

    Attributes:
        seen: executes an operation, some of whose arguments may be shells.
        read_from: gives the tensor that is read where a shell is, by the name of what reads it.
    """

    def __init__(
        self, seen: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any], read_from: Callable[[str, Any], Tensor]
    ) -> None:
        self.seen, self.read_from = seen, read_from
        self._stands_for: dict[int, tuple[Any, Tensor]] = {}  # by storage: it, held; the tensor
        self._alive: list[weakref.ref[Tensor]] = []

    def __enter__(self) -> Self:
        """Be asked by shells that no mode sees."""
        _at_work.append(self)
        return self

    def __exit__(self, *_error: object) -> None:
        """Be asked no longer."""
        _at_work.remove(self)

    def shell(self, tensor: Tensor) -> Tensor:
        """Return a shell that stands for a tensor."""
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - a stranger's mode has no part in it
            made: Tensor = Tensor._make_wrapper_subclass(  # noqa: SLF001
                Shell, tensor.shape, tensor.stride(), tensor.storage_offset(), dtype=tensor.dtype, device=tensor.device
            )
            torch._C._set_throw_on_mutable_data_ptr(made)  # noqa: SLF001
            storage = Tensor.untyped_storage(made)
        self._stands_for[storage._cdata] = storage, tensor  # noqa: SLF001 - the address of the storage itself
        self._alive.append(weakref.ref(made))
        return made

    def opened(self, value: Any) -> Any:
        """Return what a value, also in lists and tuples, stands for.

        Raises:
            RefusedError: a shell was changed unseen, or its memory is to be that of another tensor.
        """
        if isinstance(value, list | tuple):
            return type(value)(map(self.opened, value))
        if isinstance(value, torch.UntypedStorage) and value._cdata in self._stands_for:  # noqa: SLF001
            raise RefusedError("a tensor is made of the memory of another")
        if not isinstance(value, Shell):
            return value
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            _, tensor = self._stands_for.get(Tensor.untyped_storage(value)._cdata, (None, None))  # noqa: SLF001
            if tensor is None or _form(tensor) != _form(value):
                raise RefusedError("a tensor was changed past what sees operations")
        return tensor

    def reshaped(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Have an operation that changes the form of its argument change the form of a shell too."""
        with _undispatched():
            func(*args, **kwargs)

    def end(self) -> str:
        """Put the tensors into the shells that something still holds; return why that cannot be done, or ""."""
        if self._filled() and gc.collect() and self._filled():  # what an error holds may wait to be collected
            return "the forward pass keeps a tensor that it made, and a view of it"
        return ""

    def _filled(self) -> bool:
        """Put the tensors into the shells that are alive, and return whether some cannot be filled."""
        alive = [shell for reference in self._alive if (shell := reference()) is not None and type(shell) is Shell]
        self._alive.clear()
        left = []
        for shell in alive:
            try:
                torch.utils.swap_tensors(shell, self.opened(shell).detach().clone())  # type: ignore[no-untyped-call]
            except (RuntimeError, RefusedError):
                left.append(shell)
        self._alive += map(weakref.ref, left)
        return bool(left)


def _form(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.dtype, tensor.shape, tensor.stride(), tensor.storage_offset()


def _undispatched(context: Any = torch._C._DisableTorchDispatch) -> Any:  # noqa: SLF001 - held before it is patched
    return context()


def exchanged_calls() -> list[str]:
    """Return the operations of torch for which somebody registered what is called where they should be seen."""
    keys = ("Python", "PythonTLSSnapshot")
    found = [name for key in keys for name in torch._C._dispatch_get_registrations_for_dispatch_key(key)]  # noqa: SLF001
    return [name for name in found if name.startswith("aten::")]


def exchanged_kernel(operation: str) -> str:
    """Return where a kernel was registered that an operation of torch's runs, and that torch did not; else "".

    Args:
        operation: "aten::relu", say, with its overload.
    """
    for found in _KERNEL.finditer(torch._C._dispatch_dump(operation)):  # noqa: SLF001 - the only way to ask
        if not found["key"].startswith(_NOT_COMPUTING) and not found["place"].startswith(_TORCH):
            return found["place"]
    return ""
