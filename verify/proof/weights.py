"""The 46 weights as exact rational numbers, their names, and their fingerprint.

A tensor is written as rows of hexadecimal floats (``0x1.8p+1``), which JSON, C and Python read without rounding.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify.proof.formats import Format, converted

SHAPES: dict[str, tuple[int, ...]] = {
    "embedding.weight": (4, 2),
    "attention.in_proj_weight": (6, 2),
    "attention.out_proj.weight": (2, 2),
    "mlp.0.weight": (4, 2),
    "mlp.0.bias": (4,),
    "mlp.2.weight": (2, 4),
    "mlp.2.bias": (2,),
}

SMALLEST = Fraction(1, 2**149)  # of float32, so that 8192 bits hold every product of seven weights
LARGEST = (2 - Fraction(1, 2**23)) * 2**127

Vector = tuple[Fraction, ...]
Matrix = tuple[Vector, ...]


class RefusalError(ValueError):
    """The method does not apply; the message is the reason, in one sentence."""


class WrongSumError(RefusalError):
    """A sum that was asked for is wrong; the message names the operands.

    Attributes:
        pair: the operands, where the sum is one of ``add`` itself; None where a method gave it.
    """

    def __init__(self, message: str, pair: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.pair = pair


@dataclass(frozen=True)
class Weights:
    """The 46 weights, exactly.

    Attributes:
        embedding: (4, 2), also the output head.
        query, key, value, output: (2, 2), rows are outputs.
        hidden, hidden_bias: (4, 2) and (4,).
        contraction, contraction_bias: (2, 4) and (2,).
    """

    embedding: Matrix
    query: Matrix
    key: Matrix
    value: Matrix
    output: Matrix
    hidden: Matrix
    hidden_bias: Vector
    contraction: Matrix
    contraction_bias: Vector

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Sequence[Any]]) -> Weights:
        """Read the tensors of `SHAPES`, vectors being tensors of one row.

        Raises:
            RefusalError: a tensor is missing, or too much, has another shape or holds what is no finite number.
        """
        if set(tensors) != set(SHAPES):
            raise RefusalError(f"tensors {sorted(tensors)}, but the architecture has {sorted(SHAPES)}")
        rows = {name: _read(name, tensors[name]) for name in SHAPES}
        fused = rows["attention.in_proj_weight"]
        return cls(
            embedding=rows["embedding.weight"],
            query=fused[0:2],
            key=fused[2:4],
            value=fused[4:6],
            output=rows["attention.out_proj.weight"],
            hidden=rows["mlp.0.weight"],
            hidden_bias=rows["mlp.0.bias"][0],
            contraction=rows["mlp.2.weight"],
            contraction_bias=rows["mlp.2.bias"][0],
        )

    @property
    def tensors(self) -> dict[str, Matrix]:
        """The tensors by name, vectors being tensors of one row."""
        return {
            "embedding.weight": self.embedding,
            "attention.in_proj_weight": self.query + self.key + self.value,
            "attention.out_proj.weight": self.output,
            "mlp.0.weight": self.hidden,
            "mlp.0.bias": (self.hidden_bias,),
            "mlp.2.weight": self.contraction,
            "mlp.2.bias": (self.contraction_bias,),
        }

    @property
    def hexadecimal(self) -> dict[str, list[list[str]]]:
        """The tensors by name, each number as a hexadecimal float."""
        return {
            name: [[float(value).hex() for value in row] for row in matrix] for name, matrix in self.tensors.items()
        }

    @property
    def sha256(self) -> str:
        """The digest of `hexadecimal` as JSON with sorted keys and without spaces."""
        text = json.dumps(self.hexadecimal, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def rounded(self, target: Format) -> Weights | None:
        """Return the weights as ``model.to(dtype)`` rounds them; None where one overflows."""
        numbers: dict[str, list[list[Fraction]]] = {}
        for name, matrix in self.tensors.items():
            rows = [[converted(value, target) for value in row] for row in matrix]
            if any(value is None for row in rows for value in row):
                return None
            numbers[name] = [[value for value in row if value is not None] for row in rows]
        return Weights.from_tensors(numbers)


def numbers_of(dtype: str, raw: bytes) -> tuple[str, ...]:
    """Return the numbers that plain bytes are, little-endian, as hexadecimal floats.

    Raises:
        RefusalError: the dtype is none of `verify.proof.formats.FORMATS`, or the bytes do not come out even.
    """
    try:
        return tuple(float(number).hex() for number in _numbers(dtype, raw))
    except (KeyError, ValueError):
        raise RefusalError(f"{len(raw)} bytes are no numbers of {dtype}") from None


def _numbers(dtype: str, raw: bytes) -> Any:
    if dtype == "bfloat16":  # the upper half of a float32
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").astype(float)
    return np.frombuffer(raw, {"float64": "<f8", "float32": "<f4", "float16": "<f2"}[dtype]).astype(float)


def _read(name: str, tensor: Sequence[Any]) -> Matrix:
    shape = SHAPES[name]
    height, width = shape if len(shape) == 2 else (1, shape[0])
    rows = tuple(tuple(_number(name, entry) for entry in row) for row in tensor)
    if len(rows) != height or any(len(row) != width for row in rows):
        raise RefusalError(f"{name} has rows of {[len(row) for row in rows]}, but its shape is {shape}")
    return rows


def _number(name: str, entry: Any) -> Fraction:
    """Return an entry, a rational number or a hexadecimal float, as a rational number; -0.0 becomes 0."""
    if isinstance(entry, Fraction):
        return entry
    try:
        value = float.fromhex(entry)
    except (TypeError, ValueError, OverflowError):
        raise RefusalError(f"{name} holds {entry!r}, which is no hexadecimal float such as 0x1.8p+1") from None
    if not math.isfinite(value):
        raise RefusalError(f"{name} holds {value}, but a theorem needs finite weights")
    if value and not SMALLEST <= abs(value) <= LARGEST:
        raise RefusalError(f"{name} holds {value}, but the proof takes magnitudes in the range of float32")
    return Fraction(value)
