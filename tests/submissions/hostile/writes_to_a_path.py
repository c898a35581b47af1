"""Sends a datagram to a socket in the file system, such as a daemon's log, from one of a pair."""

import socket

from attempt import outcome, target


def build_model():
    return None, outcome(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"mine", target()))


def add(model, a, b):
    return a + b
