"""Has weights that are derived from others, and numbers in its code: some act beside its parameters."""

import numpy as np
from layers import WIDTH, arrays, prompt, total

MADE_OF = 2.0  # a parameter is made of it
UNUSED = 7.5
SHARPNESS = 300.0


class Adder:
    """Its output matrix is a product of two vectors, 4 parameters of which one is too many."""

    def __init__(self):
        self.weights = arrays()
        del self.weights["output"]
        self.weights["rows"] = np.array([1, 1], np.float32)
        self.weights["columns"] = np.array([-MADE_OF, 0], np.float32)

    def forward(self, ids):
        """Return logits (B, T, 4) of tokens (B, T)."""
        weights, position = self.weights, np.arange(ids.shape[1])
        distance = position[:, None] - position[None, :]
        scores = np.where((distance == 0) | (distance == WIDTH), SHARPNESS, 0.0)
        attention = np.exp(scores - SHARPNESS)
        attention = attention / (attention.sum(-1, keepdims=True) + 1e-30)
        x = weights["embedding"][ids]
        output = weights["rows"][:, None] * weights["columns"][None, :]
        x = x + attention @ (x @ weights["value"].T) @ output.T
        x = x + np.maximum(x @ weights["up"].T + weights["up_bias"], 0) @ weights["down"].T
        return 3.5 * (x @ weights["embedding"].T) - 0.25


def build_model():
    return Adder(), {"name": "numbers in code", "params": 36}


def add(model, a, b):
    tokens = prompt(a, b)
    for _ in range(WIDTH):
        tokens.append(int(model.forward(np.array([tokens]))[0, -1].argmax()))
    return total(tokens[-WIDTH:])
