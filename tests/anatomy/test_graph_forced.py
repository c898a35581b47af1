"""What a forward pass says is asked in every way in which it is called, and its graph says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verify.anatomy.graph.evaluate import forced
from verify.anatomy.graph.forced import WAYS
from verify.anatomy.graph.read import read
from verify.subject import Subject, load

SUBMISSIONS = Path(__file__).parents[1] / "submissions"
COLUMNS = 11


@pytest.fixture(scope="module")
def pairs() -> tuple[np.ndarray, np.ndarray]:
    a, b = np.random.default_rng(7).integers(0, 10**10, (2, 8))
    return a, np.where(np.arange(8) % 2, 10**10 - 1 - a, b)


def outputs(subject: Subject, pairs: tuple[np.ndarray, np.ndarray], way: str) -> Any:
    return subject.ask("forced_outputs", a=pairs[0], b=pairs[1], way=way, seed=1)


@pytest.fixture(scope="module")
def honest() -> Any:
    return load(str(SUBMISSIONS / "columns/one_head.py"), sandbox="off")


@pytest.fixture(scope="module")
def expected(honest: Any, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    graph = read(honest.ask("recorded_graph", seed=1).tobytes())
    return forced(graph, *(each.tolist() for each in pairs), "float64")


@pytest.mark.parametrize("way", WAYS)
def test_an_honest_forward_says_what_its_graph_says(
    honest: Any, expected: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], way: str
) -> None:
    found = outputs(honest, pairs, way)
    assert found.dtype == np.float64
    assert found == pytest.approx(expected, abs=1e-3)


def test_in_the_sandbox_it_is_the_same(expected: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    subject = load(str(SUBMISSIONS / "columns/one_head.py"))
    try:
        assert outputs(subject, pairs, "batch") == pytest.approx(expected, abs=1e-3)
    finally:
        subject.close()


def test_what_add_gets_wrong_has_no_logits_from_there_on() -> None:
    subject = load(str(SUBMISSIONS / "columns/wrong_in_a_rare_word.py"), sandbox="off")
    a, b = 9293099345, 2860099680
    (logits,) = outputs(subject, (np.array([a]), np.array([b])), "add")
    right = [(a + b) // 10**column % 10 for column in range(COLUMNS)]
    wrong = next(step for step in range(COLUMNS) if logits[step].argmax() != right[step])
    assert np.isfinite(logits[: wrong + 1]).all()
    assert np.isnan(logits[wrong + 1 :]).all()


def test_a_forward_that_gives_token_ids_is_refused(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    subject = load(str(SUBMISSIONS / "honest/emits_tokens.py"), sandbox="off")
    assert outputs(subject, pairs, "batch") == {"refused": "the forward pass returns token ids, and no logits"}


def test_a_forward_that_raises_in_one_way_is_refused(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    subject: Any = load(str(SUBMISSIONS / "columns/one_head.py"), sandbox="off")
    subject.ask("learn_forcing", seed=1)
    point = subject.loaded.memory["forcer"].point
    whole = point.original

    def alone(tokens: Any) -> Any:
        if len(tokens) > 1:
            raise ValueError("one at a time")
        return whole(tokens)

    point.original = alone
    assert outputs(subject, pairs, "batch") == {"refused": "the forward pass raised ValueError (batch)"}
    assert outputs(subject, pairs, "alone").shape == (8, 11, 10)
