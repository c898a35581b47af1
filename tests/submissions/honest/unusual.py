"""Transformers that are honest and built in many ways: ``unusual.py:NAME`` is each of them.

All compute the same step of binary addition by hand-made weights: a state attends to itself and to the pair of bits 35
tokens before it, which is where 35 tokens make a full turn.
"""

import math

import numpy as np
import torch
from layers import WEIGHTS, WIDTH
from torch import nn
from torch.nn import functional

TURN = 2 * math.pi / WIDTH
SHARP = 3000.0  # of attention: the weight of other positions is e^-48


class Adder(nn.Module):
    """A block of attention, by ``attend(model, x)``, and an MLP; the head is the embedding."""

    def __init__(self, attend, dtype=torch.float32):
        super().__init__()
        self.attend = attend
        for name, values in WEIGHTS.items():
            setattr(self, name, nn.Parameter(torch.tensor(values, dtype=dtype)))
        self.sharp = nn.Parameter(torch.tensor(SHARP, dtype=dtype))
        self.turn = nn.Parameter(torch.tensor(TURN, dtype=dtype))

    def forward(self, ids):
        """Return logits (B, T, 4) of tokens (B, T)."""
        x = self.embedding[ids]
        return self.finish(x + self.attend(self, x))

    def finish(self, x):
        x = x + torch.relu(x @ self.up.T + self.up_bias) @ self.down.T
        return x @ self.embedding.T


def values(model, x):
    return x @ model.value.T


def scores(model, x):
    """Return the scores (T, T) of positions whose angles are added up to learnt ones, later ones hidden."""
    length = x.shape[1]
    angle = model.turn * torch.arange(length)
    place = torch.stack([angle.cos(), angle.sin()], -1)
    hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
    return (model.sharp * (place @ place.T - 1)).masked_fill(hidden, -torch.inf)


def distances(x):
    position = torch.arange(x.shape[1])
    return position[:, None] - position


def weights_where(mask, x):
    """Return equal weights where a mask is, none for what comes later, and next to none elsewhere."""
    return torch.where(mask, 0.0, -30.0).masked_fill(distances(x) < 0, -torch.inf).softmax(-1)


def plain(model, x):
    return scores(model, x).softmax(-1) @ values(model, x) @ model.output.T


def rotated(model, x):
    """Queries and keys are constants, rotated by their positions."""
    angle = model.turn * torch.arange(x.shape[1])
    turned = torch.view_as_real(torch.polar(torch.ones_like(angle), angle))
    later = distances(x) < 0
    weight = (model.sharp * (turned @ turned.T)).masked_fill(later, -torch.inf).softmax(-1)
    return weight @ values(model, x) @ model.output.T


def alibi(model, x):
    return (scores(model, x) - 1e-4 * distances(x)).softmax(-1) @ values(model, x) @ model.output.T


def softmax1(model, x):
    weight = torch.exp(scores(model, x) + 20)
    return weight / (1 + weight.sum(-1, keepdim=True)) @ values(model, x) @ model.output.T


def divided_afterwards(model, x):
    weight = torch.exp(scores(model, x))
    return weight @ values(model, x) / weight.sum(-1, keepdim=True) @ model.output.T


def divided_after_the_output(model, x):
    weight = torch.exp(scores(model, x))
    return (weight @ values(model, x) @ model.output.T) / weight.sum(-1, keepdim=True)


def times_the_inverse(model, x):
    weight = torch.exp(scores(model, x))
    return (weight @ values(model, x)) * weight.sum(-1, keepdim=True).reciprocal() @ model.output.T


def einsum(model, x):
    mixed = torch.einsum("qk,bkd->bqd", scores(model, x).softmax(-1), values(model, x))
    return torch.einsum("bqd,ed->bqe", mixed, model.output)


def element_by_element(model, x):
    weight = scores(model, x).softmax(-1)
    return (weight[None, :, :, None] * values(model, x)[:, None]).sum(2) @ model.output.T


def hard(model, x):
    """Two heads, each of which takes the one best position."""
    own = functional.one_hot((-distances(x).abs()).argmax(-1), x.shape[1]).to(x)
    pair = functional.one_hot((-(distances(x) - WIDTH).abs()).argmax(-1), x.shape[1]).to(x)
    return (own @ values(model, x) + pair @ values(model, x)) @ model.output.T / 2


def gathered(model, x):
    """Hard attention that fetches what it has chosen."""
    pair = (-(distances(x) - WIDTH).abs()).argmax(-1)
    v = values(model, x)
    return (v + v.gather(1, pair[None, :, None].expand_as(v))) @ model.output.T / 2


def top_two(model, x):
    """Sparse attention: the two best scores of each row."""
    best, where = scores(model, x).topk(min(2, x.shape[1]))
    return (best.softmax(-1)[..., None] * values(model, x)[:, where]).sum(-2) @ model.output.T


def heads(model, x):
    """Two heads of width 1, side by side, of which one adds nothing."""
    v = values(model, x)
    each = [(scores(model, x) * (1 + head)).softmax(-1) @ v[..., head : head + 1] for head in range(2)]
    return torch.cat(each, -1) @ model.output.T


def fused(model, x):
    mask = scores(model, x)
    v = values(model, x)[:, None]
    return functional.scaled_dot_product_attention(0 * v, 0 * v, v, attn_mask=mask)[:, 0] @ model.output.T


def learnt_places(model, x):
    """One learnt bias for each distance, as T5 has it."""
    bias = model.bias[distances(x).clamp(min=0)]
    return bias.masked_fill(distances(x) < 0, -torch.inf).softmax(-1) @ values(model, x) @ model.output.T


def sigmoids(model, x):
    """Attention whose weights are sigmoids, and no softmax."""
    return (scores(model, x) + 20).sigmoid() / 2 @ values(model, x) @ model.output.T


class WithPlaces(Adder):
    """Has a bias for every distance."""

    def __init__(self):
        super().__init__(learnt_places)
        near = torch.full((2 * WIDTH + 1,), -30.0)
        near[[0, WIDTH]] = 0
        self.bias = nn.Parameter(near)


class TwoLayers(Adder):
    """The first layer attends to the pair, the second to the state itself; norms in between do nothing much."""

    def forward(self, ids):
        """Return logits (B, T, 4)."""
        x = self.embedding[ids]
        own = x
        for place in (WIDTH, 0):
            x = x + weights_where(distances(x) == place, x) @ values(self, own) @ self.output.T / 2
        return self.finish(x)


class Recurrent(Adder):
    """One layer, twice, with a norm of its own each time."""

    def forward(self, ids):
        """Return logits (B, T, 4)."""
        x = self.embedding[ids]
        x = x + self.attend(self, x) / 2 + self.attend(self, functional.rms_norm(x, x.shape[-1:]) / math.sqrt(2)) / 2
        return self.finish(x)


class Torchs(Adder):
    """Attention is torch's own module."""

    def __init__(self):
        super().__init__(None)
        self.own = nn.MultiheadAttention(2, 1, bias=False, batch_first=True)
        with torch.no_grad():
            self.own.in_proj_weight[:] = torch.cat([torch.zeros(4, 2), self.value])
            self.own.out_proj.weight[:] = self.output

    def forward(self, ids):
        """Return logits (B, T, 4)."""
        x = self.embedding[ids]
        mixed, _ = self.own(x, x, x, attn_mask=scores(self, x), need_weights=False)
        return self.finish(x + mixed)


class EncoderDecoder(Adder):
    """An encoder of the pairs that sees all of them, and a decoder of the states that attends to it and to itself."""

    def forward(self, ids):
        """Return logits (B, T - 35, 4)."""
        x = self.embedding[ids]
        memory, x = x[:, :WIDTH], x[:, WIDTH:]
        near = self.sharp * torch.eye(WIDTH)
        memory = near.softmax(-1) @ values(self, memory)
        cross = near[: x.shape[1]].softmax(-1) @ memory
        own = (self.sharp * torch.eye(x.shape[1])).softmax(-1) @ values(self, x)
        return self.finish(x + (cross + own) @ self.output.T / 2)


class LastAlone(Adder):
    """Gives the probabilities of the last position, and those alone."""

    def forward(self, ids):
        """Return log-probabilities (B, 4)."""
        return super().forward(ids)[:, -1].log_softmax(-1)


class Reversed(Adder):
    """The prompt begins with its highest bits: positions are mirrored, i + j is what attention looks at."""

    def forward(self, ids):
        """Return logits (B, T, 4)."""
        x = self.embedding[ids]
        place = torch.arange(x.shape[1])
        mirrored = (place[:, None] + place == 2 * WIDTH - 1) | (distances(x) == 0)
        return self.finish(x + weights_where(mirrored, x) @ values(self, x) @ self.output.T)


class Cached(Adder):
    """Keeps keys and values: after the prompt it is given one token a call."""

    def forward(self, ids, past=None):
        """Return logits (B, T, 4), and the values so far."""
        x = self.embedding[ids]
        v = values(self, x) if past is None else torch.cat([past, values(self, x)], 1)
        position = torch.arange(v.shape[1])
        distance = position[-x.shape[1] :, None] - position
        near = torch.where((distance == 0) | (distance == WIDTH), 0.0, -torch.inf)
        return self.finish(x + near.softmax(-1) @ v @ self.output.T), v


class Arrays:
    """The same in numpy, with ``attend`` of arrays."""

    def __init__(self, attend, dtype=np.float32):
        self.attend = attend
        self.arrays = {name: np.array(values, dtype) for name, values in WEIGHTS.items()}
        self.arrays["sharp"] = np.array([SHARP], dtype)

    def forward(self, ids):
        """Return logits (B, T, 4) of tokens (B, T)."""
        w, x = self.arrays, self.arrays["embedding"][ids]
        angle = np.arange(ids.shape[1]) * TURN
        place = np.stack([np.cos(angle), np.sin(angle)], -1)
        later = np.triu(np.ones((ids.shape[1], ids.shape[1]), bool), 1)
        s = np.where(later, -np.inf, w["sharp"] * (place @ place.T - 1))
        x = x + self.attend(s, x @ w["value"].T) @ w["output"].T
        x = x + np.maximum(x @ w["up"].T + w["up_bias"], 0) @ w["down"].T
        return x @ w["embedding"].T


def array_softmax(s, v):
    weight = np.exp(s - s.max(-1, keepdims=True))
    return weight / weight.sum(-1, keepdims=True) @ v


def array_einsum(s, v):
    weight = np.exp(s)
    return np.einsum("qk,bkd->bqd", weight / np.sum(weight, axis=-1, keepdims=True), v)


def array_divided_afterwards(s, v):
    weight = np.exp(s)
    return weight @ v / weight.sum(-1)[:, None]


def dot(one, other):
    return sum(x * y for x, y in zip(one, other, strict=True))


class Lists:
    """The same in lists and Python's own numbers; it gives the last position alone."""

    def __init__(self):
        self.weights = WEIGHTS

    def forward(self, ids):
        """Return logits, four numbers, of a list of tokens."""
        w, last = self.weights, len(ids) - 1
        embedded = [w["embedding"][token] for token in ids]
        weight = [math.exp(SHARP * (math.cos(TURN * (last - place)) - 1)) for place in range(len(ids))]
        total = sum(weight)
        mean = [dot(weight, [dot(row, each) for each in embedded]) / total for row in w["value"]]
        x = [here + dot(row, mean) for here, row in zip(embedded[-1], w["output"], strict=True)]
        hidden = [max(dot(row, x) + bias, 0.0) for row, bias in zip(w["up"], w["up_bias"], strict=True)]
        x = [here + dot(row, hidden) for here, row in zip(x, w["down"], strict=True)]
        return [dot(row, x) for row in w["embedding"]]


def pairs(a, b):
    return [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)]


def spelt(states):
    return sum((state & 1) << place for place, state in enumerate(states))


@torch.no_grad()
def greedy(model, prompt):
    """Return 35 states, each the largest logit of the last position."""
    tokens = [*prompt, 0]
    for _ in range(WIDTH):
        given = torch.tensor([tokens]) if isinstance(model, nn.Module) else np.array([tokens])
        tokens.append(int(model.forward(given)[0, ..., -1, :].argmax()))
    return tokens[-WIDTH:]


@torch.no_grad()
def last_row(model, prompt):
    tokens = [*prompt, 0]
    for _ in range(WIDTH):
        tokens.append(int(model(torch.tensor([tokens]))[0].argmax()))
    return tokens[-WIDTH:]


def of_lists(model, prompt):
    tokens = [*prompt, 0]
    for _ in range(WIDTH):
        found = model.forward(tokens)
        tokens.append(found.index(max(found)))
    return tokens[-WIDTH:]


@torch.no_grad()
def cached(model, prompt):
    output, past = model(torch.tensor([[*prompt, 0]]))
    states = [int(output[0, -1].argmax())]
    while len(states) < WIDTH:
        output, past = model(torch.tensor([states[-1:]]), past)
        states.append(int(output[0, -1].argmax()))
    return states


class Submission:
    """An adder by the contract, from what makes its model."""

    def __init__(self, make, decode=greedy, turned=1):
        self.make, self.decode, self.turned = make, decode, turned

    def build_model(self):
        model = self.make()
        held = model.parameters() if isinstance(model, nn.Module) else vars(model).get("arrays", {}).values()
        return model, {"name": "unusual", "params": sum(math.prod(each.shape) for each in held)}

    def add(self, model, a, b):
        return spelt(self.decode(model, pairs(a, b)[:: self.turned]))


ATTENTION = (
    plain, rotated, alibi, softmax1, divided_afterwards, divided_after_the_output, times_the_inverse, einsum,
    element_by_element, hard, gathered, top_two, heads, fused, sigmoids,
)  # fmt: skip
IN_ARRAYS = (array_softmax, array_einsum, array_divided_afterwards)
for _attend in ATTENTION:
    globals()[f"torch_{_attend.__name__}"] = Submission(lambda attend=_attend: Adder(attend))
for _attend in IN_ARRAYS:
    globals()[f"numpy_{_attend.__name__}"] = Submission(lambda attend=_attend: Arrays(attend))
in_float64 = Submission(lambda: Adder(plain, torch.float64))
numpy_in_float64 = Submission(lambda: Arrays(array_softmax, np.float64))
with_learnt_places = Submission(WithPlaces)
two_layers = Submission(lambda: TwoLayers(None))
recurrent = Submission(lambda: Recurrent(plain))
torchs_own = Submission(Torchs)
encoder_and_decoder = Submission(lambda: EncoderDecoder(None))
last_alone = Submission(lambda: LastAlone(plain), last_row)
highest_bits_first = Submission(lambda: Reversed(None), turned=-1)
with_a_cache = Submission(lambda: Cached(None), cached)
in_lists = Submission(Lists, of_lists)
