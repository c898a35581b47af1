"""Shapes: what a piece of JSON must be, said by example.

A dict is an object that has at least these keys, a list of one shape a list of any length of it, ``str`` and ``bool``
are themselves, and the classes below what their docstrings say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

from verify.text import printable

DECIMALS = re.compile(r"-?\d{1,60}(\.\d{1,60})?([eE][+-]?\d{1,4})?")
LARGEST = 2**63
LARGEST_WHOLE = 10**101
_TOKENS = 4


@dataclass(frozen=True)
class Maybe:
    """A shape that may be missing or null."""

    shape: Any


class Number:
    """The shape of a finite number."""


class Positive:
    """The shape of a finite number above 0."""


class Count:
    """The shape of an integer from 0 up."""


class Whole:
    """The shape of an integer from 0 up, of as many as 101 digits: an operand or a sum."""


class Token:
    """The shape of a token of our vocabulary, 0 to 3."""


class Decimals:
    """The shape of a number written as text in decimal digits."""


@dataclass(frozen=True)
class Exactly:
    """The shape of a list of so many."""

    length: int
    shape: Any


@dataclass(frozen=True)
class OneOf:
    """The shape of one of a few texts."""

    texts: tuple[str, ...]


class Anything:
    """The shape of any value."""


def mismatch(value: Any, shape: Any) -> str | None:
    """Return the first place where a value has not its shape, and what is there; None where it has.

    >>> mismatch({"cases": [3, -1]}, {"cases": [Count]})
    'cases[1] is -1, but should be an integer from 0 up'
    """
    wrong = _mismatch(value, shape, "")
    return None if wrong is None else wrong.removeprefix(".")


def _mismatch(value: Any, shape: Any, where: str) -> str | None:
    if isinstance(shape, Maybe):
        return None if value is None else _mismatch(value, shape.shape, where)
    if isinstance(shape, dict):
        return _object_mismatch(value, shape, where)
    if isinstance(shape, list | Exactly):
        return _list_mismatch(value, shape, where)
    if isinstance(shape, OneOf):
        told = f"{where} is {shown(value)}, but should be one of {', '.join(shape.texts)}"
        return None if isinstance(value, str) and value in shape.texts else told
    if shape is Anything or _is(value, shape):
        return None
    return f"{where} is {shown(value)}, but should be {_WORDS[shape]}"


def _list_mismatch(value: Any, shape: Any, where: str) -> str | None:
    if not isinstance(value, list):
        return f"{where} is {shown(value)}, but should be a list"
    if isinstance(shape, Exactly) and len(value) != shape.length:
        return f"{where} holds {len(value)}, but should hold {shape.length}"
    inner = shape.shape if isinstance(shape, Exactly) else shape[0]
    found = (_mismatch(item, inner, f"{where}[{index}]") for index, item in enumerate(value))
    return next((wrong for wrong in found if wrong is not None), None)


def _object_mismatch(value: Any, shape: dict[str, Any], where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where} is {shown(value)}, but should be an object"
    for key, inner in shape.items():
        if key not in value and not isinstance(inner, Maybe) and inner is not Anything:
            return f"{where}.{key} is missing"
        wrong = _mismatch(value.get(key), inner, f"{where}.{key}")
        if wrong is not None:
            return wrong
    return None


_WORDS = {
    str: "text",
    bool: "true or false",
    Number: "a finite number",
    Positive: "a number above 0",
    Count: "an integer from 0 up",
    Whole: "an integer from 0 up",
    Token: "a token, 0 to 3",
    Decimals: "a number as text",
}


def _is(value: Any, shape: Any) -> bool:
    """Return whether a value has a shape that is no list and no object."""
    if shape in (str, bool):
        return type(value) is shape
    if shape is Decimals:
        return isinstance(value, str) and DECIMALS.fullmatch(value) is not None
    if shape is Whole:
        return type(value) is int and 0 <= value < LARGEST_WHOLE
    is_integer = type(value) is int and abs(value) < LARGEST
    if shape in (Count, Token):
        return is_integer and 0 <= value < (_TOKENS if shape is Token else LARGEST)
    is_finite = is_integer or (type(value) is float and isfinite(value))
    return is_finite and (shape is Number or value > 0)


def shown(value: object) -> str:
    """Return the beginning of a value, for a message."""
    return printable("missing" if value is None else repr(value), 60)
