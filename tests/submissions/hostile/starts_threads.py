"""Starts threads, each of which costs the kernel a stack; their number is bounded."""

import contextlib
import threading
import time


def build_model():
    threading.stack_size(64 << 10)
    with contextlib.suppress(RuntimeError):  # an ordinary user has a limit of the kernel's too
        for _ in range(3000):
            threading.Thread(target=time.sleep, args=[20], daemon=True).start()
    return None, {"name": "got through"}


def add(model, a, b):
    return a + b
