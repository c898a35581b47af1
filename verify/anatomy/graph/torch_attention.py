"""Softmax, attention, and norms in one call."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from verify.anatomy.graph import patterns
from verify.anatomy.graph.nodes import ZERO, Node, Program, RefusedError
from verify.anatomy.graph.torch_arithmetic import product, reduced
from verify.anatomy.graph.torch_operations import (
    Recorder,
    argument,
    each_of,
    handles,
    ints,
    is_number,
    is_tensor,
    numbers,
)


def _along(function: Callable[[list[Node]], list[Node]], nodes: np.ndarray, dim: int) -> np.ndarray:
    rows = np.moveaxis(nodes, dim, -1)
    found = [function(row) for row in map(ints, rows.reshape(-1, rows.shape[-1]))]
    return np.moveaxis(np.array(found, np.int64).reshape(rows.shape), -1, dim)


@handles("_softmax", "_log_softmax")
def _softened(rec: Recorder, func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    is_log = func.overloadpacket.__name__ == "_log_softmax"
    return _along(
        rec.program.logsmax if is_log else partial(rec.program.smax, where=object()),
        numbers(rec, args[0], out),
        args[1],
    )


@handles("_safe_softmax")
def _softened_safely(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> np.ndarray:
    return _along(partial(_weights_or_none, rec.program, object()), numbers(rec, args[0], out), args[1])


def _weights_or_none(program: Program, where: object, row: list[Node]) -> list[Node]:
    """Return the softmax of a row; zeros where all of it is masked."""
    is_masked = all(program.is_value(score, -math.inf) for score in row)
    return [ZERO] * len(row) if is_masked else program.smax(row, where)


@handles("amax", "max")
def _most(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> Any:
    """Is only good for what is subtracted from every score of a row."""
    outs = out if isinstance(out, tuple | list) else [out]
    if not is_number(outs[0]):
        raise RefusedError("the largest of several tokens")
    if func.overloadpacket.__name__ == "max" and len(args) > 1 and is_tensor(args[1]):
        return each_of(partial(patterns.at_least, rec.program), *(numbers(rec, each, out) for each in args[:2]))
    found = reduced(rec.program.largest, numbers(rec, args[0], outs[0]), argument(func, args, kwargs, "dim"), outs[0])
    if len(outs) == 1:
        return found
    return [found, np.full(found.shape, rec.program.place_of_largest())]


@handles("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_fused_attention_overrideable")
def _attended(rec: Recorder, func: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> list[Any]:
    program = rec.program
    query, key, value = (numbers(rec, each, out[0]) for each in args[:3])  # (B, H, T, D)
    if argument(func, args, kwargs, "dropout_p", 0.0):
        raise RefusedError("attention with dropout")
    scale = argument(func, args, kwargs, "scale", 1 / math.sqrt(query.shape[-1]))
    scores = each_of(program.mul, product(program, query, np.swapaxes(key, -1, -2)), numbers(rec, scale, out[0]))
    mask = argument(func, args, kwargs, "attn_mask")
    if mask is not None:
        scores = each_of(program.add, scores, numbers(rec, mask, out[0]))
    if argument(func, args, kwargs, "is_causal", default=False):
        later = np.triu(np.ones(scores.shape[-2:], bool), 1)
        scores = np.where(later, program.const(-math.inf), scores)
    return [product(program, _along(partial(_weights_or_none, program, object()), scores, -1), value), None]


@handles("native_layer_norm")
def _layer_norm(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> list[Any]:
    program, nodes = rec.program, numbers(rec, args[0], out[0])
    weight, bias = (None if each is None else numbers(rec, each, out[0]).reshape(-1) for each in args[2:4])
    epsilon = int(numbers(rec, args[4], out[0]))
    rows = nodes.reshape(-1, math.prod(args[1]))
    found = np.array([patterns.layer_norm(program, ints(row), epsilon) for row in rows], np.int64)
    if weight is not None:
        found = each_of(program.mul, found, weight)
    if bias is not None:
        found = each_of(program.add, found, bias)
    return [found.reshape(nodes.shape), None, None]


@handles("_fused_rms_norm")
def _rms_norm(rec: Recorder, _func: Any, args: Sequence[Any], _kwargs: dict[str, Any], out: Any) -> list[Any]:
    program, nodes = rec.program, numbers(rec, args[0], out[0])
    if args[3] is None:
        raise RefusedError("rms_norm without eps")
    epsilon = int(numbers(rec, args[3], out[0]))
    rows = nodes.reshape(-1, math.prod(args[1]))
    found = np.array([patterns.rms_norm(program, ints(row), epsilon) for row in rows], np.int64)
    if args[2] is not None:
        found = each_of(program.mul, found, numbers(rec, args[2], out[0]).reshape(-1))
    return [found.reshape(nodes.shape), None]
