"""Named inputs, each with a flag, each flag explained once; those that name a width follow from that of the task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verify.addition.task import TEN, Task

FLAGS = {
    "Trivial": "the smallest sums there are",
    "OneColumn": "one column is over nine and nothing else happens",
    "LongestChain": "a carry runs through every column and becomes the last digit",
    "ChainStopped": "a long carry chain ends at a column that kills it",
    "TwoChains": "two carry chains that must not be joined",
    "AllPropagate": "every column is one below a carry, and none comes",
    "Largest": "operands at or next to the largest",
    "WordSize": "operands at a power of two at which an integer type ends",
    "FloatLimit": "sums that a float32, or a float64 with few bits, rounds",
    "LeadingZeros": "a short operand against a long one",
    "TrailingZeros": "nothing happens in the low columns",
    "Pattern": "digits that repeat, which models of language like to continue",
    "Reference": "an example of the reference system",
}

Pair = tuple[int, int]


@dataclass(frozen=True)
class Vector:
    """A named input.

    Attributes:
        name: of it.
        pair: the operands, or what gives them for a task.
        flag: why it is there.
    """

    name: str
    pair: Pair | Callable[[Task], Pair]
    flag: str

    def at(self, task: Task) -> Pair | None:
        """Return the operands of a task; None where they are none of its."""
        found = self.pair(task) if callable(self.pair) else self.pair
        return found if task.holds(*found) else None

    @property
    def a(self) -> int:
        """The first operand, of 10 digits."""
        return (self.at(TEN) or (0, 0))[0]

    @property
    def b(self) -> int:
        """The second operand, of 10 digits."""
        return (self.at(TEN) or (0, 0))[1]


def _repeated(pattern: str) -> Callable[[Task], int]:
    """Return what spells a pattern, the most significant digit first, again and again down to the units."""
    return lambda task: int((pattern * task.digits)[: task.digits])


def _top(task: Task) -> int:
    return int(10 ** (task.digits - 1))


def _two_runs(task: Task) -> Pair:
    """Return nines above and below two zeros, and a one to start either chain; of three digits it is none."""
    low = max((task.digits - 2) // 2, 1)
    return task.largest - 99 * 10**low, 10 ** (low + 2) + 1


def _run_at_each_end(task: Task) -> Pair:
    third = task.digits // 3
    return task.largest - 10 ** (task.digits - third) + 10**third, 10 ** (task.digits - third) + 1


def _counting_to_ones(task: Task) -> Pair:
    a = _counting(task) + 9
    return a, 10 ** (task.digits + 1) // 9 - a


_nines, _fives, _counting, _down = _repeated("9"), _repeated("5"), _repeated("1234567890"), _repeated("9876543210")

VECTORS = [
    Vector("nothing", (0, 0), "Trivial"),
    Vector("one and one", (1, 1), "Trivial"),
    Vector("the first prompt", (12, 30), "Reference"),
    Vector("the worked example", (3, 1), "Reference"),
    Vector("one and nine", (1, 9), "OneColumn"),
    Vector("nine and nine", (9, 9), "OneColumn"),
    Vector("the top column", lambda task: (5 * _top(task), 5 * _top(task)), "OneColumn"),
    Vector("one and all nines", lambda task: (1, _nines(task)), "LongestChain"),
    Vector("all nines and one", lambda task: (_nines(task), 1), "LongestChain"),
    Vector("fives and fours, and a one", lambda task: (_fives(task), _repeated("4")(task) + 1), "LongestChain"),
    Vector("nines under a zero", lambda task: (1, 10 ** max(task.digits - 2, 0) - 1), "ChainStopped"),
    Vector("nines and a four", lambda task: (5 * _top(task) - 1, 1), "ChainStopped"),
    Vector("two runs of nines", _two_runs, "TwoChains"),
    Vector("a run at each end", _run_at_each_end, "TwoChains"),
    Vector("nines against zeros", lambda task: (_nines(task), 0), "AllPropagate"),
    Vector("zeros against nines", lambda task: (0, _nines(task)), "AllPropagate"),
    Vector("a nine in turns", lambda task: (_repeated("90")(task), _repeated("09")(task)), "AllPropagate"),
    Vector("all nines twice", lambda task: (_nines(task), _nines(task)), "Largest"),
    Vector("one below the top", lambda task: (task.largest - 1, task.largest), "Largest"),
    Vector("to the top exactly", lambda task: (task.largest - 1, 1), "Largest"),
    Vector("past int32", (2**31 - 1, 1), "WordSize"),
    Vector("past uint32", (2**32 - 1, 1), "WordSize"),
    Vector("two halves of 2^34", (2**33, 2**33), "WordSize"),
    Vector("past a byte", (255, 1), "WordSize"),
    Vector("past 16 bits", (65_535, 1), "WordSize"),
    Vector("one above 2^24", (2**24, 1), "FloatLimit"),
    Vector("odd and large", lambda task: (task.largest - 2, task.largest - 3), "FloatLimit"),
    Vector("a bit against the top", (2**33, 1), "FloatLimit"),
    Vector("seven and the top", lambda task: (7, task.largest - 7), "LeadingZeros"),
    Vector("a digit and ten", lambda task: (5, _counting(task)), "LeadingZeros"),
    Vector("billions", lambda task: (_top(task), 9 * _top(task)), "TrailingZeros"),
    Vector("halves of a million", (500_000, 500_000), "TrailingZeros"),
    Vector("counting up and down", lambda task: (_counting(task), _down(task)), "Pattern"),
    Vector("counting to ones alone", _counting_to_ones, "Pattern"),
    Vector("ones and eights", lambda task: (_repeated("1")(task), _repeated("8")(task)), "Pattern"),
    Vector("threes and sevens", lambda task: (_repeated("3")(task), _repeated("7")(task)), "Pattern"),
]
