"""One run from end to end: the suite, the audit and the proof of one subject, and the verdict that they support."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from verify.addition.bounds import failure_rate_bound
from verify.anatomy.audit import audit
from verify.anatomy.counting import parameters
from verify.errors import SubjectCrashedError
from verify.hunt.explain import Counterexample, card
from verify.proof.proving import Proof, is_known_decoder, prove_subject
from verify.subject import DEFAULT_SPEC, Subject, load

SCHEMA = "adder-report/1"
PROVED, NO_COUNTEREXAMPLE, COUNTEREXAMPLE, UNDECIDED = VERDICTS = (
    "PROVED",
    "NO COUNTEREXAMPLE",
    "COUNTEREXAMPLE",
    "UNDECIDED",
)
UNIFORM_PAIRS = 10_000  # what a leaderboard draws; a report says how many cases of a stratum are expected among them
UNIFORM = "uniform"  # the stratum whose cases bound the failure rate of uniform operands
_STDERR = 2
HEEDED_BY_PYTEST = ("ADDER_SUBMISSION", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")  # what would change which suite is run
SHOWN_REASONS = 3  # of a family, why claims failed or were skipped
PACKAGES = ("torch", "numpy", "hypothesis", "pytest")


@dataclass(frozen=True)
class Options:
    """What a run is told.

    Attributes:
        method: the way of decoding, for subjects that offer several.
        sandbox: the rung of isolation that is demanded, or "auto".
        profile: how long to look, see `verify.judge.profiles`; None for the default.
        budget: seconds for the hunt through the strata, or None for the profile's.
        seed: of Hypothesis and of the batches.
    """

    method: str | None = None
    sandbox: str = "auto"
    profile: str | None = None
    budget: float | None = None
    seed: int = 0


def judge(spec: str | None, options: Options) -> dict[str, Any]:
    """Return the verdict on a subject, by the keys of schema adder-report/1; progress goes to stderr.

    Raises:
        VerifyError: the subject is no adder, or could not be run to an end.
    """
    begin = time.monotonic()
    named = spec or DEFAULT_SPEC
    known_decoder = is_known_decoder(named)
    with _loaded(named, options) as subject:
        evidence = run_suite(named, options)
        _check_same(subject, evidence["subject"])
        checks = audit(subject)
        counts = parameters(subject)
        proof = prove_subject(subject, known_decoder=known_decoder)
    return _report(evidence, checks, counts, proof, options) | {"seconds": round(time.monotonic() - begin, 1)}


def gather(options: Options) -> dict[str, dict[str, Any]]:
    """Return the evidence of reports on our own model by file name: the verdict, its proof, its anatomy.

    Raises:
        VerifyError: see `judge`.
    """
    report = judge(DEFAULT_SPEC, options)
    with _loaded(DEFAULT_SPEC, options) as subject:
        anatomy_found = subject.ask("residual_stream")
    found = {"correctness.json": report, "chains.json": chains_of(report)}
    found |= {} if "refused" in anatomy_found else {"anatomy.json": anatomy_found}
    return found if report["proof"] is None else found | {"proof.json": report["proof"]["certificate"]}


def chains_of(report: dict[str, Any]) -> dict[str, Any]:
    """Return where a run laid carry chains, as evidence of schema adder-chains/1."""
    return {"schema": "adder-chains/1", "rows": report["chains"]}


def undecided(spec: str | None, error: Exception) -> dict[str, Any]:
    """Return the report on a subject that could not be judged."""
    named = spec or DEFAULT_SPEC
    nothing = {"cases": 0, "failures": 0, "strata": [], "chains": [], "families": [], "audit": [], "seconds": 0.0}
    absent = dict.fromkeys(["counterexample", "failure_rate_bound_95", "proof"])
    counts: dict[str, Any] = {
        "declared": None,
        "counted": None,
        "unique": None,
        "buffers": None,
        "dead": None,
        "notes": [],
    }
    return {
        "schema": SCHEMA,
        "subject": {"spec": named, "name": named, "author": "", "sha256": ""},
        "verdict": UNDECIDED,
        "reason": str(error),
        "parameters": counts,
        "environment": environment(),
        **nothing,
        **absent,
    }


def run_suite(spec: str, options: Options) -> dict[str, Any]:
    """Return the evidence of the whole suite, run in a process of its own, whose output goes to stderr.

    Raises:
        VerifyError: the suite came to no end.
    """
    with tempfile.TemporaryDirectory() as folder:
        evidence = Path(folder) / "evidence.json"
        settings = {name: value for name, value in os.environ.items() if name not in HEEDED_BY_PYTEST}
        command = _command(spec, options, evidence)
        run = subprocess.run(command, stdout=_STDERR, env=settings, check=False)  # noqa: S603 - our own
        if run.returncode not in (0, 1) or not evidence.is_file():
            raise SubjectCrashedError(
                f"the suite ended with status {run.returncode} before it was through; what it printed says why"
            )
        found: dict[str, Any] = json.loads(evidence.read_text())
        return found


def _check_same(subject: Subject, verified: dict[str, Any] | None) -> None:
    """Check that the suite ran on the subject that is audited and proved, to the byte of its source.

    Raises:
        SubjectCrashedError: it did not.
    """
    ran = None if verified is None else (verified["spec"], verified["sha256"], verified["method"])
    if ran != (subject.spec, subject.sha256, subject.method):
        raise SubjectCrashedError(
            f"the suite ran on {ran}, and not on {subject.spec}: the file changed meanwhile; run again"
        )


def _command(spec: str, options: Options, evidence: Path) -> list[str]:
    # The suite finds itself by its installed name, and heeds no settings of the folder that the user stands in.
    settings = evidence.with_name("pytest.ini")
    settings.write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "--pyargs", "verify", "-q", "--no-header", "--tb=short", "--color=no"]
    command += [f"--config-file={settings}", f"--rootdir={settings.parent}", "-pno:cacheprovider"]
    command += [f"--evidence={evidence}", f"--sandbox={options.sandbox}", f"--hypothesis-seed={options.seed}"]
    chosen = {
        "submission": spec,
        "method": options.method,
        "hypothesis-profile": options.profile,
        "budget": options.budget,
    }
    return command + [f"--{name}={value}" for name, value in chosen.items() if value is not None]


@contextmanager
def _loaded(spec: str, options: Options) -> Iterator[Subject]:
    subject = load(spec, method=options.method, sandbox=options.sandbox)  # type: ignore[arg-type]
    try:
        yield subject
    finally:
        subject.close()


def _report(
    evidence: dict[str, Any],
    checks: list[dict[str, str]],
    counts: dict[str, Any],
    proof: Proof,
    options: Options,
) -> dict[str, Any]:
    strata = [_stratum(found) for found in evidence["strata"]]
    families = [_family(found) for found in evidence["families"]]
    uniform = next((row for row in strata if row["name"] == UNIFORM and row["cases"]), None)
    bound = None if uniform is None else failure_rate_bound(uniform["failures"], uniform["cases"])
    verdict, reason = _decide(evidence, families, bound, proof)
    return {
        "schema": SCHEMA,
        "subject": evidence["subject"],
        "verdict": verdict,
        "reason": reason,
        "counterexample": _with_card(evidence["counterexample"]),
        "cases": evidence["cases"],
        "failures": evidence["failures"],
        "failure_rate_bound_95": bound,
        "strata": strata,
        "chains": evidence["chains"],
        "families": families,
        "parameters": counts,
        "audit": checks,
        "proof": proof.as_json(),
        "environment": environment() | {"seed": options.seed, "run": evidence["run"]},
    }


def _decide(
    evidence: dict[str, Any], families: list[dict[str, Any]], bound: float | None, proof: Proof
) -> tuple[str, str]:
    """Return the verdict and the one sentence that it rests on."""
    wrong, failed = evidence["counterexample"], [row["name"] for row in families if row["failed"]]
    if wrong is not None:
        return COUNTEREXAMPLE, f"{wrong['call']}={wrong['got']}, but should be {wrong['expected']} [{wrong['reason']}]"
    if failed:
        first = next(row["reason"] for row in families if row["failed"])
        return COUNTEREXAMPLE, f"claims fail in {', '.join(failed)}, the first: {first}"
    if proof.accepted:
        return PROVED, proof.reason
    rate = "" if bound is None else f"; at 95 % confidence at most {bound:.3g} of uniform pairs fail"
    return NO_COUNTEREXAMPLE, f"in {evidence['cases']:,} cases{rate}. No proof: {proof.reason}"


def _stratum(found: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "cases", "failures", "sentence", "family", "exhaustive", "complete")
    bound = failure_rate_bound(found["failures"], found["cases"]) if found["cases"] else None
    return {name: found[name] for name in names} | {
        "failure_rate_bound_95": None if found["exhaustive"] else bound,
        "uniform_expected": None if found["share"] is None else found["share"] * UNIFORM_PAIRS,
    }


def _family(found: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "passed", "failed", "skipped", "seconds")
    reasons = found["reasons"][:SHOWN_REASONS]
    rest = len(found["reasons"]) - len(reasons)
    return {name: found[name] for name in names} | {"reason": "; ".join(reasons + [f"and {rest} more"] * (rest > 0))}


def _with_card(found: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if found is None else found | {"card": card(Counterexample.from_json(found))}


def environment() -> dict[str, Any]:
    """Return what the run depends on: versions, the machine, how many threads it may use."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"python": platform.python_version(), "machine": platform.machine(), "cores": threads} | versions
