"""What each operation of torch does to nodes: the list of all that the method knows, and what its handlers share.

The handlers stand in `torch_moving`, `torch_arithmetic` and `torch_attention`. One takes the recorder, the operation,
its arguments and its result, or the tensor that it writes to, and returns nodes in the result's shape; a list of them
for several results; None for what does not depend on tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from verify.anatomy.graph.nodes import Node, Program, RefusedError

if TYPE_CHECKING:
    from verify.anatomy.graph.torch_twins import Twins

Handler = Callable[..., Any]

HANDLERS: dict[str, Handler] = {}


class Recorder(Protocol):
    """What a handler is told: the program, and the nodes of tensors."""

    program: Program
    twins: Twins


def handler(name: str) -> Handler | None:
    """Return the handler of an operation by its name without "aten::" and overload, or None."""
    return HANDLERS.get(name)


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Return what makes a function the handler of these operations."""

    def register(function: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, function))
        return function

    return register


def argument(func: Any, args: Sequence[Any], kwargs: dict[str, Any], name: str, default: Any = None) -> Any:
    """Return an argument of an operation by its name in torch's schema."""
    if name in kwargs:
        return kwargs[name]
    for index, each in enumerate(func._schema.arguments):  # noqa: SLF001 - the only way to ask
        if each.name == name:
            given = args[index] if index < len(args) else each.default_value
            return default if given is None else given
    return default


def is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor."""
    return hasattr(value, "untyped_storage")


def is_short(tensor: Any) -> bool:
    """Return whether a tensor's numbers are of 32 bits."""
    return str(tensor.dtype) in {"torch.float32", "torch.complex64"}


def is_number(tensor: Any) -> bool:
    """Return whether a tensor holds floats."""
    return bool(tensor.is_floating_point() or tensor.is_complex())


def raw(rec: Recorder, value: Any) -> np.ndarray:
    """Return the nodes of an argument as they are, whole numbers of tokens among them."""
    if is_tensor(value):
        return rec.twins.nodes(value)
    return np.asarray(rec.program.const(float(value)), np.int64)


def numbers(rec: Recorder, value: Any, out: Any) -> np.ndarray:
    """Return the nodes of an argument as numbers of the type in which an operation computes."""
    nodes = raw(rec, value)
    if not is_number(out):
        return nodes
    nodes = each_of(rec.program.number, nodes)
    is_longer = not (is_tensor(value) and (is_short(value) or "bool" in str(value.dtype)))
    return each_of(rec.program.round, nodes) if is_short(out) and is_longer else nodes


def each_of(function: Callable[..., Node], *arrays: np.ndarray) -> np.ndarray:
    """Return a function of nodes, element by element, with broadcasting."""
    if all(array.size for array in arrays):
        return np.asarray(np.frompyfunc(function, len(arrays), 1)(*arrays), np.int64)
    return np.zeros(np.broadcast_shapes(*(array.shape for array in arrays)), np.int64)


def ints(nodes: np.ndarray) -> list[Node]:
    """Return nodes as a list."""
    return [int(node) for node in nodes.reshape(-1)]


def shape_of(out: Any) -> tuple[int, ...]:
    """Return the shape of a tensor's nodes."""
    return (*out.shape, 2) if out.is_complex() else tuple(out.shape)


def whole(program: Program, function: Callable[..., float], *nodes: Node) -> Node:
    """Return a function of whole numbers of one token.

    Raises:
        RefusedError: an argument is something else.
    """
    found = program.of_tokens(function, nodes, exact=True)
    if found is None:
        raise RefusedError("arithmetic or a comparison of what depends on tokens, other than on one token itself")
    return found
