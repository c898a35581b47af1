"""Imports what is not there."""

import a_module_that_is_not_there


def build_model():
    return a_module_that_is_not_there, {}


def add(model, a, b):
    return a + b
