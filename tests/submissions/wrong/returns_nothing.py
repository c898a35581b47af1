"""Returns None where the sum has eleven digits."""


def build_model():
    return None, {"name": "returns nothing"}


def add(model, a, b):
    return a + b if a + b < 10**10 else None
