"""What each operation of torch does to nodes: the list of all that the method knows.

A handler takes the recorder, the operation, its arguments and its result, or the tensor that it writes to, and returns
nodes in the result's shape; a list of them for several results; None for what does not depend on tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from verify.anatomy.graph import patterns
from verify.anatomy.graph.nodes import ZERO, Node, Program, RefusedError

if TYPE_CHECKING:
    from verify.anatomy.graph.torch_twins import Twins

    Handler = Callable[..., Any]

_handlers: dict[str, Handler] = {}


class Recorder(Protocol):
    """What a handler is told: the program, and the nodes of tensors."""

    program: Program
    twins: Twins


def handler(name: str) -> Handler | None:
    """Return the handler of an operation by its name without "aten::" and overload, or None."""
    return _handlers.get(name)


def _handles(*names: str) -> Callable[[Handler], Handler]:
    def register(function: Handler) -> Handler:
        _handlers.update(dict.fromkeys(names, function))
        return function

    return register


# ---------------------------------------------------------------- arguments


def _argument(func: Any, args: Sequence[Any], kwargs: dict[str, Any], name: str, default: Any = None) -> Any:
    """Return an argument of an operation by its name in torch's schema."""
    if name in kwargs:
        return kwargs[name]
    for index, each in enumerate(func._schema.arguments):  # noqa: SLF001 - the only way to ask
        if each.name == name:
            given = args[index] if index < len(args) else each.default_value
            return default if given is None else given
    return default


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "untyped_storage")


def _is_short(tensor: Any) -> bool:
    return str(tensor.dtype) in {"torch.float32", "torch.complex64"}


def _is_number(tensor: Any) -> bool:
    return bool(tensor.is_floating_point() or tensor.is_complex())


def _raw(rec: Recorder, value: Any) -> np.ndarray:
    """Return the nodes of an argument as they are, whole numbers of tokens among them."""
    if _is_tensor(value):
        return rec.twins.nodes(value)
    return np.asarray(rec.program.const(float(value)), np.int64)


def _numbers(rec: Recorder, value: Any, out: Any) -> np.ndarray:
    """Return the nodes of an argument as numbers of the type in which an operation computes."""
    nodes = _raw(rec, value)
    if not _is_number(out):
        return nodes
    nodes = _each(rec.program.number, nodes)
    is_longer = not _is_tensor(value) or str(value.dtype) in {"torch.float64", "torch.complex128"}
    return _each(rec.program.round, nodes) if _is_short(out) and is_longer else nodes


def _each(function: Callable[..., Node], *arrays: np.ndarray) -> np.ndarray:
    """Return a function of nodes, element by element, with broadcasting."""
    if all(array.size for array in arrays):
        return np.asarray(np.frompyfunc(function, len(arrays), 1)(*arrays), np.int64)
    return np.zeros(np.broadcast_shapes(*(array.shape for array in arrays)), np.int64)


def _ints(nodes: np.ndarray) -> list[Node]:
    return [int(node) for node in nodes.reshape(-1)]


# ---------------------------------------------------------------- what moves, and what only has a shape


def _moved(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any, data: Iterable[str]) -> Any:
    """Return what an operation that only moves elements does to nodes: it is run on them."""
    import torch

    def replaced(name: str, value: Any) -> Any:
        if name not in data:
            if any(map(rec.twins.has, value if isinstance(value, list | tuple) else [value])):
                raise RefusedError(f"{func} moves elements by what depends on tokens")
            return value
        if isinstance(value, list | tuple):
            return [replaced(name, each) for each in value]
        if _is_tensor(value):
            return torch.from_numpy(_numbers(rec, value, out))
        return int(_numbers(rec, value, out)) if isinstance(value, int | float) else value

    names = [each.name for each in func._schema.arguments]  # noqa: SLF001
    moved_args = [replaced(name, value) for name, value in zip(names, args, strict=False)]
    found = func(*moved_args, **{name: replaced(name, value) for name, value in kwargs.items()})
    return [each.numpy() for each in found] if isinstance(found, list | tuple) else found.numpy()


_MOVES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("clone", "index_select", "gather", "flip", "roll", "repeat", "take", "tril", "triu", "constant_pad_nd",
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
    **dict.fromkeys(("index_fill", "masked_fill"), ("self", "value")),
}  # fmt: skip


def _moving(data: tuple[str, ...]) -> Handler:
    def moving(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
        outs = out if isinstance(out, list | tuple) else [out]
        return _moved(rec, func, args, kwargs, outs[0], data)

    return moving


_handlers.update({name: _moving(data) for name, data in _MOVES.items()})


@_handles("zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_empty", "new_full",
          "new_empty_strided", "sym_size", "sym_stride", "sym_numel")  # fmt: skip
def _shaped(*_arguments: Any) -> None:
    """Only the shape is asked for."""
    return


@_handles("copy", "_to_copy", "to", "type_as")
def _converted(rec: Recorder, func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    source = args[1] if func.overloadpacket.__name__.startswith("copy") else args[0]
    if _is_number(out):
        return np.broadcast_to(_numbers(rec, source, out), _shape(out))
    nodes = np.broadcast_to(_raw(rec, source), _shape(out))
    if not _is_number(source) and "bool" not in str(out.dtype):
        return nodes
    truncated: Callable[..., float] = bool if "bool" in str(out.dtype) else math.trunc
    return _each(lambda node: _whole(rec.program, truncated, node), nodes)


def _shape(out: Any) -> tuple[int, ...]:
    return (*out.shape, 2) if out.is_complex() else tuple(out.shape)


@_handles("fill")
def _filled(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return np.broadcast_to(_numbers(rec, args[1], out), _shape(out))


@_handles("zero")
def _zeroed(_rec: Recorder, _func: Any, _args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return np.full(_shape(out), ZERO)


@_handles("where")
def _chosen(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return _each(
        lambda mask, x, y: _either(rec.program, mask, x, y), _raw(rec, args[0]),
        *(_numbers(rec, each, out) for each in args[1:3]),
    )  # fmt: skip


def _either(program: Program, mask: Node, x: Node, y: Node) -> Node:
    known = program.value(mask)
    if known is not None:
        return x if known else y
    found = program.of_tokens(lambda m, p, q: p if m else q, [mask, x, y], exact=True)
    if found is None:
        raise RefusedError("a choice depends on tokens")
    return found


@_handles("index_put")
def _put(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    if _argument(func, args, kwargs, "accumulate", default=False):
        raise RefusedError("index_put adds to what is there")
    if any(map(rec.twins.has, args[1])):
        raise RefusedError("elements are written at places that depend on tokens")
    return _moved(rec, func, args[:3], {}, out, ("self", "values"))


# ---------------------------------------------------------------- look-ups


@_handles("embedding")
def _embedded(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], _out: Any) -> np.ndarray:
    return _each(rec.program.number, _looked_up(rec, args[0], [_raw(rec, args[1])]))


@_handles("index", "_unsafe_index")
def _indexed(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    source, indices = args[0], list(args[1])
    if not any(map(rec.twins.has, indices)):
        return np.asarray(_moved(rec, func, args, kwargs, out, ("self",)))
    if any(index is None or not _is_tensor(index) for index in indices) or "bool" in str(indices[0].dtype):
        raise RefusedError("elements are chosen by tokens in a way that the method does not know")
    found = _looked_up(rec, source, list(np.broadcast_arrays(*(_raw(rec, index) for index in indices))))
    return _each(rec.program.number, found) if _is_number(out) else found


def _looked_up(rec: Recorder, source: Any, indices: list[np.ndarray]) -> np.ndarray:
    """Return what stands in a table at indices, which are whole numbers of a token, or constants."""
    program = rec.program
    table = _raw(rec, source)  # rows of nodes
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
    safe = _within(entry, table.shape)
    found = program.of_tokens(safe, at)
    if found is None:
        raise RefusedError("a look-up by two tokens at once")
    return found


def _within(entry: Callable[..., float], shape: tuple[int, ...]) -> Callable[..., float]:
    def safe(*index: float) -> float:
        is_there = all(-size <= at < size for at, size in zip(index, shape, strict=True))
        return entry(*index) if is_there else 0.0  # of tokens that never stand there: torch itself would raise

    return safe


def _kept(value: float) -> float:
    return value


# ---------------------------------------------------------------- whole numbers of a token


def _whole(program: Program, function: Callable[..., float], *nodes: Node) -> Node:
    found = program.of_tokens(function, nodes, exact=True)
    if found is None:
        raise RefusedError("arithmetic or a comparison of what depends on tokens, other than on one token itself")
    return found


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


def _comparing(function: Callable[..., float]) -> Handler:
    def comparing(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], _out: Any) -> np.ndarray:
        return _each(lambda *nodes: _whole(rec.program, function, *nodes), *(_raw(rec, each) for each in args[:2]))

    return comparing


_handlers.update({name: _comparing(function) for name, function in _WHOLE.items()})


@_handles("bitwise_not")
def _inverted(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    function: Callable[..., float] = (lambda x: not x) if "bool" in str(out.dtype) else (lambda x: ~int(x))
    return _each(lambda node: _whole(rec.program, function, node), _raw(rec, args[0]))


@_handles("all", "any")
def _counted(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    """Of constants only, such as a mask of tokens that cannot stand there."""
    import torch

    values = [rec.program.value(node) for node in _ints(_raw(rec, args[0]))]
    if None in values:
        raise RefusedError("the forward pass compares tokens with each other")
    same = torch.tensor([bool(value) for value in values]).reshape(args[0].shape)
    return rec.twins.constants(func(same, *args[1:], **kwargs)).reshape(out.shape)


@_handles("_local_scalar_dense", "item", "is_nonzero")
def _read(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], _out: Any) -> None:
    if any(rec.program.value(node) is None for node in _ints(_raw(rec, args[0]))):
        raise RefusedError("the forward pass looks at a value that depends on tokens")


# ---------------------------------------------------------------- element by element


def _pairwise(operation: str) -> Handler:
    def pairwise(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
        function, program = getattr(rec.program, operation), rec.program
        x, y = (_numbers(rec, each, out) for each in args[:2])
        if (scale := _argument(func, args, kwargs, "alpha", 1)) != 1:
            y = _each(program.mul, y, _numbers(rec, scale, out))
        if not _is_number(out):
            whole = {"add": lambda p, q: p + q, "sub": lambda p, q: p - q, "mul": lambda p, q: p * q}[operation]
            return _each(lambda *nodes: _whole(program, whole, *nodes), x, y)
        return _each(function, x, y)

    return pairwise


_handlers.update({name: _pairwise(name) for name in ("add", "sub")})


@_handles("rsub")
def _subtracted_from(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    return _pairwise("sub")(rec, func, (args[1], args[0]), kwargs, out)


@_handles("mul")
def _multiplied(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    if not out.is_complex():
        return _pairwise("mul")(rec, func, args, kwargs, out)
    (x, p), (y, q) = (_parts(rec, each, out) for each in args[:2])
    dot, neg = rec.program.dot, rec.program.neg
    real = _each(lambda a, b, c, d: dot((a, neg(b)), (c, d)), x, p, y, q)
    return np.stack([real, _each(lambda a, b, c, d: dot((a, b), (d, c)), x, p, y, q)], axis=-1)


def _parts(rec: Recorder, value: Any, out: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return real and imaginary parts."""
    nodes = _numbers(rec, value, out)
    if _is_tensor(value) and value.is_complex():
        return nodes[..., 0], nodes[..., 1]
    return nodes, np.full_like(nodes, ZERO)


@_handles("div", "true_divide")
def _divided(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    if (mode := _argument(func, args, kwargs, "rounding_mode")) is not None:
        if mode != "floor":
            raise RefusedError(f"a division that rounds ({mode})")
        return np.asarray(_comparing(_WHOLE["floor_divide"])(rec, func, args, kwargs, out))
    return _each(partial(patterns.quotient, rec.program), *(_numbers(rec, each, out) for each in args[:2]))


@_handles("reciprocal")
def _inverse(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return _each(partial(patterns.quotient, rec.program), _numbers(rec, 1.0, out), _numbers(rec, args[0], out))


def _unary(operation: str) -> Handler:
    def unary(rec: Recorder, func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
        if not _is_number(out):
            raise RefusedError(f"arithmetic on token ids ({func.overloadpacket.__name__})")
        return _each(getattr(rec.program, operation), _numbers(rec, args[0], out))

    return unary


def _curve(kind: str) -> Handler:
    def curve(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
        return _each(lambda node: rec.program.curve(kind, node), _numbers(rec, args[0], out))

    return curve


_handlers.update({name: _unary(name) for name in ("neg", "abs", "relu")} | {"square": _unary("sq")})
_handlers.update({name: _curve(name) for name in ("sqrt", "rsqrt", "exp", "tanh", "sigmoid", "silu")})


@_handles("nan_to_num")
def _defined(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    """Of constants; whatever else is no finite number, nothing is proved of."""
    import torch

    program, nodes = rec.program, _numbers(rec, args[0], out)
    more = [_argument(func, args, kwargs, name) for name in ("nan", "posinf", "neginf")]

    def defined(node: Node) -> Node:
        value = program.value(node)
        if value is None:
            return node
        return program.const(torch.nan_to_num(torch.tensor(value, dtype=out.dtype), *more).item())

    return _each(defined, nodes)


@_handles("gelu")
def _gelu(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    kind = "gelu" if _argument(func, args, kwargs, "approximate", "none") == "none" else "gelu_tanh"
    return np.asarray(_curve(kind)(rec, func, args, kwargs, out))


@_handles("pow")
def _power(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program = rec.program
    functions: dict[float, Callable[[Node], Node]] = {
        1: lambda x: x,
        2: program.sq,
        3: lambda x: program.mul(program.sq(x), x),
        4: lambda x: program.sq(program.sq(x)),
        0.5: lambda x: program.curve("sqrt", x),
        -0.5: lambda x: program.curve("rsqrt", x),
        -1: lambda x: program.div(program.const(1.0), x),
    }
    if _is_tensor(args[1]) or float(args[1]) not in functions or _is_tensor(args[0]) is False or not _is_number(out):
        raise RefusedError(f"a power other than {', '.join(map(str, functions))}")
    function = functions[float(args[1])]
    return _each(function, _numbers(rec, args[0], out))


@_handles("clamp", "clamp_min", "clamp_max", "hardtanh", "maximum", "minimum", "relu6", "threshold")
def _limited(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    """At least, at most; x + relu(y - x) is admissible for the larger of x and y, since it may err by less than u."""
    name, program = func.overloadpacket.__name__.rstrip("_"), rec.program
    if name == "threshold" and tuple(args[1:3]) != (0, 0):
        raise RefusedError("a threshold other than 0")
    names = ("min_val", "max_val") if name == "hardtanh" else ("min", "max")
    of_two = {
        "maximum": (args[1:2], ()),
        "minimum": ((), args[1:2]),
        "relu6": ((0.0,), (6.0,)),
        "threshold": ((0.0,), ()),
    }
    given = tuple((_argument(func, args, kwargs, each),) for each in names) if name not in of_two else of_two[name]
    low, high = (next(iter(each), None) for each in given)
    nodes = _numbers(rec, args[0], out)
    for bound, function, exact in ((low, patterns.at_least, max), (high, patterns.at_most, min)):
        if bound is not None and _is_number(out):
            nodes = _each(partial(function, program), nodes, _numbers(rec, bound, out))
        elif bound is not None:
            nodes = _each(partial(_whole, program, exact), nodes, _raw(rec, bound))
    return nodes


@_handles("leaky_relu")
def _leaky(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program, slope = rec.program, _numbers(rec, _argument(func, args, kwargs, "negative_slope", 0.01), out)

    def leaky(x: Node, by: Node) -> Node:
        return program.sub(program.relu(x), program.mul(program.relu(program.neg(x)), by))

    return _each(leaky, _numbers(rec, args[0], out), slope)


@_handles("addcmul")
def _added_product(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program, scale = rec.program, _numbers(rec, _argument(func, args, kwargs, "value", 1), out)
    x, p, q = (_numbers(rec, each, out) for each in args[:3])
    return _each(lambda x, p, q, s: program.add(x, program.mul(program.mul(p, s), q)), x, p, q, scale)


# ---------------------------------------------------------------- sums and products


def _rows(nodes: np.ndarray, dims: Any) -> tuple[np.ndarray, list[int]]:
    """Return nodes with the dimensions that are summed over last, as one, and which those are."""
    every = list(range(nodes.ndim))
    chosen: list[int] = every if dims is None or dims == [] else [dims] if isinstance(dims, int) else list(dims)
    summed = [dim % max(nodes.ndim, 1) for dim in chosen]
    rest = [dim for dim in every if dim not in summed]
    turned = np.transpose(nodes, rest + summed)
    return turned.reshape([nodes.shape[dim] for dim in rest] + [-1]), summed


def _reduced(function: Callable[[list[Node]], Node], nodes: np.ndarray, dims: Any, out: Any) -> np.ndarray:
    rows, _ = _rows(nodes, dims)
    found = [function(_ints(row)) for row in rows.reshape(-1, rows.shape[-1])]
    return np.array(found, np.int64).reshape(tuple(out.shape))


@_handles("sum", "mean")
def _summed(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    nodes, dims, program = _numbers(rec, args[0], out), _argument(func, args, kwargs, "dim"), rec.program
    if not _is_number(out):
        return _reduced(lambda row: _whole_sum(program, row), nodes, dims, out)
    if func.overloadpacket.__name__.rstrip("_") == "mean":
        return _reduced(partial(patterns.mean, program), nodes, dims, out)
    return _reduced(program.sum, nodes, dims, out)


def _whole_sum(program: Program, row: list[Node]) -> Node:
    total = program.const(0.0)
    for node in row:
        total = _whole(program, lambda p, q: p + q, total, node)
    return total


@_handles("cumsum")
def _accumulated(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    nodes = np.moveaxis(_numbers(rec, args[0], out), int(_argument(func, args, kwargs, "dim")), -1)
    add = rec.program.sum if _is_number(out) else lambda row: _whole_sum(rec.program, row)
    found = [[add(row[: end + 1]) for end in range(len(row))] for row in map(_ints, nodes.reshape(-1, nodes.shape[-1]))]
    return np.moveaxis(np.array(found, np.int64).reshape(nodes.shape), -1, int(_argument(func, args, kwargs, "dim")))


@_handles("var", "var_mean", "std", "std_mean")
def _spread(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    name, program, dims = func.overloadpacket.__name__, rec.program, _argument(func, args, kwargs, "dim")
    outs = list(out) if isinstance(out, tuple | list) else [out]
    correction = _argument(func, args, kwargs, "correction", 1)
    nodes = _numbers(rec, args[0], outs[0])
    spread = _reduced(lambda row: patterns.variance(program, row, correction), nodes, dims, outs[0])
    if name.startswith("std"):
        spread = _each(lambda node: program.curve("sqrt", node), spread)
    return (
        [spread, _reduced(partial(patterns.mean, program), nodes, dims, outs[1])] if name.endswith("mean") else spread
    )


@_handles("linalg_vector_norm")
def _length(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program, nodes = rec.program, _numbers(rec, args[0], out)
    order, dims = _argument(func, args, kwargs, "ord", 2), _argument(func, args, kwargs, "dim")
    if order == 2:
        return _reduced(lambda row: program.curve("sqrt", program.sum(map(program.sq, row))), nodes, dims, out)
    if order == 1:
        return _reduced(lambda row: program.sum(map(program.abs, row)), nodes, dims, out)
    raise RefusedError(f"a norm of order {order}")


@_handles("mm", "bmm", "mv", "dot", "vdot", "linear")
def _multiplied_matrices(rec: Recorder, func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> Any:
    x, y = (_numbers(rec, each, out) for each in args[:2])
    if func.overloadpacket.__name__ == "linear":
        bias = (args[2:3] or [None])[0]
        return _product(rec.program, x, y.T, None if bias is None else _numbers(rec, bias, out))
    return _product(rec.program, x, y)


@_handles("addmm", "baddbmm", "addmv")
def _added_matrices(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program = rec.program
    beta, alpha = (_argument(func, args, kwargs, each, 1) for each in ("beta", "alpha"))
    bias, x, y = (_numbers(rec, each, out) for each in args[:3])
    bias = bias if beta == 1 else _each(program.mul, bias, _numbers(rec, beta, out))
    if alpha == 1:
        return _product(program, x, y, bias)
    return _each(program.add, _each(program.mul, _product(program, x, y), _numbers(rec, alpha, out)), bias)


def _product(program: Program, x: np.ndarray, y: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """Return a product of matrices or vectors, the last dimension of x with the last but one of y."""
    columns = y[..., None, :] if y.ndim == 1 else np.swapaxes(y, -1, -2)  # (..., N, K)
    rows = x[..., :, None, :] if x.ndim > 1 else x[None, None, :]  # (..., M, 1, K)
    rows, columns = np.broadcast_arrays(rows, columns[..., None, :, :])  # (..., M, N, K)
    shape = rows.shape[:-1]
    if y.ndim == 1:
        shape = shape[:-1]
    if x.ndim == 1:
        shape = shape[1:]
    added: Any = [()] * math.prod(shape)
    if bias is not None:
        added = ((node,) for node in _ints(np.broadcast_to(bias, shape)))
    flat = zip(
        rows.reshape(-1, rows.shape[-1]).tolist(), columns.reshape(-1, rows.shape[-1]).tolist(), added, strict=True
    )
    return np.array([program.dot(p, q, *more) for p, q, more in flat], np.int64).reshape(shape)


# ---------------------------------------------------------------- softmax, attention, norms


def _along(function: Callable[[list[Node]], list[Node]], nodes: np.ndarray, dim: int) -> np.ndarray:
    rows = np.moveaxis(nodes, dim, -1)
    found = [function(row) for row in map(_ints, rows.reshape(-1, rows.shape[-1]))]
    return np.moveaxis(np.array(found, np.int64).reshape(rows.shape), -1, dim)


@_handles("_softmax", "_log_softmax")
def _softened(rec: Recorder, func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    is_log = func.overloadpacket.__name__ == "_log_softmax"
    return _along(rec.program.logsmax if is_log else rec.program.smax, _numbers(rec, args[0], out), args[1])


@_handles("_safe_softmax")
def _softened_safely(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return _along(partial(_weights_or_none, rec.program), _numbers(rec, args[0], out), args[1])


def _weights_or_none(program: Program, row: list[Node]) -> list[Node]:
    """Return the softmax of a row; zeros where all of it is masked."""
    is_masked = all(program.is_value(score, -math.inf) for score in row)
    return [ZERO] * len(row) if is_masked else program.smax(row)


@_handles("amax", "max")
def _most(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    """Is only good for what is subtracted from every score of a row."""
    outs = out if isinstance(out, tuple | list) else [out]
    if not _is_number(outs[0]):
        raise RefusedError("the largest of several tokens")
    if func.overloadpacket.__name__ == "max" and len(args) > 1 and _is_tensor(args[1]):
        return _each(partial(patterns.at_least, rec.program), *(_numbers(rec, each, out) for each in args[:2]))
    found = _reduced(
        rec.program.largest, _numbers(rec, args[0], outs[0]), _argument(func, args, kwargs, "dim"), outs[0]
    )
    if len(outs) == 1:
        return found
    return [found, np.full(found.shape, rec.program.place_of_largest())]


@_handles("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_fused_attention_overrideable")
def _attended(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> list[Any]:
    program = rec.program
    query, key, value = (_numbers(rec, each, out[0]) for each in args[:3])  # (B, H, T, D)
    if _argument(func, args, kwargs, "dropout_p", 0.0):
        raise RefusedError("attention with dropout")
    scale = _argument(func, args, kwargs, "scale") or 1 / math.sqrt(query.shape[-1])
    scores = _each(program.mul, _product(program, query, np.swapaxes(key, -1, -2)), _numbers(rec, scale, out[0]))
    mask = _argument(func, args, kwargs, "attn_mask")
    if mask is not None:
        scores = _each(program.add, scores, _numbers(rec, mask, out[0]))
    if _argument(func, args, kwargs, "is_causal", default=False):
        later = np.triu(np.ones(scores.shape[-2:], bool), 1)
        scores = np.where(later, program.const(-math.inf), scores)
    return [_product(program, _along(partial(_weights_or_none, program), scores, -1), value), None]


@_handles("native_layer_norm")
def _layer_norm(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> list[Any]:
    program, nodes = rec.program, _numbers(rec, args[0], out[0])
    weight, bias = (None if each is None else _numbers(rec, each, out[0]).reshape(-1) for each in args[2:4])
    epsilon = int(_numbers(rec, args[4], out[0]))
    rows = nodes.reshape(-1, math.prod(args[1]))
    found = np.array([patterns.layer_norm(program, _ints(row), epsilon) for row in rows], np.int64)
    if weight is not None:
        found = _each(program.mul, found, weight)
    if bias is not None:
        found = _each(program.add, found, bias)
    return [found.reshape(nodes.shape), None, None]


@_handles("_fused_rms_norm")
def _rms_norm(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> list[Any]:
    program, nodes = rec.program, _numbers(rec, args[0], out[0])
    if args[3] is None:
        raise RefusedError("rms_norm without eps")
    epsilon = int(_numbers(rec, args[3], out[0]))
    rows = nodes.reshape(-1, math.prod(args[1]))
    found = np.array([patterns.rms_norm(program, _ints(row), epsilon) for row in rows], np.int64)
    if args[2] is not None:
        found = _each(program.mul, found, _numbers(rec, args[2], out[0]).reshape(-1))
    return [found.reshape(nodes.shape), None]
