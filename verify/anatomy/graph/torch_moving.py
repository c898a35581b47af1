"""What moves elements or only has a shape, look-ups by tokens, and arithmetic of a token's whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from verify.anatomy.graph.nodes import ZERO, Node, Program, RefusedError
from verify.anatomy.graph.torch_operations import (
    HANDLERS,
    Handler,
    Recorder,
    argument,
    each_of,
    handles,
    ints,
    is_number,
    is_tensor,
    numbers,
    raw,
    shape_of,
    whole,
)


def _moved(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any, data: Iterable[str]) -> Any:
    """Return what an operation that only moves elements does to nodes: it is run on them."""
    import torch

    def replaced(name: str, value: Any) -> Any:
        if isinstance(value, str | torch.dtype):  # adds what it moves, or takes its bits for others
            raise RefusedError(f"the operation {func} does more than move elements ({name})")
        if name not in data:
            if any(map(rec.twins.has, value if isinstance(value, list | tuple) else [value])):
                raise RefusedError(f"{func} moves elements by what depends on tokens")
            return value
        if isinstance(value, list | tuple):
            return [replaced(name, each) for each in value]
        if is_tensor(value):
            return torch.from_numpy(numbers(rec, value, out))
        return int(numbers(rec, value, out)) if isinstance(value, int | float) else value

    names = [each.name for each in func._schema.arguments]  # noqa: SLF001
    moved_args = [replaced(name, value) for name, value in zip(names, args, strict=False)]
    found = func(*moved_args, **{name: replaced(name, value) for name, value in kwargs.items()})
    return [each.numpy() for each in found] if isinstance(found, list | tuple) else found.numpy()


_MOVES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("clone", "flip", "roll", "repeat", "tril", "triu", "constant_pad_nd",
         "_unsafe_view", "view", "_reshape_copy", "_reshape_alias", "expand", "permute", "select", "slice", "t",
         "transpose", "squeeze", "unsqueeze", "diagonal", "unfold", "as_strided", "split", "split_with_sizes", "unbind",
         "chunk", "lift_fresh_copy", "lift_fresh", "detach", "alias", "rot90", "narrow_copy", "view_copy",
         "expand_copy", "permute_copy", "slice_copy", "select_copy", "t_copy", "transpose_copy", "diagonal_copy",
         "channel_shuffle", "pixel_shuffle", "reflection_pad1d", "replication_pad1d", "movedim"),
        ("self", "value"),
    ),
    **dict.fromkeys(("cat", "stack"), ("tensors",)),
    **dict.fromkeys(("select_scatter", "slice_scatter", "diagonal_scatter", "scatter"), ("self", "src", "value")),
    **dict.fromkeys(("index_copy",), ("self", "source")),
    **dict.fromkeys(("masked_scatter",), ("self", "source")),
    **dict.fromkeys(("index_fill",), ("self", "value")),
}  # fmt: skip


def _moving(data: tuple[str, ...]) -> Handler:
    def moving(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
        outs = out if isinstance(out, list | tuple) else [out]
        return _moved(rec, func, args, kwargs, outs[0], data)

    return moving


HANDLERS.update({name: _moving(data) for name, data in _MOVES.items()})


@handles("zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_empty", "new_full",
          "new_empty_strided", "sym_size", "sym_stride", "sym_numel")  # fmt: skip
def _shaped(*_arguments: Any) -> None:
    """Only the shape is asked for."""
    return


@handles("copy", "_to_copy", "to", "type_as")
def _converted(rec: Recorder, func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    source = args[1] if func.overloadpacket.__name__.startswith("copy") else args[0]
    if is_number(out):
        return np.broadcast_to(numbers(rec, source, out), shape_of(out))
    nodes = np.broadcast_to(raw(rec, source), shape_of(out))
    if not is_number(source) and "bool" not in str(out.dtype):
        return nodes
    truncated: Callable[..., float] = bool if "bool" in str(out.dtype) else math.trunc
    return each_of(lambda node: whole(rec.program, truncated, node), nodes)


@handles("fill")
def _filled(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return np.broadcast_to(numbers(rec, args[1], out), shape_of(out))


@handles("zero")
def _zeroed(_rec: Recorder, _func: Any, _args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return np.full(shape_of(out), ZERO)


@handles("masked_fill")
def _masked(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    if not rec.twins.has(args[1]):
        return np.asarray(_moved(rec, func, args, kwargs, out, ("self", "value")))
    other, nodes = (numbers(rec, each, out) for each in (args[2], args[0]))
    return each_of(partial(_either, rec.program), raw(rec, args[1]), other, nodes)


@handles("where")
def _chosen(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return each_of(
        lambda mask, x, y: _either(rec.program, mask, x, y), raw(rec, args[0]),
        *(numbers(rec, each, out) for each in args[1:3]),
    )  # fmt: skip


def _either(program: Program, mask: Node, x: Node, y: Node) -> Node:
    known = program.value(mask)
    if known is not None:
        return x if known else y
    found = program.of_tokens(lambda m, p, q: p if m else q, [mask, x, y], exact=True)
    if found is not None:
        return found
    one, other = (program.of_tokens(each, [mask]) for each in (lambda m: float(bool(m)), lambda m: float(not m)))
    finite = all(math.isfinite(program.value(node) or 0.0) for node in (x, y))
    if one is None or other is None or not finite:
        raise RefusedError("a choice depends on more than one token, or is of what is not finite")
    return program.add(program.mul(x, program.number(one)), program.mul(y, program.number(other)))  # by 0 and 1: exact


@handles("index_put")
def _put(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    if argument(func, args, kwargs, "accumulate", default=False):
        raise RefusedError("index_put adds to what is there")
    if any(map(rec.twins.has, args[1])):
        raise RefusedError("elements are written at places that depend on tokens")
    return _moved(rec, func, args[:3], {}, out, ("self", "values"))


@handles("embedding")
def _embedded(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], _out: Any) -> np.ndarray:
    return each_of(rec.program.number, _looked_up(rec, args[0], [raw(rec, args[1])]))


@handles("index_select", "gather", "take")
def _picked(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    """Entries of a table at places along one dimension; of `take`, of the table in one dimension."""
    name = func.overloadpacket.__name__
    dim, places = (0, args[1]) if name == "take" else args[1:3]
    if not rec.twins.has(places):
        return np.asarray(_moved(rec, func, args, kwargs, out, ("self",)))
    nodes = raw(rec, places)
    table = raw(rec, args[0])
    if name == "index_select":
        found = np.moveaxis(_rows_at(rec, np.moveaxis(table, dim, 0), [nodes]), 0, dim)
    elif name == "take":
        found = _rows_at(rec, table.reshape(-1), [nodes])
    else:
        every = [np.vectorize(rec.program.const)(each) for each in np.indices(nodes.shape)]
        every[dim] = nodes
        found = _rows_at(rec, table, every)
    return each_of(rec.program.number, found) if is_number(out) else found


@handles("index", "_unsafe_index")
def _indexed(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    source, indices = args[0], list(args[1])
    if not any(map(rec.twins.has, indices)):
        return np.asarray(_moved(rec, func, args, kwargs, out, ("self",)))
    if any(index is None or not is_tensor(index) for index in indices) or "bool" in str(indices[0].dtype):
        raise RefusedError("elements are chosen by tokens in a way that the method does not know")
    found = _looked_up(rec, source, list(np.broadcast_arrays(*(raw(rec, index) for index in indices))))
    return each_of(rec.program.number, found) if is_number(out) else found


def _looked_up(rec: Recorder, source: Any, indices: list[np.ndarray]) -> np.ndarray:
    """Return what stands in a table at indices, which are whole numbers of a token, or constants."""
    return _rows_at(rec, raw(rec, source), indices)


def _rows_at(rec: Recorder, table: np.ndarray, indices: list[np.ndarray]) -> np.ndarray:
    program = rec.program
    rest = table.shape[len(indices) :]
    found = np.empty(indices[0].shape + rest, np.int64)
    for place in np.ndindex(indices[0].shape):
        at = [int(index[place]) for index in indices]
        rows = [program.of_tokens(_kept, [node]) for node in at]
        if any(row is None for row in rows):
            raise RefusedError("a look-up by something else than a token")
        for inner in np.ndindex(rest):
            found[(*place, *inner)] = _entry(program, table[(..., *inner)], at)
    return found


def _entry(program: Program, table: np.ndarray, at: list[Node]) -> Node:
    """Return one number of a table, nodes (N, ...) of constants, at whole numbers."""

    def entry(*index: float) -> float:
        node = int(table[tuple(map(int, index))])
        value = program.value(node)
        if value is None:
            raise RefusedError("a look-up in a table that depends on tokens")
        return value

    if all(program.value(node) is not None for node in at):
        return int(table[tuple(int(program.value(node) or 0) for node in at)])
    try:
        found = program.of_tokens(entry, at)
    except IndexError:
        raise RefusedError("a look-up by a token that is beyond its table") from None
    if found is None:
        raise RefusedError("a look-up by two tokens at once")
    return found


def _kept(value: float) -> float:
    return value


_WHOLE: dict[str, Callable[..., float]] = {
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "logical_not": lambda x: not x,
    "logical_and": lambda x, y: bool(x) and bool(y),
    "logical_or": lambda x, y: bool(x) or bool(y),
    "bitwise_and": lambda x, y: int(x) & int(y),
    "bitwise_or": lambda x, y: int(x) | int(y),
    "remainder": lambda x, y: x % y,
    "floor_divide": lambda x, y: x // y,
}


def _compared(function: Callable[..., float], args: Sequence[Any]) -> Callable[..., float]:
    """Return a function of two numbers as torch computes it: in float32 where that is what both are brought to."""
    import torch

    if len(args) < 2 or torch.result_type(*args[:2]) != torch.float32:
        return function
    return lambda x, y: function(float(np.float32(x)), float(np.float32(y)))


def _comparing(function: Callable[..., float]) -> Handler:
    def comparing(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], _out: Any) -> np.ndarray:
        compared = _compared(function, args)
        return each_of(lambda *nodes: whole(rec.program, compared, *nodes), *(raw(rec, each) for each in args[:2]))

    return comparing


HANDLERS.update({name: _comparing(function) for name, function in _WHOLE.items()})


@handles("bitwise_not")
def _inverted(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    function: Callable[..., float] = (lambda x: not x) if "bool" in str(out.dtype) else (lambda x: ~int(x))
    return each_of(lambda node: whole(rec.program, function, node), raw(rec, args[0]))


@handles("all", "any")
def _counted(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    """Of constants only, such as a mask of tokens that cannot stand there."""
    import torch

    values = [rec.program.value(node) for node in ints(raw(rec, args[0]))]
    if None in values:
        raise RefusedError("the forward pass compares tokens with each other")
    same = torch.tensor([bool(value) for value in values]).reshape(args[0].shape)
    return rec.twins.constants(func(same, *args[1:], **kwargs)).reshape(out.shape)


@handles("_local_scalar_dense", "item", "is_nonzero")
def _read(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], _out: Any) -> None:
    if any(rec.program.value(node) is None for node in ints(raw(rec, args[0]))):
        raise RefusedError("the forward pass looks at a value that depends on tokens")
