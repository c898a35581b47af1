"""A right adder, column by column, whose loop never ends below zero, of which the contract says nothing."""


def build_model():
    return object(), {"name": "loops below zero"}


def add(model, a, b):
    total, unit, carry = 0, 1, 0
    while a or b or carry:
        carry, digit = divmod(a % 10 + b % 10 + carry, 10)
        total += digit * unit
        a, b, unit = a // 10, b // 10, unit * 10
    return total
