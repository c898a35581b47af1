"""The verdict, its certainty and its counterexample read as what they are, on a terminal and in Markdown."""

from __future__ import annotations

import doctest
import io
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import samples as samples
from verify import text
from verify.errors import EvidenceError
from verify.report import blocks, card, plane, schema, shapes, tables, verdict, words
from verify.report.evidence import Evidence, check
from verify.report.page import page

VERDICTS = samples.SUMS
OPERANDS = st.integers(0, 9_999_999_999)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def answers(report, **others):
    return [f"{each.answer}. {each.more}" for each in verdict.answers(Evidence.of(correctness=report, **others))]


@pytest.mark.parametrize("module", [text, words, blocks, shapes, plane, schema], ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_proved_is_said_of_all_pairs_and_of_the_precisions_in_which_it_holds():
    sure, *_ = answers(samples.report(), proof=samples.proof())
    assert "all 10²⁰ pairs of operands" in verdict.headline(samples.report())
    assert "float64, float32, in any admissible order" in sure
    assert "bfloat16" not in sure


def test_a_bound_says_what_it_is_of_and_is_never_of_what_was_not_drawn():
    assert verdict.failure_rates(samples.report("NO COUNTEREXAMPLE")) == [
        "of add itself, 10,010 draws: at most 1 in 3,336 (95 %)",
        "of its forward, in batches, 500,000 draws: at most 1 in 166,666 (95 %)",
    ]


def test_where_failures_were_seen_the_rate_is_an_estimate_with_its_interval():
    (told,) = verdict.failure_rates(samples.report("COUNTEREXAMPLE"))
    assert told == "of add itself, 10,010 draws: 3 failed, about 1 in 3,336 (95 %: 1 in 13,346 to 1 in 1,112)"


def test_without_uniform_cases_no_bound_is_claimed():
    report = samples.report(failure_rates=[samples.rate("add", 1) | {"cases": 0}])
    assert verdict.failure_rates(report) == []
    assert "These cases bound no failure rate." in page(report)


def test_where_it_breaks_names_the_strata():
    _, where, *_ = answers(samples.report("COUNTEREXAMPLE"))
    assert where == "placed-chains. 1 of 4 strata and 1 of 10 families of claims about sums fail."


def test_how_fast_is_that_of_a_model_run_and_never_of_what_is_memoised():
    *_, fast = answers(samples.report(), throughput=samples.throughput())
    assert "incremental" in fast
    assert "scan" not in fast


def test_the_card_shows_the_columns_of_a_counterexample_and_how_to_run_it_again():
    text = card.card(samples.report("COUNTEREXAMPLE"))
    assert "10 + 9990 = 10000, but it says 0" in text
    assert "pytest verify -k carry --submission broken.py" in text
    assert "placed-chains" in text


def test_the_card_says_a_proof_in_short_and_the_page_never_cuts_the_statement():
    report = samples.report()
    statement = "For all integers. " * 100 + "The end."
    report["proof"] |= {"statement": statement}
    assert "in float64, float32, in any admissible order; least margin 2, largest error bound 0" in card.card(report)
    assert statement in page(report)


def test_who_accepted_a_theorem_is_said_of_those_that_did():
    report = samples.report()

    assert "accepted by: standard library 3.11.2, coqc 8.16.1" in " ".join(facts_of(report, "proof"))

    report["proof"]["checkers"][1]["rejected"] = "coqc: a lemma fails"
    told = " ".join(facts_of(report, "proof"))
    assert "accepted by: standard library 3.11.2; rejected by coqc 8.16.1: coqc: a lemma fails" in told
    check("correctness", report, "x.json")

    del report["proof"]["checkers"]
    assert "accepted by" not in card.card(report) + page(report)


def facts_of(report, name):
    """Return what a card says under a name."""
    return next(fact.items for fact in tables.facts(report) if fact.name == name)


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


def test_a_sentence_that_promises_all_is_qualified_where_it_was_not_done():
    cut = samples.cut_short(samples.report())["strata"][3]
    assert tables.what_lies_in(cut).startswith("cut short at 57 of 1,000 pairs of digits")
    assert tables.what_lies_in(cut | {"cut": ""}).startswith("not all of it, 57 cases. Aimed at: Every pair of digits")
    assert tables.what_lies_in(cut | {"cut": "", "complete": True}) == cut["sentence"]


def test_the_reason_of_a_skip_is_never_shown_as_that_of_a_failure():
    family = samples.family("proof")
    worse = family | {"failed": 1, "reason": "add(1, 9)=0"}
    rows = tables.families(samples.report(families=[worse, family])).rows
    assert [str(row[-1]) for row in rows] == ["failed: add(1, 9)=0", "skipped: z3 is not installed"]


def test_what_was_cut_short_is_said_with_how_to_go_on():
    text = card.card(samples.cut_short(samples.report("NO COUNTEREXAMPLE")))
    assert "stage proof: not begun, the time was spent" in text
    assert "lone-columns, cut short at 57 of 1,000" in text
    assert "2 claims of proof lost" in text
    assert "to go on      adder-verify run adder.submission --budget 600" in text


def test_a_rule_that_does_not_hold_stands_on_the_card_with_its_observation():
    assert "declared parameters, violated: 46 declared; 45 counted" in card.card(samples.report("PROVED", "VIOLATED"))


def test_a_long_command_can_be_pasted_from_the_card():
    replay = f"pytest verify -k carry --submission {'a' * 60} --method {'b' * 60}"
    text = card.card(samples.report("COUNTEREXAMPLE", counterexample=samples.counterexample(replay=replay)))
    told = text[text.index("pytest") : text.index("\n\n")]
    assert shlex.split(told.replace("\\\n", "")) == shlex.split(replay)


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
    rows = {str(row[0]): [str(cell) for cell in row[1:]] for row in tables.diagram(found).rows}
    marks = [
        getattr(cell, "mark", "") == "bad"
        for row in tables.diagram(found).rows
        if str(row[0]) == "got"
        for cell in row[1:]
    ]
    assert int("".join(rows["a"])) + int("".join(rows["b"])) == int("".join(rows["expected"])) == a + b
    assert marks == [x != y for x, y in zip(rows["got"], rows["expected"], strict=True)]


@given(OPERANDS, OPERANDS)
def test_a_carry_comes_in_where_the_column_below_generates_or_propagates_one(a, b):
    rows = {
        str(row[0]): [str(cell) for cell in row[1:]] for row in tables.diagram(samples.counterexample(a=a, b=b)).rows
    }
    carries, kinds = [cell == "1" for cell in rows["carry in"]], rows["kind"]
    assert carries[-1] is False
    for here in range(len(kinds) - 1):
        assert carries[here] == (kinds[here + 1] == "g" or (kinds[here + 1] == "p" and carries[here + 1]))


def test_an_answer_that_is_no_integer_is_shown_as_text():
    report = samples.report("COUNTEREXAMPLE", counterexample=samples.counterexample(got="None"))
    assert "but it says None" in card.card(report)


@pytest.mark.parametrize("name", ["w" * 300, "四" * 300, *samples.HOSTILE])
def test_the_board_on_a_terminal_is_at_most_100_columns_wide_whatever_the_names(name):
    reports = [samples.report(each, subject=dict.fromkeys(samples.report()["subject"], name)) for each in VERDICTS]
    text = card.board([each | {"subject": each["subject"] | {"findings": []}} for each in reports])
    assert max(map(words.width, text.splitlines())) <= card.WIDTH
    told = [line[6:].split("  ")[0] for line in text.splitlines()[2:] if line[6:7].isupper()]
    own = [name for name in VERDICTS if name != "EXHAUSTIVE"]  # which is of three digits, and stands below
    assert told == [*own[:3], "EXHAUSTIVE", *own[3:]]


def test_the_width_of_operands_is_named():
    exhaustive, ten = samples.report("EXHAUSTIVE"), samples.report(task={"digits": 10, "pairs": "10^20"})
    assert "10⁶ of operands of 3 digits, was asked of add" in verdict.headline(exhaustive)
    assert "0 of 1,000,000 failed, of 10⁶ pairs of 3 digits" in card.card(exhaustive)
    assert "0 of 10,432,117 failed, of 10²⁰ pairs of 10 digits" in card.card(ten)
    assert "adder-46 (3 digits)" in card.board_markdown([exhaustive, ten])
    assert "(10 digits)" not in card.board_markdown([exhaustive, ten])
    assert "all 10²⁰ pairs of operands" in verdict.headline(ten)


def test_what_is_exhaustive_must_have_asked_for_every_pair():
    whole = samples.report("EXHAUSTIVE")
    every = samples.every_pair()
    for changes in (
        {"strata": [every | {"cases": 999_999}]},
        {"strata": [every | {"failures": 1}]},
        {"strata": [every | {"complete": False}]},
        {"strata": []},
        {"task": None},
        {"task": {"digits": 4, "pairs": "10^8"}},
    ):
        with pytest.raises(EvidenceError, match="EXHAUSTIVE, but in no stratum were all"):
            check("correctness", whole | changes, "report")


def test_a_wide_pair_is_drawn_in_all_its_columns():
    a, b = 10**99, 9 * 10**99
    wide = samples.counterexample(a=a, b=b, expected=a + b, got=0, digits=100)
    found = samples.report("COUNTEREXAMPLE", task={"digits": 100, "pairs": "10^200"}, counterexample=wide)
    check("correctness", found, "report")
    assert len(tables.diagram(wide).rows[0]) == 1 + 101


def test_numbers_are_not_rewritten_by_the_table_writer():
    table = blocks.Table("", ["margin"], [["0.10"]])
    assert "0.10" in blocks.markdown(table)
    assert "0.10" in blocks.plain(table)


@pytest.mark.parametrize("hostile", samples.HOSTILE)
def test_a_hostile_name_is_one_escaped_line_of_markdown(hostile):
    summary = card.summary_markdown(samples.report(subject=samples.report()["subject"] | {"name": hostile}))
    line = next(line for line in summary.splitlines() if line.startswith("| subject"))
    assert line.count("|") - line.count("\\|") == 3
    assert not {"\x1b", "\u202e", "\x00", "\ud800"} & set(summary)
    for active in ("<script", "<img", "**bold**", "[link]", "http://"):
        assert active not in line.replace(f"\\{active}", "")


@pytest.mark.parametrize("text", ["```", "a\n````\nb", "`"])
def test_nothing_in_a_block_of_text_can_end_it(text):
    first, *_, last = blocks.fenced(text).splitlines()
    assert first.removesuffix("text") == last
    assert last not in text
