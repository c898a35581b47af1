"""The model is the reference's architecture, to the parameter."""

from __future__ import annotations

import re

import pytest
import torch

from adder.model import CONTEXT_LENGTH, GPTAdder, causal_mask, routing_mask
from adder.solver import solve


@pytest.fixture(scope="module")
def model():
    return solve(1, weights="real")


def test_the_budget_table_adds_up():
    rows = re.findall(r"^    (``.*?|total).*?(\d+)$", GPTAdder.__doc__, flags=re.MULTILINE)
    *parts, (_, total) = rows
    assert sum(int(count) for _, count in parts) == int(total) == 46


def test_the_budget_table_is_that_of_the_module():
    table = dict(re.findall(r"^    ``(\S+)``.* (\d+)$", GPTAdder.__doc__, flags=re.MULTILINE))
    assert {name: str(parameter.numel()) for name, parameter in GPTAdder().named_parameters()} == table


def test_forward_is_one_block_and_a_tied_head(model):
    ids = torch.randint(4, (3, CONTEXT_LENGTH), generator=torch.Generator().manual_seed(1))
    double = GPTAdder(routing_mask()).double()
    double.load_state_dict(model.state_dict())
    weights = double.state_dict()
    query, key, value = weights["attention.in_proj_weight"].split(2)
    x = weights["embedding.weight"][ids]
    scores = (x @ query.T) @ (x @ key.T).mT / 2**0.5
    shares = scores.masked_fill(routing_mask(), -torch.inf).softmax(-1)
    x = x + shares @ (x @ value.T) @ weights["attention.out_proj.weight"].T
    hidden = (x @ weights["mlp.0.weight"].T + weights["mlp.0.bias"]).relu()
    x = x + hidden @ weights["mlp.2.weight"].T + weights["mlp.2.bias"]
    with torch.inference_mode():
        torch.testing.assert_close(double(ids), x @ weights["embedding.weight"].T)


def test_the_mask_is_causal_until_it_is_programmed():
    assert torch.equal(GPTAdder().attention_mask, causal_mask())


def test_the_routing_sees_itself_and_the_column_of_its_pair():
    seen = [[t] if t < 35 else [t - 35, t] for t in range(70)]
    assert [(~row).nonzero().flatten().tolist() for row in routing_mask()] == seen


def test_the_mask_is_not_in_the_state_dict():
    assert "attention_mask" not in GPTAdder().state_dict()


@pytest.mark.parametrize("mask", [torch.zeros(70, 70), torch.zeros(69, 70, dtype=torch.bool)], ids=["dtype", "shape"])
def test_a_mask_of_another_form_is_refused(mask):
    with pytest.raises(ValueError, match="attention_mask is"):
        GPTAdder(mask)


def test_a_sequence_over_the_context_length_is_refused():
    with pytest.raises(ValueError, match="71 tokens, but the context holds at most 70"):
        GPTAdder()(torch.zeros(1, 71, dtype=torch.int64))


def foreign_names(model, head):
    state = model.state_dict()
    names = {
        "embed.weight": "embedding.weight",
        "block.attn.in_proj_weight": "attention.in_proj_weight",
        "block.attn.out_proj.weight": "attention.out_proj.weight",
        "block.fc1.weight": "mlp.0.weight",
        "block.fc1.bias": "mlp.0.bias",
        "block.fc2.weight": "mlp.2.weight",
        "block.fc2.bias": "mlp.2.bias",
    }
    foreign = {theirs: state[ours] for theirs, ours in names.items()}
    return foreign | ({"head.weight": state["embedding.weight"].clone()} if head else {})


@pytest.mark.parametrize("head", [False, True], ids=["no head", "stored tied head"])
def test_a_state_dict_under_other_names_loads(model, head):
    loaded = GPTAdder()
    loaded.load_state_dict(foreign_names(model, head))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded.parameters(), model.parameters(), strict=True))


def test_an_untied_head_is_refused(model):
    state = foreign_names(model, head=True)
    state["head.weight"] += 1
    with pytest.raises(RuntimeError, match="Unexpected key"):
        GPTAdder().load_state_dict(state)


def test_device_and_dtype_follow_the_weights():
    half = GPTAdder().to(torch.bfloat16)
    assert (half.dtype, half.device) == (torch.bfloat16, torch.device("cpu"))
