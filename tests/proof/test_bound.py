"""No admissible evaluation leaves the error bound: any order, any rounding within u, exp off by all it may be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.proof.models import INTEGERS, perturbed_tensors, random_tensors, trained_tensors, weights_of
from verify.proof.bound import BoundError, error_bounds
from verify.proof.formats import FORMATS, MODES, rounding_of
from verify.proof.network import CONTEXTS, step

DRAWS = 1000
MODELS = {
    "trained": trained_tensors,
    "near integers": lambda: perturbed_tensors(1, 0.1),
    "random": lambda: random_tensors(7),
    "small": lambda: random_tensors(8, 0.05),
}
NARROW = [(name, mode) for name in ("float32", "bfloat16", "float16") for mode in MODES]


class Admissible:
    """Evaluates one step for many random orders at once; arrays are (draws, ...) of float64."""

    def __init__(self, seed, rounding):
        self.rng = np.random.default_rng(seed)
        self.unit, self.stored = float(rounding.unit), float(rounding.store)
        self.flush, self.power = float(rounding.flush), float(rounding.exponential)

    def off(self, x, unit, times=1):
        """Return x off by relative errors of up to ``unit``, most of them as large as they may be."""
        for _ in range(times):
            x = x * (1 + unit * np.clip(self.rng.normal(0, 2, x.shape), -1, 1))
        return np.where(np.abs(x) < self.flush, 0.0, x)

    def op(self, x):
        return self.off(x, self.unit)

    def store(self, x):
        return self.off(x, self.stored)

    def total(self, terms, factors):
        """Return sums of products in random orders, fused or not; a factor of None is a bias."""
        terms = [
            t if f is None else (t * f if self.rng.random() < 0.5 else self.op(t * f))
            for t, f in zip(terms, factors, strict=True)
        ]
        order = self.rng.permutation(len(terms))
        result = terms[order[0]] if factors[order[0]] is None else self.op(terms[order[0]])
        for index in order[1:]:
            result = self.op(result + terms[index])
        return result

    def linear(self, matrix, x, bias=None):
        rows = []
        for i, row in enumerate(matrix):
            terms, factors = [x[:, j] for j in range(len(row))], list(row)
            if bias is not None:
                terms, factors = [*terms, np.full(len(x), bias[i])], [*factors, None]
            rows.append(self.store(self.total(terms, factors)))
        return np.stack(rows, axis=1)

    def logits(self, w, pair, state, draws):
        e, fused = w["embedding.weight"], w["attention.in_proj_weight"]
        tokens = [np.broadcast_to(e[t], (draws, 2)) for t in (pair, state)]
        query, keys = self.linear(fused[:2], tokens[1]), [self.linear(fused[2:4], t) for t in tokens]
        values = [self.linear(fused[4:], t) for t in tokens]
        scores = [self.score(query, key) for key in keys]
        largest = np.maximum(*scores)
        powers = [self.off(np.exp(self.op(self.op(s - largest))), self.power) for s in scores]
        whole = self.op(powers[0] + powers[1])
        shares = [self.store(self.op(power * self.op(1 / whole))) for power in powers]
        mixed = np.stack([self.store(self.total(shares, [v[:, i] for v in values])) for i in range(2)], axis=1)
        x = self.store(self.op(tokens[1] + self.linear(w["attention.out_proj.weight"], mixed)))
        hidden = np.maximum(self.linear(w["mlp.0.weight"], x, w["mlp.0.bias"][0]), 0)
        x = self.store(self.op(x + self.linear(w["mlp.2.weight"], hidden, w["mlp.2.bias"][0])))
        return self.linear(e, x)

    def score(self, query, key):
        scale = np.full(len(query), 2**-0.25)
        scaled = [self.store(self.op(each * self.off(scale, self.unit)[:, None])) for each in (query, key)]
        return self.store(self.total([scaled[0][:, 0], scaled[0][:, 1]], [scaled[1][:, 0], scaled[1][:, 1]]))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("precision", "mode"), NARROW, ids=lambda each: each.split()[0])
def test_no_random_evaluation_leaves_the_bound(model, precision, mode):
    weights = weights_of(MODELS[model]()).rounded(FORMATS[precision])
    rounding = rounding_of(precision, mode)
    arrays = {name: np.array(matrix, dtype=np.float64) for name, matrix in weights.tensors.items()}
    for pair, state in CONTEXTS:
        real = step(weights, pair, state)
        try:
            errors = error_bounds(weights, real, rounding)
        except BoundError:
            continue
        computed = Admissible(16 * pair + state, rounding).logits(arrays, pair, state, DRAWS)
        off = np.abs(computed - [float(logit.low) for logit in real.logits]).max(axis=0)
        assert (off <= [float(error) for error in errors]).all()


def test_the_bound_is_within_two_orders_of_magnitude_of_what_is_seen():
    weights, rounding = weights_of(trained_tensors()), rounding_of("float32", MODES[0])
    arrays = {name: np.array(matrix, dtype=np.float64) for name, matrix in weights.tensors.items()}
    real = step(weights, 1, 0)
    computed = Admissible(0, rounding).logits(arrays, 1, 0, 20_000)
    off = np.abs(computed - [float(logit.low) for logit in real.logits]).max(axis=0)
    assert (off > [float(error) / 100 for error in error_bounds(weights, real, rounding)]).all()


def test_narrower_arithmetic_has_a_wider_bound():
    weights = weights_of(INTEGERS)
    real = step(weights, 1, 0)
    errors = [max(error_bounds(weights, real, rounding_of(name, MODES[0]))) for name in FORMATS]
    assert errors[0] < errors[1] < errors[3] < errors[2]


def test_accumulation_in_float32_that_may_store_every_result_is_as_wide_as_bfloat16():
    weights = weights_of(trained_tensors()).rounded(FORMATS["bfloat16"])
    every, stored = (error_bounds(weights, step(weights, 1, 0), rounding_of("bfloat16", mode)) for mode in MODES)
    assert all(e < s < e * (1 + Fraction(1, 2**10)) for e, s in zip(every, stored, strict=True))


def scaled(name, factor):
    return INTEGERS | {name: [[x * factor for x in row] for row in INTEGERS[name]]}


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float32"])
def test_what_may_overflow_has_no_bound(precision):
    weights = weights_of(scaled("mlp.0.weight", float(FORMATS[precision].largest) / 4))
    with pytest.raises(BoundError, match="may overflow"):
        error_bounds(weights, step(weights, 0, 0), rounding_of(precision, MODES[0]))


def test_attention_that_is_too_uncertain_has_no_bound():
    tensors = INTEGERS | {"attention.in_proj_weight": [(300, 200)] * 4 + [(1, 0), (0, 0)]}
    weights = weights_of(tensors)
    with pytest.raises(BoundError, match="uncertain"):
        error_bounds(weights, step(weights, 1, 1), rounding_of("bfloat16", MODES[0]))


def test_flushing_to_zero_is_in_the_bound():
    tiny = float(FORMATS["float16"].smallest_normal) / 2
    weights = weights_of(scaled("embedding.weight", tiny))
    errors = error_bounds(weights, step(weights, 0, 0), rounding_of("float16", MODES[0]))
    assert min(errors) >= Fraction(tiny)
