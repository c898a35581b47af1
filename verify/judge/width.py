"""Which widths an adder answers, where it fails at easy sums of the width that it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.addition.task import Task
from verify.errors import UndecidedError
from verify.subject import Raised, as_sum

if TYPE_CHECKING:
    from verify.addition.strategies import Pair
    from verify.subject import Subject


def width_answered(subject: Subject) -> str:
    """Return in one sentence which narrower width an adder seems to have; "" where it seems to have none.

    It adds easy sums of that width and of all below it, and not those of the next.
    """
    try:
        for digits in range(1, subject.task.digits + 1):
            answers = [(pair, subject.add(*pair)) for pair in _easy(digits)]
            failing = [answer for pair, answer in answers if as_sum(answer) != sum(pair)]
            if failing:
                return _asked(digits, refuses=all(isinstance(answer, Raised) for answer in failing))
    except UndecidedError:
        pass
    return ""


def _asked(failing: int, *, refuses: bool) -> str:
    if failing == 1:
        return ""
    how = f"refuses {Task(failing)}" if refuses else f"adds {Task(failing)} wrongly"
    return f"it {how}; is it a {failing - 1}-digit adder? --digits {failing - 1}"


def _easy(digits: int) -> list[Pair]:
    """Return sums without a carry, of operands with so many digits."""
    unit = int(10 ** (digits - 1))
    spelt = [int((pattern * digits)[:digits]) for pattern in ("12", "31")]
    return [(unit, 2 * unit), (spelt[0], spelt[1])]
