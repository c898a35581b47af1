"""The reference's solver in our words, faults included, to be measured beside ours.

It tests the logits from before an optimizer step and returns the weights from after it, so that a seed it declares
solved may still be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from adder.model import GPTAdder, routing_mask
from adder.solver import PAIRS, STATES, TARGETS
from adder.tokens import PROMPT_LENGTH

LEARNING_RATE = 5e-3
MAX_STEPS = 3000


@dataclass(frozen=True)
class ReferenceSolution:
    """What the reference returns for one seed: a model, whether it says that it is solved, and after how many steps."""

    model: GPTAdder
    declared_solved: bool
    steps: int


def solve_as_reference(seed: int) -> ReferenceSolution:
    """Return what the reference's solver makes of one seed."""
    torch.manual_seed(seed)
    model = GPTAdder(routing_mask())
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    targets = torch.from_numpy(TARGETS)
    contexts = torch.zeros(len(PAIRS), PROMPT_LENGTH, dtype=torch.int64)  # (16, 36)
    contexts[:, 0], contexts[:, -1] = torch.from_numpy(PAIRS), torch.from_numpy(STATES)
    for step in range(1, MAX_STEPS + 1):
        logits = model(contexts)[:, -1]  # (16, 4)
        optimizer.zero_grad()
        F.cross_entropy(logits, targets).backward()
        optimizer.step()
        if torch.equal(logits.argmax(-1), targets):
            return ReferenceSolution(model, declared_solved=True, steps=step)
    return ReferenceSolution(model, declared_solved=False, steps=MAX_STEPS)
