"""What form the answer to each operation has: what comes back from a worker in another form breaks the protocol.

An operation is registered where it is defined; a test fails on one whose form is not said here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_ANYTHING = object()


@dataclass(frozen=True)
class Array:
    """An array of numbers: the kinds of numpy's dtype that it may have, and how many dimensions, None for any."""

    kinds: str = "f"
    dimensions: int | None = None


_REFUSED = {"refused": str}

# A type, None, an `Array`; a list of a form; a dict of forms by key, ``str`` for all keys; a tuple of alternatives.
FORMS: dict[str, Any] = {
    "architecture": (
        _REFUSED,
        {"dtype": str, "weights": {str: [[str]]}, "visible": [[int]], "forward": str},
    ),
    "audit_checks": [{"check": str, "outcome": str, "detail": str}],
    "count_parameters": {
        "counted": int,
        "unique": int,
        "nonzero": int,
        "buffers": int,
        "copies": int,
        "tensors": (
            None,
            [{"name": str, "shape": [int], "count": int, "nonzero": int, "dead": int, "idle": int, "needed": int}],
        ),
        "notes": [str],
    },
    "counted_calls": {"answers": [str], "calls": [int], "name": str, "unknown": str},
    "forced_batch": {"sums": Array("i", 1), "odd": list, "counts": {str: int}, "given_up": str},
    "forced_logits": Array("f"),
    "forced_logits_compiled": Array("f"),
    "forced_logits_in": Array("f"),
    "forced_logits_on": Array("f"),
    "forced_outputs": (_REFUSED, Array("f", 3)),
    "forced_margins": (None, Array("f", 1)),
    "head_is_tied": (bool, None),
    "learn_forcing": str,
    "methods_with_logits": [str],
    "module_state": {"parameters": {str: [int]}, "buffers": {str: Array("fiub")}},
    "recorded_graph": (_REFUSED, Array("u", 1)),
    "residual_stream": (
        _REFUSED,
        {"schema": str, "embeddings": [[float]], "transitions": list, "sum": dict, "budget": (list, dict)},
    ),
    "step_function_fault": str,
    "sums_by_method": {str: (str, Array("i", 1))},
    "tensors": [{"dtype": str, "shape": [int], "bytes": Array("u", 1)}],
    "weights_digest": str,
}


def fits(value: Any, operation: str) -> bool:
    """Return whether what an operation is said to have found has the form that it has."""
    return _fits(value, FORMS.get(operation, _ANYTHING))


def _fits(value: Any, form: Any) -> bool:
    if form is _ANYTHING:
        return True
    if isinstance(form, tuple):
        return any(_fits(value, each) for each in form)
    if isinstance(form, list):
        return isinstance(value, list) and all(_fits(each, form[0]) for each in value)
    if isinstance(form, dict):
        return isinstance(value, dict) and _fits_keys(value, form)
    if isinstance(form, Array):
        return (
            isinstance(value, np.ndarray) and value.dtype.kind in form.kinds and form.dimensions in (None, value.ndim)
        )
    if form is None or isinstance(value, bool):
        return value is None if form is None else form is bool
    return isinstance(value, (int, float) if form is float else form)


def _fits_keys(value: dict[str, Any], form: dict[Any, Any]) -> bool:
    if str in form:
        return all(_fits(each, form[str]) for each in value.values())
    return form.keys() <= value.keys() and all(_fits(value[key], each) for key, each in form.items())
