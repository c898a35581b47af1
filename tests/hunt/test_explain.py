"""The counterexample card says what went wrong where, marks what does not matter, and reads back from its evidence."""

from __future__ import annotations

import json

import pytest

from tests.mutants import MUTANTS, PLAIN, Mutant
from verify.hunt.assertions import WrongAnswerError, assert_answer, assert_sum, reason, require
from verify.hunt.explain import Counterexample, card, explain
from verify.subject import LocalSubject


def explained(mutant, a, b):
    subject = LocalSubject(mutant.name, mutant)
    with pytest.raises(WrongAnswerError, match="but should be") as caught:
        assert_sum(subject, a, b)
    return explain(subject, caught.value, family="carry")


def test_a_failure_reads_as_call_got_expected_and_why():
    message = r"^add\(10, 9990\)=0, but should be 10000 \[carry chain of 3 from column 2\]$"

    with pytest.raises(WrongAnswerError, match=message):
        assert_answer(10, 9_990, got=0)


@pytest.mark.parametrize(("a", "b", "words"), [
    (1, 9, "carry chain of 1 from column 1"),
    (12, 30, "no column carries"),
    (5_000, 5_999, "carry chain of 1 from column 4"),
])  # fmt: skip
def test_the_reason_counts_columns_from_one(a, b, words):
    assert reason(a, b) == words


@pytest.mark.parametrize("answer", ["42", 42.5, None, True, -1, 2**70])
def test_what_is_no_int_is_no_sum(answer):
    with pytest.raises(WrongAnswerError, match="but should be 42"):
        assert_answer(12, 30, got=answer)


def test_the_card_of_a_dropped_carry():
    found = explained(MUTANTS["no_carry_into_column_2"], 1, 9)

    assert card(found).splitlines() == [
        "add(1, 9)=0, but should be 10 [carry chain of 1 from column 1]",
        "  carry          1",
        "  a      .........1",
        "  b      .........9",
        "  sum   00000000010",
        "  got   00000000000",
        "  wrong          ^",
        "  kind   kkkkkkkkkg   g generates, p propagates, k kills a carry",
        "  off by -10^1, from column 2 on: 0 + 0 with carry 1, a column to kill",
        "  add(b, a) is wrong too",
        "  again: pytest verify -k carry --submission=no_carry_into_column_2",
        "  keep:  @example(pair=(1, 9))",
    ]


def test_a_fault_that_hangs_on_the_order_is_mended_by_swapping():
    found = explained(Mutant("ordered", "algebra", "", lambda a, b: a + b + (a > b)), 9, 3)

    assert found.swapped_is_right
    assert "add(b, a) is right" in card(found)
    assert found.difference == 1


def test_the_first_wrong_step_is_named_where_there_are_logits():
    found = explained(MUTANTS["transition_3_2_gives_2"], 3, 3)

    step = found.first_wrong_step
    assert (step.step, step.pair, step.state, step.got, step.expected, step.margin) == (1, 3, 2, 2, 3, -1.0)
    assert "first wrong step 1: pair 3, state 2 -> 2, but should be 3 (margin -1)" in card(found)


def test_an_answer_that_is_no_sum_is_shown_as_it_is():
    found = explained(MUTANTS["never_an_answer"], 1, 2)

    assert found.got == "-7"
    assert found.difference is None
    assert found.first_wrong_column is None
    assert "add(1, 2)=-7, but should be 3" in card(found)


@pytest.mark.parametrize("answer", [10**18, 7, 0])
def test_an_answer_of_any_length_has_a_diagram(answer):
    wrong = WrongAnswerError(5, 7, got=answer)
    subject = LocalSubject("plain", PLAIN)

    assert "  wrong" in card(explain(subject, wrong, family="algebra"))


@pytest.mark.parametrize("name", ["no_carry_into_column_2", "transition_3_2_gives_2"])
def test_a_card_is_plain_json_and_reads_back(name):
    found = explained(MUTANTS[name], 3, 99)

    assert Counterexample.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_a_lacking_ability_is_named_in_the_reason_of_the_skip():
    subject = LocalSubject("plain", MUTANTS["one_more"])

    with pytest.raises(pytest.skip.Exception, match="one_more offers no forced_logits"):
        require(subject, "forced_logits")
