"""All strata that the suite hunts in: importing this module registers them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from verify.addition.strategies import Pair, asked
from verify.addition.task import TEN, Task
from verify.errors import UsageError
from verify.hunt import carry_regions, digit_regions, pattern_regions
from verify.hunt.strata import RULES, STRATA, Rule, Stratum

__all__ = [
    "RULES",
    "STRATA",
    "carry_regions",
    "digit_regions",
    "named",
    "pairs_in",
    "pattern_regions",
    "rules_of",
    "strata_at",
    "strata_of",
]  # fmt: skip


def strata_at(task: Task) -> dict[str, Stratum]:
    """Return the strata of a task by name, in the order of their registration."""
    if task == TEN:
        return STRATA
    return {name: rule.at(task) for name, rule in RULES.items() if rule.exists(task)}


def rules_of(family: str) -> list[Rule]:
    """Return the rules of the strata that a family tests, at whatever width there is one."""
    return [rule for rule in RULES.values() if rule.family == family]


def strata_of(family: str, task: Task = TEN) -> list[Stratum]:
    """Return the strata that a family tests, in the order of their registration."""
    return [found for found in strata_at(task).values() if found.family == family]


@st.composite
def pairs_in(draw: DrawFn, family: str) -> Pair:
    """Operands of any stratum that a family tests, of the task that is being asked."""
    return draw(draw(st.sampled_from(strata_of(family, asked()))).strategy)


def named(name: str, task: Task = TEN) -> Stratum:
    """Return the stratum of a name.

    Raises:
        UsageError: there is none; the message lists all.
    """
    strata = strata_at(task)
    if name not in RULES:
        raise UsageError(f"no stratum is named {name!r}; there are: {', '.join(strata)}")
    if name not in strata:
        raise UsageError(f"with {task} there is no stratum {name!r}; there are: {', '.join(strata)}")
    return strata[name]
