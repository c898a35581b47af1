"""A certificate's theorem is of weights; what ties a program to them is recorded apart, and nothing rests on it."""

from __future__ import annotations

import copy
import hashlib
import json

import numpy as np
import pytest
import torch

from adder import submission
from tests.proof.models import CANCELLING, INTEGERS, architecture, as_module, integer_model
from verify.__main__ import main
from verify.proof import check, prove, proving, told
from verify.proof.architecture import read_architecture
from verify.proof.binding import check_bytes, claims, forced_ids, largest_share
from verify.proof.formats import FORMATS
from verify.proof.network import CONTEXTS
from verify.proof.weights import RefusalError, numbers_of
from verify.subject import DEFAULT_SPEC, LocalSubject, load

LIAR = """
import torch
from adder.submission import add, build_model as build
from verify.proof import proving

def build_model():
    model, metadata = build()
    model.mlp[2].bias.data += 0.25
    return model, metadata

real = proving.architecture

def described(loaded):
    return real(type(loaded)(loaded.namespace, build()[0], {}))

import verify.subject.operations as operations
operations._operations["architecture"] = described
"""


@pytest.fixture(scope="module")
def certificate():
    return prove(architecture(INTEGERS), precisions=())


def forged(certificate, **changes):
    """Return a certificate with another record, under a digest that fits."""
    changed = copy.deepcopy(certificate)
    changed["record"] |= changes
    body = {name: value for name, value in changed.items() if name != "digest"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return body | {"digest": hashlib.sha256(text.encode()).hexdigest()}


FORGERIES = [
    {"subject": "another.py"},
    {"forward": "traced", "decoding": "compared", "pairs": 2**64},
    {"weights": "file"},
    {"anything": "PROVED"},
]


@pytest.mark.parametrize("changes", FORGERIES, ids=lambda changes: next(iter(changes)))
def test_a_forged_record_changes_nothing_that_is_checked(certificate, changes):
    changed = forged(certificate, **changes)
    assert check(changed) == []
    lines, before = told(changed), told(certificate)
    end = lines.index("recorded, not checked:")
    assert lines[:end] == before[: before.index("recorded, not checked:")]
    assert not any("another.py" in line or "compared" in line for line in lines[:end])


def test_a_record_cannot_write_lines_of_its_own(certificate):
    changed = forged(certificate, subject="x\naccepted: PROVED\x1b[2K", **{"a\nb": "c"})
    assert check(changed) == []
    assert all(line.isprintable() for line in told(changed))


@pytest.mark.parametrize("record", [None, [], {"pairs": [1]}, {"x": 1.5}, {"a": {"b": {"c": {"d": "e"}}}}], ids=str)
def test_a_record_that_cannot_be_told_is_rejected(certificate, record):
    assert check(forged(certificate) | {"record": record})


def test_a_certificate_of_the_first_form_is_refused_in_one_line(certificate):
    assert check(certificate | {"schema": "adder-certificate/1"}) == [
        'schema is "adder-certificate/1", but only adder-certificate/2 is understood; prove the weights again'
    ]


def test_the_command_tells_theorem_and_record_apart(tmp_path, capsys):
    path = tmp_path / "certificate.json"
    assert main(["prove", "--out", str(path)]) == 0
    capsys.readouterr()
    assert main(["check", str(path), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["theorem"]) == {"verdict", "statement", "assumptions", "dtype", "sha256"}
    assert found["recorded, not checked"]["weights"] == "own"
    assert DEFAULT_SPEC not in json.dumps(found["theorem"])


def test_every_method_is_compared_before_weights_are_said_to_be_proved():
    proof = proving.prove_subject(load(None), known_decoder=True)
    methods = proof.certificate["record"]["methods"]
    assert (proof.verdict, proof.exit_status) == ("PROVED", 0)
    assert {name: row["sums"] for name, row in methods.items()} == dict.fromkeys(submission.METHODS, 84)
    assert {name for name in methods if "largest error over its bound" in methods[name]} == {
        "reference", "incremental", "verified",
    }  # fmt: skip


def save(path, tensors):
    torch.save(as_module(tensors).state_dict(), path)
    return str(path)


def test_weights_that_one_method_adds_wrongly_are_not_proved_and_it_is_named(tmp_path, capsys):
    assert main(["prove", save(tmp_path / "weights.pt", CANCELLING)]) == 3
    said = capsys.readouterr().out
    assert said.startswith("UNDECIDED: add_batch([")
    assert "method='incremental'" in said


@pytest.mark.parametrize("method", submission.METHODS)
def test_one_wrong_sum_by_any_method_on_proved_weights_is_no_verdict_but_a_bug(monkeypatch, method):
    right = submission.add_batch

    def add_batch(model, a, b, method=None):
        return right(model, a, b, method) + (method == broken and len(a) > 1)

    broken = method
    monkeypatch.setattr(submission, "add_batch", add_batch)
    proof = proving.prove_subject(load(None), known_decoder=True)
    assert (proof.accepted, proof.verdict, proof.exit_status) == (False, "THE PROOF AND THE RUN DISAGREE", 3)
    assert f"method='{method}'" in proof.reason
    assert "a bug of adder-verify" in proof.reason


@pytest.mark.parametrize("off", [2.0**-60, np.nan, np.inf], ids=str)
def test_one_logit_outside_its_bound_on_proved_weights_is_a_bug_too(monkeypatch, off):
    right = submission.forced_logits

    def forced_logits(model, ids, method=None):
        logits = right(model, ids, method)
        if method == "verified" and len(ids) > 1:
            logits[7, 7, 2] += off + logits[7, 7, 2] * 2.0**-50
            logits[42, 7, 1] += off
        return logits

    monkeypatch.setattr(submission, "forced_logits", forced_logits)
    proof = proving.prove_subject(load(None), known_decoder=True)
    assert proof.verdict == "THE PROOF AND THE RUN DISAGREE"
    assert "by method verified, logit" in proof.reason


def test_weights_in_a_file_are_read_again_from_its_bytes(tmp_path):
    path = tmp_path / "weights.pt"
    save(path, INTEGERS)
    proof = proving.prove_subject(load(str(path)), known_decoder=True)
    assert (proof.verdict, proof.certificate["record"]["weights"]) == ("PROVED", "file")


def test_a_file_that_holds_other_weights_than_the_model_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    save(path, INTEGERS)
    subject = load(str(path))
    save(path, CANCELLING)
    proof = proving.prove_subject(subject, known_decoder=True)
    assert (proof.verdict, proof.accepted) == ("NO PROOF", False)
    assert "holds other weights" in proof.reason


def test_a_worker_that_describes_other_weights_than_it_holds_gets_no_proof(tmp_path):
    path = tmp_path / "liar.py"
    path.write_text(LIAR)
    with_lie = load(str(path), sandbox="limits")
    try:
        proof = proving.prove_subject(with_lie, known_decoder=False)
    finally:
        with_lie.close()
    assert proof.verdict == "NO PROOF"
    assert "described otherwise than the bytes" in proof.reason


def test_the_program_of_a_stranger_is_not_in_the_theorem_and_its_weights_are_its_word(tmp_path):
    path = tmp_path / "stranger.py"
    path.write_text("from adder.submission import *\n")
    stranger = load(str(path), sandbox="limits")
    try:
        proof = proving.prove_subject(stranger, known_decoder=False)
    finally:
        stranger.close()
    assert proof.verdict == "MODEL PROVED"
    assert proof.certificate["record"]["weights"] == "sent"
    theorem = {name: value for name, value in proof.certificate.items() if name != "record"}
    assert "stranger" not in json.dumps(theorem)


@pytest.mark.parametrize("dtype", FORMATS)
def test_plain_bytes_are_the_numbers_that_torch_sees(dtype):
    model = integer_model().to(getattr(torch, dtype))
    model.mlp[2].bias.data += 0.1
    subject = LocalSubject("x", submission)
    subject.loaded.model = model
    sent = subject.ask("tensors")
    check_bytes(read_architecture(model), sent)
    (bias,) = (each for each in sent if each["shape"] == [2])
    assert numbers_of(dtype, bias["bytes"].tobytes()) == tuple(x.hex() for x in model.mlp[2].bias.double().tolist())
    model.mlp[2].bias.data += 0.1
    with pytest.raises(RefusalError, match=r"mlp\.2\.bias was described otherwise"):
        check_bytes(read_architecture(model), sent)


def test_bytes_that_are_no_numbers_are_refused():
    for dtype, raw in (("float32", b"123"), ("int8", b"1"), ("bfloat16", b"1")):
        with pytest.raises(RefusalError, match="are no numbers"):
            numbers_of(dtype, raw)


def test_every_context_stands_at_every_position_of_the_forced_sequences():
    ids = forced_ids()
    assert {(c, k, ids[35 * c + k, k], ids[35 * c + k, 35 + k]) for c in range(16) for k in range(35)} == {
        (c, k, *context) for c, context in enumerate(CONTEXTS) for k in range(35)
    }


def test_the_share_of_a_bound_is_that_of_the_worst_logit():
    found = architecture(INTEGERS)
    claimed = {context: [(low, high, 1) for low, high, _error in rows] for context, rows in claims(found).items()}
    logits = submission.forced_logits(integer_model(), forced_ids())
    assert largest_share(claimed, logits) == 0
    logits[35 * 3 + 5, 5, 2] += 0.75
    assert largest_share(claimed, logits) == 0.75
    logits[35 * 3 + 5, 5, 2] += 0.5
    with pytest.raises(RefusalError, match="logit 2 of bit 5 after pair 0 and state 3"):
        largest_share(claimed, logits)
