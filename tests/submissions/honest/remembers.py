"""Asks its model for each pair once, and remembers the sum."""

from functools import lru_cache

import numpy as np
from layers import WIDTH, arrays, forward, prompt, total

ARRAYS = arrays()


def build_model():
    return ARRAYS, {"name": "remembers", "params": 36}


@lru_cache(None)
def remembered(a, b):
    tokens = prompt(a, b)
    for _ in range(WIDTH):
        tokens.append(int(forward(ARRAYS, np.array([tokens]))[0, -1].argmax()))
    return total(tokens[-WIDTH:])


def add(model, a, b):
    return remembered(a, b)
