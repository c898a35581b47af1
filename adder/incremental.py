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

from adder.errors import AdderError
from adder.model import MODEL_WIDTH, GPTAdder, routing_mask
from adder.tokens import START, VOCABULARY, WIDTH


class RoutingError(AdderError, ValueError):
    """A model under another mask, where only the routing mask allows what was asked for."""


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
    matrix kernels, and they are the same bits at every batch. No operation is on more than two rows.

    Raises:
        RoutingError: the model has another mask, so that more would have to be read.
    """

    def __init__(self, model: GPTAdder, columns: int) -> None:
        if not is_routed(model):
            raise RoutingError(
                "the attention mask is not the routing mask, so a step reads more than a pair and a state; "
                "decode with method='reference'"
            )
        weights = {name: weight.detach() for name, weight in model.named_parameters()}
        embedding, hidden = weights["embedding.weight"], weights["mlp.0.weight"]  # (4, 2) both
        query, key, value = weights["attention.in_proj_weight"].chunk(3)  # (2, 2) each
        self._embedding = embedding.T.contiguous()  # (2, 4)
        self._query, self._key, self._value = _columns(query), _columns(key), _columns(value)
        self._mixing = _columns(weights["attention.out_proj.weight"])
        self._first = [_columns(half) for half in hidden.chunk(2)]
        self._first_bias = weights["mlp.0.bias"][:, None].chunk(2)  # (2, 1) twice
        self._second, self._second_bias = _columns(weights["mlp.2.weight"]), weights["mlp.2.bias"][:, None]  # (2, 1)
        self._head = _columns(embedding[0::2]), _columns(embedding[1::2])
        self._scale = embedding.new_tensor(1 / math.sqrt(MODEL_WIDTH))  # ()

        def rows() -> Tensor:
            return embedding.new_empty(2, columns)  # (2, N)

        self._embedded, self._stream, self._scores, self._attended = rows(), rows(), rows(), rows()
        self._queries, self._keys, self._values = rows(), rows(), rows()
        self._weights = rows()  # (2, N): of the pair, of the state
        self._pair_weight, self._state_weight = self._weights.chunk(2)  # (1, N) each
        self._hidden = rows(), rows()
        self._hidden_rows = [row for half in self._hidden for row in half.chunk(2)]  # (1, N) four times
        self._stream_rows, self._attended_rows = self._stream.chunk(2), self._attended.chunk(2)  # (1, N) twice, each
        self._score_rows = self._scores.chunk(2)  # (1, N) twice
        self.output = embedding.new_empty(VOCABULARY, columns)  # (4, N)
        self._output = self.output[0::2], self.output[1::2]  # (2, N) each

    def keys_values(self, pairs: Tensor, keys: Tensor, values: Tensor) -> None:
        """Write the keys and the values, (2, N) each, that pair tokens, int64 (N,), offer to the states."""
        torch.index_select(self._embedding, 1, pairs, out=self._embedded)  # (2, N)
        embedded_rows = self._embedded.chunk(2)  # (1, N) twice
        _linear(self._key, embedded_rows, keys)  # (2, N)
        _linear(self._value, embedded_rows, values)  # (2, N)

    def logits(self, states: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return the logits of the next state, (4, N): `output`, which the next call overwrites.

        Args:
            states: int64 (N,), tokens in 0..3.
            keys: (2, N), of the pairs that the states see (`keys_values`).
            values: (2, N), likewise.
        """
        torch.index_select(self._embedding, 1, states, out=self._stream)  # (2, N)
        self._attend(keys, values)  # (2, N)
        _add_linear(self._mixing, self._attended_rows, self._stream)  # (2, N)
        for columns, bias, half in zip(self._first, self._first_bias, self._hidden, strict=True):
            _linear(columns, self._stream_rows, half).add_(bias).relu_()  # (2, N)
        _add_linear(self._second, self._hidden_rows, self._stream).add_(self._second_bias)  # (2, N)
        for columns, half in zip(self._head, self._output, strict=True):
            _linear(columns, self._stream_rows, half)  # (2, N)
        return self.output

    def _attend(self, keys: Tensor, values: Tensor) -> None:
        """Write what each state gathers from its pair and from itself into the attended rows, (2, N)."""
        _linear(self._query, self._stream_rows, self._queries)  # (2, N)
        _linear(self._key, self._stream_rows, self._keys)  # (2, N)
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
    """The first maximum of each column of four rows of logits, by two rounds of comparisons in buffers that it keeps.

    Ties go to the lower index, as with `torch.argmax`, which takes 112 ns a column over so few rows, where this
    takes 2. A NaN never wins its comparison; where all four are NaN both answer 0.

    Args:
        logits: (4, N), a buffer that is written to between the calls.
    """

    def __init__(self, logits: Tensor) -> None:
        self._even, self._odd = logits[0::2], logits[1::2]  # (2, N) each
        self._best, self._odd_wins = logits.new_empty(2, 2, logits.shape[1])  # (2, N) each
        self._upper_wins = logits.new_empty(1, logits.shape[1])  # (1, N)
        self._best_rows, self._odd_wins_rows = self._best.chunk(2), self._odd_wins.chunk(2)  # (1, N) twice, each

    def write_index(self, out: Tensor) -> None:
        """Write the index of the first maximum of each column into out, int64 (N,)."""
        torch.gt(self._odd, self._even, out=self._odd_wins)  # (2, N): 1 where token 1 beats 0, where token 3 beats 2
        torch.maximum(self._odd, self._even, out=self._best)  # (2, N)
        torch.gt(self._best_rows[1], self._best_rows[0], out=self._upper_wins)  # (1, N)
        lower_index, upper_index = self._odd_wins_rows
        upper_index.add_(2)  # (1, N)
        lower_index.lerp_(upper_index, self._upper_wins)  # (1, N): one or the other, and neither rounds
        out.copy_(lower_index[0])  # (N,)


class IncrementalDecoder:
    """Greedy decoding of a batch, one state token a step, without ever recomputing the sequence.

    The keys and values of the 35 pairs are computed once and kept; step k then runs the block for state k alone.
    By induction over k it generates the tokens of the reference path: step k is the same function of pair k and
    state k, and state k is the token that step k - 1 generated.

    Args:
        model: an adder under the routing mask (`is_routed`).
        batch: how many additions each `start` brings.

    Raises:
        RoutingError: the model has another mask, so that more would have to be read.
    """

    def __init__(self, model: GPTAdder, batch: int) -> None:
        self._block = RoutedBlock(model, batch)
        self._knockout = Knockout(self._block.output)
        cache = torch.empty(WIDTH, 2, MODEL_WIDTH, batch, dtype=model.dtype, device=model.device)
        self._cache = [(keys, values) for keys, values in cache]  # (2, B) twice, at every step
        self._start = torch.full((batch,), START, device=model.device)  # (B,)
        self._next_step = WIDTH

    def start(self, pairs: Tensor) -> None:
        """Take new prompts, the pair tokens int64 (35, B), and go back to the first step."""
        for tokens, (keys, values) in zip(pairs, self._cache, strict=True):
            self._block.keys_values(tokens, keys, values)  # (2, B) twice
        self._next_step = 0

    def step(self, states: Tensor) -> Tensor:
        """Return the logits of the next state, (4, B), a buffer that the next step overwrites.

        Args:
            states: int64 (B,), the state tokens at this step: the start token first, then what was generated, or
                any tokens that are to be forced.

        Raises:
            IndexError: all 35 steps are done, or `start` was not called.
        """
        keys, values = self._cache[self._next_step]  # (2, B) each
        self._next_step += 1
        return self._block.logits(states, keys, values)  # (4, B)

    def generate(self, pairs: Tensor, out: Tensor) -> Tensor:
        """Write the states that follow pairs, int64 (35, B), into out, int64 (35, B)."""
        self.start(pairs)
        states = self._start  # (B,)
        for generated in out:
            self.step(states)  # (4, B)
            self._knockout.write_index(out=generated)  # (B,)
            states = generated  # (B,)
        return out  # (35, B)
