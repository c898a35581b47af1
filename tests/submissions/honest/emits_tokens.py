"""Forward returns token ids, of one bare sequence."""

import numpy as np
from layers import WIDTH, arrays, prompt, total
from layers import forward as logits


class Adder:
    """Decides by itself."""

    def __init__(self):
        self.weights = arrays()

    def forward(self, ids):
        """Return token ids (T,) of tokens (T,)."""
        return logits(self.weights, ids[None])[0].argmax(-1)


def build_model():
    return Adder(), {"name": "emits tokens"}


def add(model, a, b):
    tokens = prompt(a, b)
    for _ in range(WIDTH):
        tokens.append(int(model.forward(np.array(tokens))[-1]))
    return total(tokens[-WIDTH:])
