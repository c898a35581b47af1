"""Certificates: what is proved of one architecture with its weights, in JSON that a second program checks again.

All but ``record`` is the theorem, which the checker derives again to the last leaf. The record is what this program saw
of a subject, and the checker says of it only that it was recorded.

`prove` gives the certificate as a dict, `write_certificate` puts it in a file whole or not at all, and
`verify.proof.checker` decides whether to believe it. Real numbers are published as decimals rounded outward: logits in
units of 10^-15 of the largest power of ten in them, bounds with six digits.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from verify.errors import CertificateError
from verify.files import read_bytes, write_text
from verify.proof.automaton import BINARY_WIDTH, MAX_OPERAND, Counterexample
from verify.proof.formats import FORMATS
from verify.proof.network import CONTEXTS, Step
from verify.proof.orders import Witness
from verify.proof.outcome import PROVED, REFUTED, ModeOutcome, PrecisionOutcome, decide
from verify.proof.statement import assumptions, statement
from verify.proof.weights import RefusalError, Weights

SCHEMA = "adder-certificate/2"
VERSION = "2"
_LARGEST = 64 << 20  # bytes of a certificate's file
LOGIT_DIGITS = 16
BOUND_DIGITS = 6
CONTEXT_LENGTH = 2 * BINARY_WIDTH

ARCHITECTURE = {
    "forward": [
        "x = embedding[ids]",
        "q, k, v = x @ in_proj_weight.T, split in three",
        "x = x + (softmax(q @ k.T / sqrt(2) + mask) @ v) @ out_proj.weight.T",
        "x = x + max(x @ mlp.0.weight.T + mlp.0.bias, 0) @ mlp.2.weight.T + mlp.2.bias",
        "logits = x @ embedding.T",
    ],
    "decoding": "35 pair tokens 2 * a_i + b_i from bit 0, one token 0, then 35 times the argmax of the last position",
    "answer": "the sum of (token mod 2) * 2^i over the 35 generated tokens",
    "vocabulary": 4,
    "width": BINARY_WIDTH,
    "max_operand": MAX_OPERAND,
}

NOTHING_RUN = {"subject": "", "weights": "given", "forward": "given", "decoding": "given", "pairs": 0, "methods": {}}


class RoutingError(RefusalError):
    """A step may depend on another position than its pair and its state.

    Attributes:
        witness: the position of the step, the positions that it sees, and those that it should.
    """

    def __init__(self, witness: Mapping[str, Any]) -> None:
        self.witness = dict(witness)
        super().__init__(
            f"position {witness['position']} sees positions {witness['visible']}, but should see {witness['expected']}"
        )


def prove(
    architecture: Mapping[str, Any],
    *,
    precisions: Iterable[str] = tuple(FORMATS),
    record: Mapping[str, Any] = NOTHING_RUN,
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the certificate of an architecture with its weights, whatever it can say.

    Args:
        architecture: ``dtype``, ``weights`` (hexadecimal floats by name) and ``visible`` (the positions that each
            position sees), as `verify.proof.architecture.read_architecture` gives them.
        precisions: names of `FORMATS`; the architecture's own is always decided.
        record: what was seen of a program, see `verify.proof.binding`: no part of the theorem.
        versions: what else took part, by name.

    Raises:
        RefusalError: the weights are no finite numbers, or the dtype is none of `FORMATS`.
        RoutingError: the mask lets a step see what it should not.
    """
    dtype = architecture["dtype"]
    if dtype not in FORMATS:
        raise RefusalError(f"weights are {dtype}, but a theorem is known for {', '.join(FORMATS)}")
    weights = Weights.from_tensors(architecture["weights"])
    if weights.rounded(FORMATS[dtype]) != weights:
        raise RefusalError(f"the weights are said to be {dtype}, but are not numbers of that format")
    visible = [[int(position) for position in row] for row in architecture["visible"]]
    check_routing(visible)
    wanted = {dtype, *precisions}
    outcomes = [decide(weights, name) for name in FORMATS if name in wanted]
    return _certificate(dtype, weights, visible, outcomes, dict(record), dict(versions or {}))


def check_routing(visible: Sequence[Sequence[int]]) -> None:
    """Check the routing lemma: position 35 + k sees positions k and 35 + k and no other, for k from 0 to 34.

    Raises:
        RoutingError: names the first position where it fails.
    """
    if len(visible) != CONTEXT_LENGTH:
        raise RefusalError(f"the mask has {len(visible)} positions, but decoding needs {CONTEXT_LENGTH}")
    for k in range(BINARY_WIDTH):
        expected = [k, BINARY_WIDTH + k]
        if list(visible[BINARY_WIDTH + k]) != expected:
            seen = list(visible[BINARY_WIDTH + k])
            raise RoutingError({"position": BINARY_WIDTH + k, "visible": seen, "expected": expected})


def write_certificate(path: Path | str, certificate: Mapping[str, Any]) -> None:
    """Write a certificate to a file that appears whole or not at all."""
    write_text(Path(path), json.dumps(certificate, indent=1) + "\n")


def read_certificate(path: Path | str) -> Any:
    """Return what a certificate's file holds; `verify.proof.checker.check` says whether it is one that holds.

    Raises:
        CertificateError: there is no such file, or it is no JSON.
    """
    try:
        return json.loads(read_bytes(Path(path), _LARGEST), object_pairs_hook=_without_duplicates)
    except OSError as error:
        raise CertificateError(
            f"{path} cannot be read: {error.strerror}; adder-verify prove --out writes one"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CertificateError(f"{path} is no JSON: {error}; adder-verify prove --out writes a certificate") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; one that says the same name twice says two things."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _certificate(
    dtype: str,
    weights: Weights,
    visible: list[list[int]],
    outcomes: Sequence[PrecisionOutcome],
    record: dict[str, Any],
    versions: dict[str, str],
) -> dict[str, Any]:
    own = next(each for each in outcomes if each.precision == dtype)
    verdict, reason = _verdict(own)
    body = {
        "schema": SCHEMA,
        "verdict": verdict,
        "reason": reason,
        "statement": statement(outcomes),
        "assumptions": assumptions(),
        "architecture": ARCHITECTURE
        | {"dtype": dtype, "weights": weights.hexadecimal, "sha256": weights.sha256, "visible": visible},
        "precisions": [_precision(each) for each in outcomes],
        "record": record | {"versions": {"prover": VERSION, "python": platform.python_version()} | versions},
    }
    return body | {"digest": digest(body)}


def digest(body: Mapping[str, Any]) -> str:
    """Return the sha256 of a certificate without its digest, as JSON with sorted keys and without spaces."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _verdict(own: PrecisionOutcome) -> tuple[str, str]:
    """Return the verdict, which is that of the weights' own precision in both modes, and its reason."""
    outcomes = {mode.outcome for mode in own.modes}
    if outcomes == {PROVED}:
        return "PROVED", f"every transition is proved in {own.precision}, the precision of the weights"
    if outcomes == {REFUTED} and own.wrong is not None:
        return "COUNTEREXAMPLE", f"{own.wrong.a} + {own.wrong.b} gives {own.wrong.got} in every evaluation"
    mode = next(mode for mode in own.modes if mode.outcome not in (PROVED, REFUTED))
    return "NO COUNTEREXAMPLE", f"{own.precision}, {mode.mode}: {mode.reason}"


def _precision(outcome: PrecisionOutcome) -> dict[str, Any]:
    return {
        "precision": outcome.precision,
        "weights_sha256": outcome.weights and outcome.weights.sha256,
        "machine": outcome.rows and [list(row) for row in outcome.rows],
        "counterexample": outcome.wrong and _operands(outcome.wrong),
        "margin": outcome.margin and significant(outcome.margin, BOUND_DIGITS),
        "transitions": [
            {"pair": pair, "state": state, "logits": _published(outcome.steps[pair, state])}
            for pair, state in CONTEXTS
            if outcome.steps
        ],
        "modes": [_mode(each) for each in outcome.modes],
    }


def _mode(mode: ModeOutcome) -> dict[str, Any]:
    return {
        "mode": mode.mode,
        "outcome": mode.outcome,
        "road": mode.road,
        "ratio": mode.ratio and significant(mode.ratio, BOUND_DIGITS),
        "errors": [
            [significant(error, BOUND_DIGITS, up=True) for error in mode.errors[context]]
            for context in CONTEXTS
            if mode.errors
        ],
        "reason": mode.reason,
        "witness": mode.witness and _witness(mode.witness),
    }


def _witness(witness: Witness) -> dict[str, Any]:
    return {
        "order": witness.order,
        "pair": witness.pair,
        "state": witness.state,
        "logits": [float(logit).hex() for logit in witness.logits],
        "machine": [list(row) for row in witness.rows],
        "counterexample": _operands(witness.counterexample),
    }


def _operands(wrong: Counterexample) -> dict[str, int]:
    return {"a": wrong.a, "b": wrong.b, "got": wrong.got, "expected": wrong.expected, "column": wrong.column}


def _published(step: Step) -> list[list[str]]:
    """Return the four logits' enclosures, rounded outward to one common unit."""
    largest = max(logit.magnitude for logit in step.logits)
    unit = _power_of_ten(largest) - LOGIT_DIGITS + 1
    return [[_decimal(logit.low, unit), _decimal(logit.high, unit, up=True)] for logit in step.logits]


def significant(value: Fraction, digits: int, *, up: bool = False) -> str:
    """Return a number as a decimal of so many significant digits, rounded down or up."""
    return _decimal(value, _power_of_ten(value) - digits + 1, up=up)


def _decimal(value: Fraction, unit: int, *, up: bool = False) -> str:
    scaled = value / Fraction(10) ** unit
    count = -(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator
    return str(Decimal((int(count < 0), tuple(map(int, str(abs(count)))), unit)))


def _power_of_ten(value: Fraction) -> int:
    """Return e with 10^e <= |value| < 10^(e + 1), and 0 of 0."""
    if not value:
        return 0
    guess = len(str(abs(value.numerator))) - len(str(value.denominator))
    return guess if abs(value) >= Fraction(10) ** guess else guess - 1
