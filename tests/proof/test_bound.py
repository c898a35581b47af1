"""No admissible evaluation leaves the error bound: any order, any rounding within u, exp off by all it may be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.proof.models import (
    INTEGERS,
    perturbed_tensors,
    random_tensors,
    swallowing_tensors,
    trained_tensors,
    weights_of,
)
from verify.proof import bound
from verify.proof.bound import BoundError, error_bounds
from verify.proof.enclosure import Interval
from verify.proof.formats import FORMATS, MODES, rounding_of
from verify.proof.network import CONTEXTS, step

WAYS, DRAWS = 24, 100
MODELS = {
    "trained": lambda _: trained_tensors(),
    "near integers": lambda _: perturbed_tensors(1, 0.1),
    "random": lambda _: random_tensors(7),
    "small": lambda _: random_tensors(8, 0.05),
    "swallowed": lambda precision: swallowing_tensors(1, FORMATS[precision].significand),
}
NARROW = [(name, mode) for name in ("float32", "bfloat16", "float16") for mode in MODES]


class Admissible:
    """Evaluates one step for many random errors at once, in one random way; arrays are (draws, ...) of float64."""

    def __init__(self, seed, rounding):
        self.rng = np.random.default_rng(seed)
        self.unit, self.stored = float(rounding.unit), float(rounding.store)
        self.flush, self.power = float(rounding.flush), float(rounding.exponential)
        self.saves = self.rng.choice([0.0, 0.5, 1.0])  # how often a partial sum is stored
        self.tree = self.rng.choice(["in order", "reversed", "balanced", "blocks", "any"])

    def off(self, x, unit):
        """Return x off by relative errors of up to ``unit``, most of them as large as they may be."""
        x = x * (1 + unit * np.clip(self.rng.normal(0, 2, x.shape), -1, 1))
        return np.where(np.abs(x) < self.flush, 0.0, x)

    def op(self, x):
        x = self.off(x, self.unit)
        return self.store(x) if self.rng.random() < self.saves else x

    def store(self, x):
        return self.off(x, self.stored)

    def total(self, terms):
        """Return the sum of terms, each a number or a pair of factors, by a tree, products fused or not."""
        numbers = [t if isinstance(t, np.ndarray) else self.product(*t) for t in terms]
        while len(numbers) > 1:
            first, second = self.places(len(numbers))
            x, y = numbers.pop(max(first, second)), numbers.pop(min(first, second))
            numbers.insert(min(first, second), self.op(x + y))
        return numbers[0]

    def product(self, x, y):
        return x * y if self.rng.random() < 0.5 else self.op(x * y)

    def places(self, count):
        """Return which two of so many numbers are added next."""
        if self.tree == "in order":
            return 0, 1
        if self.tree == "reversed":
            return count - 1, count - 2
        if self.tree == "balanced":  # neighbours, the shortest sums first
            first = 2 * (count // 4)
            return first, first + 1 if first + 1 < count else first - 1
        if self.tree == "blocks":  # two blocks, which meet last
            return (count - 1, count - 2) if count > 3 else (0, 1)
        first, second = self.rng.choice(count, 2, replace=False)
        return int(first), int(second)

    def linear(self, matrix, x, *further):
        """Return ``matrix @ x``, plus a bias, plus the residual stream."""
        return np.stack(
            [
                self.store(self.total([*self.products(row, x), *(each[..., i] for each in further)]))
                for i, row in enumerate(matrix)
            ],
            axis=1,
        )

    def products(self, row, x):
        return [(np.full(len(x), weight), x[:, j]) for j, weight in enumerate(row)]

    def logits(self, w, pair, state, draws):
        e, fused = w["embedding.weight"], w["attention.in_proj_weight"]
        output, contraction = w["attention.out_proj.weight"], w["mlp.2.weight"]
        tokens = [np.broadcast_to(e[t], (draws, 2)) for t in (pair, state)]
        bias = np.broadcast_to(w["mlp.2.bias"][0], (draws, 2))
        query, keys = self.linear(fused[:2], tokens[1]), [self.linear(fused[2:4], t) for t in tokens]
        values = [self.linear(fused[4:], t) for t in tokens]
        mixed = self.attended(query, keys, values)
        x = self.after_attention(output, mixed, tokens[1])
        hidden = np.maximum(self.linear(w["mlp.0.weight"], x, np.broadcast_to(w["mlp.0.bias"][0], (draws, 4))), 0)
        way = self.rng.choice(["apart", "into the stream", "both layers together", "as one sum"])
        if way == "apart":
            x = self.store(self.op(x + self.linear(contraction, hidden, bias)))
        elif way == "into the stream":
            x = self.linear(contraction, hidden, bias, x)
        elif way == "both layers together":
            layers = self.linear(output, mixed), self.linear(contraction, hidden, bias)
            x = self.store(self.total([tokens[1], self.op(layers[0] + layers[1])]))
        else:
            terms = [
                [*self.products(o, mixed), *self.products(c, hidden)] for o, c in zip(output, contraction, strict=True)
            ]
            x = np.stack([self.total([tokens[1][:, i], *terms[i], bias[:, i]]) for i in range(2)], axis=1)
        return self.linear(e, x)

    def after_attention(self, output, mixed, token):
        if self.rng.random() < 0.5:
            return self.store(self.op(token + self.linear(output, mixed)))
        return self.linear(output, mixed, token)

    def attended(self, query, keys, values):
        form = self.rng.choice(["reciprocal", "quotient", "divide last", "logistic"])
        if form == "logistic":
            gap = self.gap(query, keys)
            weights = [self.store(self.op(1 / self.op(1 + self.exp(each)))) for each in (-gap, gap)]
            return self.mean(weights, values)
        powers = [self.exp(self.op(self.op(each))) for each in self.arguments(query, keys)]  # exp2 of a product
        whole = self.op(powers[0] + powers[1])
        if form == "divide last":
            sums = self.mean([self.store(power) for power in powers], values)
            return self.store(self.op(sums / whole[:, None]))
        over = [self.op(p / whole) if form == "quotient" else self.op(p * self.op(1 / whole)) for p in powers]
        return self.mean([self.store(each) for each in over], values)

    def mean(self, weights, values):
        return np.stack(
            [self.store(self.total([(s, v[:, i]) for s, v in zip(weights, values, strict=True)])) for i in range(2)],
            axis=1,
        )

    def exp(self, x):
        return self.off(np.exp(x), self.power)

    def arguments(self, query, keys):
        """Return the two arguments of softmax, the larger score subtracted, or rounded anew and subtracted."""
        scores = [self.score([(query[:, i], key[:, i]) for i in range(2)]) for key in keys]
        largest = np.maximum(*scores)
        if self.rng.random() < 0.5:
            return [self.op(score - largest) for score in scores]
        subtracted = self.op(largest)
        return [self.op(self.op(score) - subtracted) for score in scores]

    def gap(self, query, keys):
        """Return the difference of the scores as one sum of four products."""
        signs = ((1, keys[0]), (-1, keys[1]))
        return self.score([(sign * query[:, i], key[:, i]) for sign, key in signs for i in range(2)])

    def score(self, terms):
        """Return a sum of products, scaled by a rounded constant: the factors, each product, or the sum."""
        where = self.rng.choice(["factors", "products", "sum"])
        ones = np.ones(len(terms[0][0]))
        if where == "factors":
            root = self.off(ones * 2**-0.25, self.unit)
            return self.store(self.total([tuple(self.store(self.op(x * root)) for x in term) for term in terms]))
        half = self.off(ones * 2**-0.5, self.unit)
        if where == "products":
            return self.store(self.total([self.op(self.op(x * y) * half) for x, y in terms]))
        return self.store(self.op(self.store(self.total(terms)) * half))


def largest_ratio(weights, context, rounding):
    """Return the largest error over its bound of a logit in many random evaluations; None without a bound."""
    real = step(weights, *context)
    try:
        errors = [float(error) for error in error_bounds(weights, real, rounding)]
    except BoundError:
        return None
    arrays = {name: np.array(matrix, dtype=np.float64) for name, matrix in weights.tensors.items()}
    exact = [float(logit.low) for logit in real.logits]
    seeds = [(*context, index) for index in range(WAYS)]
    computed = [Admissible(seed, rounding).logits(arrays, *context, DRAWS) for seed in seeds]
    return float((np.abs(np.concatenate(computed) - exact).max(axis=0) / errors).max())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("precision", "mode"), NARROW, ids=lambda each: each.split()[0])
def test_no_random_evaluation_leaves_the_bound(model, precision, mode):
    weights = weights_of(MODELS[model](precision)).rounded(FORMATS[precision])
    ratios = [largest_ratio(weights, context, rounding_of(precision, mode)) for context in CONTEXTS]
    assert all(ratio is None or ratio <= 1 for ratio in ratios), ratios


def without_the_residual(self, token, layers, bias=()):
    """Bound the stream as if the token took part in no rounding: a planted fault."""
    nothing = (Interval(Fraction(0), Fraction(0)),) * len(token)
    return STREAM(self, nothing, layers, bias)


STREAM = bound._Bounds.stream


@pytest.mark.parametrize(("precision", "mode"), NARROW, ids=lambda each: each.split()[0])
def test_random_evaluations_leave_a_bound_that_forgets_the_residual(monkeypatch, precision, mode):
    monkeypatch.setattr(bound._Bounds, "stream", without_the_residual)
    weights = weights_of(MODELS["swallowed"](precision)).rounded(FORMATS[precision])
    assert max(largest_ratio(weights, context, rounding_of(precision, mode)) for context in CONTEXTS) > 1


def test_random_evaluations_take_every_tree_and_store_or_do_not():
    evaluations = [Admissible(seed, rounding_of("bfloat16", MODES[1])) for seed in range(60)]
    assert {each.tree for each in evaluations} == {"in order", "reversed", "balanced", "blocks", "any"}
    assert {each.saves for each in evaluations} == {0.0, 0.5, 1.0}


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
