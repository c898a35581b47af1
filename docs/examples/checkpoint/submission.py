"""An adder in a folder, its weights beside it. Hand in this file; what lies beside it may be read and imported."""

import json
from pathlib import Path

import numpy as np

WIDTH = 35  # bits of the largest sum
HERE = Path(__file__).parent


class Adder:
    def __init__(self, weights):
        self.weights = {name: np.array(values, dtype=np.float32) for name, values in weights.items()}

    def forward(self, tokens):
        """Return logits (B, T, 4) of tokens (B, T); see right.py for what they mean."""
        w = self.weights
        position = np.arange(tokens.shape[1])
        distance = position[:, None] - position[None, :]
        seen = ((distance == 0) | (distance == WIDTH)).astype(np.float32)
        x = w["embedding"][tokens]  # (B, T, 2)
        x = x + seen / seen.sum(-1, keepdims=True) @ (x @ w["value"].T) @ w["output"].T
        x = x + np.maximum(x @ w["up"].T + w["up_bias"], 0) @ w["down"].T
        return x @ w["embedding"].T


def build_model():
    weights = json.loads((HERE / "weights.json").read_text())
    return Adder(weights), {"name": "with a checkpoint", "author": "an example", "params": 36}


def add(model, a, b):
    tokens = [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)] + [0]
    for _ in range(WIDTH):
        tokens.append(int(model.forward(np.array([tokens]))[0, -1].argmax()))
    return sum((state & 1) << place for place, state in enumerate(tokens[-WIDTH:]))
