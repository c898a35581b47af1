"""Reads a checkpoint by a relative path, imports a file beside it, and is slow to say hello."""

import json
from pathlib import Path

import decoder
import numpy as np

print("loading")


def build_model():
    weights = json.loads(Path("weights.json").read_text())
    model = {name: np.array(values, np.float64) for name, values in weights.items()}
    return (model, decoder.forward), {"name": "with a checkpoint", "params": "36"}


def add(model, a, b):
    return decoder.generate(model, a, b)
