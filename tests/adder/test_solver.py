"""The solver returns only weights that are right after the last update, from every base seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adder import solver
from adder.errors import SolverError
from adder.model import GPTAdder, routing_mask
from adder.solver import PAIRS, SHAPES, STATES, TARGETS, check_transitions, solve

KINDS = ("integer", "real")


def logits_of(model):
    with torch.inference_mode():
        return model.step_logits(torch.from_numpy(PAIRS), torch.from_numpy(STATES))


def test_the_targets_are_the_full_adder():
    for pair, state, target in zip(PAIRS, STATES, TARGETS, strict=True):
        total = (pair >> 1) + (pair & 1) + (state >> 1)
        assert (target & 1, target >> 1) == (total % 2, total // 2)


@pytest.mark.parametrize("kind", KINDS)
def test_many_seeds_solve_with_a_wide_margin(kind):
    for seed in range(40):
        accuracy, margin = check_transitions(solve(seed, weights=kind))
        assert accuracy == 1.0
        assert margin >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_weights_each_time(kind):
    first, second = (solve(7, weights=kind).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_seeds_give_different_weights():
    assert not torch.equal(solve(1).mlp[0].weight, solve(2).mlp[0].weight)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_integer_weights_are_integers_from_minus_two_to_two(seed):
    weights = torch.cat([parameter.flatten() for parameter in solve(seed).parameters()])
    assert set(weights.tolist()) <= {-2.0, -1.0, 0.0, 1.0, 2.0}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_no_precision_changes_a_logit_of_integer_weights(dtype):
    model = solve(1)
    assert torch.equal(logits_of(model), logits_of(model.to(dtype)).float())


@pytest.mark.parametrize("kind", KINDS)
def test_two_tokens_give_the_logits_of_the_whole_context(kind):
    model = solve(3, weights=kind)
    contexts = torch.zeros(16, 36, dtype=torch.int64)
    contexts[:, 0], contexts[:, -1] = torch.from_numpy(PAIRS), torch.from_numpy(STATES)
    with torch.inference_mode():
        whole = model(contexts)[:, -1]
    torch.testing.assert_close(logits_of(model), whole, rtol=1e-6, atol=1e-6)


def test_the_search_computes_the_logits_of_the_module():
    restarts = solver._Restarts(np.random.default_rng(5), "real")
    logits, _ = solver._forward(restarts.weights)
    model = GPTAdder(routing_mask()).double()
    solver._load(model, {name: value[3] for name, value in restarts.weights.items()})
    torch.testing.assert_close(logits_of(model), torch.from_numpy(logits[3]))


@pytest.mark.parametrize("name", SHAPES)
def test_the_gradient_is_that_of_automatic_differentiation(name):
    restarts = solver._Restarts(np.random.default_rng(6), "real")
    gradient = solver._gradient(restarts.weights, *solver._forward(restarts.weights))
    model = GPTAdder(routing_mask()).double()
    solver._load(model, {key: value[0] for key, value in restarts.weights.items()})
    logits = model.step_logits(torch.from_numpy(PAIRS), torch.from_numpy(STATES))
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(TARGETS), reduction="sum").backward()
    query, key, value = model.attention.in_proj_weight.grad.split(2)
    expected = {
        "embedding": model.embedding.weight.grad,
        "query": query,
        "key": key,
        "value": value,
        "output": model.attention.out_proj.weight.grad,
        "hidden": model.mlp[0].weight.grad,
        "hidden_bias": model.mlp[0].bias.grad,
        "contract": model.mlp[2].weight.grad,
        "contract_bias": model.mlp[2].bias.grad,
    }
    torch.testing.assert_close(torch.from_numpy(gradient[name][0]), expected[name])


def test_too_few_steps_raise_with_the_best_that_was_reached():
    with pytest.raises(SolverError, match="seed 1 did not solve within 3 steps") as caught:
        solve(1, max_steps=3)
    assert 0 < caught.value.accuracy < 1
    assert caught.value.margin < 0


def test_a_round_that_fails_is_followed_by_another(monkeypatch):
    monkeypatch.setitem(solver.RESTARTS, "integer", 1)
    accuracy, _ = check_transitions(solve(2))
    assert accuracy == 1.0


def test_weights_that_do_not_survive_on_the_module_are_never_returned(monkeypatch):
    right = solver.search(1).weights
    wrong = right | {"contract_bias": right["contract_bias"] + 10}
    monkeypatch.setattr(solver, "search", lambda *_, **__: solver.Found(wrong, 1))
    with pytest.raises(SolverError, match="does not survive"):
        solve(1)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed -1 is negative"):
        solve(-1)


def test_an_unknown_kind_of_weights_is_refused():
    with pytest.raises(ValueError, match="weights 'ternary' are unknown"):
        solve(1, weights="ternary")
