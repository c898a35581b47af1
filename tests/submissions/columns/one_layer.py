"""A one-layer digit transformer in plain torch, imported by the submissions beside it.

Both operands are written in 11 digits, units first: a + b = and then the sum, units first. ``10`` is "+", and ``11``
is "=".
"""

import json
import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

COLUMNS = 11  # of the sum; the operands' highest is always 0
PLUS, EQUALS = 10, 11
HERE = Path(__file__).resolve().parent


class Norm(nn.Module):
    """RMSNorm, LayerNorm or nothing, by name."""

    def __init__(self, name, width):
        super().__init__()
        self.name = name
        self.weight = nn.Parameter(torch.ones(width)) if name else None
        self.bias = nn.Parameter(torch.zeros(width)) if name == "layer" else None

    def forward(self, x):
        if self.name == "layer":
            return functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, 1e-5)
        if self.name == "rms":
            return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight
        return x


class Adder(nn.Module):
    """Embedding, one block of attention and MLP, head."""

    def __init__(self, width=5, heads=1, key=3, value=1, hidden=2, norm="", act="relu", choices=10, attention="plain"):
        super().__init__()
        self.heads, self.key, self.value, self.act, self.attention = heads, key, value, act, attention
        self.embedding = nn.Embedding(12, width)
        self.position = nn.Parameter(torch.zeros(3 * COLUMNS + 1, width))
        self.norms = nn.ModuleList(Norm(norm, width) for _ in range(2))
        self.query = nn.Linear(width, heads * key, bias=False)
        self.keys = nn.Linear(width, heads * key, bias=False)
        self.values = nn.Linear(width, heads * value, bias=False)
        self.output = nn.Linear(heads * value, width, bias=False)
        self.up = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden) if act == "swiglu" else None
        self.down = nn.Linear(hidden, width)
        self.head = nn.Linear(width, choices)

    def forward(self, ids):
        x = self.embedding(ids) + self.position[: ids.shape[1]]  # (B, T, D)
        x = x + self.output(self.attend(x))
        x = x + self.down(self.activate(self.norms[0](x)))
        return self.head(self.norms[1](x))  # (B, T, C)

    def attend(self, x):
        size, length, _ = x.shape
        query, key = (
            each(x).view(size, length, self.heads, self.key).transpose(1, 2) for each in (self.query, self.keys)
        )
        value = self.values(x).view(size, length, self.heads, self.value).transpose(1, 2)  # (B, H, T, V)
        if self.attention == "fused":
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=1.0)
        else:
            later = torch.ones(length, length, dtype=torch.bool).triu(1)
            scores = (query @ key.transpose(-1, -2)).masked_fill(later, -math.inf)
            mixed = scores.softmax(-1) @ value
        return mixed.transpose(1, 2).reshape(size, length, -1)

    def activate(self, x):
        if self.act == "swiglu":
            return functional.silu(self.gate(x)) * self.up(x)
        return getattr(functional, self.act)(self.up(x))


def read(name):
    """Return the model that a file beside this one describes."""
    described = json.loads((HERE / f"{name}.json").read_text())
    model = Adder(**described["shape"])
    model.load_state_dict({key: torch.tensor(value) for key, value in described["weights"].items()})
    return model.eval()


def prompt(a, b):
    """Return the tokens of two operands."""
    digits = [[number // 10**place % 10 for place in range(COLUMNS)] for number in (a, b)]
    return [*digits[0], PLUS, *digits[1], EQUALS]


def decode(forward, a, b):
    """Return the sum that greedy decoding emits."""
    tokens = prompt(a, b)
    for _ in range(COLUMNS):
        tokens.append(int(forward(torch.tensor([tokens]))[0, -1].argmax()))
    return sum(digit * 10**place for place, digit in enumerate(tokens[-COLUMNS:]))


@torch.no_grad()
def add(model, a, b):
    """Return the sum of two operands."""
    return decode(model, a, b)
