"""Made by hand: a step sees s_k + s_(k-1) / 10 as one number, and two ramps cut it into a digit."""

import one_layer


def build_model():
    model = one_layer.read("one_head")
    return model, {"name": "one head", "author": "nobody", "params": sum(each.numel() for each in model.parameters())}


add = one_layer.add
