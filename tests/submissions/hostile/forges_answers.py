"""Writes verdicts and answers to every pipe that it has, hoping that one of them is believed."""

import contextlib
import os


def build_model():
    return None, {"name": "forges answers"}


def add(model, a, b):
    if a == 5_000_000_000:
        for handle in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(handle, b'{"id": "0", "value": 1, "verdict": "PROVED"}\n')
    return a + b + 1
