"""What a run of the suite found, as plain values: the recorder that the plugin feeds and ``--evidence`` writes.

Everything arrives with pytest's reports, as user properties, so that it is the same with one process and with many.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.files import write_json

if TYPE_CHECKING:
    import pytest

    from verify.subject import Subject

SCHEMA = "adder-evidence/2"

SUMS, NATURE = "sums", "nature"  # the two questions, and the markers of the claims that belong to them

# Names of the user properties by which a claim reports what it found.
FAMILY = "adder.family"
QUESTION = "adder.question"  # (SUMS or NATURE, what a failure means for the nature, of which rule)
SUBJECT = "adder.subject"
STRATUM = "adder.stratum"
COUNTEREXAMPLE = "adder.counterexample"
MARGIN = "adder.margin"
LOST = "adder.lost"  # why a claim came to no end


@dataclass
class Family:
    """How the claims of one family fared.

    Attributes:
        name: of the family.
        question: that most of its claims belong to.
        passed, failed, skipped, xfailed: how many claims did.
        lost: how many came to no end, since the subject was lost or the time spent.
        failures, losses, skips: why, each reason once.
        seconds: that they took.
    """

    name: str
    question: str = SUMS
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    xfailed: int = 0
    lost: int = 0
    failures: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def reasons(self) -> list[str]:
        """Why the worst of the claims that did not hold did not: a failure outweighs a loss, and that a skip."""
        return self.failures or self.losses or self.skips


@dataclass
class Recorder:
    """What a run found.

    Attributes:
        run: what the run was told: profile, seed, cases, budget, stratum.
        subject: spec, name, author, sha256, isolation, method and declared parameters, once it was loaded.
        families: by name.
        strata: what `verify.hunt.batches.describe` says, by name, in the order they were searched.
        counterexamples: the cards, in the order they were found; see `verify.hunt.explain.Counterexample`.
        margins: by type of number, the smallest margin and the distance of numbers next to the largest logit.
        observations: of claims that failed without a wrong sum, {"rule", "outcome", "observation", "family"}.
        errors: what went wrong outside the claims themselves: a fixture that failed.
    """

    run: dict[str, Any] = field(default_factory=dict)
    subject: dict[str, Any] | None = None
    families: dict[str, Family] = field(default_factory=dict)
    strata: dict[str, dict[str, Any]] = field(default_factory=dict)
    counterexamples: list[dict[str, Any]] = field(default_factory=list)
    margins: list[dict[str, Any]] = field(default_factory=list)
    observations: list[dict[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    begin: float = field(default_factory=time.time)

    def take(self, report: pytest.TestReport) -> None:
        """Take in the report of one phase of one test; one that is no claim of the suite changes nothing."""
        properties: dict[str, Any] = dict(report.user_properties)
        if FAMILY not in properties:
            return
        name = str(properties[FAMILY])
        record = self.families.setdefault(name, Family(name, properties[QUESTION][0]))
        record.seconds = round(record.seconds + report.duration, 3)
        self._count(record, report, properties)
        if report.when == "call":
            self.subject = properties.get(SUBJECT, self.subject)
            self.strata.update({found["name"]: found for found in report_values(report, STRATUM)})
            self.margins.extend(report_values(report, MARGIN))
            self.counterexamples.extend(report_values(report, COUNTEREXAMPLE))

    def as_json(self) -> dict[str, Any]:
        """Return the evidence as values that JSON knows."""
        return {
            "schema": SCHEMA,
            "subject": self.subject,
            "run": self.run,
            "cases": sum(record["cases"] for record in self.strata.values()),
            "failures": sum(record["failures"] for record in self.strata.values()),
            "families": [asdict(family) | {"reasons": family.reasons} for family in self.families.values()],
            "strata": [{key: record[key] for key in record if key != "chains"} for record in self.strata.values()],
            "chains": self.chains(),
            "margins": self.margins,
            "counterexample": self.smallest(),
            "counterexamples": self.counterexamples,
            "observations": self.observations,
            "errors": self.errors,
            "seconds": round(time.time() - self.begin, 3),
        }

    def smallest(self) -> dict[str, Any] | None:
        """Return the counterexample with the smallest operands, of equals one that a stratum counted; or None."""
        return min(
            self.counterexamples,
            key=lambda found: (found["a"] + found["b"], found["a"], found["stratum"] is None),
            default=None,
        )

    def chains(self) -> list[dict[str, int]]:
        """Return where carry chains were laid, and how many of them were added wrongly."""
        names = ("base", "start", "length", "cases", "failures")
        laid = Counter[tuple[int, ...]]()
        failed = Counter[tuple[int, ...]]()
        for record in self.strata.values():
            for *where, cases, failures in record["chains"]:
                laid[tuple(where)] += cases
                failed[tuple(where)] += failures
        return [dict(zip(names, (*where, laid[where], failed[where]), strict=True)) for where in sorted(laid)]

    def write(self, path: Path) -> None:
        """Write the evidence: the file appears whole or not at all."""
        write_json(path, self.as_json())

    def _count(self, record: Family, report: pytest.TestReport, properties: dict[str, Any]) -> None:
        if hasattr(report, "wasxfail"):
            record.xfailed += 1
            _add_once(record.skips, f"known failure: {report.wasxfail}")
        elif report.skipped:
            record.skipped += 1
            _add_once(record.skips, _skip_reason(report))
        elif report.failed and LOST in properties:
            record.lost += 1
            _add_once(record.losses, str(properties[LOST]))
        elif report.failed:
            record.failed += 1
            _add_once(record.failures, _first_line(report))
            self._observe(record, report, properties[QUESTION])
        elif report.when == "call":
            record.passed += 1

    def _observe(self, record: Family, report: pytest.TestReport, question: tuple[str, str, str]) -> None:
        """Keep what a failure says that is not about a sum: of the nature, or of the suite itself."""
        if report.when != "call":
            _add_once(self.errors, _first_line(report))
        if question[0] == NATURE:
            _, _, text = _first_line(report).partition(": ")
            _, _, text = text.partition("Error: ") if "Error: " in text[:80] else ("", "", text)
            row = {"rule": question[2], "outcome": question[1], "observation": text, "family": record.name}
            self.observations.append(row)


def rule_of(test: str) -> str:
    """Return the name of a test in words.

    >>> rule_of("test_twice_the_same[1-9]")
    'twice the same [1-9]'
    """
    return test.removeprefix("test_").replace("_", " ").replace("[", " [")


def describe(subject: Subject) -> dict[str, Any]:
    """Return what identifies a subject, as plain values."""
    names = ("spec", "name", "author", "sha256", "isolation", "method", "declared_parameters", "batching", "findings")
    return {name: getattr(subject, name) for name in names} | {"abilities": sorted(subject.abilities)}


def report_values(report: pytest.TestReport, name: str) -> list[Any]:
    """Return the values of a report's user properties of a name."""
    return [value for found, value in report.user_properties if found == name]


def _add_once(reasons: list[str], reason: str) -> None:
    if reason not in reasons:
        reasons.append(reason)


def _skip_reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(text).removeprefix("Skipped: ")


def _first_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else report.longreprtext
    return f"{report.nodeid.rpartition('/')[2]}: {text.splitlines()[0] if text else 'failed'}"
