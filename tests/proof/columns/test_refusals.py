"""What the search does not know it refuses in one sentence, which says what and where."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.proof.columns import graphs
from verify.proof.columns.step import FEW, TAIL, arguments, step_of
from verify.proof.columns.tables import Tables
from verify.proof.weights import RefusalError

ADDER = graphs.adder()
Put = Callable[..., int]


def with_more(more: Callable[[Put], int]) -> dict[str, Any]:
    """Return the adder to whose first logit something is added."""
    graph = copy.deepcopy(ADDER)
    step = graph["steps"][0]

    def put(*node: Any) -> int:
        step["nodes"].append(list(node))
        return len(step["nodes"]) - 1

    step["logits"][0] = put("add", step["logits"][0], more(put))
    return graph


def attention(put: Put, scores: list[int]) -> int:
    row = [put("smax", scores, place) for place in range(len(scores))]
    return put("dot", [[weight, put("tok", place, 0)] for place, weight in enumerate(row)])


def second_layer(put: Put) -> int:
    found = attention(put, [put("tok", 0, 0), put("tok", 1, 0)])
    return attention(put, [put("mul", found, put("tok", 0, 0)), put("tok", 1, 0)])


def layer_at_another_position(put: Put) -> int:
    """Return an attention whose query is not the last token, and one that sees what it found."""
    scores = [put("mul", put("tok", 1, 0), put("tok", place, 0)) for place in range(2)]
    return attention(put, [attention(put, scores), put("tok", 1, 0)])


def recurrence(put: Put) -> int:
    return put("tanh", put("add", put("tok", 2, 0), put("tanh", put("tok", 0, 0))))


def sum_over_positions(put: Put) -> int:
    return put("sum", [put("tok", place, 0) for place in range(4)])


def token_behind_attention(put: Put) -> int:
    found = attention(put, [put("tok", 0, 0), put("tok", 1, 0)])
    return put("relu", put("mul", found, put("tok", 3, 0)))


def infinity(put: Put) -> int:
    return put("exp", put("mul", put("tok", 0, 0), put("const", (500.0).hex())))


REFUSED: dict[str, tuple[Callable[[Put], int], str]] = {
    "a second layer": (second_layer, "at step 1 the scores of an attention depend on what another attention found"),
    "a layer at another position": (
        layer_at_another_position,
        "at step 1 the scores of an attention depend on what an",
    ),
    "recurrence": (recurrence, "at step 1 a number depends on the tokens at positions 1 and 3, which no softmax"),
    "a sum over positions": (sum_over_positions, r"at step 1 .* positions 1 and 2 \(and of 2 more\), which no softmax"),
    "a token behind attention": (
        token_behind_attention,
        "at step 1 what follows attention reads the token at position 4",
    ),
    "infinity": (infinity, "at step 1 a number before attention may be as large as any"),
}


def taken_apart(graph: dict[str, Any]) -> None:
    step = step_of(graph, 0)
    tables = Tables(step)
    read = {each for node in step.of_kind(TAIL) for each in arguments(step.nodes[node])}
    for node in read & set(step.of_kind(FEW)):
        tables.number(node, 0)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused_in_one_sentence(name: str) -> None:
    more, why = REFUSED[name]
    with pytest.raises(RefusalError, match=f"^{why}") as caught:
        taken_apart(with_more(more))
    assert "\n" not in str(caught.value)


def test_without_more_nothing_is_refused() -> None:
    taken_apart(ADDER)
