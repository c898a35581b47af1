"""A property-based suite that verifies any tiny adder. Its public interface, imported when it is asked for.

Load a subject with `load`; draw operands with `pairs`, `carry_chains` and `words`; add a region of operand space with
`stratum`; search one with `search`. The claims are the files ``verify/test_*.py``; run them with ``pytest verify``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.addition.strategies import carry_chains, operands, pairs, pairs_of, words
    from verify.errors import VerifyError
    from verify.hunt.regions import STRATA
    from verify.hunt.search import Limits, search, shrink
    from verify.hunt.strata import Stratum, stratum
    from verify.subject import Subject, load

__all__ = [
    "STRATA",
    "Limits",
    "Stratum",
    "Subject",
    "VerifyError",
    "carry_chains",
    "load",
    "operands",
    "pairs",
    "pairs_of",
    "search",
    "shrink",
    "stratum",
    "words",
]

_HOME = {
    "verify.errors": {"VerifyError"},
    "verify.hunt.search": {"Limits", "search", "shrink"},
    "verify.hunt.regions": {"STRATA"},
    "verify.hunt.strata": {"Stratum", "stratum"},
    "verify.addition.strategies": {"carry_chains", "operands", "pairs", "pairs_of", "words"},
    "verify.subject": {"Subject", "load"},
}


def __getattr__(name: str) -> Any:  # the pytest plugin lives in this package and must stay light to import
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'verify' has no attribute {name!r}")
