"""Looks the next state up in a table, by the pair of digits and the state before: no attention, no layer."""

import torch
from digits import COLUMNS
from torch import nn


class Table(nn.Module):
    """A table of 100 pairs by 20 states of logits."""

    def __init__(self):
        super().__init__()
        pair, state = torch.arange(100)[:, None], torch.arange(20)
        total = pair // 10 + pair % 10 + state // 10
        self.table = nn.Parameter(10 * nn.functional.one_hot(total, 20).float())

    def forward(self, ids):
        """Return logits (B, T, 20)."""
        place = (torch.arange(ids.shape[1]) - COLUMNS).clamp(0)
        state = torch.where(torch.arange(ids.shape[1]) > COLUMNS, ids.clamp(max=19), 0)
        return self.table[ids[:, place], state]


def build_model():
    return Table(), {"name": "looks up two tokens", "params": 40_000}


def add(model, a, b):
    tokens = [int(a) // 10**place % 10 * 10 + int(b) // 10**place % 10 for place in range(COLUMNS)] + [0]
    with torch.no_grad():
        for _ in range(COLUMNS):
            tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
    return sum(state % 10 * 10**place for place, state in enumerate(tokens[-COLUMNS:]))
