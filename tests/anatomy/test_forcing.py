"""Teacher forcing says of every sum what add says, or says that it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from verify import subject
from verify.addition.task import TEN
from verify.anatomy import forcing, layout, operands, watching
from verify.subject.answers import Answer
from verify.subject.sandbox import Limits

SUBMISSIONS = Path(__file__).parents[1] / "submissions"
LEARNABLE = [
    "honest/array_functions.py",
    "honest/plain_object.py",
    "honest/emits_tokens.py",
    "honest/packaged",
    "wrong/drops_a_carry.py",
]


@pytest.fixture(scope="module")
def pairs():
    source = np.random.default_rng(7)
    a = source.integers(0, 10**10, 300)
    return a, np.where(np.arange(300) % 2, 10**10 - 1 - a, source.integers(0, 10**10, 300))


@pytest.fixture
def random():
    return np.random.default_rng(46)


@pytest.fixture
def load():
    return lambda name: subject.load(str(SUBMISSIONS / name), sandbox="off")


@pytest.mark.parametrize("name", LEARNABLE)
def test_forcing_and_add_agree(load, pairs, name):
    adder = load(name)
    assert adder.ask("learn_forcing") == ""
    forced = adder.add_batch(*pairs)
    assert adder.batching == "teacher forcing"
    assert forced.tolist() == adder.loaded.many("add", *pairs)["sums"].tolist()


def test_what_forcing_flags_is_what_add_answers(load, pairs):
    adder = load("wrong/drops_a_carry.py")
    a, b = pairs
    wrong = adder.add_batch(a, b) != a + b
    margins = adder.ask("forced_margins", a=a, b=b)
    assert 0 < wrong.sum() < len(a)
    np.testing.assert_array_equal(margins <= 0, wrong)


def test_in_the_sandbox_it_is_the_same(pairs):
    adder = subject.load(str(SUBMISSIONS / "wrong/drops_a_carry.py"))
    here = subject.load(str(SUBMISSIONS / "wrong/drops_a_carry.py"), sandbox="off")
    assert adder.add_batch(*pairs).tolist() == here.add_batch(*pairs).tolist()
    assert (adder.batching, here.batching) == ("teacher forcing", "teacher forcing")
    adder.close()


def test_a_model_that_gives_the_last_position_alone_is_forced_step_by_step(load, pairs, monkeypatch):
    adder = load("honest/plain_object.py")
    kind = type(adder.loaded.model)
    whole = kind.__call__
    monkeypatch.setattr(kind, "__call__", lambda self, tokens: whole(self, tokens)[:, -1:])
    assert adder.add_batch(*pairs).tolist() == sum(pairs).tolist()
    assert (adder.batching, adder.loaded.memory["forcer"].in_one) == ("teacher forcing", False)


def test_a_model_whose_later_tokens_move_earlier_logits_is_forced_step_by_step(load, pairs, monkeypatch):
    adder = load("honest/plain_object.py")
    kind = type(adder.loaded.model)
    whole = kind.__call__

    def seeing_ahead(self, tokens):
        output = whole(self, tokens)
        output[:, 36:-1] += 3 * (np.array(tokens)[:, 37:, None] == np.arange(4))
        return output

    monkeypatch.setattr(kind, "__call__", seeing_ahead)
    assert adder.add_batch(*pairs).tolist() == sum(pairs).tolist()
    assert (adder.batching, adder.loaded.memory["forcer"].in_one) == ("teacher forcing", False)


@pytest.mark.parametrize("name", ["cheating/python_sum.py", "wrong/returns_nothing.py", "honest/with_checkpoint"])
def test_without_a_forward_call_every_sum_is_asked_of_add(load, pairs, name):
    adder = load(name)
    adder.add_batch(*pairs)
    assert adder.batching == f"add ({watching.NOT_FOUND})"


def test_a_cheat_that_returns_another_sum_than_it_generates_is_not_forced(load, pairs):
    adder = load("wrong/drops_a_carry.py")
    honest = adder.loaded.namespace.add
    adder.loaded.namespace.add = lambda model, a, b: honest(model, a, b) and a + b
    adder.add_batch(*pairs)
    assert adder.batching.startswith("add (")


def test_the_first_disagreement_is_said_and_ends_forcing(load, pairs):
    adder = load("honest/array_functions.py")
    assert adder.ask("learn_forcing") == ""
    honest = adder.loaded.namespace.add
    adder.loaded.namespace.add = lambda model, a, b: honest(model, a, b) + 1
    sums = adder.add_batch(*pairs)
    assert sums.tolist() == (sum(pairs) + 1).tolist()
    assert "disagreed on" in adder.batching


def test_a_prompt_is_learnt_from_examples(random):
    a, b = operands.examples(random, 44, TEN)
    tokens = np.stack([a // 100 % 10, 7 + 0 * a, 2 * (a >> 3 & 1) + (b >> 3 & 1), 9 - b // 10**9 % 10], axis=1)
    learnt = layout.learn(tokens, a, b, layout.prompt_features(pairs=False, task=TEN))
    found = [(token.feature.kind, token.feature.base, token.feature.place) for token in learnt]
    assert [found[0], *found[2:]] == [("a", 10, 2), ("pair", 2, 3), ("b", 10, 9)]
    assert found[1][2] >= 34  # a bit that is always 0: a constant
    source = np.random.default_rng(0)
    x, y = source.integers(0, 10**10, (2, 100))
    written = layout.write(learnt, x, y)
    np.testing.assert_array_equal(written[:, 3], 9 - y // 10**9)


def test_pairs_of_decimal_digits_are_learnt_from_more_examples(random):
    drawn = operands.examples(random, 44, TEN), operands.pair_examples(random, TEN)
    a, b = (np.concatenate(both) for both in zip(*drawn, strict=True))
    tokens = (a // 1000 % 10 * 10 + b // 1000 % 10)[:, None] ** 2
    (token,) = layout.learn(tokens, a, b, layout.prompt_features(pairs=True, task=TEN))
    assert (token.feature.kind, token.feature.place) == ("pair", 3)
    assert (token.table != layout.OPEN).all()


def test_what_is_no_function_of_one_column_is_not_learnt(random):
    a, b = operands.examples(random, 44, TEN)
    tokens = ((a % 10) * (a // 10 % 10) + b % 10)[:, None]
    assert layout.learn(tokens, a, b, layout.prompt_features(pairs=False, task=TEN)) == [None]


def test_columns_are_named_as_people_count():
    names = [str(layout.Feature(kind, base, 0, 10)) for kind, base in (("sum", 10), ("a", 2), ("pair", 10))]
    assert names == ["the sum's column 1", "the first operand's bit 1", "both operands' column 1"]


def test_a_margin_is_the_right_logit_minus_the_best_other():
    outputs = np.array([[[1.0, 4.0, 2.5], [0.0, np.nan, 1.0]]])
    margins = forcing.margins_of(outputs, np.array([[1, 2]]), 3)
    assert margins.tolist() == [[1.5, -np.inf]]


def test_patching_leaves_no_trace(load):
    loaded = load("honest/plain_object.py").loaded
    kind = type(loaded.model)
    trace = watching.watch(loaded, watching.find(loaded), 3, 4)
    assert (trace.answer, len(trace.calls)) == (Answer(7, "str", "'00000000007'"), 35)
    assert type(loaded.model) is kind


def test_giving_forcing_up_takes_the_time_that_add_takes(tmp_path, pairs):
    source = (SUBMISSIONS / "wrong/drops_a_carry.py").read_text()
    slow = "\n\nhonest, calls = add, []\n\n\ndef add(model, a, b):\n    calls.append(a)\n"
    slow += "    return honest(model, a, b) + (len(calls) > 200 and not time.sleep(0.01))\n"
    (tmp_path / "slow.py").write_text(source.replace("import numpy", "import time\n\nimport numpy") + slow)
    adder = subject.load(str(tmp_path / "slow.py"), limits=Limits(call_seconds=1))
    a, b = pairs
    assert (adder.add_batch(a, b) != a + b).all()
    assert "disagreed" in adder.batching
    adder.close()


def test_what_forcing_flags_and_add_gives_right_is_said(load, pairs, monkeypatch):
    adder = load("honest/array_functions.py")
    assert adder.ask("learn_forcing") == ""
    forcer = adder.loaded.memory["forcer"]
    margins = forcer.margins(*pairs)
    margins[3] = -1.0
    monkeypatch.setattr(forcer, "margins", lambda _a, _b: margins)
    assert adder.add_batch(*pairs).tolist() == sum(pairs).tolist()
    assert adder.batching == "teacher forcing"
    assert "teacher forcing is stricter than add" in [found["name"] for found in adder.findings]


@pytest.mark.parametrize("seed", range(100, 106))
def test_an_adder_that_is_often_wrong_is_learnt_whatever_is_drawn(load, seed):
    assert load("wrong/drops_a_carry.py").ask("learn_forcing", seed=seed) == ""
