"""Reads a checkpoint that is not there."""

from pathlib import Path


def build_model():
    return Path("weights.npz").read_bytes(), {}


def add(model, a, b):
    return a + b
