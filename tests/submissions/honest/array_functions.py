"""The model is a dict of arrays, forward a function of the file, the answer a numpy integer."""

import numpy as np
from layers import WIDTH, arrays, forward, prompt, total


def build_model():
    return arrays(), {"name": "array functions", "author": "nobody", "params": 36}


def add(model, a, b):
    tokens = prompt(a, b)
    for _ in range(WIDTH):
        tokens.append(int(forward(model, np.array([tokens]))[0, -1].argmax()))
    return np.int64(total(tokens[-WIDTH:]))
