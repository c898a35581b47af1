"""Rigorous arithmetic: intervals with rational ends that contain the real value, whatever happens.

Ends are exact while they are short, and are rounded outward to `SIGNIFICANT_BITS` once they are long, so that
dyadic weights give point intervals and irrational values give intervals some 10^-190 wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isqrt

from verify.proof.formats import exponent_of, power_of_two

SIGNIFICANT_BITS = 640
EXACT_BITS = 8192  # shorter ends are kept exactly; logits of any float32 weights fit where attention is rational
NEGLIGIBLE_EXPONENT = 4096  # exp(-4096) < 2^-5900: below every number of every format


@dataclass(frozen=True)
class Interval:
    """All real numbers from ``low`` to ``high``, both included."""

    low: Fraction
    high: Fraction

    def __add__(self, other: Interval) -> Interval:
        return _outward(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return _outward(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Interval) -> Interval:
        if self.low == self.high and other.low == other.high:
            product = self.low * other.low
            return _outward(product, product)
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return _outward(min(ends), max(ends))

    @property
    def magnitude(self) -> Fraction:
        """The largest absolute value in the interval."""
        return max(abs(self.low), abs(self.high))

    @property
    def positive_part(self) -> Interval:
        """The image under max(x, 0)."""
        return Interval(max(self.low, Fraction(0)), max(self.high, Fraction(0)))


def point(value: Fraction | int) -> Interval:
    """Return the interval that holds one number."""
    return Interval(Fraction(value), Fraction(value))


ZERO = point(0)


def dot(a: tuple[Interval, ...], b: tuple[Interval, ...]) -> Interval:
    """Return an enclosure of the scalar product of two vectors."""
    total = ZERO
    for x, y in zip(a, b, strict=True):
        total = total + x * y
    return total


def exponential(argument: Fraction) -> Interval:
    """Return an enclosure of exp(argument), exactly 1 at 0.

    The argument is halved k times until it is below 2^-32, the Taylor series is summed in fixed point rounded down,
    its remainder is below its last term, and the result is squared k times, rounded down and up.

    Raises:
        OverflowError: the argument is above 4096; callers use the reciprocal.
    """
    if argument > NEGLIGIBLE_EXPONENT:
        raise OverflowError(f"exp({float(argument):.6g}) is not enclosed; arguments are at most {NEGLIGIBLE_EXPONENT}")
    if argument == 0:
        return point(1)
    if argument < -NEGLIGIBLE_EXPONENT:
        return Interval(Fraction(0), power_of_two(-NEGLIGIBLE_EXPONENT))
    if argument < 0:
        upward = exponential(-argument)
        return _outward(1 / upward.high, 1 / upward.low)
    return _exponential_of_positive(argument)


def _exponential_of_positive(argument: Fraction) -> Interval:
    halvings = max(0, exponent_of(argument) + 33)
    bits = SIGNIFICANT_BITS + 2 * halvings + 64
    step = (argument.numerator << bits) // (argument.denominator << halvings)  # below 2^(bits - 32), rounded down
    term = low = 1 << bits
    terms = 0
    while term:
        terms += 1
        term = term * step // (terms << bits)
        low += term
    # In units of 2^-bits a term lies below the true one by at most 2, the terms left out come to at most 2.
    high = low + (terms + 2) ** 2
    for _ in range(halvings):
        low = low * low >> bits
        high = (high * high >> bits) + 1
    return _outward(Fraction(low, 1 << bits), Fraction(high, 1 << bits))


def logistic(argument: Interval) -> Interval:
    """Return an enclosure of 1 / (1 + exp(-argument)): the softmax weight of the first of two scores."""
    return Interval(_logistic(argument.low).low, _logistic(argument.high).high)


def _logistic(argument: Fraction) -> Interval:
    decay = exponential(-abs(argument))  # at most 1
    if argument < 0:
        return _outward(decay.low / (1 + decay.low), decay.high / (1 + decay.high))
    return _outward(1 / (1 + decay.high), 1 / (1 + decay.low))


@lru_cache(maxsize=1)
def inverse_root_of_two() -> Interval:
    """Return an enclosure of 1 / sqrt(2): the scale of scores of heads of width 2."""
    root = isqrt(1 << (2 * SIGNIFICANT_BITS - 1))
    return Interval(Fraction(root, 1 << SIGNIFICANT_BITS), Fraction(root + 1, 1 << SIGNIFICANT_BITS))


def _outward(low: Fraction, high: Fraction) -> Interval:
    return Interval(round_down(low), -round_down(-high))


def round_down(value: Fraction) -> Fraction:
    """Return the value itself where it is short, else the next lower number of `SIGNIFICANT_BITS`."""
    if value.numerator.bit_length() + value.denominator.bit_length() <= EXACT_BITS:
        return value
    unit = power_of_two(exponent_of(value) - SIGNIFICANT_BITS + 1)
    return (value // unit) * unit
