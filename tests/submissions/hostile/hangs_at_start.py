"""Never finishes building its model."""


def build_model():
    while True:
        pass


def add(model, a, b):
    return a + b
