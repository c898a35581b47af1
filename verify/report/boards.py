"""The board of many subjects: who stands where, who is wrong or violates a rule, and of whom nothing is known.

Those that no run refuted are ranked, the surest first, then the smallest; the wrong and the unjudged stand apart.
"""

from __future__ import annotations

import hashlib
import json
import re

from verify.report import tables, verdict, words
from verify.report.blocks import Cell, Row, Table, choose, compact, escaped, markdown
from verify.report.evidence import COUNTEREXAMPLE, NATURE, SUMS, UNDECIDED, VIOLATED, JSONObject, digits_of, rules_of
from verify.text import plural

PAGES = "pages"  # the folder beside a board that holds the page of each
RANKED, REFUTED, UNJUDGED = "Ranked: the surest first, then the smallest", "Wrong, or a rule is violated", "Not judged"
HEADERS = [
    "rank", "adder", "author", "sums", "nature", "counted", "declared", "freedom", "outside", "smallest wrong sum",
    "because", "time", "rules",
]  # fmt: skip
MEANINGS = (
    "Counted: elements of the tensors that are its parameters. Declared: what its metadata claim. Freedom: degrees of "
    "freedom of its parameters. Outside: numbers in buffers and in the code on which answers depend; where these were "
    "not tried, how many there are in buffers. Time: of the whole run."
)
_RIGHT = {"rank", "counted", "declared", "freedom", "outside", "time"}
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def whole(reports: list[JSONObject], *, linked: bool = False) -> Table:
    """Return a line for each subject, all in one table: the ranked, then the unjudged, then the wrong."""
    ordered = sorted(reports, key=_key)
    ranks = [str(place + 1) if _group(report) == RANKED else "-" for place, report in enumerate(ordered)]
    rows = [_row(report, rank, linked=linked) for report, rank in zip(ordered, ranks, strict=True)]
    return Table("Board", HEADERS, rows, right=_places(HEADERS))


def groups(reports: list[JSONObject], *, linked: bool = False) -> list[Table]:
    """Return a table for each group that has a subject; ``linked`` where the page of each lies in `PAGES`."""
    ordered = sorted(reports, key=_key)
    table = whole(reports, linked=linked)
    found = []
    for title in (RANKED, REFUTED, UNJUDGED):
        rows = [row for row, report in zip(table.rows, ordered, strict=True) if _group(report) == title]
        if rows:
            headers = [name for name in HEADERS if name != "rank" or title == RANKED]
            chosen = choose(Table(title, HEADERS, rows, table.right), headers)
            found.append(compact(chosen))
    return found


def counts(reports: list[JSONObject]) -> dict[str, list[str]]:
    """Return how many of a board's subjects have each verdict, by question; verdicts that none has are not named."""
    ordered = sorted(reports, key=_key)
    found = {
        "sums": [verdict.sums_of(report).name for report in ordered],
        "nature": [verdict.nature_of(report).name for report in ordered],
    }
    return {
        verdict.QUESTIONS[question]: [f"{names.count(name):,} {name}" for name in dict.fromkeys(names)]
        for question, names in found.items()
    }


def board_markdown(reports: list[JSONObject], *, linked: bool = False) -> str:
    """Return the board as Markdown: for a repository, or for the summary of a step of GitHub Actions."""
    told = [f"{escaped(question)} {escaped(', '.join(found))}" for question, found in counts(reports).items()]
    parts = ["# Board", *told]
    for table in groups(reports, linked=linked):
        parts += [f"## {table.title}", markdown(table)]
    return "\n\n".join([*parts, *map(escaped, by_rules(reports)), MEANINGS]) + "\n"


def by_rules(reports: list[JSONObject]) -> list[str]:
    """Return a sentence for each set of rules by which a board was judged; none for the suite's own."""
    sets = {json.dumps(rules, sort_keys=True): rules for rules in map(rules_of, reports) if rules["name"]}
    return [_told_rules(rules) for rules in sets.values()]


def _told_rules(rules: JSONObject) -> str:
    source = f" ({words.name(rules['source'])})" if rules["source"] else ""
    must = "every row" if rules.get("must") is None else plural(len(rules["must"]), "row")
    allowed = ", ".join(words.name(each) for each in rules["allowed"])
    return (
        f"By the rules of {words.name(rules['name'])}{source}: {must} must be ok; the count is what is "
        f"{tables.COUNTS.get(rules['count'], rules['count'])}" + (f"; allowed: {allowed}." if allowed else ".")
    )


def page_name(report: JSONObject) -> str:
    """Return the name of a subject's page in `PAGES`: of letters, digits and dashes, and of no other subject."""
    spec = report["subject"]["spec"]
    stem = _UNSAFE.sub("-", spec.removesuffix(".py"))[-60:].strip("-")
    return f"{stem or 'adder'}-{hashlib.sha256(spec.encode(errors='replace')).hexdigest()[:8]}.html"


def _group(report: JSONObject) -> str:
    if report["sums"]["verdict"] == COUNTEREXAMPLE or report["nature"]["verdict"] == VIOLATED:
        return REFUTED
    return UNJUDGED if report["sums"]["verdict"] == UNDECIDED else RANKED


def _key(report: JSONObject) -> tuple[object, ...]:
    counted = report["parameters"].get(rules_of(report)["count"])
    ranks = SUMS.index(report["sums"]["verdict"]), NATURE.index(report["nature"]["verdict"])
    group = (RANKED, UNJUDGED, REFUTED).index(_group(report))
    name, spec = (report["subject"][key] for key in ("name", "spec"))
    return group, digits_of(report) != 10, *ranks, counted is None, counted or 0, name, spec


def _row(report: JSONObject, rank: str, *, linked: bool) -> Row:
    subject, counted, pair = report["subject"], report["parameters"], report.get("counterexample")
    sums, nature = verdict.sums_of(report), verdict.nature_of(report)
    differs = counted.get("declared") not in (None, counted.get("counted"))
    return [
        Cell(rank, header=True),
        Cell(
            words.name(subject["name"]) + _width(report),
            "strong",
            note=words.name(subject["spec"]),
            link=f"{PAGES}/{page_name(report)}" if linked else "",
        ),
        words.name(subject["author"]),
        Cell(sums.name, sums.mark),
        Cell(nature.name, nature.mark, note="" if nature.mark == "good" else words.detail(report["nature"]["reason"])),
        words.count(counted.get("counted")),
        Cell(words.count(counted.get("declared")), "warn" if differs else ""),
        words.count(counted.get("freedom")),
        words.count(counted["buffers"] if counted.get("needed_outside") is None else counted["needed_outside"]),
        f"{pair['a']} + {pair['b']}" if pair else "",
        verdict.headline(report),
        words.seconds(report["seconds"]),
        words.name(rules_of(report)["name"]),
    ]


def _width(report: JSONObject) -> str:
    """Return how many digits an adder adds, where these are not a board's own 10."""
    digits = digits_of(report)
    return "" if digits == 10 else f" ({plural(digits, 'digit')})"


def _places(headers: list[str]) -> tuple[int, ...]:
    return tuple(place for place, name in enumerate(headers) if name in _RIGHT)
