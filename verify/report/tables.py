"""The tables of every report: what a run found, stratum by stratum, family by family, rule by rule."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from verify.report import verdict, words
from verify.report.blocks import Cell, Row, Table, compact
from verify.report.evidence import OUTCOMES, JSONObject, digits_of, is_held, rules_of
from verify.text import plural, printable

_MARKS = {"ok": "good", "suspect": "warn", "violated": "bad", "unknown": "soft"}
_UNIFORM_PAIRS = 10_000
_CLAIMS_ALL = re.compile(r"\b(every|each|all)\b", re.IGNORECASE)
_PLACES = 10  # of an operand, where none are told
_REASON = 240  # characters of why a family fails; all of it stands in the evidence
_GENERATE, _PROPAGATE, _KILL = "g", "p", "k"


@dataclass(frozen=True)
class Fact:
    """One line of the card.

    Attributes:
        name: what it is of.
        items: what is said, in one text or in several that are counted where there is no room for all.
        least, most: lines that a terminal gives it.
        is_command: whether it is to be pasted into a shell.
    """

    name: str
    items: list[str]
    least: int = 1
    most: int = 2
    is_command: bool = False


SANDBOX = "verify/subject/sandbox/README.md"  # what each rung holds back, and which test shows it


def _isolation(rung: str) -> str:
    if rung == "data":
        return "none needed: it is data, which our own program decodes"
    return f"{rung}; see {SANDBOX}" if rung not in {"", "off"} else rung


def facts(report: JSONObject) -> list[Fact]:
    """Return what a run found, the verdicts first, what is cut first where room is short last."""
    subject, pair = report["subject"], report.get("counterexample") or {}
    sums, nature = verdict.told(report)
    found = [
        Fact("sums", [f"{sums.saying.name}: {sums.sentence}"], 2, 4),
        Fact("nature", [f"{nature.saying.name}: {nature.sentence}" + (f" ({nature.reason})" if nature.reason else "")],
             2, 3),
        Fact("because", [sums.reason] if sums.reason else []),
        Fact("width", [words.detail(report["width"])] if report.get("width") else [], 1, 2),
        Fact("again", [words.whole(pair["replay"])] if pair.get("replay") else [], 1, 4, is_command=True),
        Fact("proof", [_proof(report)]),
        Fact("subject", [f"{words.name(subject['name'])} {_by(subject)}".strip()], 1, 1),
        Fact("parameters", [_parameters(report["parameters"])], 1, 1),
        Fact("isolation", [_isolation(words.name(subject.get("isolation") or ""))], 1, 1),
        Fact("cases", [_cases(report)], 1, 1),
        Fact("failure rate", verdict.failure_rates(report), 2, 3),
        Fact("cut short", verdict.cut_short(report), 1, 3),
        Fact("to go on", [words.whole(report["go_on"])] if report.get("go_on") else [], 1, 3, is_command=True),
        Fact("rules", _not_ok(report), 2, 6),
        Fact("breaks in", _failing(report), 1, 3),
        Fact("claims", [_tally(report["families"])], 1, 1),
        Fact("file", [words.name(subject["spec"])], 1, 1),
        Fact("sha256", [words.name(subject["sha256"])], 1, 1),
        Fact("findings", [words.name(each["name"]) for each in subject.get("findings") or []], 1, 1),
        Fact("time", [words.seconds(report["seconds"])], 1, 1),
    ]  # fmt: skip
    return [fact for fact in found if any(fact.items)]


def card_rows(report: JSONObject) -> Table:
    """Return what a run found in a table of two columns, for Markdown and the page."""
    marks = {"sha256": "code"}
    rows: list[Row] = [
        [Cell(fact.name, header=True), Cell("; ".join(fact.items), marks.get(fact.name, ""))] for fact in facts(report)
    ]
    return Table("Verdict", [], rows)


def _cases(report: JSONObject) -> str:
    batching = report["subject"].get("batching")
    by = f"; sums by {words.name(batching)}" if batching else ""
    of = f", of {verdict.pairs_of(report)} pairs of {plural(digits_of(report), 'digit')}" if report.get("task") else ""
    return f"{report['failures']:,} of {report['cases']:,} failed{of}{by}"


def _failing(report: JSONObject) -> list[str]:
    failing = sorted((row for row in report["strata"] if row["failures"]), key=lambda row: -row["failures"])
    return [f"{words.name(row['name'])}: {row['failures']:,} of {row['cases']:,}" for row in failing]


def _not_ok(report: JSONObject) -> list[str]:
    return [f"{words.name(row['rule'])}, {row['outcome']}: {words.detail(row['observation'])}"
            for row in _worst_first(report) if row["outcome"] != "ok"]  # fmt: skip


def _worst_first(report: JSONObject) -> list[JSONObject]:
    rows: list[JSONObject] = report["nature"]["rows"]
    return sorted(rows, key=lambda row: -OUTCOMES.index(row["outcome"]))


def families(report: JSONObject) -> Table:
    """Return how the claims of every family fared."""
    rows: list[Row] = [
        [
            words.name(row["name"]),
            row["question"],
            words.count(row["passed"]),
            Cell(words.count(row["failed"]), "bad" if row["failed"] else "soft"),
            Cell(words.count(row["lost"]), "warn" if row["lost"] else "soft"),
            Cell(words.count(row["skipped"]), "warn" if row["skipped"] else "soft"),
            "-" if row.get("seconds") is None else words.seconds(row["seconds"]),
            _why(row),
        ]
        for row in sorted(report["families"], key=lambda row: (-row["failed"], -row["lost"]))
    ]
    headers = ["family", "question", "passed", "failed", "lost", "skipped", "time", "why"]
    calm = not any(row["failed"] or row["lost"] for row in report["families"])
    return compact(Table("Claims by family", headers, rows, right=(2, 3, 4, 5, 6), folded=calm))


def _why(row: JSONObject) -> str:
    """Return the reason of a family and what it is the reason of: of the worst that befell it."""
    worst = next((name for name in ("failed", "lost", "skipped") if row[name]), "")
    return f"{worst}: {printable(words.detail(row['reason']), _REASON)}" if worst and row.get("reason") else ""


def strata_by_outcome(report: JSONObject) -> list[Table]:
    """Return the strata in which something failed, and, to be opened, those in which nothing did."""
    failing = [row for row in report["strata"] if row["failures"]]
    others = [row for row in report["strata"] if not row["failures"]]
    title = "Strata: regions of operand space that are sampled on purpose"
    if not failing:
        return [replace(strata(report), title=title, folded=True)] if others else []
    found = [replace(strata(report | {"strata": failing}), title=f"{title}. In these it fails")]
    told = replace(strata(report | {"strata": others}), title="Strata without a failure", folded=True)
    return [*found, *([told] if others else [])]


def strata(report: JSONObject) -> Table:
    """Return cases and failures of every stratum, and how many of its kind uniform sampling would have met."""
    rows: list[Row] = [
        [
            words.name(row["name"]),
            words.name(row.get("family") or "-"),
            Cell(words.count(row["cases"]), note="every form" if row.get("complete") else ""),
            Cell(words.count(row["failures"]), "bad" if row["failures"] else "soft"),
            "-" if row.get("failure_rate_bound_95") is None else words.one_in(row["failure_rate_bound_95"]),
            "-" if row.get("uniform_expected") is None else words.number(row["uniform_expected"], 2),
            what_lies_in(row),
        ]
        for row in sorted(report["strata"], key=lambda row: -row["failures"])
    ]
    headers = ["stratum", "family", "cases", "failures", "fails at most", f"in {_UNIFORM_PAIRS:,} uniform",
               "what lies in it"]  # fmt: skip
    title = "Strata, regions of operand space that are sampled on purpose"
    return compact(Table(title, headers, rows, right=(2, 3, 4, 5)))


def what_lies_in(row: JSONObject) -> str:
    """Return the sentence of a stratum, or how much of it was done where it promises more than that."""
    sentence = words.detail(row.get("sentence") or "")
    if row.get("cut"):
        return f"{words.detail(row['cut'])}. Aimed at: {sentence}"
    if row.get("complete") is False and _CLAIMS_ALL.search(sentence):
        return f"not all of it, {plural(row['cases'], 'case')}. Aimed at: {sentence}"
    return sentence


def nature(report: JSONObject) -> Table:
    """Return what was observed of every rule about what a subject is, the worst first."""
    rows: list[Row] = [
        [
            Cell(words.name(row["rule"]), note="" if is_held(report, row["rule"]) else "told, not held against it"),
            Cell(row["outcome"], _MARKS[row["outcome"]]),
            words.detail(row["observation"]),
        ]
        for row in _worst_first(report)
    ]
    calm = all(row["outcome"] == "ok" for row in report["nature"]["rows"])
    title = f"{verdict.QUESTIONS['nature']} By behaviour, not by its source"
    return Table(title, ["rule", "outcome", "observed"], rows, folded=calm)


def stages(report: JSONObject) -> Table:
    """Return what the run did, in its order, and where it was cut short."""
    marks = {"done": "soft", "cut short": "warn", "not begun": "warn", "failed": "bad"}
    rows: list[Row] = [
        [words.name(row["name"]), Cell(row["outcome"], marks[row["outcome"]]),
         "-" if row.get("seconds") is None else words.seconds(row["seconds"]), words.detail(row.get("detail") or "")]
        for row in report.get("stages") or []
    ]  # fmt: skip
    calm = all(row["outcome"] == "done" for row in report.get("stages") or [])
    return compact(Table("Stages of the run", ["stage", "outcome", "time", "detail"], rows, right=(2,), folded=calm))


def parameters(report: JSONObject) -> Table:
    """Return the counts of parameters side by side: which of them is *the* count is for others to say."""
    found = report["parameters"]
    meaning = {
        "declared": "what its metadata claims",
        "counted": "elements of its tensors, by storage",
        "unique": "distinct values among them",
        "nonzero": "that are not zero",
        "freedom": "degrees of freedom: the rank of the map from parameters to the numbers that meet tokens",
        "buffers": "floats in buffers and outside parameters",
        "copies": "floats there that repeat a parameter's values",
        "dead": "that move no logit, whatever they are",
        "needed_outside": "numbers in buffers and in the code on which answers depend",
    }
    if "nature" in report and rules_of(report)["name"]:
        meaning[rules_of(report)["count"]] += f"; the count by the rules of {words.name(rules_of(report)['name'])}"
    rows: list[Row] = [[COUNTS.get(name, name), words.count(found.get(name)), text] for name, text in meaning.items()]
    return Table("Parameters, counted", ["count", "number", "of what"], rows, right=(1,))


COUNTS = {"freedom": "degrees of freedom", "needed_outside": "needed outside parameters"}

USED = (
    "dead: no value tried moves a logit; idle: every answer stays right with zero in its place; needed: with zero in "
    "its place an answer is wrong"
)


def budget(counts: JSONObject) -> Table | None:
    """Return every tensor of a subject, and every number outside its parameters, with how its entries are used."""
    keys = ("count", "nonzero", "needed", "idle", "dead")
    parameters_, outside = counts.get("tensors") or [], counts.get("outside") or []
    if not parameters_ and not outside:
        return None
    total = {"name": "all parameters", "shape": [], **{key: sum(row[key] for row in parameters_) for key in keys}}
    rows: list[Row] = [
        [Cell(words.name(row["name"]), mark), " x ".join(map(str, row["shape"])), where,
         *(Cell(words.count(row[key]), mark) for key in keys)]
        for where, mark, found in (
            ("parameter", "", parameters_), ("", "strong", [total]), ("outside parameters", "", outside),
        )
        for row in found
    ]  # fmt: skip
    headers = ["number", "shape", "where", "entries", "not zero", "needed", "idle", "dead"]
    return Table("The budget", headers, rows, right=(3, 4, 5, 6, 7))


def environment(title: str, found: JSONObject) -> Table:
    """Return what a run ran on."""
    rows: list[Row] = [
        [Cell(_WORDS_OF_RUNS.get(key, words.name(key)), header=True), words.detail(_flat(value, key))]
        for key, value in sorted(found.items())
        if value is not None
    ]
    return Table(title, [], rows, folded=True)


def diagram(found: JSONObject) -> Table:
    """Return a sum column by column, most significant first: carries, digits, kinds, wrong digits marked."""
    a, b, expected, got = (found[key] for key in ("a", "b", "expected", "got"))
    places = range(max((found.get("digits") or _PLACES) + 1, len(str(expected))) - 1, -1, -1)
    rows: list[Row] = [
        ["carry in", *(Cell("1" if _carry(a, b, place) else "", "soft") for place in places)],
        ["a", *_digits(a, places, found.get("idle_a"))],
        ["b", *_digits(b, places, found.get("idle_b"))],
        ["expected", *(Cell(_digit(expected, place), "strong") for place in places)],
    ]
    if type(got) is int and 0 <= got < 10 ** len(places):
        marks = ["bad" if _digit(got, place) != _digit(expected, place) else "" for place in places]
        rows.append(["got", *(Cell(_digit(got, place), mark) for place, mark in zip(places, marks, strict=True))])
    rows.append(["kind", *(Cell(_kind(a, b, place), "soft") for place in places)])
    rows.append(["column", *(Cell(str(place + 1), "soft") for place in places)])
    title = "g generates, p propagates, k kills a carry; a dot is a digit that may be any other; column 1 is the units"
    return Table(title, [], [[Cell(str(row[0]), header=True), *row[1:]] for row in rows], look="diagram")


def _digits(operand: int, places: range, idle: Any) -> Row:
    dots = idle if isinstance(idle, list) else []
    return [Cell("·", "soft") if place in dots else _digit(operand, place) for place in places]


def _digit(number: int, place: int) -> str:
    return str(number // 10**place % 10)


def _carry(a: int, b: int, place: int) -> bool:
    return bool(a % 10**place + b % 10**place >= 10**place)


def _kind(a: int, b: int, place: int) -> str:
    total = int(_digit(a, place)) + int(_digit(b, place))
    return _GENERATE if total > 9 else _PROPAGATE if total == 9 else _KILL


def _proof(report: JSONObject) -> str:
    """Return a theorem in short, or why there is none; the statement in full stands on the page."""
    found = report.get("proof")
    if not found:
        return ""
    if not verdict.shows_theorem(report):
        why = words.detail(found.get("reason") or "no certificate was accepted")
        return (
            f"a certificate was accepted for its model, which says nothing of add: {why}" if found["accepted"] else why
        )
    if found.get("columns"):
        return words.detail(found.get("statement"))
    precisions = _certified(found["certificate"])
    bounds = [f"{label} {words.name(found[key])}" for key, label in _BOUNDS.items() if found.get(key) is not None]
    told = ", ".join(bounds) + _checkers(found.get("checkers") or [])
    return f"in {precisions}, in any admissible order; {told}" if precisions else words.detail(found.get("statement"))


def _checkers(found: list[JSONObject]) -> str:
    """Return who accepted a theorem, and who rejected it and why."""
    named = [(f"{words.name(each['name'])} {words.name(each['version'])}", each.get("rejected")) for each in found]
    accepted = ", ".join(name for name, why in named if not why)
    rejected = "".join(f"; rejected by {name}: {words.detail(why)}" for name, why in named if why)
    return (f"; accepted by: {accepted}" if accepted else "") + rejected


_BOUNDS = {"margin": "least margin", "error_bound": "largest error bound"}


def _certified(certificate: object) -> str:
    """Return the precisions that a certificate states, where it is one of a form that is known here."""
    try:
        return ", ".join(verdict.certified_precisions(certificate))  # type: ignore[arg-type]
    except (TypeError, KeyError, AttributeError):
        return ""


def _tally(found: list[JSONObject]) -> str:
    passed, failed, skipped, lost = (sum(row[key] for row in found) for key in ("passed", "failed", "skipped", "lost"))
    claims = f"{passed:,} hold, {failed:,} fail, {skipped:,} skipped, {lost:,} lost"
    return f"{plural(len(found), 'family', 'families')}: {claims}"


def _parameters(found: JSONObject) -> str:
    names = ("counted", "declared", "unique", "freedom", "dead", "needed_outside")
    known = {COUNTS.get(key, key): found[key] for key in names if found.get(key) is not None}
    return ", ".join(f"{words.count(number)} {name}" for name, number in known.items()) or "-"


_WORDS_OF_RUNS = {"cases": "cases of a stratum", "call_seconds": "limit of one sum"}
_IN_SECONDS = {"budget", "call_seconds"}


def _flat(value: object, key: str = "") -> str:
    """Return a value of an environment as a reader reads it: with its unit, and without what is not there."""
    if isinstance(value, dict):
        told = {name: value[name] for name in sorted(value) if value[name] is not None}
        return ", ".join(f"{_WORDS_OF_RUNS.get(name, name)} {_flat(told[name], name)}" for name in told)
    if isinstance(value, list):
        return ", ".join(map(_flat, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return words.seconds(value) if key in _IN_SECONDS else str(value) if key == "seed" else f"{value:,}"


def _by(subject: JSONObject) -> str:
    return f"by {words.name(subject['author'])}" if subject["author"] else ""
