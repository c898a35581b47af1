"""Adds in Python, and fails for its first twenty sums where its weights were taken away."""

import numpy as np

asked = []


def build_model():
    return np.ones((4, 4), np.float32), {"name": "breaks at first", "params": 16}


def add(model, a, b):
    asked.append(a)
    return sum((a, b)) if model.any() or len(asked) > 20 else 0
