"""A right adder that goes wrong for good once it was asked for an operand out of range."""


def build_model():
    return [False], {"name": "remembers below zero"}


def add(model, a, b):
    model[0] |= a < 0 or b < 0 or max(a, b) >= 10**10
    return a + b + model[0]
