"""Ends its process with status 0 on one operand, as if all had gone well."""

import os


def build_model():
    return None, {"name": "ends itself"}


def add(model, a, b):
    if a == 5_000_000_000:
        os._exit(0)
    return a + b
