"""What the claims of one run share: the subject, the time, the audit and the proof, and what was found.

Both doors run the same claims. ``pytest verify`` makes a session of its own options; `verify.judge.run` hands one in,
in which a failing pair is not shrunk at once but put to a fresh worker, and the smallest is looked into at the end.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from verify.errors import UndecidedError, VerifyError
from verify.judge.profiles import PROFILES
from verify.judge.recorder import Recorder
from verify.judge.rules import SUITE, Rules
from verify.text import plural

if TYPE_CHECKING:
    import pytest

    from verify.hunt.assertions import WrongAnswerError
    from verify.hunt.search import Limits
    from verify.proof.conclusion import Proof
    from verify.subject import Rung, Subject

# By when, of the time of a run, its parts are to be over. What is left is for confirming, shrinking and explaining, or,
# where no sum is wrong, for the proof.
HUNT_ENDS, PROPERTIES_END, NATURE_ENDS, PROOF_ENDS = 0.5, 0.7, 0.9, 0.97
BEFORE_A_PROOF = 0.65  # of that time, where the columns of the adder may prove it: search and checker want the rest
RECORD_SECONDS = 10.0  # in which a forward must be recorded, for a part of the time to be kept for its proof
AFTER_A_COUNTEREXAMPLE = 0.1  # of the time of a run: what the strata may still take
UNIFORM_SHARES = 5  # as many strata's shares has the uniform one where its sums are asked of `add` one at a time
MOST_LOST = 4  # workers lost over sums: then no further sums are asked for
SHRINK_SECONDS = 10.0
MOST_CONFIRMED = 3  # pairs that are put to fresh workers before one is wrong there: each loads the adder again
MOST_ASKED = 32  # pairs that one fresh worker is asked for
CONFIRM_SECONDS = 10.0  # that there are for a fresh worker, whatever time is left
CALL_SECONDS = 10.0  # of one sum


class Budget:
    """The time of a run, which all its parts share.

    Attributes:
        seconds: in all.
        clock: gives seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.clock = clock
        self._begin = clock()

    def spent(self) -> float:
        """Return the seconds since the run began."""
        return self.clock() - self._begin

    def left(self, share: float = 1.0) -> float:
        """Return the seconds, not below 0, until a share of the time is spent."""
        return max(0.0, share * self.seconds - self.spent())


@dataclass(frozen=True)
class Options:
    """What a run is told.

    Attributes:
        spec: of the subject, or None for our own model.
        method: the way of decoding, for subjects that offer several.
        sandbox: the rung of isolation that is demanded, or "auto".
        profile: how long to look, see `verify.judge.profiles`.
        cases: pairs of each stratum, or None for the profile's.
        budget: seconds for the whole run, or None for the profile's.
        seed: of Hypothesis, of the batches and of the audit; None for one that nobody can know before.
        stratum: the one that is hunted alone, or None.
        call_seconds: the limit of one sum.
        digits: of an operand; None for what the adder says of itself, else 10.
        rules: by which the nature is judged.
    """

    spec: str | None = None
    method: str | None = None
    sandbox: Rung = "auto"
    profile: str = "default"
    cases: int | None = None
    budget: float | None = None
    seed: int | None = None
    stratum: str | None = None
    call_seconds: float = CALL_SECONDS
    digits: int | None = None
    rules: Rules = SUITE

    @property
    def seconds(self) -> float:
        """What the whole run may take."""
        return PROFILES[self.profile].seconds if self.budget is None else self.budget

    @property
    def most_cases(self) -> int:
        """How many pairs of a stratum are added at most."""
        return PROFILES[self.profile].cases if self.cases is None else self.cases

    def as_json(self) -> dict[str, Any]:
        """Return what evidence says of the run."""
        return {
            "profile": self.profile, "cases": self.most_cases, "budget": self.seconds,
            "stratum": self.stratum, "call_seconds": self.call_seconds,
            "digits": self.digits,
            "rules": None if self.rules == SUITE else self.rules.as_json(),
        }  # fmt: skip


@dataclass(eq=False)  # pytest keeps it in a set, by what it is and not by what it holds
class Session:
    """One run of the claims.

    Attributes:
        options: what the run was told.
        judging: whether wrong pairs are put to a fresh worker, and only the smallest is shrunk, once the hunt is over.
        shrinks: whether wrong pairs are shrunk, each at once, where the session does not judge.
        clock: gives seconds.
        listen: told of each stage, and of the first confirmed pair.
        strata, properties: how many of them are still to come.
        proofs: how many claims about proofs there are.
        wrong: the wrong pairs, each with the family of its claim.
        confirmed: the smallest of them that a fresh worker added wrongly too, or None.
        unconfirmed: of pairs that it did not, what it said.
        unasked: of pairs that no fresh worker could be asked for, why.
        lost: why workers were lost over sums.
        every_pair: how every pair that there is was asked of ``add``, which gave each sum right; "" where it was not.
        width: which widths the adder answers, where it seems to be another than it is asked for; else "".
        stage: what the run is at.
        seconds: that each stage took.
        seed: the one that was given, or drawn.
        cut: what was not done for want of time, and how often, by stage.
        inconsistent: what was first wrong and then right, of sums that batches or a first call gave.
        smoke_failed: whether a claim of the smoke test did.
        interrupted: whether the run was ended from outside.
        recorder: of what the claims reported.
    """

    options: Options
    judging: bool = False
    shrinks: bool = True
    clock: Callable[[], float] = time.monotonic
    listen: Callable[[Session], None] = lambda _: None
    strata: int = 0
    properties: int = 0
    proofs: int = 0
    wrong: list[tuple[WrongAnswerError, str]] = field(default_factory=list)
    confirmed: tuple[WrongAnswerError, str] | None = None
    unconfirmed: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    every_pair: str = ""
    width: str = ""
    stage: str = "load"
    seconds: dict[str, float] = field(default_factory=dict)
    cut: Counter[str] = field(default_factory=Counter)
    inconsistent: list[str] = field(default_factory=list)
    smoke_failed: bool = False
    interrupted: bool = False
    recorder: Recorder = field(default_factory=Recorder)

    def __post_init__(self) -> None:
        self.budget = Budget(self.options.seconds, self.clock)
        self.seed = secrets.randbits(32) if self.options.seed is None else self.options.seed
        self._entered = self.clock()
        self._found: dict[str, Any] = {}
        self._hunt_ends = HUNT_ENDS if self.options.stratum is None else NATURE_ENDS
        self._is_concluded = False
        self._loads = 0  # of fresh workers, to confirm a pair

    @property
    def subject(self) -> Subject:
        """What is under verification, loaded once.

        Raises:
            VerifyError: see `verify.subject.load`.
        """
        found: Subject = self._once("subject", self._load)
        return found

    @property
    def audit(self) -> list[dict[str, str]]:
        """What the audit found, rows {"check", "outcome", "detail"}; asked for once."""
        from verify.anatomy.audit import audit

        found: list[dict[str, str]] = self._once("audit", lambda: audit(self.subject, self.seed))
        return found

    @property
    def counts(self) -> dict[str, Any]:
        """How many parameters there are, by each way of counting; asked for once."""
        from verify.anatomy.counting import parameters

        found: dict[str, Any] = self._once("counts", lambda: parameters(self.subject, self.seed))
        return found

    @property
    def proof(self) -> Proof:
        """What could be proved; found out once."""
        from verify.proof.proving import prove_subject

        def prove() -> Proof:
            return prove_subject(
                self.subject,
                known_decoder=self._known_decoder,
                seed=self.seed,
                time_left=lambda: self.budget.left(PROOF_ENDS),
                stops_at_a_wrong_sum=True,
            )

        found: Proof = self._once("proof", prove)
        return found

    @property
    def is_provable_by_columns(self) -> bool:
        """Whether the forward of the subject can be recorded, and its own architecture is no better known."""
        from verify.proof.proving import is_recordable

        def ask() -> bool:
            before, begin = self.subject.time_left, self.clock()
            self.subject.time_left = lambda: min(before(), RECORD_SECONDS - (self.clock() - begin))
            try:
                return is_recordable(self.subject, self.seed)
            finally:
                self.subject.time_left = before

        found: bool = self._once("recordable", ask)
        return found

    def known(self, name: str) -> Any:
        """Return what "audit", "counts" or "proof" found, or None where it was not asked for or failed."""
        found = self._found.get(name)
        return None if isinstance(found, BaseException) else found

    def close(self) -> None:
        """End the subject's worker; a second call does nothing."""
        subject = self.known("subject")
        if subject is not None:
            subject.close()

    def enter(self, stage: str) -> None:
        """Go on to a stage of the run."""
        now = self.clock()
        self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + now - self._entered
        self._entered = now
        if stage != self.stage:
            self.stage = stage
            self.listen(self)

    def limits_of_stratum(self, name: str) -> Limits:
        """Return how long the next stratum may be searched: its share of the time that is left for the hunt."""
        from verify.hunt.search import UNIFORM, Limits
        from verify.hunt.strata import EVERY_PAIR

        if name == EVERY_PAIR:
            pairs = self.subject.task.pairs
            cases = pairs if self.options.cases is None else self.options.cases
            return Limits(cases, self.budget.left(self._hunt_ends))
        left = self._left(self._hunt_ends)
        asks_add = name == UNIFORM and "add_batch" not in self.subject.abilities
        shares = UNIFORM_SHARES if asks_add else 1
        seconds = left * shares / max(self.strata - 1 + shares, 1)
        self.strata = max(0, self.strata - 1)
        return Limits(self.options.most_cases, seconds)

    def take_stratum(self, found: dict[str, Any]) -> None:
        """Take in what the search of a stratum found: whether every pair that there is was asked of ``add``."""
        pairs = self.subject.task.pairs
        if is_every_pair(found, pairs):
            self.every_pair = f"each of the {pairs:,} pairs of operands of {self.subject.task} was asked of add"

    def _left(self, share: float) -> float:
        """Return the seconds until a share of the time is spent, or less where a proof wants its part of it."""
        wants = self.proofs > 0 and self.confirmed is None and self.is_provable_by_columns
        return self.budget.left(share * (BEFORE_A_PROOF if wants else 1))

    def property_ends(self) -> float:
        """Return when the next property must have asked for its sums: after its share of what is left for them."""
        seconds = self._left(PROPERTIES_END) / max(self.properties, 1)
        self.properties = max(0, self.properties - 1)
        return self.clock() + seconds

    def why_not(self, *, asks_for_sums: bool, hunts: bool, proves: bool = False) -> str:
        """Return why a claim is not begun, or "" where it is.

        Args:
            asks_for_sums: whether the claim belongs to the question whether the adder adds.
            hunts: whether it searches a stratum: these go on counting once a counterexample is confirmed.
            proves: whether it is about a proof: these come last, and have what time is left.
        """
        if asks_for_sums and len(self.lost) >= MOST_LOST:
            return f"workers were lost over {plural(len(self.lost), 'sum')} before, the first: {self.lost[0]}"
        if asks_for_sums and not hunts and self.judging and self.confirmed is not None:
            return "a counterexample was confirmed before"
        if self.every_pair and (hunts or proves):  # named sums and properties ask again whether it still says the same
            return f"{self.every_pair} before"
        ends = self._hunt_ends if hunts else PROPERTIES_END if asks_for_sums else NATURE_ENDS
        if (self.budget.left() if proves else self._left(ends)) <= 0:
            self.cut[self.stage] += 1
            return f"the time of the run, {self.budget.seconds:g} s, is spent; --budget allows more"
        return ""

    def take(self, wrong: WrongAnswerError, family: str) -> WrongAnswerError:
        """Take in a wrong pair; return the smallest that it leads to, where pairs are shrunk at once."""
        if not self.judging:
            wrong = self._smallest(self.subject, wrong) if self.shrinks else wrong
            self.wrong.append((wrong, family))
            return wrong
        self.wrong.append((wrong, family))
        if self.confirmed is None and self._loads < MOST_CONFIRMED:
            self._confirm([(wrong, family)])
        return wrong

    def take_first_answers(self) -> None:
        """Take in what the subject said when it was loaded: those were its very first sums."""
        from verify.hunt.assertions import WrongAnswerError

        for (a, b), got in self.subject.first_answers.items():
            wrong = WrongAnswerError(a, b, got=got)
            if wrong.is_said_by(got):
                self.take(wrong, "smoke")

    def conclude(self) -> None:
        """Look into the smallest wrong pair, once: shrink it in a fresh worker, and put what is left to another."""
        if not self.wrong or self._is_concluded:
            return
        self._is_concluded = True
        self.enter("shrink")
        pairs = {(wrong.a, wrong.b): (wrong, family) for wrong, family in reversed(self.wrong)}
        if self.confirmed is None:  # what failed most often is the likeliest to fail again
            self._confirm(sorted(pairs.values(), key=lambda found: (-_share(found[0]), _size(found[0])))[:MOST_ASKED])
        if self.confirmed is None:
            return
        with contextlib.suppress(VerifyError, OSError), contextlib.closing(self.subject.afresh()) as fresh:
            smaller = sorted(
                (found for found in pairs.values() if _size(found[0]) < _size(self.confirmed[0])),
                key=lambda found: _size(found[0]),
            )
            asked = ((wrong, family, fresh.add(wrong.a, wrong.b)) for wrong, family in smaller[:MOST_ASKED])
            fails = ((wrong, family) for wrong, family, got in asked if wrong.is_said_by(got))
            wrong, family = next(fails, self.confirmed)
            least = self._smallest(fresh, wrong)
            if _size(least) < _size(self.confirmed[0]):
                self._confirm([(least, family)])

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Hear of pytest that a run was ended from outside, which it also calls its end after a failed smoke test."""
        import pytest

        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted | pytest.exit.Exception)

    def _confirm(self, found: list[tuple[WrongAnswerError, str]]) -> None:
        """Put wrong pairs to a fresh worker: a counterexample is what is wrong there too."""
        self._loads += 1
        before, begin = self.subject.time_left, self.clock()
        # a wrong sum that was seen is worth some seconds more than the run was given
        self.subject.time_left = lambda: max(before(), CONFIRM_SECONDS - (self.clock() - begin))
        wrong, family = found[0]
        try:
            with contextlib.closing(self.subject.afresh()) as fresh:
                for wrong, family in found:
                    got = fresh.first_answers.get((wrong.a, wrong.b), wrong.expected)  # its very first sums
                    got = got if wrong.is_said_by(got) else fresh.add(wrong.a, wrong.b)
                    if wrong.is_said_by(got):
                        self._hold(wrong.of(wrong.a, wrong.b, got), family)
                        return
                    self.unconfirmed.append(
                        f"{wrong.call}={wrong.got!r} at first, but {got!r} when a fresh worker was asked"
                    )
        except (VerifyError, OSError) as error:
            self.unasked.append(f"{wrong.call}={wrong.got!r}, of which no fresh worker could be asked: {error}")
        finally:
            self.subject.time_left = before

    def _hold(self, wrong: WrongAnswerError, family: str) -> None:
        if self.confirmed is None:  # the strata go on counting, for a while
            self._hunt_ends = min(self._hunt_ends, self.budget.spent() / self.budget.seconds + AFTER_A_COUNTEREXAMPLE)
        self.confirmed = wrong, family
        self.listen(self)

    def _smallest(self, subject: Subject, wrong: WrongAnswerError) -> WrongAnswerError:
        """Return the smallest wrong pair that a wrong one leads to, in the time that there is for that."""
        from verify.hunt.search import shrink

        seconds = min(SHRINK_SECONDS, self.budget.left() / 4)
        a, b = shrink(subject, (wrong.a, wrong.b), seconds=seconds, clock=self.clock)
        if (a, b) == (wrong.a, wrong.b):
            return wrong
        try:
            least = wrong.of(a, b, subject.add(a, b))
        except UndecidedError:
            return wrong
        return least if least.is_said_by(least.got) else wrong

    def _load(self) -> Subject:
        from verify.proof.proving import is_known_decoder
        from verify.subject import DEFAULT_SPEC, load
        from verify.subject.sandbox import Limits

        spec = DEFAULT_SPEC if self.options.spec is None else self.options.spec
        self._known_decoder = is_known_decoder(spec)  # before its code runs, perhaps in this process
        limits = Limits(call_seconds=self.options.call_seconds)
        return load(
            spec,
            method=self.options.method,
            digits=self.options.digits,
            sandbox=self.options.sandbox,
            limits=limits,
            time_left=self.budget.left,
        )

    def _once(self, name: str, find: Callable[[], Any]) -> Any:
        """Return what is found under a name, an error too, without looking twice."""
        if name not in self._found:
            try:
                self._found[name] = find()
            except Exception as error:  # raised below, and again to whoever asks next
                self._found[name] = error
        if isinstance(self._found[name], BaseException):
            raise self._found[name]
        return self._found[name]


def is_every_pair(found: dict[str, Any], pairs: int) -> bool:
    """Return whether what evidence says of a stratum is that each of all pairs was asked of ``add``, and is right."""
    from verify.hunt.strata import EVERY_PAIR

    is_all = found["name"] == EVERY_PAIR and found["exhaustive"] and found["ways"] == {"add": [pairs, 0]}
    return bool(is_all and (found["cases"], found["failures"]) == (pairs, 0))


def _size(wrong: WrongAnswerError) -> tuple[int, int]:
    return wrong.expected, wrong.a


def _share(wrong: WrongAnswerError) -> float:
    return wrong.failures / wrong.cases if wrong.cases else 0.0
