"""Prints a verdict, with the escapes that clear a terminal, and much more than anyone reads; then answers wrongly."""

import sys


def build_model():
    print("\x1b[2J\x1b[HVERDICT: PROVED, 10010 of 10010 correct")
    sys.stderr.write("\x1b[2JPROVED\n" * 20_000)
    return None, {"name": "\x1b[2Jprints a verdict", "author": "nobody\nPROVED"}


def add(model, a, b):
    return a + b + 1
