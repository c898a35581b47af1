"""Every way in which weights are run here, for the trial of the bound: from forced tokens to logits."""

from __future__ import annotations

import functools
from fractions import Fraction
from math import inf

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from adder.decoding import MODEL_RUNS, forced_logits
from adder.model import GPTAdder, routing_mask
from tests.proof.models import as_module, weights_of
from verify.proof.bound import BoundError, error_bounds
from verify.proof.exactness import RoundsError, exact_logits
from verify.proof.formats import FORMATS, MODES, rounding_of
from verify.proof.network import CONTEXTS, step

WIDTH = 35
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def forced_ids(seed=0):
    """Return sequences, int64 (16 * 35, 70), in which context c stands at position k of sequence 35 c + k.

    All other tokens are drawn at random.
    """
    ids = torch.randint(0, 4, (len(CONTEXTS) * WIDTH, 2 * WIDTH), generator=torch.Generator().manual_seed(seed))
    for row, (context, k) in enumerate((c, k) for c in CONTEXTS for k in range(WIDTH)):
        ids[row, k], ids[row, WIDTH + k] = context
    return ids


def _two_tokens(model, ids):
    pairs, states = ids[:, :WIDTH], ids[:, WIDTH:]
    return model.step_logits(pairs.reshape(-1), states.reshape(-1)).view(*pairs.shape, 4)


def _math_attention(model, ids):
    with sdpa_kernel(SDPBackend.MATH):
        return model(ids)[:, WIDTH:]


def _attention_weights(model, ids):
    """Run the module with the attention weights asked for, which torch then computes one by one."""
    x = model.embedding(ids)
    x = x + model.attention(x, x, x, attn_mask=model.attention_mask, need_weights=True)[0]
    return functional.linear(x + model.mlp(x), model.embedding.weight)[:, WIDTH:]


def _with_gradients(model, ids):
    """Run the module as training does."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        return model.train()(ids.clone())[:, WIDTH:].detach()


def _in_small_batches(model, ids):
    """Run the module on five sequences at a time: other kernels than those of a large batch."""
    return torch.cat([model(part)[:, WIDTH:] for part in ids.split(5)])


def _fused(model, ids):
    """Run the module with each layer added into the residual stream by ``addmm``."""
    x = model.embedding(ids)
    value = x @ model.attention.in_proj_weight[4:].T
    query, key = (x @ part.T for part in model.attention.in_proj_weight[:4].chunk(2))
    scores = torch.baddbmm(torch.zeros_like(ids, dtype=x.dtype)[:, None], query, key.mT, alpha=2**-0.5)
    weights = torch.softmax(scores.masked_fill(model.attention_mask, -torch.inf), -1)
    stream = torch.addmm(x.flatten(0, 1), (weights @ value).flatten(0, 1), model.attention.out_proj.weight.T)
    hidden = torch.relu(model.mlp[0](stream))
    stream = torch.addmm(stream + model.mlp[2].bias, hidden, model.mlp[2].weight.T)
    return functional.linear(stream, model.embedding.weight).view(*ids.shape, 4)[:, WIDTH:]


PATHS = {name: functools.partial(forced_logits, method=name) for name in MODEL_RUNS} | {
    "two tokens": _two_tokens,  # what `tabulated` and `scan` look up
    "math attention": _math_attention,
    "attention weights": _attention_weights,
    "in small batches": _in_small_batches,
    "with gradients": _with_gradients,
    "fused by addmm": _fused,
}


class Compiled:
    """The module, and the block of ``incremental``, as torch.compile translates them: once, for any weights."""

    def __init__(self, dtype):
        self._model = GPTAdder(routing_mask()).eval().to(dtype)
        self._whole = torch.compile(self._model, dynamic=False)
        self._block = torch.compile(_block_logits, dynamic=False)

    def whole(self, model, ids):
        """Return the logits of the whole module, compiled."""
        self._model.load_state_dict(model.state_dict())
        return self._whole(ids)[:, WIDTH:].clone()

    def block(self, model, ids):
        """Return the logits of the block on (pair, state) columns, compiled into few kernels."""
        columns = ids[:, :WIDTH].T.reshape(-1), ids[:, WIDTH:].T.reshape(-1)
        weights = [each.detach() for each in model.parameters()]
        return self._block(weights, *columns).view(4, WIDTH, len(ids)).permute(2, 1, 0)


def _block_logits(weights, pairs, states):
    """Return the logits, (4, N): the arithmetic of `adder.incremental.RoutedBlock`, written without buffers."""
    embedding, fused, output, first, first_bias, second, second_bias = weights
    pair, state = embedding.T[:, pairs], embedding.T[:, states]

    def layer(matrix, x, total=None):
        for column, row in zip(matrix.T, x, strict=True):
            term = column[:, None] * row
            total = term if total is None else total + term
        return total

    query, key, value = fused.chunk(3)
    q, kp, ks = layer(query, state), layer(key, pair), layer(key, state)
    gap = (q[0] * kp[0] - q[0] * ks[0] + (q[1] * kp[1] - q[1] * ks[1])) * 2**-0.5
    mixed = layer(value, pair) * torch.sigmoid(gap) + layer(value, state) * torch.sigmoid(-gap)
    stream = layer(output, mixed, state)
    hidden = torch.relu(layer(first, stream) + first_bias[:, None])
    return layer(embedding, layer(second, hidden, stream) + second_bias[:, None])


def bounds_of(tensors, precision, contexts=CONTEXTS):
    """Return (low, high, error) of each logit by context, and whether no evaluation rounds; None without a bound.

    The mode is the one that torch's own arithmetic is of: in 16 bits, float32 whose results are stored.
    """
    weights = weights_of(tensors).rounded(FORMATS[precision])
    rounding = rounding_of(precision, MODES[0 if precision == "float64" else 1])
    found = {}
    for context in contexts:
        real = step(weights, *context)
        try:
            exact_logits(weights, *context, rounding)
            errors = (Fraction(0),) * 4
        except RoundsError:
            try:
                errors = error_bounds(weights, real, rounding)
            except BoundError:
                return None
        found[context] = [(each.low, each.high, error) for each, error in zip(real.logits, errors, strict=True)]
    return found


def worst_ratio(bounds, logits):
    """Return the largest error over its bound of logits (16 * 35, 35, 4), those that `forced_ids` are about.

    Where the bound is 0 any error is infinitely many times it.
    """
    table = logits.double().cpu().view(len(CONTEXTS), WIDTH, WIDTH, 4).diagonal(dim1=1, dim2=2)  # (16, 4, 35)
    return _largest(bounds, table)


def ratio_in_place(bounds, model, path):
    """Return the same of a few contexts, each at all positions of one sequence."""
    ids = torch.tensor([[pair] * WIDTH + [state] * WIDTH for pair, state in bounds])
    with torch.inference_mode():
        return _largest(bounds, path(model, ids).double().mT)  # (C, 4, 35)


def _largest(bounds, table):
    if not table.isfinite().all():
        return inf
    worst = 0.0
    for context, rows in zip(bounds, table.tolist(), strict=True):
        for (low, high, error), seen in zip(bounds[context], rows, strict=True):
            off = max(Fraction(max(seen)) - high, low - Fraction(min(seen)), Fraction(0))
            worst = max(worst, float(off / error) if error else inf if off else 0.0)
    return worst


def module_of(tensors, precision, device="cpu"):
    """Return numbers by name as a module of a precision."""
    return as_module(tensors, getattr(torch, precision)).to(device)
