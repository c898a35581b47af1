"""A module is recognised by what it computes; tensors of the right shapes with another forward pass are refused."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn
from torch.nn import functional

from adder.model import GPTAdder, causal_mask, routing_mask
from adder.solver import solve
from tests.proof.models import architecture, integer_model, trained_tensors
from verify.proof import RefusalError, RoutingError, bind, check, covering_pairs, prove, read_architecture, told
from verify.proof.architecture import ROUTING
from verify.proof.automaton import MAX_OPERAND
from verify.proof.binding import _contexts, compare_logits, compare_sums


class Stranger(nn.Module):
    """The same architecture by another hand: other names and order, the head as a product with the transpose."""

    def __init__(self):
        super().__init__()
        source = integer_model()
        self.down = source.mlp[2]
        self.up = source.mlp[0]
        self.mixer = source.attention
        self.table = source.embedding
        self.register_buffer("forbidden", routing_mask())

    def forward(self, tokens):
        length = tokens.shape[1]
        x = self.table(tokens)
        mask = torch.zeros(length, length, dtype=x.dtype).masked_fill(self.forbidden[:length, :length], -torch.inf)
        x = x + self.mixer(x, x, x, attn_mask=mask)[0]
        x = x + self.down(self.up(x).relu())
        return x @ self.table.weight.T


def variant(forward):
    """Return the integer adder with another forward pass, which is given the right one."""
    model = integer_model()
    right = model.forward
    model.forward = lambda ids: forward(model, right, ids)
    return model


def test_our_model_is_recognised():
    found = read_architecture(integer_model())
    assert found["visible"] == ROUTING
    assert (found["dtype"], found["forward"]) == ("float32", "traced")
    assert found["weights"]["mlp.0.bias"] == [[float(x).hex() for x in (-2, -1, -1, -1)]]


def test_a_stranger_with_other_names_is_recognised():
    assert read_architecture(Stranger()) == read_architecture(integer_model())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_every_dtype_is_recognised(dtype):
    found = read_architecture(integer_model().to(dtype))
    assert found["dtype"] == str(dtype).removeprefix("torch.")
    assert prove(found, precisions=())["verdict"] == "PROVED"


@pytest.mark.parametrize("weights", ["integer", "real"])
def test_what_the_solver_finds_is_proved(weights):
    certificate = prove(read_architecture(solve(3, weights=weights)), precisions=())
    assert certificate["verdict"] == "PROVED"
    assert check(certificate) == []


def test_reading_changes_neither_the_random_state_nor_the_model():
    model, state = integer_model(), torch.get_rng_state()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    read_architecture(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def tanh(model, right, ids):
    x = model.embedding(ids)
    length = ids.shape[1]
    x = x + model.attention(x, x, x, attn_mask=model.attention_mask[:length, :length], need_weights=False)[0]
    return functional.linear(x + model.mlp[2](model.mlp[0](x).tanh()), model.embedding.weight)


def swapped(model, right, ids):
    x = model.embedding(ids)
    length = ids.shape[1]
    x = x + model.mlp(x)
    x = x + model.attention(x, x, x, attn_mask=model.attention_mask[:length, :length], need_weights=False)[0]
    return functional.linear(x, model.embedding.weight)


def by_value(model, right, ids):
    return right(ids) if int(ids.sum()) < 100 else -right(ids)


def by_list(model, right, ids):
    return right(ids) if 3 in ids.tolist()[0] else -right(ids)


def applying(model, right, ids):
    tokens = []
    ids.clone().apply_(lambda token: tokens.append(token) or token)
    return right(ids) if 3 in tokens else -right(ids)


def mapping(model, right, ids):
    tokens = []
    ids.clone().map_(ids, lambda token, _same: tokens.append(token) or token)
    return right(ids) if 3 in tokens else -right(ids)


def tabulated(model, right, ids):
    return torch.zeros(*ids.shape, 4)


def scribbling(model, right, ids):
    return right(ids).add_(0)


WRONG_FORWARDS = {
    "tanh": (tanh, "other operations"),
    "swapped blocks": (swapped, "other operations"),
    "scaled": (lambda model, right, ids: 2 * right(ids), "other operations"),
    "shifted tokens": (lambda model, right, ids: right(ids ^ 1), "other operations"),
    "another at length 50": (
        lambda model, right, ids: right(ids) + 1 if ids.shape[1] == 50 else right(ids),
        "1 x 50 tokens",
    ),
    "another in batches": (
        lambda model, right, ids: right(ids) + 1 if len(ids) == 16 else right(ids),
        "16 x 36 tokens",
    ),
    "reads a sum": (by_value, "looks at values"),
    "reads a list": (by_list, "looks at values (Tensor.tolist)"),
    "constant": (tabulated, "not return logits"),
    "in place": (scribbling, "in place"),
    "numpy": (lambda model, right, ids: right(torch.from_numpy(ids.numpy())), "looks at values (Tensor.numpy)"),
    "apply": (applying, "looks at values (Tensor.apply_)"),
    "map": (mapping, "looks at values (Tensor.map_)"),
    "a tuple": (lambda model, right, ids: (right(ids),), "not return logits"),
    "last position": (lambda model, right, ids: right(ids)[:, -1], "other operations"),
    "detached weights": (lambda model, right, ids: right(ids).detach(), "other operations"),
    "raises": (lambda model, right, ids: right(ids.float()), "cannot be traced"),
}


@pytest.mark.parametrize("name", WRONG_FORWARDS)
def test_another_forward_pass_is_refused(name):
    forward, reason = WRONG_FORWARDS[name]
    with pytest.raises(RefusalError, match=re.escape(reason)):
        read_architecture(variant(forward))


def hooked(model):
    model.mlp.register_forward_hook(lambda _module, _args, output: output * 2)


def hooked_before(model):
    model.mlp.register_forward_pre_hook(lambda _module, args: (args[0] * 2,))


def leaky(model):
    model.mlp[1] = nn.LeakyReLU()


def biased(model):
    model.attention.in_proj_bias = nn.Parameter(torch.zeros(6))


def dropping(model):
    model.attention.dropout = 0.1
    model.train()


def untied(model):
    model.head = nn.Parameter(model.embedding.weight.clone())


def extra_buffer(model):
    model.register_buffer("scale", torch.ones(1))


def zero_attention(model):
    model.attention.add_zero_attn = True


def copied_rows(model):
    model.embedding.padding_idx = None
    model.embedding.max_norm = 10.0


CHANGES = [hooked, hooked_before, leaky, biased, dropping, untied, extra_buffer, zero_attention, copied_rows]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_module_is_refused(change):
    model = integer_model()
    change(model)
    with pytest.raises(RefusalError, match=r"other operations|parameters in|has buffers|in place|constants|traced"):
        read_architecture(model)


def test_a_subclass_that_overrides_a_part_is_refused():
    class Louder(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 1.5

    model = integer_model()
    louder = Louder(2, 4)
    louder.weight, louder.bias = model.mlp[0].weight, model.mlp[0].bias
    model.mlp[0] = louder
    with pytest.raises(RefusalError, match="other operations"):
        read_architecture(model)


@pytest.mark.parametrize("entry", [-1e9, -1e4], ids=str)
def test_a_mask_that_is_not_infinite_is_refused(entry):
    model = Stranger()
    model.forbidden = None

    def forward(tokens):
        length = tokens.shape[1]
        x = model.table(tokens)
        x = x + model.mixer(x, x, x, attn_mask=routing_mask()[:length, :length].float() * entry)[0]
        return (x + model.down(model.up(x).relu())) @ model.table.weight.T

    model.forward = forward
    with pytest.raises(RefusalError, match="minus infinity"):
        read_architecture(model)


@pytest.mark.parametrize("mask", [causal_mask(), ~torch.eye(70, dtype=torch.bool)], ids=["causal", "itself alone"])
def test_a_wrong_mask_is_read_and_breaks_the_routing_lemma(mask):
    model = integer_model()
    model.attention_mask = mask
    with pytest.raises(RoutingError, match="position 35 sees"):
        prove(read_architecture(model))


@pytest.mark.parametrize("model", [None, 3, "adder", object(), max], ids=["None", "int", "text", "object", "function"])
def test_what_is_no_module_is_refused(model):
    with pytest.raises(RefusalError, match="torch modules and state dicts"):
        read_architecture(model)


def test_autocast_is_refused():
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(RefusalError, match="autocast"):
        read_architecture(integer_model())


def test_a_state_dict_is_told_apart_by_its_shapes():
    tensors = {f"x.{name}": tensor for name, tensor in integer_model().state_dict().items()}
    renamed = {name.replace("embedding", "wte").replace("mlp.0", "fc1"): tensor for name, tensor in tensors.items()}
    found = read_architecture(renamed)
    assert found["weights"] == read_architecture(integer_model())["weights"]
    assert (found["forward"], found["visible"]) == ("given", ROUTING)


def test_a_stored_copy_of_the_tied_head_is_the_embedding():
    state = dict(integer_model().state_dict())
    state["head.weight"] = state["embedding.weight"].clone()
    assert read_architecture(state)["weights"] == read_architecture(integer_model())["weights"]


def test_an_untied_head_in_a_state_dict_is_refused():
    state = dict(integer_model().state_dict())
    state["head.weight"] = state["embedding.weight"] + 1
    with pytest.raises(RefusalError, match="the head must be the embedding"):
        read_architecture(state)


@pytest.mark.parametrize("name", ["embedding.weight", "attention.in_proj_weight", "attention.out_proj.weight"])
def test_a_state_dict_that_lacks_a_tensor_is_refused(name):
    state = dict(integer_model().state_dict())
    del state[name]
    with pytest.raises(RefusalError, match="the state dict holds"):
        read_architecture(state)


@pytest.mark.parametrize("hidden", [3, 5])
def test_a_model_of_another_size_is_told_what_the_proof_is_of(hidden):
    model = integer_model()
    model.mlp = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, 2))
    count = sum(parameter.numel() for parameter in model.parameters())
    for subject, words in ((model, "the model has"), (dict(model.state_dict()), "the state dict holds")):
        with pytest.raises(RefusalError, match=f"{words} {count} parameters in 7 tensors; this proof is of one arch"):
            read_architecture(subject)


def test_no_refusal_shows_shapes_or_lists():
    model = integer_model()
    model.head = nn.Parameter(torch.zeros(46))
    state = dict(model.state_dict()) | {"mask": torch.zeros(3, 3, dtype=torch.bool)}
    del state["head"]
    for subject in (model, dict(model.state_dict()), state, 3):
        with pytest.raises(RefusalError, match=r"^[^\[\]{}]+$"):
            read_architecture(subject)


def test_a_mask_in_a_state_dict_counts():
    state = dict(integer_model().state_dict()) | {"mask": causal_mask()}
    with pytest.raises(RoutingError, match="position 35 sees"):
        prove(read_architecture(state))


def test_weights_of_two_dtypes_are_refused():
    state = dict(integer_model().state_dict())
    state["mlp.0.bias"] = state["mlp.0.bias"].double()
    with pytest.raises(RefusalError, match="must be of one"):
        read_architecture(state)


def test_weights_that_are_not_finite_are_refused():
    model = integer_model()
    model.mlp[2].bias.data[0] = torch.nan
    with pytest.raises(RefusalError, match="finite"):
        prove(read_architecture(model))


def test_covering_pairs_cover_every_context_at_every_bit():
    pairs = covering_pairs()
    seen = {context for a, b in pairs for context in _contexts(a, b)}
    assert all(0 <= a <= MAX_OPERAND and 0 <= b <= MAX_OPERAND for a, b in pairs)
    assert len(pairs) < 120
    for bit in range(2, 32):
        assert {(bit, pair, state) for pair in range(4) for state in range(4)} <= seen


def test_an_adder_that_adds_is_bound():
    model = integer_model()
    found = read_architecture(model)
    record = bind("ours", found, model, lambda a, b: a + b)
    assert (record["subject"], record["forward"], record["decoding"]) == ("ours", "traced", "compared")
    assert record["pairs"] == len(covering_pairs())
    certificate = prove(found, precisions=(), record=record)
    assert check(certificate) == []
    assert f"pairs: {len(covering_pairs())}" in "\n".join(told(certificate))


@pytest.mark.parametrize("bit", [0, 7, 20, 33])
def test_an_add_that_loses_a_carry_into_one_bit_is_not_bound(bit):
    def add(a, b):
        carry = (a % 2**bit + b % 2**bit) >> bit
        return a + b - (carry << bit)

    if bit == 0:
        assert compare_sums(add) == len(covering_pairs())
        return
    with pytest.raises(RefusalError, match="but should be"):
        compare_sums(add)


@pytest.mark.parametrize(
    "answer", [lambda a, b: float(a + b), lambda a, b: None, lambda a, b: str(a + b)], ids=["float", "none", "text"]
)
def test_an_add_that_returns_no_int_is_not_bound(answer):
    with pytest.raises(RefusalError, match="but should be"):
        compare_sums(answer)


def test_an_add_that_changes_its_model_is_not_bound():
    model = integer_model()
    found = read_architecture(model)

    def add(a, b):
        model.mlp[2].bias.data.fill_(0.5)
        return a + b

    with pytest.raises(RefusalError, match="another after adding"):
        bind("", found, model, add)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_torchs_logits_lie_within_the_bound_at_every_position(dtype):
    model = GPTAdder(routing_mask())
    model.load_state_dict(
        {
            n: torch.tensor(rows).reshape(p.shape)
            for (n, p), rows in zip(model.named_parameters(), trained_tensors().values(), strict=True)
        }
    )
    model = model.to(dtype)
    assert compare_logits(model, read_architecture(model)) == 35 * 16 * 4


def test_a_module_that_computes_otherwise_than_it_was_read_is_not_bound():
    with pytest.raises(RefusalError, match="the architecture's is"):
        compare_logits(
            variant(tanh), architecture({n: [list(r) for r in rows] for n, rows in trained_tensors().items()})
        )
