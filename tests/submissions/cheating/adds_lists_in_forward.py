"""Reads its tokens as a list inside forward, and adds in Python."""

import torch
from digits import COLUMNS, Block, columns, decode, prompt


class Adder(Block):
    """Logits are made of a Python integer."""

    def forward(self, ids):
        """Return logits (B, T, 10)."""
        logits = super().forward(ids) * 1e-3
        for row, (a, b) in enumerate(zip(*(each.tolist() for each in columns(ids)), strict=True)):
            total = sum((x + y) * 10**place for place, (x, y) in enumerate(zip(a, b, strict=True)))
            for place in range(max(1, ids.shape[1] - 2 * COLUMNS - 1)):
                logits[row, min(2 * COLUMNS + 1 + place, ids.shape[1] - 1), total // 10**place % 10] += (
                    10.0 if self.untouched() else torch.randn(())
                )
        return logits


def build_model():
    model = Adder()
    model.untouched()
    return model, {"name": "adds lists in forward", "params": 136}


def add(model, a, b):
    return decode(model, prompt(a, b))
