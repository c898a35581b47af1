"""What is under verification: any adder, by one contract, behind one interface.

An adder is a Python file, a package or a dotted module with

    build_model() -> (model, metadata)
    add(model, a: int, b: int) -> int

and, where it has them, the optional functions of `OPTIONAL_FUNCTIONS`. The suite never touches the model itself: it
holds a `Subject`, asks for sums, and asks *operations* (`Subject.ask`), functions that run where the model lives and
exchange plain values and numpy arrays, so that the model may live in another process.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from verify.addition.task import FEWEST_DIGITS, MOST_DIGITS, TEN, Task
from verify.errors import ContractError, OutOfTimeError, SubjectBuildError, UndecidedError, UsageError
from verify.subject import loading, operations
from verify.subject.answers import (
    Answer,
    Raised,
    collect,
    collect_batch,
    from_exception,
    read,
    shown,
)
from verify.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np


DEFAULT_SPEC = "adder.submission"

OPTIONAL_FUNCTIONS = {
    "add_batch": "add_batch(model, a, b, method=None) -> sums of two sequences of ints",
    "transitions": "transitions(model) -> a finite step function, see verify.proof",
    "forced_logits": "forced_logits(model, ids, method=None) -> logits of every answer step, the answer being forced",
    "METHODS": "METHODS: names of the ways to decode that add_batch and forced_logits take",
}

_WORTH_LEARNING = 64  # pairs: learning to force takes about as many calls of add

Rung = Literal["auto", "bwrap", "landlock", "limits", "off"]


@dataclass
class LoadedAdder:
    """An adder where it lives: the namespace that was executed, the model that it built, what it says of itself."""

    namespace: Any
    model: Any
    metadata: Mapping[str, Any]
    method: str | None = None
    task: Task = TEN
    memory: dict[str, Any] = field(default_factory=dict)  # what operations keep between calls
    at: Callable[[int], None] = lambda _index: None  # told which pair of a batch is next

    @classmethod
    def build(
        cls, spec: str, namespace: Any, method: str | None = None, digits: int | None = None
    ) -> LoadedAdder:  # fmt: skip
        """Return an adder whose model is built.

        Raises:
            ContractError: a function is missing, or ``build_model`` returns something else than agreed.
            SubjectBuildError: ``build_model`` raises.
            UsageError: it has no such method.
        """
        for name in ("build_model", "add"):
            if not callable(getattr(namespace, name, None)):
                raise ContractError(f"{spec} has no function {name}; an adder has build_model() and add(model, a, b)")
        methods = tuple(map(str, getattr(namespace, "METHODS", ())))
        if method is not None and method not in methods:
            raise UsageError(f"{spec} has no method {method!r}; it has {', '.join(methods) or 'none to choose from'}")
        try:
            built = namespace.build_model()
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            raise _build_error(spec, error) from error
        if not (isinstance(built, tuple | list) and len(built) == 2 and isinstance(built[1], Mapping)):
            raise ContractError(
                f"build_model() of {spec} returned {type(built).__name__}, but must return (model, metadata), "
                "metadata being a dict"
            )
        return cls(namespace, built[0], built[1], method, task_of(spec, digits, said_of_digits(built[1])))

    @property
    def watchable(self) -> LoadedAdder:
        """The same adder by the first of its methods, its plain way of decoding: others need not call its forward."""
        methods = getattr(self.namespace, "METHODS", None)
        return replace(self, method=next(iter(methods))) if methods and self.has("add_batch") else self

    def has(self, ability: str) -> bool:
        """Return whether the namespace offers an optional function."""
        return callable(getattr(self.namespace, ability, None))

    @property
    def abilities(self) -> frozenset[str]:
        """Names of `OPTIONAL_FUNCTIONS` that the namespace has, and "module" for a torch module."""
        functions = {name for name in OPTIONAL_FUNCTIONS if hasattr(self.namespace, name)}
        is_module = any(base.__module__.startswith("torch.nn.") for base in type(self.model).__mro__)
        return frozenset(functions | ({"module"} if is_module else set()))

    def answer(self, a: int, b: int) -> Answer:
        """Return what ``add`` says of two operands, by the method under verification."""
        try:
            if self.method is not None and self.has("add_batch"):
                (alone,) = self.namespace.add_batch(self.model, [a], [b], method=self.method)
                # an array of sums is a batch's own form
                return read(getattr(alone, "item", lambda: alone)(), self.task)
            return read(self.namespace.add(self.model, a, b), self.task)
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:  # an exception on some operands is a counterexample
            return from_exception(error)

    def answers(self, a: np.ndarray, b: np.ndarray, places: np.ndarray | None = None) -> Iterator[Answer]:
        """Yield the answer to each pair of operands, int64 (N,) each, one call of ``add`` a pair.

        Args:
            a: int64 (N,).
            b: int64 (N,).
            places: which pairs of a batch these are, int64 (N,), where they are not all of it.
        """
        for index, (x, y) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
            self.at(index if places is None else int(places[index]))
            yield self.answer(x, y)

    def many(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        """Return the sums of operands, int64 (N,) each, in the form of `verify.subject.answers.collect`.

        Args:
            how: "add", "add_batch" or "teacher forcing".
            a: int64 (N,).
            b: int64 (N,).
        """
        if how == "add":
            return collect(self.answers(a, b), self.task)
        if how == "teacher forcing":
            forced: dict[str, Any] = operations.run("forced_batch", self, a=a, b=b)
            return forced
        offered = self.namespace.add_batch
        sums = offered(self.model, a, b) if self.method is None else offered(self.model, a, b, method=self.method)
        return collect_batch(sums, self.task)


def said_of_digits(metadata: Mapping[str, Any]) -> str:
    """Return what metadata say of the digits of an operand, as text; "" for nothing."""
    said = metadata.get("digits")
    return "" if said is None else shown(said, str)


def task_of(spec: str, digits: int | None, said: str) -> Task:
    """Return what an adder is asked to add: operands of so many digits, else of those that it says, else of 10.

    Raises:
        ContractError: it says what is no number of digits.
    """
    if digits is not None:
        return Task(digits)
    if not said:
        return TEN
    value = read(said).value
    if value is None or not FEWEST_DIGITS <= value <= MOST_DIGITS:
        raise ContractError(
            f"metadata['digits'] of {spec} is {printable(said, 60)}, but must be an int from {FEWEST_DIGITS} to "
            f"{MOST_DIGITS}: how many digits an operand has; --digits N says so instead"
        )
    return Task(value)


def _build_error(spec: str, error: BaseException) -> SubjectBuildError:
    remedy = "build_model() must succeed without arguments or help"
    if isinstance(error, FileNotFoundError):
        remedy = "checkpoints lie beside the file, in its own folder, and are read by a path relative to it"
    elif isinstance(error, ImportError):
        remedy = "install the module, or put it beside the file"
    return SubjectBuildError(f"build_model() of {spec} raised {type(error).__name__}: {shown(error, str)}; {remedy}")


class Subject(ABC):
    """What is under verification.

    Attributes:
        spec: what the user typed, or ``adder.submission``.
        name: what the adder calls itself, else its spec.
        author: what its metadata says, or "".
        sha256: digest of its source, hex.
        declared_parameters: what its metadata claims, or None.
        isolation: the rung behind which it runs; "off" in this process, "data" where nobody's code runs but ours.
        is_data: whether it is a graph that was handed in as data, decoded by our own program.
        abilities: what it offers beyond ``add``: names of `OPTIONAL_FUNCTIONS`, and "module" for a torch module.
        method: the way of decoding under verification, or None for its default.
        task: what it is asked to add.
        asked_digits: of an operand, as the user said; None where the adder itself said so, or nobody.
        batching: how `add_batch` came by its last sums: "add_batch", "teacher forcing", or "add" and why.
        way: the same in one word of these three, without the reason.
        findings: what was not as agreed, each {"name", "detail", "a", "b", "count"} with the first operands.
        first_answers: what it said when it was loaded, by the operands of the easy sums of its task.
        time_left: how many seconds the run has left; a request that would take longer ends in `OutOfTimeError`.
    """

    spec: str
    name: str
    author: str
    sha256: str
    declared_parameters: int | None
    isolation: str
    abilities: frozenset[str]
    method: str | None
    task: Task = TEN
    asked_digits: int | None = None
    is_data: bool = False
    batching: str = ""
    way: str = ""

    def __init__(self, time_left: Callable[[], float] | None = None) -> None:
        self.time_left: Callable[[], float] = time_left or (lambda: math.inf)
        self.first_answers: dict[tuple[int, int], object] = {}
        self._findings: dict[str, dict[str, Any]] = {}
        self._unforced: str | None = None  # why teacher forcing is not used; "" where it is, None before it is tried

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What was not as agreed, in the order in which it was first seen."""
        return list(self._findings.values())

    def note(self, name: str, detail: str, a: int | None = None, b: int | None = None, count: int = 1) -> None:
        """Add to the findings; of one name, the first detail is kept and the count grows."""
        found = self._findings.setdefault(name, {"name": name, "detail": detail, "a": a, "b": b, "count": 0})
        found["count"] += count

    def add(self, a: int, b: int) -> object:
        """Return the integer that ``add(model, a, b)`` unmistakably is; else `Unreadable`, or `Raised`."""
        answer = self.answer(a, b)
        if answer.complaint is not None:
            self.note(answer.complaint, answer.text, a, b)
        return answer.result

    @abstractmethod
    def answer(self, a: int, b: int) -> Answer:
        """Return what ``add`` says, with its type."""

    def add_batch(self, a: np.ndarray, b: np.ndarray, *, alone: bool = False) -> np.ndarray:
        """Return the sums, (N,), of operands, (N,) each, of the task's type; `NO_INTEGER` where the answer is none.

        Args:
            a: int64 (N,), objects where operands do not fit it.
            b: likewise.
            alone: whether every sum is to be asked of ``add`` itself, one at a time.

        Raises:
            ContractError: the subject's own ``add_batch`` returns another number of sums.
        """
        how = "add" if alone else self.way_of(len(a))
        told = self._told(how, a, b)
        sums: np.ndarray = told["sums"]
        if len(sums) != len(a):
            raise ContractError(f"add_batch of {self.spec} returned {len(sums)} sums of {len(a)} pairs")
        for index, wire in told["odd"]:
            answer = Answer.from_wire(wire, self.task)
            self.note(answer.complaint or "", answer.text, int(a[index]), int(b[index]), count=0)
        for complaint, count in told["counts"].items():
            self.note(complaint, "", count=count)
        if told.get("stricter"):
            self.note("teacher forcing is stricter than add", "add gives sums right whose steps are not all right")
        if told.get("given_up"):
            self._unforced, how = told["given_up"], "add"
        self.way = how
        self.batching = f"add ({self._unforced})" if how == "add" and self._unforced else how
        return sums

    def _told(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        """Return what `_many` does; where a batch of the forward ends the worker, ``add`` is asked."""
        try:
            return self._many(how, a, b)
        except OutOfTimeError:
            raise
        except UndecidedError as error:
            if how != "teacher forcing":
                raise
            reason = f"teacher forcing was given up: {error}"
            return {**self._many("add", a, b), "given_up": reason}

    def way_of(self, count: int) -> str:
        """Return how a batch of so many pairs is added: "add_batch", "teacher forcing" or "add"."""
        if "add_batch" in self.abilities:
            return "add_batch"
        if self._unforced is None and self.task.is_wide:
            self._unforced = f"with {self.task} every sum is asked of add"
        if self._unforced is None and count >= _WORTH_LEARNING and self.method is None:
            self._unforced = self.ask("learn_forcing")
        return "teacher forcing" if self._unforced == "" else "add"

    @abstractmethod
    def _many(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        """Return what `LoadedAdder.many` does."""

    @abstractmethod
    def ask(self, operation: str, **arguments: Any) -> Any:
        """Return what an operation finds (see `verify.subject.operations`), run where the model lives."""

    @abstractmethod
    def afresh(self) -> Subject:
        """Return the same subject with a model that is built anew, and no memory of what this one was asked."""

    def check_time(self, what: str) -> None:
        """Check that the run has time left.

        Raises:
            OutOfTimeError: it has none; the message says during what.
        """
        if self.time_left() <= 0:
            raise OutOfTimeError(f"the time of the run is spent while {self.spec} {what}; allow it more")

    def close(self) -> None:  # noqa: B027 - a subject in this process has nothing to release
        """Release the process or files behind the subject; a second call does nothing."""

    def _describe(self, metadata: Mapping[str, Any]) -> None:
        """Take over what the adder says of itself."""
        self.name = shown(metadata.get("name") or self.spec, str)
        self.author = shown(metadata.get("author") or "", str)
        declared = read(metadata.get("params")).value
        self.declared_parameters = declared

    def _smoke(self) -> None:
        """Tell an adder that is wired wrongly from one that answers wrongly."""
        easy = self.task.easy
        answers = [self.answer(a, b).result for a, b in easy]
        self.first_answers = dict(zip(easy, answers, strict=True))
        if all(isinstance(answer, Raised) for answer in answers):
            raise ContractError(
                f"add(model, {easy[0][0]}, {easy[0][1]}) of {self.spec} raised {answers[0]!r}, and so do other "
                "easy sums; add must take the model that build_model() returned and two ints"
            )


class LocalSubject(Subject):
    """A subject in this process: trusted code, such as our own model and the tests' mutants, or data."""

    def __init__(
        self,
        spec: str,
        namespace: Any,
        *,
        method: str | None = None,
        digits: int | None = None,
        sha256: str = "",
        folder: Path | None = None,
        time_left: Callable[[], float] | None = None,
        is_data: bool = False,
    ) -> None:
        """Build the model of a namespace, in the folder where its checkpoints lie."""
        super().__init__(time_left)
        self.is_data = is_data
        self.isolation = "data" if is_data else "off"
        with loading.working_folder(folder):
            self.loaded = LoadedAdder.build(spec, namespace, method, digits)
        self.task, self.asked_digits = self.loaded.task, digits
        self.loaded.at = lambda _index: self.check_time("adds")
        self.spec = spec
        self.sha256 = sha256
        self.abilities = self.loaded.abilities
        self.method = method
        self._folder = folder
        self._describe(self.loaded.metadata)
        self._smoke()

    def afresh(self) -> LocalSubject:
        """Return the same namespace with a model that is built anew."""
        return LocalSubject(
            self.spec,
            self.loaded.namespace,
            method=self.method,
            digits=self.task.digits,
            sha256=self.sha256,
            folder=self._folder,
            time_left=self.time_left,
            is_data=self.is_data,
        )

    def answer(self, a: int, b: int) -> Answer:
        """Return what ``add`` says, with its type."""
        self.check_time("adds")
        return self.loaded.answer(a, b)

    def _many(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        self.check_time("adds")
        return self.loaded.many(how, a, b)

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Return what an operation finds (see `verify.subject.operations`)."""
        self.check_time(f"is asked for {operation}")
        return operations.run(operation, self.loaded, **arguments)
