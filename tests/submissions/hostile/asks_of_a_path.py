"""Asks whether a path exists, and how large the file is."""

from pathlib import Path

from attempt import outcome, target


def build_model():
    return None, outcome(lambda: Path(target()).stat().st_size)


def add(model, a, b):
    return a + b
