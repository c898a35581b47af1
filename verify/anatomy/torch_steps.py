"""What torch executes, operation by operation: noted in a first run, compared with it and held in further ones."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from verify.anatomy.torch_reads import ReadGuard, key, leaves
from verify.anatomy.torch_shares import Share, Shares

_HERE = str(Path(__file__).resolve().parents[1])
_TORCH = str(Path(torch.__file__).resolve().parent)
_NUMPY = str(Path(np.__file__).resolve().parent)
PRODUCTS = {"mm": 0, "bmm": 0, "matmul": 0, "mv": 0, "dot": 0, "addmm": 1, "baddbmm": 1, "addmv": 1}  # first operand
CHOICES = {"gather": 0, "index_select": 0, "index": 0, "take_along_dim": 0, "_unsafe_index": 0}
_LOOK_UPS = {"index", "_unsafe_index"}
_MOST_ELEMENTS = 4_000_000  # of one operation, times positions


class UntracedError(Exception):
    """The forward cannot be traced; the message says why."""


@dataclass
class Step:
    """One operation of the first run.

    Attributes:
        name: torch's, without namespace and overload.
        place: file and line of the stranger's that called it, or "".
        output: its values; None where it gives no numbers.
        operands: the tensors that it read, of operations that may be attention.
        is_whole: whether all that it read, and there was something, is of whole numbers.
        factors: of a sum, the factors of the product that it adds up, if it is one's.
        axes: over which it adds up.
        shares: of a division, or of a product element by element, the weighted sums that it makes weighted means.
        moved: on which tokens each element of the output depends, bool (P, ...).
        operands_moved: the same of the operands.
    """

    name: str
    place: str
    output: np.ndarray | None
    operands: list[np.ndarray]
    is_whole: bool
    factors: list[np.ndarray] | None = None
    axes: tuple[int, ...] = ()
    shares: list[Share] = field(default_factory=list)
    moved: np.ndarray | None = None
    operands_moved: list[np.ndarray] = field(default_factory=list)

    @property
    def is_product(self) -> bool:
        """Whether it is a product of matrices or vectors."""
        return self.name in PRODUCTS

    @property
    def is_look_up(self) -> bool:
        """Whether it reads a table at indices."""
        return self.name in _LOOK_UPS

    def is_mixed(self) -> bool:
        """Return whether some element depends on two tokens."""
        return self.moved is not None and bool((self.moved.sum(axis=0) > 1).any())


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's hook for subclasses has no types
    """Sees every operation: notes it in the first run, and compares with it, or holds it, in further ones."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        self.reads: list[str] = []
        self._at = 0
        self._is_first = True
        self._position: int | None = None
        self._held: dict[int, np.ndarray] = {}
        self._products: dict[int, tuple[Any, list[np.ndarray]]] = {}  # by storage: it, held; factors
        self._shares = Shares()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Note what runs within, the first time."""
        with self._entered(None, {}, is_first=True):
            yield

    @contextlib.contextmanager
    def comparing(self, position: int | None, held: dict[int, np.ndarray]) -> Iterator[None]:
        """Compare what runs within with the first run.

        Args:
            position: under which it is noted what moves; None to note nothing.
            held: outputs that are put in the place of those of operations, by number.

        Raises:
            UntracedError: other operations run.
        """
        with self._entered(position, held, is_first=False):
            yield
        if self._at != len(self.steps):
            raise UntracedError(self._other())

    def forget(self, positions: int) -> None:
        """Forget what moved."""
        for step in self.steps:
            step.moved = None if step.output is None else np.zeros((positions, *step.output.shape), bool)
            step.operands_moved = [np.zeros((positions, *each.shape), bool) for each in step.operands]

    @contextlib.contextmanager
    def _entered(self, position: int | None, held: dict[int, np.ndarray], *, is_first: bool) -> Iterator[None]:
        self._at, self._is_first, self._position, self._held = 0, is_first, position, held
        self._products.clear()
        self._shares.clear()
        with self, ReadGuard(self.read):
            yield

    def _other(self) -> str:
        seen = f": it looks at them ({self.reads[0]})" if self.reads else ""
        return f"it runs other operations for other tokens{seen}"

    def read(self, name: str, value: Any) -> Any:
        """Note that a tensor's values are read from Python, and return it."""
        if self._is_first and isinstance(value, Tensor) and not value.is_floating_point():
            self.reads.append(f"Tensor.{name}{_place()}")
        return value

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - what we look at is no read
            return self._ran(func, args, dict(kwargs or {}))

    def _ran(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = func.overloadpacket.__name__
        read = [each for each in leaves((args, list(kwargs.values()))) if isinstance(each, Tensor)]
        operands = self._operands(name.rstrip("_"), args)
        factors, axes = self._factors(name, args, kwargs)
        is_whole = bool(read) and not any(each.is_floating_point() for each in read)
        shares = self._means(name.rstrip("_"), args) if self._is_first else []
        result = func(*args, **kwargs)
        outputs = [each for each in leaves(result) if isinstance(each, Tensor)]
        is_view = bool(outputs) and any(key(outputs[0]) == key(each) for each in read)
        if not outputs or (is_view and not func._schema.is_mutable):  # noqa: SLF001 - the only way to ask
            return result
        output = outputs[0]
        if name == "mul" and len(args) == 2:
            self._products[key(output)] = output, [_broadcast(each, output) for each in args]
        if self._is_first:
            place = _place()
            self.steps.append(Step(name.rstrip("_"), place, _values(output), operands, is_whole, factors, axes, shares))
            if name in PRODUCTS and not PRODUCTS[name] and len(operands) == 2:
                self._shares.product(list(args[:2]), operands, output, self._at)
        else:
            self._compare(name.rstrip("_"), output, operands)
        self._at += 1
        return result

    def _compare(self, name: str, output: Tensor, operands: list[np.ndarray]) -> None:
        if self._at >= len(self.steps):
            raise UntracedError(self._other())
        step = self.steps[self._at]
        values = _values(output)
        if step.name != name or (values is None) != (step.output is None):
            raise UntracedError(self._other())
        if values is None or step.output is None:
            return
        if values.shape != step.output.shape:
            raise UntracedError(self._other())
        if self._position is not None and step.moved is not None:
            step.moved[self._position] |= _moved(values, step.output)
            for moved, now, before in zip(step.operands_moved, operands, step.operands, strict=True):
                if now.shape == before.shape:
                    moved[self._position] |= _moved(now, before)
        if self._at in self._held:
            output.copy_(torch.as_tensor(self._held[self._at]).to(output.dtype).reshape(output.shape))

    def _operands(self, name: str, args: tuple[Any, ...]) -> list[np.ndarray]:
        if name in PRODUCTS:
            pair = args[PRODUCTS[name] : PRODUCTS[name] + 2]
        elif name in CHOICES:
            pair = args[:1]
        elif name == "sum" and args and isinstance(args[0], Tensor) and key(args[0]) in self._products:
            return [each.copy() for each in self._products[key(args[0])][1]]
        else:
            return []
        found = [_values(each) for each in pair if isinstance(each, Tensor)]
        return [each for each in found if each is not None]

    def _means(self, name: str, args: tuple[Any, ...]) -> list[Share]:
        """Return the weighted sums that are made means by a division, or by a product element by element."""
        if name not in {"div", "mul"} or len(args) != 2:
            return []
        found: list[Share] = []
        for one, other in [args] if name == "div" else [args, args[::-1]]:
            if isinstance(one, Tensor):
                factor = np.asarray(_values(other) if isinstance(other, Tensor) else other, np.float64)
                with np.errstate(all="ignore"):
                    found += self._shares.scaled(one, 1 / factor if name == "div" else factor)
        return found

    def _factors(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[list[np.ndarray] | None, tuple[int, ...]]:
        """Return the factors of the product that is added up, and over which axes."""
        if name != "sum" or not args or not isinstance(args[0], Tensor) or key(args[0]) not in self._products:
            return None, ()
        factors = self._products[key(args[0])][1]
        if factors[0].shape != tuple(args[0].shape):
            return None, ()
        given = args[1] if len(args) > 1 else kwargs.get("dim")
        several = [given] if isinstance(given, int) else list(given or range(factors[0].ndim))
        return factors, tuple(axis % factors[0].ndim for axis in several)


def _moved(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    same = now == before
    if now.dtype.kind == "f":
        same |= np.isnan(now) & np.isnan(before)
    moved: np.ndarray = ~same
    return moved


def _values(tensor: Tensor) -> np.ndarray | None:
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.detach().resolve_conj())
    if tensor.numel() > _MOST_ELEMENTS:
        raise UntracedError(f"one of its operations gives {tensor.numel():,} numbers")
    plain = tensor.detach().cpu()
    return np.array(plain.float().numpy() if plain.dtype in {torch.bfloat16, torch.float16} else plain.numpy())


def _broadcast(value: Any, output: Tensor) -> np.ndarray:
    values = _values(value) if isinstance(value, Tensor) else np.asarray(value)
    return np.broadcast_to(np.asarray(values), tuple(output.shape))


def _place() -> str:
    """Return where in the stranger's file an operation was called: the innermost frame outside torch and the suite."""
    frame = sys._getframe(1)  # noqa: SLF001 - what traceback itself uses
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_HERE, _TORCH, _NUMPY, "<")) and Path(file).name != "contextlib.py":
            return f" ({Path(file).name}, line {frame.f_lineno})"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
