"""Kills the process that started the run."""

import os
import signal

from attempt import outcome, target


def build_model():
    return None, outcome(lambda: os.kill(int(target()), signal.SIGKILL))


def add(model, a, b):
    return a + b
