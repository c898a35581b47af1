"""Trained: two heads, RMSNorm, gelu."""

import one_layer


def build_model():
    return one_layer.read("two_heads"), {"name": "two heads", "author": "nobody"}


add = one_layer.add
