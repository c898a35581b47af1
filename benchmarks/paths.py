"""Decoding paths by batch, threads and device, beside the reference loop and the floor: one addition of two tensors."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from adder.decoding import METHODS, MODEL_RUNS, add_tensors
from adder.model import GPTAdder
from adder.scan import derive
from adder.tokens import MAX_OPERAND
from adder.transitions import transitions
from benchmarks.measuring import Call, interleave, resident_bytes, spread

FLOOR = "torch.add"
DEFAULT = "default"
COMPILED = "scan, compiled"
# The reference adds as many pairs a second in a batch of this size as in any larger one, and a round stays short.
REFERENCE_BATCH = 512
OPERAND_BYTES = 8


def operands(batch: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Return uniform operands, int64 (batch,) twice."""
    generator = torch.Generator().manual_seed(batch)
    a, b = torch.randint(MAX_OPERAND + 1, (2, batch), generator=generator).to(device)
    return a, b


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use this many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def measure(
    model: GPTAdder, batch: int, *, rounds: int, limit: float = 60.0, compiled: bool = False
) -> list[dict[str, Any]]:
    """Return one row a path, all measured in the same rounds: pairs a second, and its ratios within each round."""
    a, b = operands(batch, str(model.device))
    calls = _calls(model, a, b, compiled=compiled)
    seconds = interleave(calls, rounds, limit)
    pairs = {path: min(batch, REFERENCE_BATCH) if path == "reference" else batch for path in calls}
    rates = {path: [pairs[path] / second for second in seconds[path]] for path in calls}

    def ratios(path: str, other: str) -> dict[str, float]:
        return spread([rate / beside for rate, beside in zip(rates[path], rates[other], strict=True)])

    return [
        {
            "path": path,
            "kind": kind(path),
            "device": str(model.device),
            "threads": torch.get_num_threads(),
            "batch": batch,
            "rounds": len(seconds[path]),
            "pairs_per_second": spread(rates[path]),
            "ratio_to_reference": ratios(path, "reference"),
            "ratio_to_floor": ratios(path, FLOOR),
            "bytes_per_pair": _bytes_per_pair(calls[path], pairs[path], path),
        }
        for path in calls
    ]


def kind(path: str) -> str:
    """Return what a path is: a model run, memoised, or the floor."""
    if path == FLOOR:
        return "floor"
    return "model run" if path in (*MODEL_RUNS, DEFAULT) else "memoised"


def memory(model: GPTAdder, batch: int, batches: int = 20) -> list[dict[str, Any]]:
    """Return by how much the process has grown after many batches of each path, the first three aside."""
    rows = []
    for path in METHODS:
        size = REFERENCE_BATCH if path == "reference" else batch
        call = _calls(model, *operands(size), compiled=False)[path]
        for _ in range(3):
            call()
        before = resident_bytes()
        runs = batches // 4 if path == "reference" else batches
        for _ in range(runs):
            call()
        after = resident_bytes()
        growth = None if before is None or after is None else after - before
        rows.append({"path": path, "batch": size, "batches": runs, "growth_bytes": growth})
    return rows


def _calls(model: GPTAdder, a: Tensor, b: Tensor, *, compiled: bool) -> dict[str, Call]:
    def run(method: str | None) -> Call:
        limited = (a[:REFERENCE_BATCH], b[:REFERENCE_BATCH]) if method == "reference" else (a, b)
        return _finished(lambda: add_tensors(model, *limited, method), a.device)

    calls = {FLOOR: _finished(lambda: torch.add(a, b), a.device)}
    calls |= {method: run(method) for method in METHODS} | {DEFAULT: run(None)}
    if compiled and (scan := _compile_scan(model, a, b)) is not None:
        calls[COMPILED] = _finished(lambda: scan(a, b), a.device)
    return calls


def _compile_scan(model: GPTAdder, a: Tensor, b: Tensor) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Return the scan as one compiled kernel, or None where there is no compiler that works."""
    scan = torch.compile(derive(transitions(model).next_state.tolist()).sums, fullgraph=True)
    with warnings.catch_warnings(action="ignore"):  # torch's own, at its first compilation
        try:
            scan(a, b)
        except RuntimeError as error:  # torch wraps what compilers and the absence of compilers raise
            sys.stderr.write(f"not measured: {COMPILED}: {error}\n")
            return None
    return scan


def _finished(call: Call, device: torch.device) -> Call:
    """Return a call that is over when it returns, also where the device works on its own."""
    if device.type != "cuda":
        return call

    def synchronized() -> None:
        call()
        torch.cuda.synchronize(device)

    return synchronized


class _Made(TorchDispatchMode):
    """Counts the bytes of the tensors that operations make, views and given outputs aside."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {tensor.untyped_storage().data_ptr() for tensor in _tensors([args, kwargs])}
        result = func(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            if tensor.untyped_storage().data_ptr() not in given:
                self.bytes += tensor.untyped_storage().nbytes()
        return result


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _bytes_per_pair(call: Call, pairs: int, path: str) -> dict[str, float | None]:
    """Return the bytes of operands and sums, which every path must move, and those of tensors made on the way."""
    made = _Made()
    if path != COMPILED:
        with made:
            call()
    return {
        "operands_and_sum": 3 * OPERAND_BYTES,
        "made": None if path == COMPILED else float(f"{made.bytes / pairs:.4g}"),
    }
