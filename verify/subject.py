"""What is under verification: any adder, by one contract, behind one interface.

An adder is a Python file, a package or a dotted module with

    build_model() -> (model, metadata)
    add(model, a: int, b: int) -> int

and, where it has them, the optional functions of `OPTIONAL_FUNCTIONS`. The suite never touches the model itself: it
holds a `Subject`, asks for sums, and asks *operations* (`Subject.ask`), functions that run where the model lives and
exchange plain values and numpy arrays, so that the model may live in another process.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from verify.errors import ContractError, SubjectImportError, SubjectNotFoundError

DEFAULT_SPEC = "adder.submission"

MAX_OPERAND = 9_999_999_999

OPTIONAL_FUNCTIONS = {
    "add_batch": "add_batch(model, a, b, method=None) -> sums of two sequences of ints",
    "transitions": "transitions(model) -> a finite step function, see verify.proof",
    "forced_logits": "forced_logits(model, ids, method=None) -> logits of every answer step, the answer being forced",
    "METHODS": "METHODS: names of the ways to decode that add_batch and forced_logits take",
}

NO_INTEGER = -1  # in a batch of sums: the answer was no integer, or one that no sum can be


@dataclass
class LoadedAdder:
    """An adder where it lives: the namespace that was executed, the model that it built, what it says of itself."""

    namespace: Any
    model: Any
    metadata: Mapping[str, Any]
    method: str | None = None

    def has(self, ability: str) -> bool:
        """Return whether the namespace offers an optional function."""
        return callable(getattr(self.namespace, ability, None))


Operation = Callable[..., Any]


class Subject(ABC):
    """What is under verification.

    Attributes:
        spec: what the user typed, or ``adder.submission``.
        name: what the adder calls itself, else its spec.
        author: what its metadata says, or "".
        sha256: digest of its source, hex.
        declared_parameters: what its metadata claims, or None.
        isolation: the rung behind which it runs; "off" in this process.
        abilities: what it offers beyond ``add``: names of `OPTIONAL_FUNCTIONS`, and "module" for a torch module.
        method: the way of decoding under verification, or None for its default.
    """

    spec: str
    name: str
    author: str
    sha256: str
    declared_parameters: int | None
    isolation: str
    abilities: frozenset[str]
    method: str | None

    @abstractmethod
    def add(self, a: int, b: int) -> object:
        """Return what ``add(model, a, b)`` returns, whatever it is."""

    @abstractmethod
    def add_batch(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return the sums, int64 (N,), of operands, int64 (N,) each; `NO_INTEGER` where the answer is none."""

    @abstractmethod
    def ask(self, operation: str, **arguments: Any) -> Any:
        """Return what an operation of `verify.anatomy` finds, run where the model lives."""

    def close(self) -> None:
        """Release the process or files behind the subject; a second call does nothing."""
