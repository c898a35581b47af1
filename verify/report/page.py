"""One HTML file for one subject, and one for a table of many: self-contained, without script, all text escaped."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from verify.report import boards, heads, svg, tables, verdict, words
from verify.report.blocks import Figure, Listing, Paragraph, Section, Table
from verify.report.evidence import KINDS, Evidence, JSONObject, check, is_understood
from verify.report.sections import sections
from verify.text import plural

TEMPLATES = Path(__file__).with_name("templates")
_KINDS = {Figure: "figure", Listing: "listing", Paragraph: "paragraph", Table: "table"}


def page(report: JSONObject, **others: JSONObject | None) -> str:
    """Return the page of one subject; only sections with evidence are there.

    Args:
        report: of a run, of schema adder-report/2.
        others: further evidence by kind, see `verify.report.evidence.KINDS`; the proof is the report's own unless
            another is given.

    Raises:
        EvidenceError: evidence is damaged or of an unknown version.
    """
    check("correctness", report, "report")
    certificate = (report.get("proof") or {}).get("certificate")
    if is_understood("proof", certificate):  # else its statement alone is shown, which the report holds too
        others.setdefault("proof", certificate)
    evidence = Evidence.of(correctness=report, **others)
    return page_of(evidence, sections(evidence, whole=False))


def page_of(evidence: Evidence, found: list[Section]) -> str:
    """Return the page of checked evidence and its sections."""
    report = evidence.correctness
    subject = report["subject"] if report else {}
    statement, digests = words.without_digests(verdict.statement(evidence))
    name = words.name(subject.get("name") or "adder")
    told = verdict.told(report) if report else ()
    return _render(
        "page.html",
        found,
        title=f"{name}: {', '.join(each.saying.name for each in told) or 'not verified'}",
        name=name,
        report=report,
        proof=evidence.proof,
        answers=verdict.answers(evidence),
        told=told,
        statement=statement,
        digests=digests,
        statement_title=verdict.sums_of(report).title if report else "",
        shows_theorem=verdict.shows_theorem(report),
        command=KINDS["correctness"].command,
        made=_made(report),
        card=tables.card_rows(report) if report else None,
    )


def board(reports: list[JSONObject], *, linked: bool = False) -> str:
    """Return the page of many subjects, one row each; ``linked`` where the page of each lies beside it.

    Raises:
        EvidenceError: a report is damaged or of an unknown version.
    """
    for index, report in enumerate(reports):
        check("correctness", report, f"report {index + 1}")
    return _render(
        "board.html",
        [],
        title="Adders",
        count=plural(len(reports), "adder"),
        counts=boards.counts(reports),
        groups=boards.groups(reports, linked=linked),
        meanings=" ".join([*boards.by_rules(reports), boards.MEANINGS]),
        made=_made(reports[0]) if reports else "",
    )


def _made(found: JSONObject | None) -> str:
    """Return by what evidence was made and when, in a sentence; "" where it does not say."""
    made = (found or {}).get("made")
    if not made:
        return ""
    commit = f", commit {words.name(made['commit'])}" if made["commit"] else ""
    date = words.name(made["date"]).replace("T", " ").removesuffix("Z")
    return f"Judged on {date} UTC by tiny-adder {words.name(made['version'] or 'of no version')}{commit}."


def palette() -> str:
    """Return the colours by name, light and dark, as a style sheet."""
    return (TEMPLATES / "palette.css").read_text("utf-8").strip()


def _render(template: str, found: list[Section], **values: object) -> str:
    styles = svg.Styles()
    drawn = {
        part.name: Markup(svg.inline(part, styles))  # noqa: S704 - drawn by us, its texts escaped by ElementTree
        for section in found
        for part in section.parts
        if isinstance(part, Figure)
    }
    sheet = "\n".join([palette(), (TEMPLATES / "page.css").read_text("utf-8"), styles.css]).replace("\r\n", "\n")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["whole"] = words.whole
    return environment.get_template(template).render(
        sections=found,
        drawn=drawn,
        kind_of=lambda part: _KINDS[type(part)],
        heads_of=heads.of_section,
        sheet=Markup(sheet),  # noqa: S704 - ours
        sheet_digest=base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode(),
        **values,
    )
