"""One pair is asked of any adder, a stranger's too, and explained whether its answer is right or wrong."""

from __future__ import annotations

import json

import pytest

from tests.mutation import ROOT
from verify.__main__ import main, parser

WRONG = str(ROOT / "docs" / "examples" / "loses_long_carries.py")


def test_a_right_sum_is_shown_by_its_columns_and_with_the_step_that_the_model_is_least_sure_of(capsys):
    assert main(["explain", "999", "1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("add(999, 1)=1000, which is right [carry chain of 3 from column 1]\n")
    assert "kind   kkkkkkkppg" in told
    assert "its model is least sure of bit " in told
    assert "wrong" not in told


def test_a_stranger_s_wrong_sum_is_explained_and_is_status_1(capsys):
    assert main(["explain", "1", "9999", f"--submission={WRONG}", "--sandbox=off"]) == 1
    told = capsys.readouterr().out
    assert told.startswith("add(1, 9999)=0, but should be 10000 [carry chain of 4 from column 1]\n")
    assert "off by -10^4, from column 5 on" in told


def test_a_stranger_s_right_sum_tells_no_margins_that_nobody_saw(capsys):
    assert main(["explain", "1", "999", f"--submission={WRONG}", "--sandbox=off", "--json=-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["got"], found["is_right"], found["margins"]) == (1000, True, [])


def test_an_operand_out_of_range_is_refused(capsys):
    assert main(["explain", "10000000000", "1"]) == 2
    said = capsys.readouterr().err
    assert "operand 10000000000 is out of range; operands of 10 digits are integers from 0 to 9999999999" in said


@pytest.mark.parametrize("operand", ["x", "1.5", "\u0663"])
def test_what_is_no_operand_is_refused(operand, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["explain", operand, "1"])
    assert f"{operand!r} is no operand" in capsys.readouterr().err


@pytest.mark.parametrize("time", ["90s", "10m", "8h", "45"])
def test_the_budget_of_a_run_is_a_time_as_that_of_a_hunt_is(time):
    seconds = {"90s": 90, "10m": 600, "8h": 28_800, "45": 45}[time]
    for command in ("run", "hunt"):
        assert parser().parse_args([command, f"--budget={time}"]).budget == seconds
