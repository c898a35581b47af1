"""The whole transformer: one block, one head, width 2, and the routing mask that makes it a step function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from adder.tokens import PROMPT_LENGTH, VOCABULARY, WIDTH

CONTEXT_LENGTH = PROMPT_LENGTH + WIDTH - 1  # 70: the last generated token is never read back
MODEL_WIDTH = 2
HIDDEN_WIDTH = 4


def causal_mask(length: int = CONTEXT_LENGTH) -> Tensor:
    """Return the causal mask, bool (length, length); true where attention is forbidden."""
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def routing_mask() -> Tensor:
    """Return the mask that routes pair k to state k, bool (70, 70); true where attention is forbidden.

    Position t sees itself and, from t = 35 on, position t - 35. So the logits of position 35 + k depend on
    pair k and on state k alone, and every step of every addition is one of 16 contexts.
    """
    position = torch.arange(CONTEXT_LENGTH)
    distance = position[:, None] - position[None, :]  # (70, 70), query minus key
    return ~((distance == 0) | (distance == WIDTH))


class GPTAdder(nn.Module):
    """A GPT-style decoder of 46 parameters whose weights make it add two 10-digit numbers.

    ============================================  =======  ==========
    part                                          shape    parameters
    ============================================  =======  ==========
    ``embedding.weight``, also the output head    4 x 2             8
    ``attention.in_proj_weight``, fused q, k, v   6 x 2            12
    ``attention.out_proj.weight``                 2 x 2             4
    ``mlp.0.weight``                              4 x 2             8
    ``mlp.0.bias``                                4                 4
    ``mlp.2.weight``                              2 x 4             8
    ``mlp.2.bias``                                2                 2
    total                                                          46
    ============================================  =======  ==========

    No positions, no norm, no dropout. The attention mask is a buffer and not a parameter: 70 x 70 booleans,
    true where attention is forbidden, causal until it is programmed (see `routing_mask`). It is not in the
    state dict. A state dict of the same architecture under other names loads too: tensors are told apart by
    their shapes.
    """

    attention_mask: Tensor

    def __init__(self, attention_mask: Tensor | None = None) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, MODEL_WIDTH)
        self.attention = nn.MultiheadAttention(MODEL_WIDTH, num_heads=1, bias=False, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(MODEL_WIDTH, HIDDEN_WIDTH), nn.ReLU(), nn.Linear(HIDDEN_WIDTH, MODEL_WIDTH))
        mask = causal_mask() if attention_mask is None else attention_mask
        if mask.shape != (CONTEXT_LENGTH, CONTEXT_LENGTH) or mask.dtype != torch.bool:
            raise ValueError(
                f"attention_mask is {mask.dtype} of shape {tuple(mask.shape)}, but must be bool of shape "
                f"({CONTEXT_LENGTH}, {CONTEXT_LENGTH}); routing_mask() makes the one that adds"
            )
        self.register_buffer("attention_mask", mask.clone(), persistent=False)
        self.register_load_state_dict_pre_hook(_rename_by_shape)  # type: ignore[no-untyped-call]  # torch's

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Return the logits of the next token at every position.

        Args:
            ids: int64 (B, T), tokens in 0..3, T at most 70.
            attention_mask: bool (T, T), true where forbidden; the model's own, cut to T, when not given.

        Returns:
            (B, T, 4) in the dtype of the weights.

        Raises:
            ValueError: T is over 70.
        """
        length = ids.shape[1]
        if attention_mask is None:
            if length > CONTEXT_LENGTH:
                raise ValueError(f"{length} tokens, but the context holds at most {CONTEXT_LENGTH}")
            attention_mask = self.attention_mask[:length, :length]  # (T, T)
        x = self.embedding(ids)  # (B, T, 2)
        attended, _ = self.attention(x, x, x, attn_mask=attention_mask, need_weights=False)  # (B, T, 2)
        x = x + attended  # (B, T, 2)
        x = x + self.mlp(x)  # (B, T, 2)
        return F.linear(x, self.embedding.weight)  # (B, T, 4)

    def step_logits(self, pairs: Tensor, states: Tensor) -> Tensor:
        """Return the logits of the next state after (pair, state), from two-token contexts.

        Under the routing mask these are the logits of position 35 + k after pair k and state k, up to the
        rounding of other matrix kernels.

        Args:
            pairs: int64 (B,), tokens in 0..3.
            states: int64 (B,), tokens in 0..3.

        Returns:
            (B, 4).
        """
        contexts = torch.stack([pairs, states], dim=1)  # (B, 2)
        logits: Tensor = self(contexts, causal_mask(2).to(contexts.device))  # (B, 2, 4)
        return logits[:, -1]  # (B, 4)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.embedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights."""
        return self.embedding.weight.dtype


def _rename_by_shape(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Rename the tensors of a state dict of this architecture to this module's names, in place.

    Every shape is unique but 4 x 2, which the embedding and the first MLP weight share: the latter has a bias
    of length 4 beside it. A stored copy of the tied head equals the embedding and is dropped.
    """
    expected = {prefix + name for name, _parameter in module.named_parameters()}
    if expected <= state.keys():
        return
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    biased = {name.removesuffix("bias") + "weight" for name in tensors if name.endswith("bias")}
    square = [
        name for name in tensors if tuple(tensors[name].shape) == (VOCABULARY, MODEL_WIDTH) and name not in biased
    ]
    names = {
        "embedding.weight": square[:1],
        "mlp.0.weight": [name for name in tensors if tuple(tensors[name].shape) == (4, 2) and name in biased],
    }
    shapes = {
        "attention.in_proj_weight": (6, 2),
        "attention.out_proj.weight": (2, 2),
        "mlp.0.bias": (4,),
        "mlp.2.weight": (2, 4),
        "mlp.2.bias": (2,),
    }
    for ours, shape in shapes.items():
        names[ours] = [name for name in tensors if tuple(tensors[name].shape) == shape]
    copies_of_the_head = all(torch.equal(tensors[name], tensors[square[0]]) for name in square)
    known = {name for found in names.values() for name in found} | set(square)
    if any(len(found) != 1 for found in names.values()) or not copies_of_the_head or known != tensors.keys():
        return  # not this architecture: load_state_dict then names what is missing and what is too much
    renamed = {prefix + ours: tensors[found[0]] for ours, found in names.items()}
    for name in tensors:
        del state[name]
    state.update(renamed)
