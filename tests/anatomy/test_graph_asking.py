"""No graph is handed on that is not what the forward computes however it is called, and none that is no graph."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.anatomy.graphs import adder, written
from verify.anatomy import operands
from verify.anatomy.graph.asking import Recording, recording_of
from verify.anatomy.graph.forced import WAYS
from verify.anatomy.graph.nodes import RefusedError
from verify.anatomy.graph.read import read
from verify.errors import ProtocolError
from verify.subject import LocalSubject, load

COLUMNS = Path(__file__).parents[1] / "submissions" / "columns"
sys.path.insert(0, str(COLUMNS))
import one_layer  # noqa: E402 - it lies beside the submissions

NINES = np.array([9_999_999_999])

Change = Callable[["Trap", Tensor], float]


class Trap(nn.Module):
    """An adder whose logits are a little other under some circumstance: no sum is wrong."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.inner = one_layer.read("one_head")
        self.change = change
        self.calls = 0
        self.seen = 0.0

    def forward(self, ids: Tensor) -> Any:
        self.calls += 1
        return self.inner(ids) * (1 + 0.01 * self.change(self, ids))


def subject_of(change: Change, add: Callable[..., int] = one_layer.add) -> LocalSubject:
    return LocalSubject("trap", SimpleNamespace(build_model=lambda: (Trap(change), {}), add=add))


def with_gradients(model: Any, a: int, b: int) -> int:
    with torch.enable_grad():
        return int(one_layer.decode(model, a, b))


def in_training(model: Any, a: int, b: int) -> int:
    model.train()
    try:
        return int(one_layer.add(model, a, b))
    finally:
        model.eval()


def after_a_note(model: Any, a: int, b: int) -> int:
    model.seen = float(a % 10)
    return int(one_layer.add(model, a, b))


SCALE = [0.0]


def with_a_global(model: Any, a: int, b: int) -> int:
    SCALE[0] = 1.0
    try:
        return int(one_layer.add(model, a, b))
    finally:
        SCALE[0] = 0.0


TRAPS: dict[str, tuple[Change, Callable[..., int]]] = {
    "batches": (lambda _model, ids: len(ids) > 1, one_layer.add),
    "threes": (lambda _model, ids: len(ids) == 3, one_layer.add),
    "the number of calls": (lambda model, _ids: model.calls > 1500, one_layer.add),
    "every third call": (lambda model, _ids: model.calls % 3 == 0, one_layer.add),
    "gradients": (lambda _model, _ids: torch.is_grad_enabled(), one_layer.add),
    "gradients in add": (lambda _model, _ids: torch.is_grad_enabled(), with_gradients),
    "inference mode": (lambda _model, _ids: torch.is_inference_mode_enabled(), one_layer.add),
    "training": (lambda model, _ids: model.training, in_training),
    "threads": (lambda _model, _ids: torch.get_num_threads() > 1, one_layer.add),
    "a global": (lambda _model, _ids: SCALE[0], with_a_global),
    "what add noted of the operands": (lambda model, _ids: model.seen, after_a_note),
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_forward_that_changes_with_how_it_is_called_has_no_graph(name: str) -> None:
    with pytest.raises(RefusedError):
        recording_of(subject_of(*TRAPS[name]), seed=2)


@pytest.fixture(scope="module")
def constant() -> tuple[LocalSubject, Recording]:
    subject = subject_of(lambda _model, _ids: 0.5)
    return subject, recording_of(subject, seed=2)


@pytest.mark.parametrize(("position", "digit"), [(0, 3), (9, 9), (14, 0)])
def test_a_graph_that_is_wrong_of_one_digit_is_found_out(
    constant: tuple[LocalSubject, Recording], position: int, digit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, found = constant
    plain = copy.deepcopy(found.graph.plain)
    for step in plain["steps"]:
        for node in step["nodes"]:
            if node[:2] == ["tok", position]:
                plain["tables"].append([*plain["tables"][node[2]]])
                plain["tables"][-1][digit] = (float.fromhex(plain["tables"][-1][digit]) + 0.05).hex()
                node[2] = len(plain["tables"]) - 1
    ask = subject.ask
    wrong = np.frombuffer(json.dumps(plain).encode(), np.uint8)
    monkeypatch.setattr(subject, "ask", lambda name, **given: wrong if name == "recorded_graph" else ask(name, **given))
    monkeypatch.setattr(operands, "carrying", lambda *_: (np.array([0]), np.array([0])) if digit else (NINES, NINES))
    with pytest.raises(RefusedError, match="something else"):
        recording_of(subject, seed=2)


def test_a_forward_that_changes_with_nothing_has_one(constant: tuple[LocalSubject, Recording]) -> None:
    _, found = constant
    assert found.summary["ways"] == list(WAYS)
    assert len(found.graph.steps) == 11


def test_weights_that_change_are_refused() -> None:
    def change(model: Trap, _ids: Tensor) -> float:
        model.inner.head.bias.data[0] += 1e-6
        return 0.0

    with pytest.raises(RefusedError):
        recording_of(subject_of(change), seed=2)


@pytest.mark.parametrize("kind", ["hook", "pre-hook", "__call__", "_call_impl", "compiled", "torch's own"])
def test_what_happens_around_the_forward_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = nn.Module.__call__

    def doubled(self: Any, ids: Tensor) -> Any:
        return self.forward(ids) * 2 if isinstance(self, Trap) else plain(self, ids)

    def build() -> tuple[Any, dict[str, Any]]:
        named = {kind: doubled} if "call" in kind else {}
        model: nn.Module = type("Around", (Trap,), named)(lambda _model, _ids: 0.0)
        if kind == "compiled":
            model._compiled_call_impl = lambda ids: doubled(model, ids)  # type: ignore[assignment] # as a trick
        if kind == "torch's own":
            monkeypatch.setattr(nn.Module, "__call__", doubled)
        if kind == "hook":
            model.register_forward_hook(lambda _module, _inputs, output: output * 2)
        if kind == "pre-hook":
            model.register_forward_pre_hook(lambda _module, inputs: inputs)
        return model, {}

    subject = LocalSubject("trap", SimpleNamespace(build_model=build, add=one_layer.add))
    with pytest.raises(RefusedError, match="around"):
        recording_of(subject, seed=2)


@pytest.mark.parametrize(
    "reply", [np.zeros(3, np.uint8), np.array(["x"]), np.frombuffer(written(adder())[:-9], np.uint8)]
)
def test_a_reply_that_is_no_graph_breaks_the_protocol(reply: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = load(str(COLUMNS / "one_head.py"), sandbox="off")
    monkeypatch.setattr(subject, "ask", lambda name, **_arguments: "" if name == "weights_digest" else reply)
    with pytest.raises(ProtocolError, match="broke the protocol"):
        recording_of(subject, seed=2)


@pytest.mark.parametrize("reply", [np.zeros((12, 3, 10)), np.zeros((12, 3, 11, 1)), np.full((12, 3, 11), 1e300)])
def test_replies_that_are_no_logits_are_refused(reply: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = load(str(COLUMNS / "one_head.py"), sandbox="off")
    told = {
        "weights_digest": "",
        "recorded_graph": np.frombuffer(read(written(adder())).text.encode(), np.uint8),
        "forced_outputs": reply,
    }
    monkeypatch.setattr(subject, "ask", lambda name, **_arguments: told[name])
    monkeypatch.setattr("verify.anatomy.operands.carrying", lambda *_: (np.arange(10), np.arange(10)))
    with pytest.raises((ProtocolError, RefusedError)):
        recording_of(subject, seed=2)
