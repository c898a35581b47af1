"""The verdict in words: what it is, how sure it is and why, where it breaks, how fast it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from verify.report import words
from verify.report.evidence import Evidence, JSONObject

PROVED, NO_COUNTEREXAMPLE, UNDECIDED, COUNTEREXAMPLE = "PROVED", "NO COUNTEREXAMPLE", "UNDECIDED", "COUNTEREXAMPLE"
SIGNS = {PROVED: "✓", NO_COUNTEREXAMPLE: "≈", UNDECIDED: "?", COUNTEREXAMPLE: "✗"}
MARKS = {PROVED: "good", NO_COUNTEREXAMPLE: "info", UNDECIDED: "warn", COUNTEREXAMPLE: "bad"}
RANK = {verdict: rank for rank, verdict in enumerate(SIGNS)}  # the surest first
STATEMENT_TITLES = {PROVED: "What is proved", NO_COUNTEREXAMPLE: "Why it is no proof"}
ALL_PAIRS = "all 10²⁰ pairs of operands"


@dataclass(frozen=True)
class Answer:
    """One of the four questions that a reader has, its answer in a few words, and one sentence more."""

    question: str
    answer: str
    more: str
    mark: str = ""


def answers(evidence: Evidence) -> list[Answer]:
    """Return the answers to the four questions of a reader."""
    report = evidence.correctness
    if report is None:
        return []
    return [_is_it_right(report), _how_sure(evidence, report), _where_it_breaks(report), _how_fast(evidence, report)]


def _is_it_right(report: JSONObject) -> Answer:
    verdict, found = report["verdict"], report["counterexample"]
    if verdict == PROVED:
        return Answer("Is it right?", "Yes", f"For {ALL_PAIRS}, by proof.", "good")
    if verdict == COUNTEREXAMPLE:
        more = _difference(found) if found else words.detail(report["reason"])
        return Answer("Is it right?", "No", more, "bad")
    if verdict == UNDECIDED:
        return Answer("Is it right?", "Not decided", words.detail(report["reason"]), "warn")
    return Answer("Is it right?", "As far as tried", "No pair was added wrongly; that is no proof.", "info")


def _difference(found: JSONObject) -> str:
    if type(found["got"]) is not int:
        return "The answer is no integer."
    return f"This sum is off by {found['got'] - found['expected']:+,}."


def _how_sure(evidence: Evidence, report: JSONObject) -> Answer:
    cases, failures = report["cases"], report["failures"]
    tried = f"{failures:,} of {words.plural(cases, 'case')} failed."
    if report["verdict"] == PROVED:
        return Answer(
            "How sure is that?", "A theorem", f"A certificate was accepted{_where_proved(evidence)}. {tried}", "good"
        )
    if report["verdict"] == COUNTEREXAMPLE:
        return Answer("How sure is that?", "Certain", f"One wrong sum is enough. {tried}", "bad")
    return Answer("How sure is that?", f"{cases:,} cases", bound(report), MARKS[report["verdict"]])


def _where_proved(evidence: Evidence) -> str:
    proved = proved_precisions(evidence.proof) if evidence.proof else []
    return f" for {', '.join(proved)}, in any order of evaluation" if proved else ""


def proved_precisions(certificate: JSONObject) -> list[str]:
    """Return the precisions in which a certificate proves every mode."""
    found = certificate["precisions"]
    proved = [each for each in found if each["modes"] and all(mode["outcome"] == "proved" for mode in each["modes"])]
    return [words.name(each["precision"]) for each in proved]


def bound(report: JSONObject) -> str:
    """Return what the cases support, and of what: of uniform operands alone."""
    rate = report["failure_rate_bound_95"]
    if rate is None:
        return "These cases bound no failure rate: none was drawn uniformly."
    return (
        f"With 95 % confidence at most {words.one_in(rate)} pairs fails, of pairs drawn uniformly. It says nothing of "
        "pairs that are rare among those, such as long carry chains."
    )


def _where_it_breaks(report: JSONObject) -> Answer:
    failing = [row for row in report["strata"] if row["failures"]]
    families = [row for row in report["families"] if row["failed"]]
    question = "Where does it break?"
    if not failing and not families:
        more = f"{words.plural(len(report['strata']), 'stratum', 'strata')} of operand space tried."
        return Answer(question, "Nowhere found", more, "good" if report["verdict"] == PROVED else "info")
    named = ", ".join(words.name(row["name"]) for row in (failing or families)[:4])
    searched, claimed = len(report["strata"]), len(report["families"])
    more = f"{len(failing)} of {searched} strata and {len(families)} of {claimed} families fail."
    return Answer(question, named, more, "bad")


def _how_fast(evidence: Evidence, report: JSONObject) -> Answer:
    question = "How fast is it?"
    runs = [row for row in (evidence.throughput or {"paths": []})["paths"] if row["kind"] == "model run"]
    if runs:
        best = max(runs, key=lambda row: float(row["pairs_per_second"]["median"]))
        ratio = best.get("ratio_to_reference")
        beside = f", {words.number(ratio['median'])} times the reference" if ratio else ""
        more = f"A run of the model, {words.name(best['path'])} in batches of {best['batch']:,}{beside}."
        return Answer(question, f"{words.scaled(best['pairs_per_second']['median'])} sums/s", more)
    return Answer(
        question, words.seconds(report["seconds"]), f"The whole run of {report['cases']:,} cases; sums were not timed."
    )


def equation(found: JSONObject) -> str:
    """Return a counterexample in one line."""
    return f"{found['a']} + {found['b']} = {found['expected']}, but it says {words.name(found['got'])}"


def statement(evidence: Evidence) -> str:
    """Return in full what a proof proves, or why there is none; "" where a counterexample leaves nothing to say."""
    report = evidence.correctness
    if report is None or report["verdict"] not in STATEMENT_TITLES:
        return ""
    if report["verdict"] == PROVED:
        return words.whole((report["proof"] or evidence.proof or {"statement": ""})["statement"])
    return words.whole(report["reason"])


def headline(report: JSONObject) -> str:
    """Return the verdict in one line, with what it rests on."""
    verdict, found = report["verdict"], report["counterexample"]
    if verdict == PROVED:
        return f"right for {ALL_PAIRS}"
    if verdict == COUNTEREXAMPLE and found:
        return equation(found)
    if verdict == NO_COUNTEREXAMPLE:
        rate = report["failure_rate_bound_95"]
        sure = "" if rate is None else f", at most {words.one_in(rate)} uniform pairs fails with 95 % confidence"
        return f"{report['failures']:,} of {words.plural(report['cases'], 'case')} failed{sure}"
    return words.detail(report["reason"])


def wrong_step(step: Any) -> str:
    """Return where generation first goes wrong."""
    if isinstance(step, dict) and {"step", "pair", "state", "expected", "got", "margin"} <= step.keys():
        return (
            f"step {step['step']}: after pair {step['pair']} and state {step['state']} state {step['got']} is "
            f"generated, but should be {step['expected']}; margin {words.number(step['margin'])}"
        )
    return f"step {words.name(step)}"
