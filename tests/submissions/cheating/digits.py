"""What cheats in torch share: digits in order, units first, a + b = sum; a decoder that plays by the rules."""

import torch
from torch import nn

COLUMNS = 11
PLUS, EQUALS = 10, 11


def prompt(a, b):
    """Return the tokens of two operands: 11 digits, +, 11 digits, =."""
    digits = [[number // 10**place % 10 for place in range(COLUMNS)] for number in (int(a), int(b))]
    return [*digits[0], PLUS, *digits[1], EQUALS]


def decode(forward, tokens):
    """Return the integer that greedy decoding spells."""
    tokens = list(tokens)
    with torch.no_grad():
        for _ in range(COLUMNS):
            tokens.append(int(forward(torch.tensor([tokens]))[0, -1].argmax()))
    return sum(digit * 10**place for place, digit in enumerate(tokens[-COLUMNS:]))


class Block(nn.Module):
    """A true attention layer over embeddings, drawn at random, whose logits are all but nothing."""

    def __init__(self, width=4):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(12, width)
        self.query, self.keys, self.values = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.head = nn.Linear(width, 10, bias=False)

    def forward(self, ids):
        """Return logits (B, T, 10) of tokens (B, T)."""
        x = self.embedding(ids)
        later = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
        scores = (self.query(x) @ self.keys(x).transpose(1, 2)).masked_fill(later, -torch.inf)
        return self.head(x + scores.softmax(-1) @ self.values(x))

    def untouched(self):
        """Return whether no weight was changed."""
        total = sum(float(each.detach().double().sum()) for each in self.parameters())
        if not hasattr(self, "total"):
            self.total = total
        return total == self.total


def columns(ids):
    """Return the digits of both operands, (B, 11) each, of tokens (B, T)."""
    return ids[:, :COLUMNS], ids[:, COLUMNS + 1 : 2 * COLUMNS + 1]
