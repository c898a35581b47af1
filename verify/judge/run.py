"""One run from end to end: the claims, the audit and the proof of one subject, and the two verdicts they support."""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

from verify import ends
from verify.addition.bounds import failure_rate
from verify.addition.task import TEN, Task
from verify.errors import VerifyError
from verify.hunt.explain import Counterexample, card, explain
from verify.hunt.search import UNIFORM
from verify.judge import verdicts
from verify.judge.recorder import SUMS
from verify.judge.session import Options, Session
from verify.judge.suite import run_claims
from verify.judge.width import width_answered
from verify.made import made
from verify.subject import DEFAULT_SPEC
from verify.text import one_in, plural

if TYPE_CHECKING:
    from verify.judge.recorder import Family
    from verify.proof.conclusion import Proof

SCHEMA = "adder-report/2"
UNIFORM_PAIRS = 10_000  # what a leaderboard draws; a report says how many cases of a stratum are expected among them
SHOWN_REASONS = 3  # of a family
PACKAGES = ("torch", "numpy", "hypothesis", "pytest")
WAYS = {"teacher forcing": "its forward, in batches"}  # how sums were had, in the words of a report
LONGER = 10  # times the budget that was too short


@dataclass(frozen=True)
class Run:
    """What a run came to.

    Attributes:
        report: by the keys of schema adder-report/2.
        interrupted: whether it was ended from outside; the report then holds what was found until then.
    """

    report: dict[str, Any]
    interrupted: bool = False

    @property
    def exit_status(self) -> int:
        """0 sums unrefuted and nothing violated, 1 counterexample, 3 undecided, 4 unrefuted but violated, 130."""
        if self.interrupted:
            return 130
        return verdicts.exit_status(self.report["sums"]["verdict"], self.report["nature"]["verdict"])


def judge(
    options: Options,
    *,
    listen: Callable[[Session], None] = lambda _: None,
    keep: Callable[[dict[str, Any]], None] = lambda _: None,
    verbose: bool = False,
) -> Run:
    """Return what a run on a subject came to.

    Args:
        options: what the run is told.
        listen: told of each stage, and of the first confirmed counterexample.
        keep: given the report as far as it is as soon as a counterexample is confirmed, to be kept whatever comes.
        verbose: whether pytest's own output goes to stderr.

    Raises:
        VerifyError: the subject is no adder, or the suite came to no end before anything was found.
    """
    kept = False

    def hear(session: Session) -> None:
        nonlocal kept
        if session.confirmed is not None and not kept:
            kept = True
            keep(_report(session, interrupted=True))
        listen(session)

    session = Session(options, judging=True, listen=hear)
    with contextlib.closing(session):
        with ends.interruptible():
            session.subject  # noqa: B018 - what is no adder is told before anything else
        interrupted = True
        try:
            with ends.interruptible():
                session.take_first_answers()
                interrupted = run_claims(session, verbose=verbose)
                if session.smoke_failed:
                    session.width = width_answered(session.subject)
        except KeyboardInterrupt:
            interrupted = True
        except VerifyError:
            if session.confirmed is None:
                raise
        try:
            with ends.interruptible():
                if not interrupted or session.confirmed is None:  # a wrong sum that was seen is worth the while
                    session.conclude()
                session.enter("report")
                return Run(_report(session, interrupted=interrupted), interrupted)
        except KeyboardInterrupt:
            return Run(_report(session, interrupted=True), interrupted=True)


def undecided(spec: str | None, error: Exception | str) -> dict[str, Any]:
    """Return the report on a subject that could not be judged."""
    session = Session(Options(spec=spec), judging=True)
    named = DEFAULT_SPEC if spec is None else spec
    session.recorder.subject = {
        "spec": named, "name": named, "author": "", "sha256": "", "isolation": "", "method": None,
        "declared_parameters": None, "batching": "", "findings": [], "abilities": [],
    }  # fmt: skip
    return _report(session, why_none=str(error))


def gather(options: Options) -> dict[str, dict[str, Any]]:
    """Return the evidence of reports on our own model by file name: the verdict, its proof, its anatomy.

    Coq is asked, too, where it is installed: that takes half a minute, for which a run has no time.

    Raises:
        VerifyError: see `judge`.
        KeyboardInterrupt: the run was ended from outside.
    """
    from verify.proof.coq import checkers_of
    from verify.subject import load

    options = replace(options, spec=DEFAULT_SPEC)
    done = judge(options)
    if done.interrupted:  # evidence is of whole runs: what an earlier one left stays
        raise KeyboardInterrupt
    report, proof = done.report, done.report["proof"]
    with ends.interruptible():
        if proof is not None and proof["verdict"] == verdicts.PROVED:
            proof["checkers"] = [*proof["checkers"], *checkers_of(proof["certificate"])]
    with (
        contextlib.closing(load(DEFAULT_SPEC, method=options.method, sandbox=options.sandbox)) as subject,
        ends.interruptible(),
    ):
        anatomy_found = subject.ask("residual_stream")
    found = {"correctness.json": report, "chains.json": chains_of(report)}
    found |= {} if "refused" in anatomy_found else {"anatomy.json": anatomy_found | {"made": report["made"]}}
    return found if report["proof"] is None else found | {"proof.json": report["proof"]["certificate"]}


def chains_of(report: dict[str, Any]) -> dict[str, Any]:
    """Return where a run laid carry chains, as evidence of schema adder-chains/1."""
    return {"schema": "adder-chains/1", "made": report.get("made"), "rows": report["chains"]}


def environment() -> dict[str, Any]:
    """Return what the run depends on: versions, the machine, how many threads it may use."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"python": platform.python_version(), "machine": platform.machine(), "cores": threads} | versions


def _report(session: Session, *, interrupted: bool = False, why_none: str = "") -> dict[str, Any]:
    evidence, proof = session.recorder.as_json(), session.known("proof")
    rates = [failure_rate(failed, cases).as_json() | {"of": way} for way, (cases, failed) in _uniform(evidence).items()]
    rows = _rows(session, evidence)
    sums = _sums(session, evidence, rates, why_none)
    verdict, reason = sums.decide()
    rules = session.options.rules
    held, told = [row for row in rows if rules.hold(row["rule"])], {row["rule"] for row in rows}
    missing = [rule for rule in rules.must or () if rule not in told and rules.hold(rule)]
    none = why_none or ("the run ended before it was looked into" if not rows else "")
    named, why = verdicts.nature(held, none, missing if rows else [])
    strata = [_stratum(found) for found in evidence["strata"]]
    stages = _stages(session, interrupted=interrupted)
    return {
        "schema": SCHEMA,
        "made": made(),
        "subject": evidence["subject"] or _described(session),
        "task": _task(session),
        "width": session.width,
        "sums": {"verdict": verdict, "reason": reason},
        "nature": {"verdict": named, "reason": why, "rows": rows, "rules": rules.as_json()},
        "disagreement": sums.disagreement or None,
        "counterexample": _counterexample(session, interrupted=interrupted),
        "cases": evidence["cases"],
        "failures": evidence["failures"],
        "failure_rates": rates,
        "strata": strata,
        "chains": evidence["chains"],
        "families": [_family(found) for found in session.recorder.families.values()],
        "stages": stages,
        "go_on": _go_on(session) if any(row["outcome"] == "cut short" for row in stages) else "",
        "parameters": session.known("counts") or _NO_COUNTS,
        "proof": None if proof is None else _proof(proof),
        "environment": environment() | {"seed": session.seed, "run": session.options.as_json()},
        "seconds": round(session.budget.spent(), 1),
    }


_NO_COUNTS: dict[str, Any] = {
    "declared": None,
    "counted": None,
    "unique": None,
    "buffers": None,
    "copies": None,
    "nonzero": None,
    "freedom": None,
    "dead": None,
    "needed_outside": None,
    "tensors": None,
    "outside": None,
    "notes": [],
}


def _task(session: Session) -> dict[str, Any]:
    """Return what the subject was asked to add: how many digits an operand has, and how many pairs there are."""
    subject = session.known("subject")
    asked = TEN if session.options.digits is None else Task(session.options.digits)
    task = asked if subject is None else subject.task
    return {"digits": task.digits, "pairs": task.pairs_in_words}


def _described(session: Session) -> dict[str, Any] | None:
    from verify.judge.recorder import describe

    subject = session.known("subject")
    return None if subject is None else describe(subject)


def _sums(session: Session, evidence: dict[str, Any], rates: list[dict[str, Any]], why_none: str) -> verdicts.Sums:
    proof: Proof | None = session.known("proof")
    against = [row["observation"] for row in evidence["observations"] if row["family"] == "proof"]
    against += [proof.reason] if proof is not None and proof.disagrees else []
    return verdicts.Sums(
        cases=evidence["cases"],
        counterexample="" if session.confirmed is None else str(session.confirmed[0]),
        unconfirmed=() if session.confirmed is not None else tuple(session.unconfirmed),
        unasked=() if session.confirmed is not None else _unasked(session),
        asked=sum(
            family.passed + family.failed for family in session.recorder.families.values() if family.question == SUMS
        ),
        batches="" if session.wrong or not evidence["failures"] else _batches(session, evidence),
        lost=tuple(session.lost),
        every_pair=session.every_pair,
        bound="; ".join(filter(None, map(_bound, rates))),
        proof="" if proof is None else _proved(proof),
        proof_reason="it was not tried, for want of time" if proof is None else proof.reason,
        against_the_proof=next(iter(against), ""),
        why_none=why_none or next(iter(evidence["errors"]), ""),
    )


def _unasked(session: Session) -> tuple[str, ...]:
    """Return the wrong sums that no fresh worker was asked for; none that was seen is left out."""
    seen = [str(wrong) for wrong, _ in session.wrong[:1]] if not session.unconfirmed else []
    return tuple(session.unasked or seen)


def _batches(session: Session, evidence: dict[str, Any]) -> str:
    return next(iter(session.inconsistent), f"{evidence['failures']:,} of {evidence['cases']:,} differ")


def _proved(proof: Proof) -> str:
    if proof.accepted or proof.disagrees:
        return verdicts.PROVED
    return verdicts.MODEL_PROVED if proof.verdict.startswith(verdicts.MODEL_PROVED) else ""


def _proof(proof: Proof) -> dict[str, Any] | None:
    found = proof.as_json()
    return None if found is None else found | {"verdict": proof.verdict, "accepted": bool(_proved(proof))}


def _uniform(evidence: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return how many uniform pairs were added in which way, and how many of them wrongly."""
    none: dict[str, list[int]] = {}
    ways = next((row["ways"] for row in evidence["strata"] if row["name"] == UNIFORM), none)
    return {WAYS.get(way, way): (cases, failures) for way, (cases, failures) in ways.items()}


def _bound(rate: dict[str, Any]) -> str:
    whose = f"{rate['cases']:,} uniform pairs asked of {rate['of']}"
    if rate["failures"]:
        low, high = rate["interval_95"]
        about = f"about {one_in(rate['estimate'])}, at 95 % confidence {one_in(low)} to {one_in(high)}"
        return f"the failure rate by {whose} is {about}"
    return f"the failure rate by {whose} is at most {one_in(rate['bound_95'])}, at 95 % confidence"


def _rows(session: Session, evidence: dict[str, Any]) -> list[dict[str, str]]:
    """Return the rules of an adder's nature, each with its observation: the audit's, then what claims saw broken."""
    audited = session.known("audit") or []
    rows = [{"rule": row["check"], "outcome": row["outcome"], "observation": row["detail"]} for row in audited]
    told = {row["rule"] for row in rows}
    rows += [
        {name: row[name] for name in ("rule", "outcome", "observation")}
        for row in evidence["observations"]
        if row["rule"] not in told
    ]
    subject = session.known("subject")
    odd = [] if subject is None else [each for each in subject.findings if each["name"].startswith("add returned")]
    rows += [
        {
            "rule": "an int comes back",
            "outcome": "suspect",
            "observation": f"{each['name']}, of {plural(each['count'], 'sum')}, the first {each['a']} + {each['b']}",
        }
        for each in odd
    ]
    return _once(rows)


def _once(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return rows of which each rule has one for each outcome: the first, and how many more there were."""
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault((row["rule"], row["outcome"]), []).append(row)
    return [
        alike[0] | ({"observation": f"{alike[0]['observation']} (and {len(alike) - 1} more)"} if alike[1:] else {})
        for alike in found.values()
    ]


def _stratum(found: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "cases", "failures", "sentence", "family", "exhaustive", "complete", "cut")
    is_drawn = found["cases"] and not found["exhaustive"]
    return {name: found[name] for name in names} | {
        "failure_rate_bound_95": failure_rate(found["failures"], found["cases"]).bound_95 if is_drawn else None,
        "uniform_expected": None if found["share"] is None else found["share"] * UNIFORM_PAIRS,
    }


def _family(family: Family) -> dict[str, Any]:
    names = ("name", "question", "passed", "failed", "skipped", "lost", "seconds")
    reasons = family.reasons[:SHOWN_REASONS]
    rest = len(family.reasons) - len(reasons)
    return {name: getattr(family, name) for name in names} | {
        "reason": "; ".join(reasons + [f"and {rest} more"] * (rest > 0))
    }


def _counterexample(session: Session, *, interrupted: bool) -> dict[str, Any] | None:
    if session.confirmed is None:
        return None
    wrong, family = session.confirmed
    subject = session.subject
    found = Counterexample.of(subject, wrong, family)
    if not interrupted:
        with contextlib.suppress(Exception):  # whatever a stranger's logits or batches are: what is known is told
            found = explain(subject, wrong, family=family)
    values = found.as_json()
    return values | {"card": card(found), "confirmed": True}


def _stages(session: Session, *, interrupted: bool) -> list[dict[str, Any]]:
    stages = []
    for name, seconds in session.seconds.items():
        count = session.cut[name]
        detail = f"{plural(count, 'claim')} for want of time" if count else ""
        if interrupted and name == session.stage:
            detail = "interrupted"
        outcome = "cut short" if detail else "done"
        stages.append({"name": name, "outcome": outcome, "detail": detail, "seconds": round(seconds, 2)})
    return stages


def _go_on(session: Session) -> str:
    """Return the command that goes on where the time was too short."""
    words = ["adder-verify", "run", session.options.spec or DEFAULT_SPEC]
    words += [f"--method={session.options.method}"] if session.options.method else []
    words += [] if session.options.digits is None else [f"--digits={session.options.digits}"]
    return shlex.join([*words, f"--budget={LONGER * session.budget.seconds:g}"])
