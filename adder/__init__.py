"""A GPT-style decoder of 46 parameters that adds two 10-digit numbers.

>>> from adder import solve, generate
>>> generate(solve(seed=1), ["0000000012+0000000030="])
['00000000042']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adder.decoding import METHODS as METHODS
    from adder.decoding import add_tensors as add_tensors
    from adder.decoding import generate as generate
    from adder.errors import OperandError as OperandError
    from adder.errors import PromptError as PromptError
    from adder.errors import SolverError as SolverError
    from adder.model import GPTAdder as GPTAdder
    from adder.solver import solve as solve
    from adder.submission import add as add
    from adder.submission import build_model as build_model

# Imported on first use, so that `adder --help` does not wait for torch.
_HOMES = {
    "GPTAdder": "adder.model",
    "solve": "adder.solver",
    "generate": "adder.decoding",
    "add_tensors": "adder.decoding",
    "METHODS": "adder.decoding",
    "build_model": "adder.submission",
    "add": "adder.submission",
    "OperandError": "adder.errors",
    "PromptError": "adder.errors",
    "SolverError": "adder.errors",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'adder' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
