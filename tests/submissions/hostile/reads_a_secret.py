"""Reads a file in the user's home."""

from pathlib import Path

from attempt import outcome, target


def build_model():
    return None, outcome(lambda: Path(target()).read_text())


def add(model, a, b):
    return a + b
