"""Honest attention is seen to be attention however it is written; what mixes tokens otherwise is named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from verify.anatomy import mixing
from verify.anatomy.torch_steps import UntracedError

TOKENS, WIDTH, LENGTH = 10, 4, 5
EXAMPLES = np.random.default_rng(0).integers(0, TOKENS, (4, LENGTH))


def weights(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float32)


EMBEDDING, HEAD = weights(TOKENS, WIDTH), weights(WIDTH, TOKENS)
QUERY, KEY, VALUE = (weights(WIDTH + 0 * each, WIDTH) * (1 + each) for each in range(3))
LATER = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)


def found(forward, dtype=torch.int64):
    """Return how a forward of tokens (1, T) mixes them."""

    def run(tokens):
        with torch.no_grad():
            return forward(torch.as_tensor(tokens[None], dtype=dtype)).numpy()

    def own(output):
        return np.concatenate([np.arange(LENGTH)[:, None], output.reshape(LENGTH, -1)], axis=1)

    return mixing.find(run, EXAMPLES[0], list(EXAMPLES[1:]), own)


def scores(x):
    return (x @ QUERY @ (x @ KEY).transpose(-1, -2)).masked_fill(LATER, -torch.inf)


def layer(x, mean):
    """Return a block of attention and MLP, the attention's mean by ``mean(scores, values)``."""
    x = x + mean(scores(x), x @ VALUE)
    return x + torch.relu(x @ KEY) @ QUERY


def softmax1(s, v):
    weight = torch.exp(s / 4)
    return weight / (1 + weight.sum(-1, keepdim=True)) @ v


def by_hand(s, v):
    weight = torch.exp(s - s.amax(-1, keepdim=True))
    return weight @ v / weight.sum(-1, keepdim=True)


def normalised_by_hand(s, v):
    weight = torch.exp(s - s.amax(-1, keepdim=True))
    return weight / weight.sum(-1, keepdim=True) @ v


def hard(s, v):
    return functional.one_hot(s.argmax(-1), LENGTH).float() @ v


def hard_by_gathering(s, v):
    return v.gather(1, s.argmax(-1)[..., None].expand(-1, -1, WIDTH))


def hard_by_ties(s, v):
    best = (s == s.amax(-1, keepdim=True)).float()
    return best / best.sum(-1, keepdim=True) @ v


def element_by_element(s, v):
    return (s.softmax(-1)[..., None] * v[:, None]).sum(-2)


def einsum(s, v):
    return torch.einsum("bqk,bkd->bqd", s.softmax(-1), v)


def heads(s, v):
    return torch.cat([(s * (1 + each)).softmax(-1) @ v[..., each : each + 1] for each in range(WIDTH)], -1)


def alibi(s, v):
    position = torch.arange(LENGTH)
    return (s - 0.5 * (position[:, None] - position)).softmax(-1) @ v


def by_position(_s, v):
    return torch.zeros(LENGTH, LENGTH).masked_fill(LATER, -torch.inf).softmax(-1) @ v


def in_float64(s, v):
    return (s.double().softmax(-1) @ v.double()).float()


def step_by_step(s, v):
    rows = [s[:, each, : each + 1].softmax(-1)[:, None] @ v[:, : each + 1] for each in range(LENGTH)]
    return torch.cat(rows, 1)


def in_place(s, v):
    out = torch.empty_like(v)
    for each in range(LENGTH):
        out[:, each] = (s[:, each, : each + 1].softmax(-1)[:, None] @ v[:, : each + 1])[:, 0]
    return out


def exponentials(s):
    return torch.exp(s - s.amax(-1, keepdim=True))


def after_the_output(s, v):
    weight = exponentials(s)
    return (weight @ v @ QUERY) / weight.sum(-1, keepdim=True)


def times_the_inverse(s, v):
    weight = exponentials(s)
    return weight @ v * weight.sum(-1, keepdim=True).reciprocal()


def divided_heads(s, v):
    weight = torch.stack([exponentials(s), exponentials(s / 2)], 1)  # (B, 2, T, T)
    mixed = weight @ v.reshape(1, LENGTH, 2, 2).transpose(1, 2)  # (B, 2, T, 2)
    mean = mixed.transpose(1, 2) / weight.sum(-1, keepdim=True).transpose(1, 2)
    return mean.reshape(1, LENGTH, WIDTH)


def linear(_s, v):
    """Linear attention: keys and values are multiplied first."""
    query, key = torch.exp(v.tanh()), torch.exp(-v.tanh())
    return query @ (key.transpose(-1, -2) @ v) / (query @ key.sum(-2)[..., None])


MEANS = [
    by_hand, after_the_output, times_the_inverse, divided_heads, linear,
    softmax1, normalised_by_hand, hard, hard_by_gathering, hard_by_ties, element_by_element, einsum, heads, alibi,
    by_position, in_float64, step_by_step, in_place,
]  # fmt: skip


@pytest.mark.parametrize("mean", MEANS, ids=lambda mean: mean.__name__)
@pytest.mark.parametrize("layers", [1, 2])
def test_attention_is_seen_however_it_is_written(mean, layers):
    def forward(ids):
        x = EMBEDDING[ids] + weights(LENGTH, WIDTH)
        for _ in range(layers):
            x = functional.layer_norm(layer(x, mean), (WIDTH,))
        return x @ HEAD

    mixed = found(forward)
    assert (mixed.leak, mixed.hidden) == (0, None)
    assert mixed.attention >= layers


@pytest.mark.parametrize("is_causal", [True, False])
def test_fused_attention_is_attention(is_causal):
    def forward(ids):
        x = EMBEDDING[ids][:, None]
        return (x + functional.scaled_dot_product_attention(x @ QUERY, x @ KEY, x @ VALUE, is_causal=is_causal)) @ HEAD

    assert found(forward).leak == 0


def test_rotated_queries_and_an_embedding_by_a_product_are_no_mixing():
    def rotated(x):
        angle = torch.arange(LENGTH) * 0.3
        x1, x2 = x[..., ::2], x[..., 1::2]
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        return torch.cat([x1 * cos - x2 * sin, x1 * sin + x2 * cos], -1)

    def forward(ids):
        x = functional.one_hot(ids, TOKENS).float() @ EMBEDDING
        s = (rotated(x @ QUERY) @ rotated(x @ KEY).transpose(-1, -2)).masked_fill(LATER, -torch.inf)
        return (x + s.softmax(-1) @ x) @ HEAD

    mixed = found(forward)
    assert (mixed.leak, mixed.attention) == (0, 1)


def test_cross_attention_of_an_encoder_and_a_decoder_is_attention():
    def forward(ids):
        x = EMBEDDING[ids]
        memory = x + (x @ QUERY @ (x @ KEY).transpose(-1, -2)).softmax(-1) @ x  # sees all
        y = x * 0.5
        y = y + (y @ KEY @ (memory @ QUERY).transpose(-1, -2)).softmax(-1) @ (memory @ VALUE)
        return y @ HEAD

    mixed = found(forward)
    assert (mixed.leak, mixed.attention) == (0, 2)


def test_a_sum_by_weights_that_is_never_divided_is_no_mean():
    mixed = found(lambda ids: layer(EMBEDDING[ids], lambda s, v: exponentials(s) @ v) @ HEAD)
    assert mixed.leak
    assert mixed.step.is_product


def test_a_sum_that_is_divided_by_too_little_is_no_mean():
    def by_half(s, v):
        return by_hand(s, v) * 2

    def forward(ids):
        weight = exponentials(scores(EMBEDDING[ids]))
        return weight @ EMBEDDING[ids] / (weight.sum(-1, keepdim=True) / 2) @ HEAD

    assert found(forward).leak
    assert found(lambda ids: layer(EMBEDDING[ids], by_half) @ HEAD).leak == 0  # the mean is scaled after it was taken


def test_what_another_token_does_to_a_sum_before_it_is_divided_is_mixing():
    def forward(ids):
        x, weight = EMBEDDING[ids], exponentials(scores(EMBEDDING[ids]))
        return weight @ x @ (QUERY + x[:, 0, 0]) / weight.sum(-1, keepdim=True) @ HEAD

    assert found(forward).leak


def test_tokens_of_which_none_moves_a_logit_alone_are_seen_to_leak_together():
    def forward(ids):
        x = EMBEDDING[ids]
        return x + ((ids[:, :2] != torch.as_tensor(EXAMPLES[0][:2])).all() * ids.sum()).float()

    assert found(forward).leak == 1


def test_whole_numbers_of_two_tokens_are_named_with_their_line():
    def forward(ids):
        total = ids + ids.roll(1, 1)
        return functional.one_hot(total % 10, 10).float()

    mixed = found(forward)
    assert mixed.leak == LENGTH
    assert mixed.step.is_whole
    assert mixed.step.place == f" (test_mixing.py, line {forward.__code__.co_firstlineno + 1})"


def test_floats_of_two_tokens_and_a_comparison_are_named():
    def forward(ids):
        total = ids.float() + ids.roll(1, 1).float()
        return (total - 10 * (total >= 10))[..., None] * torch.arange(10.0)

    mixed = found(forward)
    assert (mixed.step.name, mixed.step.is_whole, mixed.later.name) == ("add", False, "ge")


def test_a_table_of_two_tokens_is_a_look_up():
    table = weights(TOKENS, TOKENS, 10)
    assert found(lambda ids: table[ids, ids.roll(1, 1)]).step.is_look_up


def test_numbers_from_python_are_no_operation_and_the_read_is_named():
    def forward(ids):
        return torch.tensor([[[float(sum(ids[0].tolist()[: each + 1]))] for each in range(LENGTH)]])

    mixed = found(forward)
    assert mixed.leak
    assert mixed.reads[0].startswith("Tensor.tolist (test_mixing.py")


def test_whole_numbers_of_two_tokens_behind_the_weights_are_found():
    def forward(ids):
        digit = (ids + ids.roll(1, 1)) % LENGTH
        weight = (50.0 * functional.one_hot(digit, LENGTH)).softmax(-1)
        return weight @ EMBEDDING[ids] @ HEAD

    mixed = found(forward)
    assert mixed.leak == 0
    assert (mixed.hidden.name, mixed.hidden.is_whole) == ("add", True)


def test_a_mask_of_whole_numbers_that_is_the_same_for_all_tokens_is_no_mixing():
    def forward(ids):
        position = (ids >= 0).long().cumsum(1) - 1
        return layer(EMBEDDING[ids] + weights(LENGTH, WIDTH)[position], alibi) @ HEAD

    mixed = found(forward)
    assert (mixed.leak, mixed.hidden) == (0, None)


def test_other_operations_for_other_tokens_are_not_traced():
    def forward(ids):
        x = EMBEDDING[ids]
        return (x.exp() if ids[0, 0] == EXAMPLES[0][0] else x) @ HEAD

    with pytest.raises(UntracedError, match="other operations for other tokens: it looks at them"):
        found(forward)


def test_what_torch_does_not_compute_is_not_traced():
    table = EMBEDDING.numpy()

    def run(tokens):
        return np.cumsum(table[tokens], axis=0)

    with pytest.raises(UntracedError, match="not computed by torch"):
        mixing.find(run, EXAMPLES[0], list(EXAMPLES[1:]), lambda rows: np.insert(rows, 0, np.arange(LENGTH), axis=1))
