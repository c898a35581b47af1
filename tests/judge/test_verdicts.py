"""Two questions, two answers: each says what was established, and neither changes the other."""

from __future__ import annotations

import itertools

import pytest

from verify.judge import verdicts
from verify.judge.verdicts import Sums, exit_status, nature

WRONG = "add(1, 9)=0, but should be 10"
ONCE = "add(1, 9)=0 at first, but 10 when a fresh worker was asked"
LOST = "it did not answer within 10 s at add(1, 9)"


def row(outcome, rule="a rule"):
    return {"rule": rule, "outcome": outcome, "observation": f"seen to be {outcome}"}


@pytest.mark.parametrize(("found", "verdict", "reason"), [
    (Sums(cases=9, counterexample=WRONG), "COUNTEREXAMPLE", WRONG),
    (Sums(cases=9, counterexample=WRONG, proof="MODEL PROVED"), "COUNTEREXAMPLE", WRONG),
    (Sums(cases=9, unconfirmed=(ONCE,)), "UNDECIDED", f"it does not say the same every time: {ONCE}"),
    (Sums(cases=9, unasked=(WRONG,), proof="MODEL PROVED"), "UNDECIDED", f"a wrong sum was seen: {WRONG}"),
    (Sums(cases=9, batches="so"), "UNDECIDED", "sums were wrong that add gives right when asked again: so"),
    (Sums(asked=1), "UNDECIDED", "only 1 claim about sums came to an end; --budget allows more"),
    (Sums(asked=3), "UNDECIDED", "only 3 claims about sums came to an end; --budget allows more"),
    (Sums(cases=9, proof="PROVED", proof_reason="because"), "PROVED", "because"),
    (Sums(cases=9, proof="PROVED", proof_reason="because", lost=(LOST,)), "PROVED", "because"),
    (Sums(cases=9, proof="MODEL PROVED", proof_reason="because"), "MODEL PROVED", "because"),
    (Sums(cases=9, proof="MODEL PROVED", lost=(LOST,)), "UNDECIDED", f"it was lost over a sum: {LOST}"),
    (Sums(cases=9, lost=(LOST,)), "UNDECIDED", f"it was lost over a sum: {LOST}"),
    (Sums(why_none="it is no adder"), "UNDECIDED", "it is no adder"),
    (Sums(cases=1_234, bound="so", proof_reason="why"), "NO COUNTEREXAMPLE", "in 1,234 cases; so. No proof: why"),
])  # fmt: skip
def test_the_first_answer_is_from_sums_alone(found, verdict, reason):
    assert found.decide() == (verdict, reason)


@pytest.mark.parametrize("against", [
    {"counterexample": WRONG}, {"unconfirmed": (ONCE,)}, {"against_the_proof": "logits leave the bounds"},
    {"batches": "some differ"}, {"unasked": (WRONG,)},
], ids=lambda against: next(iter(against)))  # fmt: skip
def test_a_proof_and_a_run_that_disagree_are_no_verdict(against):
    found = Sums(cases=9, proof="PROVED", proof_reason="because", **against)

    verdict, reason = found.decide()
    assert verdict == "UNDECIDED"
    assert reason == found.disagreement
    assert reason.startswith("the proof and the run disagree")


@pytest.mark.parametrize(("outcomes", "verdict"), [
    (["ok", "ok"], "AS DECLARED"),
    (["ok", "unknown"], "UNKNOWN"),
    (["ok", "unknown", "suspect"], "SUSPECT"),
    (["suspect", "violated", "ok"], "VIOLATED"),
    (["unknown"], "UNKNOWN"),
    ([], "UNKNOWN"),
], ids=" ".join)  # fmt: skip
def test_the_second_answer_is_that_of_the_worst_rule(outcomes, verdict):
    assert nature([row(outcome) for outcome in outcomes])[0] == verdict


def test_the_reason_is_the_observation_of_the_worst_rule():
    rows = [row("suspect", "first"), row("violated", "second"), row("violated", "third"), row("unknown", "fourth")]

    assert nature(rows) == ("VIOLATED", "second: seen to be violated (and 1 more)")


def test_what_is_not_known_is_named():
    assert nature([row("ok"), row("unknown", "causality")]) == (
        "UNKNOWN",
        "1 of 2 rules hold, and of the others nothing is known: causality",
    )


def test_the_exit_status_follows_from_both():
    natures = (verdicts.AS_DECLARED, verdicts.SUSPECT, verdicts.VIOLATED, verdicts.UNKNOWN)
    expected = {
        (sums, of): 1 if sums == "COUNTEREXAMPLE" else 3 if sums == "UNDECIDED" else 4 if of == "VIOLATED" else 0
        for sums, of in itertools.product((*verdicts.UNREFUTED, "COUNTEREXAMPLE", "UNDECIDED"), natures)
    }

    assert {pair: exit_status(*pair) for pair in expected} == expected
