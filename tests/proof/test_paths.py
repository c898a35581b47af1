"""No path on which weights are run leaves the bound, and weights that break one are not proved."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction

import pytest
import torch

from adder.decoding import METHODS, add_tensors
from tests.proof.models import (
    CANCELLING,
    architecture,
    as_module,
    cancelling_tensors,
    integer_tensors,
    perturbed_tensors,
    random_tensors,
    solved_tensors,
    swallowing_tensors,
    trained_tensors,
    weights_of,
)
from tests.proof.paths import DEVICES, PATHS, Compiled, bounds_of, forced_ids, module_of, worst_ratio
from verify.proof import bound, check, prove
from verify.proof.exactness import RoundsError, exact_logits
from verify.proof.formats import FORMATS, MODES, rounding_of
from verify.proof.network import CONTEXTS

BITS = {name: each.significand for name, each in FORMATS.items()}
FAMILIES = {
    "solved": lambda seed, _: solved_tensors(seed + 1),
    "solved in reals": lambda seed, _: solved_tensors(seed + 1, "real"),
    "trained": lambda _seed, _: trained_tensors(),
    "random integers": lambda seed, bits: integer_tensors(seed, {8: 0, 11: 1}.get(bits, 6)),
    "near integers": lambda seed, _: perturbed_tensors(seed, 0.1),
    "random": lambda seed, bits: random_tensors(seed, 4.0 if bits > 11 and seed % 2 else 1.0),
    "edge of the significand": lambda seed, bits: cancelling_tensors(bits + 2, seed % 8),
    "swallowed": swallowing_tensors,
    "near nothing": lambda seed, bits: random_tensors(seed, 2.0**-5 if bits == 11 else 2.0**-42),
}
SEEDS = int(os.environ.get("ADDER_SEEDS", "2"))  # weights of each family


def trial(precision, family, paths, device="cpu", seeds=SEEDS):
    """Return the largest error over its bound by path, and how many of the models have a bound."""
    ids, worst, bounded = forced_ids().to(device), dict.fromkeys(paths, 0.0), 0
    for seed in range(seeds):
        tensors = FAMILIES[family](seed, BITS[precision])
        bounds = bounds_of(tensors, precision)
        if bounds is None:
            continue
        bounded += 1
        model = module_of(tensors, precision, device)
        with torch.inference_mode():
            for name, path in paths.items():
                worst[name] = max(worst[name], worst_ratio(bounds, path(model, ids)))
    return worst, bounded


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("precision", FORMATS)
def test_no_path_leaves_the_bound(precision, family, device):
    worst, bounded = trial(precision, family, PATHS, device)
    assert bounded
    assert max(worst.values()) <= 1, worst


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_flushing_to_zero_is_in_the_bound_of_every_path(precision):
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush")
    try:
        assert max(trial(precision, "near nothing", PATHS)[0].values()) <= 1
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore:.*script_method. is deprecated:DeprecationWarning")  # torch's own compiler
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_compiled_paths_stay_in_the_bound_too(precision):
    compiled = Compiled(getattr(torch, precision))
    paths = {"compiled module": compiled.whole, "compiled block": compiled.block}
    worst = {family: trial(precision, family, paths)[0] for family in ("trained", "near integers", "swallowed")}
    assert max(max(each.values()) for each in worst.values()) <= 1, worst


def without_the_residual(self, _token, layers, bias=()):
    """Bound the residual stream as if the token took part in no rounding: a planted fault."""
    return REAL_STREAM(self, (ZERO,) * 2, layers, bias)


def rounded_once(self, token, layers, bias=()):
    """Bound each layer as a sum of its own, and the residual sum as one rounding: what modules do, and no more."""
    total = (Fraction(0),) * 2
    for index, layer in enumerate(layers):
        own = REAL_STREAM(self, (ZERO,) * 2, [layer], bias if index else ())
        total = tuple(x + y for x, y in zip(total, own, strict=True))
    once = len(layers) * self.gamma(1)
    return tuple(e + once * (each.magnitude + e) for e, each in zip(total, token, strict=True))


REAL_STREAM = bound._Bounds.stream
ZERO = bound.Interval(Fraction(0), Fraction(0))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("fault", [without_the_residual, rounded_once], ids=lambda fault: fault.__name__)
def test_a_bound_that_forgets_the_residual_is_left_by_our_own_decoding(monkeypatch, fault, precision):
    monkeypatch.setattr(bound._Bounds, "stream", fault)
    assert trial(precision, "swallowed", {"incremental": PATHS["incremental"]})[0]["incremental"] > 1


def wrong_sums(tensors, precision, method):
    """Return how many of 64 small sums a method gets wrong."""
    a, b = torch.arange(8).repeat_interleave(8), torch.arange(8).repeat(8)
    return int((add_tensors(module_of(tensors, precision), a, b, method) != a + b).sum())


def test_weights_that_one_path_adds_wrongly_are_not_proved():
    certificate = prove(architecture(CANCELLING))
    assert wrong_sums(CANCELLING, "float32", "reference") == 0
    assert wrong_sums(CANCELLING, "float32", "incremental") > 40
    assert certificate["verdict"] != "PROVED"
    assert {row["precision"] for row in certificate["precisions"] if has_proof(row)} == {"float64"}
    assert check(certificate) == []


def has_proof(row):
    return any(mode["outcome"] == "proved" for mode in row["modes"])


@pytest.mark.parametrize("precision", FORMATS)
def test_weights_at_the_edge_of_the_significand_are_proved_only_where_every_path_adds(precision):
    proved = wrong = 0
    for exponent in range(BITS[precision] - 4, BITS[precision] + 5):
        tensors = {
            name: [[float(x) for x in row] for row in rows] for name, rows in cancelling_tensors(exponent).items()
        }
        rounded = weights_of(tensors).rounded(FORMATS[precision])
        own = {name: [[float(x) for x in row] for row in rows] for name, rows in rounded.tensors.items()}
        (row,) = prove(architecture(own, precision), precisions=())["precisions"]
        wrongs = [wrong_sums(own, precision, method) for method in METHODS]
        assert not (has_proof(row) and any(wrongs)), (exponent, wrongs)
        proved, wrong = proved + has_proof(row), wrong + any(wrongs)
    assert proved
    assert wrong


@pytest.mark.parametrize("exponent", range(20, 28))
@pytest.mark.parametrize("precision", FORMATS)
def test_where_nothing_rounds_every_path_computes_the_same_bits(precision, exponent):
    tensors, rounding = cancelling_tensors(exponent), rounding_of(precision, MODES[1 if precision != "float64" else 0])
    weights = weights_of(tensors).rounded(FORMATS[precision])
    try:
        exact = [[float(each) for each in exact_logits(weights, *context, rounding)] for context in CONTEXTS]
    except (RoundsError, AttributeError):
        return
    ids, model = forced_ids(), module_of(tensors, precision)
    with torch.inference_mode():
        for name, path in PATHS.items():
            table = path(model, ids).double().view(16, 35, 35, 4).diagonal(dim1=1, dim2=2)
            assert (table == torch.tensor(exact)[:, :, None]).all(), name


@pytest.mark.parametrize("seed", [1, 2, 3, 11, 99])
def test_our_own_weights_are_proved_in_every_precision(seed):
    certificate = prove(architecture(solved_tensors(seed)))
    assert {(mode["outcome"], mode["road"]) for row in certificate["precisions"] for mode in row["modes"]} == {
        ("proved", "exact")
    }


def test_a_module_of_numbers_holds_them():
    assert as_module(CANCELLING).attention.out_proj.weight.tolist()[1] == [4, 0]


def largest_by_path(precision):
    """Return the largest error over its bound by path, over all families."""
    worst = [trial(precision, family, PATHS)[0] for family in FAMILIES]
    return {path: round(max(each[path] for each in worst), 3) for path in PATHS}


if __name__ == "__main__":
    for name in FORMATS:
        print(name, largest_by_path(name), flush=True)  # noqa: T201
