"""What reads the values of a torch tensor without torch's dispatcher: a trace that misses one misses what follows."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

READS = frozenset({
    "item", "tolist", "numpy", "__array__", "__bool__", "__int__", "__float__", "__index__", "__complex__",
    "__contains__", "__repr__", "__format__", "__dlpack__", "data_ptr", "storage", "untyped_storage", "__reduce_ex__",
    "_typed_storage", "to_dlpack", "__deepcopy__", "apply_", "map_", "share_memory_", "__array_wrap__",
})  # fmt: skip


_EXPORTS = ("_to_dlpack", "_to_dlpack_versioned")  # of torch._C: they hand out memory without asking any mode of torch


class ReadGuard(TorchFunctionMode):
    """Sees every call of torch's functions and methods before it runs, and what reads tensors past them.

    Attributes:
        stack: what ends with it.
    """

    def __init__(self, read_from: Callable[[str, Any], Any]) -> None:
        """Guard what runs within.

        Args:
            read_from: given the name of what reads and the tensor that is read, returns the one to be read, and raises
                where that may not be.
        """
        super().__init__()
        self._read_from = read_from
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        """Guard from here on."""
        self.stack.enter_context(exports_exchanged())
        _guards.append(self)
        self.stack.callback(_guards.remove, self)
        for owner, name in ((threading.Thread, "start"), (ThreadPoolExecutor, "submit")):
            self.stack.enter_context(patched(owner, name, self.refuse_thread))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        """Guard no longer."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self.stack.close()

    def exported(self, tensor: Any) -> Any:
        """Return the tensor whose memory is handed out."""
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - whatever refuses looks at the tensor itself
            return self._read_from("to_dlpack", tensor)

    def reading(self) -> AbstractContextManager[Any]:
        """Return what a tensor is read in."""
        return nullcontext()

    def refuse_thread(self, *_arguments: Any, **_keywords: Any) -> Any:
        """Refuse a thread, which no mode of torch follows.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("the forward pass starts a thread, which is not followed")

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a call; a property is called by its own name."""
        name = getattr(func, "__name__", "")
        if name in {"__get__", "__set__"}:
            name = getattr(getattr(func, "__self__", None), "__name__", name)
        if name in READS and args:
            tensor = self._read_from(name, args[0])
            with self.reading():
                return func(tensor, *args[1:], **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def key(tensor: Tensor) -> int:
    """Return what tells a tensor's storage from every other that is alive."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - the address of the storage itself, not of its bytes


def leaves(value: Any) -> list[Any]:
    """Return the entries of nested lists and tuples, None left out."""
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in leaves(each)]
    return [] if value is None else [value]


_guards: list[ReadGuard] = []  # the innermost last
_is_exchanged = False


@contextmanager
def exports_exchanged() -> Iterator[None]:
    """Have all guards within see exports of memory; around many guards, since it looks through all that there is once.

    Between two guards nothing but code of ours may run.
    """
    global _is_exchanged
    if _is_exchanged:
        yield
        return
    exports = [vars(torch._C)[name] for name in _EXPORTS if hasattr(torch._C, name)]  # noqa: SLF001
    _is_exchanged = True
    try:
        with _exchanged([(export, _exporting(export)) for export in exports]):
            yield
    finally:
        _is_exchanged = False


def _exporting(export: Callable[..., Any]) -> Callable[..., Any]:
    def exporting(tensor: Any, *rest: Any, **more: Any) -> Any:
        for guard in _guards[-1:]:
            tensor = guard.exported(tensor)
        return export(tensor, *rest, **more)

    return exporting


@contextmanager
def _exchanged(pairs: list[tuple[Any, Any]]) -> Iterator[None]:
    """Put functions in others' places, in every module that holds one by a name."""
    new = {id(old): other for old, other in pairs}
    holders = [held for held in gc.get_referrers(*(old for old, _ in pairs)) if isinstance(held, dict)]
    found = [(held, name, held[name]) for held in holders for name in list(held) if id(held[name]) in new]
    for held, name, old in found:
        held[name] = new[id(old)]
    try:
        yield
    finally:
        for held, name, old in found:
            held[name] = old


@contextmanager
def patched(owner: Any, name: str, new: Any) -> Iterator[None]:
    """Put something in the place of an attribute, for a while."""
    old = getattr(owner, name)
    setattr(owner, name, new)
    try:
        yield
    finally:
        setattr(owner, name, old)
