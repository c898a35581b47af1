"""All reports from a folder of evidence: Markdown, figures, the page and the badge, replaced together or not at all."""

from __future__ import annotations

from pathlib import Path

from verify.files import write_text
from verify.report import badge, page, svg, tables, verdict
from verify.report.blocks import Figure, Listing, Paragraph, Part, Section
from verify.report.card import fenced
from verify.report.evidence import KINDS, Evidence
from verify.report.sections import sections

REPORTS = {"correctness": "Is it right, how sure is that, and where does it break", "throughput": "How fast it is"}


def render(data_folder: Path, out_folder: Path) -> list[Path]:
    """Write all reports from the evidence in a folder, and return their paths.

    Raises:
        EvidenceError: evidence is damaged, half-written or of an unknown version; the reports stay as they were.
    """
    texts = _texts(Evidence.load(data_folder))
    for name, text in texts.items():
        write_text(out_folder / name, text)
    return [out_folder / name for name in texts]


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
            "badge.svg": badge.badge_svg(evidence.correctness),
            "badge.json": badge.badge_json(evidence.correctness),
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
        told = tables.escaped(verdict.headline(evidence.correctness))
        lines += ["![verdict](badge.svg)", "", f"**{evidence.correctness['verdict']}**: {told}.", ""]
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
        parts += [f"**{evidence.correctness['verdict']}**", tables.markdown(tables.card_rows(evidence.correctness))]
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
    said = verdict.statement(evidence)
    if not said or evidence.correctness is None:
        return []
    parts = [f"### {verdict.STATEMENT_TITLES[evidence.correctness['verdict']]}", tables.escaped(said)]
    if evidence.proof and evidence.correctness["verdict"] == verdict.PROVED:
        assumed = [(each["name"], each["text"]) for each in evidence.proof["assumptions"]]
        listed = "\n".join(f"- {tables.escaped(name)}: {tables.escaped(text)}" for name, text in assumed)
        parts += ["### What the proof assumes", listed]
    return parts


def _part(part: Part) -> str:
    if isinstance(part, Figure):
        return f"### {part.title}\n\n![{tables.escaped(part.description)}](figures/{part.name}.svg)"
    if isinstance(part, Paragraph):
        return tables.escaped(part.text)
    if isinstance(part, Listing):
        return f"### {part.title}\n\n{fenced(part.text)}"
    if part.look == "diagram":
        return f"{fenced(tables.plain(part))}\n\n{tables.escaped(part.title)}"
    return f"### {tables.escaped(part.title)}\n\n{tables.markdown(part)}"
