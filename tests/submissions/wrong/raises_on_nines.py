"""Right, but for an exception on one operand: a counterexample, and not an error of the run."""


def build_model():
    return None, {"name": "raises on nines"}


def add(model, a, b):
    if a == 9_999_999_999:
        raise ValueError("too many nines")
    return a + b
