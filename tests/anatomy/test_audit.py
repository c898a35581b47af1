"""The audit calls out every cheat of ours and no honest file, and says what it rests on."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from verify import subject
from verify.anatomy import audit as audit_of
from verify.anatomy import layout, parameters
from verify.anatomy.anew import build_anew, modules_of
from verify.anatomy.audit import _CHECKS, _holds
from verify.anatomy.swapping import _row
from verify.anatomy.tensors import tensors
from verify.anatomy.unwatched import CHECK, _compared, same_unwatched
from verify.errors import ProtocolError, SubjectCrashedError

SUBMISSIONS = Path(__file__).parents[1] / "submissions"


def audit(name, sandbox="off", seed=0):
    adder = subject.load(str(SUBMISSIONS / name), sandbox=sandbox)
    rows = audit_of(adder, seed)
    adder.close()
    return {row["check"]: (row["outcome"], row["detail"]) for row in rows}


def outcomes(name, sandbox="off"):
    return {check: outcome for check, (outcome, _) in audit(name, sandbox).items()}


FROM_TOKENS = "the answer comes from the tokens"
MOVE = "logits move with the weights"
PLAIN = "prompt is laid out plainly"
MIXED = "positions are mixed by attention alone"

HONEST = [
    "array_functions.py",
    "emits_tokens.py",
    "numbers_in_code.py",
    "packaged",
    "plain_object.py",
    "reads_its_model_once.py",
    "remembers.py",
    "sharp_attention.py",
    "with_checkpoint",
]


@pytest.mark.parametrize("seed", [0, 20261231])
@pytest.mark.parametrize("name", HONEST)
def test_no_honest_adder_is_called_out(name, seed):
    rows = audit(f"honest/{name}", seed=seed)
    assert {row for row in rows.items() if row[1][0] not in {"ok", "unknown"}} == set()


def test_our_own_model_is_not_called_out():
    adder = subject.load(None, sandbox="off")
    assert {row["outcome"] for row in audit_of(adder, 7)} == {"ok"}


def test_a_torch_module_is_seen_through():
    rows = audit("honest/packaged", "auto")
    assert {outcome for outcome, _ in rows.values()} == {"ok"}
    assert rows["attention"][1] == "34 of 36 prompt positions move the answer; 1 softmax call a forward was seen"
    assert rows["prompt is laid out plainly"][1] == "36 tokens: 34 pair, 2 constant; seen on 44 sums"
    assert rows["declared parameters"][1] == (
        "36 declared; 36 counted, 5 distinct values, 26 not zero, 36 degrees of freedom"
    )


CHEATS = {
    "cheating/carries_in_the_prompt.py": (
        PLAIN,
        "violated",
        "token 2 of the prompt is a function of the sum's column 1",
    ),
    "cheating/sum_in_disguise_in_the_prompt.py": (PLAIN, "violated", "the first operand's and the sum's bit 2"),
    "cheating/adds_in_forward_arrays.py": (MOVE, "suspect", "0.1% of noise on all weights 0.000 of the logits move"),
    "cheating/knows_its_watcher.py": (
        CHECK,
        "violated",
        "35 calls of model.forward for each of 6 sums then, 0 without",
    ),
    "cheating/hint_in_an_attribute.py": (FROM_TOKENS, "violated", "8 that of the operands: these reach the answer by"),
    "cheating/hint_in_a_default.py": (FROM_TOKENS, "violated", "0 of 8 answers are the sum of the tokens"),
    "cheating/adds_in_forward.py": (
        MIXED,
        "violated",
        "torch's add (adds_in_forward.py, line 16), on whole numbers of",
    ),
    "cheating/adds_floats_in_forward.py": (
        MIXED,
        "violated",
        "and then torch's ge (adds_floats_in_forward.py, line 16",
    ),
    "cheating/adds_before_attention.py": (MIXED, "violated", "torch's add (adds_before_attention.py, line 15)"),
    "cheating/adds_lists_in_forward.py": (MIXED, "suspect", "Tensor.tolist (adds_lists_in_forward.py, line 13)"),
    "cheating/points_by_sum.py": (MIXED, "violated", "what attention weighs by comes from torch's add"),
    "cheating/looks_up_two_tokens.py": (MIXED, "violated", "a look-up by two tokens at once"),
    "cheating/looks_up_behind_attention.py": (
        "attention does the work",
        "violated",
        "with 2 weighted means over positions cut 88 of 88 answer steps are right",
    ),
    "cheating/python_sum.py": ("forward does the work", "violated", "all functions say nonsense"),
    "cheating/python_sum_for_show.py": ("forward does the work", "violated", "8 of 8 sums right though forward says"),
    "cheating/puts_it_right.py": ("weights do the work", "violated", "8 of 8 sums right with weights zeroed"),
    "cheating/sum_in_the_prompt.py": (
        "prompt is laid out plainly",
        "violated",
        "token 1 of the prompt is a function of the sum's column 11",
    ),
    "cheating/knows_one_pair.py": ("prompt is laid out plainly", "violated", "a function of the sum's column"),
    "cheating/breaks_at_first.py": ("weights do the work", "violated", "8 of 8 sums right with weights randomised"),
    "cheating/half_in_python.py": ("one token a call", "suspect", "of 8 sums the input of some calls is not"),
    "cheating/claims_fewer.py": ("declared parameters", "suspect", "3 declared; 36 counted"),
    "cheating/keeps_a_tally.py": ("weights keep still", "suspect", "adding changes model.tally"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_called_out(name):
    check, outcome, detail = CHEATS[name]
    found = row_of(name, check)
    assert found[0] == outcome
    assert detail in found[1]


def row_of(name, check):
    """Return one row, asked for alone where that is all that is looked at."""
    if check == CHECK:
        adder = subject.load(str(SUBMISSIONS / name), sandbox="auto")
        row = same_unwatched(adder, 0)
        adder.close()
        return row["outcome"], row["detail"]
    if check not in _CHECKS:
        return audit(name, "auto")[check]
    adder = subject.load(str(SUBMISSIONS / name), sandbox="auto")
    (row,) = adder.ask("audit_checks", seed=0, only=check)
    adder.close()
    return row["outcome"], row["detail"]


def test_answers_that_are_others_when_watched_are_called_out():
    free = {"answers": ["3", "5"], "calls": [9, 9], "name": "forward", "unknown": ""}
    assert _compared(free, free | {"answers": ["3", "4"]}, is_same_pairs=True)[0] == "violated"
    assert _compared(free, free | {"answers": ["3", "4"]}, is_same_pairs=False)[0] == "ok"  # of other pairs
    assert _compared(free, free | {"calls": [0, 9]}, is_same_pairs=True)[0] == "violated"
    assert _compared(free, free | {"calls": [8, 9]}, is_same_pairs=True)[0] == "suspect"
    assert _compared(free, free | {"calls": [0, 9]}, is_same_pairs=False)[0] == "suspect"  # of other pairs: by chance


def test_an_adder_that_changes_its_mind_anyway_is_not_called_out_for_being_watched():
    assert row_of("wrong/changes_its_mind.py", CHECK)[0] == "unknown"


def test_answers_that_are_none_break_the_protocol(monkeypatch):
    adder = subject.load(str(SUBMISSIONS / "honest/array_functions.py"), sandbox="off")
    told = {"answers": [], "calls": [], "name": "", "unknown": ""}
    monkeypatch.setattr(adder, "ask", lambda name, **given: told)
    with pytest.raises(ProtocolError, match="tells of others"):
        same_unwatched(adder, 0)


def test_a_forward_that_is_given_more_than_tokens_is_not_called_out_for_a_swapped_prompt():
    seen = Counter({"operands": 8})
    assert _row(seen, "")[0] == "violated"
    assert _row(seen, "argument 2 of the forward differs with the operands")[0] == "unknown"  # such as an encoder's


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
    rows = {row["check"]: row["outcome"] for row in audit_of(adder)}
    assert rows["causality"] == "violated"


BY_LOGITS = (MOVE, "causality", "attention", MIXED)


def rows_by_logits(adder):
    """Return the rows of checks that change something and look at logits."""
    return {name: adder.ask("audit_checks", seed=0, only=name)[0] for name in BY_LOGITS}


def test_of_logits_that_are_others_anyway_nothing_follows(monkeypatch):
    adder = subject.load(str(SUBMISSIONS / "honest/plain_object.py"), sandbox="off")
    kind, random = type(adder.loaded.model), np.random.default_rng(0)
    whole = kind.__call__
    monkeypatch.setattr(kind, "__call__", lambda *given: whole(*given) + random.normal(0, 1e-9, 4))
    rows = rows_by_logits(adder)
    assert {name: row["outcome"] for name, row in rows.items()} == dict.fromkeys(BY_LOGITS, "unknown")
    assert all("when they are given again" in row["detail"] for row in rows.values()), rows


def test_of_steps_that_are_wrong_anyway_nothing_follows(monkeypatch):
    adder = subject.load(str(SUBMISSIONS / "honest/plain_object.py"), sandbox="off")
    assert not adder.ask("learn_forcing", seed=0)
    kind = type(adder.loaded.model)
    whole = kind.__call__
    monkeypatch.setattr(kind, "__call__", lambda *given: -whole(*given))  # after its layout was learnt
    rows = rows_by_logits(adder)
    assert {name: row["outcome"] for name, row in rows.items()} == dict.fromkeys(BY_LOGITS, "unknown")
    assert all("wrong ones say nothing" in row["detail"] for row in rows.values()), rows


def test_operands_that_are_looked_on_must_give_the_sums_that_others_do(tmp_path):
    source = (SUBMISSIONS / "honest/array_functions.py").read_text()
    (tmp_path / "layers.py").write_text((SUBMISSIONS / "honest/layers.py").read_text())
    (tmp_path / "shy.py").write_text(
        f"{source}\n\nhonest = add\n\n\ndef add(*given):\n    return honest(*given) if type(given[1]) is int else 0\n"
    )
    adder = subject.load(str(tmp_path / "shy.py"), sandbox="off")
    (row,) = adder.ask("audit_checks", seed=0, only="no sum in Python")
    assert row["outcome"] == "unknown"


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
    rows = {row["check"]: row["outcome"] for row in audit_of(adder)}
    assert rows["chosen tokens are fed back"] == "violated"


def test_dead_entries_are_counted():
    adder = subject.load(str(SUBMISSIONS / "cheating/keeps_a_tally.py"), sandbox="off")
    honest = subject.load(str(SUBMISSIONS / "honest/array_functions.py"), sandbox="off")
    assert parameters(adder)["dead"] == parameters(honest)["dead"] + 1  # the tally


def used(name):
    adder = subject.load(str(SUBMISSIONS / name), sandbox="off")
    counts = parameters(adder)
    return counts, {row["name"].rpartition(".")[2]: row for row in counts["tensors"] or []}


def test_saturated_attention_is_not_dead():
    _counts, rows = used("honest/sharp_attention.py")
    assert (rows["sharpness"]["needed"], rows["sharpness"]["dead"]) == (1, 0)


def test_an_entry_of_minus_two_is_changed_too():
    _counts, rows = used("honest/sharp_attention.py")
    assert rows["output"]["dead"] == 2  # the column that reads an attended 0; `x * 1.5 + 1` left the -2 where they are
    assert rows["output"]["nonzero"] == 2


def test_each_entry_is_dead_or_idle_or_needed():
    counts, rows = used("honest/sharp_attention.py")
    assert all(row["dead"] + row["idle"] + row["needed"] == row["count"] for row in rows.values())
    assert counts["dead"] == sum(row["dead"] for row in rows.values())


def test_a_table_that_repeats_a_parameter_is_told_apart():
    counts, _rows = used("honest/sharp_attention.py")
    assert (counts["buffers"], counts["copies"]) == (0, 8)
    assert counts["notes"] == ["repeat a parameter's values: TABLE [4, 2] as model.weights.up"]


@pytest.fixture(scope="module")
def in_code():
    """What is counted of a file with numbers in its code."""
    return used("honest/numbers_in_code.py")[0]


def test_numbers_in_the_code_are_told_apart_by_whether_answers_depend_on_them(in_code):
    found = {row["name"]: (row["needed"], row["idle"]) for row in in_code["outside"]}
    assert found == {
        "numbers_in_code.py, line 8: 300.0": (1, 0),
        "numbers_in_code.py, line 26: 1e-30": (0, 1),
        "numbers_in_code.py, line 31: 3.5": (1, 0),
        "numbers_in_code.py, line 31: 0.25": (0, 1),  # all logits alike
    }
    assert in_code["needed_outside"] == 2


def test_a_parameter_that_another_can_do_the_work_of_is_no_degree_of_freedom(in_code):
    assert (in_code["counted"], in_code["freedom"]) == (36, 35)


def test_degrees_of_freedom_are_no_fewer_than_parameters_that_meet_the_tokens_themselves():
    assert used("honest/sharp_attention.py")[0]["freedom"] == 36  # the sharpness is saturated


def test_entries_of_a_table_that_is_no_parameter_are_tried_too(in_code):
    counts, _rows = used("cheating/keeps_a_tally.py")
    assert counts["outside"] is not None
    assert [row["name"] for row in in_code["tensors"]][-1] == "model.weights.columns"


def test_what_cannot_be_watched_has_no_numbers_that_were_tried():
    counts, _rows = used("wrong/always_zero.py")
    assert (counts["outside"], counts["needed_outside"], counts["freedom"]) == (None, None, None)
    assert counts["notes"][0].startswith("numbers outside parameters were not tried: only 0 of 44 sums")


def test_the_audit_names_the_tensors_whose_entries_are_dead():
    outcome, detail = audit("honest/sharp_attention.py")["weights are used"]
    assert outcome == "ok"
    assert detail.endswith("4 dead: 2 of model.weights.value, 2 of model.weights.output")


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


FORGED = {
    "text": ["PROVED"],
    "nothing": [],
    "another outcome": [{"check": "weights do the work", "outcome": "PROVED", "detail": ""}],
    "another check": [{"check": "causality", "outcome": "ok", "detail": ""}],
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_an_audit_that_is_none_breaks_the_protocol(monkeypatch, forged):
    adder = subject.load(str(SUBMISSIONS / "cheating/python_sum.py"), sandbox="off")
    ask = adder.ask
    monkeypatch.setattr(adder, "ask", lambda name, **given: forged if name == "audit_checks" else ask(name, **given))
    with pytest.raises(ProtocolError, match="its audit"):
        audit_of(adder)


def test_a_check_that_ends_the_process_is_unknown_and_the_others_are_made(monkeypatch):
    adder = subject.load(str(SUBMISSIONS / "honest/array_functions.py"), sandbox="off")
    ask = adder.ask

    def dying(name, **given):
        if given.get("only") == "forward does the work":
            raise SubjectCrashedError("it died")
        return ask(name, **given)

    monkeypatch.setattr(adder, "ask", dying)
    rows = {row["check"]: (row["outcome"], row["detail"]) for row in audit_of(adder)}
    assert rows.pop("forward does the work") == ("unknown", "it died")
    assert {outcome for outcome, _ in rows.values()} == {"ok"}


def test_a_process_that_ends_while_weights_are_changed_loses_that_row_alone(tmp_path):
    source = (SUBMISSIONS / "honest/array_functions.py").read_text()
    dying = (
        "\n\nhonest = add\n\n\ndef add(*given):\n    return honest(*given) if given[0]['up'].any() else os._exit(1)\n"
    )
    (tmp_path / "dies.py").write_text(source.replace("import numpy", "import os\n\nimport numpy") + dying)
    (tmp_path / "layers.py").write_text((SUBMISSIONS / "honest/layers.py").read_text())
    found = outcomes(tmp_path / "dies.py", "auto")
    assert found.pop("weights do the work") == "unknown"
    assert set(found.values()) == {"ok"}


@pytest.mark.parametrize("name", ["always_zero.py", "returns_nothing.py", "drops_a_carry.py"])
def test_of_sums_that_are_wrong_anyway_nothing_follows(name):
    found = outcomes(f"wrong/{name}")
    for check in ("weights do the work", "forward does the work", "chosen tokens are fed back"):
        assert found[check] == "unknown"
    assert "violated" not in found.values()


@pytest.mark.parametrize("seed", range(3))
def test_half_of_the_sums_from_python_are_never_passed(seed):
    found = {check: outcome for check, (outcome, _) in audit("cheating/half_in_python.py", seed=seed).items()}
    passed = {check for check, outcome in found.items() if outcome == "ok"}
    assert passed == {"declared parameters", "weights keep still"}


def test_what_an_audit_makes_an_adder_say_is_said_to_nobody_else():
    adder = subject.load(str(SUBMISSIONS / "honest/remembers.py"), sandbox="off")
    audit_of(adder, 3)
    audit_of(adder, 3)
    a, b = np.random.default_rng(3).integers(0, 10**10, (2, 200))
    assert [adder.add(*pair) for pair in zip(a.tolist(), b.tolist(), strict=True)] == (a + b).tolist()


def test_a_table_is_told_from_a_python_sum_by_executing_the_file_anew():
    table, python = audit("honest/reads_its_model_once.py"), audit("cheating/puts_it_right.py")
    assert "executed anew with weights changed" in table["weights do the work"][1]
    assert (table["weights do the work"][0], python["weights do the work"][0]) == ("unknown", "violated")


def test_a_file_has_what_lies_beside_it_whatever_another_has_by_that_name():
    for name in ("cheating/puts_it_right.py", "honest/remembers.py", "cheating/puts_it_right.py"):
        adder = subject.load(str(SUBMISSIONS / name), sandbox="off")
        assert Path(sys.modules["layers"].__file__).parent == (SUBMISSIONS / name).parent
        assert adder.add(5, 6) == 11


def test_a_module_whose_file_has_a_relative_name_does_not_lie_beside_an_adder(monkeypatch):
    adder = subject.load(str(SUBMISSIONS / "honest/remembers.py"), sandbox="off")
    monkeypatch.chdir(SUBMISSIONS / "honest")
    nameless = ModuleType("torch_ops")
    nameless.__file__ = "_ops.py"
    monkeypatch.setitem(sys.modules, "torch_ops", nameless)
    found = {module.__name__ for module in modules_of(adder.loaded)}
    assert "torch_ops" not in found
    assert found >= {"layers", "remembers"}


def test_executing_anew_leaves_the_adder_and_its_modules():
    adder = subject.load(str(SUBMISSIONS / "honest/reads_its_model_once.py"), sandbox="off")
    before = dict(sys.modules)
    again = build_anew(adder.loaded)
    assert dict(sys.modules) == before
    assert again.namespace is not adder.loaded.namespace
    assert again.namespace.forward is not adder.loaded.namespace.forward
    assert (adder.add(5, 6), again.answer(5, 6).value) == (11, 11)


SEEN = {
    "its column": (lambda a, b: (a + b) // 100 % 10, True),
    "another column": (lambda a, b: (a + b) // 10 % 10, False),
    "almost a constant": (lambda a, b: 0 * a, False),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_token_of_the_sum_must_hold_of_further_sums(name):
    seen, holds = SEEN[name]
    a, b = np.random.default_rng(0).integers(0, 10**10, (2, 44))
    table = np.arange(10) if seen(a, b).any() else np.where(np.arange(10) == 9, layout.OPEN, 0)
    token = layout.Token(layout.Feature("sum", 10, 2, 10), table)
    assert _holds(token, seen(a, b), (a, b)) == holds
