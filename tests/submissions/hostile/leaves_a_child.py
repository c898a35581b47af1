"""Leaves a process behind that has cut its ties, and goes on as if nothing were."""

import contextlib
import os
import time


def cut_all_ties():
    os.setsid()
    for handle in range(64):
        with contextlib.suppress(OSError):
            os.close(handle)


def build_model():
    if os.fork() == 0:
        cut_all_ties()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    return None, {"name": "leaves a child"}


def add(model, a, b):
    return a + b
