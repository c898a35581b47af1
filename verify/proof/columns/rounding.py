"""Intervals as arrays, and what an operation may err by: section 2 of docs/columns.md.

The prover is not trusted: its own arithmetic is float64, and the unit of every bound is a little more than the
specification's, which covers a few of its roundings for each of the model's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

Numbers = Any  # float64, of any shape: what numpy and scipy take and give
Interval = tuple[Numbers, Numbers]

_OWN = 2.0**-50  # of the prover's own roundings, each 2^-53
_ROOT = 2.0**-100  # least magnitude of what is divided by, or a root is taken of
LARGEST = 2.0**120


@dataclass(frozen=True)
class Unit:
    """The unit roundoff of a type, with the prover's own, and the smallest normal number."""

    u: float
    tiny: float

    @classmethod
    def of(cls, dtype: str) -> Unit:
        """Return those of "float32" or "float64"."""
        u, tiny = {"float32": (2.0**-24, 2.0**-126), "float64": (2.0**-53, 2.0**-1022)}[dtype]
        return cls(u + _OWN, tiny)

    def sum(self, terms: int) -> float:
        """Return by what a sum of so many terms errs, relative to the sum of their magnitudes."""
        each = (terms + 1) * self.u
        return each / (1 - each)


FACTORS = {  # of u, relative to the result; of silu and gelu, to the argument
    "add": 1, "sub": 1, "mul": 1, "sq": 1, "round": 1, "div": 3, "sqrt": 3, "rsqrt": 4, "exp": 40, "tanh": 16,
    "sigmoid": 16, "silu": 8, "gelu": 13, "gelu_tanh": 8, "neg": 0, "slack": 0, "abs": 0, "relu": 0, "const": 0,
    "tok": 0,
}  # fmt: skip
OF_THE_ARGUMENT = {"silu", "gelu", "gelu_tanh"}


def magnitude(x: Interval) -> Numbers:
    """Return the largest magnitude in an interval."""
    return np.maximum(np.abs(x[0]), np.abs(x[1]))


def product(x: Interval, y: Interval) -> Interval:
    """Return an enclosure of products."""
    ends = [x[0] * y[0], x[0] * y[1], x[1] * y[0], x[1] * y[1]]
    return np.minimum.reduce(ends), np.maximum.reduce(ends)


def square(x: Interval) -> Interval:
    """Return an enclosure of squares."""
    low = np.where((x[0] <= 0) & (x[1] >= 0), 0.0, np.minimum(np.abs(x[0]), np.abs(x[1])))
    return low * low, magnitude(x) ** 2


def reciprocal(x: Interval) -> Interval:
    """Return an enclosure of reciprocals, infinite on both sides where the interval comes near 0."""
    near = (x[0] < _ROOT) & (x[1] > -_ROOT)
    low, high = np.where(near, 1.0, x[0]), np.where(near, 1.0, x[1])
    return np.where(near, -np.inf, 1 / high), np.where(near, np.inf, 1 / low)


def _gelu(x: Numbers) -> Numbers:
    return x * special.ndtr(x)


def _gelu_slope(x: Numbers) -> Numbers:
    return special.ndtr(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def _inner(x: Numbers) -> Numbers:
    return np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)


def _gelu_tanh(x: Numbers) -> Numbers:
    return x * special.expit(2 * _inner(x))


def _gelu_tanh_slope(x: Numbers) -> Numbers:
    s = special.expit(2 * _inner(x))
    return s + x * s * (1 - s) * 2 * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x * x)


def _silu(x: Numbers) -> Numbers:
    return x * special.expit(x)


def _silu_slope(x: Numbers) -> Numbers:
    s = special.expit(x)
    return s * (1 + x * (1 - s))


def _logistic_slope(x: Numbers) -> Numbers:
    s = special.expit(x)
    return s * (1 - s)


@dataclass(frozen=True)
class Function:
    """A function of one variable: its values, its slopes, and where either has an extremum inside."""

    value: Callable[[Numbers], Numbers]
    slope: Callable[[Numbers], Numbers]
    turns: tuple[float, ...] = ()
    slope_turns: tuple[float, ...] = ()

    def range(self, x: Interval) -> Interval:
        """Return an enclosure of the values over an interval."""
        return _range(self.value, self.turns, x)

    def slopes(self, x: Interval) -> Interval:
        """Return an enclosure of the slopes over an interval."""
        return _range(self.slope, self.slope_turns, x)


def _range(function: Callable[[Numbers], Numbers], turns: tuple[float, ...], x: Interval) -> Interval:
    ends = function(x[0]), function(x[1])
    low, high = np.minimum(*ends), np.maximum(*ends)
    for turn in turns:
        inside, there = (x[0] < turn) & (x[1] > turn), function(np.float64(turn))
        low = np.where(inside, np.minimum(low, there), low)
        high = np.where(inside, np.maximum(high, there), high)
    slack = 1e-12 * np.maximum(np.abs(low), np.abs(high)) + (1e-9 if turns else 0.0)
    return low - slack, high + slack


def _positive(x: Numbers) -> Numbers:
    return np.maximum(x, _ROOT)


FUNCTIONS = {
    "sqrt": Function(lambda x: np.sqrt(_positive(x)), lambda x: 0.5 / np.sqrt(_positive(x))),
    "rsqrt": Function(lambda x: 1 / np.sqrt(_positive(x)), lambda x: -0.5 * _positive(x) ** -1.5),
    "exp": Function(np.exp, np.exp),
    "tanh": Function(np.tanh, lambda x: 1 / np.cosh(np.clip(x, -350, 350)) ** 2, (), (0.0,)),
    "sigmoid": Function(special.expit, _logistic_slope, (), (0.0,)),
    "silu": Function(_silu, _silu_slope, (-1.2784645427610738,), (-2.399357280520883, 2.399357280520883)),
    "gelu": Function(_gelu, _gelu_slope, (-0.7517915246935645,), (-np.sqrt(2), np.sqrt(2))),
    "gelu_tanh": Function(_gelu_tanh, _gelu_tanh_slope, (-0.7524614220710162,), (-1.4221, 1.4221)),
    "relu": Function(lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float)),
    "abs": Function(np.abs, np.sign, (0.0,)),
    "neg": Function(np.negative, lambda x: np.full_like(x, -1.0)),
    "round": Function(lambda x: x, np.ones_like),
}
NEEDS_POSITIVE = {"sqrt", "rsqrt"}


def is_inside(operation: str, x: Interval) -> Numbers:
    """Return where an interval lies in the domain of a function."""
    return x[0] >= _ROOT if operation in NEEDS_POSITIVE else np.isfinite(x[0]) & np.isfinite(x[1])
