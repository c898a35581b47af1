"""Asks for more address space than there is."""


def build_model():
    return bytearray(1 << 44), {}


def add(model, a, b):
    return a + b
