"""The graph of an adder: layout and recorded steps, as docs/columns.md has it.

What runs here is a stranger's forward, in the worker: what comes out is his word, until `read` has checked its form and
his forward has been compared with it.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import forcing, operands, watching
from verify.anatomy.graph import patterns
from verify.anatomy.graph.nodes import Node, Program, RefusedError, needed
from verify.anatomy.graph.read import SCHEMA
from verify.anatomy.layout import OPEN
from verify.subject.operations import operation

if TYPE_CHECKING:
    from verify.anatomy.forcing import Forcer
    from verify.anatomy.layout import Token
    from verify.subject import LoadedAdder

_MOST_STEPS = 64


@operation
def recorded_graph(
    loaded: LoadedAdder, seed: int | None = None, *, is_data: bool = False
) -> np.ndarray | dict[str, str]:
    """Return the graph of an adder, uint8 (N,) of JSON, or {"refused": why there is none}.

    Args:
        loaded: the adder.
        seed: of the operands that it is watched on; None for the one that was given before, at first 0.
        is_data: whether the subject is a graph itself: the caller knows, and no file of a stranger's says.
    """
    if is_data:
        return np.frombuffer(loaded.model.graph.text.encode(), np.uint8)
    why = forcing.learn_forcing(loaded, seed)
    if why:
        return {"refused": why}
    try:
        text = json.dumps(graph(loaded), separators=(",", ":"), sort_keys=True)
        return np.frombuffer(text.encode(), np.uint8)
    except RefusedError as error:
        return {"refused": str(error)}


def graph(loaded: LoadedAdder) -> dict[str, Any]:
    """Return the graph of an adder whose decoding was learnt.

    Raises:
        RefusedError: it cannot be recorded; the message says why.
    """
    forcer: Forcer = loaded.memory["forcer"]
    _check_call(forcer)
    digits = loaded.task.digits
    prompt = [entry(token, "the prompt", digits) for token in forcer.prompt]
    answer = [entry(token, "the answer", digits) for token in forcer.emitted]
    if len(answer) > _MOST_STEPS:
        raise RefusedError(f"the answer has {len(answer)} tokens, more than {_MOST_STEPS}")
    choices = forcer.choices
    check_answer(answer, choices, digits)
    for step, each in enumerate(answer):
        if each["feature"] != "constant" and forcing.is_idle(loaded.watchable, forcer.point, forcer.call, step):
            raise RefusedError(
                f"token {step + 1} of the answer is not what the forward pass says: sums stay right without"
            )
    vocabulary = max(choices, 1 + max(token for each in [*prompt, *answer] for token in each["tokens"]))
    writer = Writer()
    types, steps = set(), []
    pairs = operands.fresh(loaded, "recording", 2 * len(answer))
    for step in range(len(answer)):
        feasible = [set(each["tokens"]) for each in [*prompt, *answer[:step]]]
        texts = []
        for a, b in pairs[2 * step : 2 * step + 2]:
            program, logits, dtype = _recorded(loaded, (a, b), step, vocabulary, feasible)
            texts.append(writer.step(program, patterns.logits(program, logits[:choices])))
        if texts[0] != texts[1]:
            raise RefusedError("the forward pass computes something else for other operands: it looks at what they are")
        types.add(dtype)
        steps.append(texts[0])
    return {
        "schema": SCHEMA,
        "digits": digits,
        "dtype": min(types),  # "float32" comes before "float64"
        "vocabulary": vocabulary,
        "choices": choices,
        "prompt": prompt,
        "answer": answer,
        "tables": writer.tables,
        "steps": steps,
    }


def _check_call(forcer: Forcer) -> None:
    """Check that calling a torch module is no more than its forward pass.

    Raises:
        RefusedError: it is more.
    """
    module = getattr(forcer.point.original, "__self__", None)
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        return
    everywhere = vars(torch.nn.modules.module)
    hooks = [value for name, value in vars(module).items() if name in {"_forward_hooks", "_forward_pre_hooks"}]
    hooks += [everywhere.get(name) for name in ("_global_forward_hooks", "_global_forward_pre_hooks")]
    if any(hooks) or not _is_called_as_torch_does(torch, module):
        raise RefusedError("hooks, a call of its own, or a compiled one may do something around the forward pass")


def _is_called_as_torch_does(torch: Any, module: Any) -> bool:
    """Return whether what calls a module's forward is torch's own, and nothing compiled stands in its place."""
    folder = str(Path(torch.__file__).parent)
    for name in ("__call__", "_call_impl"):
        plain = getattr(torch.nn.Module, name)
        code = getattr(plain, "__code__", None)
        if code is None or not code.co_filename.startswith(folder) or name in vars(module):
            return False
        if getattr(type(module), name) is not plain:
            return False
    return getattr(module, "_compiled_call_impl", None) is None


def entry(token: Token, place: str, digits: int = 10) -> dict[str, Any]:
    """Return a token of a layout as docs/columns.md writes it.

    Raises:
        RefusedError: it is a function of bits, or some of its values were never seen.
    """
    feature = token.feature
    if feature.size == 1:
        kind, column, size = "constant", 0, 1
    elif feature.base != 10:
        raise RefusedError(f"a token of {place} is a function of bits: {feature}")
    else:
        kind, column = feature.kind, feature.place
        size = 2 if column == digits else feature.size
    tokens = token.table[:size].tolist()
    if OPEN in tokens:
        raise RefusedError(f"a token of {place} was not seen for every value of {feature}")
    return {"feature": kind, "column": column, "tokens": tokens}


def check_answer(answer: list[dict[str, Any]], choices: int, digits: int = 10) -> None:
    """Check that an answer says every column of a sum, once, by distinct tokens.

    Raises:
        RefusedError: it does not.
    """
    told = [each["column"] for each in answer if each["feature"] != "constant"]
    if sorted(told) != list(range(digits + 1)):
        raise RefusedError(f"the answer does not say each of the {digits + 1} columns of a sum once")
    if any(token >= choices for each in answer for token in each["tokens"]):
        raise RefusedError("the answer holds a token that the decoder does not choose from")
    for each in answer:
        spelt: dict[int, set[int]] = {}
        for symbol, token in enumerate(each["tokens"]):
            spelt.setdefault(token, set()).add(symbol % 10)
        if any(len(found) > 1 for found in spelt.values()):
            raise RefusedError("a token of the answer stands for several digits")


def _recorded(
    loaded: LoadedAdder, pair: tuple[int, int], step: int, vocabulary: int, feasible: list[set[int]]
) -> tuple[Program, list[Node], str]:
    """Return the forward of one step, as it runs on the tokens of one sum."""
    forcer: Forcer = loaded.memory["forcer"]
    a, b = (np.array([operand], np.int64) for operand in pair)
    prompts, answers, _known = forcer.write(a, b)
    tokens = np.concatenate([prompts, answers[:, :step]], axis=1)
    arguments, keywords = watching.with_tokens(forcer.call, tokens)
    given = watching.argument(forcer.call)
    if type(given).__module__.startswith("torch"):
        from verify.anatomy.graph import torch_recorder

        slot = forcer.call.slot
        held = arguments[slot] if isinstance(slot, int) else keywords[slot]
        forward = partial(watching.call_with, forcer.point.original, forcer.call, arguments, keywords)
        return torch_recorder.record(forward, held, vocabulary, feasible)
    if isinstance(given, np.ndarray | list):
        return _recorded_in_numpy(forcer, loaded.model, given, tokens, vocabulary, feasible)
    kind = f"{type(given).__module__}.{type(given).__name__}"
    raise RefusedError(f"the forward pass takes tokens as {kind}; torch tensors, numpy arrays and lists are recorded")


def _recorded_in_numpy(
    forcer: Forcer, model: Any, given: Any, tokens: np.ndarray, vocabulary: int, feasible: list[set[int]]
) -> tuple[Program, list[Node], str]:  # fmt: skip
    import torch

    from verify.anatomy.graph import numpy_recorder

    forward = numpy_recorder.of_tokens(forcer.point.original, forcer.call)
    ids = tokens[0] if np.ndim(given) == 1 else tokens
    kind = given.dtype if isinstance(given, np.ndarray) else np.int64
    tensor = torch.from_numpy(ids.astype(kind))
    return numpy_recorder.record(forward, model, tensor, given, vocabulary, feasible)


class Writer:
    """Writes programs as plain values; tables are shared by all steps."""

    def __init__(self) -> None:
        self.tables: list[list[str]] = []
        self._numbers: dict[tuple[float, ...], int] = {}

    def step(self, program: Program, logits: list[Node]) -> dict[str, Any]:
        """Return a step of docs/columns.md: what the logits need, numbered anew."""
        numbers: dict[Node, int] = {}
        nodes: list[list[Any]] = []
        for node in needed(program, logits):
            numbers[node] = len(nodes)
            nodes.append([program.kinds[node], *self._arguments(program, node, numbers)])
        return {"nodes": nodes, "logits": [numbers[node] for node in logits]}

    def _arguments(self, program: Program, node: Node, numbers: dict[Node, int]) -> list[Any]:
        kind, arguments = program.kinds[node], program.arguments[node]
        if kind == "const":
            return [arguments[0].hex()]
        if kind == "tok":
            return [arguments[0], self._table(arguments[1])]
        if kind == "dot":
            return [[[numbers[x], numbers[y]] for x, y in arguments[0]]]
        if kind in {"sum", "smax"}:
            return [[numbers[x] for x in arguments[0]], *arguments[1:]]
        return [numbers[x] for x in arguments[:2]] + list(arguments[2:])

    def _table(self, values: tuple[float, ...]) -> int:
        if values not in self._numbers:
            self._numbers[values] = len(self.tables)
            self.tables.append([value.hex() for value in values])
        return self._numbers[values]
