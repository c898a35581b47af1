"""One-layer adders that are right, each with one number changed: what is proved of them, against their sums.

``python -m tests.column_mutants`` prints what became of 560 mutants, and ends with status 1 where one contradicts the
theorem: proved, and yet a sum is wrong; given as wrong at a pair that it adds right; right on fewer pairs than said.
An interrupt ends it with the counts so far.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tests.proof.columns import graphs, networks
from tests.proof.columns.trials import SHAPES
from verify.anatomy.graph.asking import recording_of
from verify.anatomy.graph.decoder import Decoder
from verify.anatomy.graph.evaluate import forced, write
from verify.anatomy.graph.read import Graph, of
from verify.proof.columns import checker
from verify.proof.columns.certificate import complete
from verify.proof.columns.proving import drawn, search_graph
from verify.proof.weights import RefusalError
from verify.subject import load

RECORDED = ("one_head", "two_heads", "layer_norm", "swiglu")
SECONDS = 30.0  # of CPU, for a search and for a check each
_HERE = Path(__file__).parent
_ALIKE = 1e-3  # logits, and more than roundings of float32 make of them here
_WIDEST = 2  # digits of adders whose every pair is added
_SEED = 5

Plain = dict[str, Any]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: "proved", "refuted", "open" or "refused", and what in it contradicts the theorem."""

    found: str
    wrong: int  # of the pairs that were added
    fault: str | None


# ---- mutants ------------------------------------------------------------------------------------------------------


@functools.cache
def originals() -> dict[str, Plain]:
    """Return graphs that add right, by name; the recorded ones are of 10 digits."""
    found = {"by hand": graphs.adder()}
    for shape, options in SHAPES.items():
        if shape != "soft":  # not right
            found[f"{shape}, 1 digit"] = networks.adder(1, **options)
            found[f"{shape}, 2 digits"] = networks.adder(2, **options)
    return found


@functools.cache
def recorded(name: str) -> Plain:
    """Return the graph of a fixture."""
    subject = load(str(_HERE / "submissions" / "columns" / f"{name}.py"), sandbox="off")
    return json.loads(json.dumps(recording_of(subject, _SEED).graph.plain))


def _scaled(x: float, _y: float, rng: np.random.Generator) -> float:
    return x * float(rng.choice([0.5, 0.9, 0.99, 0.999, 1.001, 1.01, 1.1, 2.0]))


CHANGES: dict[str, Callable[[float, float, np.random.Generator], float]] = {
    "scaled": _scaled,
    "negated": lambda x, _y, _rng: -x,
    "zero": lambda _x, _y, _rng: 0.0,
    "noise": lambda x, _y, rng: x + float(rng.normal(0, 0.01 * max(abs(x), 0.1))),
    "swapped": lambda _x, y, _rng: y,
}


def mutant(graph: Plain, rng: np.random.Generator) -> tuple[Plain, str]:
    """Return a graph with one number changed, or two exchanged, wherever they stand, and what was done."""
    constants = sorted({node[1] for step in graph["steps"] for node in step["nodes"] if node[0] == "const"})
    columns = [table for table in graph["tables"] if len(set(table)) > 1]
    change = str(rng.choice(list(CHANGES)))
    if columns and rng.random() < 0.3:
        which = int(rng.integers(len(columns)))
        first, second = (int(each) for each in rng.choice(_read(graph), 2, replace=False))
        table = columns[which]
        renamed = {first: _changed(change, table[first], table[second], rng)}
        if change == "swapped":
            renamed[second] = table[first]
        tables = [
            [renamed.get(token, number) for token, number in enumerate(each)] if each is table else each
            for each in graph["tables"]
        ]
        return graph | {"tables": tables}, f"{change}: entry {first} of a table"
    first, second = (str(each) for each in rng.choice(constants, 2, replace=False))
    new = {first: _changed(change, first, second, rng)}
    if change == "swapped":
        new[second] = first
    steps = [
        step | {"nodes": [["const", new.get(n[1], n[1])] if n[0] == "const" else n for n in step["nodes"]]}
        for step in graph["steps"]
    ]
    return graph | {"steps": steps}, f"{change}: {float.fromhex(first):g}"


def _read(graph: Plain) -> list[int]:
    """Return the tokens that occur in prompts and answers."""
    return sorted({token for entry in [*graph["prompt"], *graph["answer"]] for token in entry["tokens"]})


def _changed(change: str, first: str, second: str, rng: np.random.Generator) -> str:
    value = CHANGES[change](float.fromhex(first), float.fromhex(second), rng)
    return float(np.float32(value)).hex()


def mutants(count: int, wide: int, seed: int = _SEED) -> Iterator[tuple[str, Plain, str]]:
    """Yield so many mutants of narrow adders, and so many of recorded ones: the name, the graph, what was changed."""
    rng = np.random.default_rng(seed)
    narrow = originals()
    for n in range(count):
        name = list(narrow)[n % len(narrow)]
        yield name, *mutant(narrow[name], rng)
    for n in range(wide):
        name = RECORDED[n % len(RECORDED)]
        yield name, *mutant(recorded(name), rng)


# ---- what is said of them -----------------------------------------------------------------------------------------


def hunted(digits: int) -> tuple[list[int], list[int]]:
    """Return operands to be added: all of them, or drawn ones, among them long carries and words of few nines."""
    if digits <= _WIDEST:
        a, b = networks.all_pairs(digits)
        return a.tolist(), b.tolist()
    rng = np.random.default_rng(_SEED)
    pairs = [pair for _ in range(6) for pair in drawn(digits, rng)]
    for low in range(digits):
        for high in range(low, digits):
            run = 10 ** (high + 1) - 10**low  # nines from one column to another
            pairs += [(run, 10**low), (10**low, run), (run, 0), (run, run), (10**high, 10**high)]
    a, b = zip(*pairs, strict=True)
    return list(a), list(b)


def margins(graph: Graph, pairs: list[Pair], dtype: str | None = None) -> np.ndarray:
    """Return the least margin over all steps of each pair."""
    a, b = (list(each) for each in zip(*pairs, strict=True))
    logits, right = forced(graph, a, b, dtype), write(graph.answer, a, b, graph.digits)
    rows, steps = np.indices(right.shape)
    own = logits[rows, steps, right]
    logits[rows, steps, right] = -np.inf
    return np.nan_to_num((own - logits.max(axis=2)).min(axis=1), nan=-np.inf)


def judge(graph: Plain, seconds: float = SECONDS) -> Outcome:
    """Return what prover and checker say of a graph, and what its sums say of that."""
    read = of(graph)
    decoder = Decoder(read)
    a, b = hunted(read.digits)
    sums = decoder.sums(a, b)
    wrong = sum(found != first + second for found, first, second in zip(sums, a, b, strict=True))

    try:
        searched = search_graph(graph, functools.partial(margins, read), _limit(seconds))
    except RefusalError as error:
        return Outcome(f"refused: {error}", wrong, None)
    said = checker.check(complete(searched.certificate, {}), time_left=_limit(seconds))
    feared = searched.wrong[:50]
    spelled = decoder.sums(*(list(each) for each in zip(*feared, strict=True))) if feared else []
    added_right = [pair for pair, found in zip(feared, spelled, strict=True) if found == sum(pair)]
    # A wrong token may spell the right sum, with a carry that is not read; or two logits be alike but for roundings.
    added_right = [pair for pair in added_right if margins(read, [pair], "float64")[0] > _ALIKE]
    fault = None
    if said.proved and wrong:
        fault = f"proved, but {wrong} sums are wrong"
    elif added_right:
        fault = f"given as wrong at {added_right[0]}, which it adds right"
    elif said.accepted and read.digits <= _WIDEST and said.pairs_right > len(a) - wrong:
        fault = f"right on {said.pairs_right} pairs at least, but {wrong} of {len(a)} are wrong"
    found = "proved" if said.proved else "refuted" if feared else "open"
    if not said.accepted and not said.undecided:
        found += ", rejected"  # by the checker: the search took a leaf for proved that is not
    return Outcome(found, wrong, fault)


def _limit(seconds: float) -> Callable[[], float]:
    end = time.process_time() + seconds
    return lambda: end - time.process_time()


def main() -> int:
    """Print what became of each kind of model, and every contradiction."""
    parser = argparse.ArgumentParser("python -m tests.column_mutants", description=__doc__)
    parser.add_argument("--narrow", type=int, default=500, help="mutants of adders of 1 and 2 digits (default: 500)")
    parser.add_argument("--wide", type=int, default=60, help="mutants of recorded adders of 10 digits (default: 60)")
    parser.add_argument("--seed", type=int, default=_SEED)
    chosen = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    faults = 0
    total = chosen.narrow + chosen.wide
    with contextlib.suppress(KeyboardInterrupt):  # the counts so far are told
        for name, graph, change in tqdm(mutants(chosen.narrow, chosen.wide, chosen.seed), total=total, disable=None):
            outcome = judge(graph)
            kind = f"{outcome.found.partition(':')[0]}, {'wrong' if outcome.wrong else 'right'}"
            counts.setdefault(name, Counter())[kind] += 1
            if outcome.fault:
                faults += 1
                print(f"{name}, {change}: {outcome.fault}", flush=True)  # noqa: T201 - the result of the command
    for name, found in counts.items():
        print(f"{name:22} {dict(sorted(found.items()))}")  # noqa: T201 - likewise
    print(f"{sum(map(Counter.total, counts.values()))} mutants, {faults} contradictions")  # noqa: T201 - likewise
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
