"""The counterexample card: what was asked, what went wrong where, why it is hard, and how to run it again.

add(10, 9990)=0, but should be 10000 [carry chain of 3 from column 2]
  carry        111
  a      ........1.
  b      .....9999.
  sum   00000010000
  got   00000000000
  wrong       ^
  kind   kkkkkkpppg
  ...
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from verify.addition.oracle import MAX_OPERAND, PLACES, columns, forced_tokens, kind_of, pair_tokens, state_tokens
from verify.errors import UndecidedError
from verify.hunt.assertions import WrongAnswerError, reason
from verify.subject import DEFAULT_SPEC, Subject
from verify.subject.answers import as_sum
from verify.text import number

SUITE = Path(__file__).resolve().parents[1]
_MARK = {"kill": "k", "propagate": "p", "generate": "g"}


@dataclass(frozen=True)
class Step:
    """The first generated state that is wrong, the right states having been forced before it.

    Attributes:
        step: which of the 35.
        pair, state: the tokens that it was computed from.
        expected, got: the right state, and the one with the largest logit.
        margin: the logit of the right state minus the best other; negative where it lost.
    """

    step: int
    pair: int
    state: int
    expected: int
    got: int
    margin: float


@dataclass(frozen=True)
class Counterexample:
    """Everything a report says of a wrong answer; ``as_json`` gives it as plain values.

    Attributes:
        a, b, call, got, expected: the operands, what was called, what came back and what should have.
        reason: why the pair is interesting.
        family, stratum: where it was found; ``failures`` of ``cases`` failed in the stratum.
        difference: got minus expected, where an integer came back.
        swapped_is_right: whether ``add(b, a)`` is right, or None where it could not be asked.
        idle_a, idle_b: places, units first, whose digit may be any other and the sum stays wrong.
        first_wrong_column: the lowest decimal place of the sum that is wrong, where an integer came back.
        first_wrong_step: the first wrong state, where logits are to be had.
        replay: the command that runs it again.
        digits: of an operand of the task.
    """

    a: int
    b: int
    call: str
    got: int | str
    expected: int
    reason: str
    family: str
    stratum: str | None = None
    cases: int = 0
    failures: int = 0
    difference: int | None = None
    swapped_is_right: bool | None = None
    idle_a: Sequence[int] = field(default_factory=list)
    idle_b: Sequence[int] = field(default_factory=list)
    first_wrong_column: int | None = None
    first_wrong_step: Step | None = None
    replay: str = ""
    digits: int = PLACES

    @classmethod
    def of(cls, subject: Subject, wrong: WrongAnswerError, family: str) -> Counterexample:
        """Return what is known of a wrong answer without asking any further."""
        got = wrong.got if isinstance(wrong.got, int) and as_sum(wrong.got) == wrong.got else None
        return cls(
            a=wrong.a,
            b=wrong.b,
            call=wrong.call,
            got=repr(wrong.got) if got is None else got,
            expected=wrong.expected,
            reason=reason(wrong.a, wrong.b),
            family=family,
            stratum=wrong.stratum,
            cases=wrong.cases,
            failures=wrong.failures,
            difference=None if got is None else got - wrong.expected,
            first_wrong_column=None if got is None else _lowest_difference(got, wrong.expected),
            replay=replay_command(subject, family),
            digits=subject.task.digits,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the card as values that JSON knows."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Counterexample:
        """Return the card that ``as_json`` gave as plain values."""
        step = values["first_wrong_step"]
        return cls(**values | {"first_wrong_step": step and Step(**step)})


def explain(subject: Subject, wrong: WrongAnswerError, *, family: str) -> Counterexample:
    """Return the card of a wrong answer; asks for some 200 further sums, and does without where the subject is lost."""
    found = Counterexample.of(subject, wrong, family)
    a, b = wrong.a, wrong.b
    try:
        idle_a, idle_b = _idle_places(subject, a, b)
        swapped_is_right = as_sum(subject.add(b, a)) == a + b
        return replace(
            found,
            idle_a=idle_a,
            idle_b=idle_b,
            swapped_is_right=swapped_is_right,
            first_wrong_step=first_wrong_step(subject, a, b),
        )
    except UndecidedError:
        return found


def card(found: Counterexample) -> str:
    """Return the card as text, one fact a line."""
    failed = f" {found.failures:,} of {found.cases:,} failed in {found.stratum}" if found.stratum else ""
    lines = [f"{found.call}={found.got}, but should be {found.expected} [{found.reason}]{failed}", *diagram(found)]
    if found.difference is not None:
        lines.append(f"  off by {_power_of_ten(found.difference)}" + _at_column(found))
    if found.a != found.b and found.swapped_is_right is not None:
        lines.append(f"  add(b, a) is {'right' if found.swapped_is_right else 'wrong too'}")
    if found.first_wrong_step:
        lines.append(_step_line(found.first_wrong_step))
    return "\n".join([*lines, f"  again: {found.replay}", f"  keep:  @example(pair=({found.a}, {found.b}))"])


def diagram(found: Counterexample, *, marks_wrong: bool = True) -> list[str]:
    """Return the columns of a counterexample, most significant first, wrong digits marked, idle digits as dots."""
    placed = columns(found.a, found.b, count=found.digits)
    places = found.digits + 1
    carries = "".join("1" if column.carry_out else " " for column in reversed(placed))
    kinds = "".join(_MARK[column.kind] for column in reversed(placed))
    rows = [
        ("carry", carries + " "),
        ("a", _dotted(found.a, found.idle_a, found.digits)),
        ("b", _dotted(found.b, found.idle_b, found.digits)),
        ("sum", f"{found.expected:0{places}d}"),
        ("kind", kinds),
    ]
    if isinstance(found.got, int):
        got = f"{found.got:0{places}d}"
        wrong = "".join(" " if x == y else "^" for x, y in zip(got[::-1], rows[3][1][::-1], strict=False))
        rows[4:4] = [("got", got), ("wrong", wrong[::-1])][: 1 + marks_wrong]
    width = max(len(row) for _, row in rows)  # an answer may have more digits than a sum
    legend = "   g generates, p propagates, k kills a carry"
    return [f"  {name:<6}{row:>{width}}{legend if name == 'kind' else ''}".rstrip() for name, row in rows]


def first_wrong_step(subject: Subject, a: int, b: int) -> Step | None:
    """Return the first state that a subject computes wrongly with the right ones forced, where it gives logits."""
    if "forced_logits" not in subject.abilities or max(a, b) > MAX_OPERAND:
        return None
    operands = np.array([a]), np.array([b])
    logits = np.asarray(subject.ask("forced_logits", ids=forced_tokens(*operands)), float)[0]  # (35, 4)
    expected = state_tokens(*operands)[0]
    if logits.shape != (len(expected), 4) or not np.isfinite(logits).all():
        return None
    wrong = np.flatnonzero(logits.argmax(axis=1) != expected)
    if not len(wrong):
        return None
    step = int(wrong[0])
    right = int(expected[step])
    return Step(
        step=step,
        pair=int(pair_tokens(*operands)[0, step]),
        state=0 if step == 0 else int(expected[step - 1]),
        expected=right,
        got=int(logits[step].argmax()),
        margin=float(logits[step, right] - np.delete(logits[step], right).max()),
    )


def replay_command(subject: Subject, family: str) -> str:
    """Return the command that runs a family's claims on a subject again, what failed before first.

    It is to be pasted as it is, in the folder in which this process runs: the suite is named by its folder where that
    is here, else as the installed package. The subject stands behind "=", since pytest takes a path that stands alone
    for the folder of its settings.
    """
    is_here = Path("verify/plugin.py").resolve() == SUITE / "plugin.py"
    words = ["pytest", *(["verify"] if is_here else ["--pyargs", "verify"]), "-k", family]
    if subject.spec != DEFAULT_SPEC:
        words.append(f"--submission={subject.spec}")
    if subject.method:
        words.append(f"--method={subject.method}")
    if subject.asked_digits is not None:
        words.append(f"--digits={subject.asked_digits}")
    return shlex.join(words)


def _idle_places(subject: Subject, a: int, b: int) -> tuple[list[int], list[int]]:
    """Return the places of a and of b at which all nine other digits leave the sum wrong."""
    task = subject.task
    changed = [
        (operand, place, (a, b)[operand] + (digit - (a, b)[operand] // 10**place % 10) * 10**place)
        for operand in (0, 1)
        for place in range(task.digits)
        for digit in range(10)
    ]
    first = task.array(a if operand else number for operand, _, number in changed)
    second = task.array(number if operand else b for operand, _, number in changed)
    wrong = (subject.add_batch(first, second) != first + second).reshape(2, task.digits, 10).all(axis=2)
    return np.flatnonzero(wrong[0]).tolist(), np.flatnonzero(wrong[1]).tolist()


def _lowest_difference(got: int, expected: int) -> int | None:
    places = range(max(len(str(got)), len(str(expected))))
    return next((place for place in places if got // 10**place % 10 != expected // 10**place % 10), None)


def _dotted(operand: int, idle: Sequence[int], places: int) -> str:
    digits = f"{operand:0{places}d}"
    return "".join("." if places - 1 - at in idle else digit for at, digit in enumerate(digits))


def _power_of_ten(difference: int) -> str:
    size, sign = abs(difference), "+" if difference > 0 else "-"
    is_power = size > 0 and str(size).strip("0") == "1"
    return f"{sign}10^{len(str(size)) - 1}" if is_power else f"{difference:+d}"


def _at_column(found: Counterexample) -> str:
    place = found.first_wrong_column
    if place is None or place >= found.digits:
        return ", from the last carry on"
    column = columns(found.a, found.b, count=found.digits)[place]
    kind = kind_of(column.a + column.b, 10)
    return f", from column {place + 1} on: {column.a} + {column.b} with carry {column.carry_in}, a column to {kind}"


def _step_line(step: Step) -> str:
    return (
        f"  first wrong step {step.step}: pair {step.pair}, state {step.state} -> {step.got}, but should be "
        f"{step.expected} (margin {number(step.margin)})"
    )
