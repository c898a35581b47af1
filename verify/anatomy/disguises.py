"""The row that says whether the sum is computed from the operands, in whatever disguise, and in which line.

Operands that record what is done to them see ``a - -b``, ``sum((a, b))`` and tricks with bits; what a line leaves in
variables, or a function returns, is looked at for the sum: as a number of any type, as text, as digits, in an array.
The operands are large, so that no digits decoded so far are the sum before the last of them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from verify.anatomy import operands, watching
from verify.anatomy.watching import to_numpy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from verify.anatomy.watching import PatchPoint
    from verify.subject import LoadedAdder

_SUMS = 4
_SMALL = 64  # elements of what is looked into
_BINARY = ("add", "sub", "mul", "and", "or", "xor", "lshift", "rshift", "floordiv", "mod", "divmod", "pow")
_UNARY = ("neg", "pos", "invert", "abs", "trunc")
_SUITE = str(Path(__file__).resolve().parents[1])
_STRANGE = (
    "site-packages",
    "dist-packages",
    str(Path(np.__file__).resolve().parents[1]),
    str(Path(sys.prefix) / "lib"),
)


class Operand(int):
    """An int that looks whether what becomes of it is the sum; so is what becomes of that."""

    total: ClassVar[int] = 0
    seen: ClassVar[list[str]] = []

    @classmethod
    def of(cls, value: Any) -> Any:
        """Return a result, an int as one that looks on."""
        if isinstance(value, tuple):
            return tuple(map(cls.of, value))
        if type(value) is not int:
            return value
        if value == cls.total:
            cls.seen.append(_place())
        return cls(value)


def _looking(name: str) -> Callable[..., Any]:
    plain = getattr(int, name)

    def looking(self: int, *others: Any) -> Any:
        return Operand.of(plain(self, *others))

    return looking


for _name in (*(f"__{side}{each}__" for each in _BINARY for side in ("", "r")), *(f"__{each}__" for each in _UNARY)):
    setattr(Operand, _name, _looking(_name))


def sums_seen(loaded: LoadedAdder) -> list[str]:
    """Return where sums were computed from the operands, each "FILE, line N", most seen first; none if nowhere."""
    found: list[str] = []
    for a, b in _pairs(loaded):
        Operand.total, Operand.seen = a + b, []
        loaded.answer(Operand(a), Operand(b))
        found += Operand.seen or _in_variables(loaded, *_pairs(loaded)[0])
    return sorted(set(found), key=found.count, reverse=True)


def _pairs(loaded: LoadedAdder) -> list[tuple[int, int]]:
    purpose, half = "operands that look on", loaded.task.largest // 2 + 1
    if loaded.task.is_wide:
        found = [(half + x % half, half + y % half) for x, y in operands.fresh(loaded, purpose, _SUMS)]
        return [(x, y - (x + y + 1) % 2) for x, y in found]
    random = operands.source(loaded, purpose)
    top = 2**loaded.task.free_bits + 1  # operands from here on: their sum has all digits and bits that a sum can have
    a, b = random.integers(top, loaded.task.largest + 1, (2, _SUMS)).tolist()
    return [(x, y - (x + y + 1) % 2) for x, y in zip(a, b, strict=True)]  # an odd sum: its last digit and bit are not 0


def _in_variables(loaded: LoadedAdder, a: int, b: int) -> list[str]:
    """Return the lines after which a variable holds the sum, or a function returned it, before it was decoded."""
    point, spy = watching.find(loaded), _Spy(a + b)
    if point is None:
        return []
    with point.replaced(spy.counting(point)):
        before = sys.gettrace()
        sys.settrace(spy)
        try:
            loaded.answer(a, b)
        finally:
            sys.settrace(before)
    return [place for place, calls in spy.seen if calls <= spy.calls // 2]


class _Spy:
    """A tracing function that looks at variables for a sum."""

    def __init__(self, total: int) -> None:
        self.calls = 0
        self.seen: list[tuple[str, int]] = []
        self._total = total
        self._lines: dict[int, int] = {}  # the line that each frame executes: it is looked at when the next one begins
        self._text = str(total)
        self._digits = [int(digit) for digit in self._text]

    def counting(self, point: PatchPoint) -> Callable[..., Any]:
        """Return the forward of a point, its calls counted."""

        def counted(*arguments: Any, **keywords: Any) -> Any:
            self.calls += 1
            return point.original(*arguments, **keywords)

        return counted

    def __call__(self, frame: Any, event: str, argument: Any) -> _Spy | None:
        """Look at a frame of the stranger's; leave those of libraries."""
        file = frame.f_code.co_filename
        if file.startswith((_SUITE, "<")) or any(part in file for part in _STRANGE):
            return None
        values = [argument] if event == "return" else []
        held = [each for value in frame.f_locals.values() for each in _attributes(value)]
        if any(map(self._is_sum, [*values, *frame.f_locals.values(), *held])):
            line = self._lines.get(id(frame), frame.f_lineno) if event == "line" else frame.f_lineno
            self.seen.append((f"{Path(file).name}, line {line}", self.calls))
            return None
        self._lines[id(frame)] = frame.f_lineno
        return self

    def _is_sum(self, value: Any) -> bool:
        try:
            return any(map(self._is_one, _entries(value))) or self._is_spelt(value)
        except Exception:  # a stranger's objects may raise when they are compared
            return False

    def _is_one(self, value: Any) -> bool:
        return bool(isinstance(value, str | bytes) is False and value == self._total)

    def _is_spelt(self, value: Any) -> bool:
        if isinstance(value, str):
            return self._text in value or self._text[::-1] in value
        if isinstance(value, list | tuple) and len(value) >= len(self._digits):
            size = len(self._digits)
            parts = [list(value[at : at + size]) for at in range(min(len(value) - size + 1, _SMALL))]
            return self._digits in parts or self._digits[::-1] in parts
        return False


def _entries(value: Any) -> Iterator[Any]:
    """Yield a number, or those that a small array or list holds."""
    array = to_numpy(value)
    if array is not None:
        yield from array.reshape(-1)[:_SMALL].tolist()
    elif isinstance(value, list | tuple):
        yield from value[:_SMALL]
    elif isinstance(value, dict):
        yield from list(value.values())[:_SMALL]
    else:
        yield value


def _attributes(value: Any) -> list[Any]:
    """Return the plain numbers and texts that an object holds."""
    held = getattr(value, "__dict__", {})
    return [each for each in list(held.values()) if type(each) in (int, float, str)] if type(held) is dict else []


def _place() -> str:
    """Return where in the stranger's file this was called."""
    frame = sys._getframe(1)  # noqa: SLF001 - what traceback itself uses
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_SUITE, "<")):
            return f"{Path(file).name}, line {frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "a file of its own"
