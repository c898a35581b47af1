"""The task as a value: how many digits the operands have. Sums, columns, draws, layouts and bounds follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

FEWEST_DIGITS, MOST_DIGITS = 1, 100
MOST_DIGITS_OF_INT64 = 18  # two operands and their sum fit; wider ones are Python ints, in arrays of objects
MOST_ENUMERATED = 3  # digits, of which all pairs, a million, may be asked for

_EASY = ((0, 0), (1, 2), (12, 30), (100, 200))  # no column carries
_EASY_OF_ONE_DIGIT = ((0, 0), (1, 2), (3, 4), (2, 6))
_SHOWN_IN_FULL = 20  # digits


@dataclass(frozen=True)
class Task:
    """Add two operands from 0 to 10^digits - 1.

    Attributes:
        digits: of an operand, 1 to 100.

    Raises:
        ValueError: there is no such task.
    """

    digits: int = 10

    def __post_init__(self) -> None:
        if type(self.digits) is not int or not FEWEST_DIGITS <= self.digits <= MOST_DIGITS:
            raise ValueError(
                f"{self.digits!r} is no number of digits; give an integer from {FEWEST_DIGITS} to {MOST_DIGITS}"
            )

    def __str__(self) -> str:
        return f"{self.digits} digit{'s' if self.digits > 1 else ''}"

    @property
    def largest(self) -> int:
        """The largest operand."""
        return int(10**self.digits) - 1

    @property
    def pairs(self) -> int:
        """How many pairs of operands there are."""
        return int(10 ** (2 * self.digits))

    @property
    def pairs_in_words(self) -> str:
        """How many pairs there are, as a power of ten: ``10^20``."""
        return f"10^{2 * self.digits}"

    @property
    def largest_in_words(self) -> str:
        """The largest operand, in full where it is not too long."""
        return f"{self.largest:,}" if self.digits <= _SHOWN_IN_FULL else f"10^{self.digits} - 1"

    @property
    def free_bits(self) -> int:
        """Of how many bits every word is an operand: 33 for 10 digits."""
        return (self.largest + 1).bit_length() - 1

    @property
    def is_wide(self) -> bool:
        """Whether operands or sums do not fit int64."""
        return self.digits > MOST_DIGITS_OF_INT64

    @property
    def is_enumerable(self) -> bool:
        """Whether there are so few pairs that each may be asked for."""
        return self.digits <= MOST_ENUMERATED

    @property
    def dtype(self) -> Any:
        """Of arrays of operands and sums: int64, or object where these do not fit it."""
        return object if self.is_wide else np.int64

    @property
    def easy(self) -> tuple[tuple[int, int], ...]:
        """Sums without a carry: an adder that raises on all of them is none."""
        if self.digits == 1:
            return _EASY_OF_ONE_DIGIT
        return tuple(pair for pair in _EASY if max(pair) <= self.largest)

    @cached_property
    def powers(self) -> np.ndarray:
        """10^0 to 10^digits, (digits + 1,)."""
        return self.array(10**place for place in range(self.digits + 1))

    def array(self, values: Iterable[int]) -> np.ndarray:
        """Return numbers as an array of the type that operands and sums of the task have."""
        return np.array(list(values), self.dtype)

    def holds(self, *operands: int) -> bool:
        """Return whether all of some numbers are operands."""
        return all(0 <= operand <= self.largest for operand in operands)


TEN = Task()
