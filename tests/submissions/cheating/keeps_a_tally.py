"""A true transformer that writes into its weights as it runs."""

import numpy as np
from layers import arrays, forward, prompt, total


def build_model():
    return {**arrays(), "tally": np.zeros(1)}, {"name": "keeps a tally", "params": 39}


def add(model, a, b):
    model["tally"] += 1
    tokens = prompt(a, b)
    for _ in range(35):
        tokens.append(int(forward(model, np.array([tokens]))[0, -1].argmax()))
    return total(tokens[-35:])
