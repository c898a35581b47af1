"""The row that says whether an adder behaves the same when it is not watched.

Watching puts a wrapper where the forward is, and a file may look for one. Without it, calls of the forward's code are
counted by the interpreter itself: with and without watching there must be as many, and the same answers, on drawn pairs
in two workers.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from verify.anatomy import operands, watching
from verify.errors import ProtocolError
from verify.subject.operations import operation
from verify.text import printable

if TYPE_CHECKING:
    from verify.anatomy.watching import PatchPoint
    from verify.subject import LoadedAdder, Subject

CHECK = "the same unwatched"

_SUMS = 6


def same_unwatched(subject: Subject, seed: int | None) -> dict[str, str]:
    """Return the row: what two workers say and do, of which one is watched.

    Raises:
        ProtocolError: what comes back from a worker are no answers.
    """
    is_worker = subject.isolation != "off"  # a namespace of this process remembers: it is asked other pairs
    free = _counted(subject, seed, is_watched=False, skip=0)
    watched = _counted_anew(subject, seed, is_watched=True, skip=0 if is_worker else 1)
    outcome, detail = _compared(free, watched, is_same_pairs=is_worker)
    if outcome == "violated" and is_worker and _counted_anew(subject, seed, is_watched=False, skip=0) != free:
        outcome, detail = "unknown", "it does not do the same every time, watched or not"
    return {"check": CHECK, "outcome": outcome, "detail": printable(detail)}


def _counted_anew(subject: Subject, seed: int | None, *, is_watched: bool, skip: int) -> dict[str, Any]:
    other = subject.afresh()
    try:
        return _counted(other, seed, is_watched=is_watched, skip=skip)
    finally:
        other.close()


def _counted(subject: Subject, seed: int | None, *, is_watched: bool, skip: int) -> dict[str, Any]:
    told: dict[str, Any] = subject.ask("counted_calls", seed=seed, is_watched=is_watched, skip=skip)
    if not told["unknown"] and not len(told["answers"]) == len(told["calls"]) == _SUMS:
        raise ProtocolError(f"{subject.spec} broke the protocol: it was asked {_SUMS} sums and tells of others")
    return told


def _compared(free: dict[str, Any], watched: dict[str, Any], *, is_same_pairs: bool) -> tuple[str, str]:
    why = free["unknown"] or watched["unknown"]
    if why:
        return "unknown", why
    if is_same_pairs and free["answers"] != watched["answers"]:
        changed = sum(one != other for one, other in zip(free["answers"], watched["answers"], strict=True))
        return "violated", f"it behaves otherwise when watched: {changed} of {_SUMS} answers are others"
    said = [" or ".join(map(str, sorted(set(told["calls"])))) for told in (free, watched)]
    none = [[count == 0 for count in told["calls"]] for told in (free, watched)]  # sums without a call
    what = f"calls of {free['name']} for each of {_SUMS} sums"
    if (is_same_pairs and none[0] != none[1]) or all(none[0]) != all(none[1]):
        return "violated", f"it behaves otherwise when watched: {said[1]} {what} then, {said[0]} without"
    if any(none[0] + none[1]) or said[0] != said[1]:
        return "suspect", f"{said[1]} {what} when watched, {said[0]} without"
    return "ok", f"{said[0]} {what}, watched and not, in two workers"


@operation
def counted_calls(loaded: LoadedAdder, seed: int | None = None, *, is_watched: bool, skip: int) -> dict[str, Any]:
    """Return answers and how often the forward's code ran for each: {"answers", "calls", "name", "unknown"}.

    Args:
        loaded: the adder.
        seed: of the pairs.
        is_watched: whether the forward is wrapped meanwhile.
        skip: how many times as many pairs are passed over first.
    """
    operands.use_seed(loaded, seed)
    told: dict[str, Any] = {"answers": [], "calls": [], "name": "", "unknown": ""}
    loaded = loaded.watchable
    point = watching.find(loaded)
    code = None if point is None else _code(point)
    if point is None or code is None:
        return told | {"unknown": watching.NOT_FOUND if point is None else "the forward is no Python function"}
    operands.fresh(loaded, "unwatched", skip * _SUMS)
    for a, b in operands.fresh(loaded, "unwatched", _SUMS):
        counter = _Counter(code)
        sys.setprofile(counter)
        try:
            answer = watching.watch(loaded, point, a, b).answer if is_watched else loaded.answer(a, b)
        finally:
            sys.setprofile(None)
        told["answers"].append(str(answer.value))
        told["calls"].append(counter.calls)
    return told | {"name": point.name}


class _Counter:
    """A profiling function that counts the calls of one code."""

    def __init__(self, code: Any) -> None:
        self.calls = 0
        self._code = code

    def __call__(self, frame: Any, event: str, _argument: Any) -> None:
        """Count a call."""
        if event == "call" and frame.f_code is self._code:
            self.calls += 1


def _code(point: PatchPoint) -> Any:
    """Return the code of a forward, without what decorates it; None of what is not written in Python."""
    function = inspect.unwrap(point.plain)
    return getattr(getattr(function, "__func__", function), "__code__", None)
