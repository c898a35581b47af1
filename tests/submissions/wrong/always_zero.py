"""A true transformer whose answer is thrown away."""

import numpy as np

WIDTH = 35


def build_model():
    return {"weights": np.ones((4, 4), np.float32)}, {"name": "always zero", "params": 16}


def forward(weights, ids):
    """Return logits (B, T, 4) of tokens (B, T)."""
    return weights[ids]


def add(model, a, b):
    tokens = [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)] + [0]
    for _ in range(WIDTH):
        tokens.append(int(forward(model["weights"], np.array([tokens]))[0, -1].argmax()))
    return 0
