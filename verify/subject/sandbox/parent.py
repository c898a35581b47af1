"""The parent's end of the sandbox: it starts a worker, asks it, and believes nothing but answers for operands."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.errors import (
    ContractError,
    ProtocolError,
    SubjectBuildError,
    SubjectCrashedError,
    SubjectImportError,
    SubjectNotFoundError,
    SubjectTimeoutError,
    UndecidedError,
    UsageError,
    VerifyError,
)
from verify.subject.answers import LIMIT_OF_WIDE, NO_INTEGER, Answer
from verify.subject.sandbox import forms, ladder, processes
from verify.subject.sandbox.deadline import Deadline
from verify.subject.sandbox.limits import GIBIBYTE, Limits
from verify.subject.sandbox.link import Link
from verify.subject.subject import OPTIONAL_FUNCTIONS, Subject, task_of
from verify.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from verify.subject.loading import Location

_SLACK = 4 * GIBIBYTE  # of address space over resident memory: mapped libraries, torch's among them
_MORE_TASKS = 512  # threads beyond those that the user has
_LARGEST_CHUNK = 1 << 16  # pairs
_CHUNK_SECONDS = 3.0
_FALLBACK_SHARE = 0.25  # of a request's time, in which add must give the sums of a batch where teacher forcing ends
_FASTEST = 1e-9  # seconds a pair, for a clock that did not move
_LONGEST_REASON = 1000  # characters
_OF_LOADING = {
    kind.__name__: kind
    for kind in (ContractError, SubjectBuildError, SubjectImportError, SubjectNotFoundError, UsageError)
}  # errors that a worker may report by name, while it loads
MOST_LOSSES = 8  # of workers, before no other is started


class SandboxedSubject(Subject):
    """A subject in a process of its own.

    Every request and every answer is one line on a pipe of the worker's own. A request has an identifier that cannot
    be guessed; a line that is not the answer to the request in flight ends the worker with `ProtocolError`. The worker
    is asked for sums and for what operations find, never for a verdict. The request at which a worker dies, hangs or
    breaks the protocol raises, and the next one starts another worker.

    Attributes:
        losses: why workers were lost, one text each, in their order; after `MOST_LOSSES` no other is started.
    """

    def __init__(
        self,
        location: Location,
        *,
        method: str | None = None,
        digits: int | None = None,
        rung: str = "auto",
        limits: Limits | None = None,
        time_left: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(time_left)
        self.spec = location.spec
        self.sha256 = location.sha256
        self.method = method
        self.asked_digits = self._digits = digits
        self.limits = limits or Limits()
        self.isolation = ladder.choose(rung)
        self.losses: list[str] = []
        self._location = location
        self._closed = False
        self._printed = ""  # by workers that are gone
        self._pace: dict[str, float] = {}  # seconds a pair, by the way of adding
        self._link: Link | None = None
        try:
            self._load(self._begin())
            self._smoke()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> Link:
        """Start a worker, which has loaded nothing."""
        self.check_time("is to be loaded")
        self._link = Link(self.isolation, self._location, self.limits)
        return self._link

    def _load(self, link: Link) -> None:
        location = self._location
        told = self._request(
            link,
            "load",
            self._deadline(self.limits.start_seconds),
            location={**dataclasses.asdict(location), "path": _text(location.path), "package": _text(location.package)},
            method=self.method,
            digits=self._digits,
            rlimits={
                "memory_bytes": self.limits.memory_bytes + _SLACK,
                "file_bytes": self.limits.file_bytes,
                "cpu_seconds": self.limits.cpu_seconds,
                "tasks": processes.tasks_of_user() + _MORE_TASKS,
            },
        )
        try:
            metadata, abilities = told["metadata"], told["abilities"]
            said = {str(key): str(value) for key, value in metadata.items()}
            self._describe(said)
            self.abilities = frozenset(name for name in abilities if name in {*OPTIONAL_FUNCTIONS, "module"})
        except (TypeError, KeyError, AttributeError) as error:
            raise self._broken("it described itself wrongly") from error
        self.task = task_of(self.spec, self._digits, said.get("digits", ""))
        self._digits = self.task.digits  # what is loaded again is asked for the same, whatever it then says

    def _running(self) -> Link:
        """Return the worker, or another one where it was lost.

        Raises:
            SubjectCrashedError: too many were lost, or the file is not to be loaded again.
        """
        if self._closed:
            raise SubjectCrashedError(f"{self.spec} is gone: it was closed")
        if self._link is not None:
            return self._link
        if len(self.losses) >= MOST_LOSSES:
            raise SubjectCrashedError(
                f"{self.spec} lost {len(self.losses)} workers, and no other is started; the last: {self.losses[-1]}"
            )
        link = self._begin()
        try:
            self._load(link)
        except UndecidedError:
            raise
        except VerifyError as error:  # it was an adder when it was loaded first
            raise SubjectCrashedError(f"{self.spec} could not be loaded again: {error}") from error
        return link

    def _lose(self, reason: str) -> None:
        """End the worker, and remember why."""
        self._drop()
        self.losses.append(printable(reason, _LONGEST_REASON))

    def _drop(self) -> None:
        """End the worker; what it printed is kept, what it had learnt is not."""
        if self._link is not None:
            self._link.close()
            self._printed = (self._printed + self._link.printed.text)[:_LONGEST_REASON]
            self._link = None
        self._unforced = self._unforced or None

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What was not as agreed, what the file printed among it."""
        written = self._printed + (self._link.printed.text if self._link else "")
        if written:
            count = 0 if "wrote to stdout" in self._findings else 1
            self.note("wrote to stdout", f"print to stderr, or nothing at all: {printable(written)}", count=count)
        return super().findings

    def close(self) -> None:
        """End the worker and whatever it has started, and remove its scratch folder; no other is started."""
        self._closed = True
        self._drop()

    def afresh(self) -> SandboxedSubject:
        """Return the same subject in another worker."""
        return SandboxedSubject(
            self._location,
            method=self.method,
            digits=self.task.digits,
            rung=self.isolation,
            limits=self.limits,
            time_left=self.time_left,
        )

    def answer(self, a: int, b: int) -> Answer:
        """Return what ``add`` says, with its type."""
        wire = self._sums("add", "add", (a, b), a=a, b=b)
        try:
            return Answer.from_wire(wire, self.task)
        except ValueError as error:
            raise self._broken(f"its answer to {a} + {b} is none") from error

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Return what an operation finds (see `verify.subject.operations`), run where the model lives."""
        deadline = self._deadline(self.limits.ask_seconds)
        told = self._request(self._running(), "ask", deadline, operation=operation, arguments=arguments)
        if not forms.fits(told, operation):
            raise self._broken(f"what it says of {operation} is nothing of the kind")
        return told

    def _many(self, how: str, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        parts, odd, counts, given_up = [np.empty(0, self.task.dtype)], [], Counter[str](), ""
        start = stricter = 0
        while start < len(a):
            chunk = slice(start, start + self._chunk(how))
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
        told = self._sums("many", how, (a, b), a=a, b=b, how=how)
        try:
            sums, odd, counts = told["sums"], told["odd"], told["counts"]
            is_batch = sums.dtype == self.task.dtype and sums.ndim == 1 and len(odd) <= len(a)
            is_batch &= not self.task.is_wide or all(NO_INTEGER <= each < LIMIT_OF_WIDE for each in sums)
            is_batch &= all(type(index) is int and 0 <= index < len(a) for index, _ in odd)
            is_batch &= all(type(count) is int and 0 < count <= len(a) for count in counts.values())
            answers = [Answer.from_wire(wire, self.task) for _, wire in odd]
            given_up, stricter = str(told.get("given_up", "")), told.get("stricter", 0)
            is_batch &= type(stricter) is int and 0 <= stricter <= len(a)
        except (TypeError, KeyError, ValueError, AttributeError):
            is_batch = False
        if not is_batch:
            raise self._broken(f"a batch of {len(a)} sums came back as none")
        wires = [[index, answer.to_wire()] for (index, _), answer in zip(odd, answers, strict=True)]
        return {"sums": sums, "odd": wires, "counts": counts, "given_up": given_up, "stricter": stricter}

    def _chunk(self, how: str) -> int:
        """Return how many pairs one request asks for: some seconds' worth, by the pace so far."""
        add = max(self._pace["add"], _FASTEST)
        size = _CHUNK_SECONDS / max(self._pace.get(how, add), _FASTEST)
        if how == "teacher forcing":  # which may end in the middle of a batch, that add is then asked for
            size = min(size, _FALLBACK_SHARE * self.limits.ask_seconds / add)
        return int(min(max(size, 1), _LARGEST_CHUNK))

    def _deadline(self, whole: float, each: float = math.inf) -> Deadline:
        return Deadline(each=each, whole=whole, time_left=self.time_left)

    def _sums(self, do: str, way: str, operands: Any, **arguments: Any) -> Any:
        """Return what a worker says of operands, and take note of its pace."""
        link = self._running()
        seconds = self.limits.call_seconds
        most = 2 * seconds * np.size(operands[0])  # where teacher forcing ends, a batch is begun again
        whole = seconds if do == "add" else min(most, max(seconds, self.limits.ask_seconds))
        told = self._request(link, do, self._deadline(whole, seconds), operands, **arguments)
        self._pace[way] = link.seconds / np.size(operands[0])
        return told

    def _request(self, link: Link, do: str, deadline: Deadline, operands: Any = None, /, **arguments: Any) -> Any:
        self.check_time("is asked")
        try:
            reply = link.request(do, arguments, deadline, operands)
        except (SubjectCrashedError, SubjectTimeoutError, ProtocolError) as error:
            self._lose(str(error))
            raise
        except BaseException:  # no fault of the worker's, but it is at a request that nobody waits for
            self._drop()
            raise
        if "value" in reply:
            return reply["value"]
        message = printable(str(reply.get("message")), _LONGEST_REASON)
        refusal = self._error(str(reply.get("error")), message, loading=do == "load")
        if do == "load":
            self._lose(str(refusal))
        raise refusal

    def _broken(self, what: str) -> ProtocolError:
        """Return the error of a worker that broke the protocol, which is ended."""
        self._lose(f"it broke the protocol: {what}")
        return ProtocolError(f"{self.spec} broke the protocol: {what}")

    def _error(self, name: str, message: str, *, loading: bool) -> VerifyError:
        """Return the error that a worker reports, as one of ours; only what loading may raise, and only then."""
        if name == "MemoryError":
            gibibytes = self.limits.memory_bytes / GIBIBYTE
            return SubjectCrashedError(f"{self.spec} ran out of memory; the limit is {gibibytes:.1f} GiB")
        if loading and name in _OF_LOADING:
            return _OF_LOADING[name](message)
        return SubjectCrashedError(f"{self.spec} could not be asked: {message}")


def _text(path: object) -> str | None:
    return None if path is None else str(path)
