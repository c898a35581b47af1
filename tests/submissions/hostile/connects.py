"""Opens a connection to a server on this machine."""

import socket

from attempt import outcome, target


def build_model():
    return None, outcome(lambda: socket.create_connection(("127.0.0.1", int(target())), timeout=2).sendall(b"hello"))


def add(model, a, b):
    return a + b
