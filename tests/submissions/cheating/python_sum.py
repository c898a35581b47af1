"""A true a + b in Python; there is no model at all."""


def build_model():
    return object(), {"name": "python sum", "params": 0}


def add(model, a, b):
    return a + b
