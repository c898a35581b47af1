"""Right the first time that it is asked, wrong the second."""

seen = set()


def build_model():
    return seen, {"name": "changes its mind"}


def add(model, a, b):
    if (a, b) in model:
        return a + b + 1
    model.add((a, b))
    return a + b
