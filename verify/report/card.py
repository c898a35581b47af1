"""The verdict on the terminal and in a GitHub step summary, from the same rows as everywhere else."""

from __future__ import annotations

import os
import textwrap
from typing import TextIO

from verify.report import carry, tables, verdict, words
from verify.report.blocks import Table
from verify.report.evidence import JSONObject, check

WIDTH = 100
_BOARD = {"verdict": 17, "adder": 20, "parameters": 10, "because": 26, "file": 17}  # columns and their widths
_COLOURS = {"good": "32", "info": "34", "warn": "33", "bad": "31"}


def card(report: JSONObject, stream: TextIO | None = None) -> str:
    """Return the verdict card as a terminal shows it, at most 100 columns wide.

    Args:
        report: the verdict, of schema adder-report/1.
        stream: where it will be written; the verdict is coloured where that is a terminal and NO_COLOR is not set.

    Raises:
        EvidenceError: the report is damaged or of an unknown version.
    """
    check("correctness", report, "report")
    rows = tables.card_rows(report)
    room = WIDTH - max(len(str(row[0])) for row in rows.rows) - 2
    text = tables.plain(_wrapped(rows, room))
    if report["counterexample"]:
        text += "\n\n" + textwrap.indent(_drawn(report["counterexample"]), "  ")
    failing = [row for row in report["strata"] if row["failures"]]
    if failing:
        found = tables.strata(report | {"strata": failing})
        text += "\n\n" + tables.plain(Table("", found.headers[:4], [row[:4] for row in found.rows], right=(2, 3)))
    if stream is not None and stream.isatty() and not os.environ.get("NO_COLOR"):
        text = _coloured(text, report["verdict"])
    return text


def board(reports: list[JSONObject]) -> str:
    """Return one row for each of many subjects, the surest first, at most 100 columns wide.

    Raises:
        EvidenceError: a report is damaged or of an unknown version.
    """
    for index, report in enumerate(reports):
        check("correctness", report, f"report {index + 1}")
    return tables.plain(tables.choose(tables.board(reports), list(_BOARD)), list(_BOARD.values()))


def summary_markdown(report: JSONObject) -> str:
    """Return the verdict for a GitHub step summary.

    Raises:
        EvidenceError: the report is damaged or of an unknown version.
    """
    check("correctness", report, "report")
    name = tables.escaped(words.name(report["subject"]["name"]))
    parts = [
        f"## {verdict.SIGNS[report['verdict']]} {name}: {report['verdict']}",
        tables.markdown(tables.card_rows(report)),
    ]
    if report["counterexample"]:
        parts.append(fenced(_drawn(report["counterexample"])))
    parts += [tables.markdown(tables.families(report)), tables.markdown(tables.strata(report))]
    return "\n\n".join(parts) + "\n"


def fenced(text: str) -> str:
    """Return a text as a Markdown code block that nothing in it can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"


def _wrapped(rows: Table, room: int) -> Table:
    return Table(rows.title, [], [[str(name), _fold(str(value), room)] for name, value in rows.rows])


def _fold(text: str, room: int) -> str:
    return "\n".join(textwrap.wrap(text, room, break_on_hyphens=False)) or "-"


def _drawn(found: JSONObject) -> str:
    """Return the card of a counterexample as its finder drew it, or else its columns."""
    return words.block(found["card"]) if found.get("card") else tables.plain(carry.diagram(found))


def _coloured(text: str, found: str) -> str:
    colour = _COLOURS[verdict.MARKS[found]]
    return text.replace(found, f"\x1b[1;{colour}m{found}\x1b[0m", 1)
