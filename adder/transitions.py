"""The step function read off a model: 16 contexts, 16 next states, and how sure the model is of each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from adder.batch_last import pair_tokens
from adder.errors import AdderError
from adder.incremental import is_routed
from adder.model import GPTAdder
from adder.tokens import START, VOCABULARY


class TableError(AdderError, ValueError):
    """A model that is no step function, or a table that no scan can run."""


@dataclass(frozen=True)
class StepTable:
    """A step function of (pair, state), as a model computes it.

    ==============  ==========  ========================================================
    ``next_state``  int64 4, 4  the greedy choice after pair p and state s, at ``[p, s]``
    ``logits``      4, 4, 4     of the four tokens, at ``[p, s]``
    ``margins``     4, 4        the logit of the choice minus the best other, at ``[p, s]``
    ==============  ==========  ========================================================
    """

    next_state: Tensor
    logits: Tensor
    margins: Tensor


@torch.inference_mode()
def transitions(model: GPTAdder) -> StepTable:
    """Return the step function of a model, from one run of it on the 16 contexts of a pair and a state.

    Under the routing mask every step of every addition is one of these contexts, so the table and the model
    generate the same tokens.

    Raises:
        TableError: the model has another mask, so that a step may depend on more than a pair and a state.
    """
    if not is_routed(model):
        raise TableError(
            "the attention mask is not the routing mask, so the model is no step function of a pair and a state; "
            "decode with method='reference'"
        )
    tokens = torch.arange(VOCABULARY, device=model.device)
    pairs, states = torch.meshgrid(tokens, tokens, indexing="ij")  # (4, 4) each
    logits = model.step_logits(pairs.reshape(-1), states.reshape(-1)).view(4, 4, VOCABULARY)  # (4, 4, 4)
    best = logits.topk(2, dim=-1).values  # (4, 4, 2)
    return StepTable(logits.argmax(-1), logits, best[..., 0] - best[..., 1])


def generate_tabulated(table: StepTable, a: Tensor, b: Tensor) -> Tensor:
    """Return the states, int64 (35, B), that the table generates for operands int64 (B,) and int64 (B,)."""
    next_state = table.next_state.reshape(-1)  # (16,)
    pairs = pair_tokens(a, b)  # (35, B)
    generated = torch.empty_like(pairs)  # (35, B)
    states = torch.full_like(a, START)  # (B,)
    for pair, out in zip(pairs, generated, strict=True):
        context = states.add(pair, alpha=VOCABULARY)
        states = torch.index_select(next_state, 0, context, out=out)  # (B,)
    return generated  # (35, B)
