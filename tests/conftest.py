"""What holds for all tests: no property has a deadline, and the files that take long begin first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("tests", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")  # how long an example takes is the machine's affair

LONG = (  # those that take most of a minute and more, the longest first: begun last, one process would end alone
    "test_mutants.py",
    "subject/test_as_user.py",
    "judge/test_judge.py",
    "anatomy/test_audit.py",
    "test_verify_command.py",
    "test_ends.py",
    "proof/test_coq.py",
    "subject/test_tongues.py",
    "proof/columns/test_checker_teeth.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long before all others, each whole."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))
