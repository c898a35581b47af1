"""Answers with how many sums it was asked for before."""


def build_model():
    return [], {}


def add(model, a, b):
    model.append(a)
    return len(model) - 1
