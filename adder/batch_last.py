"""Operands to tokens and back with the batch last: one row a place, neighbouring additions side by side in memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from adder.tokens import WIDTH

# torch spreads operations on over 32,768 elements over threads, and on a busy machine these wait for each other up to
# 100 times longer than one thread takes for the work. No operation of a decoding step is on more than two rows.
MAX_CONTEXTS = 16_384


def pair_tokens(a: Tensor, b: Tensor) -> Tensor:
    """Return the pair tokens of operands int64 (B,) and int64 (B,), those of `tokens.encode`: int64 (35, B)."""
    pairs = a.new_empty(WIDTH, len(a))  # (35, B)
    for rows, place in _places_at_once(a):
        torch.bitwise_right_shift(b, place, out=pairs[rows]).bitwise_and_(1)  # (S, B)
        pairs[rows].add_((a >> place).bitwise_and_(1), alpha=2)  # (S, B)
    return pairs


def spell(states: Tensor) -> Tensor:
    """Return the integers, int64 (B,), that states, int64 (35, B), spell: those of `tokens.decode`."""
    sums = torch.zeros_like(states[0])  # (B,)
    for rows, place in _places_at_once(sums):
        sums += (states[rows] & 1).bitwise_left_shift_(place).sum(0)  # (B,)
    return sums


def _places_at_once(like: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield slices of the 35 places, S of them, and the places themselves, int64 (S, 1).

    A batch (B,) is then worked at (S, B) elements at a time: few operations where it is small, none that spreads over
    threads where it is large.
    """
    places = torch.arange(WIDTH, device=like.device)[:, None]  # (35, 1)
    size = max(1, MAX_CONTEXTS // max(1, len(like)))
    for start in range(0, WIDTH, size):
        rows = slice(start, start + size)
        yield rows, places[rows]
