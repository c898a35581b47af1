"""A right adder whose process ends on one pair in two hundred."""

import os


def build_model():
    return object(), {"name": "dies on one pair"}


def add(model, a, b):
    if a % 200 == 123 and a > 10**9:
        os._exit(3)
    return a + b
