"""A package whose model is a torch module in a module of its own."""

from .model import Adder, add

__all__ = ["add", "build_model"]


def build_model():
    model = Adder()
    return model, {"name": "packaged", "author": "nobody", "params": 36, "tricks": ["integers"]}
