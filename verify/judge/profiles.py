"""How long a run looks: the profiles quick, default, ci and hunt, and the example database that each of them has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from verify.errors import UsageError

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

DATABASE = Path(".hypothesis") / "examples"


@dataclass(frozen=True)
class Profile:
    """How long a run looks.

    Attributes:
        examples: what each Hypothesis property tries.
        cases: pairs that each stratum hunts through.
        seconds: what the whole run may take.
    """

    examples: int
    cases: int
    seconds: float


PROFILES = {
    "quick": Profile(examples=15, cases=5_000, seconds=20.0),
    "default": Profile(examples=100, cases=500_000, seconds=60.0),
    "ci": Profile(examples=300, cases=500_000, seconds=180.0),
    "hunt": Profile(examples=2_000, cases=100_000_000, seconds=1_800.0),
}


def default_name() -> str:
    """Return the profile of a run that names none: ci where the environment says so, else default."""
    return "ci" if os.environ.get("CI") else "default"


def open_database(path: Path = DATABASE) -> ExampleDatabase:
    """Return the example database in a folder, made where it is missing.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    from hypothesis.database import DirectoryBasedExampleDatabase

    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"the example database {str(path)!r} cannot be used ({error.strerror}); it must be a folder to write in"
        ) from error
    return DirectoryBasedExampleDatabase(path)


def register(name: str, *, cases: int | None, database: ExampleDatabase) -> None:
    """Make a profile Hypothesis' current one; with a number of cases, no property tries more examples than that."""
    from hypothesis import HealthCheck, Phase, settings

    examples = PROFILES[name].examples
    settings.register_profile(
        name,
        max_examples=examples if cases is None else max(1, min(examples, cases)),
        deadline=None,  # the first call of a model is slow
        derandomize=False,  # where CI is set Hypothesis would derandomize, and then replays nothing
        database=database,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # `verify.hunt.search.shrink` shrinks, within a time
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile(name)
