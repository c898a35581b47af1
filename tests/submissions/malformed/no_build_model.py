"""Has only half of the contract."""


def add(model, a, b):
    return a + b
