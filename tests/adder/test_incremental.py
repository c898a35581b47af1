"""The incremental decoder does the model's arithmetic, in buffers that it keeps, under the routing mask alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from adder.decoding import answer_tokens
from adder.incremental import IncrementalDecoder, Knockout, RoutingError, is_routed
from adder.model import GPTAdder, causal_mask, routing_mask
from adder.speculative import OnePass
from adder.tokens import WIDTH, encode
from tests.samples import exact_model, structured_pairs


@pytest.fixture(scope="module")
def adder() -> GPTAdder:
    return exact_model()


def test_rows_and_columns_of_the_mask_that_no_logits_depend_on_are_free(adder: GPTAdder) -> None:
    mask = routing_mask()
    mask[:WIDTH] = causal_mask()[:WIDTH]
    mask[35, 36:] = False
    same = GPTAdder(mask)
    same.load_state_dict(adder.state_dict())
    a, b = structured_pairs(20)
    assert is_routed(same)
    assert torch.equal(answer_tokens(same, a, b, "reference"), answer_tokens(same, a, b, "incremental"))


def knock_out(logits: Tensor) -> Tensor:
    index = torch.empty(logits.shape[1], dtype=torch.int64)
    Knockout(logits).write_index(out=index)
    return index


def test_ties_go_to_the_lowest_token_as_with_argmax() -> None:
    levels = torch.cartesian_prod(*[torch.tensor([0.0, 1.0, -torch.inf, torch.inf])] * 4).T
    assert torch.equal(knock_out(levels), levels.argmax(0))


def test_logits_that_are_all_nan_choose_the_lowest_token_as_with_argmax() -> None:
    silence = torch.full((4, 3), torch.nan)
    assert torch.equal(knock_out(silence), silence.argmax(0))


def test_incremental_steps_reuse_their_buffers(adder: GPTAdder) -> None:
    decoder = IncrementalDecoder(adder, 5)
    decoder.start(encode(*structured_pairs(5))[:, :WIDTH].T)
    states = torch.zeros(5, dtype=torch.int64)
    assert len({decoder.step(states).data_ptr() for _ in range(WIDTH)}) == 1


def test_a_step_after_the_last_is_refused(adder: GPTAdder) -> None:
    with pytest.raises(IndexError, match="out of range"):
        IncrementalDecoder(adder, 1).step(torch.tensor([0]))


@pytest.mark.parametrize("decoder", [IncrementalDecoder, OnePass])
def test_a_routed_decoder_refuses_another_mask(decoder: type) -> None:
    with pytest.raises(RoutingError, match="not the routing mask"):
        decoder(GPTAdder(), 1)
