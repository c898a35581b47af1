"""Writes a file outside of its scratch folder."""

from pathlib import Path

from attempt import outcome, target


def build_model():
    return None, outcome(lambda: Path(target()).write_text("I was here"))


def add(model, a, b):
    return a + b
