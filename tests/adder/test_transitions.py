"""The table read off a model holds the model's own choices, and generates what the model generates."""

from __future__ import annotations

import pytest
import torch

from adder.decoding import answer_tokens
from adder.model import GPTAdder
from adder.tokens import WIDTH
from adder.transitions import StepTable, TableError, generate_tabulated, transitions
from tests.samples import NEXT_STATES, exact_model, ordinary_model, smallest_margin, structured_pairs, wrong_model


def test_the_table_of_an_adder_is_the_full_adder() -> None:
    assert torch.equal(transitions(exact_model()).next_state.reshape(-1), NEXT_STATES)


def test_margins_are_those_of_the_choices() -> None:
    model = ordinary_model()
    assert transitions(model).margins.min().item() == pytest.approx(smallest_margin(model))


def test_logits_stand_at_their_pair_and_state() -> None:
    model = wrong_model(0)
    table = transitions(model)
    torch.testing.assert_close(table.logits[2, 3], model.step_logits(torch.tensor([2]), torch.tensor([3]))[0].detach())


def test_a_model_under_another_mask_has_no_table() -> None:
    with pytest.raises(TableError, match="no step function"):
        transitions(GPTAdder())


@pytest.mark.parametrize("entry", range(16))
def test_one_wrong_entry_is_followed_wherever_it_leads(entry: int) -> None:
    table = transitions(exact_model())
    next_state = table.next_state.clone()
    next_state.view(-1)[entry] ^= 1
    a, b = structured_pairs(200)
    generated = generate_tabulated(StepTable(next_state, table.logits, table.margins), a, b)
    state, expected = torch.zeros_like(a), []
    for place in range(WIDTH):
        state = next_state[2 * (a >> place & 1) + (b >> place & 1), state]
        expected.append(state)
    assert torch.equal(generated, torch.stack(expected))


def test_a_wrong_model_is_wrong_in_the_same_way_when_tabulated() -> None:
    a, b = structured_pairs(100)
    wrong = wrong_model(5)
    assert torch.equal(answer_tokens(wrong, a, b, "tabulated"), answer_tokens(wrong, a, b, "incremental"))
