"""A session divides the time of a run, and lets no wrong pair be lost, whatever happens to the adder meanwhile."""

from __future__ import annotations

import pytest

from tests.mutants import MUTANTS, PLAIN, Mutant, wrong_where
from verify.errors import OutOfTimeError, SubjectBuildError, SubjectCrashedError, SubjectTimeoutError
from verify.hunt.assertions import WrongAnswerError
from verify.judge.run import _stages
from verify.judge.session import BEFORE_A_PROOF, MOST_CONFIRMED, MOST_LOST, Budget, Options, Session
from verify.subject import LocalSubject


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self):
        return self.now


class Fresh(LocalSubject):
    """A subject of which a test says what a fresh worker is."""

    def __init__(self, mutant, fresh=None):
        super().__init__(mutant.name, mutant)
        self.fresh = mutant if fresh is None else fresh
        self.made = 0

    def afresh(self):
        self.made += 1
        if isinstance(self.fresh, Exception):
            raise self.fresh
        return LocalSubject(self.fresh.name, self.fresh)


def session_on(subject, **options):
    clock = Clock()
    session = Session(Options(budget=100.0, seed=0), clock=clock, **({"judging": True} | options))
    session._found["subject"] = subject
    return session, clock


ODD = Mutant("odd", "sums", "", wrong_where(lambda a, b: a % 2 == 1))


def test_time_is_divided_among_the_strata_that_are_left():
    session, clock = session_on(LocalSubject("plain", PLAIN))
    session.strata = 10
    given = []
    for _ in range(10):
        seconds = session.limits_of_stratum("words").seconds
        given.append(seconds)
        clock.now += seconds
    assert given == pytest.approx([5.0] * 10)
    assert session.limits_of_stratum("words").seconds == 0


@pytest.mark.parametrize(
    ("proofs", "recordable", "share"), [(1, True, BEFORE_A_PROOF), (0, True, 1.0), (1, False, 1.0)]
)
def test_a_part_of_the_time_is_kept_for_a_proof_by_columns(proofs, recordable, share):
    session, clock = session_on(LocalSubject("plain", PLAIN))
    session._found["recordable"] = recordable
    session.proofs, session.strata = proofs, 1
    assert session.limits_of_stratum("words").seconds == pytest.approx(50.0 * share)
    clock.now = 91.0 * share
    assert session.why_not(asks_for_sums=False, hunts=False)
    assert not session.why_not(asks_for_sums=False, hunts=False, proves=True)


def test_no_time_is_kept_for_a_proof_once_a_counterexample_is_confirmed():
    session, _ = session_on(Fresh(ODD))
    session._found["recordable"] = True
    session.proofs, session.strata = 1, 1
    session.take(WrongAnswerError(1, 1, got=3), "smoke")
    assert session.confirmed is not None
    assert session._left(0.9) == session.budget.left(0.9)


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (KeyboardInterrupt(), True),
        (pytest.Session.Interrupted("the smoke test failed"), False),
        (pytest.exit.Exception("no adder"), False),
    ],
)
def test_an_interruption_is_told_from_the_end_of_a_run_whose_smoke_test_failed(error, is_one):
    session, _ = session_on(LocalSubject("plain", PLAIN))
    session.smoke_failed = True
    with pytest.raises(type(error)) as raised:
        raise error
    session.pytest_keyboard_interrupt(raised)
    assert session.interrupted is is_one


def test_what_a_stratum_leaves_goes_to_the_others():
    session, _ = session_on(LocalSubject("plain", PLAIN))
    session.strata = 2
    assert [session.limits_of_stratum("words").seconds for _ in range(2)] == [25.0, 50.0]


def test_once_a_counterexample_is_confirmed_the_strata_go_on_for_a_while():
    session, clock = session_on(Fresh(ODD))
    session.strata = 5
    session.take(WrongAnswerError(11, 1, got=13), "sums")
    total = 0.0
    for _ in range(5):
        seconds = session.limits_of_stratum("words").seconds
        clock.now += seconds
        total += seconds
    assert total == pytest.approx(10.0)
    assert session.why_not(asks_for_sums=True, hunts=False) == "a counterexample was confirmed before"


def test_a_wrong_pair_is_put_to_a_fresh_worker_at_once():
    heard = []
    session, _ = session_on(Fresh(ODD), listen=lambda session: heard.append(session.confirmed))
    session.take(WrongAnswerError(1_234_567_891, 5, got=0), "carry")

    wrong, family = session.confirmed
    assert (wrong.a, wrong.b, wrong.got, family) == (1_234_567_891, 5, 1_234_567_897, "carry")
    assert heard == [session.confirmed]


def test_the_smallest_pair_is_shrunk_at_the_end_and_confirmed_by_another_worker():
    subject = Fresh(ODD)
    session, _ = session_on(subject)
    for pair in ((1_234_567_891, 5), (99_999, 3), (7_777_777, 1)):
        session.take(WrongAnswerError(*pair, got=0), "carry")
    session.conclude()
    session.conclude()

    assert (session.confirmed[0].a, session.confirmed[0].b) == (1, 0)
    assert subject.made == 3  # the first pair, the shrinking, what it came to


@pytest.mark.parametrize("error", [
    SubjectCrashedError("gone"), SubjectTimeoutError("slow"), OutOfTimeError("over"), SubjectBuildError("expired"),
    OSError("the disk is full"),
], ids=lambda error: type(error).__name__)  # fmt: skip
def test_a_pair_that_no_fresh_worker_can_be_asked_for_is_no_counterexample(error):
    session, _ = session_on(Fresh(ODD, fresh=error))
    session.take(WrongAnswerError(11, 1, got=13), "sums")
    session.conclude()

    assert session.confirmed is None
    assert session.unasked[0] == f"add(11, 1)=13, of which no fresh worker could be asked: {error}"


def test_a_fresh_worker_that_is_right_is_believed_but_not_asked_for_ever():
    subject = Fresh(ODD, fresh=PLAIN)
    session, _ = session_on(subject)
    for b in range(10):
        session.take(WrongAnswerError(11, b, got=0), "sums")

    assert session.confirmed is None
    assert subject.made == len(session.unconfirmed) == MOST_CONFIRMED
    assert session.unconfirmed[0] == "add(11, 0)=0 at first, but 11 when a fresh worker was asked"


def test_a_worker_that_is_lost_while_it_shrinks_leaves_what_was_confirmed():
    class Dies(Fresh):
        def afresh(self):
            self.made += 1
            if self.made == 2:
                raise SubjectCrashedError("gone")
            return LocalSubject(self.fresh.name, self.fresh)

    session, _ = session_on(Dies(ODD))
    session.take(WrongAnswerError(1_234_567_891, 5, got=0), "carry")
    session.conclude()

    assert session.confirmed[0].a == 1_234_567_891


def test_too_many_lost_workers_end_the_questions_for_sums_alone():
    session, _ = session_on(LocalSubject("plain", PLAIN))
    session.lost = ["it hangs"] * MOST_LOST

    assert "the first: it hangs" in session.why_not(asks_for_sums=True, hunts=True)
    assert session.why_not(asks_for_sums=False, hunts=False) == ""


def test_what_there_is_no_time_for_is_not_begun_and_is_counted():
    session, clock = session_on(LocalSubject("plain", PLAIN))
    session.stage = "nature"
    clock.now = 91.0

    why = session.why_not(asks_for_sums=False, hunts=False)
    assert why == "the time of the run, 100 s, is spent; --budget allows more"
    assert session.cut == {"nature": 1}


def test_what_failed_once_is_not_asked_for_again():
    session, _ = session_on(LocalSubject("plain", PLAIN))
    asked = []

    def fail():
        asked.append(1)
        raise SubjectCrashedError("gone")

    for _ in range(3):
        with pytest.raises(SubjectCrashedError, match="gone"):
            session._once("audit", fail)
    assert asked == [1]
    assert session.known("audit") is None


def test_without_judging_each_pair_is_shrunk_at_once():
    session, _ = session_on(LocalSubject("lossy", MUTANTS["carry_dropped_after_3_columns"]), judging=False)
    least = session.take(WrongAnswerError(5_432_999, 4_567_001, got=0), "carry")

    assert (least.a, least.b) == (1, 999)
    assert session.confirmed is None


def test_a_budget_is_left_by_shares():
    clock = Clock()
    budget = Budget(50.0, clock)
    clock.now = 20.0

    assert (budget.spent(), budget.left(), budget.left(0.5), budget.left(0.3)) == (20.0, 30.0, 5.0, 0.0)


def test_a_pair_that_holds_is_found_among_those_that_do_not():
    subject = Fresh(ODD, fresh=Mutant("late", "sums", "", wrong_where(lambda a, b: a > 10**9)))
    session, _ = session_on(subject)
    for a in (1, 3, 5, 7):
        session.take(WrongAnswerError(a, 0, got=0), "sums")
    often = WrongAnswerError(5 * 10**9, 1, got=0)
    often.cases, often.failures = 100, 50
    session.take(often, "carry")
    session.conclude()

    assert session.confirmed[0].a > 10**9
    assert sum((session.confirmed[0].a, session.confirmed[0].b)) < 5 * 10**9


def test_the_very_first_sums_count():
    first = LocalSubject("plain", PLAIN)
    first.first_answers = {(1, 2): 4, (0, 0): 0}
    subject = Fresh(PLAIN)
    subject.first_answers, subject.afresh = {(1, 2): 4, (0, 0): 0}, lambda: first
    session, _ = session_on(subject)
    session.take_first_answers()

    assert (session.confirmed[0].a, session.confirmed[0].b, session.confirmed[0].got) == (1, 2, 4)


@pytest.mark.parametrize(("count", "told"), [(1, "1 claim for want of time"), (2, "2 claims for want of time")])
def test_what_a_stage_left_out_is_counted_in_words(count, told):
    session = Session(Options())
    session.cut["hunt"], session.seconds["hunt"] = count, 1.0
    assert [row["detail"] for row in _stages(session, interrupted=False)] == [told]
