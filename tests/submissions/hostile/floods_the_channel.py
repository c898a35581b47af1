"""Writes what is no JSON, without an end of line, to every pipe that it has."""

import contextlib
import os


def build_model():
    return None, {"name": "floods the channel"}


def add(model, a, b):
    if a == 5_000_000_000:
        for handle in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(handle, b"[" * 50_000 + b"\n")
    return a + b
