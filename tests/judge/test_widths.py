"""A run asks an adder of any width its own question, and says which; where every pair was asked, that is a proof."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.mutation import ROOT
from verify.__main__ import main
from verify.errors import SubjectCrashedError, UsageError
from verify.hunt.regions import named
from verify.hunt.search import Limits, search
from verify.hunt.work import introduce
from verify.judge.run import judge
from verify.judge.score import score
from verify.judge.session import Options, Session
from verify.judge.verdicts import EXHAUSTIVE, MODEL_PROVED, Sums
from verify.judge.width import width_answered
from verify.proof.proving import prove_subject
from verify.report.card import card
from verify.report.evidence import check
from verify.subject import LocalSubject, load

COLUMNS = f"{ROOT}/tests/submissions/widths/columns.py"


def run_on(name, **options):
    told = {"budget": 600.0, "cases": 40, "profile": "quick", "seed": 0, "sandbox": "off"} | options
    done = judge(Options(spec=name if "." in name else f"{COLUMNS}:{name}", **told))
    check("correctness", done.report, name)
    return done.report


def adder(add, **metadata):
    return LocalSubject("adder", SimpleNamespace(build_model=lambda: (None, metadata), add=lambda _, a, b: add(a, b)))


@pytest.mark.parametrize(("name", "digits", "told", "verdict"), [
    ("right_1", None, 1, "EXHAUSTIVE"),
    ("silent_6", 6, 6, "NO COUNTEREXAMPLE"),
    ("right_100", None, 100, "NO COUNTEREXAMPLE"),
    ("wrong_5", None, 5, "COUNTEREXAMPLE"),
    ("wrong_20", None, 20, "COUNTEREXAMPLE"),
])  # fmt: skip
def test_an_adder_is_asked_for_its_own_width(name, digits, told, verdict):
    report = run_on(name, digits=digits, cases=100 if told == 1 else 40)

    assert report["sums"]["verdict"] == verdict, report["sums"]
    assert report["task"] == {"digits": told, "pairs": f"10^{2 * told}"}
    if verdict == "COUNTEREXAMPLE":
        found = report["counterexample"]
        assert found["a"] == found["b"] == 10**told - 1
        assert found["digits"] == told


def test_two_digits_are_exhaustive_and_the_card_says_so():
    report = run_on("right_2", cases=10**4)

    assert report["sums"] == {
        "verdict": "EXHAUSTIVE",
        "reason": "each of the 10,000 pairs of operands of 2 digits was asked of add, and every answer is the sum",
    }
    (row,) = [row for row in report["strata"] if row["name"] == "every-pair"]
    assert (row["cases"], row["failures"], row["exhaustive"]) == (10**4, 0, True)
    assert "EXHAUSTIVE: Every pair that there is, 10⁴ of operands of 2 digits, was asked of add" in card(report)


def test_after_every_pair_nothing_is_hunted_or_proved_but_sums_are_asked_for_again():
    session = Session(Options(spec=f"{COLUMNS}:right_1", sandbox="off"))
    found = {"name": "every-pair", "exhaustive": True, "ways": {"add": [100, 0]}, "cases": 100, "failures": 0}

    session.take_stratum(found | {"ways": {"add": [99, 0], "add_batch": [1, 0]}})
    assert session.why_not(asks_for_sums=True, hunts=True) == ""
    session.take_stratum(found)

    assert session.why_not(asks_for_sums=True, hunts=True).startswith("each of the 100 pairs of operands of 1 digit")
    assert session.why_not(asks_for_sums=False, hunts=False, proves=True) != ""
    assert session.why_not(asks_for_sums=True, hunts=False) == ""  # an adder that changes its mind is seen there
    assert session.why_not(asks_for_sums=False, hunts=False) == ""


def test_our_own_model_is_asked_for_fewer_digits_and_not_proved_for_them():
    subject = load(digits=5)

    found = search(subject, named("placed-chains", subject.task), Limits(2_000, 600))

    assert (found.cases, found.failures) == (2_000, 0)
    reason = prove_subject(subject, known_decoder=True).reason
    assert reason == "its transitions are proved for 10 digits alone, and 5 digits are asked"


def test_an_adder_that_seems_to_have_another_width_is_asked_whether_it_has():
    report = run_on("silent_5")

    assert report["sums"]["verdict"] == "COUNTEREXAMPLE"
    assert report["width"] == "it refuses 6 digits; is it a 5-digit adder? --digits 5"
    assert "width         it refuses 6 digits; is it a 5-digit adder? --digits 5" in card(report)


@pytest.mark.parametrize(("add", "said"), [
    (lambda a, b: a % 1000 + b % 1000, "it adds 4 digits wrongly; is it a 3-digit adder? --digits 3"),
    (lambda a, b: a + b, ""),
    (lambda a, b: 0, ""),
], ids=["three digits", "right", "nothing"])  # fmt: skip
def test_what_is_said_of_the_width_follows_from_easy_sums(add, said):
    assert width_answered(adder(add)) == said


def test_of_an_adder_that_is_lost_no_width_is_told():
    subject = adder(lambda a, b: a + b)

    def lost(*_):
        raise SubjectCrashedError("it died")

    subject.answer = lost
    assert width_answered(subject) == ""


def test_every_pair_outweighs_a_proof_of_the_model_and_no_wrong_sum():
    assert Sums(every_pair="all", proof=MODEL_PROVED, cases=9).decide()[0] == EXHAUSTIVE
    for against in (
        {"counterexample": "1 + 1 = 3"},
        {"unconfirmed": ("it says two things",)},
        {"unasked": ("nobody could be asked",)},
        {"batches": "1 of 9 differ"},
        {"lost": ("it died",)},
    ):
        assert Sums(every_pair="all", cases=9, **against).decide()[0] != EXHAUSTIVE


def test_the_board_and_campaigns_refuse_other_widths():
    with pytest.raises(UsageError, match=r"the leaderboard's cases have operands of 10 digits, and .* 5 digits"):
        score(load(f"{COLUMNS}:right_5", sandbox="off"))
    with pytest.raises(UsageError, match=r"a campaign adds operands of 10 digits, and .* 5 digits"):
        introduce(f"{COLUMNS}:right_5", method=None, sandbox="off", name="x")


@pytest.mark.parametrize("text", ["0", "101", "-1", "five", "1.5", ""])
def test_what_is_no_number_of_digits_is_refused_on_the_command_line(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["run", f"--digits={text}"])
    assert f"{text!r} is no number of digits; give an integer from 1 to 100" in capsys.readouterr().err


def test_a_pair_of_any_width_is_explained(capsys):
    words = ["--submission", f"{COLUMNS}:right_20", "--sandbox=off"]
    assert main(["explain", str(10**20 - 1), "1", *words]) == 0
    assert "carry chain of 20 from column 1" in capsys.readouterr().out
    assert main(["explain", str(10**20), "1", *words]) == 2
    assert "operands of 20 digits are integers from 0 to 99999999999999999999" in capsys.readouterr().err
