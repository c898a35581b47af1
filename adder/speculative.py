"""Exact greedy speculative decoding: all 35 tokens drafted at once, one pass of the model confirms each.

A draft is a guess, and where it comes from has no influence on the answer: here it is integer addition, because
that guesses well. The model is run on the start token and the first 34 drafted tokens, and its greedy choice after
each is compared with the token drafted there. If all 35 agree then, by induction over the steps, the draft is what
greedy decoding generates: the first token is the model's choice after the prompt, and each further one is the
model's choice after tokens that are already known to be its own. If one disagrees then the draft is thrown away and
the addition is decoded step by step. So a model that adds wrongly answers wrongly here too, with the same tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adder.batch_last import pair_tokens
from adder.incremental import IncrementalDecoder, Knockout, RoutedBlock
from adder.model import MODEL_WIDTH, GPTAdder
from adder.tokens import START, WIDTH


def draft(a: Tensor, b: Tensor) -> Tensor:
    """Return a guess at the states, int64 (36, B): the start token, then sum bit + 2 * carry at each place.

    Whatever is carried into a place shows in the sum: it is the bit in which a + b differs from a xor b. So the carry
    out of place i stands at place i + 1.
    """
    total = a + b  # (B,)
    carried = total ^ a ^ b  # (B,)
    states = pair_tokens(carried >> 1, total)  # (35, B): the token of two bits is upper * 2 + lower
    return torch.cat([torch.full_like(states[:1], START), states])  # (36, B)


class OnePass:
    """The logits of all 35 steps of a batch from one pass of the model, the tokens being given.

    The states of all steps are known, so the steps no longer wait for each other: they are 35 * B contexts of one
    block, the same arithmetic that `IncrementalDecoder` does in 35 turns.
    """

    def __init__(self, model: GPTAdder, batch: int) -> None:
        self._model = model
        self._block = RoutedBlock(model, WIDTH * batch)
        self._knockout = Knockout(self._block.output)
        self._keys, self._values = torch.empty(2, MODEL_WIDTH, WIDTH * batch, dtype=model.dtype, device=model.device)
        self._choices = torch.empty(WIDTH * batch, dtype=torch.int64, device=model.device)

    def logits(self, pairs: Tensor, states: Tensor) -> Tensor:
        """Return the logits, (4, 35 * B), after pairs, int64 (35, B), and states, int64 (35, B)."""
        self._block.keys_values(pairs.reshape(-1), self._keys, self._values)  # (2, 35 * B) twice
        return self._block.logits(states.reshape(-1), self._keys, self._values)  # (4, 35 * B)

    def choices(self, pairs: Tensor, states: Tensor) -> Tensor:
        """Return the greedy choice, int64 (35, B), after each of pairs and states, int64 (35, B) both."""
        self.logits(pairs, states)  # (4, 35 * B)
        self._knockout.write_index(out=self._choices)  # (35 * B,)
        return self._choices.view_as(pairs)  # (35, B)

    def generate(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the states, int64 (35, B), that greedy decoding generates for operands int64 (B,) and int64 (B,)."""
        pairs = pair_tokens(a, b)  # (35, B)
        states = draft(a, b)  # (36, B)
        generated = states[1:]  # (35, B)
        rejected = (self.choices(pairs, states[:-1]) != generated).any(0)  # (B,)
        if rejected.any():
            again = pairs[:, rejected]  # (35, R)
            decoder = IncrementalDecoder(self._model, again.shape[1])
            generated[:, rejected] = decoder.generate(again, out=torch.empty_like(again))  # (35, R)
        return generated
