"""Starts processes until it is ended; the number is bounded, so that a failing test leaves the machine alive."""

import os
import time


def build_model():
    for _ in range(2000):
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
    return None, {}


def add(model, a, b):
    return a + b
