"""How fast every decoding path is, beside the reference and the floor in the same rounds, written as evidence.

python -m benchmarks.throughput [--quick] [--out FILE]
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from adder.model import GPTAdder
from adder.solver import solve
from benchmarks import codec, paths, startup
from benchmarks.measuring import environment, interleave, spread
from benchmarks.reference_solver import solve_as_reference
from verify.made import made

SCHEMA = "adder-benchmark/1"
OUT = Path("reports/data/throughput.json")
BATCHES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
QUICK_BATCHES = (1, 1_000, 100_000)


def measure(*, quick: bool) -> dict[str, Any]:
    """Return the evidence of one run; a quick one has fewer batches and rounds, one thread, and nothing compiled."""
    model = solve(seed=1)
    rounds = 3 if quick else 7
    with paths.threads(1):
        memory = paths.memory(model, batch=100_000)
        conversions = codec.measure(20_000 if quick else 200_000, rounds=rounds)
        solvers = _measure_solvers(rounds=rounds)
    rows: list[dict[str, Any]] = []
    for name, subject, count, batch in tqdm(list(_blocks(model, quick=quick)), unit="batch", disable=None):
        with paths.threads(count):
            compiled = not quick and name == "cpu" and count == 1 and batch >= 100_000
            rows += paths.measure(subject, batch, rounds=rounds, limit=2.0 if quick else 6.0, compiled=compiled)
    return {
        "schema": SCHEMA,
        "made": made(),
        "quick": quick,
        "environment": environment(),
        "paths": rows,
        "memory": memory,
        "codec": conversions,
        "solver": solvers,
        "startup": startup.measure(rounds=1 if quick else 3, solvers=not quick),
    }


def _blocks(model: GPTAdder, *, quick: bool) -> Iterator[tuple[str, GPTAdder, int, int]]:
    """Yield device, model, threads and batch of what is measured together."""
    batches = QUICK_BATCHES if quick else BATCHES
    for batch in batches:
        yield "cpu", model, 1, batch
    if not quick and os.cpu_count() != 1:
        for batch in QUICK_BATCHES:
            yield "cpu", model, 2, batch
    if torch.cuda.is_available():
        on_device = copy.deepcopy(model).cuda()
        for batch in batches:
            yield "cuda", on_device, 1, batch


def _measure_solvers(*, rounds: int) -> list[dict[str, Any]]:
    """Return one row a solver, warm: every round is another base seed, the same for all."""
    seeds = {name: iter(range(1, 10**6)) for name in ("integer", "real", "reference")}
    calls = {
        "integer": lambda: solve(next(seeds["integer"]), weights="integer"),
        "real": lambda: solve(next(seeds["real"]), weights="real"),
        "reference": lambda: solve_as_reference(next(seeds["reference"])),
    }
    seconds = interleave(calls, rounds)
    return [{"solver": name, "rounds": len(seconds[name]), "seconds": spread(seconds[name])} for name in calls]


def write(evidence: dict[str, Any], out: Path) -> None:
    """Write evidence to a file that appears whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=out.parent, suffix=".json", delete=False) as aside:
        json.dump(evidence, aside, indent=1)
        aside.write("\n")
    Path(aside.name).replace(out)


def summary(evidence: dict[str, Any]) -> str:
    """Return the figures of the paths as lines of text."""
    lines = [
        f"{'path':16}{'kind':11}{'device':8}{'threads':>8}{'batch':>10}{'pairs/s':>15}{'x ref':>10}{'of floor':>10}"
    ]
    lines += [
        f"{row['path']:16}{row['kind']:11}{row['device']:8}{row['threads']:8}{row['batch']:10,}"
        f"{row['pairs_per_second']['median']:15,.0f}{row['ratio_to_reference']['median']:10.4g}"
        f"{row['ratio_to_floor']['median']:10.2g}"
        for row in evidence["paths"]
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, write the evidence, show the figures of the paths."""
    parser = argparse.ArgumentParser("python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer batches and rounds, under half a minute")
    parser.add_argument("--out", type=Path, default=OUT, help=f"evidence file (default: {OUT})")
    arguments = parser.parse_args()
    evidence = measure(quick=arguments.quick)
    write(evidence, arguments.out)
    sys.stdout.write(summary(evidence) + f"\nwritten to {arguments.out}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
