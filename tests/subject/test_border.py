"""Whatever comes from a stranger's process is made printable and checked for form, before anything else sees it."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.subject.rungs import OPERAND, promised
from verify import subject
from verify.errors import ProtocolError, SubjectCrashedError, SubjectImportError, SubjectNotFoundError
from verify.subject import operations
from verify.subject.answers import Answer, Raised
from verify.subject.sandbox import Limits, forms, ladder, wire
from verify.subject.sandbox.link import Link
from verify.text import printable_all

pytestmark = pytest.mark.usefixtures("scratch")

TEXT = "\x1b[2J\r\nPROVED\x9b1m\u202e\ud800\x07\x00 \u2028"
texts = st.text(st.characters(codec=None), max_size=30) | st.just(TEXT)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def strings(value):
    """Return all texts in plain values."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in strings(each)]
    return [text for each in value for text in strings(each)] if isinstance(value, list | tuple | set) else []


@given(plain)
def test_every_text_in_plain_values_is_printable(value):
    for text in strings(printable_all(value)):
        assert text.isprintable()
        text.encode()


@promised("puts escapes into our output", on=ladder.RUNGS)
def test_no_field_of_any_answer_is_raw(hostile, rung):
    adder = hostile("speaks_in_tongues", rung)
    answers = [adder.answer(a, 0) for a in range(1, 5)]
    batch = adder._many("add", np.arange(1, 5), np.arange(4))
    shown = [adder.name, adder.author, *map(repr, (answer.result for answer in answers))]
    shown += [text for answer in answers for text in (answer.type_name, answer.text, answer.complaint)]
    for text in shown + strings(batch["odd"]) + strings(dict(batch["counts"])) + strings(adder.findings):
        assert text.isprintable()
        text.encode()
    assert answers[3].type_name == "Nameless"


@pytest.mark.parametrize("place", ["import", "build_model", "a missing module"])
def test_no_error_of_loading_is_raw(tmp_path, place):
    raising = f"raise ValueError({TEXT!r})"
    source = {"import": raising, "build_model": "", "a missing module": f"raise ModuleNotFoundError(name={TEXT!r})"}
    (tmp_path / "file.py").write_text(
        f"{source[place]}\ndef build_model():\n    {raising}\ndef add(model, a, b):\n    return 0\n"
    )
    with pytest.raises(Exception, match="PROVED") as error:
        subject.load(str(tmp_path / "file.py"), sandbox="limits")
    assert str(error.value).isprintable()


def test_what_a_worker_complains_of_is_printable(hostile):
    adder = hostile("speaks_in_tongues", "limits")
    with pytest.raises(SubjectCrashedError) as error:
        adder.ask("no operation of this name")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["theirs\x1b[2J.py", "two\nlines.py", "broken\udcff.py"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    with pytest.raises(SubjectNotFoundError, match="holds what cannot be shown; rename the file") as error:
        subject.load(name)
    assert str(error.value).isprintable()


def test_an_empty_name_is_not_our_own_model():
    with pytest.raises(SubjectNotFoundError, match="an empty name names no subject"):
        subject.load("")


def test_a_file_does_not_choose_our_exit_status(hostile):
    adder = hostile("raises_our_errors", "limits")
    with pytest.raises(SubjectCrashedError, match="could not be asked: the command line makes no sense"):
        adder.add_batch(np.arange(3), np.arange(3))


@pytest.mark.parametrize("name", ["StoreError", "SystemExit", "VerifyError", "__name__", "annotations", "KeyError"])
def test_only_errors_of_loading_are_taken_by_name(hostile, monkeypatch, name):
    monkeypatch.setattr(Link, "request", lambda *_: {"error": name, "message": "chosen"})
    with pytest.raises(SubjectCrashedError, match="could not be asked: chosen"):
        hostile("hangs", "limits")


def test_an_error_of_loading_is_taken_while_it_loads_alone(hostile, monkeypatch):
    adder = hostile("hangs", "limits")
    monkeypatch.setattr(Link, "request", lambda *_: {"error": "SubjectImportError", "message": "chosen"})
    with pytest.raises(SubjectImportError, match="chosen"):
        hostile("hangs", "limits")
    with pytest.raises(SubjectCrashedError, match="could not be asked"):
        adder.answer(1, 1)


def test_the_form_of_every_operation_is_said():
    for module in operations._MODULES:
        importlib.import_module(module)
    assert forms.FORMS.keys() == operations._operations.keys()


class Told:
    """Stands for a worker that answers what it is told to."""

    seconds = 0.1
    printed = SimpleNamespace(text="")

    def __init__(self, answer):
        self.answer = answer

    def request(self, *_):
        return {"value": printable_all(self.answer)}

    def close(self):
        pass


@pytest.fixture(scope="module")
def answering():
    """Return how to ask a subject whose worker answers what it is told to."""
    adder = subject.load("tests/submissions/honest/array_functions.py", sandbox="limits")
    adder.close()
    adder._closed = False

    def ask(call, answer):
        adder._link = Told(answer)
        adder.losses.clear()
        return call(adder)

    return ask


@pytest.mark.parametrize("operation", sorted(forms.FORMS))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(answer=plain)
@example(answer=None)
@example(answer={})
@example(answer=[[]])
@example(answer={"refused": 7})
def test_a_malformed_answer_to_an_operation_breaks_the_protocol(answering, operation, answer):
    if forms.fits(printable_all(answer), operation):
        assert answering(lambda adder: adder.ask(operation), answer) == printable_all(answer)
    else:
        with pytest.raises(ProtocolError, match=f"what it says of {operation} is nothing of the kind"):
            answering(lambda adder: adder.ask(operation), answer)


batches = st.fixed_dictionaries(
    {
        "sums": st.just(np.array([2, 4])) | st.just(np.zeros((1, 2))) | plain,
        "odd": plain | st.lists(st.tuples(st.integers(-3, 3) | st.floats(), plain).map(list), max_size=3),
        "counts": plain | st.dictionaries(texts, st.integers(-3, 3) | st.floats(), max_size=3),
    },
    optional={"given_up": plain, "stricter": plain},
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(answer=plain | batches)
@example(answer={"sums": np.array([2, 4]), "odd": [[0.5, {}]], "counts": {}})
@example(answer={"sums": np.array([2, 4]), "odd": [], "counts": {"add raised": 1e999}})
@example(answer={"sums": np.array([2, 4]), "odd": [], "counts": {}, "stricter": 1e999})
def test_a_malformed_batch_breaks_the_protocol_or_is_none(answering, answer):
    try:
        told = answering(lambda adder: adder._many("add", np.array([1, 2]), np.array([1, 2])), answer)
    except ProtocolError:
        return
    assert told["sums"].dtype == np.int64
    assert all(0 <= index < 2 and Answer.from_wire(wire) for index, wire in told["odd"])
    assert all(text.isprintable() for text in strings(dict(told["counts"])))


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(answer=plain)
@example(answer={"value": None, "type_name": TEXT, "text": TEXT, "raised": True})
def test_a_malformed_sum_breaks_the_protocol_or_is_an_answer(answering, answer):
    try:
        told = answering(lambda adder: adder.answer(1, 1), answer)
    except ProtocolError:
        return
    assert told.value is None or 0 <= told.value < 2**62
    assert repr(told.result).isprintable()


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(answer=plain)
def test_a_worker_that_describes_itself_wrongly_breaks_the_protocol(answering, answer):
    def load(adder):
        adder._load(adder._link)

    with pytest.raises(ProtocolError, match="it described itself wrongly"):
        answering(load, answer)


def test_a_type_name_is_printable_wherever_it_comes_from():
    assert Answer.from_wire({"value": None, "type_name": TEXT, "text": TEXT, "raised": True}).result == Raised(
        r"\x1b[2J\r\nPROVED\x9b1m\u202e\ud800\x07\x00 \u2028", r"\x1b[2J\r\nPROVED\x9b1m\u202e\ud800\x07\x00 \u2028"
    )


class Counting(bytearray):
    """Counts the bytes that are searched through."""

    searched = 0

    def find(self, what, start=0):
        Counting.searched += len(self) - start
        return super().find(what, start)


@promised("answers without end", on=ladder.RUNGS)
def test_a_line_without_an_end_is_read_once_and_given_up(hostile, rung, monkeypatch):
    monkeypatch.setattr(wire, "LONGEST_LINE", 8 << 20)
    monkeypatch.setattr(Counting, "searched", 0)
    adder = hostile("talks_without_end", rung, limits=Limits(call_seconds=600))
    adder._link._received = Counting()
    with pytest.raises(ProtocolError, match="a line without an end"):
        adder.add(OPERAND, 1)
    assert Counting.searched < 10 << 20


@pytest.mark.parametrize("line", [b"[" + b"0," * (5 << 20) + b"0]", b"[" * 100_000, b"{}," * (3 << 20)])
def test_more_values_than_anybody_has_to_say_are_not_built(line):
    with pytest.raises(ValueError, match=r"too many values|nested too deep"):
        wire.loads(line)


@pytest.mark.parametrize("shape", [
    [0, 10**30], [0] + [1 << 26] * 31, [1] * 100, [10**4000] * 20_000, [2**63], [-1], [True], [0.0],
], ids=["long", "large in all", "of many dimensions", "a product without end", "2^63", "-1", "True", "0."])  # fmt: skip
def test_an_array_of_an_impossible_shape_is_none(shape):
    line = json.dumps({"dtype": "int64", "shape": shape, "base64": ""}).encode()
    with pytest.raises(ValueError, match=r"array|dimension"):
        wire.loads(line)


@pytest.mark.parametrize("inner", ["[%s]", '{"a": %s}'])
def test_an_answer_that_is_nested_too_deep_to_be_walked_breaks_the_protocol(inner):
    value = "1"
    for _ in range(600):  # the parser goes as deep as this, what looks at values does not
        value = inner % value
    link = object.__new__(Link)
    link._spec = "theirs.py"
    with pytest.raises(ProtocolError, match="nested too deep"):
        link._reply("7", f'{{"id": "7", "value": {value}}}'.encode(), None)
