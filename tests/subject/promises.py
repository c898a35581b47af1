"""What the sandbox promises, as a table made of the tests that show it; run as a module, it writes the table.

A row is what a file may try, as a test says in its decorator `tests.subject.rungs.promised`, with the rungs on which
the test runs: nothing is promised that is not tested there.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.mutation import ROOT
from verify.subject.sandbox import ladder

README = ROOT / "verify" / "subject" / "sandbox" / "README.md"
MODULES = ("test_sandbox", "test_confinement", "test_time", "test_border")
BEGIN, END = "<!-- made by tests.subject.promises -->\n", "<!-- end -->\n"


def promises():
    """Return the tests by what they show, each with its module and its rungs."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"tests.subject.{name}")
        for test in vars(module).values():
            if hasattr(test, "promise"):
                what, rungs = test.promise
                found.setdefault(what, []).append((name, test.__name__, rungs))
    return found


def table():
    """Return the table, in Markdown."""
    lines = [f"| a file that ... | {' | '.join(ladder.RUNGS)} | shown by |", "|---|" + "---|" * (len(ladder.RUNGS) + 1)]
    for what, tests in promises().items():
        cells = ["held" if all(rung in rungs for *_, rungs in tests) else "**open**" for rung in ladder.RUNGS]
        names = ", ".join(f"[{test}](../../../tests/subject/{module}.py)" for module, test, _ in tests)
        lines.append(f"| {what} | {' | '.join(cells)} | {names} |")
    return "\n".join(lines) + "\n"


def written(text):
    """Return a text with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    Path(README).write_text(written(README.read_text()))
