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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from verify import operations
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
        """Return what an operation finds (see `verify.operations`), run where the model lives."""

    def close(self) -> None:
        """Release the process or files behind the subject; a second call does nothing."""


class LocalSubject(Subject):
    """A subject in this process: for code that is trusted, such as our own model and the tests' mutants."""

    def __init__(self, spec: str, namespace: Any, *, method: str | None = None, sha256: str = "") -> None:
        model, metadata = _build(spec, namespace)
        self.loaded = LoadedAdder(namespace, model, metadata, method)
        self.spec = spec
        self.name = str(metadata.get("name", spec))
        self.author = str(metadata.get("author", ""))
        self.sha256 = sha256
        declared = metadata.get("params")
        self.declared_parameters = declared if isinstance(declared, int) else None
        self.isolation = "off"
        self.abilities = frozenset(name for name in OPTIONAL_FUNCTIONS if hasattr(namespace, name))
        self.method = method

    def add(self, a: int, b: int) -> object:
        return self.loaded.namespace.add(self.loaded.model, a, b)

    def add_batch(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if "add_batch" in self.abilities:
            sums = self.loaded.namespace.add_batch(self.loaded.model, a, b, method=self.method)
            return np.asarray(sums, np.int64)
        sums = (self.add(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True))
        return np.fromiter((as_sum(answer) for answer in sums), np.int64, len(a))

    def ask(self, operation: str, **arguments: Any) -> Any:

        return operations.run(operation, self.loaded, **arguments)


def as_sum(answer: object) -> int:
    """Return an answer as a sum that fits int64, or `NO_INTEGER`; a bool is no integer."""
    if type(answer) is int and 0 <= answer < 2**62:
        return answer
    return NO_INTEGER


def load(spec: str | None = None, *, method: str | None = None) -> Subject:
    """Return the subject that a spec names.

    Args:
        spec: a path to a file or folder, or ``package.module``; ``:name`` behind it picks an object in it that has
            the contract's two functions. None is our own model.
        method: the way of decoding under verification, for subjects that offer several.

    Raises:
        SubjectNotFoundError, SubjectImportError, ContractError: see `verify.errors`.
    """
    spec = DEFAULT_SPEC if spec is None else spec
    location, _, attribute = spec.partition(":")
    namespace: Any = _import(location)
    source = Path(namespace.__file__).read_bytes() if getattr(namespace, "__file__", None) else b""
    if attribute:
        if not hasattr(namespace, attribute):
            raise SubjectNotFoundError(f"{location} has no {attribute!r}; what follows ':' names an object in the file")
        namespace = getattr(namespace, attribute)
    return LocalSubject(spec, namespace, method=method, sha256=hashlib.sha256(source).hexdigest())


def _import(location: str) -> ModuleType:
    path = Path(location)
    if location.endswith(".py") or path.exists():
        return _import_file(path)
    try:
        return importlib.import_module(location)
    except ModuleNotFoundError as error:
        if error.name and location.startswith(error.name):
            raise SubjectNotFoundError(
                f"{location!r} is neither a file nor an importable module; give a path such as my_adder.py"
            ) from error
        raise SubjectImportError(f"{location} needs the module {error.name!r}; install it, then run again") from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise SubjectNotFoundError(f"{str(path)!r} is no file; give a path such as my_adder.py")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise SubjectImportError(f"{path} is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise SubjectImportError(f"{path} cannot be executed: {type(error).__name__}: {error}") from error
    return module


def _build(spec: str, namespace: Any) -> tuple[Any, Mapping[str, Any]]:
    for name in ("build_model", "add"):
        if not callable(getattr(namespace, name, None)):
            raise ContractError(f"{spec} has no function {name}; an adder has build_model() and add(model, a, b)")
    built = namespace.build_model()
    if not (isinstance(built, tuple) and len(built) == 2 and isinstance(built[1], Mapping)):
        raise ContractError(
            f"build_model() of {spec} returned {type(built).__name__}, but must return (model, metadata)"
        )
    return built
