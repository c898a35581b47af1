"""Every adder loads, and every file that is none is met by an error that names the remedy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from verify import subject
from verify.errors import ContractError, SubjectBuildError, SubjectImportError, SubjectNotFoundError, VerifyError
from verify.subject.answers import NO_INTEGER, Raised, Unreadable, as_sum, read

SUBMISSIONS = Path(__file__).parents[1] / "submissions"


@pytest.fixture
def load():
    """Return how to load a submission, which is closed afterwards."""
    loaded = []

    def load(name, **options):
        loaded.append(subject.load(str(SUBMISSIONS / name), **options))
        return loaded[-1]

    yield load
    for adder in loaded:
        adder.close()


HONEST = {
    "honest/array_functions.py": ("array functions", 36),
    "honest/plain_object.py": ("plain_object.py", None),
    "honest/emits_tokens.py": ("emits tokens", None),
    "honest/with_checkpoint": ("with a checkpoint", 36),
    "honest/packaged": ("packaged", 36),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_adder_adds(load, name):
    adder = load(name)
    expected_name, declared = HONEST[name]
    assert adder.name.endswith(expected_name)
    assert adder.declared_parameters == declared
    operands = ((0, 0), (9_999_999_999, 1), (9_999_999_999, 9_999_999_999))
    assert [adder.add(a, b) for a, b in operands] == [0, 10_000_000_000, 19_999_999_998]


@pytest.mark.parametrize("name", HONEST)
def test_a_file_runs_in_the_sandbox_unless_told_otherwise(load, name):
    assert load(name).isolation != "off"
    assert load(name, sandbox="off").isolation == "off"


def test_our_own_model_runs_in_this_process():
    location = subject.loading.locate("adder.tokens")
    assert location.path is not None
    assert not subject.runs_here(subject.loading.locate("tests/subject/test_subject.py:HONEST"), "auto")
    assert not subject.runs_here(location, "auto")
    assert subject.runs_here(location, "off")


def test_only_the_file_beside_the_suite_is_our_own(tmp_path):
    own = subject.loading.locate("adder.submission")
    (tmp_path / "weights.pt").write_bytes(b"")
    assert own.is_own
    assert subject.loading.locate(str(tmp_path / "weights.pt")).is_own
    assert not dataclasses.replace(own, path=tmp_path / "adder" / "submission.py").is_own
    assert not dataclasses.replace(own, attribute="other").is_own
    assert not subject.loading.locate(str(own.path)).is_own


@pytest.mark.parametrize("method", ["reference", "incremental", "verified", "tabulated", "scan"])
def test_each_way_of_decoding_answers_with_an_int(method):
    adder = subject.load(None, method=method)
    assert adder.add(9_999_999_999, 1) == 10_000_000_000
    assert adder.findings == []


MALFORMED = {
    "malformed/no_build_model.py": (ContractError, "has no function build_model; an adder has"),
    "malformed/no_add.py": (ContractError, "has no function add; an adder has"),
    "malformed/model_alone.py": (ContractError, r"returned object, but must return \(model, metadata\)"),
    "malformed/metadata_is_text.py": (ContractError, "metadata being a dict"),
    "malformed/missing_module.py": (SubjectImportError, "needs the module 'a_module_that_is_not_there'; install it"),
    "malformed/missing_checkpoint.py": (SubjectBuildError, "FileNotFoundError.*checkpoints lie beside the file"),
    "malformed/raises_always.py": (ContractError, r"add\(model, 0, 0\) .* raised AttributeError"),
    "malformed/exits_at_import.py": (SubjectImportError, "SystemExit: usage"),
    "malformed/not_there.py": (SubjectNotFoundError, "is no file or folder; give a path"),
    "malformed/": (SubjectNotFoundError, "holds no one file with build_model"),
}


@pytest.mark.parametrize("sandbox", ["auto", "off"])
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_met_by_its_own_error(load, name, sandbox):
    kind, message = MALFORMED[name]
    with pytest.raises(kind, match=message):
        load(name, sandbox=sandbox)


@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_a_syntax_error_is_told_by_its_line(tmp_path, sandbox):
    file = tmp_path / "unfinished.py"
    file.write_text("\ndef build_model(:\n")
    with pytest.raises(SubjectImportError, match=r"unfinished.py line 2: .*; correct the file"):
        subject.load(str(file), sandbox=sandbox)


@pytest.mark.parametrize("spec", ["no.such.module", "nosuchmodule", "not a module"])
def test_a_module_that_is_not_there_is_not_found(spec):
    with pytest.raises(SubjectNotFoundError, match="is neither a file nor an importable module"):
        subject.load(spec)


def test_a_file_that_is_no_python_is_refused(tmp_path):
    file = tmp_path / "weights.npz"
    file.touch()
    with pytest.raises(SubjectNotFoundError, match=r"its name must end in \.py"):
        subject.load(str(file))


def test_an_object_in_a_file_can_be_picked(tmp_path):
    file = tmp_path / "zoo.py"
    file.write_text(
        "class Off:\n"
        "    def build_model(self):\n        return None, {'name': 'off by one'}\n"
        "    def add(self, model, a, b):\n        return a + b + 1\n"
    )
    assert subject.load(f"{file}:Off").add(1, 1) == 3
    with pytest.raises(SubjectNotFoundError, match="has no 'On'"):
        subject.load(f"{file}:On")


def test_locating_executes_nothing(tmp_path, monkeypatch):
    package = tmp_path / "loud"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('executed')")
    (package / "inner.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert subject.loading.locate("loud.inner").module == "loud.inner"
    assert subject.loading.locate(str(package)).module == "loud"


def test_a_file_in_a_shared_folder_may_read_itself_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "adder.py"
    file.touch()
    assert subject.loading.locate(str(file)).readable == (file,)
    inner = tmp_path / "mine" / "adder.py"
    inner.parent.mkdir()
    inner.touch()
    assert subject.loading.locate(str(inner)).readable == (inner.parent,)


def test_an_exception_on_some_operands_is_an_answer(load):
    adder = load("wrong/raises_on_nines.py")
    assert adder.add(9_999_999_999, 1) == Raised("ValueError", "too many nines")
    assert adder.add_batch(np.array([1, 9_999_999_999]), np.array([1, 1])).tolist() == [2, NO_INTEGER]
    assert adder.findings == [
        {"name": "add raised ValueError", "detail": "too many nines", "a": 9_999_999_999, "b": 1, "count": 2}
    ]


def test_nothing_is_no_integer(load):
    adder = load("wrong/returns_nothing.py")
    assert adder.add(5_000_000_000, 5_000_000_000) == Unreadable("NoneType", "None")


def test_what_is_unmistakable_counts_and_is_a_finding(load):
    adder = load("wrong/returns_floats.py")
    assert adder.add(20, 3) == 23
    assert isinstance(adder.add(1, 0), Unreadable)
    assert [found["name"] for found in adder.findings] == ["add returned float, not int", "add returned bool, not int"]


@pytest.mark.parametrize("name", ["array_functions", "packaged", "plain_object"])
def test_an_answer_of_another_type_is_a_finding(load, name):
    type_name = {"array_functions": "int64", "packaged": "Tensor", "plain_object": "str"}[name]
    adder = load(f"honest/{name}" + ".py" * (name != "packaged"))
    assert adder.add(7, 8) == 15
    assert adder.findings[0]["name"] == f"add returned {type_name}, not int"


def test_output_on_stdout_is_a_finding(load):
    adder = load("honest/with_checkpoint")
    adder.add(1, 1)
    assert ("wrote to stdout", "print to stderr, or nothing at all: loading\\n") in [
        (found["name"], found["detail"]) for found in adder.findings
    ]


@pytest.mark.parametrize(
    ("returned", "value"),
    [
        *[(7, 7), ("007", 7), (" 7\n", 7), (7.0, 7), (np.int32(7), 7), (np.array(7), 7), (2**70, None), (-7, None)],
        *[(7.5, None), ("7.0", None), ("\u0667", None), (True, None), (None, None), (float("nan"), None), ([7], None)],
    ],
)
def test_an_integer_is_read_where_it_is_unmistakable(returned, value):
    assert read(returned).value == value


def test_an_answer_that_cannot_be_shown_is_still_an_answer():
    class Rude:
        def __repr__(self):
            raise RuntimeError

    assert read(Rude()).text == "<Rude whose repr raises RuntimeError>"


def test_a_sum_out_of_range_is_none():
    assert [as_sum(answer) for answer in (5, -5, 10**101, "5", True)] == [5] + 4 * [NO_INTEGER]


def test_every_error_is_one_of_ours_and_has_an_exit_status():
    assert {error.exit_status for error in VerifyError.__subclasses__()} == {2, 3}
