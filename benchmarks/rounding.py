"""By how much float32 functions err: the numbers that section 2 of docs/columns.md assumes, against what is measured.

An error is counted as that section counts it: in units u = 2^-24 of the result, or of the argument for silu and gelu;
where the result is below the smallest normal number, in units h = 2^-126. The reference is float64, itself compared
with arb near the worst arguments. Every argument of a magnitude from 2^-26 to 2^8 is measured, and every 31st of the
others that the section speaks of; with torch's instruction sets that are not this machine's first choice, every 7th
of these. The exit status is 1 where an error is above what is assumed.

python -m benchmarks.rounding [--stride N] [--out FILE]
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from benchmarks.measuring import environment
from verify.anatomy.graph.evaluate import one
from verify.files import write_json
from verify.interpreters import Pool
from verify.made import made
from verify.proof.columns.rounding import FACTORS, OF_THE_ARGUMENT

SCHEMA = "adder-rounding/1"
OUT = Path("reports/data/rounding.json")
U, H = 2.0**-24, 2.0**-126
CAPABILITIES = {"default": "DEFAULT", "avx2": "AVX2", "avx512": "AVX512"}  # ATEN_CPU_CAPABILITY: what torch calls it

_LARGEST, _LEAST = 2.0**120, 2.0**-100  # where section 2 speaks of anything
_DENSE = 2.0**-26, 2.0**8  # magnitudes between which every argument is measured; beyond, functions hardly bend
_FAR = 31  # each how manieth there
_CHUNK = 15 << 10
_COARSER = 7  # for the instruction sets that are not this machine's first choice
_ROW = 16  # scores of a softmax, of which the first is 0
_NEAR, _DRAWN = 300, 1_000  # arguments at which the reference is compared with arb: near the worst, and elsewhere

Array = np.ndarray
Float32 = Callable[[Array], Array]


@dataclass(frozen=True)
class Measured:
    """A function: the arguments that section 2 speaks of, its reference, and what it may err by.

    Attributes:
        low, high: ends of its arguments; none whose magnitude is above 0 and below `least`.
        reference: in float64.
        computed: float32 programs of it, by name.
        factor: of u, assumed.
        of_the_argument: whether an error is relative to the argument.
    """

    low: float
    high: float
    reference: Callable[[Array], Array]
    computed: dict[str, Float32]
    factor: float
    of_the_argument: bool = False
    least: float = 0.0


@dataclass
class Worst:
    """The largest errors that were met: in u and in h, and at which arguments."""

    error: float = 0.0
    argument: float = 0.0
    tiny: float = 0.0
    tiny_argument: float = 0.0

    def add(self, x: Array, error: Array, is_tiny: Array | None) -> None:
        """Take errors, (n,), into account, each already in its unit; None where no result is below normal."""
        if is_tiny is not None:
            self.tiny, self.tiny_argument = _larger(self.tiny, self.tiny_argument, x[is_tiny], error[is_tiny])
            x, error = x[~is_tiny], error[~is_tiny]
        self.error, self.argument = _larger(self.error, self.argument, x, error)


def _larger(worst: float, at: float, x: Array, error: Array) -> tuple[float, float]:
    if not len(x):
        return worst, at
    place = int(error.argmax())  # of the first that is no number, where one is
    found = float(error[place])
    found = math.inf if math.isnan(found) else found
    return (found, float(x[place])) if found > worst else (worst, at)


# ---- references, float64 ------------------------------------------------------------------------------------------


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _gelu(x: Array) -> Array:
    return np.asarray(x * torch.erfc(torch.from_numpy(-x * math.sqrt(0.5))).numpy() / 2)


def _gelu_tanh(x: Array) -> Array:
    return np.asarray(x * _sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * x * x * x)))


# ---- programs, float32 --------------------------------------------------------------------------------------------


def _in_torch(function: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Float32]:
    """Return torch's function on neighbours in memory, and on every second number, where it takes another program."""

    def strided(x: Array) -> Array:
        spread = torch.empty(2 * len(x))[::2]
        spread[:] = torch.from_numpy(x)
        return function(spread).numpy()

    return {"torch": lambda x: function(torch.from_numpy(x)).numpy(), "torch, strided": strided}


def _programs(kind: str, function: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Float32]:
    return {**_in_torch(function), "numpy": lambda x: one(kind, x)}


def _softmax(x: Array) -> Array:
    """Return the weights of scores beside a score 0, over that one's weight; float64 (n,)."""
    return _of_rows(x, lambda rows: rows.softmax(-1))


def _fused(x: Array) -> Array:
    """Return the same of torch's fused attention."""

    def weights(rows: torch.Tensor) -> torch.Tensor:
        keys = torch.zeros(len(rows), 1, _ROW, _ROW)
        keys[:, 0, :, 0] = rows
        query = torch.zeros(len(rows), 1, 1, _ROW)
        query[..., 0] = 1.0
        values = torch.eye(_ROW).expand(len(rows), 1, _ROW, _ROW)
        return functional.scaled_dot_product_attention(query, keys, values, scale=1.0)[:, 0, 0]

    return _of_rows(x, weights)


def _of_rows(x: Array, weigh: Callable[[torch.Tensor], torch.Tensor]) -> Array:
    rows = torch.zeros(-(-len(x) // (_ROW - 1)), _ROW)
    filled = np.zeros((len(rows), _ROW - 1), np.float32)
    filled.reshape(-1)[: len(x)] = x
    rows[:, 1:] = torch.from_numpy(filled)
    found = weigh(rows).numpy().astype(np.float64)
    return np.asarray((found[:, 1:] / found[:, :1]).reshape(-1)[: len(x)])


def _function(
    kind: str,
    reference: Callable[[Array], Array],
    function: Callable[[torch.Tensor], torch.Tensor],
    low: float = -_LARGEST,
    high: float = _LARGEST,
) -> Measured:
    return Measured(low, high, reference, _programs(kind, function), FACTORS[kind], kind in OF_THE_ARGUMENT)


FUNCTIONS = {
    "exp": _function("exp", np.exp, torch.exp, -110.0, 120 * math.log(2)),
    "tanh": _function("tanh", np.tanh, torch.tanh),
    "sigmoid": _function("sigmoid", _sigmoid, torch.sigmoid),
    "silu": _function("silu", lambda x: x * _sigmoid(x), functional.silu),
    "gelu": _function("gelu", _gelu, functional.gelu),
    "gelu_tanh": _function("gelu_tanh", _gelu_tanh, lambda x: functional.gelu(x, approximate="tanh")),
    "sqrt": _function("sqrt", np.sqrt, torch.sqrt, _LEAST, _LARGEST),
    "rsqrt": _function("rsqrt", lambda x: 1 / np.sqrt(x), torch.rsqrt, _LEAST, _LARGEST),
    "reciprocal": Measured(
        _LEAST,
        _LARGEST,
        lambda x: 1 / x,
        {**_in_torch(torch.reciprocal), "numpy": lambda x: np.float32(1) / x},
        FACTORS["div"],
    ),
    # Two weights of a row have one divisor: their quotient is exp of a score, with two more divisions' errors.
    "softmax": Measured(
        -120 * math.log(2),
        0.0,
        np.exp,
        {"torch": _softmax, "torch, fused": _fused},
        FACTORS["exp"] + 2 * FACTORS["div"],
        least=2.0**-40,
    ),
}


# ---- every argument -----------------------------------------------------------------------------------------------


def _bits(number: float) -> int:
    return int(np.float32(number).view(np.uint32))


def ranges(measured: Measured) -> list[tuple[int, int, int]]:
    """Return the arguments as ranges of the bits of float32 numbers of one sign, and each how manieth is taken."""
    found = []
    for sign, ends in ((1, (max(measured.low, 0.0), measured.high)), (-1, (max(-measured.high, 0.0), -measured.low))):
        cuts = [max(ends[0], measured.least), *_DENSE, ends[1]]
        for place, (low, high) in enumerate(itertools.pairwise(cuts)):
            low, high = max(low, cuts[0]), min(high, cuts[-1])
            if low < high:
                found.append((_bits(sign * low), _bits(sign * high), 1 if place == 1 else _FAR))
    return found


def chunks(measured: Measured, stride: int) -> Iterator[Array]:
    """Yield the float32 arguments, or of these each so manieth."""
    for first, last, every in ranges(measured):
        step = every * stride
        for begin in range(first, last + 1, _CHUNK * step):
            x = np.arange(begin, min(begin + _CHUNK * step, last + 1), step, dtype=np.uint32).view(np.float32)
            yield x if measured.low <= min(x[0], x[-1]) and max(x[0], x[-1]) <= measured.high else _inside(measured, x)


def _inside(measured: Measured, x: Array) -> Array:
    return x[(x >= measured.low) & (x <= measured.high)]


def measure(name: str, stride: int) -> list[dict[str, Any]]:
    """Return a row of evidence for each program of a function."""
    measured = FUNCTIONS[name]
    worst = {program: Worst() for program in measured.computed}
    count = 0
    with np.errstate(all="ignore"):
        for x in chunks(measured, stride):
            exact = x.astype(np.float64)
            reference = measured.reference(exact)
            size = np.abs(reference)
            is_tiny = size < H if size.min(initial=np.inf) < H else None
            unit = np.abs(exact, out=exact) if measured.of_the_argument else size
            unit *= U
            if is_tiny is not None:
                unit[is_tiny] = H
            for program, compute in measured.computed.items():
                error = np.subtract(compute(x), reference)
                np.abs(error, out=error)
                error /= unit
                worst[program].add(x, error, is_tiny)
            count += len(x)
        checked = [each.argument for each in worst.values()]
        off = reference_error(name, checked)
    return [
        {
            "function": name,
            "program": program,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "arguments": count,
            "stride": stride,
            "assumed": measured.factor,
            "error": float(f"{found.error:.6g}"),
            "at": found.argument,
            "error_below_normal": float(f"{found.tiny:.6g}"),
            "at_below_normal": found.tiny_argument,
            "error_of_reference": float(f"{off:.2g}"),
        }
        for program, found in worst.items()
    ]


# ---- the reference against arb ------------------------------------------------------------------------------------


def reference_error(name: str, places: list[float]) -> float:
    """Return by how many u the float64 reference errs at most, near these arguments and on drawn ones."""
    measured = FUNCTIONS[name]
    near = [np.clip(_bits(place) + np.arange(-_NEAR, _NEAR + 1), 0, 2**32 - 1) for place in places]
    drawn = np.random.default_rng(1).uniform(max(measured.low, -100.0), min(measured.high, 100.0), _DRAWN)
    x = np.concatenate([*(each.astype(np.uint32).view(np.float32) for each in near), drawn.astype(np.float32)])
    x = x[(x >= measured.low) & (x <= measured.high) & np.isfinite(x)].astype(np.float64)
    errors = []
    for argument, found in zip(x.tolist(), measured.reference(x).tolist(), strict=True):
        if abs(found) >= H and argument:
            exact = in_arb(name, argument)
            unit = U * abs(argument if measured.of_the_argument else found)
            errors.append(float((exact - found).abs_upper()) / unit)
    return max(errors)


def in_arb(name: str, argument: float) -> Any:
    """Return an enclosure of a function's value."""
    from flint import arb, ctx

    ctx.prec = 160
    x = arb(argument)

    def sigmoid(z: arb) -> arb:
        return 1 / (1 + (-z).exp())

    functions: dict[str, Callable[[], arb]] = {
        "exp": x.exp,
        "softmax": x.exp,
        "tanh": x.tanh,
        "sigmoid": lambda: sigmoid(x),
        "silu": lambda: x * sigmoid(x),
        "gelu": lambda: x * (-x / arb(2).sqrt()).erfc() / 2,
        "gelu_tanh": lambda: x * sigmoid((8 / arb.pi()).sqrt() * (x + arb("0.044715") * x**3)),
        "sqrt": x.sqrt,
        "reciprocal": lambda: 1 / x,
        "rsqrt": x.rsqrt,
    }
    return functions[name]()


# ---- the whole ----------------------------------------------------------------------------------------------------


def _others() -> list[str]:
    here = torch.backends.cpu.get_cpu_capability()
    names = list(CAPABILITIES)
    mine = next((n for n, said in enumerate(CAPABILITIES.values()) if said == here), 0)
    return names[:mine]


def _begin(capability: str | None) -> None:
    """Have a process take the instructions that it is told to, of which torch asks at its first operation."""
    if capability is not None:
        os.environ["ATEN_CPU_CAPABILITY"] = capability
    torch.set_num_threads(1)


def _in(capability: str | None, stride: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of all functions, measured in a process of its own."""
    with Pool(1, partial(_begin, capability)) as pool:
        for rows in tqdm(pool.map(measure, FUNCTIONS, [stride] * len(FUNCTIONS)), total=len(FUNCTIONS), disable=None):
            yield from rows


def main() -> int:
    """Measure, write the evidence, and say what is above what is assumed, or above half of it."""
    parser = argparse.ArgumentParser("python -m benchmarks.rounding", description=__doc__)
    parser.add_argument("--stride", type=int, default=1, help="take each so manieth argument (default: 1)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"evidence file (default: {OUT})")
    arguments = parser.parse_args()
    rows = list(_in(None, arguments.stride))
    for capability in _others():
        rows += _in(capability, arguments.stride * _COARSER)
    about = environment()
    about["versions"] |= {name: metadata.version(name) for name in ("scipy", "python-flint")}
    about["threads"] = 1
    write_json(arguments.out, {"schema": SCHEMA, "made": made(), "environment": about, "rows": rows})
    for row in rows:
        _say(row)
    return int(not all(map(is_below, rows)))


def is_below(row: dict[str, Any], part: float = 1.0) -> bool:
    """Return whether an error is at most such a part of what is assumed, and that of results below normal all of it."""
    below_normal = row["error_below_normal"] <= 1 + abs(row["at_below_normal"])
    return bool(row["error"] <= part * row["assumed"] and below_normal)


def _say(row: dict[str, Any]) -> None:
    print(  # noqa: T201 - the result of the command
        f"{row['function']:10} {row['program']:14} {row['instructions']:7} {row['error']:7.3f} u of {row['assumed']}, "
        f"at {row['at']!r}; below normal {row['error_below_normal']:.3f} h; {row['arguments']:,} arguments"
        f"{'' if is_below(row, 0.5) else ': MORE THAN HALF' if is_below(row) else ': MORE THAN IS ASSUMED'}"
    )


if __name__ == "__main__":
    sys.exit(main())
