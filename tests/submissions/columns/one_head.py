"""Made by hand: a step sees s_k + s_(k-1) / 10 as one number, and two ramps cut it into a digit."""

import layers


def build_model():
    model = layers.read("one_head")
    return model, {"name": "one head", "author": "nobody", "params": sum(each.numel() for each in model.parameters())}


add = layers.add
