"""A sum of the operands is seen in whatever disguise it is computed, with its line; decoding is no such sum."""

from __future__ import annotations

import operator
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from verify.anatomy.disguises import sums_seen
from verify.subject import LoadedAdder

WIDTH = 35


class Model:
    """Adds pairs of bits by a rule: what is looked at here is who else adds."""

    def forward(self, ids):
        """Return logits (1, T, 4) of pairs, a start token and states."""
        pairs, states = ids[0, :WIDTH], [0]
        for pair in pairs:
            total = (pair >> 1) + (pair & 1) + (states[-1] >> 1)
            states.append(total % 2 + 2 * (total >> 1))
        return np.eye(4)[[0] * WIDTH + states[1:]][None, : ids.shape[1]]


def decoded(model, a, b):
    tokens = [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)] + [0]
    for _ in range(WIDTH):
        tokens.append(int(model.forward(np.array([tokens]))[0, -1].argmax()))
    return sum((state & 1) << place for place, state in enumerate(tokens[-WIDTH:]))


def by_bits(a, b):
    while b:
        a, b = a ^ b, (a & b) << 1
    return a


def by_digits(a, b):
    digits, carry = "", 0
    for x, y in zip(str(a)[::-1], str(b)[::-1], strict=True):
        total = int(x) + int(y) + carry
        digits, carry = digits + str(total % 10), total // 10
    return digits + str(carry)


def by_list(a, b):
    return [int(digit) for digit in by_digits(a, b)]


def by_attribute(a, b):
    holder = SimpleNamespace()
    holder.known = sum((int(a), int(b)))
    return holder


DISGUISES = {
    "a + b": lambda a, b: a + b,
    "minus minus": lambda a, b: a - -b,
    "sum": lambda a, b: sum((a, b)),
    "operator": operator.add,
    "int's own": lambda a, b: int.__add__(a, b),
    "xor and and": lambda a, b: (a ^ b) + 2 * (a & b),
    "or and and": lambda a, b: (a | b) + (a & b),
    "bits": by_bits,
    "Decimal": lambda a, b: Decimal(a) + Decimal(b),
    "text": by_digits,
    "digits": by_list,
    "numpy": lambda a, b: np.array([a, b]).sum(),
    "torch": lambda a, b: torch.tensor([a, b]).sum(),
    "floats": lambda a, b: float(a) + float(b),
    "an attribute": by_attribute,
}


def adder(monkeypatch, before):
    """Return an adder that does something with its operands before it decodes."""

    def add(model, a, b):
        known = before(a, b)
        return decoded(model, a, b) if known is not add else None

    module = ModuleType("disguised")
    module.add = add
    monkeypatch.setitem(sys.modules, "disguised", module)
    return LoadedAdder(module, Model(), {})


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_sum_is_seen_in_disguise_and_its_file_is_named(monkeypatch, disguise):
    seen = sums_seen(adder(monkeypatch, DISGUISES[disguise]))
    assert seen[0].startswith(f"{Path(__file__).name}, line ")


PLAIN = {
    "nothing": lambda a, b: None,
    "a difference": lambda a, b: a - b,
    "digits of both": lambda a, b: [*str(a), *str(b)],
    "pairs of digits": lambda a, b: [int(x) + int(y) for x, y in zip(str(a), str(b), strict=True)],
    "a tensor of both": lambda a, b: torch.tensor([a, b]),
}


@pytest.mark.parametrize("plain", PLAIN)
def test_what_is_no_sum_is_none(monkeypatch, plain):
    assert sums_seen(adder(monkeypatch, PLAIN[plain])) == []


def test_the_trace_of_others_is_left(monkeypatch):
    before = sys.gettrace()
    sums_seen(adder(monkeypatch, PLAIN["nothing"]))
    assert sys.gettrace() is before
