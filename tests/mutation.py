"""Runs of the suite on mutants: in this process, one pytest session after another, without shrinking.

``python -m tests.mutation FAMILY`` prints which mutants that name a family it kills, as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Generator, Iterable
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
    """A plugin under which a mutant dies fast: without shrinking, and a family that failed once is left.

    Attributes:
        families: what runs.
        failed: the families that have failed.
    """

    def __init__(self, families: set[str]) -> None:
        self.families = families
        self.failed: set[str] = set()

    @pytest.hookimpl(tryfirst=True)  # before Hypothesis loads the profile
    def pytest_configure(self) -> None:
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

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if family(item) in self.failed:
            pytest.skip("its family has killed the mutant")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            self.failed.add(family(item))
            if self.failed == self.families:
                item.session.shouldfail = "every family has killed the mutant"
        return report


def family(item: pytest.Item) -> str:
    """Return the family of a claim, by its file."""
    return item.path.stem.removeprefix("test_")


def families() -> list[str]:
    """Return the families of claims, by their files."""
    return sorted(path.stem.removeprefix("test_") for path in SUITE.glob("test_*.py"))


def killers(mutant: str, against: Iterable[str], cases: int) -> list[str]:
    """Return those families whose claims refuse a mutant.

    Raises:
        RuntimeError: the run neither passed nor failed; its output is the message.
    """
    against = list(against)
    arguments = [
        *PLUGIN,
        *[str(SUITE / f"test_{family}.py") for family in against],
        f"--submission={ROOT / 'tests' / 'mutants.py'}:{mutant}",
        "--sandbox=off",
        f"--cases={cases}",
        "--budget=600",
        f"--hypothesis-profile={TEETH}",
        "--tb=no",
        f"--rootdir={ROOT}",
        "-pno:cacheprovider",
        "-Wignore:Module already imported:pytest.PytestAssertRewriteWarning",  # the plugin, by the session before
        "-pno:terminalreporter",
    ]
    output, teeth = io.StringIO(), Teeth(set(against))
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = pytest.main(arguments, plugins=[teeth])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{mutant}: exit status {status}\n{output.getvalue()}")
    return [family for family in against if family in teeth.failed]


def teeth_of(family: str) -> dict[str, bool]:
    """Return of each mutant that names a family whether the family kills it."""
    return {
        name: bool(killers(name, [family], mutant.cases)) for name, mutant in MUTANTS.items() if mutant.family == family
    }


def kills_all(mutants: Iterable[str]) -> dict[str, list[str]]:
    """Return of each mutant all families that kill it."""
    return {name: killers(name, families(), MUTANTS[name].cases) for name in mutants}


if __name__ == "__main__":
    json.dump(teeth_of(sys.argv[1]), sys.stdout)
