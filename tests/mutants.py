"""Adders that are wrong in one named way each, by everyone's contract: ``--submission tests/mutants.py:NAME``.

Each names the family of claims that kills it; ``plain`` is right. Those of whole numbers are here, those of tokens,
weights and routing in `tests.model_mutants`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests import model_mutants
from verify.addition.oracle import BITS, MAX_OPERAND, PLACES

Sums = Callable[[np.ndarray, np.ndarray], np.ndarray]  # operands int64 (N,), (N,) -> sums int64 (N,)

EDGE = 2**20


@dataclass
class Mutant:
    """An adder of whole numbers with one fault.

    Attributes:
        name: what it is called by.
        family: the family of claims that kills it; "" for the one without a fault.
        fault: what is wrong, in a phrase.
        sums: how it adds.
        cases: pairs of each stratum that the hunt for it needs.
    """

    name: str
    family: str
    fault: str
    sums: Sums
    cases: int = 2_000

    def build_model(self) -> tuple[Any, dict[str, Any]]:
        """Return itself as the model."""
        return self, {"name": self.name}

    def add(self, model: Mutant, a: int, b: int) -> int:
        """Return its sum."""
        return int(self.sums(np.array([a]), np.array([b]))[0])

    def add_batch(self, model: Mutant, a: np.ndarray, b: np.ndarray, method: str | None = None) -> np.ndarray:
        """Return its sums, int64 (N,)."""
        return self.sums(a, b)


@dataclass
class AnswerMutant(Mutant):
    """A right sum, handed out wrongly.

    Attributes:
        answer: what ``add`` returns, from the sum and from the pairs that were asked for before.
    """

    answer: Callable[[int, list[tuple[int, int]]], object] = lambda total, _: total

    def build_model(self) -> tuple[Any, dict[str, Any]]:
        """Return itself as the model, which remembers nothing yet."""
        self.asked: list[tuple[int, int]] = []
        return self, {"name": self.name}

    def add(self, model: Mutant, a: int, b: int) -> Any:
        """Return what it makes of the sum."""
        self.asked.append((a, b))
        return self.answer(a + b, self.asked)


def wrong_where(condition: Callable[[np.ndarray, np.ndarray], np.ndarray], off_by: int = 1) -> Sums:
    """Return a way to add that is off where a condition on the operands holds."""
    return lambda a, b: a + b + off_by * condition(a, b)


def carry_out(a: np.ndarray, b: np.ndarray, unit: int) -> np.ndarray:
    """Return whether the columns below a unit, a power of the base, carry into its column."""
    return a % unit + b % unit >= unit


def lose_carry_at(unit: int) -> Sums:
    """Return a way to add in which no carry reaches the column of a unit."""
    return lambda a, b: a + b - unit * carry_out(a, b, unit)


def always_carry_at(unit: int) -> Sums:
    """Return a way to add in which a carry reaches the column of a unit always."""
    return lambda a, b: a + b + unit * ~carry_out(a, b, unit)


def drop_carry_after(length: int, base: int) -> Sums:
    """Return a way to add in which a carry that has come through ``length`` columns is dropped."""

    def sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        total, carry, travelled = np.zeros_like(a), np.zeros_like(a), np.zeros_like(a)
        for place in range(PLACES if base == 10 else BITS):
            both = a // base**place % base + b // base**place % base
            out = both + carry >= base
            total += (both + carry) % base * base**place
            travelled = np.where(both >= base, 1, np.where(out, travelled + 1, 0))
            carry = (out & (travelled < length)).astype(np.int64)
        return total + carry * base ** (place + 1)

    return sums


def has_word(pattern: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a condition on operands: their word, most significant column first, in k, p, g and . for any."""

    def condition(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        holds = np.ones(len(a), bool)
        for place, kind in enumerate(reversed(pattern)):
            both = a // 10**place % 10 + b // 10**place % 10
            holds &= {"k": both < 9, "p": both == 9, "g": both > 9, ".": holds}[kind]
        return holds

    return condition


def of_digits(place: int, x: int, y: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a condition on operands: their digits in a column."""
    return lambda a, b: (a // 10**place % 10 == x) & (b // 10**place % 10 == y)


def reverse(numbers: np.ndarray) -> np.ndarray:
    """Return numbers with their digits in reverse order."""
    return np.array([int(str(number)[::-1]) for number in numbers.tolist()], np.int64)


def is_palindrome(numbers: np.ndarray) -> np.ndarray:
    """Return of which numbers the digits read the same from both ends, three of them at least."""
    return (numbers == reverse(numbers)) & (numbers > 100)


def is_pair(x: int, y: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a condition on operands: they are these."""
    return lambda a, b: (a == x) & (b == y)


def stray_digit(a: np.ndarray) -> np.ndarray:
    """Return whether the units digit is one that no alphabet of the strata holds."""
    return np.isin(a % 10, (2, 3, 6, 7))


def rounded_to(dtype: Any) -> Sums:
    """Return a way to add in a narrower type."""

    def sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):  # what does not fit is the fault
            return (a.astype(dtype) + b.astype(dtype)).astype(np.int64)

    return sums


def bfloat16_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return sums cut to the 8 bits of bfloat16."""
    bits = (a + b).astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(np.int64)


def _carries() -> Iterator[Mutant]:
    for place in range(1, PLACES + 1):
        unit = 10**place
        yield Mutant(f"no_carry_into_column_{place + 1}", "carry", "a carry is stuck at 0", lose_carry_at(unit))
        yield Mutant(f"always_carry_into_column_{place + 1}", "carry", "a carry is stuck at 1", always_carry_at(unit))
    for place in range(1, BITS + 1):
        yield Mutant(f"no_carry_into_bit_{place}", "carry", "a carry of bits is stuck at 0", lose_carry_at(2**place))
    for length in range(1, PLACES + 1):
        sums = drop_carry_after(length, 10)
        yield Mutant(f"carry_dropped_after_{length}_columns", "carry", "a long carry chain is cut", sums)
    for length in range(1, BITS):
        sums = drop_carry_after(length, 2)
        yield Mutant(f"carry_dropped_after_{length}_bits", "carry", "a long carry chain of bits is cut", sums)


def _rates() -> Iterator[Mutant]:
    words = {
        "1e_3": ("p..p..p...", "...ppp....", "p...p...p."),
        "1e_5": ("p.p.p.p.p.", ".ppppp....", "pp...ppp.."),
        "1e_7": ("ppp.ppp..p", "..pppppppg", "pppkpppgp."),
    }
    for rate, patterns in words.items():
        for number, pattern in enumerate(patterns, 1):
            sums = wrong_where(has_word(pattern), 10**5)
            cases = 500_000 if rate == "1e_7" else 100_000
            yield Mutant(f"rate_{rate}_on_word_{number}", "carry", f"wrong on the words {pattern}", sums, cases)
    word = has_word("kgpkppgkpp")
    sums = wrong_where(lambda a, b: word(a, b) & stray_digit(a))
    yield Mutant("one_word_alone", "carry", "wrong on one word of 59,049", sums, 500_000)


def _columns() -> Iterator[Mutant]:
    for place in range(PLACES):
        digits = of_digits(place, 7, 8)
        yield Mutant(
            f"seven_and_eight_in_column_{place + 1}", "columns", "one pair of digits is wrong", wrong_where(digits)
        )
        lone = is_pair(3 * 10**place, 8 * 10**place)
        yield Mutant(
            f"lone_three_and_eight_in_column_{place + 1}", "columns", "wrong with zeros all around", wrong_where(lone)
        )
    repeated = wrong_where(lambda a, b: (a // 100 % 10**6 == 444_444) & (b // 100 % 10**6 == 777_777))
    yield Mutant("fours_on_sevens", "columns", "wrong where fours meet sevens in six columns", repeated, 50_000)
    same = wrong_where(lambda a, b: is_palindrome(a) & is_palindrome(b) & (a % 100 == 73))
    yield Mutant("two_palindromes", "columns", "wrong on palindromes that begin with 3 and 7", same, 20_000)
    few = wrong_where(lambda a, b: np.isin(a % 10**9, (90_909_090, 909_000_909)) & (b % 10**5 == 90_909), 100)
    yield Mutant("nines_and_zeros", "columns", "wrong on operands of nines and zeros", few, 500_000)


def _sums() -> Iterator[Mutant]:
    for name, dtype in {"float32": np.float32, "float16": np.float16, "int32": np.int32, "uint32": np.uint32}.items():
        yield Mutant(f"added_in_{name}", "sums", f"the sum is taken in {name}", rounded_to(dtype))
    yield Mutant("added_in_bfloat16", "sums", "the sum is taken in bfloat16", bfloat16_sum)
    yield Mutant("ten_significant_digits", "sums", "the last of eleven digits is lost", lambda a, b: (a + b) // 10 * 10)
    yield Mutant("first_operand_twice", "sums", "the second operand is not read", lambda a, b: a + a)
    yield Mutant("subtracts", "sums", "the difference is taken", lambda a, b: abs(a - b))
    yield Mutant("one_more", "sums", "every sum is one too large", lambda a, b: a + b + 1)
    for a, b in ((47, 38), (99, 98), (60, 7), (8, 85)):
        name = f"only_{a}_plus_{b}"
        yield Mutant(name, "sums", "one small pair is wrong", wrong_where(is_pair(a, b)), 10_000)
    short = wrong_where(lambda a, b: (a < 100) & (b > 10**9) & (b % 7 == 3))
    yield Mutant("short_against_long", "sums", "wrong where a short operand meets a long one", short)


def _boundaries() -> Iterator[Mutant]:
    for exponent in (8, 16, 20, 31, 33):
        pair = is_pair(2**exponent - 1, 2**exponent)
        yield Mutant(f"only_two_to_the_{exponent}", "boundary", "wrong at one power of two", wrong_where(pair))
    largest = is_pair(MAX_OPERAND, MAX_OPERAND - 1)
    yield Mutant("only_the_largest", "boundary", "wrong at the largest operands", wrong_where(largest, -1))
    for place in range(1, PLACES + 1):
        total = 10**place
        exact = wrong_where(lambda a, b, total=total: (a + b == total) & (a > b), -total)
        yield Mutant(f"sum_of_ten_to_the_{place}", "boundary", "wrong where the sum is a power of ten", exact, 100_000)
    for name, unit in (("two", 10**2), ("four", 10**4), ("six", 10**6)):
        round_ = wrong_where(lambda a, b, unit=unit: (a % unit == 0) & (b % unit == 0) & (a > 0) & (b > 0))
        yield Mutant(f"{name}_trailing_zeros", "boundary", "wrong where both operands end in zeros", round_, 10_000)
    zero = wrong_where(lambda a, b: (b == 0) & (a > 10**6))
    yield Mutant("zero_on_the_right", "boundary", "wrong where a long operand meets zero", zero)
    yield Mutant("ten_digits_of_sum", "boundary", "the eleventh digit is cut", lambda a, b: (a + b) % 10**PLACES)


def _laws() -> Iterator[Mutant]:
    equal = wrong_where(lambda a, b: (a == b) & (a > 10**6) & (a % 1_000 == 137))
    yield Mutant("equal_operands", "algebra", "wrong where the operands are equal", equal, 50_000)
    ends = wrong_where(lambda a, b: (a > 10**6) & (a != b) & (a == reverse(b)) & (a % 10 == 3))
    yield Mutant("reversed_operands", "algebra", "wrong where one operand is the other in reverse", ends, 5_000)
    twice = wrong_where(lambda a, b: (a > 10**6) & (b == 2 * a) & (a % 1_000 == 137))
    yield Mutant("doubled_operand", "algebra", "wrong where one operand is twice the other", twice, 50_000)
    next_to = wrong_where(lambda a, b: (a > 10**6) & (b == a + 1) & (a % 1_000 == 137))
    yield Mutant("neighbouring_operands", "algebra", "wrong where one operand is one more", next_to, 50_000)
    order = wrong_where(lambda a, b: (a > b) & ((a + b) % 5 == 2))
    yield Mutant("order_matters", "algebra", "wrong where the larger operand comes first", order)


def _vectors() -> Iterator[Mutant]:
    for name, a, b in (("counting", 1_234_567_890, 9_876_543_210), ("threes", 3_333_333_333, 7_777_777_777)):
        yield Mutant(f"only_{name}", "vectors", "one named input is wrong", wrong_where(is_pair(a, b)))


def _answers() -> Iterator[Mutant]:
    def right(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + b

    def some(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if not len(a):
            raise ValueError("no pairs")
        return a + b

    yield AnswerMutant("text", "interface", "the answer is text", right, answer=lambda total, _: f"{total:011d}")
    yield AnswerMutant("float", "interface", "the answer is a float", right, answer=lambda total, _: float(total))
    yield AnswerMutant("numpy", "interface", "the answer is no int", right, answer=lambda total, _: np.int64(total))
    again = "the second of two equal calls is one too large"
    yield AnswerMutant(
        "remembers", "interface", again, right, answer=lambda total, asked: total + (asked[-2:-1] == asked[-1:])
    )
    yield AnswerMutant(
        "tires",
        "interface",
        "wrong from the 40th call on",
        right,
        answer=lambda total, asked: total + (len(asked) >= 40),
    )
    yield Mutant("no_empty_batch", "interface", "an empty batch is refused", some)


def _smoke() -> Iterator[Mutant]:
    yield Mutant("always_zero", "smoke", "the answer is zero", lambda a, b: 0 * a)
    yield Mutant("never_an_answer", "smoke", "the answer is no sum", lambda a, b: 0 * a - 7)
    yield Mutant("negative", "smoke", "the answer has the wrong sign", lambda a, b: -a - b - 1)


PLAIN = Mutant("plain", "", "nothing is wrong", lambda a, b: a + b)

_FAMILIES = (_smoke, _answers, _carries, _rates, _columns, _sums, _boundaries, _laws, _vectors)
MUTANTS: dict[str, Any] = {
    mutant.name: mutant for mutants in (*_FAMILIES, model_mutants.all_mutants) for mutant in mutants()
}


def __getattr__(name: str) -> Any:
    if name == "plain":
        return PLAIN
    try:
        return MUTANTS[name]
    except KeyError:
        raise AttributeError(name) from None
