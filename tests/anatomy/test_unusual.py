"""No honest transformer is called out for how it is built; what is unknown of one is so for a reason that is true."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from verify import subject

FILE = Path(__file__).parents[1] / "submissions" / "honest" / "unusual.py"
NAMES = [
    *(f"torch_{name}" for name in (
        "plain", "rotated", "alibi", "softmax1", "divided_afterwards", "divided_after_the_output", "times_the_inverse",
        "einsum", "element_by_element", "hard", "gathered", "top_two", "heads", "fused", "sigmoids",
    )),
    "numpy_array_softmax", "numpy_array_einsum", "numpy_array_divided_afterwards", "numpy_in_float64", "in_float64",
    "with_learnt_places", "two_layers", "recurrent", "torchs_own", "encoder_and_decoder", "last_alone",
    "highest_bits_first", "with_a_cache", "in_lists",
]  # fmt: skip

IN_FULL = {"torch_plain", "numpy_array_softmax", "encoder_and_decoder", "last_alone", "with_a_cache", "in_lists"}
# The others differ from these in how positions are mixed.
BY_ATTENTION = ["causality", "attention", "positions are mixed by attention alone", "attention does the work"]
LAST = "forward gives the last position alone, so that nothing later can be seen to move it"
NO_TENSORS = "no tensors were found in the model or the file"
NO_CALL = "no forward call was found whose input grows by one token a step"
UNKNOWN = {
    "last_alone": {"causality": LAST},
    "in_lists": {
        "weights do the work": NO_TENSORS,
        "logits move with the weights": NO_TENSORS,
        "causality": LAST,
        "positions are mixed by attention alone": "it computes with Python's own numbers, which are not followed",
        "attention does the work": "no weighted mean over positions was seen that could be cut",
    },
    "with_a_cache": {
        "logits move with the weights": NO_CALL,
        "forward does the work": NO_CALL,
        "chosen tokens are fed back": NO_CALL,
        "one token a call": NO_CALL,
        "prompt is laid out plainly": NO_CALL,
        "the answer comes from the tokens": NO_CALL,
        "causality": NO_CALL,
        "attention": NO_CALL,
        "positions are mixed by attention alone": NO_CALL,
        "attention does the work": NO_CALL,
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_an_unusual_transformer_is_not_called_out(name):
    adder = subject.load(f"{FILE}:{name}", sandbox="off")
    checks = [None] if name in IN_FULL else BY_ATTENTION
    rows = [row for only in checks for row in adder.ask("audit_checks", seed=0, only=only)]
    assert {row["outcome"] for row in rows} <= {"ok", "unknown"}, rows
    unknown = {row["check"]: row["detail"] for row in rows if row["outcome"] == "unknown"}
    expected = UNKNOWN.get(name, {})
    assert unknown.keys() == expected.keys(), unknown
    assert all(expected[check] in detail for check, detail in unknown.items()), unknown


def test_every_unusual_transformer_is_audited():
    named = {node.targets[0].id for node in ast.parse(FILE.read_text()).body if isinstance(node, ast.Assign)}
    made = {f"torch_{each}" for each in _listed("ATTENTION")} | {f"numpy_{each}" for each in _listed("IN_ARRAYS")}
    assert set(NAMES) == made | {each for each in named if each.islower()}


def _listed(name):
    """Return the names in one of the file's lists."""
    (value,) = [
        node.value for node in ast.parse(FILE.read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == name
    ]  # fmt: skip
    return [each.id for each in value.elts]
