"""Whatever is changed in the certificate of a wrong network, no more pairs are said to be right than there are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.proof.columns.trials import certificate_of, network
from verify.proof.columns import checker
from verify.proof.columns.certificate import complete

Certificate = dict[str, Any]
Random = np.random.Generator
EACH = 3  # forgeries of a kind
WRONG = [("pairs", 1, 0.01, 1), ("soft", 1, 0.0, 0), ("gelu", 1, 0.03, 2)]


def some(query: dict[str, Any], rng: Random, kind: Callable[[Any], bool]) -> tuple[list[Any], int] | None:
    """Return a tree of a query and the place of a node of a kind in it."""
    places = [(tree, i) for tree in query["trees"] for i, node in enumerate(tree) if kind(node)]
    return places[int(rng.integers(len(places)))] if places else None


def end_of(tree: list[Any], start: int) -> int:
    """Return the place after the part of a tree that begins at a node."""
    pending, at = 1, start
    while pending:
        pending += 1 if isinstance(tree[at], list) else -1
        at += 1
    return at


def claimed(query: dict[str, Any], rng: Random) -> None:
    if found := some(query, rng, lambda node: node == 1):
        found[0][found[1]] = 0


def merged(query: dict[str, Any], rng: Random) -> None:
    if found := some(query, rng, lambda node: isinstance(node, list)):
        tree, at = found
        tree[at : end_of(tree, at)] = [0]


def cut_short(query: dict[str, Any], rng: Random) -> None:
    if found := some(query, rng, lambda node: isinstance(node, int)):
        del found[0][found[1]]


def split_otherwise(query: dict[str, Any], rng: Random) -> None:
    if found := some(query, rng, lambda node: isinstance(node, list)):
        tree, at = found
        mask = int(tree[at][1], 16) ^ sum(1 << int(i) for i in rng.integers(0, 200, 20))
        tree[at] = [tree[at][0], format(mask, "x")]


def exchanged(query: dict[str, Any], rng: Random) -> None:
    first, second = rng.integers(len(query["trees"]), size=2)
    query["trees"][first], query["trees"][second] = query["trees"][second], query["trees"][first]


def in_another_base(query: dict[str, Any], rng: Random) -> None:
    query["base"] = [
        [(float.fromhex(x) + float(rng.choice([0.0, 0.1, 1e9]))).hex() for x in row]
        for row in query["base"][: int(rng.integers(len(query["base"]) + 1))]
    ]


def of_a_mean_less(query: dict[str, Any], _: Random) -> None:
    del query["means"][-1:]
    query["base"] = [row[:-1] for row in query["base"]]


def claimed_whole(query: dict[str, Any], _: Random) -> None:
    query["trees"] = [[0] for _ in query["trees"]]


KINDS = [claimed, merged, cut_short, split_otherwise, exchanged, in_another_base, of_a_mean_less, claimed_whole]


@pytest.mark.parametrize("forge", KINDS, ids=lambda kind: kind.__name__)
def test_a_forged_certificate_of_a_wrong_network_says_nothing_false(forge: Callable[..., None]) -> None:
    rng, changed = np.random.default_rng(13), 0
    for which in WRONG:
        right = int(np.sum(network(*which)[1].min(axis=0) > 0))
        for _ in range(EACH):
            certificate = copy.deepcopy(certificate_of(*which))
            for step in certificate["steps"]:
                forge(step["queries"][int(rng.integers(len(step["queries"])))], rng)
            changed += certificate["steps"] != certificate_of(*which)["steps"]
            words = {name: certificate[name] for name in ("schema", "graph", "steps")}
            found = checker.check(complete(words, {}))
            assert not found.proved
            assert found.pairs_right <= right < 100
    assert changed > EACH
