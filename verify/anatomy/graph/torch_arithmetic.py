"""Arithmetic: element by element, sums, and products of matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from verify.anatomy.graph import patterns
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


def _pairwise(operation: str) -> Handler:
    def pairwise(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
        function, program = getattr(rec.program, operation), rec.program
        x, y = (numbers(rec, each, out) for each in args[:2])
        if (scale := argument(func, args, kwargs, "alpha", 1)) != 1:
            y = each_of(program.mul, y, numbers(rec, scale, out))
        if not is_number(out):
            exact: Callable[[float, float], float] = {
                "add": lambda p, q: p + q,
                "sub": lambda p, q: p - q,
                "mul": lambda p, q: p * q,
            }[operation]
            if "bool" in str(out.dtype):  # true and true are true
                return each_of(lambda *nodes: whole(program, lambda p, q: bool(exact(p, q)), *nodes), x, y)
            return each_of(lambda *nodes: whole(program, exact, *nodes), x, y)
        return each_of(function, x, y)

    return pairwise


HANDLERS.update({name: _pairwise(name) for name in ("add", "sub")})


@handles("rsub")
def _subtracted_from(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    return _pairwise("sub")(rec, func, (args[1], args[0]), kwargs, out)


@handles("mul")
def _multiplied(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    if not out.is_complex():
        return _pairwise("mul")(rec, func, args, kwargs, out)
    (x, p), (y, q) = (_parts(rec, each, out) for each in args[:2])
    dot, neg = rec.program.dot, rec.program.neg
    real = each_of(lambda a, b, c, d: dot((a, neg(b)), (c, d)), x, p, y, q)
    return np.stack([real, each_of(lambda a, b, c, d: dot((a, b), (d, c)), x, p, y, q)], axis=-1)


def _parts(rec: Recorder, value: Any, out: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return real and imaginary parts."""
    nodes = numbers(rec, value, out)
    if is_tensor(value) and value.is_complex():
        return nodes[..., 0], nodes[..., 1]
    return nodes, np.full_like(nodes, ZERO)


@handles("div", "true_divide")
def _divided(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    if (mode := argument(func, args, kwargs, "rounding_mode")) is not None:
        if mode != "floor":
            raise RefusedError(f"a division that rounds ({mode})")
        return np.asarray(HANDLERS["floor_divide"](rec, func, args, kwargs, out))
    return each_of(partial(patterns.quotient, rec.program), *(numbers(rec, each, out) for each in args[:2]))


@handles("reciprocal")
def _inverse(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return each_of(partial(patterns.quotient, rec.program), numbers(rec, 1.0, out), numbers(rec, args[0], out))


def _unary(operation: str) -> Handler:
    def unary(rec: Recorder, func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
        if not is_number(out):
            raise RefusedError(f"arithmetic on token ids ({func.overloadpacket.__name__})")
        return each_of(getattr(rec.program, operation), numbers(rec, args[0], out))

    return unary


def _curve(kind: str) -> Handler:
    def curve(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
        return each_of(lambda node: rec.program.curve(kind, node), numbers(rec, args[0], out))

    return curve


HANDLERS.update({name: _unary(name) for name in ("neg", "abs", "relu")} | {"square": _unary("sq")})
HANDLERS.update({name: _curve(name) for name in ("sqrt", "rsqrt", "exp", "tanh", "sigmoid", "silu")})


@handles("nan_to_num")
def _defined(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    """Of constants; whatever else is no finite number, nothing is proved of."""
    import torch

    program, nodes = rec.program, numbers(rec, args[0], out)
    more = [argument(func, args, kwargs, name) for name in ("nan", "posinf", "neginf")]

    def defined(node: Node) -> Node:
        value = program.value(node)
        if value is None:
            return node
        return program.const(torch.nan_to_num(torch.tensor(value, dtype=out.dtype), *more).item())

    return each_of(defined, nodes)


@handles("gelu")
def _gelu(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    kind = "gelu" if argument(func, args, kwargs, "approximate", "none") == "none" else "gelu_tanh"
    return np.asarray(_curve(kind)(rec, func, args, kwargs, out))


@handles("pow")
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
    exponents = {program.value(node) for node in ints(raw(rec, args[1]))}
    exponent = exponents.pop() if len(exponents) == 1 else None
    if exponent not in functions or not is_tensor(args[0]) or not is_number(out):
        raise RefusedError(f"a power other than {', '.join(map(str, functions))}")
    return np.broadcast_to(each_of(functions[exponent], numbers(rec, args[0], out)), shape_of(out))


@handles("clamp", "clamp_min", "clamp_max", "hardtanh", "maximum", "minimum", "relu6", "threshold")
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
    given = tuple((argument(func, args, kwargs, each),) for each in names) if name not in of_two else of_two[name]
    low, high = (next(iter(each), None) for each in given)
    nodes = numbers(rec, args[0], out)
    for bound, function, exact in ((low, patterns.at_least, max), (high, patterns.at_most, min)):
        if bound is not None and is_number(out):
            nodes = each_of(partial(function, program), nodes, numbers(rec, bound, out))
        elif bound is not None:
            nodes = each_of(partial(whole, program, exact), nodes, raw(rec, bound))
    return nodes


@handles("leaky_relu")
def _leaky(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program, slope = rec.program, numbers(rec, argument(func, args, kwargs, "negative_slope", 0.01), out)

    def leaky(x: Node, by: Node) -> Node:
        return program.sub(program.relu(x), program.mul(program.relu(program.neg(x)), by))

    return each_of(leaky, numbers(rec, args[0], out), slope)


@handles("addcdiv")
def _added_quotient(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program, scale = rec.program, numbers(rec, argument(func, args, kwargs, "value", 1), out)
    x, p, q = (numbers(rec, each, out) for each in args[:3])
    return each_of(lambda x, p, q, s: program.add(x, program.div(program.mul(p, s), q)), x, p, q, scale)


@handles("glu")
def _gated(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program = rec.program
    first, second = np.split(numbers(rec, args[0], out), 2, axis=argument(func, args, kwargs, "dim", -1))
    return each_of(lambda x, gate: program.mul(x, program.curve("sigmoid", gate)), first, second)


@handles("addcmul")
def _added_product(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program, scale = rec.program, numbers(rec, argument(func, args, kwargs, "value", 1), out)
    x, p, q = (numbers(rec, each, out) for each in args[:3])
    return each_of(lambda x, p, q, s: program.add(x, program.mul(program.mul(p, s), q)), x, p, q, scale)


def _rows(nodes: np.ndarray, dims: Any) -> tuple[np.ndarray, list[int]]:
    """Return nodes with the dimensions that are summed over last, as one, and which those are."""
    every = list(range(nodes.ndim))
    chosen: list[int] = every if dims is None or dims == [] else [dims] if isinstance(dims, int) else list(dims)
    summed = [dim % max(nodes.ndim, 1) for dim in chosen]
    rest = [dim for dim in every if dim not in summed]
    turned = np.transpose(nodes, rest + summed)
    return turned.reshape([nodes.shape[dim] for dim in rest] + [-1]), summed


def reduced(function: Callable[[list[Node]], Node], nodes: np.ndarray, dims: Any, out: Any) -> np.ndarray:
    """Return a function of the rows along some dimensions, in the shape of a result."""
    rows, _ = _rows(nodes, dims)
    found = [function(ints(row)) for row in rows.reshape(-1, rows.shape[-1])]
    return np.array(found, np.int64).reshape(tuple(out.shape))


@handles("sum", "mean")
def _summed(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    nodes, dims, program = numbers(rec, args[0], out), argument(func, args, kwargs, "dim"), rec.program
    if not is_number(out):
        return reduced(lambda row: _whole_sum(program, row), nodes, dims, out)
    if func.overloadpacket.__name__.rstrip("_") == "mean":
        return reduced(partial(patterns.mean, program), nodes, dims, out)
    return reduced(program.sum, nodes, dims, out)


def _whole_sum(program: Program, row: list[Node]) -> Node:
    total = program.const(0.0)
    for node in row:
        total = whole(program, lambda p, q: p + q, total, node)
    return total


@handles("cumsum")
def _accumulated(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    nodes = np.moveaxis(numbers(rec, args[0], out), int(argument(func, args, kwargs, "dim")), -1)
    add = rec.program.sum if is_number(out) else lambda row: _whole_sum(rec.program, row)
    found = [[add(row[: end + 1]) for end in range(len(row))] for row in map(ints, nodes.reshape(-1, nodes.shape[-1]))]
    return np.moveaxis(np.array(found, np.int64).reshape(nodes.shape), -1, int(argument(func, args, kwargs, "dim")))


@handles("var", "var_mean", "std", "std_mean")
def _spread(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    name, program, dims = func.overloadpacket.__name__, rec.program, argument(func, args, kwargs, "dim")
    outs = list(out) if isinstance(out, tuple | list) else [out]
    correction = argument(func, args, kwargs, "correction", 1)
    nodes = numbers(rec, args[0], outs[0])
    spread = reduced(lambda row: patterns.variance(program, row, correction), nodes, dims, outs[0])
    if name.startswith("std"):
        spread = each_of(lambda node: program.curve("sqrt", node), spread)
    return [spread, reduced(partial(patterns.mean, program), nodes, dims, outs[1])] if name.endswith("mean") else spread


@handles("linalg_vector_norm")
def _length(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program, nodes = rec.program, numbers(rec, args[0], out)
    order, dims = argument(func, args, kwargs, "ord", 2), argument(func, args, kwargs, "dim")
    if order == 2:
        return reduced(lambda row: program.curve("sqrt", program.sum(map(program.sq, row))), nodes, dims, out)
    if order == 1:
        return reduced(lambda row: program.sum(map(program.abs, row)), nodes, dims, out)
    raise RefusedError(f"a norm of order {order}")


@handles("mm", "bmm", "mv", "dot", "vdot", "linear")
def _multiplied_matrices(rec: Recorder, func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> Any:
    x, y = (numbers(rec, each, out) for each in args[:2])
    if func.overloadpacket.__name__ == "linear":
        bias = (args[2:3] or [None])[0]
        return product(rec.program, x, y.T, None if bias is None else numbers(rec, bias, out))
    return product(rec.program, x, y)


@handles("addmm", "baddbmm", "addmv")
def _added_matrices(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> np.ndarray:
    program = rec.program
    beta, alpha = (argument(func, args, kwargs, each, 1) for each in ("beta", "alpha"))
    bias, x, y = (numbers(rec, each, out) for each in args[:3])
    bias = bias if beta == 1 else each_of(program.mul, bias, numbers(rec, beta, out))
    if alpha == 1:
        return product(program, x, y, bias)
    return each_of(program.add, each_of(program.mul, product(program, x, y), numbers(rec, alpha, out)), bias)


def product(program: Program, x: np.ndarray, y: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
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
        added = ((node,) for node in ints(np.broadcast_to(bias, shape)))
    flat = zip(
        rows.reshape(-1, rows.shape[-1]).tolist(), columns.reshape(-1, rows.shape[-1]).tolist(), added, strict=True
    )
    return np.array([program.dot(p, q, *more) for p, q, more in flat], np.int64).reshape(shape)
