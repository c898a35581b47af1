"""The audit calls out every cheat of ours and no honest file, and says what it rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from verify import subject
from verify.anatomy import audit as anatomy
from verify.anatomy.counting import parameters
from verify.anatomy.tensors import tensors
from verify.errors import ProtocolError

SUBMISSIONS = Path(__file__).parents[1] / "submissions"


def audit(name, sandbox="off"):
    adder = subject.load(str(SUBMISSIONS / name), sandbox=sandbox)
    rows = anatomy.audit(adder)
    adder.close()
    return {row["check"]: (row["outcome"], row["detail"]) for row in rows}


def outcomes(name, sandbox="off"):
    return {check: outcome for check, (outcome, _) in audit(name, sandbox).items()}


@pytest.mark.parametrize(
    "name", ["array_functions.py", "plain_object.py", "emits_tokens.py", "with_checkpoint", "packaged"]
)
def test_no_honest_adder_is_called_out(name):
    assert set(outcomes(f"honest/{name}").values()) <= {"ok", "unknown"}


def test_a_torch_module_is_seen_through():
    rows = audit("honest/packaged", "auto")
    assert {outcome for outcome, _ in rows.values()} == {"ok"}
    assert rows["attention"][1] == "34 of 36 prompt positions move the answer; 1 softmax calls a forward were seen"
    assert rows["prompt is laid out plainly"][1] == "36 tokens: 34 pair, 2 constant"
    assert rows["declared parameters"][1] == "36 declared; 36 counted, 5 distinct values, 26 not zero"


CHEATS = {
    "cheating/python_sum.py": ("forward does the work", "violated", "all functions say nonsense"),
    "cheating/python_sum_for_show.py": ("forward does the work", "violated", "8 of 8 sums right though forward says"),
    "cheating/puts_it_right.py": ("weights do the work", "violated", "8 of 8 sums right with weights zeroed"),
    "cheating/sum_in_the_prompt.py": ("prompt is laid out plainly", "violated", "a function of the sum's column"),
    "cheating/claims_fewer.py": ("declared parameters", "suspect", "3 declared; 36 counted"),
    "cheating/keeps_a_tally.py": ("weights keep still", "suspect", "adding changes model.tally"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_called_out(name):
    check, outcome, detail = CHEATS[name]
    found = audit(name, "auto")[check]
    assert found[0] == outcome
    assert detail in found[1]


def test_a_sum_in_python_is_suspect():
    assert outcomes("cheating/python_sum.py")["no sum in Python"] == "suspect"
    assert outcomes("cheating/python_sum_for_show.py")["no sum in Python"] == "suspect"


def test_a_model_that_sees_ahead_violates_causality(monkeypatch):
    adder = subject.load(str(SUBMISSIONS / "honest/plain_object.py"), sandbox="off")
    kind = type(adder.loaded.model)
    whole = kind.__call__

    def seeing_ahead(self, tokens):
        output = whole(self, tokens)
        output[:, :-1] += 3 * (np.array(tokens)[:, 1:, None] == np.arange(4))
        return output

    monkeypatch.setattr(kind, "__call__", seeing_ahead)
    rows = {row["check"]: row["outcome"] for row in anatomy.audit(adder)}
    assert rows["causality"] == "violated"


def test_an_answer_whose_tokens_are_not_fed_back_is_called_out(monkeypatch):
    adder = subject.load(str(SUBMISSIONS / "honest/array_functions.py"), sandbox="off")
    namespace = adder.loaded.namespace

    def without_feedback(model, a, b):
        tokens, states, carry = namespace.prompt(a, b), [], 0
        for place in range(namespace.WIDTH):
            tokens.append(states[-1] if states else 0)
            if states:
                namespace.forward(model, np.array([tokens[:-1]]))
            total = (a >> place & 1) + (b >> place & 1) + carry
            carry = total >> 1
            states.append(total % 2 + 2 * carry)
        return namespace.total(states)

    monkeypatch.setattr(namespace, "add", without_feedback)
    rows = {row["check"]: row["outcome"] for row in anatomy.audit(adder)}
    assert rows["chosen tokens are fed back"] == "violated"


def test_dead_entries_are_counted():
    adder = subject.load(str(SUBMISSIONS / "cheating/keeps_a_tally.py"), sandbox="off")
    honest = subject.load(str(SUBMISSIONS / "honest/array_functions.py"), sandbox="off")
    assert parameters(adder)["dead"] == parameters(honest)["dead"] + 1


def test_shared_storage_counts_once():
    import torch

    class Tied:
        def __init__(self):
            self.one = torch.ones(3, 2)
            self.other = self.one.T
            self.ids = torch.ones(5, dtype=torch.int64)

    loaded = subject.LoadedAdder(None, Tied(), {})
    assert [tensor.name for tensor in tensors(loaded)] == ["model.one"]


def test_a_buffer_is_no_parameter():
    import torch

    module = torch.nn.Linear(2, 3)
    module.register_buffer("table", torch.ones(4))
    module.hidden = torch.ones(5)
    loaded = subject.LoadedAdder(None, module, {})
    assert {tensor.name: tensor.is_parameter for tensor in tensors(loaded)} == {
        "model.weight": True,
        "model.bias": True,
        "model.table": False,
        "model.hidden": False,
    }


def test_an_audit_that_is_none_breaks_the_protocol(monkeypatch):
    adder = subject.load(str(SUBMISSIONS / "cheating/python_sum.py"), sandbox="off")
    counts = adder.ask("count_parameters")
    for forged in (["PROVED"], [{"check": "causality", "outcome": "PROVED", "detail": ""}]):
        monkeypatch.setattr(adder, "ask", lambda name, forged=forged: counts if name == "count_parameters" else forged)
        with pytest.raises(ProtocolError, match="its audit"):
            anatomy.audit(adder)
