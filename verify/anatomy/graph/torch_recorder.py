"""A torch forward pass as it is executed, recorded operation by operation as a scalar program.

Every operation that torch dispatches is seen before it runs. Storage that holds something of the tokens has a *twin*:
an array of nodes, one for each of its elements, so that views see each other's writes. What does not depend on tokens
just runs, and is a constant of the program. Reading what depends on tokens, from Python, is refused; and the forward
has only `Shell`s of what it makes, so that who reads past all that watches finds no value.
"""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes, _get_current_dispatch_mode_stack

from verify.anatomy.graph import torch_arithmetic, torch_attention, torch_moving, torch_operations
from verify.anatomy.graph.nodes import Node, Program, RefusedError
from verify.anatomy.graph.torch_shells import Shell, Shells, exchanged_calls, exchanged_kernel
from verify.anatomy.graph.torch_twins import Twins
from verify.anatomy.torch_reads import ReadGuard, key, leaves, patched

_HANDLERS = torch_arithmetic, torch_attention, torch_moving  # are in `torch_operations` once they are imported
_SUITE = str(Path(__file__).resolve().parents[3] / "verify")
_TORCH = str(Path(torch.__file__).resolve().parent)
_NUMPY = str(Path(np.__file__).resolve().parent)
_PYTHON = sysconfig.get_path("stdlib")
_SHARED = {"from_file"}  # operations that take memory which others look into
_OF_COMPLEX = {"mul", "clone", "index"}  # operations whose nodes may have the parts of a number as another dimension
_SHORT = {torch.float32, torch.complex64}
_NOT_SHORTER = {*_SHORT, torch.float64, torch.complex128}


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's hook for subclasses has no types
    """Sees every operation that torch executes.

    Attributes:
        program: what is recorded.
        twins: of the tensors that depend on tokens.
        types: of the numbers that depend on tokens.
        own: storages that were made on the way and that nothing else looks into, so that what depends on tokens may be
            written into them; held, as their addresses are their names.
        refusal: why the first operation was refused that was; a forward that catches the exception gains nothing.
    """

    def __init__(self, program: Program) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.program = program
        self.twins = Twins(program)
        self.types: set[torch.dtype] = set()
        self.own: dict[int, Any] = {}
        self.refusal = ""
        self.shells = Shells(self.seen, self.read_from)
        self._exchanged: dict[Any, str] = {}  # by operation

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from importing its compiler, 1.5 s, to mark this class as not for compiling."""
        return False

    def refuse(self, why: str) -> RefusedError:
        """Return the error of a refusal, which is remembered with the place in the stranger's file."""
        self.refusal = self.refusal or f"{why}{_place()}"
        return RefusedError(self.refusal)

    def is_of_tokens(self, value: Any) -> bool:
        """Return whether a value is a tensor that may depend on tokens."""
        return self.twins.has(self.shells.opened(value))

    def read_from(self, name: str, value: Any) -> Any:
        """Return the tensor that a shell stands for, to be read.

        Views of a tensor's memory are no elements of it.

        Raises:
            RefusedError: it depends on tokens; an element that is the same whatever they are may be read.
        """
        tensor = self.shells.opened(value)
        if not self.twins.has(tensor):
            if isinstance(tensor, Tensor):
                self.own.pop(key(tensor), None)
            return tensor
        reads = {"item", "__bool__", "__int__", "__float__", "__index__", "tolist"}
        nodes = self.twins.nodes(tensor).reshape(-1).tolist()
        if name not in reads or any(self.program.value(node) is None for node in nodes):
            raise self.refuse(f"the forward pass looks at values that depend on tokens (Tensor.{name})")
        return tensor

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return self.seen(func, args, dict(kwargs or {}))

    def seen(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what an operation gives, executed on what the shells among its arguments stand for.

        An error that depends on tokens is a way to look at them.
        """
        is_of_tokens = True
        try:
            with torch._C.DisableTorchFunction():  # noqa: SLF001 - scripts come here past it; what we look at is no read
                opened, more = self.shells.opened(args), {name: self.shells.opened(kwargs[name]) for name in kwargs}
                given = leaves((opened, list(more.values())))
                is_of_tokens = any(map(self.twins.has, given))
                if is_of_tokens and func._can_decompose() and not self._is_known(func):  # noqa: SLF001
                    with self:
                        return func.decompose(*args, **kwargs)
                result = (self._run if is_of_tokens else self._made)(func, opened, more)
                if torch.Tag.inplace_view in func.tags and isinstance(args[0], Shell):
                    self.shells.reshaped(func, args, kwargs)
                theirs = zip(given, leaves((args, list(kwargs.values()))), strict=True)
                return self._closed(result, {id(one): other for one, other in theirs})
        except RefusedError as error:
            raise self.refuse(str(error)) from None
        except Exception as error:
            if is_of_tokens:
                raise self.refuse(f"the operation {_named(func)} raised {type(error).__name__}") from error
            raise

    def _closed(self, value: Any, theirs: dict[int, Any]) -> Any:
        """Return shells of results, which are the arguments' own where an argument is returned."""
        if isinstance(value, list | tuple):
            return type(value)(self._closed(each, theirs) for each in value)
        if not isinstance(value, Tensor) or id(value) in theirs:
            return theirs.get(id(value), value)
        if self.twins.has(value) and (value.is_neg() or value.is_conj()):
            raise RefusedError("numbers are negated, or conjugated, by a mark on their tensor")
        return self.shells.shell(value) if self.twins.has(value) or key(value) in self.own else value

    def note_own(self, tensor: Tensor) -> Tensor:
        """Return the shell of a tensor that was just made of what is no tensor, and remember its memory."""
        self.own[key(tensor)] = tensor.untyped_storage()
        return self.shells.shell(tensor)

    def _made(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of an operation that no token is in; remember the memory that it took for it."""
        given = [each for each in leaves((args, list(kwargs.values()))) if isinstance(each, Tensor)]
        theirs = {key(each) for each in given}
        is_seen = func.namespace == "aten" and func.overloadpacket.__name__ not in _SHARED
        if not is_seen or self._exchanged_at(func) or any(map(_is_of_another_kind, given)):
            for each in theirs:  # who knows what looks into it now
                self.own.pop(each, None)
            return func(*args, **kwargs)
        result = func(*args, **kwargs)
        for each in leaves(result):
            if isinstance(each, Tensor) and key(each) not in theirs:
                self.own[key(each)] = each.untyped_storage()
        return result

    def _exchanged_at(self, func: Any) -> str:
        if func not in self._exchanged:
            overload = func._schema.overload_name  # noqa: SLF001
            self._exchanged[func] = exchanged_kernel(func._schema.name + (f".{overload}" if overload else ""))  # noqa: SLF001
        return self._exchanged[func]

    def _is_known(self, func: Any) -> bool:
        return func.namespace == "aten" and self._handler(func) is not None

    def _handler(self, func: Any) -> Any:
        name = func.overloadpacket.__name__
        return torch_operations.handler(name.rstrip("_") if func._schema.is_mutable else name)  # noqa: SLF001

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for each in leaves((args, list(kwargs.values()))):
            if _is_of_another_kind(each):
                raise RefusedError(f"what {type(each).__name__}, a tensor of another kind, does is not seen")
        if place := self._exchanged_at(func):
            raise RefusedError(f"the operation {_named(func)} was exchanged for another ({place})")
        handler = self._handler(func) if self._is_known(func) else None  # others' operations may have the same names
        if func._schema.is_mutable:  # noqa: SLF001 - the only way to ask
            return self._overwrite(func, handler, args, kwargs)
        result = func(*args, **kwargs)
        outputs = leaves(result)
        if all(isinstance(output, Tensor) and self._is_view(output, args) for output in outputs):
            return result
        if handler is None:
            raise RefusedError(f"the operation {_named(func)} is not one that the method knows")
        self._check_numbers(func, [*leaves((args, list(kwargs.values()))), *outputs])
        self._note(outputs, handler(self, func, args, kwargs, result))
        return result

    def _note(self, outputs: list[Any], found: Any) -> None:
        """Keep the nodes of an operation's results; where there are none, they depend on no token."""
        if found is None:
            self.own |= {key(each): each.untyped_storage() for each in outputs if isinstance(each, Tensor)}
            return
        several = found if isinstance(found, list) else [found]
        several += [None] * (len(outputs) - len(several))
        for output, nodes in zip(outputs, several, strict=True):
            self._keep(output, np.full(tuple(output.shape), self.program.beside()) if nodes is None else nodes)

    def _check_numbers(self, func: Any, values: list[Any]) -> None:
        name = func.overloadpacket.__name__.rstrip("_")
        if name not in _OF_COMPLEX and any(isinstance(each, Tensor) and each.is_complex() for each in values):
            raise RefusedError(f"the operation {_named(func)} of complex numbers is not one that the method knows")

    def _overwrite(self, func: Any, handler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operation that writes into an argument, whose nodes are found before it does."""
        named = [*zip((each.name for each in func._schema.arguments), args, strict=False), *kwargs.items()]  # noqa: SLF001
        written = {each.name for each in func._schema.arguments if each.is_write}  # noqa: SLF001
        targets = [value for name, value in named if name in written and isinstance(value, Tensor)]
        if handler is None or len(targets) != 1:
            raise RefusedError(
                f"the operation {_named(func)} writes into a tensor in a way that the method does not know"
            )
        if not self.twins.has(targets[0]) and key(targets[0]) not in self.own:
            raise RefusedError("what depends on tokens is written into a tensor that was there before")
        self._check_numbers(func, leaves((args, list(kwargs.values()))))
        nodes = handler(self, func, args, {name: kwargs[name] for name in kwargs if name not in written}, targets[0])
        if isinstance(nodes, list):
            raise RefusedError(f"the operation {_named(func)} has several results")
        result = func(*args, **kwargs)
        self._keep(targets[0], self.twins.constants(targets[0]) if nodes is None else nodes)
        return result

    def _keep(self, tensor: Any, nodes: np.ndarray) -> None:
        if not isinstance(tensor, Tensor):
            raise RefusedError("the forward pass looks at a value that depends on tokens")
        is_number = tensor.is_floating_point() or tensor.is_complex()
        if is_number and tensor.dtype not in _NOT_SHORTER:
            raise RefusedError(
                f"numbers that depend on tokens are {_type(tensor)}, whose rounding the method does not bound"
            )
        if is_number:
            self.types.add(tensor.dtype)
        elif tensor.dtype != torch.bool:
            self._check_range(tensor.dtype, nodes)
        self.twins.put(tensor, nodes)

    def _check_range(self, kind: torch.dtype, nodes: np.ndarray) -> None:
        held = torch.iinfo(kind)
        for node in np.unique(nodes).tolist():
            if not all(held.min <= value <= held.max for value in self.program.values(node)):
                raise RefusedError(f"whole numbers of a token overflow {str(kind).removeprefix('torch.')}")

    def _is_view(self, output: Tensor, args: tuple[Any, ...]) -> bool:
        return self.twins.has(output) and any(
            isinstance(each, Tensor) and key(each) == key(output) for each in leaves(args)
        )


_BLINDFOLDS = (
    "_DisableTorchDispatch", "_ExcludeDispatchKeyGuard", "ExcludeDispatchKeyGuard", "_SetExcludeDispatchKeyGuard",
    "_ForceDispatchKeyGuard", "_dispatch_tls_set_dispatch_key_excluded", "_dispatch_call_boxed",
)  # fmt: skip


class _Guard(ReadGuard):
    """Refuses reads of what depends on tokens; does without looking what need not look."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder.read_from)
        self._recorder = recorder

    def __enter__(self) -> Self:
        """Refuse, too, what lets operations run unseen: they would find shells, and the process would end."""
        for name in _BLINDFOLDS:
            if hasattr(torch._C, name):  # noqa: SLF001
                self.stack.enter_context(patched(torch._C, name, self._refuse_blindfold(name)))  # noqa: SLF001
        self.stack.enter_context(patched(OpOverload, "redispatch", self._refuse_blindfold("redispatch")))
        self.stack.enter_context(patched(os, "fork", self._refuse_child))
        return super().__enter__()

    def _refuse_child(self) -> Any:
        raise self._recorder.refuse("the forward pass starts a process, which is not followed")

    def _refuse_blindfold(self, name: str) -> Callable[..., Any]:
        def refuse(*_arguments: Any, **_keywords: Any) -> Any:
            raise self._recorder.refuse(f"the forward pass has operations run unseen ({name})")

        return refuse

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name == "one_hot" and args and self._recorder.is_of_tokens(args[0]):
            return self._one_hot(*args, **(kwargs or {}))
        if name == "__getitem__":
            return looked_up(*args)
        result = super().__torch_function__(func, types, args, kwargs)
        return self._recorder.note_own(result) if func is torch.tensor else result

    def reading(self) -> AbstractContextManager[Any]:
        """Return what reads nothing but a tensor itself in, whose operations nobody needs to see."""
        return _disable_current_modes()

    def refuse_thread(self, *_arguments: Any, **_keywords: Any) -> Any:
        raise self._recorder.refuse("the forward pass starts a thread, which is not followed")

    def _one_hot(self, tokens: Tensor, num_classes: int = -1) -> Tensor:
        """Return what torch does, which looks at the tokens for their range."""
        if num_classes < 0:
            raise self._recorder.refuse("one_hot without num_classes looks for the largest token")
        return torch.eye(num_classes, dtype=torch.long)[tokens]


def looked_up(tensor: Tensor, index: Any) -> Tensor:
    """Return what stands at an index; torch would read a single token that is one, or the first of several."""
    first, *rest = index if isinstance(index, tuple) and index else (index,)
    is_token = isinstance(first, Tensor) and first.ndim == 0 and first.dtype not in (torch.bool, torch.uint8)
    if not is_token:
        return tensor[index]
    found = tensor[first.reshape(1)][0]
    return found[tuple(rest)] if rest else found


def refusal(why: str) -> RefusedError:
    """Return the error of a refusal, which the recorder that is at work remembers."""
    modes = [mode for mode in _get_current_dispatch_mode_stack() if isinstance(mode, Recorder)]
    return modes[-1].refuse(why) if modes else RefusedError(why)


def record(
    forward: Callable[[Tensor], Any], tokens: Tensor, vocabulary: int, feasible: list[set[int]]
) -> tuple[Program, list[Node], str]:
    """Return what a forward pass computes: the program, the nodes of the last position's logits, the type.

    Args:
        forward: from tokens to logits.
        tokens: integers (1, T) or (T,).
        vocabulary: how many token ids a table holds.
        feasible: which token ids may stand at each position.

    Raises:
        RefusedError: it cannot be recorded; the message says why.
    """
    if _get_current_dispatch_mode_stack():
        raise RefusedError("a mode of torch, which sees and changes all operations, was left on")
    if exchanged := exchanged_calls():
        raise RefusedError(f"the operation {exchanged[0].removeprefix('aten::')} was exchanged for another")
    program = Program(vocabulary, feasible)
    recorder = Recorder(program)
    ids = np.array([program.token(position) for position in range(tokens.shape[-1])], np.int64)
    recorder.twins.put(tokens, ids.reshape(tuple(tokens.shape)))
    try:
        logits = _recorded(recorder, forward, tokens)
    finally:
        why = recorder.shells.end()
    if why:
        raise RefusedError(why)
    if logits is None or not recorder.twins.has(logits):
        raise RefusedError("the forward pass returns no tensor that was seen to be computed from its tokens")
    if not logits.is_floating_point():
        raise RefusedError("the forward pass returns token ids, and no logits")
    last = recorder.twins.nodes(logits).reshape(-1, logits.shape[-1])[-1]
    return program, last.tolist(), "float32" if recorder.types & _SHORT else "float64"


def _recorded(recorder: Recorder, forward: Callable[[Tensor], Any], tokens: Tensor) -> Tensor | None:
    """Return the logits of a forward pass while it is recorded."""
    try:
        with torch.no_grad(), recorder.shells, _Guard(recorder), recorder:
            output = forward(recorder.shells.shell(tokens))
        logits: Tensor | None = recorder.shells.opened(_logits(output))
    except Exception as error:
        if not recorder.refusal:
            why = f"the forward pass raised {type(error).__name__} while it was recorded"
            raise RefusedError(why + _place_of(traceback.walk_tb(error.__traceback__))) from error
    if recorder.refusal:
        raise RefusedError(recorder.refusal)
    return logits


def _logits(output: Any) -> Tensor | None:
    if isinstance(output, tuple | list):
        return next((found for found in map(_logits, output) if found is not None), None)
    return output if isinstance(output, Tensor) else None


def _is_of_another_kind(value: Any) -> bool:
    return isinstance(value, Tensor) and type(value).__torch_dispatch__ is not Tensor.__torch_dispatch__


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _named(func: Any) -> str:
    return str(func._schema.name).removeprefix("aten::")  # noqa: SLF001


def _place() -> str:
    """Return where in the stranger's file an operation was called: the innermost frame outside torch and the suite."""
    return _place_of(reversed(list(traceback.walk_stack(None))))


def _place_of(frames: Iterable[tuple[Any, int]]) -> str:
    """Return the innermost place outside torch, numpy, Python and the suite, of frames from the outermost on."""
    place = ""
    for frame, line in frames:
        file = frame.f_code.co_filename
        is_python = file.startswith(_PYTHON) and "site-packages" not in file
        if not is_python and not file.startswith((_SUITE, _TORCH, _NUMPY, "<")):
            place = f" ({Path(file).name}, line {line})"
    return place
