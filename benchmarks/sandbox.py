"""What the sandbox costs: a subject behind each rung against the same one in this process, as ratios within a round.

python -m benchmarks.sandbox
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measuring import interleave, spread
from verify import subject
from verify.interpreters import python, run
from verify.subject.sandbox import ladder

SUBJECTS = ("tests/submissions/honest/array_functions.py", "adder.submission")  # of numpy; of torch
PAIRS = np.arange(256)


def measure(spec: str, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return, by what is asked and by rung, the seconds where nothing is isolated, and each rung's ratio to them."""
    rungs = ["off", *(rung for rung in ladder.RUNGS if ladder.missing(rung) is None)]
    held: dict[str, Any] = {rung: subject.load(spec, sandbox=rung) for rung in rungs}  # type: ignore[arg-type]
    questions = {
        "start": lambda rung: _start(spec, rung),
        "one sum": lambda rung: held[rung].add(1_234_567_890, 9_876_543_210),
        "256 sums": lambda rung: held[rung]._many("add", PAIRS, PAIRS),  # noqa: SLF001 - the request itself
    }
    found = {}
    with contextlib.ExitStack() as closing:
        for each in held.values():
            closing.callback(each.close)
        for name, ask in questions.items():
            seconds = interleave({rung: partial(ask, rung) for rung in rungs}, rounds)
            ratios = {
                rung: [one / off for one, off in zip(seconds[rung], seconds["off"], strict=True)] for rung in rungs
            }
            found[name] = {rung: spread(seconds[rung] if rung == "off" else ratios[rung]) for rung in rungs}
    return found


def _start(spec: str, rung: str) -> None:
    """Load a subject in an interpreter that has just begun, and let it go."""
    code = f"from verify import subject; subject.load({spec!r}, sandbox={rung!r}).close()"
    run(python("-c", code), folder=".").check_returncode()


if __name__ == "__main__":
    for spec in SUBJECTS:
        for question, rungs in measure(spec, rounds=9).items():
            shown = ", ".join(f"{rung} {values['median']}" for rung, values in rungs.items())
            print(f"{spec}, {question}: {shown}")  # noqa: T201 - it is run to be read
