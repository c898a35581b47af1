"""What an adder returned, read as an integer where that is unmistakable.

The contract asks for an int. Strangers' adders also return text, numpy and torch integers, floats, nothing, or raise.
`read` turns each into an `Answer`, which crosses to another process without pickle; `Answer.result` is what a
`verify.subject.Subject` hands out, and `Answer.complaint` names what is not as agreed.
"""

from __future__ import annotations

import math
import operator
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.addition.task import MOST_DIGITS, TEN, Task
from verify.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_INTEGER = -1  # in a batch of sums: the answer was no integer, or one that no sum can be

LIMIT = 2**62  # what is as large is no sum of operands whose sums fit int64
LIMIT_OF_WIDE = 10 ** (MOST_DIGITS + 1)  # and none of any
_LARGEST_EXACT_FLOAT = 2**53
_MOST_ODD_ANSWERS = 32  # of one batch, that are kept with their index


@dataclass(frozen=True)
class Raised:
    """The answer of an ``add`` that raised: the exception's type and message."""

    type_name: str
    message: str

    def __repr__(self) -> str:
        return f"{self.type_name}: {self.message}"


@dataclass(frozen=True)
class Unreadable:
    """An answer that is no integer: its type and its beginning, as shown by ``repr``."""

    type_name: str
    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Answer:
    """What ``add`` returned.

    Attributes:
        value: the integer that it unmistakably is, or None.
        type_name: the type of what was returned, or of the exception.
        text: its ``repr``, or the exception's message; empty for an int.
        raised: whether ``add`` raised.
    """

    value: int | None
    type_name: str = "int"
    text: str = ""
    raised: bool = False

    @property
    def result(self) -> object:
        """The integer; else `Raised` or `Unreadable`."""
        if self.value is not None:
            return self.value
        return (Raised if self.raised else Unreadable)(self.type_name, self.text)

    @property
    def complaint(self) -> str | None:
        """What is not as agreed, in words that are the same for all operands; None for an int."""
        if self.raised:
            return f"add raised {self.type_name}"
        return None if self.type_name == "int" else f"add returned {self.type_name}, not int"

    def to_wire(self) -> Any:
        """Return the answer as an int, or as a dict of plain values."""
        if self.type_name == "int":
            return self.value
        return {"value": self.value, "type_name": self.type_name, "text": self.text, "raised": self.raised}

    @classmethod
    def from_wire(cls, wire: Any, task: Task = TEN) -> Answer:
        """Return the answer that `to_wire` wrote, to operands of a task.

        Raises:
            ValueError: it wrote no such thing.
        """
        limit = limit_of(task)
        if type(wire) is int and 0 <= wire < limit:
            return cls(wire)
        if not isinstance(wire, dict) or wire.keys() != {"value", "type_name", "text", "raised"}:
            raise ValueError("no answer")
        value, type_name, text, raised = (wire[key] for key in ("value", "type_name", "text", "raised"))
        readable = value is None or (type(value) is int and 0 <= value < limit)
        if not (readable and isinstance(type_name, str) and isinstance(text, str) and isinstance(raised, bool)):
            raise ValueError("no answer")
        return cls(value, printable(type_name), printable(text), raised)


def limit_of(task: Task) -> int:
    """Return the number from which on an answer is no sum of a task, whatever the operands are."""
    return LIMIT_OF_WIDE if task.is_wide else LIMIT


def read(returned: object, task: Task = TEN) -> Answer:
    """Return what ``add`` returned as an answer to operands of a task.

    >>> read("00042").value, read(42.0).value, read(None).value, read(True).value
    (42, 42, None, None)
    """
    if type(returned) is int and 0 <= returned < LIMIT:  # first, since nearly every answer is
        return Answer(returned)
    limit = limit_of(task)
    if type(returned) is int and 0 <= returned < limit:
        return Answer(returned)
    value = _integer(returned, limit)
    fits = value is not None and 0 <= value < limit
    type_name = "int out of range" if type(returned) is int else _type_name(returned)
    return Answer(value if fits else None, printable(type_name), shown(returned))


def from_exception(error: BaseException) -> Answer:
    """Return the answer of an ``add`` that raised."""
    return Answer(None, printable(_type_name(error)), shown(error, str), raised=True)


def collect(answers: Iterable[Answer], task: Task = TEN) -> dict[str, Any]:
    """Return many answers to operands of a task as plain values and arrays.

    "sums" holds (N,) of the task's type, `NO_INTEGER` where an answer is none; "counts" how often each complaint was
    made; "odd" the first odd answers as [index, wire].
    """
    sums: list[int] = []
    odd: list[list[Any]] = []
    counts = Counter[str]()
    for index, answer in enumerate(answers):
        sums.append(as_sum(answer.value))
        if answer.complaint is not None:
            counts[answer.complaint] += 1
            if len(odd) < _MOST_ODD_ANSWERS:
                odd.append([index, answer.to_wire()])
    return {"sums": task.array(sums), "odd": odd, "counts": dict(counts)}


def collect_batch(returned: Any, task: Task = TEN) -> dict[str, Any]:
    """Return what ``add_batch`` returned, in the form of `collect`; an array of sums as it is, 4 times as fast."""
    is_array = isinstance(returned, np.ndarray) and returned.dtype == np.int64 and returned.ndim == 1
    if is_array and not task.is_wide and ((returned >= 0) & (returned < LIMIT)).all():
        return {"sums": returned, "odd": [], "counts": {}}
    each_sum = returned.tolist() if is_array and task.is_wide else returned  # whose integers are a batch's own form
    return collect((read(each, task) for each in each_sum), task)


def as_sum(answer: object) -> int:
    """Return an answer as a sum, or `NO_INTEGER`; a bool is no integer."""
    if type(answer) is int and 0 <= answer < LIMIT_OF_WIDE:
        return answer
    return NO_INTEGER


def shown(value: object, show: Any = repr) -> str:
    """Return the beginning of a value's text on one line, whatever its class does when it is shown."""
    try:
        text = str(show(value))
    except Exception as error:  # a stranger's __repr__ may raise anything
        text = f"<{_type_name(value)} whose {show.__name__} raises {_type_name(error)}>"
    return printable(text)


@cache
def _text_below(limit: int) -> re.Pattern[str]:
    return re.compile(rf"\s*[0-9]{{1,{len(str(limit))}}}\s*", re.ASCII)


def _type_name(value: object) -> str:
    """Return the name of a value's type, as the interpreter has it: a stranger's class may answer anything."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return name


def _integer(returned: Any, limit: int) -> int | None:
    if isinstance(returned, bool):
        return None
    if isinstance(returned, str):
        return int(returned) if _text_below(limit).fullmatch(returned) else None
    try:
        if isinstance(returned, float):
            exact = math.isfinite(returned) and returned == int(returned) and abs(returned) < _LARGEST_EXACT_FLOAT
            return int(returned) if exact else None
        return operator.index(returned)
    except Exception:  # a stranger's __index__ may raise anything
        return None
