"""Runs of the suite on mutants: in this process, one pytest session after another, without shrinking.

``python -m tests.mutation FAMILY`` prints which mutants that name a family it kills, as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.mutants import MUTANTS

ROOT = Path(__file__).resolve().parent.parent
SUITE = ROOT / "verify"
INSTALLED = bool(entry_points(group="pytest11", name="adder-verify"))
PLUGIN = () if INSTALLED else ("-pverify.plugin",)  # where the project is not installed, pytest is told of its plugin
TEETH = "teeth"  # a Hypothesis profile: no shrinking, no database


class Teeth:
    """A plugin that registers the profile in which a mutant dies fastest."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Register the profile before Hypothesis loads it."""
        from hypothesis import HealthCheck, Phase, settings

        settings.register_profile(
            TEETH,
            max_examples=30,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )


def families() -> list[str]:
    """Return the families of claims, by their files."""
    return sorted(path.stem.removeprefix("test_") for path in SUITE.glob("test_*.py"))


def kills(mutant: str, family: str, cases: int, *, module: str = "tests/mutants.py") -> bool:
    """Return whether a family's claims refuse a mutant.

    Raises:
        RuntimeError: the run neither passed nor failed; its output is the message.
    """
    arguments = [
        *PLUGIN,
        str(SUITE / f"test_{family}.py"),
        f"--submission={ROOT / module}:{mutant}",
        "--sandbox=off",
        f"--cases={cases}",
        "--budget=600",
        f"--hypothesis-profile={TEETH}",
        "--tb=no",
        "-qqx",
        f"--rootdir={ROOT}",
        "-pno:cacheprovider",
        "-Wignore:Module already imported:pytest.PytestAssertRewriteWarning",  # the plugin, by the last session
        "-pno:terminalreporter",
    ]
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = pytest.main(arguments, plugins=[Teeth()])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{family} on {mutant}: exit status {status}\n{output.getvalue()}")
    return status == pytest.ExitCode.TESTS_FAILED


def teeth_of(family: str) -> dict[str, bool]:
    """Return of each mutant that names a family whether the family kills it."""
    return {name: kills(name, family, mutant.cases) for name, mutant in MUTANTS.items() if mutant.family == family}


if __name__ == "__main__":
    json.dump(teeth_of(sys.argv[1]), sys.stdout)
