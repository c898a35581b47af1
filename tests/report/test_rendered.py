"""What is rendered is words for people: no None, no nan, no power of ten in letters, no 0.0 s, no "1 sums"."""

from __future__ import annotations

import html
import re
import time

import pytest

from tests.mutation import ROOT
from tests.report import samples
from tests.report.test_render import gather
from verify.report import card, render, terminal
from verify.report.page import board, page
from verify.report.verdict import failure_rates

ODD = re.compile(
    r"\bNone\b(?! (?:of|failed|survives?)\b)"  # as in "None of 302 survives."
    r"|\bnan\b|\bTrue\b|\bFalse\b"
    r"|\d(?:\.\d+)?e[+-]?\d+\b(?<![0-9a-f]{8})"
    r"|(?<![\d.,])0(?:\.0+)? (?:µs|ms)\b|(?<![\d.,])0\.0+ s\b"
    r"|(?<![\w.,^+-])1 (?!is\b|was\b|gives\b|less\b|as\b|the units|in )(?:[a-z-]+ )?[a-z]{2,}s\b"
    r"|\b1 in 1\b(?!,)"
)
SHAPES = [{
    "place": 0, "carry_word": "g", "failures": 1, "a": 1, "b": 9, "got": 0, "stratum": "uniform", "expected": 10,
}]  # fmt: skip


def campaign(**changes):
    """The summary of a campaign, as small as it can be."""
    report = samples.report("NO COUNTEREXAMPLE")
    found = {name: report[name] for name in ("subject", "strata")}
    return found | {
        "verdict": "NO COUNTEREXAMPLE", "reason": "in 1 case", "cases": 1, "shards": 1, "seconds": 0.0, "name": "hunt",
        "part": "1/1", "clusters": [], "aside": [], "changed": time.time(), "goal": {"seconds": 60, "shards": None},
    } | changes  # fmt: skip


def of_one(verdict="NO COUNTEREXAMPLE", **changes):
    """A report of a run that did everything once, in no time, on an adder that tells nothing of itself."""
    found = samples.report(verdict)
    counted = {"passed": 1, "failed": 0, "skipped": 0, "lost": 1, "seconds": 0.0, "reason": ""}
    run = {"budget": 45.0, "call_seconds": 10.0, "cases": 500_000, "stratum": None, "profile": "quick"}
    return (
        found
        | {
            "cases": 1,
            "seconds": 0.0,
            "failure_rates": [samples.rate("add", 1)],
            "strata": [row | {"cases": 1, "uniform_expected": None, "complete": None} for row in found["strata"][:1]],
            "families": [row | counted for row in found["families"][:1]],
            "stages": [row | {"seconds": 0.0} for row in found["stages"]],
            "parameters": dict.fromkeys(found["parameters"]),
            "environment": {"run": run, "cuda": None, "seed": 1},
        }
        | changes
    )


def often_wrong():
    """A report of an adder that is wrong on most pairs, and that raises none of the sums."""
    row = samples.rate("add", 1280, 707) | {"estimate": 707 / 1280, "interval_95": [0.525, 0.58]}
    return samples.report("COUNTEREXAMPLE", failure_rates=[row])


REPORTS = {
    **{verdict: samples.report(verdict) for verdict in samples.SUMS},
    "disagreement": samples.disagreement(),
    "cut short": samples.cut_short(samples.report("NO COUNTEREXAMPLE")),
    "of one": of_one(),
    "undecided of one": of_one("UNDECIDED"),
    "often wrong": often_wrong(),
}
AUDIT = {
    "seed": 1,
    "parameters": {
        "declared": None,
        "counted": 1,
        "unique": None,
        "buffers": 0,
        "copies": 0,
        "dead": 0,
        "notes": [],
        "tensors": [],
    },
    "audit": [{"outcome": "ok", "check": "attention", "detail": "1 softmax call a forward was seen"}],
}
SCORE = {
    "qualified": True, "correct": 10_010, "total": 10_010, "accuracy": 100.0, "batching": "add", "failures": [],
    "chains": [1, 0], "unseen": [],
}  # fmt: skip
OTHERS = {
    "campaign": lambda: terminal.campaign(campaign()),
    "campaign that failed": lambda: terminal.campaign(campaign(clusters=SHAPES)),
    "campaign under way": lambda: terminal.progress_line(campaign()),
    "campaign whose time is spent": lambda: terminal.progress_line(campaign(seconds=60.0)),
    "campaign of one shard": lambda: terminal.progress_line(campaign(goal={"seconds": None, "shards": 1})),
    "audit": lambda: terminal.audit(AUDIT),
    "score": lambda: terminal.score(SCORE),
}
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("verify/**/README.md")])


def read(text):
    """Return what a reader sees of a page: no style sheet, no tag and no attribute."""
    return html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)))


def odd(text):
    return [text[max(0, each.start() - 60) : each.end() + 20] for each in ODD.finditer(text)]


@pytest.mark.parametrize("text", [
    "budget 45.0, stratum None", "a rate of nan", "at most 5.99e-06 fail", "proof 0.0 s", "0 µs of its time left",
    "1 softmax calls", "about 1 in 1 (95 %)", "1e+20 pairs",
])  # fmt: skip
def test_what_nobody_should_read_is_seen(text):
    assert odd(text)


@pytest.mark.parametrize("text", ["None of 302 survives.", "column 1 is the units", "1 in 1,280", "10.0 s", "sha 1e5b"])
def test_what_may_be_read_is_let_be(text):
    assert not odd(text)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_as_words_wherever_it_is_shown(name):
    report = REPORTS[name]
    shown = [card.card(report), card.summary_markdown(report), card.board([report])]
    shown += [read(page(report)), read(board([report, report]))]
    assert [odd(text) for text in shown] == [[]] * 5


@pytest.mark.parametrize("name", OTHERS)
def test_other_results_read_as_words(name):
    assert odd(OTHERS[name]()) == []


@pytest.mark.parametrize("evidence", ["samples", "ours"])
def test_the_reports_read_as_words(evidence, tmp_path):
    """Of our own evidence what the reports add to it: a sentence that an older run wrote down stays as it was."""
    data = ROOT / "reports" / "data" if evidence == "ours" else gather(tmp_path / "data", samples.everything())
    recorded = "".join(path.read_text() for path in data.iterdir())
    for path in render.render(data, tmp_path / "out"):
        if path.suffix in {".md", ".html"}:
            found = ODD.finditer(read(path.read_text()))
            assert [each[0] for each in found if each[0] not in recorded] == [], path.name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_shown_in_the_documentation_reads_as_words(path):
    assert [found for block in re.findall(r"```.*?```", path.read_text(), re.DOTALL) for found in odd(block)] == []


def test_a_rate_above_one_in_ten_is_told_as_a_percentage():
    assert failure_rates(often_wrong()) == [
        "of add itself, 1,280 draws: 707 failed, about 55.3 % (95 %: 52.5 % to 58 %)",
    ]
