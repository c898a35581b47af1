"""A right adder whose answers are integers of a type of its own, as numpy's are."""


class Integer:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


def build_model():
    return object(), {"name": "returns its own integer"}


def add(model, a, b):
    return Integer(a + b)
