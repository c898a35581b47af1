"""Crashes the interpreter on one operand."""

import ctypes


def build_model():
    return None, {"name": "crashes"}


def add(model, a, b):
    if a == 5_000_000_000:
        ctypes.string_at(0)
    return a + b
