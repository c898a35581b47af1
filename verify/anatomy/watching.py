"""Watching an adder's forward calls: where to look, what went in, what came out.

Models are modules, plain objects, bundles of them, or arrays with a function of the file beside them. Every place
that could be the forward call is watched for a few sums; the outermost one whose input grows by one token a call is it.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from itertools import pairwise
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy import operands
from verify.subject.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from verify.subject import LoadedAdder

    Forward = Callable[..., Any]

NOT_FOUND = "no forward call was found whose input grows by one token a step"

_WATCHED = 6  # sums: an adder that asks its model for half of them only is seen to ask it
_DIGITS = 10
_NOT_FORWARD = {"build_model", "add", "add_batch", "transitions", "forced_logits"}


@dataclass
class Call:
    """One forward call: its arguments, which of them holds the tokens, and what came out."""

    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    slot: int | str
    tokens: np.ndarray  # (T,)
    output: np.ndarray  # (T, V), (V,) or, where the model itself decides, token ids (T,)


@dataclass
class Trace:
    """One sum, watched: the answer, the forward calls that led to it, the token that one was made to say."""

    a: int
    b: int
    answer: Answer
    calls: list[Call] = field(default_factory=list)
    forced: int | None = None

    @property
    def is_right(self) -> bool:
        """Whether the answer is the sum."""
        return self.answer.value == self.a + self.b


class PatchPoint:
    """A place that could be the forward call, and how to put something else there.

    Attributes:
        name: of the place.
        original: what is called there.
        plain: the function that runs then, where another calls it.
    """

    def __init__(
        self, name: str, original: Forward, put: Callable[[Forward | None], None], plain: Forward | None = None
    ) -> None:
        self.name = name
        self.original = original
        self.plain = original if plain is None else plain
        self._put = put

    @contextmanager
    def replaced(self, replacement: Forward) -> Iterator[None]:
        """Put a replacement there for a while."""
        self._put(replacement)
        try:
            yield
        finally:
            self._put(None)


def watch(loaded: LoadedAdder, point: PatchPoint, a: int, b: int) -> Trace:
    """Return a sum with the forward calls that led to it."""
    return watch_all(loaded, [point], a, b)[0]


def watch_all(loaded: LoadedAdder, points: list[PatchPoint], a: int, b: int) -> list[Trace]:
    """Return a sum once for each point, with the calls that were made there."""
    traces = [Trace(a, b, Answer(None)) for _ in points]
    with ExitStack() as stack:
        for point, trace in zip(points, traces, strict=True):
            stack.enter_context(point.replaced(_recording(point, trace)))
        answer = loaded.answer(a, b)
    for trace in traces:
        trace.answer = answer
    return traces


def find(loaded: LoadedAdder) -> PatchPoint | None:
    """Return the forward call of an adder: the outermost place whose input grows by one token a call; found once."""
    if "point" not in loaded.memory:
        loaded.memory["point"] = _find(loaded)
    point: PatchPoint | None = loaded.memory["point"]
    return point


def _find(loaded: LoadedAdder) -> PatchPoint | None:
    points = list(candidates(loaded))
    decoding = Counter[int]()  # at each point, how many sums
    for a, b in operands.fresh(loaded, "finding the forward call", _WATCHED):
        traces = watch_all(loaded, points, a, b)
        decoding.update(index for index, trace in enumerate(traces) if is_decoding(trace))
    if not decoding:  # what a file does with its functions besides calling them may not bear that all are wrapped
        pairs = operands.fresh(loaded, "finding the forward call", len(points))
        alone = [watch(loaded, point, *pair) for point, pair in zip(points, pairs, strict=True)]
        decoding.update(index for index, trace in enumerate(alone) if is_decoding(trace))
    most = max(decoding.values(), default=0)
    return next((point for index, point in enumerate(points) if most and decoding[index] == most), None)


def is_decoding(trace: Trace) -> bool:
    """Return whether each forward call's input is the last one's and one token more."""
    inputs = [call.tokens for call in trace.calls]
    grows = (np.array_equal(later[:-1], earlier) for earlier, later in pairwise(inputs))
    return len(inputs) > 1 and all(grows)


def candidates(loaded: LoadedAdder) -> Iterator[PatchPoint]:
    """Yield the places that could be the forward call, outermost first."""
    for name, part in _parts(loaded.model):
        if callable(getattr(part, "forward", None)):
            yield _of_instance(f"{name}.forward", part)
        elif isinstance(getattr(type(part), "__call__", None), FunctionType):  # noqa: B004 - a class's own, to replace
            yield _of_class(f"{name}.__call__", part)
    yield from _functions(loaded.namespace)


def watch_forced(loaded: LoadedAdder, point: PatchPoint, a: int, b: int, step: int, offset: int = 1) -> Trace:
    """Return a sum, watched, in which one step is made to say another token: so much further in the vocabulary."""
    trace = Trace(a, b, Answer(None))

    @wraps(point.original)
    def forcing(*arguments: Any, **keywords: Any) -> Any:
        output = point.original(*arguments, **keywords)
        call = _call(arguments, keywords, output)
        if call is None:
            return output
        trace.calls.append(call)
        if len(trace.calls) != step + 1:
            return output
        choices = forceable(call)
        trace.forced = (chosen(call, choices) + offset) % choices
        return saying(output, trace.forced)

    with point.replaced(forcing):
        trace.answer = loaded.answer(a, b)
    return trace


def forceable(call: Call) -> int:
    """Return how many tokens a step can be made to say: digits, or fewer where the vocabulary has fewer."""
    return _DIGITS if call.output.dtype.kind in "iu" else min(call.output.shape[-1], _DIGITS)


def chosen(call: Call, choices: int) -> int:
    """Return the token that greedy decoding takes after a watched call."""
    output = call.output
    if output.dtype.kind in "iu":
        return int(output.reshape(-1)[-1])
    row = output[-1] if output.ndim == 2 else output
    return int(row[:choices].argmax())


def argument(call: Call) -> Any:
    """Return the argument that held the tokens, as it was given."""
    return call.arguments[call.slot] if isinstance(call.slot, int) else call.keywords[call.slot]


def with_tokens(call: Call, tokens: np.ndarray) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with other tokens, int64 (B, T), of the type and dtype that it was given."""
    return _exchanged(call, call.arguments, call.keywords, like(argument(call), tokens))


def call_with(
    original: Callable[..., Any], call: Call, arguments: tuple[Any, ...], keywords: dict[str, Any], ids: Any
) -> Any:
    """Return what a forward gives for tokens as they are, in the place of those of a call, with other arguments."""
    arguments, keywords = _exchanged(call, arguments, keywords, ids)
    return original(*arguments, **keywords)


def _exchanged(
    call: Call, arguments: tuple[Any, ...], keywords: dict[str, Any], ids: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(call.slot, str):
        return arguments, {**keywords, call.slot: ids}
    return (*arguments[: call.slot], ids, *arguments[call.slot + 1 :]), keywords


def like(original: Any, values: np.ndarray) -> Any:
    """Return values as what the original is: a torch tensor, an mlx array, a numpy array, a list."""
    if isinstance(original, tuple):
        first = next(index for index, part in enumerate(original) if to_numpy(part) is not None)
        return (*original[:first], like(original[first], values), *original[first + 1 :])
    if isinstance(original, list):
        return values.tolist() if original and isinstance(original[0], list) else values.reshape(-1).tolist()
    if isinstance(original, np.ndarray):
        return values.astype(original.dtype)
    if type(original).__module__.startswith("mlx"):
        return import_module("mlx.core").array(values).astype(original.dtype)
    import torch

    return torch.as_tensor(values).to(dtype=original.dtype, device=original.device)


def saying(output: Any, token: int) -> Any:
    """Return an output whose last position says one token and no other."""
    values = to_numpy(output)
    if values is None:
        return output
    values = values.copy()
    if values.dtype.kind in "iu":
        values.reshape(-1)[-1] = token
    else:
        row = values.reshape(-1, values.shape[-1])[-1]
        row[:] = -1e4
        row[token] = 1e4
    return like(output, values)


def to_numpy(value: Any) -> np.ndarray | None:
    """Return an array's values, of the first array of a tuple; None of what holds none."""
    if isinstance(value, tuple):
        return next((found for found in map(to_numpy, value) if found is not None), None)
    if isinstance(value, list):
        found = np.asarray(value) if value else None
        return found if found is not None and found.dtype.kind in "if" else None
    if isinstance(value, np.ndarray):
        return value
    if type(value).__module__.startswith("mlx") and hasattr(value, "dtype"):
        core = import_module("mlx.core")
        return np.array(value.astype(core.float32) if value.dtype == core.bfloat16 else value)
    if type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        plain = value.detach().cpu()
        return np.asarray(plain.float().numpy() if str(plain.dtype) == "torch.bfloat16" else plain.numpy())
    return None


def _recording(point: PatchPoint, trace: Trace) -> Forward:
    @wraps(point.original)
    def recording(*arguments: Any, **keywords: Any) -> Any:
        output = point.original(*arguments, **keywords)
        call = _call(arguments, keywords, output)
        if call is not None:
            trace.calls.append(call)
        return output

    return recording


def _call(arguments: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> Call | None:
    out = to_numpy(output)
    slots: list[tuple[int | str, Any]] = [*enumerate(arguments), *keywords.items()]
    tokens = [(slot, ids) for slot, value in slots if (ids := _ids(value)) is not None]
    if len(tokens) != 1 or out is None:
        return None
    call = Call(arguments, keywords, *tokens[0], out)
    is_batch = out.ndim > 1 and out.shape[0] == 1 and np.ndim(argument(call)) > 1
    call.output = out[0] if is_batch else out
    return call


def _ids(value: Any) -> np.ndarray | None:
    """Return token ids, (T,): integers, one sequence, as a batch of one or bare."""
    found = None if isinstance(value, tuple) else to_numpy(value)
    if found is None or found.dtype.kind not in "iu":
        return None
    ids = np.asarray(found, np.int64)
    if ids.ndim == 2 and len(ids) == 1:
        return np.asarray(ids[0])
    return ids if ids.ndim == 1 and ids.size > 1 else None


def with_sequence(call: Call, tokens: np.ndarray) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with other tokens, int64 (T,), bare or as a batch of one, as it was given."""
    return with_tokens(call, tokens if np.ndim(argument(call)) == 1 else tokens[None])


def call_of(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Call | None:
    """Return a call before it is made, its output empty; None of one that takes no tokens."""
    return _call(arguments, keywords, np.zeros(0))


def _parts(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield a model, then what a bundle or a plain object holds."""
    yield "model", model
    if isinstance(model, tuple | list):
        yield from ((f"model[{index}]", part) for index, part in enumerate(model))
    elif type(model) is dict:
        yield from ((f"model[{key!r}]", part) for key, part in model.items())
    elif not isinstance(model, dict) and not hasattr(model, "parameters"):
        held = vars(model) if hasattr(model, "__dict__") else {}
        yield from ((f"model.{name}", part) for name, part in held.items() if callable(part))


def _of_instance(name: str, part: Any) -> PatchPoint:
    had_own = "forward" in vars(part)
    original = part.forward

    def put(replacement: Forward | None) -> None:
        if replacement is not None:
            part.forward = replacement
        elif had_own:
            part.forward = original
        else:
            del part.forward

    return PatchPoint(name, original, put)


def _of_class(name: str, part: Any) -> PatchPoint:
    kind = type(part)

    def put(replacement: Forward | None) -> None:
        if replacement is None:
            part.__class__ = kind
        else:
            call = lambda _self, *arguments, **keywords: replacement(*arguments, **keywords)  # noqa: E731
            part.__class__ = type(kind.__name__, (kind,), {"__call__": call})

    return PatchPoint(
        name, lambda *arguments, **keywords: kind.__call__(part, *arguments, **keywords), put, kind.__call__
    )


def _functions(namespace: Any) -> Iterator[PatchPoint]:
    module = namespace if isinstance(namespace, ModuleType) else sys.modules.get(type(namespace).__module__)
    if module is None:
        return
    for name, function in list(vars(module).items()):
        if isinstance(function, FunctionType) and name not in _NOT_FORWARD and _is_theirs(function):
            yield _of_function(vars(module), name, function)


def _is_theirs(function: FunctionType) -> bool:
    """Return whether a function is no library's: the file's own, or one from beside it."""
    return function.__module__.partition(".")[0] not in {*sys.stdlib_module_names, "torch", "numpy", "mlx", "verify"}


def _of_function(place: dict[str, Any], name: str, function: Forward) -> PatchPoint:
    def put(replacement: Forward | None) -> None:
        place[name] = function if replacement is None else replacement

    return PatchPoint(name, function, put)
