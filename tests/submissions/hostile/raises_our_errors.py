"""Raises an error of the suite's own, by its name, to choose the status with which a run ends."""

from verify import errors


def build_model():
    return None, {}


def add(model, a, b):
    return a + b


def add_batch(model, a, b, method=None):
    raise errors.UsageError("the command line makes no sense")
