"""Writes to a setting of the kernel what it holds already, which shows that it could write anything."""

from pathlib import Path

from attempt import outcome, target


def rewrite():
    setting = Path(target())
    return setting.write_text(setting.read_text())


def build_model():
    return None, outcome(rewrite)


def add(model, a, b):
    return a + b
