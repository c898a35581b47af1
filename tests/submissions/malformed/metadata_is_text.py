"""Returns text for metadata."""


def build_model():
    return None, "a very small adder"


def add(model, a, b):
    return a + b
