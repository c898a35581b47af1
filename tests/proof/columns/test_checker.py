"""The checker of certificates accepts what is true, and nothing that is not."""

import copy
import gzip
import json
import subprocess
import sys

import numpy as np
import pytest

from tests.mutation import ROOT
from tests.proof.columns.networks import adder, all_pairs, certified, least_margins
from tests.proof.columns.trials import SHAPES, TRIALS, certificate_of, network
from tests.test_layering import imports, packages
from verify.__main__ import main
from verify.proof.columns import certificate, checker

FILE = ROOT / "verify" / "proof" / "columns" / "checker.py"


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
def test_of_the_checker(trial):
    trial(checker)


@pytest.mark.parametrize("seed", range(40))
def test_prover_and_checker_agree_on_a_random_network_and_both_with_enumeration(seed):
    rng = np.random.default_rng(seed)
    graph = adder(1, rng, rng.choice([0.0, 0.001, 0.01, 0.05]), **SHAPES[rng.choice([*SHAPES])])
    found = checker.check(certified(graph))
    right = np.min(least_margins(graph, *all_pairs(1)), axis=0) > 0
    assert found.accepted, found.objections
    assert found.proved == right.all()
    assert found.pairs_right <= right.sum()


def test_it_imports_the_standard_library_alone():
    assert packages(imports(FILE.read_text())) <= set(sys.stdlib_module_names)


def run(*arguments):
    """Return what the checker says as a program of its own, of Python alone."""
    call = [sys.executable, "-I", "-S", str(FILE), *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", ["right.json", "right.json.gz"])
def test_it_accepts_a_file_without_any_package(name, tmp_path):
    certificate.write(tmp_path / name, certificate_of("pairs", 1))
    done = run(tmp_path / name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("accepted: all pairs are right\nFor all integers 0 <= a, b < 10^1: in every ")


def test_with_open_leaves_it_says_how_many_pairs_are_right_at_least(tmp_path):
    certificate.write(tmp_path / "x", certificate_of("soft", 1))
    done = run(tmp_path / "x")
    right = np.sum(network("soft", 1, 0.0, 0)[1].min(axis=0) > 0)
    assert done.returncode == 0
    assert done.stdout.startswith(f"accepted: at least {right} of 100 pairs are right\n")


def test_it_rejects_a_file_with_a_forged_leaf(tmp_path):
    forged = copy.deepcopy(certificate_of("soft", 1))
    for step in forged["steps"]:
        for query in step["queries"]:
            query["trees"] = [[node if isinstance(node, list) else 0 for node in tree] for tree in query["trees"]]
    forged["statement"] = checker.statement(forged["graph"])
    (tmp_path / "x").write_text(json.dumps(forged))
    done = run(tmp_path / "x")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("rejected: steps[")


WHOLE = json.dumps(certificate_of("pairs", 1))
NONE = {
    "nothing": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "another schema": b'{"schema": "adder-columns/2"}',
    "a name twice": WHOLE.replace('"record":', '"schema": "adder-columns/1", "record":').encode(),
    "NaN": WHOLE.replace('"record": {}', '"record": NaN').encode(),
    "no UTF-8": b"\xff" + WHOLE.encode(),
    "too deep": b"[" * 100_000,
    "a number without end": WHOLE.replace('"record": {}', '"record": ' + "9" * 10_000).encode(),
    "gzip cut short": gzip.compress(WHOLE.encode())[:-9],
    "gzip twice": gzip.compress(WHOLE.encode()) * 2,
    "gzip of nothing": b"\x1f\x8b",
    "gzip with a wrong sum": gzip.compress(WHOLE.encode())[:-8] + b"\0" * 8,
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_certificate_gives_a_sentence_and_status_2(name, tmp_path):
    (tmp_path / "x").write_bytes(NONE[name])
    done = run(tmp_path / "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no certificate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_and_no_file_at_all_give_status_2(tmp_path):
    assert run(tmp_path / "x").returncode == run().returncode == run(tmp_path).returncode == 2


@pytest.mark.parametrize("name", [name for name in NONE if name.startswith("gzip")])
def test_gzip_of_no_certificate_is_told_by_what_is_wrong_with_it(name, tmp_path, capsys):
    (tmp_path / "x.gz").write_bytes(NONE[name])
    assert main(["check", str(tmp_path / "x.gz")]) == 2
    assert "utf-8" not in capsys.readouterr().err


def test_gzip_of_more_than_is_read_is_no_certificate(monkeypatch):
    monkeypatch.setattr(checker, "BYTES", 1000)
    for data in (gzip.compress(b" " * 1001), b" " * 1001):
        with pytest.raises(ValueError, match="more than 1000 bytes"):
            checker.read(data)


def test_a_check_whose_time_is_used_up_is_undecided():
    left = iter([1.0] * 20 + [0.0] * 10**6)
    found = checker.check(certificate_of("pairs", 1), time_left=lambda: next(left))
    assert found.undecided
    assert not found.accepted
    assert found.leaves == 20
    assert checker.told(found) == ["undecided: the time ran out in steps[1], after 20 proved leaves"]


@pytest.mark.parametrize("given", [None, 1, [], "x", {}, {"schema": "adder-columns/1"}, {1: 2}, {"a": {}, 2: 3}])
def test_what_is_no_object_of_its_form_is_rejected_in_a_sentence(given):
    found = checker.check(given)
    assert not found.accepted
    assert len(found.objections) == 1


def test_the_same_certificate_gives_the_same_file(tmp_path):
    for name in ("x.gz", "y.gz"):
        certificate.write(tmp_path / name, certificate_of("pairs", 1))
    assert (tmp_path / "x.gz").read_bytes() == (tmp_path / "y.gz").read_bytes()
    assert certificate.read(tmp_path / "x.gz") == certificate_of("pairs", 1)
