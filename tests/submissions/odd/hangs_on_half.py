"""A right adder that comes to no end on every other sum of large operands."""


def build_model():
    return object(), {"name": "hangs on half"}


def add(model, a, b):
    while a > 10**6 and (a + b) % 2:
        pass
    return a + b
