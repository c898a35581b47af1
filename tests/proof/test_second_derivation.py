"""The bound, derived a second time: balls over the flattened sums, and the worst signs of every single error."""

from __future__ import annotations

from fractions import Fraction

import flint
import pytest

from tests.proof.models import perturbed_tensors, random_tensors, swallowing_tensors, trained_tensors, weights_of
from verify.proof import bound
from verify.proof.bound import error_bounds
from verify.proof.enclosure import Interval
from verify.proof.formats import FORMATS, MODES, rounding_of
from verify.proof.network import CONTEXTS, step

ARB_BITS = 300
MODELS = {
    "trained": lambda _: trained_tensors(),
    "near integers": lambda _: perturbed_tensors(1, 0.1),
    "random": lambda _: random_tensors(7),
    "swallowed": lambda name: swallowing_tensors(1, FORMATS[name].significand),
}
CASES = [(name, mode) for name, mode in (("float64", 0), ("float32", 0), ("bfloat16", 0), ("bfloat16", 1))]
TREES = ("layers into the stream", "layers apart", "token last", "both layers first")


@pytest.fixture(autouse=True)
def precise_arb():
    before, flint.ctx.prec = flint.ctx.prec, ARB_BITS
    yield
    flint.ctx.prec = before


def arb(value):
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


class Balls:
    """Encloses what every admissible evaluation may compute: a term of n is off by n factors 1 + d, |d| <= u."""

    def __init__(self, rounding):
        self.once = (1 + ball(rounding.unit)) * (1 + ball(rounding.store))
        self.power = 1 + ball(rounding.exponential)

    def off(self, x, times):
        return x * self.once**times

    def sum(self, terms):
        total = flint.arb(0)
        for term in terms:
            total += self.off(term, len(terms))
        return total

    def exp(self, x):
        return x.exp() * self.power

    def op(self, x):
        return self.off(x, 1)


class Signs:
    """Computes one evaluation exactly, each operation's error being the largest one of a given sign, or none."""

    def __init__(self, rounding, tree, signs=()):
        self.unit = arb((1 + rounding.unit) * (1 + rounding.store) - 1)
        self.c, self.tree, self.signs, self.count = arb(rounding.exponential), tree, signs, 0

    def _sign(self):
        self.count += 1
        return self.signs[self.count - 1] if self.count <= len(self.signs) else 0

    def op(self, x):
        return x * (1 + self._sign() * self.unit)

    def exp(self, x):
        return x.exp() * (1 + self._sign() * self.c)

    def sum(self, terms):
        total = None
        for term in terms:
            term = self.op(term)  # a product rounded on its own; a bare term rounds once too often, by nothing:
            total = term if total is None else self.op(total + term)
        return total


def ball(radius):
    return flint.arb(0, arb(Fraction(radius)))


def enclosed_logits(weights, context, rounding):
    """Return balls of the four logits of one step, in which every admissible evaluation lies."""
    rules = Balls(rounding)
    w = numbers(weights)
    token, other = w["embedding"][context[1]], w["embedding"][context[0]]
    query, (kp, ks), (vp, vs) = projections(rules, w, other, token)
    terms = [q * k for q, k in zip(query, kp, strict=True)] + [-q * k for q, k in zip(query, ks, strict=True)]
    gap = sum((rules.off(term, 8) for term in terms), flint.arb(0)) / flint.arb(2).sqrt()
    shares = [rules.off(1 / (1 + end_by_end(rules, sign * gap)), 2) for sign in (-1, 1)]
    mixed = [rules.sum([shares[0] * vp[i], shares[1] * vs[i]]) for i in range(2)]
    output, contraction = w["output"], w["contraction"]
    attended = [[output[i][j] * mixed[j] for j in range(2)] for i in range(2)]
    stream = [rules.sum([token[i], *attended[i]]) for i in range(2)]
    hidden = [
        positive(rules.sum([row[0] * stream[0], row[1] * stream[1], b]))
        for row, b in zip(w["hidden"], w["hidden_bias"], strict=True)
    ]
    final = [
        rules.sum(
            [token[i], *attended[i], *(contraction[i][j] * hidden[j] for j in range(4)), w["contraction_bias"][i]]
        )
        for i in range(2)
    ]
    return [rules.sum([row[0] * final[0], row[1] * final[1]]) for row in w["embedding"]]


def end_by_end(rules, x):
    """Return exp of a ball from its two ends, times the error of exp."""
    low, high = x.lower().exp(), x.upper().exp()
    return low.union(high) * rules.power


def positive(x):
    """Return the image of a ball under max(x, 0)."""
    return flint.arb.max(x, flint.arb(0))


def numbers(weights):
    """Return weights as arb numbers by attribute."""
    found = {}
    for name in weights.__dataclass_fields__:
        value = getattr(weights, name)
        vector = isinstance(value[0], Fraction)
        found[name] = [arb(x) for x in value] if vector else [[arb(x) for x in row] for row in value]
    return found


def projections(rules, w, other, token):
    def layer(matrix, x):
        return [rules.sum([row[0] * x[0], row[1] * x[1]]) for row in matrix]

    return (
        layer(w["query"], token),
        (layer(w["key"], other), layer(w["key"], token)),
        (layer(w["value"], other), layer(w["value"], token)),
    )


def evaluated_logits(weights, context, rounding, tree, signs=()):
    """Return the four logits in one tree with errors of the given signs, and how many errors there are."""
    rules = Signs(rounding, tree, signs)
    w = numbers(weights)
    token, other = w["embedding"][context[1]], w["embedding"][context[0]]
    query, (kp, ks), (vp, vs) = projections(rules, w, other, token)
    scale = 1 / flint.arb(2).sqrt()
    scores = [rules.op(rules.sum([query[i] * key[i] for i in range(2)]) * rules.op(scale)) for key in (kp, ks)]
    gap = rules.op(scores[0] - scores[1])
    shares = [rules.op(1 / rules.op(1 + rules.exp(sign * gap))) for sign in (-1, 1)]
    mixed = [rules.sum([shares[0] * vp[i], shares[1] * vs[i]]) for i in range(2)]
    attended = [[row[j] * mixed[j] for j in range(2)] for row in w["output"]]
    stream = [grown(rules, token[i], attended[i]) for i in range(2)]
    hidden = [
        positive(rules.sum([row[0] * stream[0], row[1] * stream[1], b]))
        for row, b in zip(w["hidden"], w["hidden_bias"], strict=True)
    ]
    layers = [[*(w["contraction"][i][j] * hidden[j] for j in range(4)), w["contraction_bias"][i]] for i in range(2)]
    final = [
        grown(rules, token[i], attended[i] + layers[i])
        if tree in ("token last", "both layers first")
        else grown(rules, stream[i], layers[i])
        for i in range(2)
    ]
    return [rules.sum([row[0] * final[0], row[1] * final[1]]) for row in w["embedding"]], rules.count


def grown(rules, stream, terms):
    """Return the residual stream with the terms of a layer added to it, the way of the tree."""
    rounded = [rules.op(term) for term in terms]
    if rules.tree == "layers into the stream":
        numbers_in_order = [stream, *rounded]
    elif rules.tree == "both layers first":
        numbers_in_order = [*reversed(rounded), stream]
    else:
        numbers_in_order = [*rounded, stream]
    total = numbers_in_order[0]
    for number in numbers_in_order[1:]:
        total = rules.op(total + number)
    return total


def worst_share(weights, context, rounding, tree):
    """Return the largest error over its bound when each single error has the sign that harms most."""
    exact, count = evaluated_logits(weights, context, rounding, tree)
    alone = []
    for index in range(count):
        signs = [0] * index + [1]
        alone.append(evaluated_logits(weights, context, rounding, tree, signs)[0])
    errors = error_bounds(weights, step(weights, *context), rounding)
    largest = 0.0
    for logit, error in enumerate(errors):
        for direction in (1, -1):
            signs = [direction if each[logit] >= exact[logit] else -direction for each in alone]
            off = evaluated_logits(weights, context, rounding, tree, signs)[0][logit] - exact[logit]
            largest = max(largest, float(abs(off) / arb(error)))
    return largest


def rounded_weights(model, name):
    return weights_of(MODELS[model](name)).rounded(FORMATS[name])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("name", "mode"), CASES, ids=str)
def test_balls_over_the_flattened_sums_come_to_the_same_bound(model, name, mode):
    weights, rounding = rounded_weights(model, name), rounding_of(name, MODES[mode])
    shares = []
    for context in CONTEXTS[::3]:
        real = step(weights, *context)
        for enclosed, logit, error in zip(
            enclosed_logits(weights, context, rounding), real.logits, error_bounds(weights, real, rounding), strict=True
        ):
            reach = max(abs(enclosed.upper() - arb(logit.low)), abs(arb(logit.high) - enclosed.lower()))
            shares.append(float(reach / arb(error)))
    assert max(shares) <= 1 + 1e-6  # a ball's radius has 30 bits, rounded up in each of some 50 operations
    assert max(shares) > 0.1


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("name", "mode"), CASES, ids=str)
def test_the_worst_signs_of_all_errors_together_stay_within_the_bound(model, name, mode, tree):
    weights, rounding = rounded_weights(model, name), rounding_of(name, MODES[mode])
    assert all(worst_share(weights, context, rounding, tree) <= 1 for context in ((1, 2), (3, 1)))


@pytest.mark.parametrize(("name", "mode"), CASES, ids=str)
def test_the_worst_signs_come_near_the_bound(name, mode):
    weights, rounding = rounded_weights("swallowed", name), rounding_of(name, MODES[mode])
    assert worst_share(weights, (1, 2), rounding, "layers into the stream") > 0.6


def without_the_residual(self, token, layers, bias=()):
    """Bound the stream as if the token took part in no rounding: a planted fault."""
    return STREAM(self, (Interval(Fraction(0), Fraction(0)),) * len(token), layers, bias)


STREAM = bound._Bounds.stream


@pytest.mark.parametrize(("name", "mode"), CASES, ids=str)
def test_the_worst_signs_leave_a_bound_that_forgets_the_residual(monkeypatch, name, mode):
    monkeypatch.setattr(bound._Bounds, "stream", without_the_residual)
    weights, rounding = rounded_weights("swallowed", name), rounding_of(name, MODES[mode])
    assert worst_share(weights, (1, 2), rounding, "layers into the stream") > 1
