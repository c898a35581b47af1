"""A certificate says what is proved, what is refuted, what is at risk and what is open, and never more."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from tests.proof.models import (
    INTEGERS,
    architecture,
    float64_logits,
    perturbed_tensors,
    random_tensors,
    trained_tensors,
    weights_of,
)
from verify.errors import CertificateError
from verify.proof import RefusalError, RoutingError, check, orders, prove, read_certificate, write_certificate
from verify.proof import outcome as outcomes
from verify.proof.architecture import ROUTING
from verify.proof.automaton import full_adder_rows
from verify.proof.certificate import significant
from verify.proof.formats import FORMATS, MODES
from verify.proof.network import CONTEXTS


def modes(certificate):
    """Return the outcome of every precision and mode."""
    return {(p["precision"], m["mode"]): m for p in certificate["precisions"] for m in p["modes"]}


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Let the search for a wrong order give up at once; what is built for a whole module was searched in full."""
    monkeypatch.setattr(orders, "RESTARTS", 1)


@pytest.fixture(scope="module")
def trained():
    return prove(architecture(trained_tensors()))


def test_the_integer_adder_is_proved_in_every_mode_without_rounding():
    certificate = prove(architecture(INTEGERS))
    assert certificate["verdict"] == "PROVED"
    assert {(m["outcome"], m["road"]) for m in modes(certificate).values()} == {("proved", "exact")}
    assert check(certificate) == []


def test_trained_weights_are_proved_in_float32_by_a_thousandfold_margin(trained):
    entry = modes(trained)["float32", MODES[0]]
    assert (trained["verdict"], entry["outcome"], entry["road"]) == ("PROVED", "proved", "bounded")
    assert 500 < float(entry["ratio"]) < 5000
    assert 0.05 < float(trained["precisions"][1]["margin"]) < 0.12


def test_trained_weights_are_at_risk_in_bfloat16_in_a_named_order(trained):
    entry = modes(trained)["bfloat16", MODES[0]]
    assert entry["outcome"] == "at risk"
    assert entry["witness"]["counterexample"]["got"] != entry["witness"]["counterexample"]["expected"]


def test_the_statement_names_what_is_proved_and_nothing_else(trained):
    named = re.findall(r"(\w+) with ([\w ]+) \(", trained["statement"])
    assert set(named) == {key for key, entry in modes(trained).items() if entry["outcome"] == "proved"}
    assert "0 <= a, b <= 9999999999" in trained["statement"]


def test_trained_weights_are_accepted_by_the_checker(trained):
    assert check(trained) == []


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_verdict_is_that_of_the_weights_own_precision(dtype):
    rounded = weights_of(trained_tensors()).rounded(FORMATS[dtype])
    tensors = {name: [[float(x) for x in row] for row in rows] for name, rows in rounded.tensors.items()}
    certificate = prove(architecture(tensors, dtype), precisions=())
    assert (certificate["verdict"] == "PROVED") == (dtype in ("float64", "float32"))
    assert [each["precision"] for each in certificate["precisions"]] == [dtype]
    assert check(certificate) == []


def test_weights_that_swap_two_sums_are_refuted_with_operands():
    tensors = INTEGERS | {"embedding.weight": [INTEGERS["embedding.weight"][i] for i in (1, 0, 2, 3)]}
    certificate = prove(architecture(tensors))
    wrong = certificate["precisions"][1]["counterexample"]
    assert certificate["verdict"] == "COUNTEREXAMPLE"
    assert wrong["got"] != wrong["a"] + wrong["b"] == wrong["expected"]
    assert check(certificate) == []


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "0x1p+1024", "", "one", None, 1.5])
def test_what_is_no_finite_number_is_refused(number):
    described = architecture(INTEGERS)
    described["weights"]["mlp.2.bias"][0][0] = number
    with pytest.raises(RefusalError, match=re.escape("mlp.2.bias holds")):
        prove(described)


@pytest.mark.parametrize("name", INTEGERS)
def test_a_missing_tensor_is_refused(name):
    described = architecture(INTEGERS)
    del described["weights"][name]
    with pytest.raises(RefusalError, match="tensors"):
        prove(described)


def test_a_misshapen_tensor_is_refused():
    described = architecture(INTEGERS)
    described["weights"]["mlp.0.weight"].pop()
    with pytest.raises(RefusalError, match=re.escape("its shape is (4, 2)")):
        prove(described)


@pytest.mark.parametrize("dtype", ["int8", "float8_e4m3fn", ""])
def test_a_dtype_without_a_theorem_is_refused(dtype):
    with pytest.raises(RefusalError, match="a theorem is known for"):
        prove(architecture(INTEGERS, dtype))


def test_weights_that_their_dtype_cannot_hold_are_refused():
    with pytest.raises(RefusalError, match="not numbers of that format"):
        prove(architecture(trained_tensors(), "bfloat16"))


@pytest.mark.parametrize(
    ("position", "visible"),
    [(35, [35]), (35, [0]), (40, [4, 5, 40]), (69, [33, 69]), (50, []), (36, [1, 36, 37])],
    ids=["blind to pair", "blind to state", "one more", "another", "nothing", "the future"],
)
def test_a_wrong_mask_breaks_the_routing_lemma_with_its_position(position, visible):
    described = architecture(INTEGERS)
    described["visible"] = [*ROUTING[:position], visible, *ROUTING[position + 1 :]]
    with pytest.raises(RoutingError, match=f"position {position} sees") as raised:
        prove(described)
    assert raised.value.witness == {"position": position, "visible": visible, "expected": [position - 35, position]}


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(RefusalError, match="69 positions"):
        prove(architecture(INTEGERS) | {"visible": ROUTING[:-1]})


def near_tie(k):
    """Return the integer adder with a margin of 2^-k."""
    return INTEGERS | {"mlp.2.bias": [(1 - 2.0**-k, 0)]}


@pytest.mark.parametrize("k", [4, 8, 20, 24])
def test_near_a_tie_only_the_precisions_that_can_tell_are_proved(k):
    certificate = prove(architecture(near_tie(k)))
    outcome = {key: m["outcome"] for key, m in modes(certificate).items()}
    bits = {"float64": 53, "float32": 24, "bfloat16": 8, "float16": 11}
    for (precision, mode), found in outcome.items():
        if k < bits[precision] - 2 and mode == MODES[0]:
            assert found == "proved"
        if k > bits[precision]:
            assert found != "proved"
    assert check(certificate) == []


def test_a_tie_is_not_proved():
    certificate = prove(architecture(INTEGERS | {"mlp.2.bias": [(1, 0)]}))
    assert {m["outcome"] for m in modes(certificate).values()} == {"undecided"}
    assert "no logit is above" in certificate["reason"]


@pytest.mark.parametrize(
    ("share", "expected"), [(Fraction(1, 2), False), (Fraction(1, 2) - Fraction(1, 10**30), True)], ids=["at", "above"]
)
def test_a_margin_must_be_above_the_bound_and_not_at_it(monkeypatch, share, expected):
    def errors(_weights, each, _rounding):
        best = outcomes.winner(each.logits)
        return tuple(
            share * min(outcomes.margin(each.logits, best, r) for r in range(4) if r != best) for _ in range(4)
        )

    monkeypatch.setattr(outcomes, "error_bounds", errors)
    decided = outcomes.decide(weights_of(trained_tensors()), "float32")
    assert [mode.outcome == "proved" for mode in decided.modes] == [expected, expected]


def rescaled(exponent):
    """Return the integer adder with every weight times a power of two."""
    return {name: [[x * 2.0**exponent for x in row] for row in rows] for name, rows in INTEGERS.items()}


@pytest.mark.parametrize("exponent", [-149, -60, -14, 3, 125])
def test_tiny_and_huge_weights_never_crash_the_proof_or_its_check(exponent):
    certificate = prove(architecture(rescaled(exponent), "float64"))
    assert check(certificate) == []
    for entry in certificate["precisions"]:
        if entry["machine"] != [list(row) for row in full_adder_rows()]:
            assert not any(mode["outcome"] == "proved" for mode in entry["modes"])


@pytest.mark.parametrize("exponent", [-1074, -150, 127, 1020])
def test_weights_outside_the_range_of_float32_are_refused(exponent):
    with pytest.raises(RefusalError, match="in the range of float32"):
        prove(architecture(rescaled(exponent), "float64"))


@pytest.mark.parametrize("name", ["mlp.2.bias", "attention.in_proj_weight", "embedding.weight"])
def test_one_subnormal_weight_is_no_obstacle_to_a_bound(name):
    rows = [list(row) for row in INTEGERS[name]]
    rows[-1][-1] += 2.0**-149
    certificate = prove(architecture(INTEGERS | {name: rows}), precisions=())
    assert {(m["outcome"], m["road"]) for m in modes(certificate).values()} <= {
        ("proved", "bounded"),
        ("proved", "exact"),
    }
    assert check(certificate) == []


CASES = [("random", seed, scale) for seed, scale in product(range(3), (0.5, 2.0))] + [
    ("perturbed", seed, scale) for seed, scale in product(range(6), (0.02, 0.1, 0.2))
]


@pytest.mark.parametrize(("kind", "seed", "scale"), CASES, ids=lambda each: str(each))
def test_random_weights_never_get_a_wrong_proof(kind, seed, scale):
    tensors = (random_tensors if kind == "random" else perturbed_tensors)(seed, scale)
    certificate = prove(architecture(tensors), precisions=())
    entry = certificate["precisions"][0]
    best = float64_logits(tensors).argmax(axis=1).reshape(4, 4)
    right = best.T.tolist() == [list(row) for row in full_adder_rows()]
    assert entry["machine"] == best.T.tolist()
    if not right:
        assert certificate["verdict"] != "PROVED"
    if certificate["verdict"] == "COUNTEREXAMPLE":
        wrong = entry["counterexample"]
        assert outcomes.binary_machine(tuple(map(tuple, best.T.tolist()))).add(wrong["a"], wrong["b"]) == wrong["got"]


def test_random_weights_get_right_proofs_and_refutations_too():
    verdicts = {prove(architecture(perturbed_tensors(0, scale)), precisions=())["verdict"] for scale in (0.02, 0.4)}
    assert {"PROVED", "COUNTEREXAMPLE"} <= verdicts


def test_margins_and_enclosures_are_those_of_float64_arithmetic(trained):
    logits = float64_logits(trained_tensors())
    for each, row in zip(trained["precisions"][0]["transitions"], logits, strict=True):
        for (low, high), logit in zip(each["logits"], row, strict=True):
            assert Fraction(low) <= Fraction(high)
            assert float(low) - 1e-12 <= logit <= float(high) + 1e-12
    best = np.sort(logits, axis=1)
    assert float(trained["precisions"][0]["margin"]) == pytest.approx((best[:, -1] - best[:, -2]).min(), rel=1e-5)


@pytest.mark.parametrize(
    ("value", "up", "text"),
    [
        (Fraction(1, 3), False, "0.333333"),
        (Fraction(1, 3), True, "0.333334"),
        (Fraction(-1, 3), False, "-0.333334"),
        (Fraction(-1, 3), True, "-0.333333"),
        (Fraction(10**9), False, "1.00000E+9"),
        (Fraction(0), True, "0.00000"),
        (Fraction(1), False, "1.00000"),
    ],
)
def test_published_numbers_are_rounded_in_their_direction(value, up, text):
    assert significant(value, 6, up=up) == text


def test_a_certificate_is_json_and_comes_back_the_same(tmp_path, trained):
    path = tmp_path / "cert.json"
    write_certificate(path, trained)
    assert json.loads(path.read_text()) == trained
    assert [each.name for each in tmp_path.iterdir()] == ["cert.json"]


def test_a_certificate_is_read_back(tmp_path, trained):
    write_certificate(tmp_path / "cert.json", trained)
    assert check(read_certificate(tmp_path / "cert.json")) == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=["empty", "half", "binary", "deep"])
def test_a_file_that_is_no_json_is_no_certificate(tmp_path, content):
    (tmp_path / "cert.json").write_bytes(content)
    with pytest.raises(CertificateError, match="is no JSON"):
        read_certificate(tmp_path / "cert.json")


def test_a_missing_file_is_no_certificate(tmp_path):
    with pytest.raises(CertificateError, match="cannot be read"):
        read_certificate(tmp_path / "none.json")


def test_a_certificate_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_certificate(tmp_path / "cert.json", {"weights": {1, 2}})
    assert list(tmp_path.iterdir()) == []


def test_every_context_is_in_the_certificate(trained):
    for entry in trained["precisions"]:
        assert [(each["pair"], each["state"]) for each in entry["transitions"]] == list(CONTEXTS)
