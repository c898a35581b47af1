"""Our model comes by everyone's contract, and so do other weights for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adder import submission
from adder.errors import OperandError, WeightsError
from adder.model import GPTAdder, routing_mask
from adder.solver import solve


@pytest.fixture(scope="module")
def model():
    built, _ = submission.build_model()
    return built


def test_the_contract_gives_a_model_and_what_it_says_of_itself():
    model, metadata = submission.build_model()
    assert metadata["params"] == sum(parameter.numel() for parameter in model.parameters())


def test_add_returns_a_plain_int(model):
    assert type(submission.add(model, 9_999_999_999, 1)) is int
    assert submission.add(model, 9_999_999_999, 1) == 10_000_000_000


@pytest.mark.parametrize("operand", [-1, 10_000_000_000, 1.0, True, "1", None], ids=repr)
def test_what_is_no_operand_is_refused(model, operand):
    with pytest.raises(OperandError, match=r"b = .* is no operand"):
        submission.add(model, 1, operand)


@pytest.mark.parametrize("method", [None, *submission.METHODS])
def test_a_batch_takes_lists_and_arrays(model, method):
    sums = submission.add_batch(model, [1, 2], np.array([3, 4]), method=method)
    assert sums.tolist() == [4, 6]


def test_forced_logits_are_those_of_the_forward_pass(model):
    ids = torch.randint(4, (2, 70), generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        expected = model(ids)[:, 35:]
    np.testing.assert_array_equal(submission.forced_logits(model, ids.numpy()), expected.numpy())


def test_the_step_function_is_the_full_adder(model):
    reported = submission.transitions(model)
    assert all(to == a + b + (state >> 1) for (state, (a, b)), to in reported["table"].items())
    assert len(reported["table"]) == 16


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_saved_weights_come_by_the_same_contract_in_their_own_dtype(tmp_path, dtype):
    torch.save(solve(4).to(dtype).state_dict(), tmp_path / "weights.pt")
    contract = submission.with_weights(tmp_path / "weights.pt")
    model, metadata = contract.build_model()
    assert (model.dtype, metadata["name"]) == (dtype, "weights")
    assert contract.add(model, 123, 456) == 579


@pytest.mark.parametrize(
    "content",
    [
        b"no weights",
        {"weight": torch.zeros(3)},
        [1, 2],
        {},
        GPTAdder(routing_mask()).state_dict() | {"more": torch.ones(1)},
        {f"block.{name}": tensor for name, tensor in GPTAdder().state_dict().items()} | {"in_proj_bias": torch.ones(6)},
        GPTAdder().state_dict() | {"mlp.2.bias": torch.zeros(2, dtype=torch.float64)},
        {name: tensor.int() for name, tensor in GPTAdder().state_dict().items()},
    ],
    ids=[
        "text",
        "another architecture",
        "a list",
        "nothing",
        "too much",
        "too much, renamed",
        "mixed dtypes",
        "integers",
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "weights.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(WeightsError, match="holds no state dict of the 46 parameters"):
        submission.with_weights(path)


def test_what_a_file_carries_beside_its_tensors_has_no_say(tmp_path):
    state = solve(4).state_dict()
    storage = torch.cat([tensor.flatten() for tensor in state.values()])
    state._metadata = {"mlp.2": {"assign_to_params_buffers": True}, "": {"assign_to_params_buffers": True}}
    torch.save(state, tmp_path / "weights.pt")
    model, _ = submission.with_weights(tmp_path / "weights.pt").build_model()
    assert torch.equal(torch.cat([parameter.flatten() for parameter in model.parameters()]), storage)
    assert len({parameter.untyped_storage().data_ptr() for parameter in model.parameters()}) == 7
