"""Many subjects, each judged by a process of its own, so that none of them can hang, kill or mislead the others' runs.

What is finished is kept in the file that ``--json`` names, after each subject, and the same command goes on from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from verify import ends, interpreters
from verify.errors import EvidenceError, VerifyError
from verify.files import Scratch, write_json
from verify.judge.run import SCHEMA, undecided
from verify.judge.session import Options
from verify.made import commit, made, version
from verify.subject import loading
from verify.text import printable

BOARD = "adder-board/1"  # the schema of the file of results
WORST_FIRST = (130, 1, 3, 2, 4)  # exit statuses of a run over many subjects
_ERROR = "adder-verify: error: "
_NO_SUBJECTS = {"__pycache__", ".hypothesis", ".git", ".json", ".html", ".md", ".txt", ".log"}


@dataclass
class Board:
    """Judges many subjects.

    Attributes:
        options: of each run; their ``spec`` is not heeded.
        jobs: how many at once.
        results: the file in which finished reports are kept, or None.
        listen: told a line when a subject is finished.
        running: the processes that are under way.
    """

    options: Options
    jobs: int = 1
    results: Path | None = None
    listen: Callable[[str], None] = lambda _: None
    running: set[Any] = field(default_factory=set)
    _others: list[dict[str, Any]] = field(default_factory=list)
    _files: frozenset[Path] = frozenset()
    _is_over: bool = False

    def judge(self, specs: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
        """Return the reports, in the order of the subjects, and the exit status that says the worst of them.

        Raises:
            EvidenceError: the file of results holds something else.
        """
        specs = list(dict.fromkeys(specs))
        self._files = frozenset(filter(None, map(_file, specs)))
        finished = self._finished(specs)
        statuses = {spec: int(report["environment"]["run"]["status"]) for spec, report in finished.items()}
        pool, tasks = ThreadPoolExecutor(self.jobs), dict[Future[Any], str]()
        try:
            with ends.interruptible():
                tasks |= {pool.submit(self._judge, spec): spec for spec in specs if spec not in finished}
                for task in as_completed(tasks):
                    spec, (report, statuses[spec]) = tasks[task], task.result()
                    finished[spec] = report
                    self._keep([finished[each] for each in specs if each in finished])
                    self.listen(f"{spec}: {report['sums']['verdict']}, {report['nature']['verdict']}")
        except KeyboardInterrupt:
            statuses[""] = 130
        finally:
            self._is_over = True
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(self.running):
                process.terminate()
            pool.shutdown()
        for task, spec in tasks.items():  # what an interruption cut short has written down what it had found
            if spec not in finished and task.done() and not task.cancelled() and task.exception() is None:
                finished[spec], statuses[spec] = task.result()
        reports = [finished[spec] for spec in specs if spec in finished]
        if "" in statuses:
            self._keep(reports)
        return reports, next((status for status in WORST_FIRST if status in statuses.values()), 0)

    def _judge(self, spec: str) -> tuple[dict[str, Any], int]:
        """Return the report on one subject and the exit status of its run, both from a process of its own."""
        before = content(spec, self._files)
        with Scratch() as folder:
            result = folder / "report.json"
            command = interpreters.python_module("verify", "run", *_words(self.options), f"--json={result}", "--", spec)
            process = interpreters.start(
                command,
                folder=Path.cwd(),
                follows=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            self.running.add(process)
            if self._is_over:  # it began as the others were told to end
                process.terminate()
            try:
                _, said = process.communicate()
            finally:
                self.running.discard(process)
            status = process.returncode
            why = _last_error(said, status)
            report = json.loads(result.read_text()) if result.exists() else undecided(spec, why)
            status = status if status in {0, *WORST_FIRST} else 3
        if content(spec, self._files) != before:
            report, status = undecided(spec, "it was changed while it was judged; run again"), 3
        report["environment"]["run"] |= {"status": status, "content": before}
        return report, status

    def _finished(self, specs: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the reports that an earlier, interrupted run has left, of those subjects that are still the same.

        Another version or commit of the suite judges anew.
        """
        if self.results is None or not self.results.is_file() or not self.results.stat().st_size:
            return {}
        try:
            kept = json.loads(self.results.read_text())
            reports = {BOARD: kept["reports"]}[kept["schema"]]
            known = {report["subject"]["spec"]: report for report in reports if report["schema"] == SCHEMA}
            runs = {
                spec: (report["environment"]["run"], report["environment"]["seed"]) for spec, report in known.items()
            }
        except (ValueError, TypeError, KeyError) as error:
            raise EvidenceError(f"{self.results} holds no reports of a run over many; name another file") from error
        told, suite = self.options.as_json(), {"version": version(), "commit": commit()}
        self._others = [report for spec, report in known.items() if spec not in specs]
        return {
            spec: known[spec]
            for spec in specs
            if spec in known
            and (run := runs[spec][0]).get("status") in {0, 1, 4}
            and run.get("content") == content(spec, self._files)
            and {name: run.get(name) for name in told} == told
            and self.options.seed in {None, runs[spec][1]}
            and {name: (known[spec].get("made") or {}).get(name) for name in suite} == suite
        }

    def _keep(self, reports: list[dict[str, Any]]) -> None:
        """Keep what is finished, and what the file held of others; a file that fails costs no finished work."""
        if self.results is not None:
            try:
                write_json(self.results, as_json([*reports, *self._others]))
            except OSError as error:
                self.listen(f"{self.results} cannot be written: {error}")


def as_json(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the reports of many subjects as evidence of schema adder-board/1."""
    return {"schema": BOARD, "made": made(), "reports": reports}


def _words(options: Options) -> Iterator[str]:
    """Yield the arguments that tell a command what a run is told."""
    yield from (
        f"--sandbox={options.sandbox}",
        f"--profile={options.profile}",
    )
    yield f"--call-seconds={options.call_seconds!r}"
    if options.digits is not None:
        yield f"--digits={options.digits}"
    if options.rules.spec:
        yield f"--rules={options.rules.spec}"
    if options.seed is not None:
        yield f"--seed={options.seed}"
    if options.budget is not None:
        yield f"--budget={options.budget!r}"
    if options.method is not None:
        yield f"--method={options.method}"


def content(spec: str, others: frozenset[Path] = frozenset()) -> str:
    """Return what tells whether a subject is still the same: the digests of it and of what it may read beside it.

    Of a folder that holds several subjects the Python files and checkpoints count, and not the results of a run; one of
    ``others``, the files of the other subjects, counts only where its name stands in what counts. Times do not matter,
    since a fresh checkout has other ones.
    """
    with contextlib.suppress(VerifyError, OSError):
        location = loading.locate(spec)
        own = {location.path.resolve()} if location.path else set()
        beside = {
            file.resolve(): str(file.relative_to(top))
            for top in location.readable
            for file in (top.rglob("*") if top.is_dir() else [top])
            if file.is_file() and not _NO_SUBJECTS & {*file.parts, file.suffix}
        }
        counted = _named(own, {*beside}, others - own)
        seen = sorted(f"{beside[file]}:{_digest(file, _stamp(file))}" for file in counted)
        return hashlib.sha256("\n".join([location.sha256, *seen]).encode()).hexdigest()
    return ""


def _file(spec: str) -> Path | None:
    with contextlib.suppress(VerifyError, OSError):
        path = loading.locate(spec).path
        return path.resolve() if path else None
    return None


def _named(own: set[Path], beside: set[Path], others: frozenset[Path]) -> set[Path]:
    """Return the files beside a subject without those of other subjects that nothing of the rest names."""
    counted = (beside - others) | (own & beside)
    while True:
        text = "\n".join(file.read_text(errors="replace") for file in counted if file.suffix == ".py")
        more = {file for file in beside - counted if re.search(rf"\b{re.escape(file.stem)}\b", text)}
        if not more:
            return counted
        counted |= more


@cache
def _digest(file: Path, stamp: tuple[int, int]) -> str:  # noqa: ARG001 - a file that was changed is read anew
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _stamp(file: Path) -> tuple[int, int]:
    return file.stat().st_size, file.stat().st_mtime_ns


def _last_error(said: bytes, status: int) -> str:
    lines = [line for line in said.decode(errors="replace").splitlines() if line.startswith(_ERROR)]
    text = lines[-1].removeprefix(_ERROR) if lines else f"its run ended with status {status} and without a report"
    return printable(text, 1000)
