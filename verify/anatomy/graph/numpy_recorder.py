"""A numpy forward pass as it is executed, recorded by the same means as a torch one.

Its tokens are an `Array` of `numpy_twins`. While it runs, the stranger's modules and model hold arrays that can be
looked up in by tokens, and a numpy that takes and makes such arrays; afterwards they hold what they held before.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from verify.anatomy import watching
from verify.anatomy.graph import torch_recorder
from verify.anatomy.graph.nodes import Node, Program
from verify.anatomy.graph.numpy_twins import Array, called, gathered, hold
from verify.anatomy.torch_reads import patched

if TYPE_CHECKING:
    from verify.anatomy.watching import Call

_DEEPEST = 3  # attributes of attributes of a model
_NOT_THEIRS = {*sys.stdlib_module_names, "numpy", "torch", "verify", "tests"}


def record(
    forward: Callable[[Any], Any], model: Any, tokens: Tensor, given: Any, vocabulary: int, feasible: list[set[int]]
) -> tuple[Program, list[Node], str]:  # fmt: skip
    """Return what `torch_recorder.record` does, of a forward pass in numpy.

    Args:
        forward: from tokens, of the type that it takes them in, to logits.
        model: what it holds, whose arrays may be looked up in.
        tokens: integers (1, T) or (T,).
        given: the tokens that it was given when it was watched: an array, or lists.
        vocabulary: how many token ids a table holds.
        feasible: which token ids may stand at each position.

    Raises:
        RefusedError: it cannot be recorded; the message says why.
    """

    def recorded(tensor: Tensor) -> Any:
        with _looked_up_in(model), patched(warnings.catch_warnings, "__enter__", _entered):
            output = forward(_listed(Array(tensor)) if isinstance(given, list) else Array(tensor))
        return _tensor(output)

    return torch_recorder.record(recorded, tokens, vocabulary, feasible)


@contextmanager
def computed_by_torch(original: Callable[..., Any], model: Any, call: Call) -> Iterator[Callable[..., Tensor | None]]:
    """Yield a numpy forward pass as a function from tokens, int64 (T,), to the tensor of its output, or None.

    Its second argument is told the tensor of tokens before the forward is called.

    Args:
        original: the forward.
        model: what it holds, whose arrays may be looked up in.
        call: a watched call, as the pattern of further ones.
    """
    given = watching.argument(call)
    forward = of_tokens(original, call)

    def computed(tokens: np.ndarray, tell: Callable[[Tensor], None] = lambda _: None) -> Tensor | None:
        kind = given.dtype if isinstance(given, np.ndarray) else np.int64
        array = Array(torch.from_numpy(np.array(tokens if np.ndim(given) == 1 else tokens[None], kind)))
        tell(array.tensor)
        tensor: Tensor | None = _tensor(forward(_listed(array) if isinstance(given, list) else array))
        return tensor

    with _looked_up_in(model):
        yield computed


def of_tokens(original: Callable[..., Any], call: Call) -> Callable[[Any], Any]:
    """Return a forward as a function of its tokens alone; what else it was given can be looked up in by tokens."""
    return partial(watching.call_with, original, call, hold(call.arguments), hold(call.keywords))


def _entered(self: Any, enter: Any = warnings.catch_warnings.__enter__) -> Any:
    """Refuse to hand warnings to a forward: numpy warns of numbers that overflow, and torch does not."""
    if self._record:
        raise torch_recorder.refusal("the forward pass is told of warnings (warnings.catch_warnings)")
    return enter(self)


def _listed(tokens: Array) -> Any:
    return [_listed(each) for each in tokens] if tokens.ndim else tokens


def _tensor(output: Any) -> Any:
    """Return the tensor of an output: of the first array of a tuple, of lists of entries as one."""
    if isinstance(output, tuple):
        return next((found for found in map(_tensor, output) if found is not None), None)
    if isinstance(output, list) and output:
        return gathered(output).tensor
    return output.tensor if isinstance(output, Array) else None


class _Numpy(ModuleType):
    """numpy, or a part of it, whose functions take and make arrays that what depends on tokens may be written into."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return _replaced(getattr(self._module, name))


def _replaced(value: Any) -> Any:
    """Return what stands in the place of a stranger's numpy, its functions, and arrays; of all else, itself."""
    if isinstance(value, ModuleType):
        return _Numpy(value) if value.__name__.partition(".")[0] == "numpy" else value
    module = getattr(value, "__module__", None)
    is_numpy = isinstance(module, str) and module.partition(".")[0] == "numpy" and callable(value)
    if is_numpy and not isinstance(value, type | np.ufunc):  # which ask their arguments themselves
        return wraps(value)(lambda *args, **kwargs: called(value, value.__name__, args, kwargs))
    return hold(value)


@contextmanager
def _looked_up_in(model: Any) -> Iterator[None]:
    """Exchange what the stranger's modules and a model hold, for a while."""
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for module in list(sys.modules.values()):
            if _is_theirs(module):
                _exchange(vars(module), before, _DEEPEST)
        _enter(model, before, 0)
        yield
    finally:
        for held, name, value in reversed(before):
            held[name] = value


def _is_theirs(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    name = getattr(module, "__name__", "").partition(".")[0]
    return bool(file) and name not in _NOT_THEIRS and "site-packages" not in Path(str(file)).parts


def _exchange(held: dict[str, Any], before: list[tuple[dict[str, Any], str, Any]], depth: int) -> None:
    for name, value in list(held.items()):
        if name.startswith("__"):
            continue
        other = _replaced(value)
        if other is not value:
            before.append((held, name, value))
            held[name] = other
        _enter(value, before, depth + 1)


def _enter(value: Any, before: list[tuple[dict[str, Any], str, Any]], depth: int) -> None:
    """Exchange what an object of a stranger's class holds, or a bundle of such."""
    if isinstance(value, dict | list | tuple) and depth < _DEEPEST:
        for each in value.values() if isinstance(value, dict) else value:
            _enter(each, before, depth + 1)
        return
    family = type(value).__module__.partition(".")[0]
    is_theirs = not isinstance(value, type) and family not in {*_NOT_THEIRS, "builtins"}
    if is_theirs and depth < _DEEPEST and hasattr(value, "__dict__"):
        _exchange(vars(value), before, depth)
