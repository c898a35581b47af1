"""Leaves folders within folders in its scratch, deeper than any path is long, and bars the way into one."""

import os
import tempfile


def build_model():
    os.chdir(tempfile.mkdtemp())
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
    os.mkdir("barred", 0)
    return None, {"name": "nests folders"}


def add(model, a, b):
    return a + b
