"""Subjects that campaigns hunt in tests: as fast as numpy, wrong where a carry runs far, some slow or fickle."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

SPEC = str(Path(__file__))


def sums(a, b, farthest=7):
    """Return sums that lose a carry chain of so many columns at its end."""
    running = np.zeros_like(a)
    lost = np.zeros_like(a)
    for column in range(10):
        total = a // 10**column % 10 + b // 10**column % 10
        running = np.where(total > 9, 1, np.where((total == 9) & (running > 0), running + 1, 0))
        lost = np.where((lost == 0) & (running == farthest), 10 ** (column + 1), lost)
    return a + b - lost


class Fast:
    """Loses carries that run over seven columns."""

    weights = np.arange(4.0)

    def build_model(self):
        return {"weights": self.weights}, {"name": type(self).__name__}

    def add(self, model, a, b):
        return int(self.add_batch(model, [a], [b])[0])

    def add_batch(self, model, a, b, method=None):
        return sums(np.asarray(a, np.int64), np.asarray(b, np.int64))


class Right(Fast):
    """Adds."""

    def add_batch(self, model, a, b, method=None):
        return np.asarray(a, np.int64) + np.asarray(b, np.int64)


class OtherWeights(Fast):
    """Is the same in all but its weights."""

    weights = np.arange(4.0) + 1

    def build_model(self):
        return {"weights": self.weights}, {"name": "Fast"}


class ChangingWeights(Fast):
    """Builds other weights in every process."""

    def build_model(self):
        return {"weights": np.array([float(os.getpid())])}, {"name": "ChangingWeights"}


class Sleeping(Right):
    """Takes its time: 0.1 ms a pair, without keeping a core busy."""

    def add_batch(self, model, a, b, method=None):
        time.sleep(1e-4 * len(a))
        return super().add_batch(model, a, b)


class Slow(Fast):
    """Takes its time, and loses carries."""

    def add_batch(self, model, a, b, method=None):
        time.sleep(2e-5 * len(a))
        return super().add_batch(model, a, b)


class WrongInBatches(Right):
    """Is wrong in add_batch alone."""

    def add(self, model, a, b):
        return a + b

    def add_batch(self, model, a, b, method=None):
        return np.asarray(a, np.int64) + np.asarray(b, np.int64) + (np.asarray(a) % 10 == 7)
