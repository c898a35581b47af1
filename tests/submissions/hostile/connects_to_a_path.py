"""Connects to a socket in the file system, as a daemon of the user's has."""

import socket

from attempt import outcome, target


def build_model():
    return None, outcome(lambda: socket.socket(socket.AF_UNIX).connect(target()))


def add(model, a, b):
    return a + b
