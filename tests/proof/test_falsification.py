"""A search that tries to falsify the bound, path by path, does not come to it; one planted fault, and it does."""

from __future__ import annotations

import os
import random
from fractions import Fraction

import pytest

from tests.proof.models import perturbed_tensors, random_tensors, swallowing_tensors
from tests.proof.paths import PATHS, bounds_of, module_of, ratio_in_place
from verify.proof import bound
from verify.proof.enclosure import Interval
from verify.proof.formats import FORMATS

# A step takes some 15 ms: ADDER_CLIMB=5000 is a search of minutes for each path.
STEPS = int(os.environ.get("ADDER_CLIMB", "20"))
CONTEXTS = ((1, 2), (3, 1), (0, 3))
STARTS = (lambda seed, bits: swallowing_tensors(seed, bits), lambda seed, _: perturbed_tensors(seed, 0.1),
          lambda seed, _: random_tensors(seed))  # fmt: skip


def climb(path, precision, steps=STEPS, seed=0):
    """Return the largest error over its bound that weights were found for, by changes that do not lessen it."""
    draw, best = random.Random(seed), 0.0
    starts = [start(seed, FORMATS[precision].significand) for start in STARTS]
    shares = [share(tensors, path, precision) for tensors in starts]
    for _ in range(steps):
        index = max(range(len(starts)), key=shares.__getitem__) if draw.random() < 0.8 else draw.randrange(len(starts))
        changed = varied(starts[index], draw, 2.0 ** -FORMATS[precision].significand)
        reached = share(changed, path, precision)
        if reached >= shares[index]:
            starts[index], shares[index] = changed, reached
        best = max(best, *shares)
    return best


def share(tensors, path, precision):
    """Return the largest error over its bound, 0 where there is no bound."""
    bounds = bounds_of(tensors, precision, CONTEXTS)
    return 0.0 if bounds is None else ratio_in_place(bounds, module_of(tensors, precision), PATHS[path])


def varied(tensors, draw, unit):
    """Return weights of which a few are changed: a little, by much, or to near half a unit in the last place of 1."""
    changed = {name: [list(row) for row in rows] for name, rows in tensors.items()}
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        row = draw.choice(changed[draw.choice(list(changed))])
        place = draw.randrange(len(row))
        row[place] = draw.choice(
            (row[place] * (1 + draw.gauss(0, 0.1)), row[place] * 2.0 ** draw.randint(-2, 2), draw.gauss(0, 1) * unit,
             draw.uniform(0.7, 1) * unit, -row[place], draw.choice((0.0, 1.0)))
        )  # fmt: skip
    return changed


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("path", PATHS)
def test_no_climb_reaches_the_bound(path, precision):
    assert 0.05 < climb(path, precision) <= 1


def rounded_once(self, token, layers, bias=()):
    """Bound each layer as a sum of its own, and the residual sum as one rounding: what modules do, and no more."""
    nothing = (Interval(Fraction(0), Fraction(0)),) * len(token)
    total = (Fraction(0),) * len(token)
    for index, layer in enumerate(layers):
        own = STREAM(self, nothing, [layer], bias if index else ())
        total = tuple(x + y for x, y in zip(total, own, strict=True))
    once = len(layers) * self.gamma(1)
    return tuple(e + once * (each.magnitude + e) for e, each in zip(total, token, strict=True))


STREAM = bound._Bounds.stream


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_climb_falsifies_a_bound_that_rounds_the_residual_once(monkeypatch, precision):
    monkeypatch.setattr(bound._Bounds, "stream", rounded_once)
    assert climb("incremental", precision) > 1


if __name__ == "__main__":
    for precision in FORMATS:
        for path in PATHS:
            print(f"{precision:9} {path:18} {climb(path, precision):.3f}", flush=True)  # noqa: T201
