"""Greedy decoding that reads only what the routing lets it read: one pair and one state a step, never the sequence.

Under the routing mask position 35 + k sees pair k and state k alone, and the model has one block, so nothing that
is computed at another position can reach its logits. What is here therefore does the arithmetic of the model,
with its own weights and in its own dtype, for these two tokens only. The batch is the last axis, so that neighbouring
additions lie side by side in memory, and results go into buffers that are allocated once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from adder.model import HIDDEN_WIDTH, MODEL_WIDTH, GPTAdder, routing_mask
from adder.tokens import START, VOCABULARY, WIDTH


def is_routed(model: GPTAdder) -> bool:
    """Tell whether every generated position of a model sees itself and the pair 35 positions before, nothing else.

    Rows of the mask before position 35 are of no account: one block never reads the output of another position.
    Columns after a position are of no account either: its logits are taken before those tokens exist.
    """
    forbidden = model.attention_mask | torch.ones_like(model.attention_mask).triu(1)  # (70, 70)
    return torch.equal(forbidden[WIDTH:], routing_mask().to(forbidden.device)[WIDTH:])


class RoutedBlock:
    """The model's arithmetic for a batch of (pair, state) contexts, as columns, in buffers that it keeps.

    A linear layer is a sum of columns of its weight, each times one input row, in one fixed order: matrix kernels
    are slower for so few rows, spread over threads at any size, and round differently from one batch size to the
    next. Softmax over two scores is the sigmoid of their difference. Everything else is the model's own operations
    in their order, so the logits are those of `GPTAdder.forward` at the same position, up to the rounding of its
    matrix kernels, and they are the same bits at every batch.
    """

    def __init__(self, model: GPTAdder, columns: int) -> None:
        weights = {name: weight.detach() for name, weight in model.named_parameters()}
        embedding = weights["embedding.weight"]  # (4, 2)
        projection = weights["attention.in_proj_weight"]  # (6, 2): queries, keys, values
        self._embedding = embedding.T.contiguous()  # (2, 4)
        self._query_key, self._value = _columns(projection[: 2 * MODEL_WIDTH]), _columns(projection[2 * MODEL_WIDTH :])
        self._key_value = _columns(projection[MODEL_WIDTH:])
        self._mixing = _columns(weights["attention.out_proj.weight"])
        self._first, self._first_bias = _columns(weights["mlp.0.weight"]), weights["mlp.0.bias"][:, None]  # (4, 1)
        self._second, self._second_bias = _columns(weights["mlp.2.weight"]), weights["mlp.2.bias"][:, None]  # (2, 1)
        self._head = _columns(embedding)
        self._scale = embedding.new_tensor(1 / math.sqrt(MODEL_WIDTH))  # ()

        def rows(count: int) -> Tensor:
            return embedding.new_empty(count, columns)  # (count, N)

        self._stream, self._scores, self._attended = rows(MODEL_WIDTH), rows(MODEL_WIDTH), rows(MODEL_WIDTH)
        self._stream_rows = self._stream.chunk(len(self._stream))  # (1, N) twice
        self._attended_rows = self._attended.chunk(len(self._attended))  # (1, N) twice
        self._score_rows = self._scores.chunk(len(self._scores))  # (1, N) twice
        self._queries_keys, self._values = rows(2 * MODEL_WIDTH), rows(MODEL_WIDTH)  # (4, N), (2, N)
        self._queries, self._keys = self._queries_keys.chunk(2)  # (2, N) each
        self._weights = rows(2)  # (2, N): of the pair, of the state
        self._pair_weight, self._state_weight = self._weights.chunk(len(self._weights))  # (1, N) each
        self._hidden = rows(HIDDEN_WIDTH)  # (4, N)
        self._hidden_rows = self._hidden.chunk(len(self._hidden))  # (1, N) four times
        self._logits = rows(VOCABULARY)  # (4, N)

    def keys_values(self, pairs: Tensor, out: Tensor) -> None:
        """Write the keys and the values that pair tokens, int64 (N,), offer to the states into out, (4, N)."""
        embedded = self._embedding.index_select(1, pairs)  # (2, N)
        _linear(self._key_value, embedded.chunk(MODEL_WIDTH), out)  # (4, N)

    def logits(self, states: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return the logits of the next state, (4, N), a buffer that the next call overwrites.

        Args:
            states: int64 (N,), tokens in 0..3.
            keys: (2, N), of the pairs that the states see (`keys_values`).
            values: (2, N), likewise.
        """
        torch.index_select(self._embedding, 1, states, out=self._stream)  # (2, N)
        self._attend(keys, values)  # (2, N)
        _add_linear(self._mixing, self._attended_rows, self._stream)  # (2, N)
        _linear(self._first, self._stream_rows, self._hidden).add_(self._first_bias).relu_()  # (4, N)
        _add_linear(self._second, self._hidden_rows, self._stream).add_(self._second_bias)  # (2, N)
        return _linear(self._head, self._stream_rows, self._logits)  # (4, N)

    def _attend(self, keys: Tensor, values: Tensor) -> None:
        """Write what each state gathers from its pair and from itself into the attended rows, (2, N)."""
        _linear(self._query_key, self._stream_rows, self._queries_keys)  # (4, N)
        _linear(self._value, self._stream_rows, self._values)  # (2, N)
        torch.mul(self._queries, keys, out=self._scores)  # (2, N)
        self._scores.addcmul_(self._queries, self._keys, value=-1)  # (2, N), pair less state
        torch.add(*self._score_rows, out=self._pair_weight).mul_(self._scale)  # (1, N)
        torch.neg(self._pair_weight, out=self._state_weight)  # (1, N)
        self._weights.sigmoid_()  # (2, N)
        torch.mul(values, self._pair_weight, out=self._attended)  # (2, N)
        self._attended.addcmul_(self._values, self._state_weight)  # (2, N)


def _columns(weight: Tensor) -> list[Tensor]:
    """Return the columns of a weight, (out, in), each (out, 1)."""
    return [column.contiguous() for column in weight.chunk(weight.shape[1], dim=1)]


def _linear(columns: list[Tensor], rows: Sequence[Tensor], out: Tensor) -> Tensor:
    """Write a linear layer, columns (out, 1) of its weight and rows (1, N) of its input, into out, (out, N)."""
    torch.mul(columns[0], rows[0], out=out)  # (out, N)
    return _add_linear(columns[1:], rows[1:], out)  # (out, N)


def _add_linear(columns: list[Tensor], rows: Sequence[Tensor], out: Tensor) -> Tensor:
    """Add a linear layer to out, (out, N)."""
    for column, row in zip(columns, rows, strict=True):
        out.addcmul_(column, row)  # (out, N)
    return out


class Knockout:
    """The index of the first maximum of four rows of logits, by two rounds of comparisons in buffers that it keeps.

    Ties go to the lower index, as with `torch.argmax`, which takes 112 ns a column over so few rows, where this
    takes 1. A NaN never wins its comparison; where all four are NaN both answer 0.
    """

    def __init__(self, columns: int, dtype: torch.dtype, device: torch.device) -> None:
        def rows(count: int) -> Tensor:
            return torch.empty(count, columns, dtype=dtype, device=device)  # (count, N)

        self._best, self._odd_wins = rows(2), rows(2)  # (2, N): of logits 0 and 1, of logits 2 and 3
        self._best_rows = self._best.chunk(len(self._best))  # (1, N) twice
        self._odd_wins_rows = self._odd_wins.chunk(len(self._odd_wins))  # (1, N) twice
        self._upper_wins = rows(1)  # (1, N)

    def __call__(self, logits: Tensor, out: Tensor) -> Tensor:
        """Write the index of the first maximum of each column of logits, (4, N), into out, int64 (N,)."""
        even, odd = logits[0::2], logits[1::2]  # (2, N) each
        torch.gt(odd, even, out=self._odd_wins)  # (2, N)
        torch.maximum(odd, even, out=self._best)  # (2, N)
        below, above = self._best_rows
        torch.gt(above, below, out=self._upper_wins)  # (1, N)
        index, odd_wins_above = self._odd_wins_rows
        odd_wins_above.sub_(index).add_(2)
        index.addcmul_(self._upper_wins, odd_wins_above)  # (1, N): 0 or 1 below, 2 or 3 above
        return out.copy_(index[0])  # (N,)


class IncrementalDecoder:
    """Greedy decoding of a batch, one state token a step, without ever recomputing the sequence.

    The keys and values of the 35 pairs are computed once and kept; step k then runs the block for state k alone.
    By induction over k it generates the tokens of the reference path: step k is the same function of pair k and
    state k, and state k is the token that step k - 1 generated.

    Args:
        model: an adder under the routing mask (`is_routed`).
        batch: how many additions each `start` brings.

    Raises:
        ValueError: the model has another mask, so that more would have to be read.
    """

    @torch.inference_mode()
    def __init__(self, model: GPTAdder, batch: int) -> None:
        if not is_routed(model):
            raise ValueError(
                "the attention mask is not the routing mask, so a step reads more than a pair and a state; "
                "decode with method='reference'"
            )
        self._block = RoutedBlock(model, batch)
        self._knockout = Knockout(batch, model.dtype, model.device)
        self._cache = torch.empty(WIDTH, 2 * MODEL_WIDTH, batch, dtype=model.dtype, device=model.device)  # (35, 4, B)
        self._start = torch.full((batch,), START, device=model.device)  # (B,)
        self._next_step = WIDTH

    @torch.inference_mode()
    def start(self, pairs: Tensor) -> None:
        """Take new prompts, the pair tokens int64 (35, B), and go back to the first step."""
        for tokens, cached in zip(pairs, self._cache, strict=True):
            self._block.keys_values(tokens, out=cached)  # (4, B)
        self._next_step = 0

    @torch.inference_mode()
    def step(self, states: Tensor) -> Tensor:
        """Return the logits of the next state, (4, B), a buffer that the next step overwrites.

        Args:
            states: int64 (B,), the state tokens at this step: the start token first, then what was generated, or
                any tokens that are to be forced.

        Raises:
            IndexError: all 35 steps are done, or `start` was not called.
        """
        keys, values = self._cache[self._next_step].chunk(2)  # (2, B) each
        self._next_step += 1
        return self._block.logits(states, keys, values)  # (4, B)

    def generate(self, pairs: Tensor, out: Tensor) -> Tensor:
        """Write the states that follow pairs, int64 (35, B), into out, int64 (35, B)."""
        self.start(pairs)
        states = self._start  # (B,)
        for generated in out:
            states = self._knockout(self.step(states), out=generated)  # (B,)
        return out  # (35, B)
