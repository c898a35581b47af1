"""What is recorded is what a forward computes for all tokens; one that looks at its tokens is refused in words."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import math
import pickle
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.dlpack import from_dlpack, to_dlpack

from verify.anatomy.graph import read
from verify.anatomy.graph.evaluate import evaluate
from verify.anatomy.graph.nodes import RefusedError
from verify.anatomy.graph.recording import Writer
from verify.anatomy.graph.torch_recorder import record

COLUMNS = Path(__file__).parents[1] / "submissions" / "columns"
LENGTH, VOCABULARY = 6, 12
FEASIBLE = [set(range(10))] * (LENGTH - 1) + [{11}]


@pytest.fixture(scope="module")
def adder() -> Any:
    sys.path.insert(0, str(COLUMNS))
    import one_layer

    torch.manual_seed(5)
    model = one_layer.Adder(width=4, heads=2, key=3, value=2, hidden=3, norm="rms", act="gelu", choices=5)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    return model.eval()


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    found = torch.randint(0, 10, (24, LENGTH), generator=torch.Generator().manual_seed(3))
    found[:, -1] = 11
    return found


def evaluated(forward: Callable[[Tensor], Any], tokens: Tensor) -> np.ndarray:
    """Return what the record of a forward on the first sequence says of all, (N, choices)."""
    program, logits, _ = record(forward, tokens[:1].clone(), VOCABULARY, FEASIBLE)
    writer = Writer()
    plain = writer.step(program, logits)
    tables = tuple(tuple(map(float.fromhex, table)) for table in writer.tables)
    step = read.step_of(plain, LENGTH, len(tables), len(logits))
    graph = read.Graph(1, "float64", VOCABULARY, len(logits), (), (), tables, (step,), {})
    return evaluate(graph, 0, tokens.numpy(), "float64")


def agree(forward: Callable[[Tensor], Any], tokens: Tensor) -> None:
    found = evaluated(forward, tokens)
    with torch.no_grad():
        expected = np.concatenate([forward(row[None].clone())[:, -1].numpy() for row in tokens])
    assert np.ptp(expected, axis=0).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


class Capsule:
    """What numpy takes memory from."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


POOL = ThreadPoolExecutor(1)
POOL.submit(int).result()


def in_a_thread(tokens: Tensor) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(tokens.tolist()))
    thread.start()
    thread.join()
    return found


def scripted(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have it exported
        return torch.jit.script(function)  # type: ignore[no-any-return]


def looks_where_it_is_compiled(ids: Tensor) -> Tensor:
    if bool((ids[0, 0] > 3).item()):
        return ids + 1
    return ids


def attends_where_it_is_compiled(x: Tensor) -> Tensor:
    return torch.softmax(x @ x.transpose(1, 2), -1) @ x


@torch.library.custom_op("traps::thrice", mutates_args=())
def thrice(x: Tensor) -> Tensor:
    """Return three times a tensor, by an operation of its own that torch does not look into."""
    return torch.from_numpy(x.numpy() * 3)


def in_spite_of_it(tokens: Tensor) -> Any:
    with contextlib.suppress(Exception):
        return tokens[0, 0].item()
    return 0


READS: dict[str, Callable[[Tensor], Any]] = {
    "a branch": lambda ids: bool(ids[0, 0] == 3),
    "a branch on several": lambda ids: (ids == 3).any(),
    "item": lambda ids: ids[0, 0].item(),
    "item, caught": in_spite_of_it,
    "item of a number": lambda ids: ids.double().mean().item(),
    "the method of the class": lambda ids: Tensor.item(ids[0, 0]),
    "tolist": lambda ids: ids.tolist(),
    "int": lambda ids: int(ids[0, 0]),
    "an index of a list": lambda ids: list(range(12))[ids[0, 0]],
    "a range": lambda ids: range(ids[0, 0]),
    "in": lambda ids: 3 in ids,
    "iteration": lambda ids: [each for each in ids[0] if each == 3],
    "numpy and back": lambda ids: torch.from_numpy(ids.numpy()[0].copy()),
    "asarray": np.asarray,
    "numpy by dlpack": np.from_dlpack,
    "numpy by a capsule": lambda ids: np.from_dlpack(Capsule(to_dlpack(ids))),
    "torch by a capsule": lambda ids: from_dlpack(to_dlpack(ids)).tolist(),
    "torch by dlpack": lambda ids: torch.from_dlpack(ids).tolist(),
    "capsules by map": lambda ids: list(map(to_dlpack, [ids])),
    "memory": lambda ids: ctypes.string_at(ids.data_ptr(), 8),
    "storage": lambda ids: bytes(ids.untyped_storage()),
    "typed storage": lambda ids: ids.storage()[0],
    "data": lambda ids: ids.data.tolist(),
    "detached": lambda ids: ids.detach().tolist(),
    "pickle": pickle.dumps,
    "a deep copy": lambda ids: copy.deepcopy(ids).tolist(),
    "a copy": lambda ids: copy.copy(ids).tolist(),
    "text": str,
    "format": lambda ids: f"{ids[0, 0]}",
    "apply_": lambda ids: ids.clone().apply_(lambda value: value),
    "map_": lambda ids: ids.clone().map_(ids, lambda value, _other: value),
    "equal": lambda ids: torch.equal(ids, torch.zeros_like(ids)),
    "nonzero": torch.nonzero,
    "where": lambda ids: torch.where(ids == 3)[0],
    "a mask": lambda ids: ids[ids == 3],
    "unique": lambda ids: ids.unique(),
    "bincount": lambda ids: torch.bincount(ids[0]),
    "one_hot of whatever there is": lambda ids: functional.one_hot(ids),
    "a script": lambda ids: scripted(looks_where_it_is_compiled)(ids),
    "an operation of its own": lambda ids: thrice(ids),
    "a slice": lambda ids: torch.zeros(20)[: ids[0, 0]],
    "a size": lambda ids: torch.zeros(ids[0, 0]),
    "a thread": in_a_thread,
    "a pool of threads": lambda ids: POOL.submit(ids.tolist).result(),
}


@pytest.mark.parametrize("name", READS)
def test_a_forward_that_looks_at_its_tokens_is_refused(adder: Any, tokens: Tensor, name: str) -> None:
    def forward(ids: Tensor) -> Tensor:
        READS[name](ids)
        return adder(ids)  # type: ignore[no-any-return]

    with pytest.raises(RefusedError) as caught:
        evaluated(forward, tokens)
    assert "test_graph_traps.py, line" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_was_guarded_is_as_it_was(adder: Any, tokens: Tensor) -> None:
    before = to_dlpack, threading.Thread.start, ThreadPoolExecutor.submit
    evaluated(adder, tokens)
    assert before == (to_dlpack, threading.Thread.start, ThreadPoolExecutor.submit)
    assert from_dlpack(to_dlpack(tokens)).equal(tokens)
    assert in_a_thread(tokens) == [tokens.tolist()]


SHARED = np.zeros(1, np.float32)
FIRST, SECOND = torch.from_numpy(SHARED), torch.from_numpy(SHARED)  # one memory, two storages
LIBRARY = torch.library.Library("stranger", "DEF")
LIBRARY.define("add(Tensor x, Tensor y) -> Tensor")
LIBRARY.impl("add", lambda x, y: x - y, "CPU")


class Doubled(Tensor):
    """A tensor that does something else than what is dispatched."""

    @staticmethod
    def __new__(cls, held: Tensor) -> Any:
        return Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype)  # type: ignore[attr-defined]

    def __init__(self, held: Tensor) -> None:
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*(each.held * 2 if isinstance(each, cls) else each for each in args), **(kwargs or {}))


def seen_through_another_storage(adder: Any, ids: Tensor) -> Any:
    FIRST.copy_(torch.relu(adder.embedding(ids).sum() - 100))
    return adder.head(adder.embedding(ids) + SECOND)


def seen_through_numpy(adder: Any, ids: Tensor) -> Any:
    buffer = torch.zeros(1)
    seen = buffer.numpy()
    buffer += torch.relu(adder.embedding(ids).sum() - 100)
    return adder.head(adder.embedding(ids) * (-1 if seen[0] > 0 else 1))


def by_a_strangers_operation(adder: Any, ids: Tensor) -> Any:
    return adder.head(torch.ops.stranger.add(adder.embedding(ids), torch.ones(4)))


def seen_as_bits(adder: Any, ids: Tensor) -> Any:
    x = adder.embedding(ids)
    return adder.head(x) * (x[..., :1].view(torch.int32) > 0)


UNSEEN: dict[str, tuple[Callable[[Any, Tensor], Any], str]] = {
    "another storage": (seen_through_another_storage, "was there before"),
    "numpy": (seen_through_numpy, "was there before"),
    "a stranger's operation": (by_a_strangers_operation, "stranger::add"),
    "a tensor of another kind": (lambda a, ids: a.head(a.embedding(ids) * Doubled(torch.ones(4))), "Doubled"),
    "bits": (seen_as_bits, "another type"),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_not_seen_is_refused(adder: Any, tokens: Tensor, name: str) -> None:
    forward, why = UNSEEN[name]
    with pytest.raises(RefusedError, match=why):
        evaluated(lambda ids: forward(adder, ids), tokens)


def kinds_of(forward: Callable[[Tensor], Any], tokens: Tensor) -> list[list[Any]]:
    program, logits, _ = record(forward, tokens[:1].clone(), VOCABULARY, FEASIBLE)
    nodes: list[list[Any]] = Writer().step(program, logits)["nodes"]
    return nodes


def test_what_is_computed_twice_may_round_twice(adder: Any, tokens: Tensor) -> None:
    """A sum in memory's order and one across it differ by roundings, of which a node less itself would know nothing."""

    def forward(ids: Tensor) -> Any:
        x = adder.embedding(ids).reshape(-1)
        across = torch.stack([x, torch.zeros_like(x)], 1).sum(0)[0]
        return torch.stack([x.sum() - across, x.exp()[0] - x[:1].exp()[0]])[None, None]

    nodes = kinds_of(forward, tokens)
    assert [node[0] for node in nodes].count("sum") == 2
    assert [node[0] for node in nodes].count("exp") == 2
    assert all(x != y for kind, x, y in (node for node in nodes if node[0] == "sub") if kind)


def test_two_softmaxes_of_the_same_scores_are_two_rows(adder: Any, tokens: Tensor) -> None:
    def forward(ids: Tensor) -> Any:
        scores, values = scores_of(adder, ids)
        return adder.head((scores.softmax(-1) @ values) * (scores.softmax(-1) @ values))

    rows = {tuple(node[1]) for node in kinds_of(forward, tokens) if node[0] == "smax"}
    assert len(rows) == 2
    agree(lambda ids: forward(ids), tokens)


HIDING: dict[str, Callable[[Tensor], Tensor]] = {
    "0 times": lambda x: 0.0 * torch.exp(1000 * x.sum()),
    "a product with 0": lambda x: torch.exp(1000 * x.sum(-1, keepdim=True)) @ torch.zeros(1, 4),
    "0 over": lambda x: 0.0 / x.sum(),
}


@pytest.mark.parametrize("name", HIDING)
def test_what_0_hides_must_be_a_number(adder: Any, tokens: Tensor, name: str) -> None:
    """0 times infinity is no number, and no logits come of it: what may overflow stays in the graph, to be bounded."""

    def forward(ids: Tensor) -> Any:
        x = adder.embedding(ids)
        return adder.head(x + HIDING[name](x))

    assert {"exp", "div"} & {node[0] for node in kinds_of(forward, tokens)}


def test_what_0_surely_hides_is_left_out(adder: Any, tokens: Tensor) -> None:
    def forward(ids: Tensor) -> Any:
        x = adder.embedding(ids)
        squares = x.pow(2).mean(-1, keepdim=True)
        return adder.head(x.cumsum(1) + 0.0 * (x * torch.rsqrt(squares + 1e-5)) + 0.0 * functional.gelu(x).softmax(-1))

    assert not {"rsqrt", "gelu", "smax"} & {node[0] for node in kinds_of(forward, tokens)}


def test_a_masked_score_that_may_overflow_is_refused(adder: Any, tokens: Tensor) -> None:
    mask = torch.zeros(LENGTH, LENGTH)
    mask[:, 2] = -math.inf

    def forward(ids: Tensor, scale: float) -> Any:
        scores, values = scores_of(adder, ids)
        return adder.head((scores * scale * scale + mask).softmax(-1) @ values)

    agree(lambda ids: forward(ids, 1.0), tokens)
    with pytest.raises(RefusedError, match="finite"):
        evaluated(lambda ids: forward(ids, 1e20), tokens)


def test_complex_numbers_of_two_short_ones_are_short() -> None:
    table = torch.randn(VOCABULARY, 4, dtype=torch.complex64)
    _, _, kind = record(
        lambda ids: torch.view_as_real(table[ids] * table[ids])[..., 0],
        torch.tensor([[3, 1, 4, 1, 5, 11]]),
        VOCABULARY,
        FEASIBLE,
    )
    assert kind == "float32"


def with_hooks(adder: Any, ids: Tensor) -> Any:
    """Change what goes into and comes out of parts of a model."""
    hooks = [
        adder.query.register_forward_hook(lambda _module, _inputs, output: output * 1.5),
        adder.up.register_forward_pre_hook(lambda _module, inputs: (inputs[0] + 0.25,)),
    ]
    try:
        return adder(ids)
    finally:
        for hook in hooks:
            hook.remove()


def in_place(adder: Any, ids: Tensor) -> Any:
    x = adder.embedding(ids)
    row = x.view(-1)  # shares its memory
    row[::2] *= 0.5
    x[:, 1:].add_(x[:, :-1].clone())
    x.transpose(1, 2)[:, 0].mul_(2)
    x.select(2, 1).fill_(0.125)
    return adder.head(torch.relu_(x))


def into_a_buffer(adder: Any, ids: Tensor) -> Any:
    x = adder.embedding(ids)
    buffer = torch.ones(1, LENGTH + 1, 4)
    part = buffer[:, 1:]
    part.copy_(x)
    buffer[0, 0, :2] = x[0, 0, 2:]
    torch.add(buffer[:, 1:], part, out=part)
    return adder.head(buffer[:, :1] + buffer[:, 1:])


def into_a_constant(adder: Any, ids: Tensor) -> Any:
    lasting = torch.zeros(LENGTH, 4)
    alias = lasting[2:]
    lasting += adder.embedding(ids)[0]
    alias[:] = alias.flip(0)
    return adder.head(lasting[None].cumsum(1))


def through_another_table(adder: Any, ids: Tensor) -> Any:
    table = (torch.arange(VOCABULARY) * 7) % 5
    return adder.head(adder.embedding(table[ids]) + functional.one_hot(ids, VOCABULARY)[..., :4]).cumsum(1)


def scores_of(adder: Any, ids: Tensor) -> tuple[Tensor, Tensor]:
    x = adder.embedding(ids)
    return adder.query(x)[..., :3] @ adder.keys(x)[..., :3].transpose(1, 2), adder.values(x)


def masked_by(fill: float) -> Callable[[Any, Tensor], Any]:
    def forward(adder: Any, ids: Tensor) -> Any:
        scores, values = scores_of(adder, ids)
        later = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
        later[:, 2] = True
        return adder.head(scores.masked_fill(later, fill).softmax(-1) @ values)

    return forward


def by_hand(adder: Any, ids: Tensor) -> Any:
    scores, values = scores_of(adder, ids)
    scores = torch.where(torch.ones(LENGTH, LENGTH).tril() == 0, -math.inf, scores)
    powers = torch.exp(scores - scores.amax(-1, keepdim=True))
    return adder.head(powers / powers.sum(-1, keepdim=True) @ values)


def with_rows_that_see_nothing(adder: Any, ids: Tensor) -> Any:
    scores, values = scores_of(adder, ids)
    hidden = torch.zeros(LENGTH, LENGTH, dtype=torch.bool)
    hidden[1:3] = True  # nan there, which the last position does not read
    return adder.head(scores.masked_fill(hidden, -math.inf).softmax(-1) @ values)


def with_nothing_where_nothing_is_seen(adder: Any, ids: Tensor) -> Any:
    scores, values = scores_of(adder, ids)
    hidden = torch.zeros(LENGTH, LENGTH, dtype=torch.bool)
    hidden[1:3] = True
    weights = scores.masked_fill(hidden, -math.inf).softmax(-1).nan_to_num(0.0)
    return adder.head((weights @ values).cumsum(1))


def fused_where_nothing_is_seen(adder: Any, ids: Tensor) -> Any:
    x = adder.embedding(ids)
    query, key, value = adder.query(x)[..., :4], adder.keys(x)[..., :4], adder.values(x)
    sees = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    sees[1:3] = False
    mixed = functional.scaled_dot_product_attention(query[None], key[None], value[None], attn_mask=sees)
    return adder.head(mixed[0].cumsum(1))


def rotated_as_complex(adder: Any, ids: Tensor) -> Any:
    turn = torch.polar(torch.ones(LENGTH, 2), torch.arange(LENGTH)[:, None] * torch.tensor([1.0, 0.1]))
    pairs = torch.view_as_complex(adder.embedding(ids).reshape(1, LENGTH, 2, 2))
    return adder.head(torch.view_as_real(pairs * turn).flatten(-2)).cumsum(1)


def with_torchs_own_attention(adder: Any, ids: Tensor) -> Any:
    torch.manual_seed(4)
    attention = torch.nn.MultiheadAttention(4, 2, batch_first=True).eval()
    x = adder.embedding(ids)
    later = torch.nn.Transformer.generate_square_subsequent_mask(LENGTH)
    with_weights, _ = attention(x, x, x, attn_mask=later)
    without, _ = attention(x, x, x, attn_mask=later, is_causal=True, need_weights=False)
    return adder.head(with_weights + 2 * without)


def by_look_ups(adder: Any, ids: Tensor) -> Any:
    table = adder.embedding.weight
    x = table.gather(0, ids[0][:, None].expand(LENGTH, 4)) + table.index_select(0, ids[0])
    x = x + torch.stack([table[token] for token in ids[0]]) + torch.take(torch.arange(12.0), ids[0])[:, None]
    return adder.head(x[None]).cumsum(1)


def chosen_by_tokens(adder: Any, ids: Tensor) -> Any:
    x = adder.embedding(ids).cumsum(1)
    x = x.masked_fill((ids == 3)[..., None], 0.5)
    return adder.head(torch.where((ids > 5)[..., None], x, x * 2)).cumsum(1)


def with_gates(adder: Any, ids: Tensor) -> Any:
    x = adder.embedding(ids)
    x = functional.glu(torch.cat([x, x.flip(-1)], -1)) + x.pow(torch.tensor(2.0))
    return adder.head(torch.addcdiv(x, x, x * x + 1, value=0.5)).cumsum(1)


def in_a_list(adder: Any, ids: Tensor) -> Any:
    buffer = torch.tensor([[1.0, 2, 3, 4]] * LENGTH)
    buffer += adder.embedding(ids)[0]
    return adder.head(buffer[None].cumsum(1))


def by_whole_numbers(function: Callable[[Tensor], Tensor]) -> Callable[[Any, Tensor], Any]:
    table = torch.randn(300, 4, generator=torch.Generator().manual_seed(4))
    return lambda adder, ids: adder.head(table[function(ids).long()].cumsum(1))


def unscaled(adder: Any, ids: Tensor) -> Any:
    x = adder.embedding(ids)[None]
    return adder.head(functional.scaled_dot_product_attention(x, x, x, scale=0.0)[0])


TENTHS = torch.arange(VOCABULARY).float() * 0.1


def of_tenths(adder: Any, ids: Tensor) -> Any:
    return adder.head(torch.where(TENTHS[ids][..., None] == 0.1, torch.ones(4), torch.zeros(4)).cumsum(1))


FAITHFUL: dict[str, Callable[[Any, Tensor], Any]] = {
    "a scale of 0": unscaled,
    "into a list": in_a_list,
    "true and true": by_whole_numbers(lambda ids: (ids == 3) + (ids > 2)),
    "a tenth in float32": of_tenths,
    "hooks": with_hooks,
    "in place": in_place,
    "into a buffer": into_a_buffer,
    "into a constant": into_a_constant,
    "another table": through_another_table,
    "masked by -inf": masked_by(-math.inf),
    "masked by -1e9": masked_by(-1e9),
    "masked by the least": masked_by(torch.finfo(torch.float32).min),
    "softmax by hand": by_hand,
    "rows that see nothing": with_rows_that_see_nothing,
    "nothing where nothing is seen": with_nothing_where_nothing_is_seen,
    "fused, where nothing is seen": fused_where_nothing_is_seen,
    "rotated as complex numbers": rotated_as_complex,
    "torch's own attention": with_torchs_own_attention,
    "look-ups": by_look_ups,
    "chosen by tokens": chosen_by_tokens,
    "gates": with_gates,
    "a script": lambda adder, ids: adder.head(scripted(attends_where_it_is_compiled)(adder.embedding(ids))),
}


@pytest.mark.parametrize("name", FAITHFUL)
def test_what_is_recorded_is_what_is_computed(adder: Any, tokens: Tensor, name: str) -> None:
    agree(lambda ids: FAITHFUL[name](adder, ids), tokens)


def test_a_row_that_sees_nothing_has_no_logits(adder: Any, tokens: Tensor) -> None:
    def forward(ids: Tensor) -> Any:
        scores, values = scores_of(adder, ids)
        return adder.head((scores - math.inf).softmax(-1) @ values)

    with pytest.raises(RefusedError, match="finite"):
        evaluated(forward, tokens)


def test_whole_numbers_are_rounded_where_they_become_short(tokens: Tensor) -> None:
    def forward(ids: Tensor) -> Tensor:
        return (ids[:, :1] * 16_777_217).float()[..., None].expand(1, LENGTH, 3)

    expected = np.concatenate([forward(row[None])[:, -1].numpy() for row in tokens])
    np.testing.assert_array_equal(evaluated(forward, tokens), expected)


def test_whole_numbers_that_overflow_are_refused(adder: Any, tokens: Tensor) -> None:
    with pytest.raises(RefusedError, match="uint8"):
        evaluated(lambda ids: adder.embedding((ids.to(torch.uint8) * 40).long() % 12), tokens)
