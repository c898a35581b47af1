"""Every path generates the tokens of the reference path, whatever the weights, the mask and the batch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from adder.decoding import (
    MEMOISED,
    METHODS,
    MODEL_RUNS,
    MethodError,
    add_tensors,
    answer_tokens,
    default_method,
    forced_logits,
    generate,
    generate_ids,
)
from adder.errors import OperandError, PromptError
from adder.model import GPTAdder, causal_mask, routing_mask
from adder.tokens import WIDTH
from adder.transitions import TableError
from tests.samples import PAIRS, STATES, exact_model, ordinary_model, structured_pairs, wrong_model

FAST = [method for method in METHODS if method != "reference"]
MODELS = {"exact": exact_model, "ordinary": ordinary_model, "wrong": lambda: wrong_model(3)}
SHIFTED_MASK = routing_mask().roll(1, dims=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other on a busy machine make the reference path 100 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> GPTAdder:
    return MODELS[request.param]()


@pytest.fixture(scope="module")
def adder() -> GPTAdder:
    return exact_model()


@pytest.fixture(scope="module")
def ordinary() -> GPTAdder:
    return ordinary_model()


def test_the_structured_pairs_hold_every_length_of_carry_chain() -> None:
    a, b = structured_pairs(4000)
    carries = (a + b) ^ a ^ b
    carry_counts = ((carries[:, None] >> torch.arange(1, 36)) & 1).sum(1)
    assert carry_counts.unique().tolist() == list(range(34))


@pytest.mark.parametrize("method", FAST)
def test_a_fast_path_generates_the_tokens_of_the_reference(model: GPTAdder, method: str) -> None:
    a, b = structured_pairs(600)
    assert torch.equal(answer_tokens(model, a, b, method), answer_tokens(model, a, b, "reference"))


@pytest.mark.parametrize("method", [method for method in FAST if method != "incremental"])
def test_fast_paths_agree_token_by_token_on_structured_pairs(model: GPTAdder, method: str) -> None:
    a, b = structured_pairs(100_000)
    assert torch.equal(answer_tokens(model, a, b, method), answer_tokens(model, a, b, "incremental"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch", [0, 1, 2, 3, 7, 4097, 1_000_000])
def test_sums_are_right_at_every_batch(adder: GPTAdder, method: str, batch: int) -> None:
    if method == "reference" and batch > 7:
        batch = 513  # one more than a chunk: more would take minutes
    a, b = structured_pairs(batch, seed=batch)
    assert torch.equal(add_tensors(adder, a, b, method), a + b)


@pytest.mark.parametrize("method", METHODS)
def test_sums_spell_the_tokens(model: GPTAdder, method: str) -> None:
    a, b = structured_pairs(40)
    bits = answer_tokens(model, a, b, method) & 1
    assert torch.equal(add_tensors(model, a, b, method), (bits << torch.arange(WIDTH)).sum(1))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("method", [method for method in FAST if method != "scan"])  # most of these are no scan
def test_wrong_weights_give_the_wrong_tokens_of_the_reference(method: str, seed: int) -> None:
    wrong = wrong_model(seed)
    a, b = structured_pairs(50, seed)
    assert torch.equal(answer_tokens(wrong, a, b, method), answer_tokens(wrong, a, b, "reference"))


@pytest.mark.parametrize("mask", [causal_mask(), SHIFTED_MASK], ids=["causal", "shifted"])
@pytest.mark.parametrize("method", ["incremental", "verified", None])
def test_a_model_under_another_mask_is_decoded_as_the_reference_does(mask: Tensor, method: str | None) -> None:
    wrong = GPTAdder(mask)
    wrong.load_state_dict(exact_model().state_dict())
    a, b = structured_pairs(20)
    expected = answer_tokens(wrong, a, b, "reference")
    assert not torch.equal(add_tensors(wrong, a, b, "reference"), a + b)
    assert torch.equal(answer_tokens(wrong, a, b, method), expected)


@pytest.mark.parametrize("method", MEMOISED)
def test_what_is_memoised_refuses_a_model_under_another_mask(method: str) -> None:
    one = torch.tensor([1])
    with pytest.raises(TableError, match="not the routing mask"):
        add_tensors(GPTAdder(), one, one, method)


def forced_contexts() -> Tensor:
    """Return ids, int64 (16, 70): row r holds context r at every one of the 35 steps, in another order each."""
    order = (torch.arange(16)[:, None] + torch.arange(WIDTH)) % 16
    return torch.cat([PAIRS[order], STATES[order]], dim=1)


@pytest.mark.parametrize("method", MODEL_RUNS)
def test_all_16_contexts_step_rightly_at_every_one_of_35_steps(ordinary: GPTAdder, method: str) -> None:
    ids = forced_contexts()
    chosen = forced_logits(ordinary, ids, method).argmax(-1)
    assert torch.equal(chosen, ids[:, :WIDTH] // 2 + ids[:, :WIDTH] % 2 + ids[:, WIDTH:] // 2)


@pytest.mark.parametrize("method", ["incremental", "verified"])
def test_forced_logits_are_those_of_the_whole_sequence(model: GPTAdder, method: str) -> None:
    ids = torch.randint(4, (300, 70), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(forced_logits(model, ids, method), forced_logits(model, ids, "reference"))


@pytest.mark.parametrize("method", MODEL_RUNS)
def test_arithmetic_that_never_rounds_gives_identical_logits_everywhere(adder: GPTAdder, method: str) -> None:
    ids = forced_contexts()
    expected = adder.step_logits(ids[:, :WIDTH].reshape(-1), ids[:, WIDTH:].reshape(-1)).view(16, WIDTH, 4)
    assert torch.equal(forced_logits(adder, ids, method), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", METHODS)
def test_the_dtype_follows_the_module(method: str, dtype: torch.dtype) -> None:
    a, b = structured_pairs(50)
    assert torch.equal(add_tensors(exact_model().to(dtype), a, b, method), a + b)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("method", METHODS)
def test_the_device_follows_the_module(method: str) -> None:
    a, b = structured_pairs(1000)
    assert torch.equal(add_tensors(exact_model().cuda(), a, b, method), a + b)


def test_a_model_of_equal_logits_generates_the_lowest_token_on_every_path() -> None:
    silent = exact_model()
    torch.nn.init.zeros_(silent.embedding.weight)
    a, b = structured_pairs(10)
    assert all(answer_tokens(silent, a, b, method).eq(0).all() for method in METHODS)


def test_greedy_decoding_knows_nothing_of_addition() -> None:
    def countdown(ids: Tensor) -> Tensor:
        return torch.nn.functional.one_hot((ids - 1) % 9, 9).float()

    assert generate_ids(countdown, torch.tensor([[3], [8]]), 5).tolist() == [[2, 1, 0, 8, 7], [7, 6, 5, 4, 3]]


def test_greedy_decoding_shows_the_whole_sequence_at_every_step_without_copying_it() -> None:
    seen = []

    def last_token(ids: Tensor) -> Tensor:
        seen.append((ids.shape[1], ids.data_ptr()))
        return torch.nn.functional.one_hot(ids, 4).float()

    generate_ids(last_token, torch.zeros(2, 3, dtype=torch.int64), 4)
    assert [length for length, _ in seen] == [3, 4, 5, 6]
    assert len({address for _, address in seen}) == 1


def test_prompts_become_sums_of_11_digits(adder: GPTAdder) -> None:
    assert generate(adder, ["0000000012+0000000030=", "9999999999+9999999999="]) == ["00000000042", "19999999998"]


def test_no_prompts_give_no_answers(adder: GPTAdder) -> None:
    assert generate(adder, []) == []


def test_a_prompt_of_another_form_is_refused(adder: GPTAdder) -> None:
    with pytest.raises(PromptError, match="'1-2='"):
        generate(adder, ["1-2="])


def test_without_a_method_a_model_run_decodes() -> None:
    assert {default_method(batch) for batch in (0, 1, 100, 10_000, 10**6)} <= set(MODEL_RUNS)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1], [1, 2], r"shape \(1,\) and b \(2,\)"),
        ([[1]], [[1]], "one-dimensional"),
        ([-1], [1], "a = -1 is out of range"),
        ([1], [10**10], "b = 10000000000 is out of range"),
        ([1.0], [1.0], "dtype torch.float32"),
    ],
)
def test_operands_that_cannot_be_added_are_refused(adder: GPTAdder, a: list, b: list, message: str) -> None:
    with pytest.raises(OperandError, match=message):
        add_tensors(adder, torch.tensor(a), torch.tensor(b))


def test_an_unknown_method_is_refused_before_any_work() -> None:
    not_even_tensors = None
    with pytest.raises(MethodError, match=r"'fast' does not exist; the methods are reference, incremental, verif"):
        add_tensors(not_even_tensors, not_even_tensors, not_even_tensors, "fast")


@pytest.mark.parametrize("method", MEMOISED)
def test_what_is_memoised_computes_no_logits(adder: GPTAdder, method: str) -> None:
    with pytest.raises(MethodError, match="computes no logits"):
        forced_logits(adder, forced_contexts(), method)
