"""The card fits a terminal, whatever the report holds: the verdicts stand first, the rest is folded or counted away."""

from __future__ import annotations

import copy
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report import samples
from verify.report import words
from verify.report.card import DRAWING, HEIGHT, WIDTH, card, summary_markdown
from verify.report.tables import facts

TEXTS = st.one_of(
    st.text(max_size=300),
    st.sampled_from([*samples.HOSTILE, "", "word " * 300, "四" * 400, "a\u0301" * 400, "line\n" * 100]),
)
COUNTS = st.integers(0, 2**63 - 1)
ROWS = st.integers(0, 60)


@st.composite
def reports(draw):
    """Reports of every verdict whose texts, counts and numbers of rows are anything that the schema allows.

    A few texts are drawn and dealt out in turn: each of hundreds drawn by itself leaves Hypothesis only short ones.
    """
    verdict = draw(st.sampled_from([*samples.SUMS, "COUNTEREXAMPLE", "disagreement"]))
    character = draw(st.sampled_from(list(samples.NATURE)))
    report = samples.disagreement() if verdict == "disagreement" else samples.report(verdict, character)
    report = copy.deepcopy(samples.cut_short(report) if draw(st.booleans()) else report)
    texts = itertools.cycle(draw(st.lists(TEXTS, min_size=1, max_size=5)))
    for holder in (report, report["nature"]):
        for name in {"strata", "families", "stages", "failure_rates", "rows"} & set(holder):
            holder[name] = [dict(holder[name][-1]) for _ in range(draw(ROWS))] if holder[name] else []
    report |= {"task": {"digits": 10, "pairs": "10^20"}, "width": ""} if draw(st.booleans()) else {}
    if verdict == "EXHAUSTIVE":
        report |= {"task": {"digits": 3, "pairs": "10^6"}, "strata": [*report["strata"], samples.every_pair()]}
    if report["counterexample"] and draw(st.booleans()):
        report["counterexample"] |= {"card": ""}  # dealt one, else its columns are drawn
    deal(texts, report)
    report["subject"]["findings"] = [{"name": next(texts)} for _ in range(draw(st.integers(0, 9)))]
    return report | {"cases": draw(COUNTS), "failures": draw(COUNTS)}


DEALT = {"name", "rule", "observation", "cut", "detail", "reason", "of", "spec", "author", "sha256", "isolation",
         "batching", "go_on", "disagreement", "replay", "card", "got", "stratum", "family", "statement", "certificate",
         "sentence", "width"}  # fmt: skip


def deal(texts, found):
    """Put the next text wherever one may stand."""
    for key, value in found.items():
        if key in DEALT and value is not None:
            found[key] = next(texts) or ("they disagree" if key == "disagreement" else "")
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict) and key not in DEALT:
                deal(texts, inner)


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


def test_every_fact_has_its_least_lines_beside_the_longest_drawing():
    report = samples.cut_short(samples.disagreement() | {"nature": samples.report("PROVED", "VIOLATED")["nature"]})
    report["subject"]["findings"] = [{"name": "opens a socket"}]
    assert len(facts(report)) == 19
    assert sum(fact.least for fact in facts(report)) + DRAWING + 2 <= HEIGHT


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
