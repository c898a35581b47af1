"""Attention by learnt positions, so sharp that half of the sharpness changes nothing; the file holds a table too."""

import numpy as np
from layers import WEIGHTS, WIDTH, arrays, prompt, total

TABLE = np.array(WEIGHTS["up"], np.float32)


class Adder:
    """Scores are 1 at distances 0 and 35, times a sharpness that saturates the softmax."""

    def __init__(self):
        self.weights = arrays()
        self.weights["up"] = TABLE.copy()
        self.sharpness = np.array([1000.0], np.float32)

    def forward(self, ids):
        """Return logits (B, T, 4) of tokens (B, T)."""
        weights, position = self.weights, np.arange(ids.shape[1])
        distance = position[:, None] - position[None, :]
        scores = self.sharpness * ((distance == 0) | (distance == WIDTH))
        scores = np.where(distance < 0, -np.inf, scores)
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        attention = attention / attention.sum(-1, keepdims=True)
        x = weights["embedding"][ids]
        x = x + attention @ (x @ weights["value"].T) @ weights["output"].T
        x = x + np.maximum(x @ weights["up"].T + weights["up_bias"], 0) @ weights["down"].T
        return x @ weights["embedding"].T


def build_model():
    return Adder(), {"name": "sharp attention", "params": 37}


def add(model, a, b):
    tokens = prompt(a, b)
    for _ in range(WIDTH):
        tokens.append(int(model.forward(np.array([tokens]))[0, -1].argmax()))
    return total(tokens[-WIDTH:])
