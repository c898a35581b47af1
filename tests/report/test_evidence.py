"""Evidence is believed only where it is whole, of a known version and of the right shape."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import samples as samples
from verify.errors import EvidenceError
from verify.files import write_json
from verify.report.evidence import KINDS, Evidence, check, read

EVERYTHING = samples.everything("COUNTEREXAMPLE")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_again(kind, tmp_path):
    write_json(tmp_path / "found.json", EVERYTHING[kind])
    assert read(tmp_path / "found.json", kind) == EVERYTHING[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_version_is_refused_with_both_versions_and_the_command(kind):
    with pytest.raises(EvidenceError, match=r"of schema 'adder-later/9'.*only 'adder-.*/[12]'.*make it again with `"):
        check(kind, EVERYTHING[kind] | {"schema": "adder-later/9"}, "x.json")


@given(kind=st.sampled_from(list(KINDS)), share=st.floats(0, 1, exclude_max=True))
def test_half_a_file_is_refused_in_one_line(kind, share, tmp_path_factory):
    path = tmp_path_factory.mktemp("half") / "found.json"
    text = json.dumps(EVERYTHING[kind])
    path.write_text(text[: int(len(text) * share)])
    with pytest.raises(EvidenceError, match="damaged or half-written") as caught:
        read(path, kind)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b'{"schema": NaN}', b"1" * 5_000, b"null", b"[]"])
def test_what_is_no_evidence_at_all_is_refused(content, tmp_path):
    path = tmp_path / "found.json"
    path.write_bytes(content)
    with pytest.raises(EvidenceError, match=r"found\.json"):
        read(path, "correctness")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(EvidenceError, match="cannot be read"):
        read(tmp_path, "correctness")


def paths(value, path=()):
    """Yield the path of every value in JSON."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths(inner, (*path, key))


UNCHECKED = {"notes", "environment", "certificate", "margin", "error_bound", "got", "first_wrong_step", "reason"}


@given(st.sampled_from(list(KINDS)), st.data())
def test_a_value_of_another_type_is_refused_with_its_place(kind, data):
    value = copy.deepcopy(EVERYTHING[kind])
    known = [path for path in paths(KINDS[kind].shape) if len(path) == 1 and path[0] not in UNCHECKED]
    (key,) = data.draw(st.sampled_from(known))
    value[key] = object
    with pytest.raises(EvidenceError, match=f"{key} is <class 'object'>, but should be"):
        check(kind, value, "x.json")


@pytest.mark.parametrize(
    ("kind", "path", "wrong", "place"),
    [
        ("correctness", ("cases",), -1, r"cases is -1, but should be an integer from 0 up"),
        ("correctness", ("cases",), True, r"cases is True"),
        ("correctness", ("cases",), 2**63, r"cases is 9223372036854775808"),
        ("correctness", ("seconds",), float("inf"), r"seconds is inf, but should be a finite number"),
        ("correctness", ("sums", "verdict"), "PROBABLY", r"sums\.verdict is 'PROBABLY', but should be one of PROVED"),
        ("correctness", ("strata", 2, "failures"), "0", r"strata\[2\]\.failures is '0'"),
        ("correctness", ("counterexample", "expected"), "10", r"counterexample\.expected is '10'"),
        ("anatomy", ("transitions", 3, "state"), 4, r"transitions\[3\]\.state is 4, but should be a token, 0 to 3"),
        ("anatomy", ("transitions", 3, "state"), 0, r"transitions hold 15 contexts, but should hold 16"),
        ("anatomy", ("embeddings", 0), [1.0], r"embeddings\[0\] holds 1, but should hold 2"),
        ("proof", ("precisions", 0, "margin"), "1 + 1", r"precisions\[0\]\.margin is '1 \+ 1', but should be a number"),
        (
            "throughput",
            ("paths", 0, "pairs_per_second", "median"),
            0,
            r"paths\[0\]\.pairs_per_second\.median is 0, but should be a number a",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(kind, path, wrong, place):
    value = copy.deepcopy(EVERYTHING[kind])
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong
    with pytest.raises(EvidenceError, match=place):
        check(kind, value, "x.json")


def test_a_report_of_the_old_schema_gets_one_line_with_what_it_is_and_the_command_that_makes_it_anew():
    old = {"schema": "adder-report/1", "subject": {"spec": "their adder.py"}, "verdict": "PROVED"}
    told = (
        r"^x\.json is of schema 'adder-report/1', of a time when [^\n]*, but only 'adder-report/2' is understood; make "
        r"it again with `adder-verify run 'their adder\.py' --json FILE`$"
    )
    with pytest.raises(EvidenceError, match=told):
        check("correctness", old, "x.json")


PAIR = samples.counterexample()


@pytest.mark.parametrize(
    ("report", "wrong"),
    [
        (samples.report("COUNTEREXAMPLE", counterexample=None), "COUNTEREXAMPLE, but counterexample is missing"),
        (samples.report("NO COUNTEREXAMPLE", counterexample=PAIR), "but should be COUNTEREXAMPLE where there is one"),
        (samples.report("PROVED", counterexample=PAIR), "but should be COUNTEREXAMPLE where there is one"),
        (samples.report("COUNTEREXAMPLE", counterexample=PAIR | {"got": 10_000}), "got is 10000, but that is the sum"),
        (samples.report("COUNTEREXAMPLE", counterexample=PAIR | {"expected": 1}), "expected is 1, but should be 10000"),
        (samples.report("COUNTEREXAMPLE", counterexample=PAIR | {"confirmed": False}), "confirmed is False"),
        (samples.report("PROVED", proof=None), "PROVED, but there is no proof whose certificate was accepted"),
        (
            samples.report("MODEL PROVED", proof=samples.theorem() | {"accepted": False}),
            "MODEL PROVED, but there is no",
        ),
        (samples.disagreement(sums={"verdict": "PROVED", "reason": ""}), "should be UNDECIDED where the proof and the"),
        (samples.disagreement(proof=None), "should stand beside a proof"),
        (
            samples.report(nature={"verdict": "AS DECLARED", "reason": "", "rows": samples.rules("violated")}),
            "VIOLATED",
        ),
        (
            samples.report(nature={"verdict": "UNKNOWN", "reason": "", "rows": samples.rules("suspect")}),
            "be SUSPECT by",
        ),
        (samples.report(failure_rates=[samples.rate("add", 3) | {"failures": 4}]), "failures is 4, but should be at m"),
        (samples.report(failure_rates=[samples.rate("add", 3) | {"failures": 1}]), "should have an estimate and its"),
    ],
)
def test_a_report_that_contradicts_itself_is_refused(report, wrong):
    with pytest.raises(EvidenceError, match=wrong):
        check("correctness", report, "report")


@pytest.mark.parametrize("verdict", samples.SUMS)
@pytest.mark.parametrize("character", samples.NATURE)
def test_every_sample_is_whole_evidence(verdict, character):
    check("correctness", samples.report(verdict, character), "report")
    check("correctness", samples.cut_short(samples.disagreement()), "report")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_key_is_named(kind):
    key = next(iter(KINDS[kind].shape))
    value = {name: inner for name, inner in EVERYTHING[kind].items() if name != key}
    with pytest.raises(EvidenceError, match=f"{key} is missing"):
        check(kind, value, "x.json")


def test_the_same_evidence_is_the_same_bytes_whatever_its_order(tmp_path):
    value = EVERYTHING["correctness"]
    write_json(tmp_path / "a.json", value)
    write_json(tmp_path / "b.json", dict(reversed(value.items())))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    write_json(tmp_path / "a.json", {"schema": "old"})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"rate": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_an_empty_folder_is_refused_with_what_fills_it(tmp_path):
    with pytest.raises(EvidenceError, match=r"holds no evidence.*correctness\.json.*tox -e report"):
        Evidence.load(tmp_path)
