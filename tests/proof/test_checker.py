"""The checker shares nothing with the prover and believes nothing: every change to a certificate is rejected."""

from __future__ import annotations

import ast
import copy
import hashlib
import itertools
import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest

from tests.proof.models import INTEGERS, architecture, perturbed_tensors, trained_tensors, weights_of
from verify.proof import check, checker, outcome, prove
from verify.proof.bound import BoundError, error_bounds
from verify.proof.certificate import _verdict
from verify.proof.exactness import RoundsError, exact_logits
from verify.proof.formats import FORMATS, MODES, round_to, rounding_of
from verify.proof.network import CONTEXTS, step
from verify.proof.weights import SHAPES

SOURCE = Path(checker.__file__)
DERIVED = {}
FREE = {("record", "subject"), ("record", "versions", "python"), ("record", "decoding"), ("record", "pairs")}


@pytest.fixture(scope="module")
def exact():
    return prove(architecture(INTEGERS))


@pytest.fixture(scope="module")
def trained():
    return prove(architecture(trained_tensors()))


@pytest.fixture(scope="module")
def small():
    """Return a certificate of one precision that is proved and one that is at risk."""
    return prove(architecture(trained_tensors()), precisions=("bfloat16",))


@pytest.fixture
def remembering(monkeypatch):
    """Let the checker derive the same precision once only, so that thousands of checks take seconds."""
    derive = checker.expected_precision

    def remembered(model, name, given):
        used = [given["counterexample"], [(each["reason"], each["witness"]) for each in given["modes"]]]
        key = json.dumps([model, name, used])
        if key not in DERIVED:
            DERIVED[key] = derive(model, name, given)
        return DERIVED[key]

    monkeypatch.setattr(checker, "expected_precision", remembered)


def sealed(certificate):
    """Return a certificate with the digest that fits what it says now."""
    body = {name: value for name, value in certificate.items() if name != "digest"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return body | {"digest": hashlib.sha256(text.encode()).hexdigest()}


def paths(value, path=()):
    """Yield the path of every leaf, of every list and of every dict."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from paths(each, (*path, key))


def at(certificate, path):
    for key in path:
        certificate = certificate[key]
    return certificate


def with_change(certificate, path, change):
    """Return a copy in which what is at a path is changed."""
    changed = copy.deepcopy(certificate)
    parent = at(changed, path[:-1])
    parent[path[-1]] = change(parent[path[-1]])
    return changed


def mutations(value):
    """Return changed values of the same kind and of others."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, float(value)]
    if isinstance(value, str):
        digit = next((i for i, c in enumerate(reversed(value)) if c.isdigit()), None)
        last = [] if digit is None else [_bumped(value, len(value) - 1 - digit)]
        return [value + "0", *last]
    if value is None:
        return [0, "", {}]
    return []


def _bumped(text, index):
    return text[:index] + str((int(text[index]) + 1) % 10) + text[index + 1 :]


def test_the_checker_imports_the_standard_library_alone():
    imported = set()
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module.split(".")[0])
    assert imported <= sys.stdlib_module_names


def test_the_checker_shares_no_function_with_the_prover():
    def functions(path):
        nodes = ast.walk(ast.parse(path.read_text()))
        bodies = (node.body[1:] for node in nodes if isinstance(node, ast.FunctionDef) and len(node.body) > 2)
        return {"\n".join(ast.dump(line) for line in body) for body in bodies}

    provers = set().union(*(functions(path) for path in SOURCE.parent.glob("*.py") if path != SOURCE))
    assert not functions(SOURCE) & provers


def test_the_checker_runs_alone_on_a_file(tmp_path, exact):
    path = tmp_path / "cert.json"
    path.write_text(json.dumps(exact))
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(SOURCE), str(path)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout.split("\n")[0]) == (0, "accepted: PROVED")


def test_the_checker_exits_with_1_on_a_changed_file(tmp_path, exact, capsys):
    path = tmp_path / "cert.json"
    path.write_text(json.dumps(exact | {"statement": "It adds."}))
    assert checker.main([str(path)]) == 1
    assert "rejected: statement is" in capsys.readouterr().out


def test_checking_takes_under_a_second(trained):
    start = time.process_time()
    assert check(trained) == []
    assert time.process_time() - start < 1


def changes(certificate):
    """Yield the certificate with one leaf changed, for every leaf and several changes of each."""
    for path in paths(certificate):
        for mutation in mutations(at(certificate, path)):
            yield path, with_change(certificate, path, lambda _, m=mutation: m)


def test_every_changed_leaf_changes_the_digest(small):
    count = 0
    for path, changed in changes(small):
        count += 1
        digest = checker.fingerprint({name: value for name, value in changed.items() if name != "digest"})
        assert digest != changed["digest"], path
    assert count > 1500


def test_a_digest_that_does_not_fit_is_rejected(exact):
    assert check(exact | {"digest": "0" * 64}) == [f'digest is "{"0" * 64}", but should be "{exact["digest"]}"']


def is_free(path):
    """Return whether only the digest keeps a leaf: what nothing is derived from, or as true in another form."""
    text = path[0] == "record" or path == ("digest",) or (path[0] == "precisions" and path[-1] == "reason")
    early_row = path[:2] == ("architecture", "visible") and path[2] < 35
    return text or early_row or "order" in path


@pytest.mark.usefixtures("remembering")
def test_every_changed_leaf_that_means_something_is_rejected_even_under_a_fitting_digest(small):
    for path, changed in changes(small):
        if not is_free(path) and all(key in (0, 5, 36) for key in path if isinstance(key, int)):
            assert check(sealed(changed)), path


@pytest.mark.usefixtures("remembering")
def test_every_missing_key_is_rejected(small):
    for path in paths(small):
        if path and isinstance(path[-1], str) and all(key in (0, 1) for key in path if isinstance(key, int)):
            changed = copy.deepcopy(small)
            del at(changed, path[:-1])[path[-1]]
            assert check(changed), path


@pytest.mark.usefixtures("remembering")
def test_every_unknown_key_is_rejected(small):
    for path in paths(small):
        if isinstance(at(small, path), dict) and all(key in (0, 1) for key in path if isinstance(key, int)):
            changed = copy.deepcopy(small)
            at(changed, path)["extra"] = 1
            assert check(changed if path[:1] == ("record",) else sealed(changed)), path


@pytest.mark.parametrize("path", sorted(FREE), ids=lambda path: path[-1])
def test_free_texts_are_kept_by_the_digest(exact, path):
    changed = with_change(exact, path, lambda value: value + type(value)(1))
    assert any("digest" in reason for reason in check(changed))


def test_a_missing_assumption_is_rejected(exact):
    for index in (0, 3, 8):
        changed = copy.deepcopy(exact)
        del changed["assumptions"][index]
        assert any("assumptions" in reason for reason in check(sealed(changed)))


@pytest.mark.parametrize("weaker", ["0 <= a, b <= 999999999", "0 <= a, b <= 99999999999"])
def test_another_range_of_operands_is_rejected(exact, weaker):
    changed = sealed(exact | {"statement": exact["statement"].replace("0 <= a, b <= 9999999999", weaker)})
    assert any("statement" in reason for reason in check(changed))


def test_other_weights_are_rejected(exact):
    weights = architecture(perturbed_tensors(1, 0.01))["weights"]
    changed = exact | {"architecture": exact["architecture"] | {"weights": weights}}
    assert check(sealed(changed))


def test_at_risk_is_no_way_to_proved(small):
    changed = copy.deepcopy(small)
    changed["precisions"][1]["modes"][0] |= {"outcome": "proved", "reason": "", "witness": None}
    assert any("at risk" in r or "reason" in r or "outcome" in r for r in check(sealed(changed)))


@pytest.mark.parametrize("position", [35, 52, 69])
def test_a_changed_mask_is_rejected_with_its_position(exact, position):
    changed = copy.deepcopy(exact)
    changed["architecture"]["visible"][position].insert(1, position - 34)
    assert any(f"position {position} sees" in reason for reason in check(sealed(changed)))


def forged(monkeypatch, tensors, name, replacement):
    """Return the certificate that a prover with one part replaced would write."""
    monkeypatch.setattr(outcome, name, replacement)
    return prove(architecture(tensors), precisions=("bfloat16",))


def test_a_prover_whose_bounds_are_too_small_is_not_believed(monkeypatch):
    certificate = forged(monkeypatch, trained_tensors(), "error_bounds", lambda *_: (Fraction(1, 10**6),) * 4)
    assert "bfloat16 with every" in certificate["statement"]
    assert check(certificate) == ["a mode is not proved, but its reason is ''"]


def test_a_prover_that_takes_rounding_arithmetic_for_exact_is_not_believed(monkeypatch):
    def exactly(weights, pair, state, _rounding):
        return [logit.low for logit in step(weights, pair, state).logits]

    certificate = forged(monkeypatch, trained_tensors(), "exact_logits", exactly)
    assert "(exact;" in certificate["statement"]
    assert check(certificate) == ["a mode is not proved, but its reason is ''"]


def test_a_prover_that_overlooks_a_counterexample_is_not_believed(monkeypatch):
    swapped = INTEGERS | {"embedding.weight": [INTEGERS["embedding.weight"][i] for i in (1, 0, 2, 3)]}
    certificate = forged(monkeypatch, swapped, "counterexample", lambda _machine: None)
    assert certificate["verdict"] == "PROVED"
    assert check(certificate)


def test_one_proved_mode_of_two_is_no_verdict():
    modes = (
        outcome.ModeOutcome(MODES[0], outcome.PROVED),
        outcome.ModeOutcome(MODES[1], outcome.UNDECIDED, reason="why"),
    )
    own = outcome.PrecisionOutcome("float32", None, {}, None, None, None, modes)
    entry = {
        "precision": "float32",
        "modes": [{"mode": m.mode, "outcome": m.outcome, "reason": m.reason} for m in modes],
    }
    expected = ("NO COUNTEREXAMPLE", "float32, float32 accumulation: why")
    assert _verdict(own) == checker.expected_verdict(entry) == expected


def test_an_order_that_is_none_is_rejected(small):
    order = ("precisions", 1, "modes", 0, "witness", "order", "contraction", "terms")
    assert check(sealed(with_change(small, order, lambda _: [0, 0, 1, 2, 3, 4])))
    assert check(
        sealed(with_change(small, order[:-1], lambda _: {"terms": [0, 1, 2, 3, 4, 5], "fused": 1, "stored": "last"}))
    )


@pytest.mark.parametrize(
    "junk",
    [None, [], {}, "", 0, {"schema": checker.SCHEMA}, {"schema": "adder-certificate/1"}],
    ids=["null", "list", "empty", "text", "number", "schema alone", "another schema"],
)
def test_what_is_no_certificate_is_rejected(junk):
    assert check(junk)


@pytest.mark.usefixtures("remembering")
@pytest.mark.parametrize("junk", [None, [], {}, "x", -1, 1e400, [[]], True], ids=repr)
def test_junk_anywhere_is_rejected_and_never_crashes(exact, junk):
    for path in paths(exact):
        if path and all(key in (0, 1) for key in path if isinstance(key, int)) and len(path) <= 4:
            assert json.dumps(at(exact, path)) == json.dumps(junk) or check(with_change(exact, path, lambda _: junk)), (
                path
            )


TENSORS = {"integers": INTEGERS, "near": perturbed_tensors(2, 0.05), "far": perturbed_tensors(3, 0.5)}


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize(("precision", "mode"), [*itertools.product(FORMATS, MODES)], ids=lambda each: each.split()[0])
def test_two_arithmetics_come_to_the_same_bounds(name, precision, mode):
    weights = weights_of(TENSORS[name]).rounded(FORMATS[precision])
    model = checker.read_model(weights.hexadecimal, precision)
    bound, rounding = checker.Bound(precision, mode), rounding_of(precision, mode)
    for pair, state in CONTEXTS[::5]:
        real = step(weights, pair, state)
        seen = checker.trace(model, pair, state)
        for own, (low, high) in zip(real.logits, seen["logits"], strict=True):
            assert max(abs(own.low - Fraction(low)), abs(own.high - Fraction(high))) < Fraction(1, 10**100)
        try:
            errors = error_bounds(weights, real, rounding)
        except BoundError:
            with pytest.raises(checker.Unbounded):
                bound.logits(model, seen)
            continue
        for own, other in zip(errors, bound.logits(model, seen), strict=True):
            assert abs(own / Fraction(other) - 1) < Fraction(1, 10**100)


@pytest.mark.parametrize("precision", FORMATS)
def test_two_programs_agree_on_what_rounds(precision):
    outcomes = set()
    for exponent in [*range(-60, -45), *range(-26, -18), *range(-12, 3)]:
        tensors = INTEGERS | {"mlp.2.bias": [(1.5 * 2.0**exponent, 0)]}
        weights = weights_of(tensors).rounded(FORMATS[precision])
        model = checker.read_model(weights.hexadecimal, precision)
        for mode in MODES:
            try:
                ours = list(exact_logits(weights, 0, 0, rounding_of(precision, mode)))
            except RoundsError:
                ours = None
            try:
                theirs = checker.exact_step(model, 0, 0, checker.Bound(precision, mode))
            except checker.Inexact:
                theirs = None
            assert ours == theirs
            outcomes.add(ours is None)
    assert outcomes == {True, False}


@pytest.mark.parametrize("name", FORMATS)
def test_two_programs_round_alike(name):
    values = [i * 2.0**e for i in range(-9, 10) for e in (-149, -134, -133, -24, -10, 0, 13, 126)]
    values += [1 + 2.0**-8, 1 + 3 * 2.0**-8, 65519.0, 65520.0, 3.4e38, 2.0**-25 * 1.0001, 0.1, -0.3]
    for value in values:
        ours = round_to(Fraction(value), FORMATS[name])
        assert checker.nearest(value, name) == (float("inf") if ours is None else float(ours))


def test_the_checker_knows_every_shape():
    assert {name: shape if len(shape) == 2 else (1, *shape) for name, shape in SHAPES.items()} == checker.SHAPES
