"""The card fits a terminal, whatever the report holds: the verdicts stand first, the rest is folded or counted away."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report import samples
from verify.report import words
from verify.report.card import HEIGHT, WIDTH, card, summary_markdown

TEXTS = st.one_of(
    st.text(max_size=300),
    st.sampled_from([*samples.HOSTILE, "", "word " * 300, "四" * 400, "a\u0301" * 400, "line\n" * 100]),
)
COUNTS = st.integers(0, 2**63 - 1)
ROWS = st.integers(0, 60)


@st.composite
def reports(draw):
    """Reports of every verdict whose texts, counts and numbers of rows are anything that the schema allows."""
    found = draw(st.sampled_from([*samples.SUMS, "disagreement"]))
    character = draw(st.sampled_from(list(samples.NATURE)))
    report = samples.disagreement() if found == "disagreement" else samples.report(found, character)
    report = samples.cut_short(report) if draw(st.booleans()) else report
    report = copy.deepcopy(report)
    draw_texts(draw, report)
    for name in ("strata", "families", "stages", "failure_rates"):
        report[name] = repeated(draw, report[name])
    report["nature"]["rows"] = repeated(draw, report["nature"]["rows"])
    report["cases"] = draw(COUNTS)
    return report


def repeated(draw, rows):
    return [row | draw_some(draw, row) for _ in range(draw(ROWS)) for row in rows[-1:]]


def draw_some(draw, row):
    changed = {
        key: draw(TEXTS) for key in ("name", "rule", "observation", "cut", "detail", "reason", "of") if key in row
    }
    return changed | ({"failures": row["failures"] or 1} if "complete" in row else {})


def draw_texts(draw, report):
    for key in ("spec", "name", "author", "sha256", "isolation", "batching"):
        report["subject"][key] = draw(TEXTS)
    report["subject"]["findings"] = [{"name": draw(TEXTS)} for _ in range(draw(st.integers(0, 9)))]
    report["sums"]["reason"], report["nature"]["reason"] = draw(TEXTS), draw(TEXTS)
    report["go_on"] = draw(TEXTS)
    if report["disagreement"]:
        report["disagreement"] = draw(TEXTS) or "they disagree"
    if report["counterexample"]:
        texts = {key: draw(TEXTS) for key in ("reason", "family", "stratum", "replay", "card", "got")}
        report["counterexample"] |= texts
    if report["proof"]:
        report["proof"] |= {"statement": draw(TEXTS), "reason": draw(TEXTS), "certificate": draw(TEXTS)}


@settings(max_examples=150)
@given(reports())
def test_every_card_is_at_most_40_lines_of_100_columns_and_begins_with_both_verdicts(report):
    lines = card(report).split("\n")
    assert len(lines) <= HEIGHT
    assert max(map(words.width, lines)) <= WIDTH
    assert lines[0].startswith(f"sums          {report['sums']['verdict']}: ")
    assert any(line.startswith(f"nature        {report['nature']['verdict']}: ") for line in lines[1:5])


@settings(max_examples=50)
@given(reports())
def test_every_summary_is_told_without_a_character_that_cannot_be_printed(report):
    assert all(line.isprintable() for line in summary_markdown(report).splitlines())


def test_what_has_no_room_is_counted():
    rows = [samples.stratum("uniform") | {"name": f"stratum-{index}", "failures": 99 - index} for index in range(50)]
    told = card(samples.report("COUNTEREXAMPLE", strata=rows))
    assert "breaks in     stratum-0: 99 of 300,000\n" in told
    assert "48 more, all in the evidence" in told


def test_the_drawing_of_a_wrong_sum_is_never_cut_for_the_rest():
    drawn = "\n".join(f"line {index}" for index in range(12))
    pair = samples.counterexample(card=drawn, replay="pytest " + "x" * 300)
    rows = [samples.stratum("uniform") | {"failures": 1}] * 90
    told = card(samples.cut_short(samples.report("COUNTEREXAMPLE", "VIOLATED", counterexample=pair, strata=rows)))
    assert all(f"  line {index}\n" in told for index in range(12))


def test_the_command_of_a_drawing_stands_once():
    pair = samples.counterexample(card="  carry 1\n  again: pytest verify -k carry")
    assert card(samples.report("COUNTEREXAMPLE", counterexample=pair)).count("pytest verify -k carry") == 1


@pytest.mark.parametrize("verdict", samples.SUMS)
def test_a_plain_report_is_told_whole(verdict):
    told = card(samples.cut_short(samples.report(verdict, "VIOLATED")))
    assert "..." not in told
    assert "all in the evidence" not in told
