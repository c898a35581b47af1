"""The worker process and the pipes to it: started, asked, watched, ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import select
import signal
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

from verify import ends, interpreters
from verify.errors import OutOfTimeError, ProtocolError, SubjectCrashedError, SubjectTimeoutError
from verify.files import Scratch
from verify.subject.sandbox import cgroup, ladder, processes, wire
from verify.subject.sandbox.deadline import REQUEST, RUN, SUM, Deadline
from verify.subject.sandbox.limits import GIBIBYTE, MEBIBYTE, MOST_FILES, Limits
from verify.text import printable, printable_all

if TYPE_CHECKING:
    from verify.subject.loading import Location

_TICK = 0.1  # seconds between two looks at the worker
_CAPTURED = 4096  # bytes of its stdout and of its stderr that are kept
_PATIENCE = 15.0  # seconds for a killed worker to be gone
_READ = 1 << 20
_POSITION = struct.Struct("<q")


class Captured:
    """The beginning of what a stranger's file writes; the rest is read and dropped, so that it never blocks."""

    def __init__(self, handle: int) -> None:
        self._kept = bytearray()
        self._handle = handle
        threading.Thread(target=self._drain, daemon=True).start()

    @property
    def text(self) -> str:
        """What is kept."""
        return self._kept.decode(errors="replace")

    def _drain(self) -> None:
        with os.fdopen(self._handle, "rb", buffering=0) as stream:
            while data := stream.read(_READ):
                self._kept += data[: _CAPTURED - len(self._kept)]


class Link:
    """A worker process on a rung of isolation.

    Attributes:
        printed, complained: what it wrote to stdout and stderr.
        seconds: how long the last request took.
    """

    def __init__(self, rung: str, location: Location, limits: Limits) -> None:
        self.seconds = 0.0
        self._spec = location.spec
        self._limits = limits
        self._breach = ""
        self._closed = False
        self._received = bytearray()
        self._folder = Scratch()
        self._scratch = str(self._folder.path)
        # bubblewrap's file systems in memory, which can be given a size and no number of files
        self._in_memory = [self._scratch, "/dev/shm"] if rung == "bwrap" else []  # noqa: S108 - the worker's own
        with ends.undisturbed():
            self._group = cgroup.Group(limits.memory_bytes, limits.processes + limits.threads)
            try:
                self._start(rung, location)
            except BaseException:
                self._group.close()
                self._folder.close()
                raise
            ends.remember(self, self._abandon)
        threading.Thread(target=self._watch, daemon=True).start()

    def _start(self, rung: str, location: Location) -> None:
        request_end, self._requests = os.pipe()
        self._answers, answer_end = os.pipe()
        printed, print_end = os.pipe()
        complained, complaint_end = os.pipe()
        self._progress = _sealed_page()
        # opened anew: flags that are set on one, such as that of appending alone, are not those of the other
        progress_end = os.open(f"/proc/self/fd/{self._progress}", os.O_RDWR | os.O_CLOEXEC)
        lifeline, self._lifeline = os.pipe()
        inherited = (request_end, answer_end, progress_end)
        packages = os.pathsep.join(interpreters.module_folders())
        worker = ladder.worker_command(*(str(handle) for handle in inherited), packages)
        folder = str(location.folder or self._scratch)
        command = ladder.command(
            rung,
            worker,
            lifeline=lifeline,
            readable=[str(path) for path in location.readable],
            folder=folder,
            scratch=self._scratch,
            limits=self._limits,
            groups=self._group.folders,
        )
        try:
            self._process = interpreters.start(
                command,
                stdin=subprocess.DEVNULL,
                stdout=print_end,
                stderr=complaint_end,
                pass_fds=(*inherited, lifeline),
                env=ladder.environment(self._scratch),
                start_new_session=True,
            )
        finally:
            for handle in (*inherited, print_end, complaint_end, lifeline):
                os.close(handle)
        self.printed, self.complained = Captured(printed), Captured(complained)
        os.set_blocking(self._requests, False)

    def request(self, do: str, arguments: dict[str, Any], deadline: Deadline, operands: Any = None) -> dict[str, Any]:
        """Return the reply to a request.

        Args:
            do: what is asked for.
            arguments: plain values and numpy arrays.
            deadline: when it is over.
            operands: two operands or two arrays of them, to say at which the worker hangs or dies.

        Raises:
            SubjectTimeoutError, SubjectCrashedError, ProtocolError, OutOfTimeError: after each the worker is gone.
        """
        if self._closed:
            raise SubjectCrashedError(f"{self._spec} is gone: it was closed")
        identifier = secrets.token_hex(16)
        os.pwrite(self._progress, _POSITION.pack(0), 0)
        started = time.monotonic()
        try:
            self._write(wire.dumps({"id": identifier, "do": do, "arguments": arguments}), deadline)
            reply = self._reply(identifier, self._line(deadline, do, operands), operands)
        except BaseException:
            self.close()
            raise
        self.seconds = time.monotonic() - started
        return reply

    def close(self) -> None:
        """End the worker and whatever it has started, and remove its scratch folder; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._kill()
        lifeline, self._lifeline = self._lifeline, -1
        for handle in (self._requests, self._answers, self._progress, lifeline):
            os.close(handle)
        self._group.close()
        self._folder.close()
        ends.forget(self)

    def _abandon(self) -> None:
        """Let the warden end everything, as it does when this process is killed, and wait for it."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
        interpreters.await_end([self._process.pid])

    def _write(self, line: bytes, deadline: Deadline) -> None:
        view = memoryview(line)
        while view:
            _, writable, _ = select.select([], [self._requests], [], min(_TICK, deadline.left))
            if writable:
                try:
                    view = view[os.write(self._requests, view) :]
                except BrokenPipeError:
                    raise self._died(None) from None
            elif deadline.over == RUN:
                raise OutOfTimeError(f"the time of the run is spent while {self._spec} takes no requests")
            elif deadline.over:
                raise SubjectTimeoutError(f"{self._spec} does not take requests; it was ended")

    def _line(self, deadline: Deadline, do: str, operands: Any) -> bytes:
        """Return the next line."""
        searched = 0
        while True:
            end = self._received.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._received[:end])
                del self._received[: end + 1]
                return line
            searched = len(self._received)
            if searched > wire.LONGEST_LINE:
                raise ProtocolError(f"{self._spec} broke the protocol: a line without an end")
            self._receive(operands, min(_TICK, deadline.left))
            if (position := self._position(operands)) is not None:
                deadline.see(position)
            if over := deadline.over:
                raise self._late(over, deadline, do, operands)

    def _late(self, over: str, deadline: Deadline, do: str, operands: Any) -> OutOfTimeError | SubjectTimeoutError:
        where = _at(operands, deadline.position) or f"when asked to {do}"
        if over == RUN:
            return OutOfTimeError(f"the time of the run is spent while {self._spec} is {where}; allow it more")
        seconds = deadline.each if over == SUM else deadline.whole
        what = f" for {len(operands[0])} sums" if over == REQUEST and _is_batch(operands) else ""
        return SubjectTimeoutError(
            f"{self._spec} did not answer within {seconds:g} s{what} {where}; "
            "--call-seconds allows more, in Python verify.subject.sandbox.Limits"
        )

    def _receive(self, operands: Any, seconds: float) -> None:
        readable, _, _ = select.select([self._answers], [], [], seconds)
        data = os.read(self._answers, _READ) if readable else None
        if data:
            self._received += data
        elif data == b"" or self._process.poll() is not None:
            raise self._died(operands)

    def _reply(self, identifier: str, line: bytes, operands: Any) -> dict[str, Any]:
        try:
            reply = printable_all(wire.loads(line))
        except ValueError as error:
            reason = printable(str(error), 80)
            raise ProtocolError(f"{self._spec} broke the protocol: a line that is no answer ({reason})") from error
        if not (isinstance(reply, dict) and reply.get("id") == identifier and ("value" in reply or "error" in reply)):
            where = _at(operands, 0)
            raise ProtocolError(f"{self._spec} broke the protocol: a line that answers nothing that was asked {where}")
        return reply

    def _position(self, operands: Any) -> int | None:
        """Return at which of several sums the worker says that it is; None where it says no such thing.

        The page is read and never mapped: it cannot be taken from under this process.
        """
        count = len(operands[0]) if _is_batch(operands) else 0
        data = os.pread(self._progress, _POSITION.size, 0)
        position: int = _POSITION.unpack(data)[0] if len(data) == _POSITION.size else -1
        return position if 0 <= position < count else None

    def _died(self, operands: Any) -> SubjectCrashedError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        how = self._breach or self._overflow() or _ending(self._process.returncode)
        where = _at(operands, self._position(operands) or 0)
        last = printable(self.complained.text[-300:].strip(), 300)
        return SubjectCrashedError(f"{self._spec} {how} {where}".rstrip() + (f"; it wrote: {last}" if last else ""))

    def _overflow(self) -> str:
        """Return that the kernel ended the worker for its memory, or ""."""
        limit = self._limits.memory_bytes / GIBIBYTE
        return f"took all of its memory (limit {limit:.1f} GiB) and was ended" if self._group.overflowed else ""

    def _watch(self) -> None:
        """End the worker when it and its children take too much."""
        while not self._closed and self._process.poll() is None:
            self._breach = self._excess()
            if self._breach:
                self._kill()
                return
            time.sleep(_TICK)

    def _excess(self) -> str:
        """Return what the worker and its children take too much of, or ""."""
        limits = self._limits
        alive = processes.descendants(self._process.pid)
        if len(alive) > limits.processes:
            return f"started {len(alive)} processes (limit {limits.processes}) and was ended"
        threads = sum(map(processes.threads_of, alive))
        if threads > limits.threads:
            return f"started {threads} threads (limit {limits.threads}) and was ended"
        taken = processes.memory_of(alive)
        if taken > limits.memory_bytes:
            limit = limits.memory_bytes / GIBIBYTE
            return f"took {taken / GIBIBYTE:.1f} GiB of memory (limit {limit:.1f} GiB) and was ended"
        if processes.folder_bytes(self._folder.path, MOST_FILES) > limits.file_bytes:
            limit = limits.file_bytes / MEBIBYTE
            return f"wrote more to its scratch folder than can be (limit {limit:.0f} MiB) and was ended"
        files = sum(processes.files_of(alive[2:], folder) for folder in self._in_memory)
        return f"made {files} files (limit {MOST_FILES}) and was ended" if files > MOST_FILES else ""

    def _kill(self) -> None:
        """Ask the warden to end everything; what still lives then is killed."""
        alive = processes.descendants(self._process.pid)
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        give_up = time.monotonic() + _PATIENCE
        while (left := processes.living(alive)) and time.monotonic() < give_up:
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(_TICK / 10)
        self._process.kill()
        self._process.wait()


def _sealed_page() -> int:
    """Return a page of memory that is shared, and that nobody can make smaller or larger."""
    page = os.memfd_create("progress", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(page, _POSITION.size)
    fcntl.fcntl(page, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return page


def _ending(status: int | None) -> str:
    if status is None:
        return "stopped answering"
    code = -status if status < 0 else status - 128 if status > 128 else 0
    if code:
        with contextlib.suppress(ValueError):
            return f"crashed the interpreter with {signal.Signals(code).name}"
    return f"ended its process with status {status}"


def _is_batch(operands: Any) -> bool:
    return operands is not None and not isinstance(operands[0], int)


def _at(operands: Any, index: int) -> str:
    if operands is None:
        return ""
    a, b = operands
    if not _is_batch(operands):
        return f"at add({a}, {b})"
    index = index if 0 <= index < len(a) else 0
    return f"at add({a[index]}, {b[index]})"
