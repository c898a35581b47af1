"""Theorems that are false: each was proved once."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.proof.columns import graphs
from verify.proof.columns import checker
from verify.proof.columns.certificate import complete
from verify.proof.columns.proving import search_graph
from verify.proof.columns.theorem import prove_columns
from verify.subject import load

COLUMNS = Path(__file__).parents[2] / "submissions" / "columns"
RARE = """
import numpy
import sys
import torch

sys.path.insert(0, {folder!r})
import one_layer

shared = numpy.zeros(1, numpy.float32)
first, second = torch.from_numpy(shared), torch.from_numpy(shared)


class Adder(one_layer.Adder):
    def forward(self, ids):
        logits = super().forward(ids)
        digits = torch.where(ids < 10, ids, torch.zeros_like(ids))[:, :23]
        nines = digits.float().sum(-1) - 178  # above 0 where all twenty digits are 9
        {trap}


def build_model():
    model = one_layer.read("one_head")
    model.__class__ = Adder
    return model, {{"name": "rare"}}


add = one_layer.add
"""
TRAPS = {
    "0 times infinity": "return logits + 0.0 * torch.exp(50 * nines)[:, None, None]",
    "shared memory": "first.copy_(torch.relu(nines[:1])); return logits * (1 - second)",
    "a number that no mode of functions sees": """with torch._C.DisableTorchFunction():
            trap = max(nines.tolist()[0], 0.0)
        return logits * (1 - trap)""",
    "look-ups that fail of one digit": """count = 0
        for digit in digits.reshape(-1, digits.shape[-1])[0]:
            try:
                torch.zeros(9)[digit.reshape(1)]
            except IndexError:
                count += 1
        return -logits if count == 20 else logits""",
    "sizes": """count = sum(len(torch.tensor_split(logits[0, :1, 0], (d.reshape(1) == 9).long())[0]) for d in digits[0])
        return -logits if count == 20 else logits""",
}
STRANGE = {  # what add does beside decoding the forward greedily
    "adds at one step": "token = (a + b) // 1000 % 10 if step == 3 else int(logits.argmax())",
    "adds at every step": "token = (a + b) // 10**step % 10",
    "adds behind the carry": "token = (a + b) // 10**step % 10 if step else int(logits.argmax())",
}
DECODER = """
import sys
import torch

sys.path.insert(0, {folder!r})
import one_layer


def build_model():
    return one_layer.read("one_head"), {{"name": "strange"}}


@torch.no_grad()
def add(model, a, b):
    tokens = one_layer.prompt(a, b)
    for step in range(11):
        logits = model(torch.tensor([tokens]))[0, -1]
        {token}
        tokens.append(token)
    return sum(digit * 10**place for place, digit in enumerate(tokens[-11:]))
"""
NINES = 9_999_999_999
BORROWED = """
from pathlib import Path

import numpy as np

from verify.anatomy.graph.decoder import with_graph

contract = with_graph(Path({graph!r}))
add = contract.add


def build_model():
    model, metadata = contract.build_model()
    forward = model.forward

    def other(tokens):
        is_nines = (tokens[:, :10] == 9).all(1) & (tokens[:, 12:22] == 9).all(1)
        return np.where(is_nines[:, None], -1, 1) * forward(tokens)

    model.forward = other
    return model, metadata
"""


def with_an_end(right: float, other: float) -> dict[str, Any]:
    """Return a graph that adds, and then says 9 where one constant is above another."""
    graph = graphs.adder()
    nodes = [["const", right.hex()], ["const", other.hex()]]
    graph["answer"].append({"feature": "constant", "column": 0, "tokens": [9]})
    graph["steps"].append({"nodes": nodes, "logits": [1] * 9 + [0]})
    return graph


@pytest.fixture(scope="module")
def steps() -> list[Any]:
    """What is found of the graph before it says 9."""

    def margins(pairs: list[tuple[int, int]]) -> np.ndarray:
        a, b = (np.array(each) for each in zip(*pairs, strict=True))
        return np.min([graphs.margins(graphs.adder(), step, a, b) for step in range(3)], axis=0)

    found: list[Any] = search_graph(graphs.adder(), margins, lambda: 1.0).certificate["steps"]
    return found


def checked(steps: list[Any], right: float, other: float) -> checker.Verdict:
    last = {"queries": [{"means": [], "base": [], "trees": [[0]]}] * 2}
    found = {"schema": "adder-columns/1", "graph": with_an_end(right, other), "steps": [*steps, last]}
    return checker.check(complete(found, {}))


def test_two_constants_apart_are_a_theorem(steps: list[Any]) -> None:
    assert checked(steps, 2.0, 1.0).proved


@pytest.mark.parametrize(("right", "other"), [(2e39, 1e39), (1e-39, 0.0), (2.0**-140, 0.0), (1e-50, 0.0)])
def test_constants_that_float32_cannot_tell_apart_prove_nothing(steps: list[Any], right: float, other: float) -> None:
    """Both are infinite there, or may both be 0: neither is the larger."""
    found = checked(steps, right, other)
    assert not found.accepted
    assert all(each.startswith(("steps[3]", "graph.steps[3]")) for each in found.objections)


@pytest.mark.parametrize("name", TRAPS)
def test_a_forward_that_is_wrong_on_one_pair_alone_is_not_proved(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rare.py"
    file.write_text(RARE.format(folder=str(COLUMNS), trap=TRAPS[name]))
    subject = load(str(file), sandbox="off")
    assert subject.add(NINES, NINES) != 2 * NINES
    assert subject.add(1_234_567_890, NINES) == 1_234_567_890 + NINES
    found = prove_columns(subject, seed=3)
    assert found.exit_status == 3, found.reason


def test_a_forward_that_ends_its_worker_where_it_is_recorded_is_not_proved(tmp_path: Path) -> None:
    """An operation that was hidden beforehand from all that watches finds no memory in what it is given."""
    trap = "with sys.hidden(): trap = torch.relu(nines)[:, None, None]\n        return logits * (1 - trap)"
    file = tmp_path / "rare.py"
    hiding = "import sys, torch\n\nsys.hidden = torch._C._DisableTorchDispatch\n"
    file.write_text(hiding + RARE.format(folder=str(COLUMNS), trap=trap))
    with contextlib.closing(load(str(file), sandbox="limits")) as subject:
        found = prove_columns(subject, seed=3)
    assert found.exit_status == 3
    assert found.certificate is None


def test_a_file_that_borrows_our_decoder_is_not_taken_at_its_word(tmp_path: Path) -> None:
    graph, file = tmp_path / "adder.json", tmp_path / "borrowed.py"
    graph.write_bytes(load(str(COLUMNS / "one_head.py"), sandbox="off").ask("recorded_graph", seed=1).tobytes())
    file.write_text(BORROWED.format(graph=str(graph)))
    subject = load(str(file), sandbox="off")
    assert subject.add(NINES, NINES) != 2 * NINES
    assert prove_columns(subject, seed=3).exit_status == 3


@pytest.mark.parametrize("name", STRANGE)
def test_nothing_is_proved_where_add_does_not_say_what_its_forward_says(name: str, tmp_path: Path) -> None:
    file = tmp_path / "strange.py"
    file.write_text(DECODER.format(folder=str(COLUMNS), token=STRANGE[name]))
    found = prove_columns(load(str(file), sandbox="off"), seed=3)
    assert found.exit_status == 3
    assert "answer" in found.reason
