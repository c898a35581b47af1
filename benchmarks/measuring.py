"""Timing things beside each other: one round runs each of them once, so that all meet the same hour of the machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

Call = Callable[[], object]

# Shorter than this, the clock and the loop around the call would show in the figures.
MIN_SECONDS = 0.002


def interleave(calls: Mapping[str, Call], rounds: int, limit: float = 60.0) -> dict[str, list[float]]:
    """Return the seconds that each call takes, one figure a round.

    Every second round runs the calls in reverse, so that none is always the one after a slow neighbour. A call that
    is shorter than `MIN_SECONDS` is repeated within its turn.

    Args:
        calls: what to time, by name.
        rounds: how many rounds at most.
        limit: seconds after which no further round begins.
    """
    repeats = {name: _repeats(call) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    begin = time.perf_counter()
    for done in range(rounds):
        if done and time.perf_counter() - begin > limit:
            break
        for name in list(calls)[:: -1 if done % 2 else 1]:
            seconds[name].append(_time(calls[name], repeats[name]))
    return seconds


def _repeats(call: Call) -> int:
    first = _time(call, 1)  # what is imported or compiled in a first call is no part of any figure
    return 1 if first > 1.0 else max(1, round(MIN_SECONDS / max(_time(call, 1), 1e-7)))


def _time(call: Call, repeats: int) -> float:
    begin = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - begin) / repeats


def spread(values: list[float]) -> dict[str, float]:
    """Return the median and the quartiles, to four significant digits."""
    lower, median, upper = np.percentile(values, [25, 50, 75])
    named = {"median": median, "lower_quartile": lower, "upper_quartile": upper}
    return {name: float(f"{value:.4g}") for name, value in named.items()}


def environment() -> dict[str, Any]:
    """Return the machine and the versions that a figure belongs to."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("torch", "numpy")},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def resident_bytes() -> int | None:
    """Return the memory that this process holds now, in bytes; None where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else None
