"""Lists the user's home."""

from pathlib import Path

from attempt import outcome, target


def build_model():
    return None, outcome(lambda: min(Path(target()).iterdir()))


def add(model, a, b):
    return a + b
