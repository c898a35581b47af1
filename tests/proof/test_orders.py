"""An evaluation in a named order is what IEEE arithmetic gives, and a wrong one is found where there is one."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from tests.proof.models import INTEGERS, perturbed_tensors, trained_tensors, weights_of
from verify.proof.automaton import binary_machine, full_adder_rows
from verify.proof.formats import FORMATS, MODES
from verify.proof.network import CONTEXTS
from verify.proof.orders import (
    LAYER_TERMS,
    NORMALISATIONS,
    SCALES,
    Evaluation,
    ExactArithmetic,
    FastArithmetic,
    InadmissibleError,
    _as_floats,
    confirm,
    find_witness,
    random_order,
)

PLAIN = {
    layer: {"terms": list(range(terms)), "fused": False, "stored": "last"} for layer, terms in LAYER_TERMS.items()
} | {
    "scale": "score",
    "normalisation": "divide",
}


def plain_logits(tensors, pair, state, kind):
    """Return the logits of one step in numpy's own arithmetic of one kind, every operation on its own."""
    w = {name: np.array(rows, dtype=kind) for name, rows in tensors.items()}
    e, fused = w["embedding.weight"], w["attention.in_proj_weight"]

    def linear(matrix, x, bias=None):
        rows = []
        for i, row in enumerate(matrix):
            total = row[0] * x[0]
            for weight, each in zip(row[1:], x[1:], strict=True):
                total = total + weight * each
            rows.append(total if bias is None else total + bias[i])
        return np.array(rows, dtype=kind)

    tokens = e[[pair, state]]
    query = linear(fused[:2], tokens[1])
    scores = [linear([query], linear(fused[2:4], t))[0] * kind(np.sqrt(0.5)) for t in tokens]
    powers = [kind(np.exp(np.float64(s - max(scores)))) for s in scores]
    shares = [p / (powers[0] + powers[1]) for p in powers]
    values = np.array([linear(fused[4:], t) for t in tokens])
    mixed = np.array([shares[0] * u + shares[1] * v for u, v in values.T])
    x = tokens[1] + linear(w["attention.out_proj.weight"], mixed)
    hidden = np.maximum(linear(w["mlp.0.weight"], x, w["mlp.0.bias"][0]), kind(0))
    return linear(e, x + linear(w["mlp.2.weight"], hidden, w["mlp.2.bias"][0]))


@pytest.mark.parametrize(("precision", "kind"), [("float32", np.float32), ("float16", np.float16)])
def test_the_plain_order_is_numpys_arithmetic_bit_for_bit(precision, kind):
    tensors = trained_tensors()
    weights = weights_of(tensors).rounded(FORMATS[precision])
    for pair, state in CONTEXTS:
        logits = Evaluation(weights, PLAIN, ExactArithmetic(precision, MODES[0])).logits(pair, state)
        assert [float(each) for each in logits] == plain_logits(tensors, pair, state, kind).tolist()


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.split()[0])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_sieve_agrees_with_exact_arithmetic_nearly_always(precision, mode):
    weights, draw = weights_of(trained_tensors()).rounded(FORMATS[precision]), random.Random(1)
    agreed = 0
    for _ in range(25):
        order, context = random_order(draw), draw.choice(CONTEXTS)
        exact = Evaluation(weights, order, ExactArithmetic(precision, mode)).logits(*context)
        agreed += list(
            Evaluation(_as_floats(weights), order, FastArithmetic(precision, mode)).logits(*context)
        ) == list(exact)
    assert agreed >= 23


def test_every_way_to_scale_and_to_normalise_is_drawn():
    draw = random.Random(0)
    orders = [random_order(draw) for _ in range(100)]
    assert {order["scale"] for order in orders} == set(SCALES)
    assert {order["normalisation"] for order in orders} == set(NORMALISATIONS)
    assert len({tuple(order["contraction"]["terms"]) for order in orders}) > 40


def test_trained_weights_have_an_order_in_which_bfloat16_adds_wrongly():
    weights = weights_of(trained_tensors()).rounded(FORMATS["bfloat16"])
    witness = find_witness(weights, "bfloat16", MODES[0], full_adder_rows(), (1, 0))
    wrong = witness.counterexample
    assert binary_machine(witness.rows).add(wrong.a, wrong.b) == wrong.got != wrong.a + wrong.b
    again = Evaluation(weights, witness.order, ExactArithmetic("bfloat16", MODES[0])).logits(
        witness.pair, witness.state
    )
    assert again == witness.logits
    assert again[witness.rows[witness.state][witness.pair]] == max(again)


def test_weights_whose_arithmetic_never_rounds_have_no_such_order():
    assert find_witness(weights_of(INTEGERS), "bfloat16", MODES[0], full_adder_rows(), (1, 0)) is None


def test_tensors_wider_than_the_arithmetic_are_not_searched():
    weights = weights_of(perturbed_tensors(0, 3.0))
    assert find_witness(weights, "float64", MODES[1], full_adder_rows(), (1, 0)) is None


def test_an_evaluation_that_overflows_is_no_witness():
    tensors = INTEGERS | {"mlp.0.weight": [[x * 30000.0 for x in row] for row in INTEGERS["mlp.0.weight"]]}
    evaluation = Evaluation(weights_of(tensors), PLAIN, ExactArithmetic("float16", MODES[0]))
    with pytest.raises(InadmissibleError, match="overflows float16"):
        evaluation.logits(0, 0)
    assert confirm(evaluation, full_adder_rows()) is None


def test_exp_is_rounded_correctly():
    arithmetic = ExactArithmetic("float32", MODES[0])
    for x in (-0.1, -1.0, -5.25, -20.0):
        assert float(arithmetic.exponential(Fraction(x))) == float(np.float32(np.exp(np.float64(x))))
