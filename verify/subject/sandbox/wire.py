"""How values travel between parent and worker: one JSON object a line, numpy arrays as dtype, shape and base64.

Integers that fit no type of numpy's, as operands of more than 18 digits are, travel as numbers of JSON.

Nothing is ever unpickled, and `loads` builds nothing but plain values and arrays of numbers.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

LONGEST_LINE = 64 << 20  # bytes
MOST_VALUES = 4 << 20  # in one line: each costs a hundred times the memory of its text
_MOST_DIMENSIONS = 32

_INTEGERS = [sign + str(bits) for sign in ("int", "uint") for bits in (8, 16, 32, 64)]
_NUMBERS = frozenset(["bool", "float16", "float32", "float64", *_INTEGERS])
_ARRAY_KEYS = {"dtype", "shape", "base64"}
_INTEGER_KEYS = {"integers"}


def dumps(value: Any) -> bytes:
    r"""Return a value as one line.

    >>> dumps({"sums": np.arange(2)})
    b'{"sums": {"dtype": "int64", "shape": [2], "base64": "AAAAAAAAAAABAAAAAAAAAA=="}}\n'
    """
    return json.dumps(value, default=_plain).encode() + b"\n"


def loads(line: bytes) -> Any:
    """Return the value that a line holds.

    Raises:
        ValueError: the line is no JSON, holds an array that is none, or more values than anybody has to say.
    """
    if sum(line.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise ValueError("too many values")
    try:
        return json.loads(line, object_hook=_array)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{type(value).__name__} does not travel; operations return plain values and numpy arrays")
    if value.dtype == object and value.ndim == 1 and all(type(each) is int for each in value):
        return {"integers": value.tolist()}
    if value.dtype.name not in _NUMBERS:
        raise TypeError(f"an array of {value.dtype} does not travel")
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": value.dtype.name, "shape": list(value.shape), "base64": data}


def _array(found: dict[str, Any]) -> Any:
    if found.keys() == _INTEGER_KEYS:
        return _integers(found["integers"])
    if found.keys() != _ARRAY_KEYS:
        return found
    dtype, shape, text = found["dtype"], found["shape"], found["base64"]
    is_shape = (
        isinstance(shape, list)
        and len(shape) <= _MOST_DIMENSIONS
        and all(type(length) is int and 0 <= length <= LONGEST_LINE for length in shape)
    )
    if not (isinstance(dtype, str) and dtype in _NUMBERS and is_shape and isinstance(text, str)):
        raise ValueError("an array of an unknown kind")
    data = base64.b64decode(text, validate=True)
    if len(data) != math.prod(shape) * np.dtype(dtype).itemsize:
        raise ValueError("an array whose data do not fill its shape")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _integers(found: Any) -> np.ndarray:
    if not (isinstance(found, list) and all(type(each) is int for each in found)):
        raise ValueError("integers that are none")
    return np.array(found, object)
