"""Floating-point formats, and what one operation may do in each of the eight modes that a certificate names.

A format is IEEE 754 in binary: ``significand`` bits with the leading one, exponents from ``emin`` to ``emax``.
A mode is a format in which tensors are stored and one in which arithmetic is carried out; any result may be stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

EVERY_OPERATION = "every operation rounded"
FLOAT32_ACCUMULATION = "float32 accumulation"
MODES = (EVERY_OPERATION, FLOAT32_ACCUMULATION)

# torch's CPU attention takes an exp of 20 units in the last place in float32, and one of 1e-4 where it stores 16 bits:
# exp_u20 and fexp_u20 in ATen/cpu/vec/vec512/vec512_float.h.
EXPONENTIAL_UNITS = 10
FLOAT32_EXPONENTIAL_UNITS = 40


@dataclass(frozen=True)
class Format:
    """A binary floating-point format."""

    name: str
    significand: int
    emin: int
    emax: int

    @property
    def unit_roundoff(self) -> Fraction:
        """The largest relative error of rounding to nearest, 2^-significand (Higham 2002, theorem 2.2)."""
        return Fraction(1, 2**self.significand)

    @property
    def smallest_normal(self) -> Fraction:
        """The smallest positive number that is not subnormal."""
        return power_of_two(self.emin)

    @property
    def largest(self) -> Fraction:
        """The largest finite number."""
        return (2 - 2 * self.unit_roundoff) * power_of_two(self.emax)


FORMATS = {
    each.name: each
    for each in (
        Format("float64", 53, -1022, 1023),
        Format("float32", 24, -126, 127),
        Format("bfloat16", 8, -126, 127),
        Format("float16", 11, -14, 15),
    )
}


@dataclass(frozen=True)
class Rounding:
    """What the operations of one mode may do to a number: the constants of the error bound.

    Attributes:
        unit: relative error of one operation.
        store: relative error of storing a result, 0 where an operation's result already is in the stored format.
        reads: roundings of operands that are wider than the arithmetic, per operation.
        exponential: relative error of exp.
        flush: what flushing to zero may take away at most: the smallest normal number.
        largest: numbers above this overflow.
        operation_bits: significand of the arithmetic.
        stored_bits: significand of stored tensors.
    """

    unit: Fraction
    store: Fraction
    reads: int
    exponential: Fraction
    flush: Fraction
    largest: Fraction
    operation_bits: int
    stored_bits: int


def rounding_of(precision: str, mode: str) -> Rounding:
    """Return the constants of a mode; of the two formats' ranges the narrower one counts."""
    stored = FORMATS[precision]
    single = FORMATS["float32"]
    operation = stored if mode == EVERY_OPERATION else single
    exponential = EXPONENTIAL_UNITS * max(operation.unit_roundoff, stored.unit_roundoff)
    if stored.significand >= operation.significand == single.significand:
        exponential = FLOAT32_EXPONENTIAL_UNITS * single.unit_roundoff
    return Rounding(
        unit=operation.unit_roundoff,
        store=stored.unit_roundoff if stored.significand < operation.significand else Fraction(0),
        reads=2 if stored.significand > operation.significand else 0,
        exponential=exponential,
        flush=max(stored.smallest_normal, operation.smallest_normal),
        largest=min(stored.largest, operation.largest),
        operation_bits=operation.significand,
        stored_bits=min(stored.significand, operation.significand),
    )


def power_of_two(exponent: int) -> Fraction:
    """Return 2^exponent exactly."""
    return Fraction(2**exponent) if exponent >= 0 else Fraction(1, 2**-exponent)


def exponent_of(value: Fraction) -> int:
    """Return e with 2^e <= |value| < 2^(e + 1), of a value that is not 0."""
    exponent = abs(value.numerator).bit_length() - value.denominator.bit_length()
    return exponent if abs(value) >= power_of_two(exponent) else exponent - 1


def round_to(value: Fraction, target: Format) -> Fraction | None:
    """Return the value rounded to nearest, ties to even, subnormal numbers included; None where it overflows."""
    if value == 0:
        return value
    unit = power_of_two(max(exponent_of(value), target.emin) - target.significand + 1)
    rounded = round(value / unit) * unit
    return rounded if abs(rounded) <= target.largest else None


def converted(value: Fraction, target: Format) -> Fraction | None:
    """Return the value as torch converts it, ``tensor.to(dtype)``: to 16 bits through float32; None on overflow."""
    single = FORMATS["float32"]
    if target.significand < single.significand:
        through = round_to(value, single)
        return None if through is None else round_to(through, target)
    return round_to(value, target)
