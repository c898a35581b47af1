"""All reports from a folder of evidence: Markdown, figures, the page and the badge, replaced together or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from markupsafe import escape

from verify.files import write_text
from verify.report import boards, page, svg, tables, verdict, words
from verify.report.blocks import Figure, Listing, Paragraph, Part, Section, escaped, fenced, markdown, plain
from verify.report.evidence import KINDS, Evidence, JSONObject
from verify.report.sections import sections

REPORTS = {"correctness": "Is it right, how sure is that, and where does it break", "throughput": "How fast it is"}

_LABEL = "adder"
_COLOURS = {"good": "#0a6b4b", "info": "#1d5a9e", "warn": "#8a5a00", "bad": "#b3321b"}
_CHARACTER, _SPACE, _HEIGHT = 6.6, 12, 20  # of the badge, in pixels


def render(data_folder: Path, out_folder: Path) -> list[Path]:
    """Write all reports from the evidence in a folder, and return their paths.

    Raises:
        EvidenceError: evidence is damaged, half-written or of an unknown version; the reports stay as they were.
    """
    texts = _texts(Evidence.load(data_folder))
    for name, text in texts.items():
        write_text(out_folder / name, text)
    return [out_folder / name for name in texts]


def render_board(reports: list[JSONObject], folder: Path) -> list[Path]:
    """Write the board of many subjects, as a page and as Markdown, and the page of each; return their paths.

    Raises:
        EvidenceError: a report is damaged or of an unknown version.
    """
    texts = {
        "index.html": page.board(reports, linked=True),
        "board.md": boards.board_markdown(reports, linked=True),
        **{f"{boards.PAGES}/{boards.page_name(report)}": page.page(report) for report in reports},
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]


def _texts(evidence: Evidence) -> dict[str, str]:
    """Return every report by its path in the folder of reports."""
    found = sections(evidence, whole=True)
    texts = {
        "README.md": _index(evidence),
        "index.html": page.page_of(evidence, found),
        **{f"{report}.md": _markdown(report, evidence, found) for report in REPORTS},
    }
    figures = [part for section in found for part in section.parts if isinstance(part, Figure)]
    texts |= {f"figures/{figure.name}.svg": svg.standalone(figure, page.palette()) for figure in figures}
    if evidence.correctness:
        texts |= {
            "badge.svg": badge_svg(evidence.correctness),
            "badge.json": badge_json(evidence.correctness),
        }
    return texts


def _index(evidence: Evidence) -> str:
    """Return the README of the folder."""
    lines = [
        "# Reports",
        "",
        "Generated from `data/` by `adder-verify report`; delete them and `tox -e report` brings them back.",
        "",
    ]
    if evidence.correctness:
        lines += ["![verdict](badge.svg)", ""]
        for told in verdict.told(evidence.correctness):
            lines += [f"{told.question} **{told.saying.name}**: {escaped(told.sentence)}.", ""]
    lines += ["- [index.html](index.html): everything on one page, to be opened in a browser"]
    lines += [f"- [{name}.md]({name}.md): {title}" for name, title in REPORTS.items()]
    lines += [
        "- `badge.svg`, `badge.json`: the verdict for a README, and for shields.io",
        "- `figures/`: every figure",
        "",
        "## Evidence",
        "",
    ]
    for name, kind in KINDS.items():
        there = f"[{kind.file}](data/{kind.file})" if name in evidence.parts() else f"{kind.file}, not gathered"
        lines.append(f"- {there}: `{kind.command}`")
    return "\n".join(lines) + "\n"


def _markdown(report: str, evidence: Evidence, found: list[Section]) -> str:
    """Return one report."""
    parts = [f"# {REPORTS[report]}"]
    if report == "correctness" and evidence.correctness:
        told = verdict.told(evidence.correctness)
        parts += [f"{each.question} **{each.saying.name}**" for each in told]
        parts += [markdown(tables.card_rows(evidence.correctness))]
    if report == "correctness":
        parts += _statement(evidence)
    for section in found:
        if section.report in (report, ""):
            parts += [
                f"## {section.title}",
                "Made by " + ", ".join(f"`{command}`" for command in section.commands) + ".",
            ]
            parts += [_part(part) for part in section.parts]
    return "\n\n".join(parts) + "\n"


def _statement(evidence: Evidence) -> list[str]:
    """Return what is proved and what that assumes, or why there is no proof."""
    said, report = verdict.statement(evidence), evidence.correctness
    if not said or report is None:
        return []
    parts = [f"### {verdict.sums_of(report).title}", escaped(said)]
    if evidence.proof and verdict.shows_theorem(report):
        assumed = [(each["name"], each["text"]) for each in evidence.proof["assumptions"]]
        listed = "\n".join(f"- {escaped(words.whole(name))}: {escaped(words.whole(text))}" for name, text in assumed)
        parts += ["### What the proof assumes", listed]
    return parts


def _part(part: Part) -> str:
    if isinstance(part, Figure):
        return f"### {part.title}\n\n![{escaped(part.description)}](figures/{part.name}.svg)"
    if isinstance(part, Paragraph):
        return escaped(part.text)
    if isinstance(part, Listing):
        return f"### {part.title}\n\n{fenced(part.text)}"
    if part.look == "diagram":
        return f"{fenced(plain(part))}\n\n{escaped(part.title)}"
    note = f"\n\n{escaped(part.note)}" if part.note else ""
    return f"### {escaped(part.title)}\n\n{markdown(part)}{note}"


def badge_json(report: JSONObject) -> str:
    """Return both verdicts as https://shields.io/badges/endpoint-badge reads them."""
    colour = _COLOURS[verdict.worst_mark(report)].removeprefix("#")
    value = {"schemaVersion": 1, "label": _LABEL, "message": verdict.badge_text(report), "color": colour}
    return json.dumps(value, sort_keys=True, indent=1) + "\n"


def badge_svg(report: JSONObject) -> str:
    """Return both verdicts as a badge, a file of its own."""
    message, colour = verdict.badge_text(report), _COLOURS[verdict.worst_mark(report)]
    left, right = (round(len(text) * _CHARACTER + _SPACE) for text in (_LABEL, message))
    width, text = left + right, escape(message)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" role="img" '
        f'aria-label="{_LABEL}: {text}"><title>{_LABEL}: {text}</title>'
        f'<clipPath id="r"><rect width="{width}" height="{_HEIGHT}" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="{_HEIGHT}" fill="#444a53"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{colour}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{_LABEL}</text><text x="{left + right / 2:g}" y="14">{text}</text></g></svg>\n'
    )
