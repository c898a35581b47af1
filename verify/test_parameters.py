"""A subject has the parameters that it declares, and no others anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from verify.subject import Subject

pytestmark = pytest.mark.nature("violated")

OURS = 46
WIDTH = 35
CONTEXT = 70
EMBEDDING, ATTENTION, MLP = 8, 16, 22
TENSORS = {
    "embedding.weight": [4, 2],
    "attention.in_proj_weight": [6, 2],
    "attention.out_proj.weight": [2, 2],
    "mlp.0.weight": [4, 2],
    "mlp.0.bias": [4],
    "mlp.2.weight": [2, 4],
    "mlp.2.bias": [2],
}


@pytest.fixture(scope="module")
def state(subject: Subject) -> dict[str, Any]:
    """What a module of the 46-parameter architecture holds.

    That it is one is told by its trace, or by tensors of the very names and shapes, and not by what it declares.
    """
    if "module" not in subject.abilities:
        pytest.skip(f"{subject.name} is no torch module")
    found: dict[str, Any] = subject.ask("module_state")
    read = subject.ask("architecture")
    if "refused" in read and not found["parameters"].items() >= TENSORS.items():
        pytest.skip(f"{subject.name} is not of the architecture of {OURS} parameters: {read['refused']}")
    return found


@pytest.mark.nature("suspect", rule="declared parameters")  # which way of counting counts is disputed
def test_the_declared_count_is_one_that_can_be_counted(subject: Subject, counts: dict[str, Any]) -> None:
    if subject.declared_parameters is None:
        pytest.skip(f"{subject.name} declares no params in its metadata")
    if counts["counted"] == 0:
        pytest.skip(f"{subject.name} holds no tensors that could be counted")
    assert subject.declared_parameters in (counts["counted"], counts["unique"], counts["nonzero"])


def test_the_budget_is_8_and_16_and_22(state: dict[str, Any]) -> None:
    sizes = {name: int(np.prod(shape)) for name, shape in state["parameters"].items()}
    parts = [
        sum(size for name, size in sizes.items() if name.startswith(part)) for part in ("embedding", "attention", "mlp")
    ]
    assert parts == [EMBEDDING, ATTENTION, MLP]
    assert sum(sizes.values()) == OURS


@pytest.mark.usefixtures("state")
def test_no_number_hides_elsewhere(counts: dict[str, Any]) -> None:
    assert (counts["counted"], counts["buffers"]) == (OURS, 0)


@pytest.mark.usefixtures("state")
def test_the_head_is_the_embedding(subject: Subject) -> None:
    tied = subject.ask("head_is_tied")
    if tied is None:
        pytest.skip(f"{subject.name}: how it lays out its tokens was not learnt")
    assert tied


def test_the_only_other_state_is_the_routing_mask(state: dict[str, Any]) -> None:
    position = np.arange(CONTEXT)
    distance = position[:, None] - position[None, :]
    (mask,) = state["buffers"].values()
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, (distance != 0) & (distance != WIDTH))
