"""Operands become tokens, prompts become operands, and both come back as they were; anything else is refused."""

from __future__ import annotations

import doctest

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adder import tokens
from adder.batch_last import pair_tokens, spell
from adder.errors import PromptError
from adder.tokens import (
    MAX_OPERAND,
    PROMPT_LENGTH,
    START,
    WIDTH,
    OperandError,
    check_operands,
    decode,
    encode,
    format_prompts,
    format_sums,
    parse_prompt,
    parse_prompts,
)

operands = st.integers(0, MAX_OPERAND)
batches = st.lists(st.tuples(operands, operands), max_size=20)

REFUSED = {
    "": "does not end with '='",
    "1+2": "does not end with '='",
    "1+2=3": "does not end with '='",
    "=": "has 0 '\\+' signs",
    "12=": "has 0 '\\+' signs",
    "1+2+3=": "has 2 '\\+' signs",
    "+1+2=": "has 2 '\\+' signs",
    "1++2=": "has 2 '\\+' signs",
    "+2=": "empty operand",
    "1+=": "empty operand",
    "+=": "empty operand",
    "1=+2=": "not all digits",
    "==+=": "not all digits",
    "-1+2=": "not all digits",
    "1_000+2=": "not all digits",
    " 7+2=": "not all digits",
    "7 +2=": "not all digits",
    "1.0+2=": "not all digits",
    "0x1+2=": "not all digits",
    "\u0661+2=": "not all digits",
    "\u00b2+2=": "not all digits",
    "1+2\n=": "not all digits",
    "000000001a+0000000002=": "not all digits",
    "00000000012+000000002\u0661=": "not all digits",
    "0000000001-0000000002=": "has 0 '\\+' signs",
    "0000000001+0000000002!": "does not end with '='",
    "10000000000+1=": "out of range",
    "1+99999999999999999999999=": "out of range",
    "00010000000000+1=": "out of range",
}


def as_tensors(pairs: list[tuple[int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
    return a.contiguous(), b.contiguous()


def test_the_worked_example_holds() -> None:
    assert doctest.testmod(tokens).failed == 0
    assert doctest.testmod(tokens).attempted > 0


@given(batches)
def test_prompts_come_back_as_operands(pairs: list[tuple[int, int]]) -> None:
    a, b = as_tensors(pairs)
    parsed_a, parsed_b = parse_prompts(format_prompts(a, b))
    assert (parsed_a.tolist(), parsed_b.tolist()) == (a.tolist(), b.tolist())


@given(st.lists(st.tuples(operands, operands, st.integers(0, 30), st.integers(0, 30)), max_size=20))
def test_operands_of_any_padding_are_read(padded: list[tuple[int, int, int, int]]) -> None:
    prompts = [f"{a:0{width_a}}+{b:0{width_b}}=" for a, b, width_a, width_b in padded]
    a, b = parse_prompts(prompts)
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == [(a, b) for a, b, _, _ in padded]


@given(operands, operands)
def test_one_prompt_reads_as_in_a_batch(a: int, b: int) -> None:
    assert parse_prompt(f"{a}+{b}=") == (a, b)


def test_prompts_are_padded_to_ten_digits() -> None:
    assert format_prompts(torch.tensor([12, MAX_OPERAND]), torch.tensor([30, 0])) == [
        "0000000012+0000000030=",
        "9999999999+0000000000=",
    ]


@given(st.lists(st.integers(0, 2**WIDTH - 1), max_size=20))
def test_sums_are_formatted_in_eleven_digits(sums: list[int]) -> None:
    assert format_sums(torch.tensor(sums, dtype=torch.int64)) == [f"{value:011}" for value in sums]


@pytest.mark.parametrize("prompt", REFUSED)
def test_a_prompt_of_another_form_is_refused(prompt: str) -> None:
    with pytest.raises((PromptError, OperandError), match=REFUSED[prompt]):
        parse_prompt(prompt)


@pytest.mark.parametrize("prompt", REFUSED)
@pytest.mark.parametrize("others", [[], ["1+2="], ["0000000001+0000000002="] * 3], ids=["alone", "ragged", "padded"])
def test_a_batch_is_refused_for_one_prompt_of_another_form(prompt: str, others: list[str]) -> None:
    with pytest.raises((PromptError, OperandError), match=REFUSED[prompt]):
        parse_prompts([*others, prompt, *others])


@given(st.lists(st.text(alphabet="019+= _-\u0661", max_size=8), max_size=4))
def test_a_batch_is_taken_exactly_where_each_prompt_is(prompts: list[str]) -> None:
    try:
        expected = [parse_prompt(prompt) for prompt in prompts]
    except (PromptError, OperandError) as error:
        with pytest.raises(type(error)):
            parse_prompts(prompts)
    else:
        a, b = parse_prompts(prompts)
        assert list(zip(a.tolist(), b.tolist(), strict=True)) == expected


@given(st.lists(st.text(alphabet="0123456789", min_size=1, max_size=3), min_size=4, max_size=4))
def test_signs_that_move_from_one_prompt_to_the_next_are_refused(digits: list[str]) -> None:
    first, second, third, fourth = digits
    with pytest.raises(PromptError, match="'\\+' signs"):
        parse_prompts([f"{first}+{second}+{third}=", f"{fourth}="])


@given(batches)
def test_pair_tokens_spell_the_operands_least_significant_bit_first(pairs: list[tuple[int, int]]) -> None:
    prompt = encode(*as_tensors(pairs))
    assert prompt.shape == (len(pairs), PROMPT_LENGTH)
    for row, (a, b) in zip(prompt.tolist(), pairs, strict=True):
        assert row == [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)] + [START]


@given(st.lists(st.lists(st.integers(0, 3), min_size=WIDTH, max_size=WIDTH), max_size=8))
def test_states_spell_their_sum_bits(states: list[list[int]]) -> None:
    decoded = decode(torch.tensor(states, dtype=torch.int64).reshape(-1, WIDTH))
    assert decoded.tolist() == [sum(state % 2 << place for place, state in enumerate(row)) for row in states]


@pytest.mark.parametrize("batch", [0, 1, 7, 468, 20_000])
def test_tokens_with_the_batch_last_are_the_same(batch: int) -> None:
    a, b = torch.randint(MAX_OPERAND + 1, (2, batch), generator=torch.Generator().manual_seed(0))
    states = torch.randint(4, (WIDTH, batch), generator=torch.Generator().manual_seed(1))
    assert torch.equal(pair_tokens(a, b).T, encode(a, b)[:, :WIDTH])
    assert torch.equal(spell(states), decode(states.T))


@pytest.mark.parametrize("values", [[0], [MAX_OPERAND], [0, MAX_OPERAND], []])
def test_operands_in_range_are_taken(values: list[int]) -> None:
    operand = torch.tensor(values, dtype=torch.int64)
    check_operands(operand, operand)


@pytest.mark.parametrize("value", [-1, MAX_OPERAND + 1, -(2**63), 2**63 - 1])
def test_an_operand_out_of_range_is_refused_by_its_value(value: int) -> None:
    right, wrong = torch.tensor([1, 2, 3]), torch.tensor([1, value, value // 2])
    with pytest.raises(OperandError, match=f"a = {value} is out of range"):
        check_operands(wrong, right)
    with pytest.raises(OperandError, match=f"b = {value} is out of range"):
        check_operands(right, wrong)


def test_operands_on_two_devices_are_refused() -> None:
    with pytest.raises(OperandError, match="a is on cpu and b on meta"):
        check_operands(torch.tensor([1]), torch.tensor([1], device="meta"))
