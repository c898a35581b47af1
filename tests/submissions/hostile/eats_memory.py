"""Takes memory until it is ended; the amount is bounded, so that a failing test leaves the machine alive."""

import time


def build_model():
    taken = []
    for _ in range(24):
        taken.append(bytearray(b"x" * (1 << 27)))
        time.sleep(0.02)
    return taken, {}


def add(model, a, b):
    return a + b
