"""The ledger of known failures: ``--xfails-file``, one claim a line and the reason behind it.

    test_numerics.py::test_it_adds_in_a_narrow_type[float16]   # margin of 2 ulp; issue 12
    test_vectors.py                                            # trained on 9 digits

A line names a test of the suite, with or without its parameters, or a whole file. The claims that it names must fail:
one that holds again is reported, and so is a line that matches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from verify.errors import UsageError
from verify.files import read_bytes

if TYPE_CHECKING:
    import pytest


LARGEST = 1 << 24  # bytes of a ledger


@dataclass(frozen=True)
class Entry:
    """One known failure: what it names, why it fails, where it stands."""

    name: str
    reason: str
    line: int

    def matches(self, node: str) -> bool:
        """Return whether a test, such as ``test_carry.py::test_x[words]``, is named."""
        return node == self.name or node.startswith((f"{self.name}::", f"{self.name}["))


def read(path: Path) -> list[Entry]:
    """Return the entries of a ledger.

    Raises:
        UsageError: the file cannot be read, or a line has no reason.
    """
    try:
        lines = read_bytes(path, LARGEST).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the ledger {str(path)!r} cannot be read: {error}") from error
    entries = []
    for number, line in enumerate(lines, 1):
        name, _, reason = (part.strip() for part in line.partition("#"))
        if name and not reason:
            raise UsageError(f"{path}:{number}: {name!r} has no reason; write it behind a '#'")
        if name:
            entries.append(Entry(name, reason, number))
    return entries


def apply(entries: Iterable[Entry], items: Iterable[pytest.Item], path: Path) -> None:
    """Mark the tests that a ledger names as strict known failures.

    Raises:
        UsageError: an entry matches no test of a file that was collected, or names a file that the suite lacks.
    """
    import pytest

    nodes = {item: item.nodeid.rpartition("/")[2] for item in items}
    files = {node.partition("::")[0] for node in nodes.values()}
    for entry in entries:
        named = [item for item, node in nodes.items() if entry.matches(node)]
        file = entry.name.partition("::")[0]
        if not named and (file in files or not (Path(__file__).parents[1] / file).is_file()):
            raise UsageError(f"{path}:{entry.line}: {entry.name!r} matches no test; remove the line or mend the name")
        for item in named:
            item.add_marker(pytest.mark.xfail(reason=entry.reason, strict=True))
