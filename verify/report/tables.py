"""The tables of every report, and how one is written as Markdown and as plain text."""

from __future__ import annotations

import re
from dataclasses import replace

from tabulate import tabulate

from verify.report import words
from verify.report.blocks import Cell, Row, Table
from verify.report.evidence import JSONObject
from verify.report.verdict import MARKS, RANK, headline, proved_precisions

_MARKDOWN = re.compile(
    r"[\\`\[\]|~$]|\*(?! )|(?<! )\*|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|<(?=[A-Za-z/!?])"
    r"|&(?=#?\w+;)|^[>#+-]|:(?=//)|(?<=www)\."
)
_OUTCOMES = {"ok": "good", "suspect": "warn", "violated": "bad", "unknown": "soft"}
_UNIFORM_PAIRS = 10_000


def card_rows(report: JSONObject) -> Table:
    """Return what a run found in a table of two columns, for the terminal, Markdown and the page."""
    subject, parameters = report["subject"], report["parameters"]
    found, proof = report["counterexample"] or {}, report["proof"]
    findings = ", ".join(words.name(each["name"]) for each in subject.get("findings") or [])
    rows: dict[str, Cell | str] = {
        "verdict": report["verdict"],
        "because": headline(report),
        "again": words.detail(found.get("replay") or ""),
        "proof": _proof(proof) if proof else "",
        "subject": words.name(subject["name"]),
        "author": words.name(subject["author"]),
        "file": words.name(subject["spec"]),
        "sha256": Cell(words.name(subject["sha256"]), "code"),
        "isolation": words.name(subject.get("isolation") or ""),
        "sums by": words.name(subject.get("batching") or ""),
        "cases": f"{report['failures']:,} of {report['cases']:,} failed",
        "families": _tally(report["families"]),
        "findings": findings,
        "parameters": _parameters(parameters),
        "audit": _outcomes(report["audit"]),
        "time": words.seconds(report["seconds"]),
    }
    return Table("Verdict", [], [[Cell(name, header=True), value] for name, value in rows.items() if value])


def families(report: JSONObject) -> Table:
    """Return how the claims of every family fared."""
    rows: list[Row] = [
        [
            words.name(row["name"]),
            words.count(row["passed"]),
            Cell(words.count(row["failed"]), "bad" if row["failed"] else "soft"),
            Cell(words.count(row["skipped"]), "warn" if row["skipped"] else "soft"),
            "-" if row.get("seconds") is None else words.seconds(row["seconds"]),
            words.detail(row.get("reason") or ""),
        ]
        for row in sorted(report["families"], key=lambda row: -row["failed"])
    ]
    headers = ["family", "passed", "failed", "skipped", "time", "why skipped or failed"]
    return _compact(Table("Claims by family", headers, rows, right=(1, 2, 3, 4)))


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
            words.detail(row.get("sentence") or ""),
        ]
        for row in sorted(report["strata"], key=lambda row: -row["failures"])
    ]
    headers = [
        "stratum",
        "family",
        "cases",
        "failures",
        "fails at most",
        f"in {_UNIFORM_PAIRS:,} uniform",
        "what lies in it",
    ]
    title = "Strata, regions of operand space that are sampled on purpose"
    return _compact(Table(title, headers, rows, right=(2, 3, 4, 5)))


def audit(report: JSONObject) -> Table:
    """Return what the audit observed."""
    rows: list[Row] = [
        [words.name(row["check"]), Cell(words.name(row["outcome"]), _OUTCOMES.get(row["outcome"], "soft")),
         words.detail(row["detail"])]
        for row in report["audit"]
    ]  # fmt: skip
    return Table("Audit, by behaviour", ["check", "outcome", "observed"], rows)


def parameters(report: JSONObject) -> Table:
    """Return the counts of parameters side by side."""
    found = report["parameters"]
    meaning = {
        "declared": "what its metadata claims",
        "counted": "elements of its tensors, by storage",
        "unique": "distinct values among them",
        "buffers": "floats in buffers and outside parameters",
        "dead": "that no answer depends on",
    }
    rows: list[Row] = [[name, words.count(found.get(name)), text] for name, text in meaning.items()]
    return Table("Parameters, counted", ["count", "number", "of what"], rows, right=(1,))


def budget(anatomy: JSONObject) -> Table:
    """Return every tensor of the model with how much of it matters."""
    rows: list[Row] = [
        [words.name(row["name"]), " x ".join(map(str, row["shape"])),
         *(words.count(row[key]) for key in ("count", "nonzero", "needed", "dead"))]
        for row in anatomy["budget"]
    ]  # fmt: skip
    totals = [words.count(sum(row[key] for row in anatomy["budget"])) for key in ("count", "nonzero", "needed", "dead")]
    rows.append([Cell("total", "strong"), "", *(Cell(total, "strong") for total in totals)])
    headers = ["tensor", "shape", "parameters", "not zero", "needed", "idle"]
    return Table("The budget", headers, rows, right=(2, 3, 4, 5))


def environment(title: str, found: JSONObject) -> Table:
    """Return what a run ran on."""
    rows: list[Row] = [[words.name(key), words.detail(_flat(value))] for key, value in sorted(found.items())]
    return Table(title, [], [[Cell(str(name), header=True), value] for name, value in rows])


def board(reports: list[JSONObject]) -> Table:
    """Return one line for each of many subjects: the surest first, then the smallest, then by name."""
    rows: list[Row] = [
        [
            Cell(report["verdict"], MARKS[report["verdict"]], header=True),
            Cell(words.name(report["subject"]["name"]), note=_by(report["subject"])),
            Cell(words.count(report["parameters"].get("counted")), note=_claim(report["parameters"])),
            headline(report),
            _outcomes(report["audit"]),
            words.seconds(report["seconds"]),
            words.name(report["subject"]["spec"]),
        ]
        for report in sorted(reports, key=_board_key)
    ]
    headers = ["verdict", "adder", "parameters", "because", "audit", "time", "file"]
    return Table("The surest first, then the smallest", headers, rows, right=(2, 5))


def markdown(table: Table) -> str:
    """Return a table as GitHub shows it, every text escaped."""
    rows = [[escaped(str(cell)) for cell in row] for row in table.rows]
    width = max((len(row) for row in rows), default=len(table.headers))
    headers = [escaped(header) for header in table.headers] or [""] * width
    return tabulate(rows, headers, "github", disable_numparse=True, colalign=_align(table, width))


def plain(table: Table, widths: list[int | None] | None = None) -> str:
    """Return a table as a terminal shows it."""
    rows = [[str(cell) for cell in row] for row in table.rows]
    width = max((len(row) for row in rows), default=len(table.headers))
    look = "simple" if table.headers else "plain"
    return tabulate(
        rows, table.headers, look, disable_numparse=True, maxcolwidths=widths, colalign=_align(table, width),
        preserve_whitespace=True,
    )  # fmt: skip


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line; what Markdown leaves alone is left alone.

    >>> print(escaped("a|b <i>*c* 0 <= 2 * mlp.in_proj"))
    a\|b \<i>\*c\* 0 <= 2 * mlp.in_proj
    """
    return _MARKDOWN.sub(r"\\\g<0>", " ".join(text.split()))


def choose(table: Table, headers: list[str]) -> Table:
    """Return a table with some of its columns."""
    columns = [table.headers.index(header) for header in headers]
    right = tuple(place for place, column in enumerate(columns) if column in table.right)
    return replace(
        table, headers=headers, rows=[[row[column] for column in columns] for row in table.rows], right=right
    )


def _compact(table: Table) -> Table:
    """Return a table without the columns in which no row says anything."""
    said = [{str(row[column]) for row in table.rows} - {"", "-"} for column in range(len(table.headers))]
    return choose(table, [header for header, texts in zip(table.headers, said, strict=True) if texts])


def _align(table: Table, width: int) -> tuple[str, ...]:
    return tuple("right" if column in table.right else "left" for column in range(width)) if table.rows else ()


def _proof(found: JSONObject) -> str:
    """Return what is proved in short; the statement in full stands on the page and in the certificate."""
    certificate = found["certificate"]
    if not isinstance(certificate, dict):
        return words.detail(found["statement"])
    proved = proved_precisions(certificate)
    least, largest = (words.name(found[key]) for key in ("margin", "error_bound"))
    told = f"in {', '.join(proved)}, in any order of evaluation" if proved else "in no precision"
    return f"{told}; least margin {least}, largest error bound {largest}"


def _tally(found: list[JSONObject]) -> str:
    passed, failed, skipped = (sum(row[key] for row in found) for key in ("passed", "failed", "skipped"))
    return f"{len(found)} families: {passed:,} claims hold, {failed:,} fail, {skipped:,} skipped"


def _parameters(found: JSONObject) -> str:
    named = ((key, found.get(key)) for key in ("counted", "declared", "unique", "dead"))
    return ", ".join(f"{words.count(number)} {key}" for key, number in named if number is not None) or "-"


def _outcomes(found: list[JSONObject]) -> str:
    counts = {outcome: sum(row["outcome"] == outcome for row in found) for outcome in _OUTCOMES}
    return ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number) or "-"


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(value[key])}" for key in sorted(value))
    return ", ".join(map(_flat, value)) if isinstance(value, list) else str(value)


def _by(subject: JSONObject) -> str:
    return f"by {words.name(subject['author'])}" if subject["author"] else ""


def _claim(found: JSONObject) -> str:
    declared = found.get("declared")
    return "" if declared in (None, found.get("counted")) else f"claims {declared:,}"


def _board_key(report: JSONObject) -> tuple[object, ...]:
    counted = report["parameters"].get("counted")
    return RANK[report["verdict"]], counted is None, counted or 0, report["subject"]["name"], report["subject"]["spec"]
