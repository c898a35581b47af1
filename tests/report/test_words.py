"""The verdict, its certainty and its counterexample read as what they are, on a terminal and in Markdown."""

from __future__ import annotations

import doctest
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import samples as samples
from verify.report import card, carry, labels, shapes, tables, verdict, words
from verify.report.badge import badge_json, badge_svg
from verify.report.evidence import Evidence
from verify.report.page import page

VERDICTS = tuple(verdict.SIGNS)
OPERANDS = st.integers(0, 9_999_999_999)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def answers(report, **others):
    return [f"{each.answer}. {each.more}" for each in verdict.answers(Evidence.of(correctness=report, **others))]


@pytest.mark.parametrize("module", [words, tables, shapes, labels], ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_proved_is_said_of_all_pairs_and_of_the_precisions_that_are_proved():
    right, sure, *_ = answers(samples.report(), proof=samples.proof())
    assert right == "Yes. For all 10²⁰ pairs of operands, by proof."
    assert "float64, float32, in any order" in sure
    assert "bfloat16" not in sure


def test_no_counterexample_is_never_said_without_its_cases_and_what_the_bound_is_of():
    right, sure, *_ = answers(samples.report("NO COUNTEREXAMPLE"))
    assert "no proof" in right
    assert sure.startswith(
        "10,432,117 cases. With 95 % confidence at most 1 in 3,338,117 pairs fails, of pairs drawn unif"
    )
    assert "says nothing of pairs that are rare" in sure


def test_without_uniform_cases_no_bound_is_claimed():
    assert "bound no failure rate" in verdict.bound(samples.report(failure_rate_bound_95=None))


def test_where_it_breaks_names_the_strata():
    *_, where, _ = answers(samples.report("COUNTEREXAMPLE"))
    assert where == "placed-chains. 1 of 4 strata and 1 of 13 families fail."


def test_how_fast_is_that_of_a_model_run_and_never_of_what_is_memoised():
    *_, fast = answers(samples.report(), throughput=samples.throughput())
    assert "incremental" in fast
    assert "scan" not in fast


@pytest.mark.parametrize("name", VERDICTS)
def test_the_card_is_at_most_100_columns_wide_and_says_the_verdict(name):
    long = samples.report(name, reason="word " * 200, subject=dict.fromkeys(samples.report()["subject"], "w" * 400))
    text = card.card(long)
    assert max(map(len, text.splitlines())) <= card.WIDTH
    assert name in text


def test_the_card_shows_the_columns_of_a_counterexample_and_how_to_run_it_again():
    text = card.card(samples.report("COUNTEREXAMPLE"))
    assert "10 + 9990 = 10000, but it says 0" in text
    assert "pytest verify -k carry --submission broken.py" in text
    assert "placed-chains" in text


def test_the_card_says_a_proof_in_short_and_the_page_never_cuts_the_statement():
    report = samples.report()
    statement = "For all integers. " * 100 + "The end."
    report["proof"] |= {"certificate": samples.proof() | {"statement": statement}, "statement": statement}
    assert "in float64, float32, in any order of evaluation; least margin 2, largest error bound 0" in card.card(report)
    assert statement in page(report)


def test_what_fails_stands_first():
    assert str(tables.strata(samples.report("COUNTEREXAMPLE")).rows[0][0]) == "placed-chains"
    assert str(tables.families(samples.report("COUNTEREXAMPLE")).rows[0][0]) == "carry"


def test_that_every_form_was_tried_is_said_and_never_called_exhaustive():
    rows = [samples.stratum("lone-columns") | {"failure_rate_bound_95": None}, samples.stratum("uniform")]
    forms, drawn = tables.strata(samples.report(strata=rows)).rows
    assert [str(cell) for cell in forms[2:5]] == ["300,000 every form", "0", "-"]
    assert [str(cell) for cell in drawn[2:5]] == ["300,000", "0", "1 in 99,999"]
    assert "exhaustive" not in card.summary_markdown(samples.report(strata=rows))


def test_a_column_in_which_nothing_is_known_is_left_out():
    rows = [{"name": "uniform", "cases": 3, "failures": 0}]
    assert tables.strata(samples.report(strata=rows)).headers == ["stratum", "cases", "failures"]


def test_the_card_takes_the_drawn_card_where_there_is_one():
    report = samples.report("COUNTEREXAMPLE", counterexample=samples.counterexample(card="  carry  111\n  a      10"))
    assert "    carry  111\n    a      10" in card.card(report)


@pytest.mark.parametrize(
    ("stream", "no_color", "coloured"),
    [(Terminal(), "", True), (Terminal(), "1", False), (io.StringIO(), "", False), (None, "", False)],
)
def test_colour_is_for_terminals_and_not_where_it_is_declined(stream, no_color, coloured, monkeypatch):
    monkeypatch.setenv("NO_COLOR", no_color)
    assert ("\x1b[" in card.card(samples.report(), stream)) == coloured


@given(OPERANDS, OPERANDS, st.integers(0, 19_999_999_998))
def test_the_diagram_marks_exactly_the_digits_that_differ(a, b, got):
    found = samples.counterexample(a=a, b=b, expected=a + b, got=got, idle_a=[], idle_b=[])
    rows = {str(row[0]): [str(cell) for cell in row[1:]] for row in carry.diagram(found).rows}
    marks = [
        getattr(cell, "mark", "") == "bad"
        for row in carry.diagram(found).rows
        if str(row[0]) == "got"
        for cell in row[1:]
    ]
    assert int("".join(rows["a"])) + int("".join(rows["b"])) == int("".join(rows["expected"])) == a + b
    assert marks == [x != y for x, y in zip(rows["got"], rows["expected"], strict=True)]


@given(OPERANDS, OPERANDS)
def test_a_carry_comes_in_where_the_column_below_generates_or_propagates_one(a, b):
    rows = {
        str(row[0]): [str(cell) for cell in row[1:]] for row in carry.diagram(samples.counterexample(a=a, b=b)).rows
    }
    carries, kinds = [cell == "1" for cell in rows["carry in"]], rows["column"]
    assert carries[-1] is False
    for here in range(len(kinds) - 1):
        assert carries[here] == (kinds[here + 1] == "g" or (kinds[here + 1] == "p" and carries[here + 1]))


def test_an_answer_that_is_no_integer_is_shown_as_text():
    report = samples.report("COUNTEREXAMPLE", counterexample=samples.counterexample(got="None"))
    assert "but it says None" in card.card(report)
    assert "no integer" in answers(report)[0]


def test_the_board_has_the_surest_first_then_the_smallest():
    reports = [
        samples.report("COUNTEREXAMPLE"),
        samples.report("NO COUNTEREXAMPLE"),
        samples.report("NO COUNTEREXAMPLE", parameters=samples.report()["parameters"] | {"counted": 10, "declared": 6}),
        samples.report("UNDECIDED"),
        samples.report("PROVED"),
    ]
    found = [(str(row[0]), str(row[2])) for row in tables.board(reports).rows]
    assert found == [
        ("PROVED", "46"), ("NO COUNTEREXAMPLE", "10 claims 6"), ("NO COUNTEREXAMPLE", "46"), ("UNDECIDED", "46"),
        ("COUNTEREXAMPLE", "46"),
    ]  # fmt: skip


def test_the_board_on_a_terminal_is_at_most_100_columns_wide_whatever_the_names():
    reports = [samples.report(name, subject=dict.fromkeys(samples.report()["subject"], "w" * 300)) for name in VERDICTS]
    text = card.board(reports)
    assert max(map(len, text.splitlines())) <= card.WIDTH
    assert [line.split("  ")[0] for line in text.splitlines() if line[:1] in "PNUC"] == [*VERDICTS]


def test_numbers_are_not_rewritten_by_the_table_writer():
    table = tables.Table("", ["margin"], [["0.10"]])
    assert "0.10" in tables.markdown(table)
    assert "0.10" in tables.plain(table)


@pytest.mark.parametrize("hostile", samples.HOSTILE)
def test_a_hostile_name_is_one_escaped_line_of_markdown(hostile):
    summary = card.summary_markdown(samples.report(subject=dict.fromkeys(samples.report()["subject"], hostile)))
    line = next(line for line in summary.splitlines() if line.startswith("| subject"))
    assert line.count("|") - line.count("\\|") == 3
    assert not {"\x1b", "\u202e", "\x00", "\ud800"} & set(summary)
    for active in ("<script", "<img", "**bold**", "[link]", "http://"):
        assert active not in line.replace(f"\\{active}", "")


@pytest.mark.parametrize("text", ["```", "a\n````\nb", "`"])
def test_nothing_in_a_block_of_text_can_end_it(text):
    first, *_, last = card.fenced(text).splitlines()
    assert first.removesuffix("text") == last
    assert last not in text


@pytest.mark.parametrize("name", VERDICTS)
def test_the_badge_says_the_verdict_in_both_forms(name):
    svg, shield = badge_svg(samples.report(name)), badge_json(samples.report(name))
    assert name.lower() in svg
    assert f'"message": "{name.lower()}' in shield
