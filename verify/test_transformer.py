"""A subject is an autoregressive transformer whose weights, and nothing else, add."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.nature("violated")

CHECKS = [
    "weights are used",
    "attention",
    "positions are mixed by attention alone",
    "attention does the work",
    "causality",
    "one token a call",
    "chosen tokens are fed back",
    "prompt is laid out plainly",
    "the answer comes from the tokens",
    "weights do the work",
    "logits move with the weights",
    "forward does the work",
    "weights keep still",
    "no sum in Python",
    "the same unwatched",
]


@pytest.mark.parametrize("check", CHECKS)
def test_the_audit_finds_nothing_violated(audited: dict[str, dict[str, str]], check: str) -> None:
    row = audited[check]
    if row["outcome"] in {"unknown", "suspect"}:
        pytest.skip(f"{check} is {row['outcome']}: {row['detail']}")
    assert row["outcome"] == "ok", row["detail"]
