"""The code beside the submission."""

import numpy as np

WIDTH = 35


def forward(weights, ids):
    """Return logits (B, 4) of the last position alone."""
    x = weights["embedding"][ids]
    seen = [-1, -1 - WIDTH] if ids.shape[1] > WIDTH else [-1]
    here = x[:, -1] + (x[:, seen].mean(1) @ weights["value"].T) @ weights["output"].T
    here = here + np.maximum(here @ weights["up"].T + weights["up_bias"], 0) @ weights["down"].T
    return here @ weights["embedding"].T


def generate(model, a, b):
    """Return the sum that the model generates."""
    weights, step = model
    tokens = [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)] + [0]
    for _ in range(WIDTH):
        tokens.append(int(step(weights, np.array([tokens]))[0].argmax()))
    return sum((state & 1) << place for place, state in enumerate(tokens[-WIDTH:]))
