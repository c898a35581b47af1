"""One pair of operands, asked of any adder: its columns, what it says, and how sure its model is of each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.addition.oracle import MAX_OPERAND, forced_tokens, state_tokens
from verify.errors import UsageError
from verify.hunt.assertions import WrongAnswerError
from verify.hunt.explain import Counterexample, card, diagram, explain
from verify.subject import Subject, as_sum
from verify.text import number


@dataclass(frozen=True)
class Asked:
    """What an adder says of one pair.

    Attributes:
        found: the pair, its columns and the answer; of a wrong one all that `verify.hunt.explain` says.
        is_right: whether the answer is the sum.
        margins: of each of the 35 steps in base 2 the logit of the right state minus the best other; none where the
            adder shows no such logits.
    """

    found: Counterexample
    is_right: bool
    margins: tuple[float, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        names = ("a", "b", "expected", "got", "reason")
        told = {name: getattr(self.found, name) for name in names}
        more = {} if self.is_right else {"counterexample": self.found.as_json()}
        return told | {"is_right": self.is_right, "margins": list(self.margins)} | more

    def __str__(self) -> str:
        if not self.is_right:
            return card(self.found)
        said = f"{self.found.call}={self.found.got}, which is right [{self.found.reason}]"
        return "\n".join([said, *diagram(self.found, marks_wrong=False), *self._least()])

    def _least(self) -> list[str]:
        if not self.margins:
            return []
        step = int(np.argmin(self.margins))
        return [
            f"  its model is least sure of bit {step + 1} from the units, by a margin of {number(min(self.margins))}"
        ]


def ask_pair(subject: Subject, a: int, b: int) -> Asked:
    """Return what a subject says of one pair, asked of its ``add``.

    Raises:
        UsageError: an operand is out of the domain.
    """
    for operand in (a, b):
        if not subject.task.holds(operand):
            raise UsageError(
                f"operand {operand} is out of range; operands of {subject.task} are integers from 0 to "
                f"{subject.task.largest}"
            )
    got = subject.add(a, b)
    wrong = WrongAnswerError(a, b, got=got)
    if as_sum(got) != a + b:
        return Asked(explain(subject, wrong, family="sums"), is_right=False)
    return Asked(Counterexample.of(subject, wrong, "sums"), is_right=True, margins=_margins(subject, a, b))


def _margins(subject: Subject, a: int, b: int) -> tuple[float, ...]:
    if "forced_logits" not in subject.abilities or max(a, b) > MAX_OPERAND:
        return ()
    operands = np.array([a]), np.array([b])
    logits = np.asarray(subject.ask("forced_logits", ids=forced_tokens(*operands)), float)[0]  # (35, 4)
    right = state_tokens(*operands)[0]  # (35,)
    if logits.shape != (len(right), 4) or not np.isfinite(logits).all():
        return ()
    others = np.where(np.arange(4) == right[:, None], -np.inf, logits).max(axis=1)
    return tuple((logits[np.arange(len(right)), right] - others).tolist())
