"""The tensors of an adder, whatever holds them: torch and mlx modules, numpy arrays, plain objects, the file itself."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy.watching import to_numpy
from verify.subject.operations import operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from verify.subject import LoadedAdder

_DEEPEST = 6  # attributes of attributes


@dataclass
class Tensor:
    """One tensor of floats, to be read and written.

    Attributes:
        name: where it was found.
        is_parameter: whether it counts as a parameter: a module's own, or any of a model that is no module.
        read: returns a copy of its values.
        write: puts other values there, of the same shape.
    """

    name: str
    is_parameter: bool
    read: Callable[[], np.ndarray]
    write: Callable[[np.ndarray], None]


def tensors(loaded: LoadedAdder) -> list[Tensor]:
    """Return the tensors of floats of an adder, shared storage once: the model's, then those of the file.

    Those of the file are parameters where the model holds none.
    """
    seen: set[Any] = set()
    found = list(_walk(loaded.model, "model", seen, 0))
    in_file: list[Tensor] = []
    if isinstance(loaded.namespace, ModuleType):
        for name, value in list(vars(loaded.namespace).items()):
            if not name.startswith("__") and not isinstance(value, ModuleType | type):
                in_file += _walk(value, name, seen, _DEEPEST - 1)
    holds_some = any(tensor.is_parameter for tensor in found)
    return found + [replace(tensor, is_parameter=not holds_some) for tensor in in_file]


@contextlib.contextmanager
def changed(found: list[Tensor], change: Callable[[np.ndarray], np.ndarray]) -> Iterator[None]:
    """Change tensors for a while."""
    before = [tensor.read() for tensor in found]
    try:
        for tensor, values in zip(found, before, strict=True):
            tensor.write(change(values))
        yield
    finally:
        for tensor, values in zip(found, before, strict=True):
            tensor.write(values)


@operation
def weights_digest(loaded: LoadedAdder) -> str:
    """Return the SHA-256, hex, of names, types, shapes and values of all tensors of floats; "" where there are none.

    By it a campaign tells that it goes on with another model.
    """
    digest, found = hashlib.sha256(), tensors(loaded)
    for tensor in found:
        values = tensor.read()
        digest.update(f"{tensor.name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest() if found else ""


def _walk(value: Any, name: str, seen: set[Any], depth: int, *, in_module: bool = False) -> Iterator[Tensor]:
    if depth > _DEEPEST or id(value) in seen:
        return
    seen.add(id(value))
    family = type(value).__module__.partition(".")[0]
    if isinstance(value, np.ndarray) or (family in {"torch", "mlx"} and hasattr(value, "dtype")):
        yield from _array(value, name, seen, family, in_module=in_module)
        return
    in_module = in_module or _is_torch_module(value)
    for part, inner in _parts(value):
        yield from _walk(inner, f"{name}.{part}", seen, depth + 1, in_module=in_module)


def _is_torch_module(value: Any) -> bool:
    return hasattr(value, "named_parameters") and hasattr(value, "named_buffers")


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if _is_torch_module(value):  # by its own names first
        yield from value.named_parameters()
        yield from value.named_buffers()
    if isinstance(value, dict):
        yield from ((str(key), part) for key, part in list(value.items()))
    elif isinstance(value, list | tuple):
        yield from ((str(index), part) for index, part in enumerate(value) if not isinstance(part, int | float | str))
    if hasattr(value, "__dict__") and not isinstance(value, ModuleType | type):
        yield from list(vars(value).items())


def _array(value: Any, name: str, seen: set[Any], family: str, *, in_module: bool) -> Iterator[Tensor]:
    values = to_numpy(value)
    if values is None or values.dtype.kind != "f":
        return
    storage = _storage(value, family)
    if storage in seen:
        return
    seen.add(storage)
    is_parameter = not in_module or type(value).__name__ == "Parameter"
    yield Tensor(name, is_parameter, lambda: np.array(to_numpy(value)), lambda new: _write(value, new, family))


def _storage(value: Any, family: str) -> Any:
    """Return what two tensors that share memory have in common."""
    if family == "torch":
        return "torch", value.untyped_storage().data_ptr() or id(value)
    return (family, id(value)) if family == "mlx" else ("numpy", value.__array_interface__["data"][0])


def _write(value: Any, new: np.ndarray, family: str) -> None:
    if family == "torch":
        torch = import_module("torch")
        with torch.no_grad():
            value.copy_(torch.as_tensor(new))
    elif family == "mlx":
        value[...] = import_module("mlx.core").array(new).astype(value.dtype)
    else:
        value[...] = new
