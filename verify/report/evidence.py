"""Evidence: what runs wrote, as versioned JSON that appears whole or not at all, and is checked before it is believed."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from verify.answers import printable
from verify.errors import EvidenceError

JSONObject = dict[str, Any]


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


@dataclass(frozen=True)
class Maybe:
    """A shape that may be missing or null."""

    shape: Any


class Number:
    """The shape of a finite number."""


class Anything:
    """The shape of any value."""


_OUTCOME = {"outcome": str, "mode": str, "ratio": Maybe(str), "errors": Maybe([[str]]), "road": Maybe(str)}

KINDS = {
    "correctness": Kind(
        "correctness.json",
        "adder-report/1",
        "adder-verify run --json reports/data/correctness.json",
        {
            "subject": {"spec": str, "name": str, "author": str, "sha256": str},
            "verdict": str,
            "reason": str,
            "counterexample": Maybe({
                "a": int, "b": int, "expected": int, "got": Anything, "family": Maybe(str), "stratum": Maybe(str),
                "first_wrong_step": Anything, "replay": Maybe(str), "card": Maybe(str),
            }),
            "cases": int,
            "failures": int,
            "failure_rate_bound_95": Maybe(Number),
            "strata": [{
                "name": str, "cases": int, "failures": int, "sentence": Maybe(str), "family": Maybe(str),
                "exhaustive": Maybe(bool), "uniform_expected": Maybe(Number), "failure_rate_bound_95": Maybe(Number),
            }],
            "families": [{
                "name": str, "passed": int, "failed": int, "skipped": int, "reason": Maybe(str),
                "seconds": Maybe(Number),
            }],
            "parameters": {
                "declared": Maybe(int), "counted": Maybe(int), "unique": Maybe(int), "buffers": Maybe(int),
                "dead": Maybe(int), "notes": Anything,
            },
            "audit": [{"check": str, "outcome": str, "detail": str}],
            "proof": Maybe({
                "certificate": Anything, "statement": str, "margin": Anything, "error_bound": Anything,
            }),
            "environment": {},
            "seconds": Number,
        },
    ),
    "anatomy": Kind(
        "anatomy.json",
        "adder-anatomy/1",
        "adder-verify audit --anatomy reports/data/anatomy.json",
        {
            "embeddings": [[Number]],
            "transitions": [{
                "pair": int, "state": int, "target": int, "chosen": int, "logits": [Number], "margin": Number,
                "embedded": [Number], "attended": [Number], "final": [Number],
            }],
            "sum": {"a": int, "b": int, "steps": [{"pair": int, "state": int}]},
            "budget": [{"name": str, "shape": [int], "count": int, "nonzero": int, "dead": int, "needed": int}],
        },
    ),
    "proof": Kind(
        "proof.json",
        "adder-certificate/1",
        "adder-verify prove --out reports/data/proof.json",
        {
            "verdict": str,
            "reason": str,
            "statement": str,
            "assumptions": [{"name": str, "text": str}],
            "digest": str,
            "precisions": [{
                "precision": str,
                "margin": Maybe(str),
                "machine": Maybe([[int]]),
                "transitions": [{"pair": int, "state": int, "logits": [[str]]}],
                "modes": [_OUTCOME],
            }],
        },
    ),
    "chains": Kind(
        "chains.json",
        "adder-chains/1",
        "adder-verify run --json reports/data/correctness.json",
        {"rows": [{"base": int, "start": int, "length": int, "cases": int, "failures": int}]},
    ),
    "kill_matrix": Kind(
        "kill_matrix.json",
        "adder-kill-matrix/1",
        "pytest tests/test_mutants.py --kill-matrix reports/data/kill_matrix.json",
        {"families": [str], "mutants": [{"name": str, "kills": [str], "named": Maybe(str)}]},
    ),
    "throughput": Kind(
        "throughput.json",
        "adder-benchmark/1",
        "tox -e bench",
        {
            "rows": [{
                "path": str, "kind": str, "batch": int, "pairs_per_second": Number, "quartiles": Maybe([Number]),
                "reference_ratio": Maybe(Number), "floor_ratio": Maybe(Number), "bytes_per_pair": Maybe(Number),
                "threads": Maybe(int),
            }],
            "environment": Maybe({}),
        },
    ),
    "solver": Kind(
        "solver.json",
        "adder-solver/1",
        "python -m benchmarks.seeds",
        {
            "rows": [{
                "solver": str, "seed": int, "declared": bool, "solved": bool, "seconds": Number, "steps": Maybe(int),
                "margin": Number,
            }],
            "environment": Maybe({}),
        },
    ),
}  # fmt: skip

VERDICTS = ("PROVED", "NO COUNTEREXAMPLE", "UNDECIDED", "COUNTEREXAMPLE")


@dataclass(frozen=True)
class Evidence:
    """All that is known of one subject; None where a kind was not gathered."""

    correctness: JSONObject | None = None
    anatomy: JSONObject | None = None
    proof: JSONObject | None = None
    chains: JSONObject | None = None
    kill_matrix: JSONObject | None = None
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


def write(path: Path, value: JSONObject) -> None:
    """Write JSON with sorted keys to a file that appears whole or not at all.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=True) + "\n"
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Write a text to a file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def read(path: Path, kind: str) -> JSONObject:
    """Return one file of evidence.

    Raises:
        EvidenceError: it cannot be read, is no JSON, is of an unknown version, or lacks something.
    """
    try:
        value = json.loads(path.read_text("utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read: {error.strerror}; {_remedy(kind)}") from error
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
        raise EvidenceError(f"{where} is {_shown(value)}, but should be an object; {_remedy(kind)}")
    if value.get("schema") != expected:
        found = _shown(value.get("schema"))
        raise EvidenceError(f"{where} is of schema {found}, but only {expected!r} is understood; {_remedy(kind)}")
    wrong = _mismatch(value, KINDS[kind].shape, "")
    if kind == "correctness" and wrong is None and value["verdict"] not in VERDICTS:
        wrong = f".verdict is {_shown(value['verdict'])}, but should be one of {', '.join(VERDICTS)}"
    if wrong is not None:
        raise EvidenceError(f"{where}: {wrong.removeprefix('.')}; {_remedy(kind)}")


def _mismatch(value: Any, shape: Any, where: str) -> str | None:
    """Return the first place where a value has not its shape, None where it has."""
    if isinstance(shape, Maybe):
        return None if value is None else _mismatch(value, shape.shape, where)
    if isinstance(shape, dict):
        return _object_mismatch(value, shape, where)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is {_shown(value)}, but should be a list"
        found = (_mismatch(item, shape[0], f"{where}[{index}]") for index, item in enumerate(value))
        return next((wrong for wrong in found if wrong is not None), None)
    if _is(value, shape):
        return None
    return f"{where} is {_shown(value)}, but should be {_WORDS[shape]}"


def _object_mismatch(value: Any, shape: JSONObject, where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where} is {_shown(value)}, but should be an object"
    for key, inner in shape.items():
        if key not in value and not isinstance(inner, Maybe) and inner is not Anything:
            return f"{where}.{key} is missing"
        wrong = _mismatch(value.get(key), inner, f"{where}.{key}")
        if wrong is not None:
            return wrong
    return None


_WORDS = {str: "text", int: "an integer", bool: "true or false", Number: "a finite number"}


def _is(value: Any, shape: Any) -> bool:
    if shape is Anything:
        return True
    if shape is Number:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    return type(value) is shape


def _shown(value: object) -> str:
    return printable("missing" if value is None else repr(value), 60)


def _remedy(kind: str) -> str:
    return f"make it again with `{KINDS[kind].command}`"


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
