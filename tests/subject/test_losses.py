"""A worker that is lost is replaced, a few times over, and no request outlasts the time of the run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.subject.rungs import OPERAND, any_rung
from verify import subject
from verify.errors import OutOfTimeError, ProtocolError, SubjectCrashedError, SubjectTimeoutError
from verify.subject.sandbox import Limits
from verify.subject.sandbox.parent import MOST_LOSSES

pytestmark = pytest.mark.usefixtures("scratch")

HANG_GUARD = Limits(call_seconds=600, start_seconds=600, ask_seconds=6000)


@pytest.mark.parametrize(
    ("name", "error"),
    [("crashes", SubjectCrashedError), ("hangs", SubjectTimeoutError), ("forges_answers", ProtocolError)],
)
@any_rung
def test_the_next_request_starts_another_worker(hostile, rung, name, error):
    adder = hostile(name, rung)
    before = adder.add(1, 1)
    with pytest.raises(error, match=r"at add|nothing that was asked"):
        adder.add(OPERAND, 1)
    assert adder.add(1, 1) == before
    assert len(adder.losses) == 1


def test_a_loss_is_told_by_its_operands_in_printable_text(hostile):
    adder = hostile("crashes", "limits")
    with pytest.raises(SubjectCrashedError, match="SIGSEGV"):
        adder.add(OPERAND, 1)
    assert "SIGSEGV at add(5000000000, 1)" in adder.losses[0]
    assert adder.losses[0].isprintable()


def test_after_so_many_losses_no_other_worker_is_started(hostile):
    adder = hostile("crashes", "limits")
    for _ in range(MOST_LOSSES):
        with pytest.raises(SubjectCrashedError, match="SIGSEGV"):
            adder.add(OPERAND, 1)
    with pytest.raises(SubjectCrashedError, match=rf"lost {MOST_LOSSES} workers, and no other is started; the last:"):
        adder.add(1, 1)


def test_an_answer_that_is_none_loses_the_worker(hostile, monkeypatch):
    adder = hostile("hangs", "limits")
    monkeypatch.setattr(adder, "_request", lambda *_, **__: {"sums": "many"})
    with pytest.raises(ProtocolError, match="a batch of 2 sums came back as none"):
        adder.add_batch(np.array([1, 2]), np.array([1, 2]))
    monkeypatch.undo()
    assert adder.losses == ["it broke the protocol: a batch of 2 sums came back as none"]
    assert adder.add(1, 1) == 2


def test_a_file_that_is_an_adder_only_once_is_lost(hostile):
    adder = hostile("loads_once", "limits")
    with pytest.raises(SubjectCrashedError, match="SIGSEGV"):
        adder.add(OPERAND, 1)
    with pytest.raises(SubjectCrashedError, match=r"could not be loaded again: .*RuntimeError: once is enough"):
        adder.add(1, 1)
    assert len(adder.losses) == 2


def test_what_was_learnt_is_learnt_again_by_another_worker(hostile):
    adder = hostile("crashes", "limits")
    adder._unforced = ""
    with pytest.raises(SubjectCrashedError, match="SIGSEGV"):
        adder.add(OPERAND, 1)
    assert adder._unforced is None


def test_a_closed_subject_stays_closed(hostile):
    adder = hostile("hangs", "limits")
    adder.close()
    with pytest.raises(SubjectCrashedError, match="is gone: it was closed"):
        adder.add(1, 1)


@any_rung
def test_afresh_is_another_worker_of_the_same_file(hostile, rung):
    limits = Limits(call_seconds=61)
    adder = hostile("counts_its_sums", rung, limits=limits)
    assert [adder.add(0, 0), adder.add(0, 0)] == [4, 5]  # the four easy sums came first
    other = adder.afresh()
    try:
        assert other.add(0, 0) == 4
        assert (other.isolation, other.limits, other.sha256) == (rung, limits, adder.sha256)
        assert other.time_left is adder.time_left
    finally:
        other.close()
    assert adder.add(0, 0) == 6


def test_afresh_in_this_process_builds_another_model(tmp_path):
    (tmp_path / "start.txt").write_text("7")
    file = tmp_path / "counting.py"
    file.write_text(
        "from pathlib import Path\n"
        "def build_model():\n    return [int(Path('start.txt').read_text())], {}\n"
        "def add(model, a, b):\n    model[0] += 1\n    return model[0]\n"
    )
    adder = subject.load(str(file), sandbox="off")
    assert adder.add(0, 0) == 12
    assert adder.afresh().add(0, 0) == 12


@any_rung
def test_the_time_of_the_run_ends_a_request(hostile, rung):
    adder = hostile("hangs", rung, limits=HANG_GUARD)
    adder.time_left = iter([0.2, 0.2, 0.2, *[0.0] * 1000]).__next__
    with pytest.raises(OutOfTimeError, match=rf"the time of the run is spent while .* is at add\({OPERAND}, 1\)"):
        adder.add(OPERAND, 1)
    adder.time_left = lambda: math.inf
    assert adder.losses == []
    assert adder.add(1, 1) == 2


def test_without_time_nothing_is_asked_and_the_worker_stays(hostile):
    adder = hostile("counts_its_sums", "limits")
    adder.time_left = lambda: 0.0
    with pytest.raises(OutOfTimeError, match="is spent"):
        adder.add(0, 0)
    adder.time_left = lambda: 1e9
    assert adder.add(0, 0) == 4


def test_without_time_no_worker_is_started(hostile, scratch):
    with pytest.raises(OutOfTimeError, match="is to be loaded"):
        hostile("hangs", "limits", time_left=lambda: 0.0)


def test_the_time_of_the_run_ends_a_hang_at_the_start(hostile):
    left = iter([9.0, 9.0, 9.0, *[0.0] * 1000])
    with pytest.raises(OutOfTimeError, match="when asked to load"):
        hostile("hangs_at_start", "limits", limits=HANG_GUARD, time_left=left.__next__)


def test_the_time_of_the_run_ends_a_batch_in_this_process():
    left = iter([9.0] * 20 + [0.0] * 1000)
    adder = subject.load("tests/submissions/wrong/returns_nothing.py", sandbox="off", time_left=left.__next__)
    with pytest.raises(OutOfTimeError, match=r"is spent while .* adds"):
        adder.add_batch(np.arange(50), np.arange(50))
