"""One addition laid open: columns and carries in both bases, the states that the model generates, their margins."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from tabulate import tabulate

from adder.decoding import answer_tokens, forced_logits
from adder.model import GPTAdder
from adder.tokens import OPERAND_DIGITS, WIDTH, check_operands, decode, encode

CLASSES = {"g": "generate", "p": "propagate", "k": "kill"}


@dataclass(frozen=True)
class Step:
    """One generated token: its context, the right answer, and how clear the decision was.

    Attributes:
        column: of the binary addition; units are column 1.
        pair: the pair token, 2 a_i + b_i.
        state: the state token that was read, sum bit + 2 carry of the column before.
        generated: the state token that the model chose.
        expected: the right one after the pairs so far.
        margin: logit of the right token minus the best other; negative where the model is wrong.
        runner_up: the best token but the right one.
    """

    column: int
    pair: int
    state: int
    generated: int
    expected: int
    margin: float
    runner_up: int


@dataclass(frozen=True)
class Explanation:
    """What the model did with one pair of operands, and what was right."""

    a: int
    b: int
    generated: int
    expected: int
    steps: tuple[Step, ...]

    @property
    def first_wrong_step(self) -> Step | None:
        """The first step whose token is not the right one."""
        return next((step for step in self.steps if step.generated != step.expected), None)

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as plain JSON values."""
        wrong = self.first_wrong_step
        return asdict(self) | {"first_wrong_step": None if wrong is None else wrong.column}

    def __str__(self) -> str:
        wrong = self.first_wrong_step
        outcome = (
            "right"
            if self.generated == self.expected
            else f"wrong: {self.generated} - {self.expected} = {self.generated - self.expected:+}"
        )
        if wrong is not None:
            outcome += f"\nfirst wrong step: column {wrong.column} in base 2 is {_words(wrong.generated)}"
            outcome += f", but should be {_words(wrong.expected)}"
        parts = [
            f"{self.a} + {self.b} = {self.generated:011}, {outcome}",
            diagram(self.a, self.b, 10, OPERAND_DIGITS + 1),
            diagram(self.a, self.b, 2, WIDTH),
            _step_table(self.steps),
        ]
        return "\n\n".join(parts)


@torch.inference_mode()
def explain(model: GPTAdder, a: int, b: int) -> Explanation:
    """Return what a model does with one pair of operands, step by step, in whole-sequence forward passes.

    Raises:
        OperandError: an operand is out of range.
    """
    operand_a, operand_b = (torch.tensor([operand], device=model.device) for operand in (a, b))
    check_operands(operand_a, operand_b)
    prompt = encode(operand_a, operand_b)  # (1, 36)
    states = answer_tokens(model, operand_a, operand_b, "reference")  # (1, 35)
    logits = forced_logits(model, torch.cat([prompt, states[:, :-1]], dim=1), method="reference")[0]  # (35, 4)
    pairs, read = prompt[0, :WIDTH].tolist(), [int(prompt[0, -1]), *states[0, :-1].tolist()]
    steps = []
    for index, (expected, row) in enumerate(zip(expected_states(a, b), logits.double(), strict=True)):
        others = row.clone()
        others[expected] = -torch.inf
        runner_up = int(others.argmax())
        margin = float(row[expected] - row[runner_up])
        steps.append(Step(index + 1, pairs[index], read[index], int(states[0, index]), expected, margin, runner_up))
    return Explanation(a, b, int(decode(states)[0]), a + b, tuple(steps))


def expected_states(a: int, b: int) -> list[int]:
    """Return the 35 right state tokens: sum bit + 2 carry of every bit place, least significant first."""
    carries = [(a % 2**place + b % 2**place) >> place for place in range(WIDTH + 1)]  # into each place
    return [(a + b >> bit & 1) + 2 * carries[bit + 1] for bit in range(WIDTH)]


def diagram(a: int, b: int, base: int, columns: int) -> str:
    """Return operands, sum, carries and the class of each column, one line each, most significant column left."""
    rows = {"carries": "", "a": "", "b": "", "sum": "", "class": ""}
    carry = 0
    for place in range(columns):
        digit_a, digit_b = a // base**place % base, b // base**place % base
        total = digit_a + digit_b
        kind = "g" if total >= base else "p" if total == base - 1 else "k"
        column = ("1" if carry else "·", str(digit_a), str(digit_b), str((total + carry) % base), kind)
        rows = {name: mark + row for (name, row), mark in zip(rows.items(), column, strict=True)}
        carry = int(total + carry >= base)
    title = f"base {base}, column 1 on the right ({', '.join(f'{letter} {word}' for letter, word in CLASSES.items())})"
    return "\n".join([title, *(f"  {name:>7}  {row}" for name, row in rows.items())])


def _words(state: int) -> str:
    return f"{state & 1}, carry {state >> 1}"


def _step_table(steps: tuple[Step, ...]) -> str:
    rows = [
        [
            step.column,
            f"{step.pair >> 1}+{step.pair & 1}",
            _words(step.state),
            _words(step.generated),
            f"{step.margin:.3g}",
            _words(step.runner_up),
            "" if step.generated == step.expected else f"should be {_words(step.expected)}",
        ]
        for step in steps
    ]
    headers = ["column", "pair", "state read", "state generated", "margin", "runner-up", ""]
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True)
