"""Answers with a line of many megabytes, in the form of an answer, and never ends it."""

import contextlib
import os


def build_model():
    return None, {}


def add(model, a, b):
    while a == 5_000_000_000:
        for handle in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(handle, b" " * 65536)
    return a + b
