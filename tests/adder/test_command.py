"""The ``adder`` command answers on stdout, explains itself on stderr, and says by its exit status how it went."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from adder import solver
from adder.__main__ import main
from adder.model import GPTAdder, routing_mask


@pytest.fixture
def wrong_model(monkeypatch):
    """Make the solver return a model that takes every state for 0 without a carry."""
    model = GPTAdder(routing_mask())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    monkeypatch.setattr(solver, "solve", lambda *_, **__: model)


@pytest.mark.parametrize("arguments", [["123", "456"], ["123+456="], ["0000000123", "456"]], ids=" ".join)
def test_two_operands_or_a_prompt_give_eleven_digits(arguments, capsys):
    assert main(arguments) == 0
    assert capsys.readouterr().out == "00000000579\n"


@pytest.mark.parametrize("weights", ["integer", "real"])
def test_the_largest_operands_add(weights, capsys):
    assert main(["9999999999", "9999999999", "--weights", weights, "--seed", "3"]) == 0
    assert capsys.readouterr().out == "19999999998\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1"], "prompt '1' does not end with '='"),
        (["1", "2", "3"], "3 operands given"),
        (["-1", "5"], "operand '-1'"),
        (["10000000000", "1"], "operand 10000000000 in prompt '10000000000+1=' is out of range"),
        (["1_0", "1"], "operand '1_0'"),
        (["explain", "1", "x"], "operand 'x'"),
        (["solve", "--out", "missing/weights.pt"], "there is no folder missing"),
        (["1", "2", "--json", "missing/sum.json"], "there is no folder missing"),
        (["1", "2", "--json", "."], "it is a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.err.startswith("adder: error: ")
    assert message in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["--seed", "-1", "1", "2"], ["1", "2", "--weights", "ternary"]], ids=" ".join
)
def test_a_wrong_option_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "adder: error: " in capsys.readouterr().err


def test_the_demo_adds_all_hundred_prompts(capsys):
    assert main(["demo"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("46 parameters, solved from seed 1\nstage 1: 1/1\n")
    assert "\nstage 100: 100/100\n" in output
    shown = [line for line in output.splitlines() if line.startswith("  ")]
    assert len(shown) == len({*shown}) == 9


def test_a_failing_stage_is_debugged_and_is_status_1(wrong_model, capsys):
    assert main(["demo"]) == 1
    output = capsys.readouterr().out
    assert "stage 1: 0/1" in output
    assert "states generated: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]" in output


def test_explaining_a_wrong_sum_names_the_first_wrong_step_and_is_status_1(wrong_model, capsys):
    assert main(["explain", "4", "6"]) == 1
    assert "first wrong step: column 2 in base 2 is 0, carry 0, but should be 1, carry 0" in capsys.readouterr().out


def test_solve_saves_a_state_dict_that_adds(tmp_path, capsys):
    path = tmp_path / "weights.pt"
    assert main(["solve", "--seed", "5", "--out", str(path)]) == 0
    assert "seed 5: 46 parameters" in capsys.readouterr().out
    model = GPTAdder(routing_mask())
    model.load_state_dict(torch.load(path, weights_only=True))
    assert solver.check_transitions(model)[0] == 1.0
    assert [file.name for file in tmp_path.iterdir()] == ["weights.pt"]


def test_the_result_is_to_be_had_as_json(tmp_path, capsys):
    assert main(["20", "22", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == {"a": 20, "b": 22, "sum": 42}
    path = tmp_path / "demo.json"
    assert main(["demo", "--json", str(path)]) == 0
    assert [stage["correct"] for stage in json.loads(path.read_text())["stages"]] == [1, 2, 3, 10, 100]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["99999999999", "1"],
        ["explain", "1", "99999999999"],
        ["1", "x"],
        ["solve", "--out", "/nowhere/weights.pt"],
        ["demo", "--json", "."],
    ],
    ids=" ".join,
)
def test_help_and_errors_of_use_do_not_wait_for_torch(arguments):
    code = (
        "import sys; from adder.__main__ import main\n"
        f"try: sys.exit(main({arguments!r}) not in (0, 2) or 'torch' in sys.modules)\n"
        "except SystemExit as end: sys.exit(bool(end.code) or 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_a_folder_that_cannot_be_written_to_is_told_before_any_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    assert main(["solve", "--out", str(tmp_path / "weights.pt")]) == 2
    assert "is not writable; name another" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m adder demo | head -1"
    run = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("46 parameters, solved from seed 1\n", "")
