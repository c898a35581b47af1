"""Arrays that numpy takes for its own and torch computes, where `torch_recorder` sees what becomes of them.

numpy decides which type an operation computes in and which shape comes out: of both it is asked itself, with ones in
the place of what is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin
from torch import Tensor

from verify.anatomy.graph.nodes import RefusedError
from verify.anatomy.graph.torch_recorder import looked_up, refusal

_UFUNCS: dict[str, Callable[..., Tensor]] = {
    "absolute": torch.abs,
    "negative": torch.neg,
    "positive": torch.clone,
    "matvec": torch.mv,
    "invert": torch.bitwise_not,
    "power": torch.pow,
    "float_power": torch.pow,
    "maximum": lambda x, y: torch.maximum(*_both(x, y)),
    "minimum": lambda x, y: torch.minimum(*_both(x, y)),
    "fmax": lambda x, y: torch.maximum(*_both(x, y)),
    "fmin": lambda x, y: torch.minimum(*_both(x, y)),
    **{
        name: getattr(torch, name)
        for name in (
            "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "matmul", "exp", "sqrt", "square",
            "tanh", "reciprocal", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
            "logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "sin", "cos", "log",
        )
    },
    "equal": torch.eq,
    "not_equal": torch.ne,
}  # fmt: skip
_REDUCTIONS = {"add": torch.sum, "maximum": torch.amax, "minimum": torch.amin, "logical_or": torch.any}


def _both(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    like = x if isinstance(x, Tensor) else y
    return tuple(each if isinstance(each, Tensor) else torch.as_tensor(each, dtype=like.dtype) for each in (x, y))  # type: ignore[return-value]


def _transposed(x: Tensor, axes: Any = None) -> Tensor:
    return x.permute(*(range(x.ndim)[::-1] if axes is None else axes))


def _spread(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda x, axis=None, ddof=0, keepdims=False: function(x, dim=axis, correction=ddof, keepdim=keepdims)


def _expanded(x: Tensor, axis: Any) -> Tensor:
    axes = [axis] if isinstance(axis, int) else list(axis)
    places = {each % (x.ndim + len(axes)) for each in axes}
    sizes = iter(x.shape)
    return x.reshape([1 if place in places else next(sizes) for place in range(x.ndim + len(axes))])


def _dotted(x: Tensor, y: Tensor) -> Tensor:
    if x.ndim and y.ndim and y.ndim <= 2:
        return torch.matmul(x, y)
    raise refusal("numpy.dot of more than two dimensions")


_FUNCTIONS: dict[str, Callable[..., Any]] = {  # by name, with numpy's arguments
    "amax": torch.amax,
    "max": torch.amax,
    "amin": torch.amin,
    "min": torch.amin,
    "var": _spread(torch.var),
    "std": _spread(torch.std),
    "concatenate": lambda parts, axis=0: torch.cat(list(parts), dim=axis),
    "stack": lambda parts, axis=0: torch.stack(list(parts), dim=axis),
    "vstack": lambda parts: torch.vstack(list(parts)),
    "hstack": lambda parts: torch.hstack(list(parts)),
    "transpose": _transposed,
    "expand_dims": _expanded,
    "squeeze": lambda x, axis=None: x.squeeze() if axis is None else x.squeeze(axis),
    "reshape": lambda x, shape: x.reshape(shape),
    "ravel": torch.flatten,
    "broadcast_to": lambda x, shape: x.broadcast_to(shape),
    "tile": lambda x, reps: torch.tile(x, [reps] if isinstance(reps, int) else list(reps)),
    "repeat": lambda x, repeats, axis=None: torch.repeat_interleave(x, repeats, dim=axis),
    "einsum": lambda form, *parts, **_options: torch.einsum(form, *parts),
    "dot": _dotted,
    "clip": lambda x, a_min=None, a_max=None, **more: torch.clamp(x, more.get("min", a_min), more.get("max", a_max)),
    "where": lambda mask, x, y: torch.where(mask.bool(), x, y),
    "tril": lambda x, k=0: torch.tril(x, k),
    "triu": lambda x, k=0: torch.triu(x, k),
    "copy": torch.clone,
    "take": lambda table, indices, axis=None: _taken(table, indices, axis),
    "norm": lambda x, ord=None, axis=None, keepdims=False: torch.linalg.vector_norm(  # noqa: A006 - numpy's name
        x, 2 if ord is None else ord, axis, keepdims
    ),
    **{name: getattr(torch, name) for name in (
        "sum", "mean", "matmul", "outer", "swapaxes", "moveaxis", "flip", "roll", "cumsum", "zeros_like", "ones_like",
        "empty_like", "full_like", "nan_to_num", "any", "all",
    )},
}  # fmt: skip
_MADE = {"zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like", "array", "copy", "eye"}
_TAKEN_AS_THEY_ARE = {"array", "asarray", "ascontiguousarray", "asanyarray", "copy"}
_COMBINED = {"concatenate", "stack", "vstack", "hstack", "einsum", "dot", "matmul", "outer", "where"}


def _taken(table: Tensor, indices: Tensor, axis: int | None) -> Tensor:
    if axis in (None, 0) and (table.ndim == 1 or axis == 0):
        return table[indices]
    raise refusal("numpy.take along another axis than the first")


class Held(np.ndarray):
    """A numpy array that can be looked up in by tokens."""

    def __getitem__(self, index: Any) -> Any:
        """Return what stands at an index."""
        if _has_any(index):
            return Array(torch.from_numpy(np.array(self)))[index]
        return super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Put a value at an index."""
        if _has_any((index, value)):
            raise refusal("what depends on tokens is written into an array that was there before")
        super().__setitem__(index, value)

    def dot(self, other: Any, out: Any = None) -> Any:
        """Return a product."""
        return np.dot(self, other) if out is None else super().dot(other, out)


class Array(NDArrayOperatorsMixin):
    """A numpy array that may depend on tokens; who reads it, reads a tensor, which the recorder refuses."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    shape = property(lambda self: tuple(self.tensor.shape))
    ndim = property(lambda self: self.tensor.ndim)
    size = property(lambda self: self.tensor.numel())
    dtype = property(lambda self: _numpy_type(self.tensor.dtype))
    T = property(lambda self: Array(_transposed(self.tensor)))

    def __len__(self) -> int:
        """Return the first size."""
        return len(self.tensor)

    def __iter__(self) -> Iterator[Array]:
        """Yield the entries along the first dimension."""
        return (self[place] for place in range(len(self)))

    def __getitem__(self, index: Any) -> Array:
        """Return what stands at an index."""
        with _errors_refused("ndarray.__getitem__"):
            return Array(looked_up(self.tensor, _plain(index)))

    def __setitem__(self, index: Any, value: Any) -> None:
        """Put a value at an index."""
        with _errors_refused("ndarray.__setitem__"):
            self.tensor[_plain(index)] = _cast(value, self.tensor.dtype)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Return its values, where they depend on no token."""
        del copy  # always: what is written into it later would not be seen
        return np.array(self.tensor.numpy(), dtype)

    def __bool__(self) -> bool:
        """Return its value, where that depends on no token."""
        return bool(self.tensor)

    def __int__(self) -> int:
        """Return its value, where that depends on no token."""
        return int(self.tensor)

    __index__ = __int__

    def __float__(self) -> float:
        """Return its value, where that depends on no token."""
        return float(self.tensor)

    def __repr__(self) -> str:
        """Return its values in words, where they depend on no token."""
        return repr(self.__array__()[()])

    def __str__(self) -> str:
        """Return its values in words, where they depend on no token."""
        return str(self.__array__()[()])

    def __format__(self, form: str) -> str:
        """Return its value in words, where that depends on no token."""
        return format(self.__array__()[()], form)

    def __hash__(self) -> int:
        """Return what a value that depends on no token has; an array has none."""
        return hash(self.__array__()[()])

    def __copy__(self) -> Array:
        """Return a copy."""
        return Array(self.tensor.clone())

    def __deepcopy__(self, _memo: Any) -> Array:
        """Return a copy."""
        return Array(self.tensor.clone())

    def item(self) -> Any:
        """Return its value, where that depends on no token."""
        return self.tensor.item()

    def tolist(self) -> Any:
        """Return its values, where they depend on no token."""
        return self.tensor.tolist()

    def astype(self, dtype: Any, **_options: Any) -> Array:
        """Return it in another type."""
        return Array(self.tensor.to(_torch_type(np.dtype(dtype))))

    def fill(self, value: Any) -> None:
        """Put a value everywhere."""
        self[...] = value

    def reshape(self, *shape: Any, **_options: Any) -> Array:
        """Return it in another shape."""
        return Array(self.tensor.reshape(*shape))

    def transpose(self, *axes: Any) -> Array:
        """Return it with its dimensions in another order."""
        given = axes[0] if axes and not isinstance(axes[0], int) else axes or None
        return Array(_transposed(self.tensor, given))

    def flatten(self) -> Array:
        """Return it in one dimension."""
        return Array(self.tensor.flatten().clone())

    def __getattr__(self, name: str) -> Any:
        """Return a method of numpy's that has a function of the same name."""
        function = getattr(np, name, None)
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(name)
        if name not in _FUNCTIONS:
            raise refusal(f"the operation numpy.ndarray.{name} is not one that the method knows")
        return lambda *args, **kwargs: called(function, name, (self, *args), kwargs)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        """Return what an operation of numpy's gives, element by element or along a dimension."""
        with _errors_refused(ufunc.__name__):
            found = _by_torch(ufunc, method, inputs, options)
            if out is None:
                return found
            if not isinstance(out[0], Array):
                raise refusal("what depends on tokens is written into an array that was there before")
            out[0][...] = found
            return out[0]

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        """Return what a function of numpy's gives."""
        return called(function, function.__name__, args, kwargs)


def called(function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what a function of numpy's gives, by its name, of arguments among which are arrays of either kind."""
    if not _has_any((args, list(kwargs.values()))):
        found = function(*args, **kwargs)
        return _made(found) if name in _MADE else hold(found)
    if name in _TAKEN_AS_THEY_ARE:
        return gathered(args[0], *args[1:2], **kwargs)
    if name not in _FUNCTIONS or not _is_numpys(function):
        raise refusal(f"the operation numpy.{name} is not one that the method knows")
    with _errors_refused(name):
        return _as_numpy_has_it(_FUNCTIONS[name], function, args, kwargs, is_combined=name in _COMBINED)


def _is_numpys(function: Any) -> bool:
    """Return whether a function is the one that numpy has by its name."""
    return any(getattr(module, function.__name__, None) is function for module in (np, np.linalg))


def hold(value: Any) -> Any:
    """Return arrays, also within lists, tuples and dicts, as `Held`."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return value.view(Held)
    if isinstance(value, dict):
        return {key: hold(each) for key, each in value.items()}
    return type(value)(map(hold, value)) if type(value) in (list, tuple) else value


def _made(value: Any) -> Any:
    """Return an array that was just made as one that what depends on tokens may be written into."""
    is_array = isinstance(value, np.ndarray) and value.ndim > 0 and value.dtype.kind in "fiub"
    return Array(torch.from_numpy(np.array(value)).clone()) if is_array else value


def gathered(value: Any, dtype: Any = None, **_options: Any) -> Array:
    """Return nested lists of entries as one array."""
    if isinstance(value, list | tuple):
        parts = [gathered(each) for each in value]
        kind = np.result_type(*(part.dtype for part in parts))
        value = Array(torch.stack([_cast(part, _torch_type(kind)) for part in parts]))
    found = value if isinstance(value, Array) else Array(torch.as_tensor(value))
    return found.astype(dtype) if dtype is not None else Array(found.tensor.clone())


@contextmanager
def _errors_refused(name: str) -> Iterator[None]:
    """Refuse what fails here, as it need not fail in numpy, where the forward would go on in another way.

    numpy can have a forward told of numbers that overflow, which torch does not do.
    """
    if not set(np.geterr().values()) <= {"ignore", "warn"}:
        raise refusal("the forward pass is told of numbers that overflow or are undefined (numpy.errstate)")
    try:
        yield
    except RefusedError:
        raise
    except Exception as error:
        raise refusal(f"the operation numpy.{name} raised {type(error).__name__}") from error


def _by_torch(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Array:
    """Return the result of an operation of numpy's."""
    if method == "reduce" and ufunc.__name__ in _REDUCTIONS and _is_numpys(ufunc):
        options.setdefault("axis", 0)
        reduction: Any = _REDUCTIONS[ufunc.__name__]
        return _as_numpy_has_it(reduction, ufunc.reduce, inputs, options)  # type: ignore[no-any-return]
    if method == "__call__" and not options and ufunc.__name__ in _UFUNCS and _is_numpys(ufunc):
        return _element_by_element(ufunc, inputs)
    raise refusal(f"the operation numpy.{ufunc.__name__} is not one that the method knows in this form")


def _element_by_element(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Array:
    """Return an operation's result; operands are first brought to the type that numpy computes in."""
    kinds = [type(each) if type(each) in (int, float, bool) else np.asarray(_ones(each)).dtype for each in inputs]
    resolved = ufunc.resolve_dtypes((*kinds, None))
    operands = [_operand(each, _torch_type(kind)) for each, kind in zip(inputs, resolved[:-1], strict=True)]
    return Array(_UFUNCS[ufunc.__name__](*operands).to(_torch_type(resolved[-1])))


def _as_numpy_has_it(
    function: Callable[..., Any],
    original: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    is_combined: bool = False,
) -> Any:
    """Return what torch's function gives, of the type and shape that numpy's has of ones."""
    given = {name: value for name, value in kwargs.items() if value is not None and name not in ("out", "dtype")}
    expected = original(*map(_ones, args), **{name: _ones(value) for name, value in kwargs.items()})
    kind = _torch_type(np.asarray(expected).dtype) if isinstance(expected, np.ndarray | np.generic) else None
    found = function(
        *(_operand(each, kind if is_combined else None) for each in args),
        **{name: _operand(each, None) for name, each in given.items()},
    )
    if kind is None or not isinstance(found, Tensor) or tuple(found.shape) != np.shape(expected):
        raise refusal(f"the operation numpy.{original.__name__} is not one that the method knows in this form")
    return Array(found.to(kind))


def _operand(value: Any, kind: torch.dtype | None) -> Any:
    """Return an argument of numpy's as one of torch's, numbers of a type where one is given."""
    if isinstance(value, list | tuple):
        return type(value)(_operand(each, kind) for each in value)
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0 and kind is None):
        return value.item()
    if not isinstance(value, Array | np.ndarray):
        return value
    tensor = value.tensor if isinstance(value, Array) else torch.as_tensor(np.array(value))
    return tensor if kind is None else tensor.to(kind)


def _cast(value: Any, kind: torch.dtype) -> Any:
    if isinstance(value, Array):
        return value.tensor.to(kind)
    return torch.as_tensor(np.array(value)).to(kind) if isinstance(value, np.ndarray | list | tuple) else value


def _ones(value: Any) -> Any:
    """Return an argument with ones in the place of what may depend on tokens."""
    if isinstance(value, Array):
        return np.ones(value.shape, value.dtype)
    return type(value)(map(_ones, value)) if type(value) in (list, tuple) else value


def _plain(index: Any) -> Any:
    """Return an index as torch takes it."""
    if isinstance(index, tuple):
        return tuple(map(_plain, index))
    if isinstance(index, list) and _has_any(index):
        return gathered(index).tensor
    if isinstance(index, Array):
        return index.tensor
    if isinstance(index, np.ndarray | list):
        return torch.as_tensor(np.array(index))
    return int(index) if isinstance(index, np.integer) else index


def _has_any(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_any, value))
    return isinstance(value, Array)


def _torch_type(kind: np.dtype) -> torch.dtype:
    try:
        return torch.from_numpy(np.zeros(0, kind)).dtype
    except TypeError:
        raise refusal(f"numbers of numpy's type {kind}") from None


def _numpy_type(kind: torch.dtype) -> np.dtype:
    return torch.zeros(0, dtype=kind).numpy().dtype
