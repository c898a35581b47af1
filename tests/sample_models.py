"""Models that tests run: one whose arithmetic never rounds, one with ordinary weights, and wrong ones."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from adder.model import GPTAdder, routing_mask

PAIRS = torch.arange(16) // 4
STATES = torch.arange(16) % 4
NEXT_STATES = PAIRS // 2 + PAIRS % 2 + STATES // 2


def exact_model() -> GPTAdder:
    """Return an adder of small integers: softmax is exactly 1/2, every margin is 1, and no operation rounds."""
    model = GPTAdder(routing_mask()).eval()
    weights = {
        "embedding.weight": [[-1, 0], [0, 1], [0, -1], [1, 0]],
        "attention.in_proj_weight": [[0, 0], [0, 0], [0, 0], [0, 0], [1, 0], [0, 0]],
        "attention.out_proj.weight": [[-2, 0], [-2, 0]],
        "mlp.0.weight": [[2, 1], [2, -1], [0, -1], [-2, 1]],
        "mlp.0.bias": [-2, -1, -1, -1],
        "mlp.2.weight": [[-1, -1, 2, 1], [-1, 1, 2, -1]],
        "mlp.2.bias": [0, 0],
    }
    model.load_state_dict({name: torch.tensor(value, dtype=torch.float32) for name, value in weights.items()})
    return model


def ordinary_model() -> GPTAdder:
    """Return an adder with weights as gradient descent leaves them: queries and keys are not zero."""
    for seed in range(20):
        torch.manual_seed(seed)
        model = GPTAdder(routing_mask())
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(300):
            optimizer.zero_grad()
            F.cross_entropy(model.step_logits(PAIRS, STATES), NEXT_STATES).backward()
            optimizer.step()
        if smallest_margin(model) > 0.5:
            return model.eval()
    raise AssertionError("no seed of 20 solved the 16 transitions")


def wrong_model(seed: int) -> GPTAdder:
    """Return a model with random weights under the routing mask: a step function, but not that of addition."""
    torch.manual_seed(seed)
    model = GPTAdder(routing_mask()).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


def smallest_margin(model: GPTAdder) -> float:
    """Return the smallest of 16 margins, logit of the right token minus the best other."""
    with torch.no_grad():
        logits = model.step_logits(PAIRS, STATES)
    right = logits.gather(1, NEXT_STATES[:, None])[:, 0]
    others = logits.scatter(1, NEXT_STATES[:, None], -torch.inf).amax(1)
    return float((right - others).min())
