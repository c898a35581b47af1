"""The model is an object that is called with lists, the answer is text; the metadata are empty."""

import numpy as np
from layers import WIDTH, arrays, forward, prompt, total


class Adder:
    """Holds weights, and is called."""

    def __init__(self):
        self.weights = arrays()

    def __call__(self, tokens):
        """Return logits (B, T, 4) of lists of tokens."""
        return forward(self.weights, np.array(tokens))


def build_model():
    return Adder(), {}


def add(model, a, b):
    tokens = prompt(a, b)
    for _ in range(WIDTH):
        tokens.append(int(model([tokens])[0, -1].argmax()))
    return f"{total(tokens[-WIDTH:]):011d}"
