"""Sends a datagram to a server on this machine."""

import socket

from attempt import outcome, target


def send():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", int(target())))


def build_model():
    return None, outcome(send)


def add(model, a, b):
    return a + b
