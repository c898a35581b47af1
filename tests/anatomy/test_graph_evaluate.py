"""A graph evaluates to what its nodes mean; decoded greedily it says what it says, right or not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.anatomy.graphs import ONES, adder, every_kind, written
from verify.anatomy.graph.decoder import Decoder
from verify.anatomy.graph.evaluate import evaluate, forced, type_of, write
from verify.anatomy.graph.read import Graph, read

EXACT = {
    "neg": lambda x: -x,
    "sq": lambda x: x * x,
    "abs": abs,
    "relu": lambda x: max(x, 0.0),
    "round": lambda x: float(np.float32(x)),
    "sqrt": math.sqrt,
    "rsqrt": lambda x: 1 / math.sqrt(x),
    "exp": math.exp,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "gelu": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
    "gelu_tanh": lambda x: x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
}


def meant(x: float) -> list[float]:
    """Return what the first step of `every_kind` means, by the first operand's digit."""
    y = x + 0.75
    weights = [math.exp(each - y) for each in (x, 0.75, y)]
    mean = sum(weight * value for weight, value in zip(weights, (x, 0.75, y), strict=True)) / sum(weights)
    return [*(EXACT[kind](y) for kind in ONES), x + y, x - y, x * y, x / y, x + 0.75 + y, mean, x]


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-14), ("float32", 3e-6)])
def test_every_kind_of_node_is_what_it_means(dtype: str, error: float) -> None:
    graph = read(written(every_kind()))
    digits = np.arange(10)
    tokens = write(graph.prompt, digits.tolist(), digits[::-1].tolist(), 1)
    found = evaluate(graph, 0, tokens, dtype)
    assert found.dtype == dtype
    assert found == pytest.approx(np.array([meant(float(digit)) for digit in digits]), rel=error)


def test_no_function_overflows_where_its_value_does_not() -> None:
    plain = every_kind()
    plain["tables"] = [[float(sign * 300).hex() for sign in [-1] * 5 + [1] * 15]]
    found = evaluate(read(written(plain)), 0, np.array([[0, 0, 0], [9, 0, 0]]))
    kinds = [ONES.index(kind) for kind in ("tanh", "sigmoid", "silu", "gelu", "gelu_tanh")]
    assert found[:, kinds] == pytest.approx(np.array([[-1, 0, 0, 0, 0], [1, 1, 300.75, 300.75, 300.75]]))


def test_a_type_that_does_not_hold_the_constants_is_not_used() -> None:
    plain = adder()
    assert type_of(read(written(plain))) == "float32"
    plain["tables"][0][0] = (0.1).hex()
    assert type_of(read(written(plain))) == "float64"


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(read(written(adder())))


def all_pairs() -> tuple[list[int], list[int]]:
    a, b = np.divmod(np.arange(100), 10)
    return a.tolist(), b.tolist()


def test_a_right_graph_adds(decoder: Decoder) -> None:
    a, b = all_pairs()
    assert decoder.sums(a, b) == [x + y for x, y in zip(a, b, strict=True)]


def test_its_forced_logits_are_those_that_decoding_sees(decoder: Decoder) -> None:
    a, b = all_pairs()
    answers = write(decoder.graph.answer, a, b, 1)
    assert forced(decoder.graph, a, b).argmax(axis=2).tolist() == answers.tolist()


def test_long_batches_are_decoded_in_parts(decoder: Decoder) -> None:
    a, b = all_pairs()
    decoder._batch = 7
    assert decoder.sums(a, b) == [x + y for x, y in zip(a, b, strict=True)]


def emitting(*emitted: int) -> Graph:
    """Return the graph of an adder whose first steps say these tokens, whatever the operands."""
    plain = adder()
    for step, token in enumerate(emitted):
        nodes: list[Any] = [["const", (0.0).hex()], ["const", (1.0).hex()]]
        plain["steps"][step] = {"nodes": nodes, "logits": [int(each == token) for each in range(11)]}
    return read(written(plain))


def test_a_wrong_graph_is_wrong() -> None:
    assert Decoder(emitting(3)).sums([1], [1]) == [3]


def test_a_token_that_is_no_digit_spells_no_sum_and_no_other_sum_suffers() -> None:
    assert Decoder(emitting(10)).sums([1, 2], [1, 2]) == ["token 10 is no digit of column 1"] * 2
    plain = adder()
    plain["steps"][0]["nodes"][0] = ["tok", 0, 1]
    plain["tables"].append([float(100 * (token == 5)).hex() for token in range(12)])
    found = Decoder(read(written(plain))).sums([0, 5], [3, 3])
    assert found[0] == 3
    assert found[1] != 8


def test_a_digit_of_another_column_is_none() -> None:
    assert Decoder(emitting(0, 7)).sums([1], [1]) == ["token 7 is no digit of column 2"]


def test_a_logit_that_is_no_number_spells_no_sum() -> None:
    plain = adder()
    nodes = [["const", (0.0).hex()], ["div", 0, 0]]
    plain["steps"][1] = {"nodes": nodes, "logits": [1, *[0] * 10]}
    assert Decoder(read(written(plain))).sums([1], [1]) == ["a logit is no number"]


@pytest.mark.parametrize("operand", [-1, 10])
def test_operands_that_it_does_not_take_are_refused(decoder: Decoder, operand: int) -> None:
    with pytest.raises(ValueError, match=str(operand)):
        decoder.sums([operand], [0])
