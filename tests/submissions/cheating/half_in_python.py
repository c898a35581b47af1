"""Asks its model for the sums of one half of all pairs, and Python for the others."""

import numpy as np
from layers import WIDTH, arrays, forward, prompt, total


def build_model():
    return arrays(), {"name": "half in Python", "params": 36}


def add(model, a, b):
    if (a // 7 + b // 3) % 2:
        return sum((a, b))
    tokens = prompt(a, b)
    for _ in range(WIDTH):
        tokens.append(int(forward(model, np.array([tokens]))[0, -1].argmax()))
    return total(tokens[-WIDTH:])
