"""All strata that the suite hunts in: importing this module registers them."""

from __future__ import annotations

from verify.errors import UsageError
from verify.hunt import carry_regions, digit_regions, pattern_regions
from verify.hunt.strata import STRATA, Stratum

__all__ = ["STRATA", "carry_regions", "digit_regions", "named", "pattern_regions", "strata_of"]


def strata_of(family: str) -> list[Stratum]:
    """Return the strata that a family tests, in the order of their registration."""
    return [found for found in STRATA.values() if found.family == family]


def named(name: str) -> Stratum:
    """Return the stratum of a name.

    Raises:
        UsageError: there is none; the message lists all.
    """
    if name not in STRATA:
        raise UsageError(f"no stratum is named {name!r}; there are: {', '.join(STRATA)}")
    return STRATA[name]
