"""The two verdicts in words: what each says, how sure that is and why, where it breaks, what was left out.

Every sentence that belongs to one verdict alone stands in `SUMS`, `NATURE` or `DISAGREEMENT`, and nowhere else: a test
walks them through every output, and finds each where its verdict is and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from verify.report import words
from verify.report.evidence import (
    AS_DECLARED,
    COUNTEREXAMPLE,
    EXHAUSTIVE,
    MODEL_PROVED,
    NO_COUNTEREXAMPLE,
    PROVED,
    SUSPECT,
    THEOREMS,
    UNDECIDED,
    UNKNOWN,
    VIOLATED,
    Evidence,
    JSONObject,
    digits_of,
    rules_of,
)
from verify.text import plural, superscript

ALL_PAIRS = "all {pairs} pairs of operands"
QUESTIONS = {"sums": "Does it add?", "nature": "Is it what it says it is?"}


@dataclass(frozen=True)
class Saying:
    """What one verdict says, and no other does.

    Attributes:
        name: as it is shown.
        sign: beside it.
        mark: how it is drawn: good, info, warn or bad.
        sentence: what it says of this subject; names in braces are filled in by `sentence`.
        badge: the same in a few words.
        sure: how sure that is, in a few words, and `why`, in a sentence.
        title: over the statement or the reason that stands below it on a page; "" where none does.
    """

    name: str
    sign: str
    mark: str
    sentence: str
    badge: str
    sure: str = ""
    why: str = ""
    title: str = ""


SUMS = {
    PROVED: Saying(
        PROVED,
        "✓",
        "good",
        f"Right for {ALL_PAIRS}, by a theorem whose certificate a second program accepted",
        "proved for {pairs} pairs",
        "A theorem",
        "The program that is proved is the one that ran{precisions}",
        "What is proved",
    ),
    MODEL_PROVED: Saying(
        MODEL_PROVED,
        "✓",
        "good",
        f"Greedy decoding of its model, as its own process recorded it, is right for {ALL_PAIRS}, by a theorem; "
        "that add decodes so was seen, no more",
        "model proved for {pairs} pairs",
        "A theorem of its model",
        "Of add itself it is known only that it decoded so in the cases that were compared{precisions}",
        "What is proved of its model",
    ),
    EXHAUSTIVE: Saying(
        EXHAUSTIVE,
        "✓",
        "good",
        "Every pair that there is, {pairs} of operands of {digits}, was asked of add, and every answer is the sum",
        "exhaustive",
        "Nothing is left to try",
        "An exhaustive run needs no theorem",
    ),
    NO_COUNTEREXAMPLE: Saying(
        NO_COUNTEREXAMPLE,
        "≈",
        "info",
        "No pair that it adds wrongly was found in {cases}, which is no proof",
        "no counterexample in {number}",
        "{cases} tried, no more",
        "Pairs that were not tried may be added wrongly",
        "Why it is no proof",
    ),
    UNDECIDED: Saying(
        UNDECIDED,
        "?",
        "warn",
        "It was not decided: {reason}",
        "undecided",
        "Not at all",
        "This run says nothing of pairs, right or wrong",
    ),
    COUNTEREXAMPLE: Saying(
        COUNTEREXAMPLE,
        "✗",
        "bad",
        "{equation}, and one wrong sum is enough",
        "counterexample",
        "Certain",
        "The pair was asked again in a fresh process, and the counterexample stands",
    ),
}  # the surest first

DISAGREEMENT = Saying(
    UNDECIDED,
    "!",
    "warn",
    "The proof and the run disagree, which is a bug of this project: please report it with this evidence",
    "proof and run disagree",
    "Neither is believed",
    "A wrong sum was seen where a certificate says that there is none; both are shown",
    "What the certificate states",
)

NATURE = {
    AS_DECLARED: Saying(AS_DECLARED, "✓", "good", "Nothing was seen that is not as declared", "as declared"),
    UNKNOWN: Saying(UNKNOWN, "?", "warn", "Too little of it was seen to say", "nature unknown"),
    SUSPECT: Saying(SUSPECT, "?", "warn", "Something was seen that speaks against it, and breaks no rule", "suspect"),
    VIOLATED: Saying(VIOLATED, "✗", "bad", "It breaks a rule of what it says it is", "violated"),
}


@dataclass(frozen=True)
class Answer:
    """One of the questions that a reader has beyond the verdicts, its answer in a few words, and one sentence more."""

    question: str
    answer: str
    more: str
    mark: str = ""


@dataclass(frozen=True)
class Told:
    """A verdict as it is told of one subject: the sentence filled in, the reason beside it."""

    question: str
    saying: Saying
    sentence: str
    reason: str = ""


def sums_of(report: JSONObject) -> Saying:
    """Return what is said of the sums."""
    return DISAGREEMENT if report.get("disagreement") else SUMS[report["sums"]["verdict"]]


def nature_of(report: JSONObject) -> Saying:
    """Return what is said of the nature."""
    return NATURE[report["nature"]["verdict"]]


def told(report: JSONObject) -> tuple[Told, Told]:
    """Return both verdicts, each with its sentence and the reason that stands beside it."""
    sums, nature = sums_of(report), nature_of(report)
    told_already = sums.name in (UNDECIDED, COUNTEREXAMPLE)  # by the sentence
    reason = words.detail(report.get("disagreement") or ("" if told_already else report["sums"]["reason"]))
    return (
        Told(QUESTIONS["sums"], sums, _filled(sums.sentence, report), reason),
        Told(
            QUESTIONS["nature"], nature, nature.sentence + _by_rules(report), words.detail(report["nature"]["reason"])
        ),
    )


def _by_rules(report: JSONObject) -> str:
    name = rules_of(report)["name"]
    return f", by the rules of {words.name(name)}" if name else ""


def headline(report: JSONObject) -> str:
    """Return what is said of the sums, in one line."""
    return _filled(sums_of(report).sentence, report)


def badge_text(report: JSONObject) -> str:
    """Return both verdicts in a few words."""
    sums, nature = sums_of(report), nature_of(report)
    return f"{_filled(sums.badge, report)}, {nature.badge}"


def worst_mark(report: JSONObject) -> str:
    """Return the mark of the worse of the two verdicts."""
    marks = {sums_of(report).mark, nature_of(report).mark}
    return next(mark for mark in ("bad", "warn", "info", "good") if mark in marks)


def _filled(text: str, report: JSONObject, precisions: str = "") -> str:
    pair = report.get("counterexample")
    return text.format(
        cases=plural(report["cases"], "case"),
        number=words.count(report["cases"]),
        reason=words.detail(report["sums"]["reason"]).rstrip("."),
        equation=equation(pair) if pair else "",
        precisions=precisions,
        pairs=pairs_of(report),
        digits=plural(digits_of(report), "digit"),
    )


def pairs_of(report: JSONObject) -> str:
    """Return how many pairs of operands there are, as a power of ten."""
    return f"10{superscript(2 * digits_of(report))}"


def answers(evidence: Evidence) -> list[Answer]:
    """Return the answers to what a reader asks beyond the verdicts."""
    report = evidence.correctness
    if report is None:
        return []
    return [_how_sure(evidence, report), _where_it_breaks(report), _left_out(report), _how_fast(evidence, report)]


def _how_sure(evidence: Evidence, report: JSONObject) -> Answer:
    saying = sums_of(report)
    why = _filled(saying.why, report, _where_it_holds(evidence))
    rates = f"Failure rate of uniform pairs, {'; '.join(failure_rates(report))}." if report["failure_rates"] else ""
    more = f"{why}. {words.count(report['failures'])} of {plural(report['cases'], 'case')} failed. {rates}"
    return Answer("How sure is that?", _filled(saying.sure, report), more.strip(), saying.mark)


def _where_it_holds(evidence: Evidence) -> str:
    holds = certified_precisions(evidence.proof) if evidence.proof else []
    return f"; it holds in {', '.join(holds)}, in any admissible order" if holds else ""


def certified_precisions(certificate: JSONObject) -> list[str]:
    """Return the precisions in which a certificate states that every mode is right."""
    found = certificate["precisions"]
    holds = [each for each in found if each["modes"] and all(mode["outcome"] == "proved" for mode in each["modes"])]
    return [words.name(each["precision"]) for each in holds]


def failure_rates(report: JSONObject) -> list[str]:
    """Return what uniform draws say of the failure rate: for each way in which sums were obtained, never for another.

    Where failures were seen it is an estimate with its interval, else a bound.
    """
    return [_rate(row) for row in report["failure_rates"] if row["cases"]]


def _rate(row: JSONObject) -> str:
    whose = _WHOSE.get(row["of"]) or f"of {words.name(row['of'])}"
    drawn = plural(row["cases"], "draw")
    if row["failures"]:
        low, high = row["interval_95"]
        between = f"{words.one_in(low)} to {words.one_in(high)}"
        return f"{whose}, {drawn}: {row['failures']:,} failed, about {words.one_in(row['estimate'])} (95 %: {between})"
    if row.get("bound_95") is None:
        return f"{whose}, {drawn}: none failed"
    return f"{whose}, {drawn}: at most {words.one_in(row['bound_95'])} (95 %)"


_WHOSE = {"add": "of add itself"}


def _where_it_breaks(report: JSONObject) -> Answer:
    failing = [row for row in report["strata"] if row["failures"]]
    families = [row for row in report["families"] if row["failed"] and row["question"] == "sums"]
    question = "Where does it break?"
    searched = plural(len(report["strata"]), "stratum", "strata")
    claimed = sum(row["question"] == "sums" for row in report["families"])
    if not failing and not families:
        more = f"{searched} of operand space tried."
        return Answer(question, "Nowhere found", more, sums_of(report).mark)
    named = ", ".join(words.name(row["name"]) for row in (failing or families)[:4])
    more = f"{len(failing)} of {searched} and {len(families)} of {claimed} families of claims about sums fail."
    return Answer(question, named, more, "bad")


def _left_out(report: JSONObject) -> Answer:
    question, found = "What was left out?", cut_short(report)
    if not found:
        return Answer(question, "Nothing", "No stratum and no stage was cut short.", "good")
    on = f" To go on: {words.detail(report['go_on'])}" if report.get("go_on") else ""
    return Answer(question, plural(len(found), "thing"), f"{'; '.join(found[:3])}.{on}", "warn")


def cut_short(report: JSONObject) -> list[str]:
    """Return what was not done, or not to its end, one thing each."""
    strata = [f"{words.name(row['name'])}, {words.detail(row['cut'])}" for row in report["strata"] if row.get("cut")]
    stages = [
        f"stage {words.name(row['name'])}: {row['outcome']}"
        + (f", {words.detail(row['detail'])}" if row.get("detail") else "")
        for row in report.get("stages") or []
        if row["outcome"] != "done"
    ]
    lost = [f"{plural(row['lost'], 'claim')} of {words.name(row['name'])} lost"
            for row in report["families"] if row["lost"]]  # fmt: skip
    return [*stages, *strata, *lost]


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
        question,
        words.seconds(report["seconds"]),
        f"The whole run of {plural(report['cases'], 'case')}; sums were not timed.",
    )


def equation(found: JSONObject) -> str:
    """Return a wrong sum in one line."""
    return f"{found['a']} + {found['b']} = {found['expected']}, but it says {words.name(found['got'])}"


def statement(evidence: Evidence) -> str:
    """Return in full what a theorem states, or why there is none; "" where the verdict leaves nothing to say."""
    report = evidence.correctness
    if report is None or not sums_of(report).title:
        return ""
    if sums_of(report).name == NO_COUNTEREXAMPLE:
        return words.whole(report["sums"]["reason"])
    return words.whole((report.get("proof") or {}).get("statement") or (evidence.proof or {}).get("statement") or "")


def shows_theorem(report: JSONObject | None) -> bool:
    """Return whether a certificate is part of what is told: where the verdict rests on it, or disagrees with it."""
    return report is not None and (report["sums"]["verdict"] in THEOREMS or bool(report.get("disagreement")))


def wrong_step(step: Any) -> str:
    """Return where generation first goes wrong."""
    if isinstance(step, dict) and {"step", "pair", "state", "expected", "got", "margin"} <= step.keys():
        return (
            f"step {step['step']}: after pair {step['pair']} and state {step['state']} state {step['got']} is "
            f"generated, but should be {step['expected']}; margin {words.number(step['margin'])}"
        )
    return f"step {words.name(step)}"
