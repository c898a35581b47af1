"""Writes a file beside itself, for the next one to import."""

from pathlib import Path

from attempt import outcome


def build_model():
    return None, outcome(lambda: Path(__file__).with_name("planted.py").write_text("I was here"))


def add(model, a, b):
    return a + b
