"""The anatomy of a model is what its parts put out, and a model of another shape is refused with the reason."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from adder.model import GPTAdder, routing_mask
from adder.solver import solve
from tests.samples import exact_model, wrong_model
from verify.anatomy.stream import residual_stream
from verify.report.evidence import check
from verify.subject import LoadedAdder
from verify.subject.operations import run


def stream_of(model, **arguments):
    return residual_stream(LoadedAdder(None, model, {}), **arguments)


MODELS = {"exact": exact_model, "real": partial(solve, weights="real"), "wrong": partial(wrong_model, 1)}


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_the_stream_is_evidence_whose_logits_are_its_final_points_times_the_embeddings(build):
    found = stream_of(build())
    check("anatomy", found, "anatomy")
    final = np.array([row["final"] for row in found["transitions"]])
    logits = np.array([row["logits"] for row in found["transitions"]])
    assert np.abs(final @ np.array(found["embeddings"]).T - logits).max() < 1e-4


def test_the_exact_model_has_margin_one_everywhere_and_the_sum_starts_as_the_worked_example():
    found = stream_of(exact_model(), a=3, b=1)
    assert {row["margin"] for row in found["transitions"]} == {1.0}
    assert [(step["pair"], step["state"]) for step in found["sum"]["steps"][:4]] == [(3, 0), (2, 2), (0, 2), (0, 1)]


def test_looking_at_a_model_leaves_it_as_it_was():
    model = wrong_model(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stream_of(model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks for part in model.modules())


class Doubled(GPTAdder):
    """Adds the MLP's output twice."""

    def forward(self, ids, attention_mask=None):
        return super().forward(ids, attention_mask) * 2


class Lazy(GPTAdder):
    """Never calls its own parts."""

    def forward(self, ids, attention_mask=None):
        return torch.zeros(*ids.shape, 4)


class Short(GPTAdder):
    def forward(self, ids, attention_mask=None):
        raise ValueError("no room")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"weights": 1}, "the model is dict, no torch module"),
        (nn.Linear(2, 2), "not exactly one embedding, of 4 x 2"),
        (nn.Sequential(nn.Embedding(4, 2)), "not exactly one MultiheadAttention and a child named mlp"),
        (Doubled(routing_mask()), "the logits are not embedding"),
        (Lazy(routing_mask()), "forward does not call"),
        (Short(routing_mask()), "forward does not take 36 tokens: ValueError: no room"),
    ],
)
def test_a_model_of_another_shape_is_refused_with_the_reason(model, reason):
    assert reason in stream_of(model)["refused"]


def test_it_is_an_operation():
    assert run("residual_stream", LoadedAdder(None, None, {}))["refused"]
