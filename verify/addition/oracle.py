"""Addition in plain integers: columns, carries and states, in base 10 and in base 2.

Nothing here comes from a model: the tokens of the 35-bit step function are written down from their definition. Pair
token i is ``2 * a_i + b_i``; state token i is ``sum_bit_i + 2 * carry_i``; bits go least significant first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from verify.addition.task import TEN

PLACES = TEN.digits  # decimal columns of an operand; the sum has one more
MAX_OPERAND = TEN.largest
WIDTH = 35  # bits, and so steps of the step function
BITS = 34  # bits of an operand

KILL, PROPAGATE, GENERATE = "kill", "propagate", "generate"
KINDS = (KILL, PROPAGATE, GENERATE)


@dataclass(frozen=True)
class Column:
    """One place of an addition; ``place`` 0 is the units column."""

    place: int
    a: int
    b: int
    carry_in: int
    digit: int
    carry_out: int
    kind: str


@dataclass(frozen=True)
class Chain:
    """A generate at place ``start`` and the propagates above it: ``length`` columns in all, none where it is 0."""

    start: int
    length: int


def kind_of(total: int, base: int) -> str:
    """Return whether a column whose two digits make a total kills, propagates or generates a carry."""
    return KINDS[(total >= base - 1) + (total >= base)]


def columns(a: int, b: int, base: int = 10, count: int | None = None) -> list[Column]:
    """Return the columns of a sum, units first: unless told, 10 in base 10 and 35 in base 2, more where it has more."""
    count = count if count is not None else _columns_of(a, b, base)
    found, carry = [], 0
    for place in range(count):
        digit_a, digit_b = a // base**place % base, b // base**place % base
        carry_out, digit = divmod(digit_a + digit_b + carry, base)
        found.append(Column(place, digit_a, digit_b, carry, digit, carry_out, kind_of(digit_a + digit_b, base)))
        carry = carry_out
    return found


def _columns_of(a: int, b: int, base: int) -> int:
    return max(PLACES, len(str(max(a, b)))) if base == 10 else max(WIDTH, (a + b).bit_length())


def word(a: int, b: int, base: int = 10) -> tuple[str, ...]:
    """Return the kinds of the columns, units first."""
    return tuple(column.kind for column in columns(a, b, base))


def chains(a: int, b: int, base: int = 10) -> list[Chain]:
    """Return the carry chains of a sum, lowest first."""
    found: list[Chain] = []
    running = False
    for place, kind in enumerate(word(a, b, base)):
        if kind == GENERATE:
            found.append(Chain(place, 1))
        elif kind == PROPAGATE and running:
            found[-1] = Chain(found[-1].start, found[-1].length + 1)
        running = kind == GENERATE or (kind == PROPAGATE and running)
    return found


def longest_chain(a: int, b: int, base: int = 10) -> Chain:
    """Return the longest carry chain, the lowest of equals; of length 0 where nothing carries."""
    return max(chains(a, b, base), key=lambda chain: chain.length, default=Chain(0, 0))


def transition(pair: int, state: int) -> int:
    """Return the state after a pair token and a state token: the full adder.

    >>> transition(3, 2)  # 1 + 1 and a carry: sum bit 1, carry 1
    3
    """
    return (pair >> 1) + (pair & 1) + (state >> 1)


@cache
def transition_table() -> np.ndarray:
    """Return the right state after every context, int64 (4, 4): rows are pairs, columns are states."""
    return np.array([[transition(pair, state) for state in range(4)] for pair in range(4)], np.int64)


def pair_tokens(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the pair tokens, int64 (N, 35), of operands int64 (N,) each."""
    place = np.arange(WIDTH)
    bits_a, bits_b = a[:, None] >> place & 1, b[:, None] >> place & 1
    return np.asarray(2 * bits_a + bits_b, np.int64)


def state_tokens(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the right state tokens, int64 (N, 35): bit k of the sum, and twice the carry out of column k."""
    place = np.arange(WIDTH)
    total = a + b
    carries_in = a ^ b ^ total
    sum_bits, carries_out = total[:, None] >> place & 1, carries_in[:, None] >> (place + 1) & 1
    return np.asarray(sum_bits + 2 * carries_out, np.int64)


def forced_tokens(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the tokens before every answer step, the answer being forced, int64 (N, 70).

    35 pair tokens, the start token 0 and the first 34 right states: position 35 + k is where state k is predicted.
    """
    start = np.zeros((len(a), 1), np.int64)
    return np.concatenate([pair_tokens(a, b), start, state_tokens(a, b)[:, :-1]], axis=1)
