"""Weights from the 16 full-adder transitions: no data set, no checkpoint, every base seed.

All restarts run as one batch of small matrices, with the gradient written out: one Adam step of 64 restarts takes about
a millisecond, where importing ``torch.optim.Adam`` alone takes a second. Only the two tokens that matter are
run, pair and state; under the routing mask the 36-token contexts give the same logits.

Two kinds of weights:

*integer* (the default): every weight is one of -2, -1, 0, 1, 2. The embedding starts, and stays, on the corners of a
square, since margin / max|logit| <= 1 for a tied head without bias, and only there reaches 1. Query and key
projections stay zero, so that attention averages what the routing lets through: the softmax of two equal scores is
exactly 1/2. The other 30 weights are trained through their rounding (straight-through estimation, Bengio et al.,
arXiv:1308.3432). No operation of such a model rounds, not even in bfloat16, so its logits are the same bits on every
device, in every batch and every order of summation.

*real*: all 46 weights are trained freely until the smallest margin reaches 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from adder.errors import SolverError
from adder.model import GPTAdder, routing_mask
from adder.tokens import PROMPT_LENGTH, VOCABULARY

Array = NDArray[np.float64]
Weights = dict[str, Array]
Kind = Literal["integer", "real"]

PAIRS = np.repeat(np.arange(VOCABULARY), VOCABULARY)  # (16,)
STATES = np.tile(np.arange(VOCABULARY), VOCABULARY)  # (16,)
TARGETS = (PAIRS >> 1) + (PAIRS & 1) + (STATES >> 1)  # (16,): sum bit + 2 carry is the count of ones

SHAPES = {
    "embedding": (4, 2),
    "query": (2, 2),
    "key": (2, 2),
    "value": (2, 2),
    "output": (2, 2),
    "hidden": (4, 2),
    "hidden_bias": (4,),
    "contract": (2, 4),
    "contract_bias": (2,),
}
SQUARE = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)], np.float64)
HELD_WHEN_INTEGER = ("embedding", "query", "key")
LARGEST_INTEGER = 2

RESTARTS = {"integer": 64, "real": 16}
# Measured on 16 base seeds: 64 restarts first succeed after 13 to 47 steps, and one in six has by step 100.
STEPS_PER_ROUND = 100
LEARNING_RATE = {"integer": 0.2, "real": 0.1}
BETA1, BETA2, EPSILON = 0.9, 0.99, 1e-8
WIDE_MARGIN = 1.0


def solve(seed: int = 1, *, weights: Kind = "integer", max_steps: int = 1000) -> GPTAdder:
    """Return a model, float32 on the CPU, whose 16 transitions were checked on the module itself.

    Args:
        seed: any integer from 0 up; the same seed gives the same weights.
        weights: "integer", exact in every precision down to bfloat16, or "real", all 46 trained.
        max_steps: how many optimizer steps to try, all rounds of restarts together.

    Raises:
        ValueError: the seed is negative, or the kind of weights unknown.
        SolverError: no restart was right within ``max_steps``.
    """
    model = GPTAdder(routing_mask())
    _load(model, search(seed, weights=weights, max_steps=max_steps).weights)
    accuracy, margin = check_transitions(model)
    if margin <= 0:  # the float64 search found a margin that this float32 module does not have
        raise SolverError(f"seed {seed} does not survive rounding to float32", accuracy=accuracy, margin=margin)
    return model


@torch.inference_mode()
def check_transitions(model: GPTAdder) -> tuple[float, float]:
    """Return the share of the 16 transitions that a model gets right and its smallest margin, in logits.

    The contexts are the whole 36 tokens, zero but for the pair at index 0 and the state at index 35.
    """
    contexts = torch.zeros(len(PAIRS), PROMPT_LENGTH, dtype=torch.int64, device=model.device)  # (16, 36)
    contexts[:, 0] = torch.from_numpy(PAIRS)
    contexts[:, -1] = torch.from_numpy(STATES)
    logits = model(contexts)[:, -1].double().cpu().numpy()  # (16, 4)
    margins = _margins(logits)  # (16,)
    return float((margins > 0).mean()), float(margins.min())


@dataclass(frozen=True)
class Found:
    """Weights that are right in float64, and after how many optimizer steps the search held them."""

    weights: Weights
    steps: int


def search(seed: int, *, weights: Kind = "integer", max_steps: int = 1000) -> Found:
    """Return the widest right weights of the first round of restarts that has any; arguments and errors are `solve`'s.

    Width is margin / max|logit|. Real weights end the search when their margin is wide; integer weights are the best
    of a whole round, since after the last step of a round they all lie on the grid.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; seeds are integers from 0 up")
    if weights not in get_args(Kind):
        raise ValueError(f"weights {weights!r} are unknown; choose one of {', '.join(get_args(Kind))}")
    rng = np.random.default_rng(seed)
    accuracy, margin, widest = 0.0, -np.inf, 0.0
    found: Found | None = None
    # A solve takes a tenth of a second: the bar shows only where something is slow.
    for step in tqdm(range(max_steps), "solving", unit="step", leave=False, delay=0.5, disable=None):
        if step % STEPS_PER_ROUND == 0:
            restarts = _Restarts(rng, weights)
        candidates, logits = restarts.step()
        margins = _margins(logits)  # (R, 16)
        smallest = margins.min(axis=1)  # (R,)
        accuracy = max(accuracy, float((margins > 0).mean(axis=1).max()))
        margin = max(margin, float(smallest.max()))
        width = smallest / np.abs(logits).max(axis=(1, 2)).clip(EPSILON)  # (R,)
        winner = int(np.where(smallest >= WIDE_MARGIN, width, -np.inf).argmax())
        if smallest[winner] >= WIDE_MARGIN and width[winner] > widest:
            widest = float(width[winner])
            found = Found({name: value[winner].copy() for name, value in candidates.items()}, step + 1)
        if found is not None and (weights == "real" or restarts.steps == STEPS_PER_ROUND):
            return found
    if found is not None:
        return found
    raise SolverError(
        f"seed {seed} did not solve within {max_steps} steps: at best {accuracy:.4f} of the transitions right, "
        f"smallest margin {margin:.3g}; allow more steps",
        accuracy=accuracy,
        margin=margin,
    )


class _Restarts:
    """Adam on a batch of restarts, each with its own random start."""

    def __init__(self, rng: np.random.Generator, kind: Kind) -> None:
        count = RESTARTS[kind]
        self.kind = kind
        self.steps = 0
        self.weights = {name: rng.normal(size=(count, *shape)) for name, shape in SHAPES.items()}
        if kind == "integer":
            self.weights["embedding"] = np.stack([rng.permutation(SQUARE) for _ in range(count)])
            self.weights["query"] = self.weights["key"] = np.zeros((count, 2, 2))
        self.trained = [name for name in SHAPES if kind == "real" or name not in HELD_WHEN_INTEGER]
        self.means = {name: np.zeros_like(self.weights[name]) for name in self.trained}
        self.squares = {name: np.zeros_like(self.weights[name]) for name in self.trained}

    def step(self) -> tuple[Weights, Array]:
        """Take one step and return what it started from: the candidate weights and their logits (R, 16, 4)."""
        self.steps += 1
        candidates = self.weights
        if self.kind == "integer":
            candidates = {name: _snap(value) for name, value in self.weights.items()}
        logits, cache = _forward(candidates)
        if self.kind == "integer":
            # The weights that the gradient sees slide to the grid over a round.
            share = self.steps / STEPS_PER_ROUND
            slid = {name: value + share * (candidates[name] - value) for name, value in self.weights.items()}
            gradient = _gradient(slid, *_forward(slid))
        else:
            gradient = _gradient(candidates, logits, cache)
        self._adam(gradient)
        return candidates, logits

    def _adam(self, gradient: Weights) -> None:
        """Kingma and Ba, arXiv:1412.6980, algorithm 1."""
        new = dict(self.weights)  # the candidates that the caller holds stay as they were
        for name in self.trained:
            self.means[name] += (1 - BETA1) * (gradient[name] - self.means[name])
            self.squares[name] += (1 - BETA2) * (gradient[name] ** 2 - self.squares[name])
            mean = self.means[name] / (1 - BETA1**self.steps)
            square = self.squares[name] / (1 - BETA2**self.steps)
            new[name] = self.weights[name] - LEARNING_RATE[self.kind] * mean / (np.sqrt(square) + EPSILON)
            if self.kind == "integer":
                new[name].clip(-LARGEST_INTEGER - 0.49, LARGEST_INTEGER + 0.49, out=new[name])
        self.weights = new


def _snap(values: Array) -> Array:
    rounded: Array = np.rint(values).clip(-LARGEST_INTEGER, LARGEST_INTEGER) + 0.0  # no minus zeros
    return rounded


def _forward(w: Mapping[str, Array]) -> tuple[Array, tuple[Array, ...]]:
    """Return the logits (R, 16, 4) after each context of two tokens, and what the gradient needs."""
    pair = w["embedding"][:, PAIRS]  # (R, 16, 2)
    state = w["embedding"][:, STATES]  # (R, 16, 2)
    query = state @ _t(w["query"])  # (R, 16, 2)
    difference = (pair - state) @ _t(w["key"])  # (R, 16, 2)
    score = (query * difference).sum(-1, keepdims=True) / np.sqrt(2)  # (R, 16, 1)
    share = 0.5 + 0.5 * np.tanh(score / 2)  # (R, 16, 1): softmax of two scores, the pair's part
    mixed = state + share * (pair - state)  # (R, 16, 2)
    value = mixed @ _t(w["value"])  # (R, 16, 2)
    attended = state + value @ _t(w["output"])  # (R, 16, 2)
    hidden = attended @ _t(w["hidden"]) + w["hidden_bias"][:, None]  # (R, 16, 4)
    active = hidden.clip(0)  # (R, 16, 4)
    final = attended + active @ _t(w["contract"]) + w["contract_bias"][:, None]  # (R, 16, 2)
    logits = final @ _t(w["embedding"])  # (R, 16, 4)
    return logits, (pair, state, query, difference, share, mixed, value, attended, active, final)


def _gradient(w: Mapping[str, Array], logits: Array, cache: tuple[Array, ...]) -> Weights:
    """Return the gradient of the cross-entropy, summed over the 16 contexts, by every weight."""
    pair, state, query, difference, share, mixed, value, attended, active, final = cache
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    d_logits = shifted / shifted.sum(-1, keepdims=True) - np.eye(VOCABULARY)[TARGETS]  # (R, 16, 4)
    d_final = d_logits @ w["embedding"]  # (R, 16, 2)
    d_hidden = (d_final @ w["contract"]) * (active > 0)  # (R, 16, 4)
    d_attended = d_final + d_hidden @ w["hidden"]  # (R, 16, 2)
    d_value = d_attended @ w["output"]  # (R, 16, 2)
    d_mixed = d_value @ w["value"]  # (R, 16, 2)
    slope = share * (1 - share) / np.sqrt(2)  # (R, 16, 1)
    d_score = (d_mixed * (pair - state)).sum(-1, keepdims=True) * slope  # (R, 16, 1)
    d_query, d_difference = d_score * difference, d_score * query  # (R, 16, 2) each
    d_from_keys = d_difference @ w["key"]  # (R, 16, 2)
    d_pair = share * d_mixed + d_from_keys  # (R, 16, 2)
    d_state = d_attended + (1 - share) * d_mixed - d_from_keys + d_query @ w["query"]  # (R, 16, 2)
    one_hot = np.eye(VOCABULARY)
    return {
        "embedding": _t(d_logits) @ final + one_hot[:, PAIRS] @ d_pair + one_hot[:, STATES] @ d_state,
        "query": _t(d_query) @ state,
        "key": _t(d_difference) @ (pair - state),
        "value": _t(d_value) @ mixed,
        "output": _t(d_attended) @ value,
        "hidden": _t(d_hidden) @ attended,
        "hidden_bias": d_hidden.sum(axis=1),
        "contract": _t(d_final) @ active,
        "contract_bias": d_final.sum(axis=1),
    }


def _t(matrices: Array) -> Array:
    return matrices.swapaxes(-1, -2)


def _margins(logits: Array) -> Array:
    """Return the right logit minus the best other, (..., 16), of logits (..., 16, 4)."""
    is_right = np.eye(VOCABULARY, dtype=bool)[TARGETS]  # (16, 4)
    margins: Array = np.where(is_right, logits, -np.inf).max(-1) - np.where(is_right, -np.inf, logits).max(-1)
    return margins


def _load(model: GPTAdder, weights: Weights) -> None:
    """Copy weights into a model, rounded to its dtype."""
    projections = np.concatenate([weights["query"], weights["key"], weights["value"]])  # (6, 2)
    state = {
        "embedding.weight": weights["embedding"],
        "attention.in_proj_weight": projections,
        "attention.out_proj.weight": weights["output"],
        "mlp.0.weight": weights["hidden"],
        "mlp.0.bias": weights["hidden_bias"],
        "mlp.2.weight": weights["contract"],
        "mlp.2.bias": weights["contract_bias"],
    }
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
