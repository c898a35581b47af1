"""A recorded forward is the forward that runs: within the search's own bounds, and as far as a proof."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verify.addition.task import TEN
from verify.anatomy import operands
from verify.anatomy.graph.asking import recording_of
from verify.anatomy.graph.decoder import Decoder
from verify.proof.columns.proving import search_graph
from verify.subject import Subject, load

COLUMNS = Path(__file__).parent.parent / "submissions" / "columns"


def recorded(name: str) -> tuple[Any, dict[str, Any]]:
    subject = load(str(COLUMNS / name), sandbox="off")
    found = subject.ask("recorded_graph", seed=1)
    assert isinstance(found, np.ndarray), found
    return subject, json.loads(found.tobytes())


def margins_of(subject: Subject, pairs: list[tuple[int, int]]) -> np.ndarray:
    a, b = (np.array(each, np.int64) for each in zip(*pairs, strict=True))
    return np.asarray(subject.ask("forced_margins", a=a, b=b))


def logits_of(subject: Any, pairs: list[tuple[int, int]]) -> np.ndarray:
    a, b = (np.array(each, np.int64) for each in zip(*pairs, strict=True))
    forcer = subject.loaded.memory["forcer"]
    prompts, answers, _ = forcer.write(a, b)
    return np.asarray(forcer.outputs(prompts, answers)[..., : forcer.choices], np.float64)


def test_a_right_adder_is_recorded_and_decided() -> None:
    subject, graph = recorded("one_head.py")
    found = search_graph(
        graph,
        lambda pairs: margins_of(subject, pairs),
        lambda: math.inf,
        real=lambda pairs, _way: logits_of(subject, pairs),
        rng=np.random.default_rng(2),
    )
    assert found.is_whole
    assert not found.wrong


def test_what_the_search_fears_of_a_wrong_adder_is_wrong() -> None:
    subject, graph = recorded("wrong_in_a_rare_word.py")
    seen: list[tuple[int, int]] = []

    def ask(pairs: list[tuple[int, int]]) -> np.ndarray:
        real = margins_of(subject, pairs)
        seen.extend(pair for pair, margin in zip(pairs, real, strict=True) if margin <= 0)
        return real

    found = search_graph(graph, ask, lambda: 0.0 if seen else math.inf)
    assert not found.is_whole
    assert found.wrong
    a, b = found.wrong[0]
    assert subject.add(a, b) != a + b


@pytest.mark.parametrize("name", ["two_heads.py", "layer_norm.py", "swiglu.py"])
def test_a_trained_adder_has_a_graph_that_adds(name: str) -> None:
    graph = recording_of(load(str(COLUMNS / name), sandbox="off"), seed=1).graph
    a, b = (each.tolist() for each in operands.carrying(np.random.default_rng(6), 60, TEN))
    assert Decoder(graph).sums(a, b) == [x + y for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("name", ["emits_tokens.py", "array_functions.py"])
def test_what_cannot_be_recorded_is_refused_in_words(name: str) -> None:
    subject = load(str(COLUMNS.parent / "honest" / name), sandbox="off")
    found = subject.ask("recorded_graph", seed=1)
    assert set(found) == {"refused"}
    assert found["refused"]
