"""The file that Coq checks: the theory, and one network with its machine and its mask.

What is written follows from numbers alone. `read` takes the numbers out of a file, and the file must be, character by
character, the one that is written for them: no text from outside is ever a part of what Coq reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from verify.errors import CertificateError, NoTheoremError
from verify.files import write_text
from verify.proof.certificate import check_routing
from verify.proof.coq.integers import (
    NAMES,
    STATES,
    VECTORS,
    Dyadic,
    Matrix,
    Network,
    NotExactError,
    Table,
    carries_of,
    check,
    dyadic,
    number,
)
from verify.proof.coq.integers import successor as successor_of
from verify.proof.formats import FORMATS, round_to
from verify.proof.weights import Weights
from verify.text import printable

Entry = TypeVar("Entry")

MODULES = (
    "Numbers", "Network", "Exact", "Machine", "Programs", "Functions",
    "Check", "Near", "Layers", "Sound", "Formats", "Stored", "Theorems",
)  # fmt: skip
THEORY = Path(__file__).resolve().parent / "theory"
COQ_NAMES = {"float64": "Binary64", "float32": "Binary32", "bfloat16": "Bfloat16", "float16": "Binary16"}
THEOREMS = (
    "adds_in_every_evaluation",
    "adds_at_every_width",
    "real_network_adds",
    "rounded_network_adds",
    "incremental_adds",
    "evaluators_add",
    "stored_network_adds",
)
HEAD = """\
(* A transformer adds: the theory, then one network. Every number of the network stands in the module Instance.
   Written by adder-verify prove --coq; coqc checks it, with nothing but Coq's own library and Flocq. *)
From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.
From Flocq Require Import Core.
Import ListNotations.
"""


@dataclass(frozen=True)
class Instance:
    """A network and what is claimed of it.

    Attributes:
        network: the weights.
        table: the next state, by pair and state.
        carries: the carry that each state stands for.
        visible: the positions that each position may see.
        precisions: names of `FORMATS` in which the weights are numbers and no sum rounds.
    """

    network: Network
    table: Table
    carries: Sequence[int]
    visible: Sequence[Sequence[int]]
    precisions: Sequence[str]


def instance_of(certificate: Mapping[str, Any]) -> Instance:
    """Return the instance of a certificate's architecture, in its own precision and in all others where no sum rounds.

    Raises:
        NoTheoremError: in the certificate's precision a sum may round, or the network does not add.
        RoutingError: the mask lets a step see what it should not.
    """
    own = certificate["architecture"]["dtype"]
    visible = [[int(position) for position in row] for row in certificate["architecture"]["visible"]]
    check_routing(visible)
    weights = Weights.from_tensors(certificate["architecture"]["weights"])
    network = Network.of(weights)
    try:
        table = [[successor_of(network, pair, state, own) for state in range(4)] for pair in range(4)]
        carries = carries_of(table)
        check(network, table, carries, own)
    except NotExactError as error:
        raise NoTheoremError(f"there is no theorem in Coq of these weights: in {own} {error}") from error
    named = Instance(network, table, carries, visible, ())
    precisions = [name for name in FORMATS if name not in left_out(named)]
    return replace(named, precisions=precisions)


def left_out(instance: Instance) -> dict[str, str]:
    """Return why an instance does not name a precision, by name: a weight is no number of it, or a sum rounds."""
    reasons = {}
    for name in FORMATS:
        if name not in instance.precisions:
            try:
                check(instance.network, instance.table, instance.carries, name)
            except NotExactError as error:
                reasons[name] = str(error)
    return reasons


def told_precisions(instance: Instance) -> str:
    """Return in words which precisions an instance names, and why not the others."""
    without = [f"; without {name}, where {reason}" for name, reason in left_out(instance).items()]
    return ", ".join(instance.precisions) + "".join(without)


def write_theorem(path: Path, certificate: Mapping[str, Any] | None) -> Instance:
    """Write the file that Coq checks, which appears whole or not at all, and return what it is of.

    Raises:
        NoTheoremError: see `instance_of`; or there is no certificate.
    """
    if certificate is None:
        raise NoTheoremError("there is no theorem in Coq without a certificate, and none could be given")
    instance = instance_of(certificate)
    write_text(path, written(instance))
    return instance


# ---------------------------------------------------------------------- writing


def written(instance: Instance) -> str:
    """Return the text of the file."""
    return f"{theory()}\n{part_of(instance)}"


def theory() -> str:
    """Return the part that is the same for every network."""
    return "\n".join([HEAD, *map(_module, MODULES)])


def part_of(instance: Instance) -> str:
    """Return the part that is of one network."""
    text = (THEORY / "Instance.v.in").read_text(encoding="utf-8")
    for key, value in _numbers(instance).items():
        text = text.replace(f"@{key}@", value)
    return text


def _lines(name: str) -> str:
    """Return one file of the theory without the lines that load others."""
    lines = (THEORY / f"{name}.v").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("From ", "Import ListNotations"))) + "\n"


def theorem(name: str) -> str:
    """Return the statement of a theorem as it stands in the file, which is the same for every network."""
    text = (THEORY / "Instance.v.in").read_text(encoding="utf-8")
    return text[text.index(f"Theorem {name} :") :].partition("\nProof.")[0]


def _module(name: str) -> str:
    before = MODULES[: MODULES.index(name)]
    imports = f"Import {' '.join(before)}.\n" if before else ""
    return f"Module {name}.\n{imports}{_lines(name)}End {name}.\n"


def _numbers(instance: Instance) -> dict[str, str]:
    weights = []
    for name in NAMES:
        rows = [_listed(f"({n}, {e})" for n, e in row) for row in getattr(instance.network, name)]
        weights.append(f"  (* {name} *) {rows[0] if name in VECTORS else _listed(rows)}")
    return {
        "sha256": instance.network.weights.sha256,
        "weights": "\n".join(weights),
        "table": _listed(_listed(map(str, row)) for row in instance.table),
        "carries": _listed(map(str, instance.carries)),
        "allowed": "[\n  " + ";\n  ".join(_listed(map(str, row)) for row in instance.visible) + "]",
        "formats": _listed(COQ_NAMES[name] for name in instance.precisions),
    }


def _listed(entries: Any) -> str:
    return f"[{'; '.join(entries)}]"


# ---------------------------------------------------------------------- reading

_PAIR = re.compile(r"\((0|-?[1-9][0-9]{0,15}), (0|-?[1-9][0-9]{0,3})\)")  # 53 bits, and exponents of float64
_DIGIT = re.compile(r"\b[0-3]\b")
_POSITION = re.compile(r"\b[0-9]{1,2}\b")
_ROW = re.compile(r"\[([0-9; ]{0,300})\]")
_SHAPES = {name: (height, 2) for name, height in zip(NAMES, (4, 2, 2, 2, 2, 4, 1, 2, 1), strict=True)}
_SHAPES |= {"hidden_bias": (1, 4), "contract": (2, 4)}
_WRITES = "adder-verify prove --coq writes what can be checked"
_LINE = 80  # characters of a line that a message shows


def read(text: str) -> Instance:
    """Return the instance that a file is of.

    Numbers are looked for where they should be, and put into the file that is written for them, as many as there should
    be, 0 for those that are missing; what was read must be that file.

    Raises:
        CertificateError: it is not; the message names the first line that differs.
    """
    start = text.rfind("Module Instance.")
    starts = [
        text.find(f"Definition {name} :", start) for name in ("trained", "table", "carries", "allowed", "formats")
    ]
    if start < 0 or -1 in starts or starts != sorted(starts):
        raise CertificateError(f"no network is defined in it; {_WRITES}")
    weights, table, carries, allowed, formats = (
        text[at:end] for at, end in zip(starts, [*starts[1:], None], strict=True)
    )
    network = _network(weights)
    for name in NAMES:
        strays = [each for row in getattr(network, name) for each in row if not _is_float64(each)]
        if strays:
            line = text.count("\n", 0, text.find(f"(* {name} *)", start)) + 1
            raise CertificateError(f"line {line} holds {strays[0]}, which is no number of float64; {_WRITES}")
    states = _sized(_digits(table), STATES * STATES, 0)
    found = Instance(
        network=network,
        table=[states[4 * pair : 4 * pair + 4] for pair in range(4)],
        carries=_sized(_digits(carries), STATES, 0),
        visible=[[int(each) for each in _POSITION.findall(row)] for row in _ROW.findall(allowed.partition(".")[0])],
        precisions=[name for name, known in COQ_NAMES.items() if known in formats.partition("\n")[0]],
    )
    _compare(text.split("\n"), written(found).split("\n"))
    return found


def _network(text: str) -> Network:
    found = [(int(n), int(exponent)) for n, exponent in _PAIR.findall(text)]
    sized = _sized(found, sum(height * width for height, width in _SHAPES.values()), (0, 0))
    entries = [dyadic(number(each)) for each in sized]
    matrices: dict[str, Matrix] = {}
    for name, (height, width) in _SHAPES.items():
        rows = [entries[width * row : width * (row + 1)] for row in range(height)]
        entries = entries[height * width :]
        matrices[name] = rows
    return Network(**matrices)


def _is_float64(value: Dyadic) -> bool:
    return round_to(number(value), FORMATS["float64"]) == number(value)


def _sized(found: list[Entry], size: int, missing: Entry) -> list[Entry]:
    """Return so many entries of a list."""
    return [*found, *[missing] * size][:size]


def _digits(text: str) -> list[int]:
    return [int(each) for each in _DIGIT.findall(text.partition(".")[0])]


def _compare(lines: list[str], expected: list[str]) -> None:
    for at, (line, wanted) in enumerate(zip_longest(lines, expected), 1):
        if line != wanted:
            letters = zip_longest(line or "", wanted or "")
            same = next((place for place, (x, y) in enumerate(letters) if x != y), 0)
            got = "is missing" if line is None else f"is {_shown(line, same)}"
            should = "the file should have ended" if wanted is None else f"should be {_shown(wanted, same)}"
            raise CertificateError(f"line {at} {got}, but {should}; {_WRITES}")


def _shown(line: str, same: int) -> str:
    """Return the part of a line that holds its first difference, which comes after so many characters."""
    start = 0 if same < _LINE // 2 else same - _LINE // 4
    part = printable(line[start:], _LINE)
    return repr("..." * (start > 0) + part)
