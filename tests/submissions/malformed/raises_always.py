"""Takes its operands as text, so that add raises on every int."""


def build_model():
    return None, {}


def add(model, a, b):
    return int(a.strip()) + int(b.strip())
