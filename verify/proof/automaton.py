"""Finite step functions against the full adder: equal on every pair of operands, or a shortest pair where they differ.

A step function reads the columns of two operands, least significant first, and moves from state to state; each state
spells one digit of the sum. The product of such a machine with the full adder is searched breadth first, column by
column, over exactly the operands from 0 to the largest, so the answer is a theorem and the counterexample a shortest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

MAX_OPERAND = 9_999_999_999
BINARY_WIDTH = 35  # sums are below 2^35
PAIRS = tuple(product(range(2), range(2)))  # pair token 2 * a + b


class StepFunctionError(ValueError):
    """A step function that is not total, or whose columns are not those of its base."""


@dataclass(frozen=True)
class StepFunction:
    """A machine that adds column by column, least significant column first.

    Attributes:
        base: 2 or 10, or any other.
        width: columns that are read and digits that are written; base^width is above the largest sum.
        start: the state before the first column.
        digits: the digit that each state spells when it is entered.
        table: the next state, by state and column, a column being the two operands' digits.
    """

    base: int
    width: int
    start: int
    digits: Mapping[int, int]
    table: Mapping[tuple[int, tuple[int, int]], int]

    def __post_init__(self) -> None:
        columns = list(product(range(self.base), range(self.base)))
        if self.base < 2 or self.base**self.width <= 2 * MAX_OPERAND:
            raise StepFunctionError(f"{self.width} digits of base {self.base} do not hold sums to {2 * MAX_OPERAND}")
        if self.start not in self.digits:
            raise StepFunctionError(f"start state {self.start} is none of {sorted(self.digits)}")
        if not set(self.digits.values()) <= set(range(self.base)):
            raise StepFunctionError(f"digits {sorted(set(self.digits.values()))} are not all below base {self.base}")
        for state, column in product(self.digits, columns):
            if (state, column) not in self.table or self.table[state, column] not in self.digits:
                raise StepFunctionError(f"no next state is given for state {state} and column {column}")

    @classmethod
    def from_mapping(cls, fields: Mapping[str, Any]) -> StepFunction:
        """Read what a subject's ``transitions(model)`` returns: the attributes by name, keys and values as here.

        Raises:
            StepFunctionError: a field is missing or of another kind, or the machine is not total.
        """
        try:
            return cls(
                base=int(fields["base"]),
                width=int(fields["width"]),
                start=int(fields["start"]),
                digits={int(state): int(digit) for state, digit in fields["digits"].items()},
                table={(int(s), (int(x), int(y))): int(to) for (s, (x, y)), to in fields["table"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, StepFunctionError):
                raise
            raise StepFunctionError(f"not a step function: {type(error).__name__}: {error}") from None

    def add(self, a: int, b: int) -> int:
        """Return what the machine answers."""
        state, answer = self.start, 0
        for place in range(self.width):
            scale = self.base**place
            state = self.table[state, (a // scale % self.base, b // scale % self.base)]
            answer += self.digits[state] * scale
        return answer


@dataclass(frozen=True)
class Counterexample:
    """A shortest pair of operands whose sum the machine gets wrong, the difference showing at ``column``."""

    a: int
    b: int
    got: int
    expected: int
    column: int


def binary_machine(rows: tuple[tuple[int, ...], ...]) -> StepFunction:
    """Return the step function of this architecture: rows[state][pair] is the next state; it spells state mod 2."""
    table = {(state, PAIRS[pair]): rows[state][pair] for state, pair in product(range(4), repeat=2)}
    return StepFunction(2, BINARY_WIDTH, 0, {state: state % 2 for state in range(4)}, table)


def full_adder_rows() -> tuple[tuple[int, ...], ...]:
    """Return the full adder as rows[state][pair]: the next state is the sum of two bits and the carry, state // 2."""
    return tuple(tuple(sum(PAIRS[pair]) + state // 2 for pair in range(4)) for state in range(4))


def counterexample(machine: StepFunction) -> Counterexample | None:
    """Return a shortest pair of operands that the machine adds wrongly; None proves that there is none.

    A node of the search is a machine state, the carry, and whether each operand's digits so far are at most the
    largest operand's lowest digits: where that has no more digits, only nodes that are operands are entered.
    """
    start = Node(machine.start, 0, True, True)
    level = {start: (0, 0)}
    for column in range(machine.width):
        following: dict[Node, tuple[int, int]] = {}
        for node, operands in level.items():
            for node_after, operands_after, wrong in successors(machine, column, node, operands):
                if wrong:
                    a, b = operands_after
                    return Counterexample(a, b, machine.add(a, b), a + b, column)
                following.setdefault(node_after, operands_after)
        level = following
    return None


@dataclass(frozen=True)
class Node:
    """A state of the product of a machine with the full adder, and whether each operand can still end here."""

    state: int
    carry: int
    a_fits: bool
    b_fits: bool


def successors(
    machine: StepFunction, column: int, node: Node, operands: tuple[int, int]
) -> Iterator[tuple[Node, tuple[int, int], bool]]:
    """Yield, for every column that an operand can have here, the node after it, operands, and whether it is wrong."""
    scale = machine.base**column
    limit = MAX_OPERAND // scale % machine.base
    open_above = MAX_OPERAND // scale // machine.base > 0
    for x, y in product(range(machine.base), repeat=2):
        a_fits = x < limit or (x == limit and node.a_fits)
        b_fits = y < limit or (y == limit and node.b_fits)
        if not open_above and not (a_fits and b_fits):
            continue
        carry, digit = divmod(x + y + node.carry, machine.base)
        state = machine.table[node.state, (x, y)]
        reached = (operands[0] + x * scale, operands[1] + y * scale)
        yield Node(state, carry, a_fits, b_fits), reached, machine.digits[state] != digit
