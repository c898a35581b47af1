"""Reads the architecture that the theorem is about off a torch module or a state dict, or refuses with a reason.

A state dict holds weights only: told apart by their shapes, they are the architecture's by definition, under the
routing mask. A module is recognised by what it computes: at each of the 35 lengths of greedy decoding, its forward
pass dispatches exactly the operations of the architecture, with its parameters and one constant mask
(`verify.proof.tracing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import permutations, product
from math import prod
from typing import TYPE_CHECKING, Any

from verify.proof.automaton import BINARY_WIDTH
from verify.proof.weights import SHAPES, RefusalError

if TYPE_CHECKING:
    from torch import Tensor, nn

    MaskedForward = Callable[..., Tensor]  # (ids, mask=...)
    Parameters = dict[str, nn.Parameter]

CONTEXT_LENGTH = 2 * BINARY_WIDTH
ROUTING = [[t] if t < BINARY_WIDTH else [t - BINARY_WIDTH, t] for t in range(CONTEXT_LENGTH)]
BATCHES = (2, 16)
_OF = "one transformer block of width 2, one attention head, 4 hidden units, its embedding tied to its head"
_REACH = f"this proof is of one architecture alone: {_OF}, 46 parameters in 7 tensors. Others may add as well"


def read_architecture(model: Any) -> dict[str, Any]:
    """Return the architecture of a torch module or a state dict: ``dtype``, ``weights``, ``visible``, ``forward``.

    ``forward`` says how it was read: "traced" off a module's operations, "given" by a state dict.

    Raises:
        RefusalError: it is another architecture, or might be.
    """
    import torch

    if isinstance(model, torch.nn.Module):
        return _read_module(model)
    if isinstance(model, Mapping):
        return _read_state_dict(model)
    raise RefusalError(
        f"the model is a {type(model).__name__}, and what it computes cannot be read: of torch modules and state dicts "
        "alone it can"
    )


def _read_state_dict(state: Mapping[Any, Any]) -> dict[str, Any]:
    """Read the weights of a state dict; a copy of the tied head may be there, and a mask of 70 x 70 booleans."""
    import torch

    tensors = {str(name): value for name, value in state.items() if isinstance(value, torch.Tensor)}
    masks = [name for name in tensors if tensors[name].dtype == torch.bool]
    rest = {name: tensor for name, tensor in tensors.items() if name not in masks}
    biased = {name.removesuffix("bias") + "weight" for name in rest if name.endswith("bias")}
    heads = [name for name, tensor in rest.items() if tuple(tensor.shape) == (4, 2) and name not in biased]
    for copy in heads[1:]:
        if not torch.equal(rest[copy], rest[heads[0]]):
            raise RefusalError(
                f"{copy} differs from {heads[0]}, but the head must be the embedding: in the architecture that this "
                "proof is of one tensor is both"
            )
        del rest[copy]
    found = {name: [key for key in rest if tuple(rest[key].shape) == shape] for name, shape in SHAPES.items()}
    found["embedding.weight"] = heads[:1]
    found["mlp.0.weight"] = [key for key in found["mlp.0.weight"] if key in biased]
    if len(rest) != len(SHAPES) or any(len(keys) != 1 for keys in found.values()) or len(masks) > 1:
        raise RefusalError(f"the state dict holds {_counted(list(rest.values()))}; {_REACH}")
    visible = _visible(tensors[masks[0]]) if masks else ROUTING
    return _described({name: rest[keys[0]] for name, keys in found.items()}, visible, "given")


def _read_module(model: nn.Module) -> dict[str, Any]:
    import torch

    from verify.proof.tracing import Trace

    if torch.is_autocast_enabled() or torch.is_autocast_enabled("cpu"):
        raise RefusalError("autocast is on, which rounds where the architecture does not")
    for named in _assignments(model):
        table = Trace()
        ids = torch.zeros(1, CONTEXT_LENGTH, dtype=torch.int64, device=named["embedding.weight"].device)
        number, constants = table.run(model, ids, named)
        mask = _mask(constants, CONTEXT_LENGTH)
        for canonical in _canonical_forwards(named):
            if table.run(partial(canonical, mask=mask), ids, named)[0] == number:
                _check_all_shapes(table, model, canonical, named, mask)
                return _described(named, _visible(mask), "traced")
    raise RefusalError(f"the forward pass runs other operations than {_OF}, of which alone this proof is")


def _check_all_shapes(table: Any, model: nn.Module, canonical: MaskedForward, named: Parameters, mask: Tensor) -> None:
    """Check that the forward pass is the architecture at every length of decoding, and for batches."""
    import torch

    from verify.anatomy.torch_reads import exports_exchanged

    lengths = range(BINARY_WIDTH + 1, CONTEXT_LENGTH + 1)
    shapes = [(1, length) for length in lengths] + list(product(BATCHES, (lengths[0], lengths[-1])))
    with exports_exchanged():
        for shape in shapes:
            ids = torch.zeros(shape, dtype=torch.int64, device=mask.device)
            part = mask[: shape[1], : shape[1]]
            if table.run(model, ids, named)[0] != table.run(partial(canonical, mask=part), ids, named)[0]:
                raise RefusalError(
                    f"given {shape[0]} x {shape[1]} tokens, which decoding comes to, the forward pass runs other "
                    "operations than the architecture that it has at its full length"
                )


def _assignments(model: nn.Module) -> Iterator[Parameters]:
    """Yield the ways to give a module's parameters the architecture's names; shapes leave at most two."""
    parameters = list(model.parameters())
    buffers = [name for name, buffer in model.named_buffers() if buffer.is_floating_point()]
    if buffers:
        raise RefusalError(
            f"the model has buffers of numbers ({', '.join(buffers)}), and this proof is of a model that has no "
            "numbers besides its weights"
        )
    shapes = sorted(tuple(each.shape) for each in parameters)
    if shapes != sorted(SHAPES.values()):
        raise RefusalError(f"the model has {_counted(parameters)}; {_REACH}")
    by_shape = {tuple(each.shape): each for each in parameters}
    pair = [each for each in parameters if tuple(each.shape) == (4, 2)]
    for embedding, hidden in permutations(pair):
        yield {name: by_shape[shape] for name, shape in SHAPES.items()} | {
            "embedding.weight": embedding,
            "mlp.0.weight": hidden,
        }


def _counted(tensors: Sequence[Tensor]) -> str:
    """Say what tensors hold; where it is as many numbers as the architecture has, that they are arranged otherwise."""
    count = sum(tensor.numel() for tensor in tensors)
    parameters = "1 parameter" if count == 1 else f"{count:,} parameters"
    found = f"{parameters} in {len(tensors)} tensors"
    same = (count, len(tensors)) == (sum(map(prod, SHAPES.values())), len(SHAPES))
    return f"{found}, of other shapes than this proof knows" if same else found


def _canonical_forwards(named: Parameters) -> Iterator[MaskedForward]:
    """Yield the architecture's forward pass in the ways in which torch is asked for it."""
    from torch import nn
    from torch.nn import functional

    attention = nn.MultiheadAttention(2, 1, bias=False, batch_first=True, device="meta").eval()
    attention.in_proj_weight = named["attention.in_proj_weight"]
    attention.out_proj.weight = named["attention.out_proj.weight"]
    embedding = named["embedding.weight"]

    def forward(ids: Tensor, mask: Tensor, *, need_weights: bool, transpose: bool) -> Tensor:
        x = functional.embedding(ids, embedding)
        x = x + attention(x, x, x, attn_mask=mask, need_weights=need_weights)[0]
        hidden = functional.relu(functional.linear(x, named["mlp.0.weight"], named["mlp.0.bias"]))
        x = x + functional.linear(hidden, named["mlp.2.weight"], named["mlp.2.bias"])
        return x @ embedding.T if transpose else functional.linear(x, embedding)

    for need_weights, transpose in product((False, True), repeat=2):
        yield partial(forward, need_weights=need_weights, transpose=transpose)


def _mask(constants: Sequence[Tensor], length: int) -> Tensor:
    """Return the mask that a forward pass adds to its scores, bool (T, T), true where attention is forbidden."""
    import torch

    if len(constants) != 1 or constants[0].shape[-2:] != (length, length) or constants[0].numel() != length**2:
        raise RefusalError(
            "the forward pass has other constants than one attention mask, such as a table of positions or a scale"
        )
    mask = constants[0].reshape(length, length)
    forbidden = mask == -torch.inf
    if not (forbidden | (mask == 0)).all():
        raise RefusalError("the mask has other entries than 0 and minus infinity, so masked positions may weigh in")
    return forbidden


def _visible(mask: Tensor) -> list[list[int]]:
    if tuple(mask.shape) != (CONTEXT_LENGTH, CONTEXT_LENGTH):
        raise RefusalError(
            f"the attention mask is for {len(mask)} positions, but the {BINARY_WIDTH} pairs of bits and the "
            f"{BINARY_WIDTH} steps of decoding take {CONTEXT_LENGTH}"
        )
    return [[key for key, forbidden in enumerate(row) if not forbidden] for row in mask.tolist()]


def _described(named: Mapping[str, Tensor], visible: list[list[int]], forward: str) -> dict[str, Any]:
    """Return the architecture in plain values."""
    dtypes = {str(tensor.dtype).removeprefix("torch.") for tensor in named.values()}
    if len(dtypes) != 1:
        raise RefusalError(f"the weights are of the dtypes {sorted(dtypes)}, but must be of one")
    weights = {name: [[float(x).hex() for x in row] for row in _rows(named[name])] for name in SHAPES}
    return {"dtype": dtypes.pop(), "weights": weights, "visible": visible, "forward": forward}


def _rows(tensor: Tensor) -> list[list[float]]:
    rows: list[list[float]] = tensor.detach().double().cpu().reshape(-1, tensor.shape[-1]).tolist()
    return rows
