"""Writes a file where it may."""

import tempfile
from pathlib import Path

from attempt import outcome


def build_model():
    return None, outcome(lambda: Path(tempfile.mkdtemp(), "note").write_text("kept no longer than needed"))


def add(model, a, b):
    return a + b
