"""The parent's end of the sandbox: it starts a worker, asks it, and believes nothing but answers for operands."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from verify import errors
from verify.errors import ProtocolError, SubjectCrashedError, VerifyError
from verify.subject.answers import Answer
from verify.subject.sandbox import ladder, processes
from verify.subject.sandbox.limits import GIBIBYTE, Limits
from verify.subject.sandbox.link import Link
from verify.subject.subject import OPTIONAL_FUNCTIONS, Subject
from verify.text import printable

if TYPE_CHECKING:
    from verify.subject.loading import Location

_SLACK = 4 * GIBIBYTE  # of address space over resident memory: mapped libraries, torch's among them
_MORE_TASKS = 512  # threads beyond those that the user has
_FIRST_CHUNK = 16  # pairs
_LARGEST_CHUNK = 1 << 16
_CHUNK_SECONDS = 3.0


class SandboxedSubject(Subject):
    """A subject in a process of its own.

    Every request and every answer is one line on a pipe of the worker's own. A request has an identifier that cannot
    be guessed; a line that is not the answer to the request in flight ends the run with `ProtocolError`. The worker is
    asked for sums and for what operations find, never for a verdict.
    """

    def __init__(
        self, location: Location, *, method: str | None = None, rung: str = "auto", limits: Limits | None = None
    ) -> None:
        super().__init__()
        self.spec = location.spec
        self.sha256 = location.sha256
        self.method = method
        self.limits = limits or Limits()
        self.isolation = ladder.choose(rung)
        self._seconds_per_pair = 0.0
        self._link = Link(self.isolation, location, self.limits)
        try:
            self._load(location)
            self._smoke()
        except BaseException:
            self.close()
            raise

    def _load(self, location: Location) -> None:
        told = self._call(
            "load",
            self.limits.start_seconds,
            location={**dataclasses.asdict(location), "path": _text(location.path), "package": _text(location.package)},
            method=self.method,
            rlimits={
                "memory_bytes": self.limits.memory_bytes + _SLACK,
                "file_bytes": self.limits.file_bytes,
                "cpu_seconds": self.limits.cpu_seconds,
                "tasks": processes.tasks_of_user() + _MORE_TASKS,
            },
        )
        try:
            metadata, abilities = told["metadata"], told["abilities"]
            self._describe({str(key): str(value) for key, value in metadata.items()})
            self.abilities = frozenset(name for name in abilities if name in {*OPTIONAL_FUNCTIONS, "module"})
        except (TypeError, KeyError, AttributeError) as error:
            raise ProtocolError(f"{self.spec} broke the protocol: it described itself wrongly") from error

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What was not as agreed, what the file printed among it."""
        written = self._link.printed.text
        if written:
            self.note("wrote to stdout", f"print to stderr, or nothing at all: {printable(written)}")
        return super().findings

    def close(self) -> None:
        """End the worker and whatever it has started, and remove its scratch folder."""
        self._link.close()

    def answer(self, a: int, b: int) -> Answer:
        """Return what ``add`` says, with its type."""
        wire = self._call("add", self.limits.call_seconds, (a, b), a=a, b=b)
        try:
            return Answer.from_wire(wire)
        except ValueError as error:
            raise ProtocolError(f"{self.spec} broke the protocol: its answer to {a} + {b} is none") from error

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Return what an operation finds (see `verify.subject.operations`), run where the model lives."""
        return self._call("ask", self.limits.ask_seconds, operation=operation, arguments=arguments)

    def _many(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        parts, odd, counts, given_up = [np.empty(0, np.int64)], [], Counter[str](), ""
        start = stricter = 0
        while start < len(a):
            chunk = slice(start, start + self._chunk())
            told = self._part(how, a[chunk], b[chunk])
            parts.append(told["sums"])
            odd += [[start + index, wire] for index, wire in told["odd"]]
            counts.update(told["counts"])
            given_up = given_up or told["given_up"]
            stricter += told["stricter"]
            start = chunk.stop
        return {"sums": np.concatenate(parts), "odd": odd, "counts": counts, "given_up": given_up, "stricter": stricter}

    def _part(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        """Return one request's worth of sums, checked to be in the form that was agreed.

        Raises:
            ProtocolError: it is not.
        """
        told = self._call("many", self.limits.call_seconds, (a, b), how=how, a=a, b=b)
        try:
            is_batch = told["sums"].dtype == np.int64 and told["sums"].ndim == 1
            answers = [Answer.from_wire(wire) for index, wire in told["odd"] if 0 <= index < len(a)]
            counts = {printable(complaint): int(count) for complaint, count in told["counts"].items()}
            given_up, stricter = printable(str(told.get("given_up", ""))), int(told.get("stricter", 0))
        except (TypeError, KeyError, ValueError, AttributeError):
            is_batch = False
        if not is_batch or len(answers) != len(told["odd"]):
            raise ProtocolError(f"{self.spec} broke the protocol: a batch of {len(a)} sums came back as none")
        return {"sums": told["sums"], "odd": told["odd"], "counts": counts, "given_up": given_up, "stricter": stricter}

    def _chunk(self) -> int:
        if self._seconds_per_pair == 0.0:
            return _FIRST_CHUNK
        return int(min(max(_CHUNK_SECONDS / self._seconds_per_pair, 1), _LARGEST_CHUNK))

    def _call(self, do: str, seconds: float, operands: Any = None, /, **arguments: Any) -> Any:
        reply = self._link.request(do, arguments, seconds, operands)
        if operands is not None:
            count = np.size(operands[0])
            self._seconds_per_pair = self._link.seconds / count
        if "value" in reply:
            return reply["value"]
        raise self._error(str(reply.get("error")), printable(str(reply.get("message")), 1000))

    def _error(self, name: str, message: str) -> VerifyError:
        """Return the error that a worker reports, as one of ours."""
        if name == "MemoryError":
            gibibytes = self.limits.memory_bytes / GIBIBYTE
            return SubjectCrashedError(f"{self.spec} ran out of memory; the limit is {gibibytes:.1f} GiB")
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, VerifyError):
            return kind(message)
        return SubjectCrashedError(f"{self.spec} could not be asked: {message}")


def _text(path: object) -> str | None:
    return None if path is None else str(path)
