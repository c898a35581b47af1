"""A step function as boolean formulas, and all its steps at once: carries by parallel prefix over bit planes.

Two states after which the table answers the same, whatever the pair, are one *carry class*: a full adder's four
states are two, no carry and carry. With one bit c for the class before a step, the table is a few formulas over the
bits a, b and c, found from its entries in algebraic normal form (the exclusive or of some products). What a step does
to the class is one of four functions: clear it, set it, keep it or flip it, all of the form c -> g ^ (p & c) with g
and p formulas over a and b. Two such functions in a row are one again,

    c -> g2 ^ (p2 & (g1 ^ (p1 & c))) = (g2 ^ (p2 & g1)) ^ ((p2 & p1) & c),

so log2 of the width rounds join them over all places (Kogge and Stone, IEEE Transactions on Computers C-22, 1973).
Operands are bit planes already, place i being bit i of a word: nothing is unpacked, and nothing is ever added.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adder.tokens import START, VOCABULARY, WIDTH
from adder.transitions import TableError

# A set of products, each a sum of the bits below: 0 is the empty product, 1, and A + C is a & c.
Formula = tuple[int, ...]
A, B, C = 1, 2, 4
_BARE = ((), (0,), (A,), (B,), (C,))  # formulas without an operation, so that nothing makes a new word of their value

Words = Any  # a Python int, or an array of integers: numpy, torch, or any type with & ^ << and its own kind of bits


@dataclass(frozen=True)
class Scan:
    """A step function of two carry classes, as formulas over the bits of a pair and the class before the step.

    =============  ==============  =====================================================
    ``generate``   over a, b       the class after the step, from class 0
    ``propagate``  over a, b       whether the class after the step depends on that before
    ``lower``      over a, b, c    the lower bit of the next state, the sum bit
    ``upper``      over a, b, c    the upper bit of the next state
    =============  ==============  =====================================================
    """

    generate: Formula
    propagate: Formula
    lower: Formula
    upper: Formula

    def carries(self, a: Words, b: Words, width: int = WIDTH) -> Words:
        """Return the class before each step, as a plane: bit i is the class before step i, class 0 before step 0.

        Args:
            a: words whose bits below the width are an operand's, in one of the types that `Words` names.
            b: likewise, of the type of a.
            width: how many steps there are; at most 63 in int64.
        """
        generate, propagate = evaluate(self.generate, a, b), evaluate(self.propagate, a, b)
        distance = 1
        while distance < width:
            reaching = generate << distance
            reaching &= propagate
            generate ^= reaching
            reaching = propagate << distance
            propagate &= reaching
            distance *= 2
        generate <<= 1
        return generate

    def planes(self, a: Words, b: Words, width: int = WIDTH) -> tuple[Words, Words]:
        """Return the lower and the upper bits of all states, as planes: bit i is that of the state after step i."""
        carries, below = self.carries(a, b, width), (1 << width) - 1
        return evaluate(self.lower, a, b, carries) & below, evaluate(self.upper, a, b, carries) & below

    def sums(self, a: Words, b: Words, width: int = WIDTH) -> Words:
        """Return the integers that the states spell: the plane of their sum bits is the sum."""
        bits = evaluate(self.lower, a, b, self.carries(a, b, width))
        bits &= (1 << width) - 1
        return bits


def derive(next_state: Sequence[Sequence[int]]) -> Scan:
    """Return the formulas of a table, ``next_state[pair][state]``.

    Raises:
        TableError: the states that additions reach have more than two different rows of answers.
    """
    classes = carry_classes(next_state)
    if max(classes.values()) > 1:
        members = [[state for state in classes if classes[state] == label] for label in sorted(set(classes.values()))]
        raise TableError(
            f"the table's states fall into {len(members)} carry classes, {members}, but a scan carries one bit and so "
            "needs at most 2; decode with method='tabulated'"
        )
    # A table of one class has no state in class 1; class 0 then stands for it, and nothing depends on c.
    members_by_class = [next((state for state in classes if classes[state] == label), START) for label in (0, 1)]

    def formula(bit_of: Callable[[int], int]) -> Formula:
        answers = [[next_state[2 * a + b][state] for b in (0, 1) for a in (0, 1)] for state in members_by_class]
        return normal_form([bit_of(token) for token in answers[0] + answers[1]])

    carry = formula(classes.__getitem__)
    return Scan(
        generate=tuple(product for product in carry if not product & C),
        propagate=tuple(product ^ C for product in carry if product & C),
        lower=formula(lambda token: token & 1),
        upper=formula(lambda token: token >> 1),
    )


def carry_classes(next_state: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return the class of each state that additions reach, that of the start being 0, in the order they are reached.

    States of one class have the same answers after every pair. So they also have the same future, and no further
    refinement of this partition can part them.
    """
    reached = [START]
    for state in reached:
        reached += sorted({next_state[pair][state] for pair in range(VOCABULARY)} - set(reached))
    answers = {state: tuple(next_state[pair][state] for pair in range(VOCABULARY)) for state in reached}
    rows = list(dict.fromkeys(answers.values()))
    return {state: rows.index(answers[state]) for state in reached}


def normal_form(truth: Sequence[int]) -> Formula:
    """Return the algebraic normal form of a truth table, entry i being the value where bit j of i is variable j."""
    coefficients = list(truth)
    distance = 1
    while distance < len(coefficients):  # the binary Moebius transform: each entry gathers those of its subsets
        for index in range(len(coefficients)):
            if index & distance:
                coefficients[index] ^= coefficients[index ^ distance]
        distance *= 2
    return tuple(product for product, coefficient in enumerate(coefficients) if coefficient)


def evaluate(formula: Formula, a: Words, b: Words, c: Words = 0) -> Words:
    """Return a formula's value at every bit of words, in a new word: the exclusive or of products that are ands."""
    words = {A: a, B: b, C: c}
    products = [
        functools.reduce(operator.and_, [word for variable, word in words.items() if product & variable] or [-1])
        for product in formula
    ]
    value = functools.reduce(operator.xor, products or [0])
    return (a ^ a) ^ value if formula in _BARE else value
