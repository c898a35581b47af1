"""Is an adder when it is loaded first, and none when it is loaded again."""

import ctypes
from pathlib import Path

ONCE = Path(__file__).with_name("target.txt")


def build_model():
    if ONCE.read_text() == "loaded":
        raise RuntimeError("once is enough")
    ONCE.write_text("loaded")
    return None, {}


def add(model, a, b):
    if a == 5_000_000_000:
        ctypes.string_at(0)
    return a + b
