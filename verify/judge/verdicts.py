"""Two questions, two answers: does it add, and is it what it says it is. From evidence alone; nothing is asked here.

The first is answered from sums: a wrong one that a fresh worker gave too, a theorem, or how many were right. The second
from a set of rules, each with its observation: the rows of the audit, and the claims about the nature of an adder. No
row of the second changes the first: a count that differs from the declared one makes no sum wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from verify.text import plural

PROVED = "PROVED"
MODEL_PROVED = "MODEL PROVED"
EXHAUSTIVE = "EXHAUSTIVE"
NO_COUNTEREXAMPLE = "NO COUNTEREXAMPLE"
COUNTEREXAMPLE = "COUNTEREXAMPLE"
UNDECIDED = "UNDECIDED"
UNREFUTED = (PROVED, MODEL_PROVED, EXHAUSTIVE, NO_COUNTEREXAMPLE)

AS_DECLARED, SUSPECT, VIOLATED, UNKNOWN = "AS DECLARED", "SUSPECT", "VIOLATED", "UNKNOWN"
_BY_OUTCOME = {"violated": VIOLATED, "suspect": SUSPECT}  # the worst first

EXIT_UNREFUTED, EXIT_COUNTEREXAMPLE, EXIT_UNDECIDED, EXIT_VIOLATED = 0, 1, 3, 4


@dataclass(frozen=True)
class Sums:
    """What the first answer rests on.

    Attributes:
        cases: sums that were asked for and came back.
        counterexample: a wrong sum in words, that a fresh worker gave too; "" for none.
        unconfirmed: of sums that were wrong once, what a fresh worker said.
        unasked: of sums that were wrong once, why no fresh worker could be asked.
        batches: what batches gave wrongly that ``add`` gives right, or "".
        lost: why workers were lost over sums inside the domain.
        every_pair: how every pair that there is was asked of ``add``, which gave each sum right; or "".
        bound: what the cases support, in words, or "".
        proof: PROVED, MODEL PROVED, or "" where nothing is proved.
        proof_reason: why, or why not, in one sentence.
        against_the_proof: a claim of the theorem that what was seen contradicts, or "".
        asked: claims about sums that came to an end.
        why_none: why no sum was asked for, or "".
    """

    cases: int = 0
    counterexample: str = ""
    unconfirmed: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    batches: str = ""
    lost: tuple[str, ...] = ()
    every_pair: str = ""
    bound: str = ""
    proof: str = ""
    proof_reason: str = ""
    against_the_proof: str = ""
    asked: int = 0
    why_none: str = ""

    @property
    def disagreement(self) -> str:
        """What contradicts a proof of the program, or ""; that is a fault of this suite, and no verdict."""
        if self.proof != PROVED:
            return ""
        once = next(iter([*self.unconfirmed, *self.unasked]), "")
        seen = self.counterexample or self.against_the_proof or once or self.batches
        return f"the proof and the run disagree: it is proved, and {seen}" if seen else ""

    def decide(self) -> tuple[str, str]:
        """Return the verdict on the sums, and the one sentence that it rests on."""
        if self.disagreement:
            return UNDECIDED, self.disagreement
        if self.counterexample:
            return COUNTEREXAMPLE, self.counterexample
        if self.unconfirmed:
            return UNDECIDED, f"it does not say the same every time: {self.unconfirmed[0]}"
        if self.unasked:
            return UNDECIDED, f"a wrong sum was seen: {self.unasked[0]}"
        if self.batches:
            return UNDECIDED, f"sums were wrong that add gives right when asked again: {self.batches}"
        if self.proof == PROVED:
            return self.proof, self.proof_reason
        if self.lost:  # what is proved of a model says nothing of an `add` that does not come to its end
            return UNDECIDED, f"it was lost over a sum: {self.lost[0]}"
        if self.every_pair or self.proof:
            exhaustive = EXHAUSTIVE, f"{self.every_pair}, and every answer is the sum"
            return exhaustive if self.every_pair else (self.proof, self.proof_reason)
        if not self.cases:
            few = (
                f"only {plural(self.asked, 'claim')} about sums came to an end; --budget allows more"
                if self.asked
                else ""
            )
            return UNDECIDED, self.why_none or few or "no sum was asked for"
        rate = f"; {self.bound}" if self.bound else ""
        return NO_COUNTEREXAMPLE, f"in {plural(self.cases, 'case')}{rate}. No proof: {self.proof_reason}"


def nature(rows: list[dict[str, str]], why_none: str = "", missing: list[str] | None = None) -> tuple[str, str]:
    """Return the verdict on the nature of an adder, and the one sentence that it rests on.

    Args:
        rows: {"rule", "outcome", "observation"}, the outcome being ok, suspect, violated or unknown.
        why_none: why there are no rows.
        missing: rules that must hold, and of which there is no row.
    """
    for outcome, verdict in _BY_OUTCOME.items():
        found = [row for row in rows if row["outcome"] == outcome]
        if found:
            more = f" (and {len(found) - 1} more)" if found[1:] else ""
            return verdict, f"{found[0]['rule']}: {found[0]['observation']}{more}"
    unknown = [row["rule"] for row in rows if row["outcome"] == "unknown"]
    known = len(rows) - len(unknown)
    unknown += missing or []
    if not known:
        return UNKNOWN, why_none or "nothing could be looked into"
    if unknown:
        return (
            UNKNOWN,
            f"{known} of {known + len(unknown)} rules hold, and of the others nothing is known: {', '.join(unknown)}",
        )
    return AS_DECLARED, f"all {known} rules hold"


def exit_status(sums: str, nature_: str) -> int:
    """Return the exit status of a run with two verdicts."""
    if sums == COUNTEREXAMPLE:
        return EXIT_COUNTEREXAMPLE
    if sums not in UNREFUTED:
        return EXIT_UNDECIDED
    return EXIT_VIOLATED if nature_ == VIOLATED else EXIT_UNREFUTED
