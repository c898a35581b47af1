"""Named inputs, each with a flag, each flag explained once."""

from __future__ import annotations

from dataclasses import dataclass

FLAGS = {
    "Trivial": "the smallest sums there are",
    "OneColumn": "one column is over nine and nothing else happens",
    "LongestChain": "a carry runs through every column and becomes the eleventh digit",
    "ChainStopped": "a long carry chain ends at a column that kills it",
    "TwoChains": "two carry chains that must not be joined",
    "AllPropagate": "every column is one below a carry, and none comes",
    "Largest": "operands at or next to 9,999,999,999",
    "WordSize": "operands at a power of two at which an integer type ends",
    "FloatLimit": "sums that a float32, or a float64 with few bits, rounds",
    "LeadingZeros": "a short operand against a long one",
    "TrailingZeros": "nothing happens in the low columns",
    "Pattern": "digits that repeat, which models of language like to continue",
    "Reference": "an example of the reference system",
}


@dataclass(frozen=True)
class Vector:
    """A named input."""

    name: str
    a: int
    b: int
    flag: str


VECTORS = [
    Vector("nothing", 0, 0, "Trivial"),
    Vector("one and one", 1, 1, "Trivial"),
    Vector("the first prompt", 12, 30, "Reference"),
    Vector("the worked example", 3, 1, "Reference"),
    Vector("one and nine", 1, 9, "OneColumn"),
    Vector("nine and nine", 9, 9, "OneColumn"),
    Vector("the top column", 5_000_000_000, 5_000_000_000, "OneColumn"),
    Vector("one and all nines", 1, 9_999_999_999, "LongestChain"),
    Vector("all nines and one", 9_999_999_999, 1, "LongestChain"),
    Vector("fives and fours, and a one", 5_555_555_555, 4_444_444_445, "LongestChain"),
    Vector("eight nines under a zero", 1, 99_999_999, "ChainStopped"),
    Vector("nines and a four", 4_999_999_999, 1, "ChainStopped"),
    Vector("two runs of nines", 9_999_009_999, 1_000_001, "TwoChains"),
    Vector("a run at each end", 9_990_000_999, 10_000_001, "TwoChains"),
    Vector("nines against zeros", 9_999_999_999, 0, "AllPropagate"),
    Vector("zeros against nines", 0, 9_999_999_999, "AllPropagate"),
    Vector("a nine in turns", 9_090_909_090, 909_090_909, "AllPropagate"),
    Vector("all nines twice", 9_999_999_999, 9_999_999_999, "Largest"),
    Vector("one below the top", 9_999_999_998, 9_999_999_999, "Largest"),
    Vector("to the top exactly", 9_999_999_998, 1, "Largest"),
    Vector("past int32", 2_147_483_647, 1, "WordSize"),
    Vector("past uint32", 4_294_967_295, 1, "WordSize"),
    Vector("two halves of 2^34", 8_589_934_592, 8_589_934_592, "WordSize"),
    Vector("past a byte", 255, 1, "WordSize"),
    Vector("past 16 bits", 65_535, 1, "WordSize"),
    Vector("one above 2^24", 16_777_216, 1, "FloatLimit"),
    Vector("odd and large", 9_999_999_997, 9_999_999_996, "FloatLimit"),
    Vector("a bit against the top", 8_589_934_592, 1, "FloatLimit"),
    Vector("seven and the top", 7, 9_999_999_992, "LeadingZeros"),
    Vector("a digit and ten", 5, 1_234_567_890, "LeadingZeros"),
    Vector("billions", 1_000_000_000, 9_000_000_000, "TrailingZeros"),
    Vector("halves of a million", 500_000, 500_000, "TrailingZeros"),
    Vector("counting up and down", 1_234_567_890, 9_876_543_210, "Pattern"),
    Vector("counting to eleven ones", 1_234_567_899, 9_876_543_212, "Pattern"),
    Vector("ones and eights", 1_111_111_111, 8_888_888_888, "Pattern"),
    Vector("threes and sevens", 3_333_333_333, 7_777_777_777, "Pattern"),
]
