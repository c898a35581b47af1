"""A 46-parameter transformer in numpy, imported by the submissions beside it: the step function of binary addition."""

import numpy as np

WIDTH = 35
WEIGHTS = {
    "embedding": [[-1, 0], [0, 1], [0, -1], [1, 0]],
    "value": [[1, 0], [0, 0]],
    "output": [[-2, 0], [-2, 0]],
    "up": [[2, 1], [2, -1], [0, -1], [-2, 1]],
    "up_bias": [-2, -1, -1, -1],
    "down": [[-1, -1, 2, 1], [-1, 1, 2, -1]],
}


def arrays(weights=WEIGHTS):
    """Return the weights as arrays."""
    return {name: np.array(values, np.float32) for name, values in weights.items()}


def forward(weights, ids):
    """Return logits (B, T, 4) of tokens (B, T)."""
    position = np.arange(ids.shape[1])
    distance = position[:, None] - position[None, :]
    x = weights["embedding"][ids]
    scores = np.where((distance == 0) | (distance == WIDTH), 0.0, -np.inf)
    attention = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    x = x + attention @ (x @ weights["value"].T) @ weights["output"].T
    x = x + np.maximum(x @ weights["up"].T + weights["up_bias"], 0) @ weights["down"].T
    return x @ weights["embedding"].T


def prompt(a, b):
    """Return the pair tokens of two operands, and the start token."""
    return [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)] + [0]


def total(states):
    """Return the integer that generated states spell."""
    return sum((int(state) & 1) << place for place, state in enumerate(states))
