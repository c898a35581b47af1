"""Where no operation rounds, logits are the same bits in every order; where one may, the proof says so."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
import torch

from tests.proof.models import INTEGERS, integer_model, weights_of
from verify.proof import checker
from verify.proof.exactness import RoundsError, exact_logits
from verify.proof.formats import FORMATS, MODES, converted, round_to, rounding_of
from verify.proof.network import CONTEXTS
from verify.proof.orders import Evaluation, ExactArithmetic, random_order

EVERY_MODE = [(name, mode) for name in FORMATS for mode in MODES]
BFLOAT16 = rounding_of("bfloat16", MODES[0])


def all_logits(weights):
    """Return the exact logits of the 16 contexts in bfloat16."""
    return [exact_logits(weights, *context, BFLOAT16) for context in CONTEXTS]


def entry(name, row, column, value):
    """Return the integer adder with one entry changed."""
    rows = [list(each) for each in INTEGERS[name]]
    rows[row][column] = value
    return weights_of(INTEGERS | {name: rows})


@pytest.mark.parametrize(("precision", "mode"), EVERY_MODE, ids=lambda each: each.split()[0])
def test_the_integer_adder_never_rounds(precision, mode):
    for pair, state in CONTEXTS:
        logits = exact_logits(weights_of(INTEGERS), pair, state, rounding_of(precision, mode))
        assert max(logits) == 1


@pytest.mark.parametrize(("precision", "mode"), [each for each in EVERY_MODE if each != ("float64", MODES[1])])
def test_random_orders_give_the_exact_logits(precision, mode):
    weights, draw = weights_of(INTEGERS), random.Random(3)
    expected = {context: exact_logits(weights, *context, rounding_of(precision, mode)) for context in CONTEXTS}
    for _ in range(12):
        evaluation = Evaluation(weights, random_order(draw), ExactArithmetic(precision, mode))
        context = draw.choice(CONTEXTS)
        assert evaluation.logits(*context) == expected[context]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_torch_computes_the_exact_logits(dtype, batch):
    model = integer_model().to(dtype)
    for pair, state in CONTEXTS:
        ids = torch.randint(0, 4, (batch, 36), generator=torch.Generator().manual_seed(batch))
        ids[:, 0], ids[:, 35] = pair, state
        with torch.no_grad():
            logits = model(ids)[:, -1].double()
        exact = exact_logits(weights_of(INTEGERS), pair, state, rounding_of("float32", MODES[0]))
        assert (logits == torch.tensor([float(each) for each in exact])).all()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (("attention.in_proj_weight", 0, 0, 1), None),
        (("mlp.0.bias", 0, 0, -2 - 2**-6), "the hidden layer"),
        (("mlp.2.bias", 0, 0, 2.0**-9), "contraction|residual"),
        (("embedding.weight", 0, 0, -(2**9) - 1), "leaves|may round"),
        (("mlp.2.bias", 0, 0, 2.0**-127), "normal numbers"),
        (("mlp.2.bias", 0, 0, 3e38), "may round|normal numbers"),
    ],
    ids=["query alone", "hidden", "bias", "embedding", "subnormal", "overflow"],
)
def test_the_first_operation_that_may_round_is_named(changed, reason):
    weights = entry(*changed)
    if reason is None:
        assert len(all_logits(weights)) == 16
        return
    with pytest.raises(RoundsError, match=reason):
        all_logits(weights)


def test_attention_with_query_and_key_rounds():
    tensors = INTEGERS | {"attention.in_proj_weight": [(1, 0), (0, 1)] * 3}
    with pytest.raises(RoundsError, match="scores are not zero"):
        exact_logits(weights_of(tensors), 1, 1, BFLOAT16)


def test_a_query_that_is_zero_for_the_pair_and_not_for_the_state_does_not_count():
    tensors = INTEGERS | {"attention.in_proj_weight": [(0, 1), (0, 0), (1, 1), (0, 0), (1, 0), (0, 0)]}
    assert exact_logits(weights_of(tensors), 1, 0, BFLOAT16)
    with pytest.raises(RoundsError, match="scores are not zero"):
        exact_logits(weights_of(tensors), 0, 1, BFLOAT16)


def test_scores_that_only_cancel_do_not_count_as_zero():
    tensors = INTEGERS | {"attention.in_proj_weight": [(1, 1), (1, 1), (1, 1), (-1, -1), (1, 0), (0, 0)]}
    with pytest.raises(RoundsError, match="term by term"):
        exact_logits(weights_of(tensors), 1, 1, BFLOAT16)


def test_partial_sums_count_and_not_only_the_sum():
    tensors = INTEGERS | {"mlp.2.weight": [(200, -200, 2, 1), (-1, 1, 2, -1)], "mlp.0.bias": [(1.5, 1.5, -1, -1)]}
    with pytest.raises(RoundsError, match="contraction may round"):
        all_logits(weights_of(tensors))


@pytest.mark.parametrize("name", FORMATS)
def test_rounding_is_torchs(name):
    dtype = getattr(torch, name)
    draw = random.Random(5)
    values = [draw.uniform(-2, 2) * 2.0 ** draw.randint(-30, 14) for _ in range(500)] + [0.0, 2.0**-25, 3 * 2.0**-25]
    values += [2.0**-134, 3 * 2.0**-134, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-11, 65519.0]
    for value in values:
        assert (
            float(converted(Fraction(value), FORMATS[name]))
            == torch.tensor(value, dtype=torch.float64).to(dtype).item()
        )


def near_midpoints(name, offsets):
    """Return float64 numbers near the midpoints of all neighbours of a 16-bit format, where rounding decides."""
    dtype = getattr(torch, name)
    bits = torch.arange(1, 2**15 - 1, dtype=torch.int16)
    numbers = bits.view(dtype).double()
    numbers = numbers[numbers.isfinite() & (numbers >= 2.0**-149)].numpy()  # weights are in the range of float32
    middles = (numbers[:-1] + numbers[1:]) / 2
    return np.concatenate([middles * (1 + offset) for offset in offsets] + [numbers])


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_float64_weights_go_through_float32_to_16_bits_on_millions_of_numbers(name):
    offsets = [0, *(sign * 2.0**-k for k in range(9, 53) for sign in (1, -1))]
    values = near_midpoints(name, offsets)
    taken = torch.from_numpy(values).to(getattr(torch, name)).view(torch.int16)
    through = torch.from_numpy(values.astype(np.float32)).to(getattr(torch, name)).view(torch.int16)
    assert len(values) > 2_000_000
    assert torch.equal(taken, through)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_two_programs_round_by_bits_as_torch_does(name):
    values = near_midpoints(name, [0, 2.0**-40, -(2.0**-40), 2.0**-26, 2.0**-20])[:: 1 if name == "float16" else 3]
    taken = torch.from_numpy(values).to(getattr(torch, name)).double().tolist()
    for value, expected in zip(values.tolist(), taken, strict=True):
        rounded = converted(Fraction(value), FORMATS[name])
        assert (float("inf") if rounded is None else float(rounded)) == expected == checker.taken(value, name), value


def test_a_number_that_rounds_twice_is_not_rounded_to_its_nearest():
    value = Fraction(1) + Fraction(1, 2**8) + Fraction(1, 2**40)
    assert converted(value, FORMATS["bfloat16"]) == 1
    assert round_to(value, FORMATS["bfloat16"]) == 1 + Fraction(1, 2**7)


@pytest.mark.parametrize(("name", "value"), [("float16", 65520.0), ("float32", 3.5e38), ("bfloat16", 3.4e38)])
def test_rounding_says_where_it_overflows(name, value):
    assert round_to(Fraction(value), FORMATS[name]) is None
    assert torch.tensor(value, dtype=torch.float64).to(getattr(torch, name)).isinf()
