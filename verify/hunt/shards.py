"""Shards: the unit in which a campaign draws, counts and commits its cases.

The operands of a shard follow from the name of the campaign, the stratum and the number of the shard, and from nothing
else: not from the subject, the worker, the order or the machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from itertools import count
from math import gcd
from typing import TYPE_CHECKING, cast

import numpy as np

from verify.errors import UsageError
from verify.hunt.randomness import StableRandom
from verify.hunt.regions import STRATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator

    from verify.hunt.strata import Batch, Stratum

# Small shards first, so that a slow subject soon has some of every stratum: eight of a size, then twice as large. A
# shard is at most an eighth of what its stratum had before, and at 200 sums a second the largest take 80 s.
FEWEST_PAIRS, MOST_PAIRS, SHARDS_OF_A_SIZE = 256, 16_384, 8
_LEVELS = (MOST_PAIRS // FEWEST_PAIRS).bit_length() - 1


@dataclass(frozen=True, order=True)
class Shard:
    """The cases of a stratum under one number, from 0 on."""

    stratum: str
    number: int


@dataclass(frozen=True)
class Part:
    """Which of several disjoint parts of a campaign is run: each stratum's shards in turn; ``number`` from 1."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Part:
        """Return the part that "i/N" names.

        Raises:
            UsageError: it names none.
        """
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise UsageError(f"--shard {text!r} is no part of a campaign; give i/N with i from 1 to N, such as 3/40")
        return cls(int(number), int(of))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def first(self, index: int) -> int:
        """Return the number of the first shard that the part has of the stratum at an index."""
        return (self.number - 1 - index) % self.of


def pairs_below(number: int) -> int:
    """Return how many pairs the shards below a number hold.

    >>> pairs_below(1) - pairs_below(0), pairs_below(9) - pairs_below(8), pairs_below(101) - pairs_below(100)
    (256, 512, 16384)
    """
    level = min(number // SHARDS_OF_A_SIZE, _LEVELS)
    fewest = FEWEST_PAIRS << level
    return (fewest - FEWEST_PAIRS) * SHARDS_OF_A_SIZE + (number - SHARDS_OF_A_SIZE * level) * fewest


def shards_of(stratum: Stratum) -> int | None:
    """Return how many shards a stratum has that lists its pairs, or None: others have no end."""
    return covering_shards(stratum) if stratum.fixed else None


def covering_shards(stratum: Stratum) -> int | None:
    """Return how many of its first shards hold every case of an exhaustive stratum; None for others."""
    size = stratum.size
    return None if size is None else next(number for number in count() if pairs_below(number) >= size)


def operands(name: str, shard: Shard) -> Batch:
    """Return the operands, int64 (N,) each, of a shard of the campaign of a name."""
    stratum = STRATA[shard.stratum]
    first, last = pairs_below(shard.number), pairs_below(shard.number + 1)
    cases = np.arange(first, min(last, stratum.size) if stratum.fixed and stratum.size else last)
    if stratum.size is not None:
        offset, step = _order(name, stratum.name, stratum.size)
        cases = (offset + step * cases) % stratum.size
    return stratum.draw(random_of(name, shard), cases)


def random_of(name: str, shard: Shard) -> Generator:
    """Return the draws of a shard of the campaign of a name."""
    return cast("Generator", StableRandom(f"{name}/{shard.stratum}/{shard.number}"))


def plan(shards: int) -> Iterator[Shard]:
    """Yield the first shards of a campaign that is told their number: the strata in turn, round after round."""
    left = shards
    for number in count():
        for stratum in STRATA.values():
            if left == 0:
                return
            if number < (shards_of(stratum) or number + 1):
                left -= 1
                yield Shard(stratum.name, number)


@cache
def cases_digest() -> str:
    """Return a digest of the first shard of every stratum: of what a version of the suite draws."""
    digest = hashlib.sha256()
    for stratum in STRATA:
        for drawn in operands("digest", Shard(stratum, 0)):
            digest.update(drawn.astype("<i8").tobytes())
    return digest.hexdigest()


@cache
def _order(name: str, stratum: str, size: int) -> tuple[int, int]:
    """Return offset and step of the order in which the cases of an exhaustive stratum come."""
    random = StableRandom(f"{name}/{stratum}")
    offset = int(random.integers(0, size, 1)[0])
    while gcd(step := int(random.integers(1, size + 1, 1)[0]), size) != 1:
        pass
    return offset, step
