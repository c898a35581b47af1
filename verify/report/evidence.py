"""Evidence: what runs wrote, as versioned JSON; it appears whole or not at all, and is checked when it is read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from verify.errors import EvidenceError
from verify.files import read_bytes
from verify.report.shapes import (
    Anything,
    Count,
    Decimals,
    Exactly,
    Maybe,
    Number,
    OneOf,
    Positive,
    Token,
    Whole,
    mismatch,
    shown,
)
from verify.text import printable

JSONObject = dict[str, Any]
LARGEST = 1 << 28  # bytes of a file of evidence


@dataclass(frozen=True)
class Kind:
    """One kind of evidence.

    Attributes:
        file: its name in the folder of evidence.
        schema: the version that is understood.
        command: makes it, and makes it again.
        shape: what it must hold, see `check`.
    """

    file: str
    schema: str
    command: str
    shape: JSONObject = field(repr=False)


PROVED, MODEL_PROVED, EXHAUSTIVE = "PROVED", "MODEL PROVED", "EXHAUSTIVE"
NO_COUNTEREXAMPLE, UNDECIDED, COUNTEREXAMPLE = "NO COUNTEREXAMPLE", "UNDECIDED", "COUNTEREXAMPLE"
SUMS = (PROVED, MODEL_PROVED, EXHAUSTIVE, NO_COUNTEREXAMPLE, UNDECIDED, COUNTEREXAMPLE)  # the surest first
THEOREMS = (PROVED, MODEL_PROVED)
AS_DECLARED, SUSPECT, VIOLATED, UNKNOWN = "AS DECLARED", "SUSPECT", "VIOLATED", "UNKNOWN"
NATURE = (AS_DECLARED, UNKNOWN, SUSPECT, VIOLATED)
OUTCOMES = ("ok", "unknown", "suspect", "violated")  # of one rule, the mildest first
STAGE_OUTCOMES = ("done", "cut short", "failed", "not begun")

_CHAINS = [{"base": Count, "start": Count, "length": Count, "cases": Count, "failures": Count}]
_POINT = Exactly(2, Number)
_SPREAD = {"median": Positive, "lower_quartile": Positive, "upper_quartile": Positive}
_MODE = {
    "outcome": str, "mode": str, "road": Maybe(str), "ratio": Maybe(Decimals), "reason": Maybe(str),
    "errors": [Exactly(4, Decimals)],
}  # fmt: skip

_BY_COLUMNS = {
    "graph_sha256": str, "dtype": str, "digits": Count, "cells": Count, "open": Count, "is_checked": bool,
    "pairs": Decimals, "right_at_least": Decimals, "ratio": Maybe(Number), "added": Count, "worst": Maybe(str),
    "assumptions": [{"name": str, "text": str}],
    "steps": [{
        "step": Count, "rank": Count, "cells": Count, "open": Count, "pairs_open": Decimals, "margin": Maybe(Number),
        "ratio": Maybe(Number), "seconds": Number,
    }],
    "drawn": {
        "step": Count, "rank": Count, "tightest": Maybe([Number]),
        "boxes": [{"query": Count, "target": Count, "low": [Number], "high": [Number]}],
    },
}  # fmt: skip

_USED = {
    "name": str, "shape": [Count], "count": Count, "nonzero": Count, "dead": Count, "idle": Count, "needed": Count,
}  # fmt: skip

_PAIR = {
    "a": Whole, "b": Whole, "expected": Whole, "got": Anything, "call": Maybe(str), "reason": Maybe(str),
    "family": Maybe(str), "stratum": Maybe(str), "first_wrong_column": Maybe(Count),
    "first_wrong_step": Anything, "replay": Maybe(str), "card": Maybe(str), "confirmed": bool,
}  # fmt: skip

BOARD = "adder-board/1"  # of a run over several subjects: {"reports": evidence of correctness, one each}
MADE = Maybe({"version": str, "commit": str, "date": str})  # see `verify.made`

KINDS = {
    "correctness": Kind(
        "correctness.json",
        "adder-report/2",
        "adder-verify run --json reports/data/correctness.json",
        {
            "subject": {"spec": str, "name": str, "author": str, "sha256": str},
            "task": Maybe({"digits": Count, "pairs": str}),  # of 10 digits where it is not told
            "width": Maybe(str),
            "sums": {"verdict": OneOf(SUMS), "reason": str},
            "nature": {
                "verdict": OneOf(NATURE),
                "reason": str,
                "rows": [{"rule": str, "outcome": OneOf(OUTCOMES), "observation": str}],
                "rules": Maybe({
                    "name": str, "source": str, "digits": Maybe(Count), "count": str, "must": Maybe([str]),
                    "allowed": {},
                }),
            },
            "disagreement": Maybe(str),
            "counterexample": Maybe(_PAIR),
            "cases": Count,
            "failures": Count,
            "failure_rates": [{
                "of": str, "cases": Count, "failures": Count, "bound_95": Maybe(Number), "estimate": Maybe(Number),
                "interval_95": Maybe(Exactly(2, Number)),
            }],
            "strata": [{
                "name": str, "cases": Count, "failures": Count, "sentence": Maybe(str), "family": Maybe(str),
                "complete": Maybe(bool), "cut": Maybe(str),
                "uniform_expected": Maybe(Number), "failure_rate_bound_95": Maybe(Number),
            }],
            "chains": Maybe(_CHAINS),
            "families": [{
                "name": str, "question": OneOf(("sums", "nature")), "passed": Count, "failed": Count,
                "skipped": Count, "lost": Count, "reason": Maybe(str), "seconds": Maybe(Number),
            }],
            "stages": [{
                "name": str, "outcome": OneOf(STAGE_OUTCOMES), "detail": Maybe(str), "seconds": Maybe(Number),
            }],
            "go_on": Maybe(str),
            "parameters": {
                "declared": Maybe(Count), "counted": Maybe(Count), "unique": Maybe(Count), "buffers": Maybe(Count),
                "dead": Maybe(Count), "notes": Anything, "copies": Maybe(Count), "nonzero": Maybe(Count),
                "freedom": Maybe(Count), "needed_outside": Maybe(Count), "tensors": Maybe([_USED]),
                "outside": Maybe([_USED]),
            },
            "proof": Maybe({
                "certificate": Anything, "statement": Maybe(str), "margin": Anything, "error_bound": Anything,
                "accepted": bool, "reason": Maybe(str), "verdict": Maybe(str), "columns": Maybe(_BY_COLUMNS),
                "checkers": Maybe([{"name": str, "version": str, "seconds": Maybe(Number), "rejected": Maybe(str)}]),
            }),
            "environment": {},
            "seconds": Number,
        },
    ),
    "anatomy": Kind(
        "anatomy.json",
        "adder-anatomy/1",
        "adder-verify report",
        {
            "embeddings": Exactly(4, _POINT),
            "transitions": Exactly(16, {
                "pair": Token, "state": Token, "target": Token, "chosen": Token, "logits": Exactly(4, Number),
                "margin": Number, "embedded": _POINT, "attended": _POINT, "final": _POINT,
            }),
            "sum": {"a": Count, "b": Count, "steps": [{"pair": Token, "state": Token}]},
        },
    ),
    "proof": Kind(
        "proof.json",
        "adder-certificate/2",
        "adder-verify prove --out reports/data/proof.json",
        {
            "verdict": str,
            "reason": str,
            "statement": str,
            "assumptions": [{"name": str, "text": str}],
            "digest": str,
            "precisions": [{
                "precision": str,
                "margin": Maybe(Decimals),
                "transitions": [{"pair": Token, "state": Token, "logits": Exactly(4, Exactly(2, Decimals))}],
                "modes": [_MODE],
            }],
        },
    ),
    "chains": Kind(
        "chains.json",
        "adder-chains/1",
        "adder-verify report",
        {"rows": _CHAINS},
    ),
    "kill_matrix": Kind(
        "kill_matrix.json",
        "adder-kill-matrix/1",
        "python -m tests.kill_matrix reports/data/kill_matrix.json",
        {"families": [str], "mutants": [{"name": str, "kills": [str], "named": Maybe(str), "fault": Maybe(str)}]},
    ),
    "bounds": Kind(
        "bounds.json",
        "adder-bounds/1",
        "python -m tests.bound_trial reports/data/bounds.json",
        {"steps": Count, "rows": [{"path": str, "precision": str, "drawn": Number, "climbed": Number}]},
    ),
    "throughput": Kind(
        "throughput.json",
        "adder-benchmark/1",
        "python -m benchmarks.throughput",
        {
            "environment": {},
            "paths": [{
                "path": str, "kind": str, "device": str, "threads": Count, "batch": Positive,
                "pairs_per_second": _SPREAD, "ratio_to_reference": Maybe(_SPREAD), "ratio_to_floor": Maybe(_SPREAD),
                "bytes_per_pair": Maybe({"operands_and_sum": Maybe(Number), "made": Maybe(Number)}),
            }],
            "memory": Maybe([{"path": str, "batch": Count, "batches": Count, "growth_bytes": Maybe(Number)}]),
            "codec": Maybe([{"conversion": str, "batch": Count, "nanoseconds_per_pair": _SPREAD}]),
            "startup": Maybe([{"command": str, "seconds": _SPREAD}]),
        },
    ),
    "solver": Kind(
        "solver.json",
        "adder-solver/1",
        "python -m benchmarks.seeds",
        {
            "rows": [{
                "solver": str, "seed": Count, "declared": bool, "solved": bool, "seconds": Number,
                "steps": Maybe(Count), "margin": Number,
            }],
            "environment": Maybe({}),
        },
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """All that is known of one subject; None where a kind was not gathered."""

    correctness: JSONObject | None = None
    anatomy: JSONObject | None = None
    proof: JSONObject | None = None
    chains: JSONObject | None = None
    kill_matrix: JSONObject | None = None
    bounds: JSONObject | None = None
    throughput: JSONObject | None = None
    solver: JSONObject | None = None

    @classmethod
    def of(cls, **found: JSONObject | None) -> Evidence:
        """Return evidence whose every part was checked.

        Raises:
            EvidenceError: a part is damaged or of an unknown version.
        """
        for name, value in found.items():
            if value is not None:
                check(name, value, name)
        return cls(**found)

    @classmethod
    def load(cls, folder: Path) -> Evidence:
        """Return the evidence that a folder holds.

        Raises:
            EvidenceError: a file is damaged, half-written or of an unknown version; the folder holds no evidence.
        """
        found = {name: read(folder / kind.file, name) for name, kind in KINDS.items() if (folder / kind.file).exists()}
        if not found:
            names = ", ".join(kind.file for kind in KINDS.values())
            raise EvidenceError(f"{folder} holds no evidence; it may hold {names}, and `tox -e report` makes them all")
        return cls(**found)

    def parts(self) -> dict[str, JSONObject]:
        """Return what was gathered, by kind."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if value is not None}


def read(path: Path, kind: str) -> JSONObject:
    """Return one file of evidence.

    Raises:
        EvidenceError: it cannot be read, is no JSON, is of an unknown version, or lacks something.
    """
    try:
        value = json.loads(read_bytes(path, LARGEST).decode(), parse_constant=_refuse_constant)
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read: {error.strerror or error}; {_remedy(kind)}") from error
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{path} is damaged or half-written: {error}; {_remedy(kind)}") from error
    check(kind, value, str(path))
    checked: JSONObject = value
    return checked


def check(kind: str, value: object, where: str) -> None:
    """Check that a value is evidence of a kind.

    Raises:
        EvidenceError: names the place, what is there and what should be.
    """
    expected = KINDS[kind].schema
    if not isinstance(value, dict):
        raise EvidenceError(f"{where} is {shown(value)}, but should be an object; {_remedy(kind)}")
    if kind == "correctness" and value.get("schema") == _OLD_REPORT:
        raise EvidenceError(f"{where} {_OLD_REPORT_IS}, but only {expected!r} is understood; {_anew(value)}")
    if value.get("schema") != expected:
        found = shown(value.get("schema"))
        raise EvidenceError(f"{where} is of schema {found}, but only {expected!r} is understood; {_remedy(kind)}")
    wrong = mismatch(value, KINDS[kind].shape | {"made": MADE})
    if wrong is None and kind in _CHECKS:
        wrong = _CHECKS[kind](value)
    if wrong is not None:
        raise EvidenceError(f"{where}: {wrong}; {_remedy(kind)}")


def is_understood(kind: str, value: object) -> bool:
    """Return whether a value is evidence of a kind, in the version that is understood here."""
    try:
        check(kind, value, kind)
    except EvidenceError:
        return False
    return True


def _check_report(value: JSONObject) -> str | None:
    """Return what in a report contradicts something else in it, or None."""
    rules = (_check_proof, _check_exhaustive, _check_disagreement, _check_pair, _check_rates, _check_nature)
    return next((wrong for rule in rules if (wrong := rule(value)) is not None), None)


def _check_proof(value: JSONObject) -> str | None:
    verdict, proof = value["sums"]["verdict"], value.get("proof")
    if verdict in THEOREMS and not (proof and proof["accepted"]):
        return f"sums.verdict is {verdict}, but there is no proof whose certificate was accepted"
    return None


def _check_exhaustive(value: JSONObject) -> str | None:
    if value["sums"]["verdict"] != EXHAUSTIVE:
        return None
    pairs = 10 ** (2 * digits_of(value))
    found = [row for row in value["strata"] if row.get("complete") and (row["cases"], row["failures"]) == (pairs, 0)]
    return None if found else f"sums.verdict is {EXHAUSTIVE}, but in no stratum were all {pairs:,} pairs asked for"


def digits_of(report: JSONObject) -> int:
    """Return how many digits an operand has of which a report tells."""
    digits: int = (report.get("task") or {"digits": 10})["digits"]
    return digits


def _check_disagreement(value: JSONObject) -> str | None:
    verdict, proof = value["sums"]["verdict"], value.get("proof")
    if not value.get("disagreement"):
        return None
    if verdict != UNDECIDED:
        return f"sums.verdict is {verdict}, but should be {UNDECIDED} where the proof and the run disagree"
    return None if proof else "disagreement is told, but should stand beside a proof"


def _check_pair(value: JSONObject) -> str | None:
    verdict, pair = value["sums"]["verdict"], value.get("counterexample")
    if pair is None:
        return None if verdict != COUNTEREXAMPLE else f"sums.verdict is {verdict}, but counterexample is missing"
    if verdict != COUNTEREXAMPLE and not value.get("disagreement"):
        return f"sums.verdict is {verdict}, but should be {COUNTEREXAMPLE} where there is one"
    if not pair["confirmed"]:
        return "counterexample.confirmed is False, but should be true: a pair that is not confirmed is none"
    if pair["expected"] != pair["a"] + pair["b"]:
        return f"counterexample.expected is {pair['expected']}, but should be {pair['a'] + pair['b']}"
    right = type(pair["got"]) is int and pair["got"] == pair["expected"]
    return f"counterexample.got is {pair['got']}, but that is the sum" if right else None


def _check_rates(value: JSONObject) -> str | None:
    for index, row in enumerate(value["failure_rates"]):
        if row["failures"] > row["cases"]:
            return f"failure_rates[{index}].failures is {row['failures']}, but should be at most {row['cases']}"
        if row["failures"] and (row.get("estimate") is None or row.get("interval_95") is None):
            return f"failure_rates[{index}] has failures, but should have an estimate and its interval_95 as well"
    return None


def _check_nature(value: JSONObject) -> str | None:
    nature = value["nature"]
    found = {row["outcome"] for row in nature["rows"] if is_held(value, row["rule"])}
    worst = VIOLATED if "violated" in found else SUSPECT if "suspect" in found else AS_DECLARED
    if NATURE.index(nature["verdict"]) < NATURE.index(worst):
        return f"nature.verdict is {nature['verdict']}, but should be {worst} by its rows"
    return None


def rules_of(report: JSONObject) -> JSONObject:
    """Return the rules by which a report judges the nature; of the suite's own the name is ""."""
    rules: JSONObject = report["nature"].get("rules") or {"name": "", "source": "", "count": "counted", "allowed": {}}
    return rules


def is_held(report: JSONObject, rule: str) -> bool:
    """Return whether a row counts for the verdict, by a report's rules."""
    rules = rules_of(report)
    is_allowed = any(isinstance(rows, list) and rule in rows for rows in rules["allowed"].values())
    return not is_allowed and (rules.get("must") is None or rule in rules["must"])


def _check_contexts(value: JSONObject) -> str | None:
    contexts = {(row["pair"], row["state"]) for row in value["transitions"]}
    return None if len(contexts) == 16 else f"transitions hold {len(contexts)} contexts, but should hold 16"


_CHECKS: dict[str, Callable[[JSONObject], str | None]] = {"correctness": _check_report, "anatomy": _check_contexts}
_OLD_REPORT = "adder-report/1"
_OLD_REPORT_IS = f"is of schema {_OLD_REPORT!r}, of a time when sums and nature had one verdict together"


def _remedy(kind: str) -> str:
    return f"make it again with `{KINDS[kind].command}`"


def _anew(report: JSONObject) -> str:
    """Return the command that judges the subject of an old report anew."""
    subject = report.get("subject")
    spec = subject.get("spec") if isinstance(subject, dict) else None
    named = shlex.quote(printable(spec)) if isinstance(spec, str) else "SUBJECT"
    return f"make it again with `adder-verify run {named} --json FILE`"


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
