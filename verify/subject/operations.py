"""The registry of operations: functions that run where a model lives and return plain values and numpy arrays.

An operation takes a `verify.subject.LoadedAdder` and keyword arguments; arguments and result are None, bool, int,
float, str, lists, dicts with str keys, and numpy arrays, so that they cross to another process without pickle.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

Operation = TypeVar("Operation", bound=Callable[..., Any])

# modules that define operations, imported when the first operation is asked for
_MODULES = (
    "verify.anatomy.audit",
    "verify.anatomy.forcing",
    "verify.anatomy.graph.forced",
    "verify.anatomy.graph.recording",
    "verify.anatomy.numerics",
    "verify.anatomy.counting",
    "verify.anatomy.tensors",
    "verify.proof.proving",
    "verify.anatomy.stream",
    "verify.anatomy.unwatched",
)
_operations: dict[str, Callable[..., Any]] = {}


def operation(function: Operation) -> Operation:
    """Register a function as the operation of its name."""
    _operations[function.__name__] = function
    return function


def run(name: str, loaded: Any, **arguments: Any) -> Any:
    """Return what an operation finds.

    Raises:
        KeyError: no operation has that name.
    """
    for module in _MODULES:
        importlib.import_module(module)
    return _operations[name](loaded, **arguments)
