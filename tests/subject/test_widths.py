"""An adder is asked for what the user says, else for what it says itself, else for 10 digits, and of any width."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tests.mutation import ROOT
from verify.addition.task import TEN, Task
from verify.errors import ContractError
from verify.subject import NO_INTEGER, LocalSubject, load
from verify.subject.answers import Answer, as_sum, collect_batch, read
from verify.subject.sandbox import wire

COLUMNS = f"{ROOT}/tests/submissions/widths/columns.py"
WIDE = Task(20)


def adder(asked, metadata):
    namespace = SimpleNamespace(build_model=lambda: (None, metadata), add=lambda _, a, b: a + b)
    return LocalSubject("adder", namespace, digits=asked)


@pytest.mark.parametrize(("digits", "metadata", "task"), [
    (None, {}, TEN),
    (None, {"digits": None}, TEN),
    (None, {"digits": 5}, Task(5)),
    (None, {"digits": np.int64(5)}, Task(5)),
    (None, {"digits": "100"}, Task(100)),
    (3, {"digits": 5}, Task(3)),
    (3, {"digits": "nonsense"}, Task(3)),
], ids=str)  # fmt: skip
def test_the_user_outweighs_what_the_adder_says(digits, metadata, task):
    assert adder(digits, metadata).task == task


@pytest.mark.parametrize("said", [0, 101, -3, True, 5.0, "ten", [5]], ids=repr)
def test_what_is_no_width_is_refused_with_the_remedy(said):
    with pytest.raises(ContractError, match=r"metadata\['digits'\] of adder is .*--digits N says so instead"):
        adder(None, {"digits": said})


@pytest.fixture(scope="module")
def sandboxed():
    subject = load(f"{COLUMNS}:wrong_20", sandbox="limits")
    yield subject
    subject.close()


def test_wide_operands_and_sums_cross_the_border(sandboxed):
    a = WIDE.array([10**19 + 7, WIDE.largest, 0, WIDE.largest])
    b = WIDE.array([9 * 10**18, WIDE.largest, 5, 1])

    sums = sandboxed.add_batch(a, b)

    assert (sandboxed.task, sums.dtype) == (WIDE, object)
    assert sums.tolist() == [10**19 + 7 + 9 * 10**18, 2 * WIDE.largest + 1, 5, 10**20]
    assert sandboxed.add(WIDE.largest, 1) == 10**20
    assert sandboxed.way == "add"


def test_what_is_refused_beyond_the_border_is_no_integer(sandboxed):
    assert sandboxed.add_batch(WIDE.array([10**20, 1]), WIDE.array([0, 1])).tolist() == [NO_INTEGER, 2]


def test_what_is_loaded_again_is_asked_for_the_same(sandboxed):
    sandboxed._lose("it was ended")
    assert sandboxed.add(WIDE.largest, 1) == 10**20
    assert sandboxed.task == WIDE
    fresh = sandboxed.afresh()
    fresh.close()
    assert (fresh.task, sandboxed.asked_digits) == (WIDE, None)


def test_wide_sums_are_read_where_operands_are_wide_and_nowhere_else():
    large = 2 * WIDE.largest
    assert read(large, WIDE).value == read(str(large), WIDE).value == as_sum(large) == large
    assert Answer.from_wire(large, WIDE).value == large
    assert read(large).value is read(str(large)).value is None
    with pytest.raises(ValueError, match="no answer"):
        Answer.from_wire(large)


@pytest.mark.parametrize("returned", [2.0**70, True, None, -1, 10**101, b"5"], ids=str)
def test_what_is_no_integer_is_none_of_wide_sums_either(returned):
    assert read(returned, WIDE).value is None


def test_a_batch_of_wide_sums_may_be_a_list_or_an_array():
    sums = [5, 2 * WIDE.largest, -1, "7"]
    assert collect_batch(sums, WIDE)["sums"].tolist() == [5, 2 * WIDE.largest, NO_INTEGER, 7]
    assert collect_batch(np.array([3, 4]), WIDE)["sums"].tolist() == [3, 4]
    assert collect_batch(np.array([3, 4]), WIDE)["counts"] == {}


def test_wide_integers_travel_and_nothing_else_by_that_name():
    sent = WIDE.array([0, WIDE.largest, -1])
    found = wire.loads(wire.dumps({"a": sent}))["a"]
    assert (found.dtype, found.tolist()) == (object, sent.tolist())
    for line in (b'{"integers": [1.5]}', b'{"integers": ["1"]}', b'{"integers": [true]}', b'{"integers": 5}'):
        with pytest.raises(ValueError, match="integers that are none"):
            wire.loads(line)
    with pytest.raises(TypeError, match="an array of object does not travel"):
        wire.dumps(np.array([None], object))
