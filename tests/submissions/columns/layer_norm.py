"""Trained: LayerNorm, gelu, attention in one call."""

import one_layer


def build_model():
    return one_layer.read("layer_norm"), {"name": "layer norm", "author": "nobody"}


add = one_layer.add
