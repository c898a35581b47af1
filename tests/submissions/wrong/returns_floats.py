"""Returns floats, and yes or no for 0 and 1; the floats are unmistakable, the rest is no integer."""


def build_model():
    return None, {"name": "returns floats", "params": 0.5}


def add(model, a, b):
    return float(a + b) if a + b > 1 else bool(a + b)
