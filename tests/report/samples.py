"""Small evidence of every kind, for tests of the reports."""

from __future__ import annotations

import math
from typing import Any

JSONObject = dict[str, Any]

FAMILIES = (
    "smoke", "transitions", "carry", "columns", "sums", "boundary", "algebra", "vectors", "interface", "parameters",
    "transformer", "numerics", "proof",
)  # fmt: skip
STRATA = {
    "uniform": ("sums", "Both operands drawn evenly from 0 to 9,999,999,999.", 10_000.0),
    "placed-chains": ("carry", "A carry chain of every length from every column, among columns of any kind.", 910.0),
    "one-generate": ("carry", "Every column propagates but one, which generates.", 1e-6),
    "lone-columns": ("columns", "Every pair of digits in every column, all else zero.", 3e-12),
}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "evil\u202etxt.exe",
    "\x1b[31mred\x1b[0m\x00\x07",
    "`code` | pipe | **bold** [link](http://x)",
    "{{ 7 * 7 }}{% raw %}",
    "w" * 5_000,
    "\ud800 lone surrogate",
)


SUMS = ("PROVED", "MODEL PROVED", "EXHAUSTIVE", "NO COUNTEREXAMPLE", "UNDECIDED", "COUNTEREXAMPLE")
NATURE = {"AS DECLARED": "ok", "UNKNOWN": "unknown", "SUSPECT": "suspect", "VIOLATED": "violated"}  # and its worst rule
REASONS = {
    "PROVED": "every transition holds in float32, the precision of the weights",
    "MODEL PROVED": "greedy decoding of the traced forward was compared with add on 2,000 pairs",
    "EXHAUSTIVE": "its domain holds 1,000,000 pairs",
    "NO COUNTEREXAMPLE": "No proof: attention looks at more than one position",
    "UNDECIDED": "the process that holds the adder died 3 times",
    "COUNTEREXAMPLE": "add(10, 9990)=0, but should be 10000 [carry chain of 3 from column 2]",
}


def report(verdict: str = "PROVED", character: str = "AS DECLARED", **changes: Any) -> JSONObject:
    """Evidence as `adder-verify run` writes it, of schema adder-report/2."""
    found: JSONObject = {
        "schema": "adder-report/2",
        "subject": {
            "spec": "adder.submission", "name": "adder-46", "author": "adder", "sha256": "5a" * 32, "method": None,
            "isolation": "bwrap", "batching": "add_batch", "declared_parameters": 46, "findings": [], "abilities": [],
        },
        "sums": {"verdict": verdict, "reason": REASONS[verdict]},
        "nature": {"verdict": character, "reason": "", "rows": rules(NATURE[character])},
        "disagreement": None,
        "counterexample": None,
        "cases": 10_432_117,
        "failures": 0,
        "failure_rates": [rate("add", 10_010), rate("its forward, in batches", 500_000)],
        "strata": [stratum(name) for name in STRATA],
        "chains": [],
        "families": [family(name) for name in FAMILIES],
        "stages": [stage(name) for name in ("smoke", "learn", "hunt", "properties", "audit", "proof")],
        "go_on": "",
        "parameters": {
            "declared": 46, "counted": 46, "unique": 5, "buffers": 0, "dead": 13, "notes": ["4,900 booleans of a mask"],
        },
        "proof": theorem() if verdict in ("PROVED", "MODEL PROVED") else None,
        "environment": {"python": "3.11.7", "torch": "2.13.0+cpu", "threads": 2, "seed": 0, "machine": "x86_64"},
        "seconds": 41.7,
    }  # fmt: skip
    if verdict == "COUNTEREXAMPLE":
        found = with_pair(found)
    if verdict == "EXHAUSTIVE":
        found |= {"task": {"digits": 3, "pairs": "10^6"}, "cases": 10**6, "strata": [every_pair()]}
    if verdict == "UNDECIDED":
        found |= {"failure_rates": [], "cases": 0}
    return found | changes


def every_pair() -> JSONObject:
    """What a run says of the stratum that holds each of the pairs of 3 digits."""
    return {
        "name": "every-pair", "cases": 10**6, "failures": 0, "sentence": "Every pair of operands that there is.",
        "family": "sums", "exhaustive": True, "complete": True, "cut": "", "failure_rate_bound_95": None,
        "uniform_expected": 10_000.0,
    }  # fmt: skip


def with_pair(found: JSONObject) -> JSONObject:
    """A report whose run met a wrong sum."""
    strata = [row | {"failures": 1_204} if row["name"] == "placed-chains" else row for row in found["strata"]]
    families = [row | {"failed": 2, "reason": "add(10, 9990)=0"} if row["name"] == "carry" else row
                for row in found["families"]]  # fmt: skip
    rates = [rate("add", 10_010, 3)]
    return found | {"counterexample": counterexample(), "failures": 1_204, "strata": strata, "families": families,
                    "failure_rates": rates}  # fmt: skip


def disagreement(**changes: Any) -> JSONObject:
    """A report whose proof was accepted, and whose run met a wrong sum."""
    said = "the certificate was accepted, and add(10, 9990)=0 was seen three times"
    return with_pair(report("UNDECIDED", cases=5_000, proof=theorem(), disagreement=said)) | changes


def cut_short(found: JSONObject) -> JSONObject:
    """A report of a run that came to no end."""
    cut = {"cases": 57, "complete": False, "cut": "cut short at 57 of 1,000 pairs of digits: the time was spent"}
    strata = [row | cut if row["name"] == "lone-columns" else row for row in found["strata"]]
    stages = [*found["stages"][:-1], stage("proof", "not begun", "the time was spent")]
    families = [*found["families"][:-1], found["families"][-1] | {"lost": 2}]
    go_on = "adder-verify run adder.submission --budget 600"
    return found | {"strata": strata, "stages": stages, "families": families, "go_on": go_on}


def rate(of: str, cases: int, failures: int = 0) -> JSONObject:
    """What uniform draws say of one way in which sums were obtained."""
    bound = None if failures else 3 / cases
    estimate = failures / cases if failures else None
    interval = [failures / cases / 4, failures / cases * 3] if failures else None
    return {"of": of, "cases": cases, "failures": failures, "bound_95": bound, "estimate": estimate,
            "interval_95": interval}  # fmt: skip


def rules(worst: str) -> list[JSONObject]:
    """What was observed of the rules, the last the worst."""
    rows = [("causality", "ok", "no later token moved an earlier logit"),
            ("weights do the work", "ok", "with weights drawn anew 0 of 100 sums are right"),
            ("declared parameters", worst, "46 declared; 45 counted")]  # fmt: skip
    return [dict(zip(("rule", "outcome", "observation"), row, strict=True)) for row in rows]


def stage(name: str, outcome: str = "done", detail: str = "") -> JSONObject:
    """One stage of a run."""
    return {"name": name, "outcome": outcome, "detail": detail, "seconds": 3.25}


def theorem() -> JSONObject:
    """A proof as a report holds it."""
    return {
        "certificate": proof(), "margin": "2", "error_bound": "0", "accepted": True, "verdict": "PROVED",
        "reason": "every transition holds in float32, the precision of the weights",
        "statement": "For all integers 0 <= a, b <= 9999999999, greedy decoding emits a + b.",
        "checkers": [{"name": "standard library", "version": "3.11.2"},
                     {"name": "coqc", "version": "8.16.1", "seconds": 4.2}],
    }  # fmt: skip


def counterexample(**changes: Any) -> JSONObject:
    """A wrong sum of an adder that drops a carry."""
    return {
        "a": 10, "b": 9_990, "call": "add(10, 9990)", "expected": 10_000, "got": 0, "family": "carry",
        "stratum": "placed-chains", "reason": "carry chain of 3 from column 2", "idle_a": [], "idle_b": [0],
        "first_wrong_column": 4, "confirmed": True,
        "first_wrong_step": {"step": 4, "pair": 1, "state": 2, "expected": 2, "got": 0, "margin": -0.31},
        "replay": "pytest verify -k carry --submission broken.py",
    } | changes  # fmt: skip


def stratum(name: str, cases: int = 300_000) -> JSONObject:
    """A searched stratum."""
    kind, sentence, expected = STRATA[name]
    return {"name": name, "cases": cases, "failures": 0, "family": kind, "sentence": sentence,
            "uniform_expected": expected, "failure_rate_bound_95": 1e-5,
            "exhaustive": False, "complete": name == "lone-columns", "cut": ""}  # fmt: skip


def family(name: str) -> JSONObject:
    """The claims of one family."""
    skipped = name == "proof"
    question = "nature" if name in ("interface", "parameters", "transformer") else "sums"
    return {"name": name, "question": question, "passed": 12, "failed": 0, "skipped": int(skipped), "lost": 0,
            "seconds": 1.25,
            "reason": "z3 is not installed" if skipped else ""}  # fmt: skip


def anatomy() -> JSONObject:
    """A model whose final points lie on its embeddings."""
    embeddings = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
    rows = []
    for pair in range(4):
        for state in range(4):
            target = (pair >> 1) + (pair & 1) + (state >> 1)
            final = [2 * x + 0.1 * state for x in embeddings[target]]
            logits = [sum(x * y for x, y in zip(final, each, strict=True)) for each in embeddings]
            rows.append({
                "pair": pair, "state": state, "target": target, "chosen": target, "logits": logits,
                "margin": logits[target] - max(logits[:target] + logits[target + 1 :]),
                "embedded": embeddings[state], "attended": [0.5, 0.25 * pair], "final": final,
            })  # fmt: skip
    steps = [{"pair": 3, "state": 0}, {"pair": 2, "state": 2}, {"pair": 0, "state": 2}, {"pair": 0, "state": 1}]
    return {"schema": "adder-anatomy/1", "embeddings": embeddings, "transitions": rows,
            "sum": {"a": 3, "b": 1, "steps": steps}}  # fmt: skip


def proof() -> JSONObject:
    """A certificate that holds by exactness in float32 and by its bound in float64, and fails in bfloat16."""
    exact = {"mode": "every operation rounded", "outcome": "proved", "road": "exact", "ratio": None, "reason": "",
             "errors": [["0"] * 4] * 16, "witness": None}  # fmt: skip
    bounded = exact | {"road": "bounded", "ratio": "1920.5", "errors": [["0.0000223"] * 4] * 16}
    at_risk = bounded | {"outcome": "at risk", "ratio": "0.015", "errors": [["2.87"] * 4] * 16,
                         "reason": "the margin is not above the error bound after pair 3 and state 2"}  # fmt: skip
    named = {"float64": bounded, "float32": exact, "bfloat16": at_risk}
    return {
        "schema": "adder-certificate/2",
        "verdict": "PROVED",
        "reason": "every transition is proved in float32, the precision of the weights",
        "statement": "For all integers 0 <= a, b <= 9999999999, greedy decoding emits a + b.",
        "assumptions": [{"name": "exponential", "text": "exp errs by at most 10 * 2^-p of its result."}],
        "digest": "c0" * 32,
        "precisions": [_precision(name, mode) for name, mode in named.items()],
    }


def _precision(name: str, mode: JSONObject) -> JSONObject:
    rows = []
    for pair in range(4):
        for state in range(4):
            target = (pair >> 1) + (pair & 1) + (state >> 1)
            logits = [["1", "1"] if token == target else ["0.91", "0.914"] for token in range(4)]
            rows.append({"pair": pair, "state": state, "logits": logits})
    return {"precision": name, "margin": "0.086", "machine": None, "transitions": rows, "modes": [mode]}


def chains(*, failures: int = 0) -> JSONObject:
    """Every place and length in both bases; the last cell in base 10 may fail."""
    rows = [
        {"base": base, "start": start, "length": length, "cases": 4_000 // length, "failures": 0}
        for base, places in ((10, 10), (2, 33))
        for start in range(places)
        for length in range(1, places - start + 1)
    ]
    rows[9]["failures"] = failures
    return {"schema": "adder-chains/1", "rows": rows}


def bounds() -> JSONObject:
    return {
        "schema": "adder-bounds/1",
        "steps": 20,
        "rows": [
            {"path": path, "precision": precision, "drawn": 0.25, "climbed": 0.5}
            for path in ("incremental", "module")
            for precision in ("float32", "bfloat16")
        ],
    }


def kill_matrix(mutants: int = 26) -> JSONObject:
    """Mutants killed by the family that they are named for and by the next."""
    rows = []
    for index in range(mutants):
        named = FAMILIES[index % len(FAMILIES)]
        kills = [named, FAMILIES[(index * 5 + 1) % len(FAMILIES)]] if index % 3 else [named]
        rows.append({"name": f"{named} fault {index}", "named": named, "kills": kills, "fault": "Drops a carry."})
    return {"schema": "adder-kill-matrix/1", "families": list(FAMILIES), "mutants": rows}


def throughput() -> JSONObject:
    """Four paths and the floor over batches from 1 to a million."""
    paths = {
        "reference": ("model run", 3.4e3, 30), "incremental": ("model run", 9e5, 2_000),
        "verified": ("model run", 8.5e5, 800), "tabulated": ("memoised", 1e7, 3_000), "scan": ("memoised", 7e7, 9_000),
        "torch.add": ("floor", 1.1e9, 4_000),
    }  # fmt: skip
    rows = []
    for path, (kind, most, half) in paths.items():
        for batch in (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000):
            speed = most * batch / (batch + half)
            rows.append({
                "path": path, "kind": kind, "device": "cpu", "threads": 1, "batch": batch, "rounds": 7,
                "pairs_per_second": spread(speed), "ratio_to_reference": spread(speed / 3.4e3),
                "ratio_to_floor": spread(speed / 1.1e9), "bytes_per_pair": {"operands_and_sum": 24, "made": 163.0},
            })  # fmt: skip
    return {
        "schema": "adder-benchmark/1", "quick": False, "paths": rows,
        "environment": {"processor": "x86_64", "threads": 1, "versions": {"torch": "2.13.0", "numpy": "2.4"}},
        "memory": [{"path": "verified", "batch": 100_000, "batches": 20, "growth_bytes": 0}],
        "codec": [{"conversion": "text to operands", "batch": 200_000, "nanoseconds_per_pair": spread(36.0)}],
        "startup": [{"command": "adder 1 2", "seconds": spread(1.4)}],
    }  # fmt: skip


def spread(median: float) -> JSONObject:
    """Quartiles about a median."""
    return {"median": median, "lower_quartile": median * 0.93, "upper_quartile": median * 1.06}


def solver(seeds: int = 12) -> JSONObject:
    """Two solvers of ours, and the reference's, which errs on every fourth seed."""
    rows = []
    for kind, steps, margin in (("integer", 70, 2.0), ("real", 33, 1.1), ("reference", 400, 0.05)):
        for seed in range(1, seeds + 1):
            wrong = kind == "reference" and seed % 4 == 0
            rows.append({
                "solver": kind, "seed": seed, "declared": True, "solved": not wrong, "steps": steps + 3 * seed,
                "seconds": round(steps * math.sqrt(seed) / 1e3, 5), "margin": -0.01 if wrong else margin + seed / 50,
            })  # fmt: skip
    return {"schema": "adder-solver/1", "rows": rows, "environment": {"torch": "2.13.0+cpu"}}


def everything(verdict: str = "PROVED", **changes: Any) -> dict[str, JSONObject]:
    """Evidence of every kind, by kind."""
    return {
        "correctness": report(verdict, **changes), "anatomy": anatomy(), "proof": proof(), "chains": chains(),
        "kill_matrix": kill_matrix(), "bounds": bounds(), "throughput": throughput(), "solver": solver(),
    }  # fmt: skip
