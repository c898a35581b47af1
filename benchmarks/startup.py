"""Cold starts: whole processes, from the shell's call to the exit, and what their time is made of."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.measuring import interleave, spread
from verify import interpreters

COMMANDS = {
    "python": ["-c", "pass"],
    "import torch": ["-c", "import torch"],
    "adder --help": ["-m", "adder", "--help"],
    "adder 1 2": ["-m", "adder", "1", "2"],
    "solve": ["-c", "from adder import solve; solve(seed=1)"],
    "adder-verify prove": ["-m", "verify", "prove"],
    "pytest verify, quick": ["-m", "pytest", "--pyargs", "verify", "--hypothesis-profile=quick", "-q"],
    "solve as the reference": [
        "-c",
        "from benchmarks.reference_solver import solve_as_reference; solve_as_reference(1)",
    ],
}


def measure(*, rounds: int, solvers: bool = True) -> list[dict[str, Any]]:
    """Return one row a command: seconds of a whole process, and its ratio to ``import torch`` in the same round."""
    commands = {name: command for name, command in COMMANDS.items() if solvers or not name.startswith("solve")}
    seconds = interleave({name: partial(_run, command) for name, command in commands.items()}, rounds)
    return [
        {
            "command": name,
            "rounds": len(seconds[name]),
            "seconds": spread(seconds[name]),
            "ratio_to_import_torch": spread(
                [second / torch for second, torch in zip(seconds[name], seconds["import torch"], strict=True)]
            ),
        }
        for name in commands
    ]


def _run(command: list[str]) -> None:
    interpreters.run(interpreters.python(*command)).check_returncode()
