"""The verdicts on the terminal and in a GitHub step summary, from the same facts as everywhere else."""

from __future__ import annotations

import os
import shlex
from typing import TextIO

from verify.report import boards, tables, verdict, words
from verify.report.blocks import choose, escaped, fenced, markdown, plain
from verify.report.evidence import JSONObject, check
from verify.report.tables import Fact

WIDTH, HEIGHT = 100, 40
_LABEL = 14  # columns before every line
DRAWING = 14  # lines of a counterexample at most
_BOARD = {"rank": 4, "sums": 17, "nature": 11, "adder": 16, "counted": 7, "because": 35}  # and widths
_COLOURS = {"good": "32", "info": "34", "warn": "33", "bad": "31"}
_BEFORE_DRAWING = ("sums", "nature", "because", "width", "again")


def card(report: JSONObject, stream: TextIO | None = None) -> str:
    """Return the verdicts and what they rest on as a terminal shows it: at most 40 lines of 100 columns.

    Args:
        report: of a run, of schema adder-report/2.
        stream: where it will be written; verdicts are coloured where that is a terminal and NO_COLOR is not set.

    Raises:
        EvidenceError: the report is damaged or of an unknown version.
    """
    check("correctness", report, "report")
    facts, pair = tables.facts(report), report.get("counterexample")
    drawing = ["", *(words.clipped(f"  {line}", WIDTH) for line in drawn(pair)[:DRAWING]), ""] if pair else []
    told = _fitted(facts, HEIGHT - len(drawing))
    if stream is not None and stream.isatty() and not os.environ.get("NO_COLOR"):
        for name, saying in (("sums", verdict.sums_of(report)), ("nature", verdict.nature_of(report))):
            coloured = f"\x1b[1;{_COLOURS[saying.mark]}m{saying.name}\x1b[0m"
            told[name][0] = told[name][0].replace(saying.name, coloured, 1)
    before = [line for name in _BEFORE_DRAWING for line in told.get(name, [])]
    after = [line for name, lines in told.items() if name not in _BEFORE_DRAWING for line in lines]
    return "\n".join([*before, *drawing, *after])


def _fitted(facts: list[Fact], height: int) -> dict[str, list[str]]:
    """Return the lines of every fact; where there are too many the last facts lose theirs first, to their least."""
    told = {fact.name: _lines(fact, fact.most) for fact in facts}
    for fact in reversed(facts):
        while sum(map(len, told.values())) > height and len(told[fact.name]) > fact.least:
            told[fact.name] = _lines(fact, len(told[fact.name]) - 1)
    return told


def _lines(fact: Fact, most: int) -> list[str]:
    """Return a fact on at most so many lines, its name before the first."""
    room = WIDTH - _LABEL
    if fact.is_command:
        lines = _command(fact.items[0], room, most)
    elif len(fact.items) > most:
        shown = [words.clipped(item, room) for item in fact.items[: max(most - 1, 0)]]
        lines = [*shown, f"{len(fact.items) - len(shown):,}{' more' if shown else ''}, all in the evidence"][:most]
    else:
        lines = [line for item in fact.items for line in words.folded(item, room, most // len(fact.items))]
    return [f"{'' if index else fact.name:<{_LABEL}}{line}" for index, line in enumerate(lines[:most])]


def _command(command: str, room: int, most: int) -> list[str]:
    """Return a command so that it can be pasted, its lines ended for a shell where it takes several."""
    if words.width(command) <= room:
        return [command]
    try:
        folded = _packed([shlex.quote(word) for word in shlex.split(command)], room - 2)
    except ValueError:
        folded = [command]
    if len(folded) > most or any(words.width(line) > room - 2 for line in folded):
        return [words.clipped(command, room - 24) + " (whole in the evidence)"]
    return [*(f"{line} \\" for line in folded[:-1]), folded[-1]]


def _packed(texts: list[str], room: int) -> list[str]:
    """Return texts on lines of at most so many columns, none of them broken."""
    lines = texts[:1]
    for text in texts[1:]:
        if words.width(lines[-1]) + 1 + words.width(text) <= room:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def board(reports: list[JSONObject]) -> str:
    """Return one row for each of many subjects, the ranked first, at most 100 columns wide.

    Raises:
        EvidenceError: a report is damaged or of an unknown version.
    """
    for index, report in enumerate(reports):
        check("correctness", report, f"report {index + 1}")
    return plain(choose(boards.whole(reports), list(_BOARD)), list(_BOARD.values()))


def board_markdown(reports: list[JSONObject]) -> str:
    """Return the board of many subjects for a GitHub step summary.

    Raises:
        EvidenceError: a report is damaged or of an unknown version.
    """
    for index, report in enumerate(reports):
        check("correctness", report, f"report {index + 1}")
    return boards.board_markdown(reports)


def summary_markdown(report: JSONObject) -> str:
    """Return the verdicts for a GitHub step summary.

    Raises:
        EvidenceError: the report is damaged or of an unknown version.
    """
    check("correctness", report, "report")
    sums, nature = verdict.sums_of(report), verdict.nature_of(report)
    name = words.name(report["subject"]["name"])
    parts = [f"## {sums.sign} {escaped(name)}: {sums.name}, {nature.name}", markdown(tables.card_rows(report))]
    if report.get("counterexample"):
        parts.append(fenced("\n".join(drawn(report["counterexample"]))))
    parts += [markdown(table(report)) for table in (tables.nature, tables.families, tables.strata)]
    return "\n\n".join(parts) + "\n"


def drawn(found: JSONObject) -> list[str]:
    """Return a wrong sum as its finder drew it, or else its columns; without its command, which is told apart."""
    text = words.block(found["card"]) if found.get("card") else plain(tables.diagram(found))
    return [line for line in text.split("\n") if not line.strip().startswith("again:")]
