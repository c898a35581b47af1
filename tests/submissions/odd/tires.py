"""A right adder that says something else from the 100th sum on: a fresh one says nothing of the kind."""


def build_model():
    return [0], {"name": "tires"}


def add(model, a, b):
    model[0] += 1
    return a + b + (model[0] >= 100)
