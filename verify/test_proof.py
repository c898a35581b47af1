"""The model adds all 10^20 pairs, by a certificate that a second program accepts, in every admissible evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from verify.addition.oracle import WIDTH
from verify.hunt.assertions import assert_sum, require
from verify.proof.conclusion import Proof, TransitionsProof
from verify.proof.formats import FORMATS, MODES
from verify.subject import Subject

pytestmark = pytest.mark.sums


@pytest.fixture
def certificate(proof: Proof) -> dict[str, Any]:
    if proof.certificate is None:
        pytest.skip(f"no certificate: {proof.reason}")
    if not isinstance(proof, TransitionsProof):
        pytest.skip("its model is proved, or not, by columns, and has no 16 transitions")
    return proof.certificate


def precision_of(certificate: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in certificate["precisions"] if row["precision"] == name)


def test_what_the_proof_compares_is_added_right(subject: Subject, proof: Proof) -> None:
    if proof.wrong is not None:
        assert_sum(subject, *proof.wrong)


def test_the_model_is_proved_in_the_precision_of_its_weights(subject: Subject, certificate: dict[str, Any]) -> None:
    wrong = precision_of(certificate, certificate["architecture"]["dtype"])["counterexample"]
    if wrong:
        assert_sum(subject, wrong["a"], wrong["b"])
    if certificate["verdict"] != "PROVED":
        pytest.skip(f"not provable: {certificate['reason']}")


def test_every_cell_of_its_graph_is_proved(proof: Proof) -> None:
    if isinstance(proof, TransitionsProof):
        pytest.skip("its model is proved, or not, by its transitions")
    if proof.verdict not in {"PROVED", "MODEL PROVED"}:
        pytest.skip(f"not provable: {proof.reason}")
    assert proof.certificate is not None


@pytest.mark.nature("suspect")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("precision", FORMATS)
def test_no_precision_refutes_the_model(certificate: dict[str, Any], precision: str, mode: str) -> None:
    row = precision_of(certificate, precision)
    outcome = next(each for each in row["modes"] if each["mode"] == mode)
    if outcome["outcome"] != "proved" and precision != certificate["architecture"]["dtype"]:
        pytest.skip(f"{precision} is not the precision of the weights: {outcome['reason']}")
    assert outcome["outcome"] != "refuted", f"{row['counterexample']}"


@pytest.mark.nature("violated")
def test_the_machine_that_the_adder_reports_adds_all_pairs(subject: Subject) -> None:
    require(subject, "transitions")
    assert subject.ask("step_function_fault") == ""


@pytest.mark.nature("suspect")
def test_every_path_computes_logits_within_the_bounds_of_the_certificate(
    subject: Subject, certificate: dict[str, Any]
) -> None:
    require(subject, "forced_logits")
    row = precision_of(certificate, certificate["architecture"]["dtype"])
    bounds = np.array([each["logits"] for each in row["transitions"]], float)  # (16, 4, 2)
    errors = np.max([np.array(mode["errors"], float) for mode in row["modes"]], axis=0)  # (16, 4)
    contexts = np.array([(each["pair"], each["state"]) for each in row["transitions"]])  # (16, 2)
    ids = np.repeat(contexts, WIDTH, axis=1)  # (16, 70): every step of a sequence has the same context
    for method in subject.ask("methods_with_logits"):
        logits = subject.ask("forced_logits", ids=ids, method=method)  # (16, 35, 4)
        assert (logits >= (bounds[..., 0] - errors)[:, None]).all(), method
        assert (logits <= (bounds[..., 1] + errors)[:, None]).all(), method
