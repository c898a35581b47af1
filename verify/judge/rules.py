"""Sets of rules as data: which rows must be ok on a board, which count is the count there, and what is allowed.

A set is a TOML file; those of this folder's ``rules/`` are known by name. `docs/rules.md` says how to write another.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.errors import UsageError
from verify.files import read_bytes
from verify.text import printable

FOLDER = Path(__file__).with_name("rules")
COUNTS = ("counted", "unique", "nonzero", "freedom", "declared")
LARGEST = 1 << 16  # bytes of a file of rules
_CLAIMED = ("an int comes back",)  # rows that claims add to those of the audit
_KEYS = ("name", "source", "digits", "count", "must", "allowed")


@dataclass(frozen=True)
class Rules:
    """A set of rules.

    Attributes:
        name: of the board, as reports show it; "" for the suite's own rules, by which every row must be ok.
        source: where the board states them, or "".
        count: which of `COUNTS` is the count.
        must: the rows that must be ok; None for every row.
        allowed: what is allowed, each with the rows that are not held against it.
        spec: what the user typed.
        digits: of the operands that all are asked for, whatever they say of themselves; None for what each says.
    """

    name: str = ""
    source: str = ""
    count: str = "counted"
    must: tuple[str, ...] | None = None
    allowed: dict[str, list[str]] = field(default_factory=dict)
    spec: str = ""
    digits: int | None = None

    def hold(self, rule: str) -> bool:
        """Return whether a row counts for the verdict."""
        is_allowed = any(rule in rows for rows in self.allowed.values())
        return (self.must is None or rule in self.must) and not is_allowed

    def as_json(self) -> dict[str, Any]:
        """Return what evidence says of them."""
        must = None if self.must is None else list(self.must)
        told = {"name": self.name, "source": self.source, "digits": self.digits, "count": self.count}
        return told | {"must": must, "allowed": self.allowed}

    def width(self, digits: int | None) -> int | None:
        """Return of how many digits the operands are, where the user gave some or did not.

        Raises:
            UsageError: the user gave others than the board's.
        """
        if None not in (digits, self.digits) and digits != self.digits:
            raise UsageError(f"the rules of {self.name} are of {self.digits} digits; leave out --digits {digits}")
        return digits if self.digits is None else self.digits


SUITE = Rules()


def known() -> list[str]:
    """Return the names of the sets that come with the suite."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(spec: str) -> Rules:
    """Return a set of rules by its name, or from a TOML file.

    Raises:
        UsageError: there is none by that name, or the file is no set of rules; the message says what is wrong in it.
    """
    path = FOLDER / f"{spec}.toml" if spec in known() else Path(spec)
    if path.suffix != ".toml":
        raise UsageError(
            f"no rules are named {printable(spec)!r}; known are {', '.join(known())}, or give a .toml file"
        )
    try:
        found = tomllib.loads(read_bytes(path, LARGEST).decode())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}; name a .toml file of rules") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {printable(str(error))}; docs/rules.md shows one") from error
    return _checked(str(path), spec, found)


def _checked(path: str, spec: str, found: dict[str, Any]) -> Rules:
    """Return the rules that a file holds.

    Raises:
        UsageError: a key is unknown, missing or of another type, or a row or count is none.
    """
    unknown = sorted(found.keys() - set(_KEYS))
    if unknown:
        raise UsageError(f"{path} has the key {printable(unknown[0])!r}, but may have {', '.join(_KEYS)}")
    name, source, count = (_text(path, found, key) for key in ("name", "source", "count"))
    if not name:
        raise UsageError(f'{path} has no name; write name = "the board\'s name"')
    count = count or "counted"
    if count not in COUNTS:
        raise UsageError(f"{path}: count is {printable(count)!r}, but should be one of {', '.join(COUNTS)}")
    from verify.addition.task import FEWEST_DIGITS, MOST_DIGITS  # late: it brings numpy along

    digits = found.get("digits")
    if digits is not None and not (type(digits) is int and FEWEST_DIGITS <= digits <= MOST_DIGITS):
        raise UsageError(
            f"{path}: digits is {printable(repr(digits))}, but should be an integer from {FEWEST_DIGITS} "
            f"to {MOST_DIGITS}"
        )
    allowed = found.get("allowed", {})
    if not isinstance(allowed, dict):
        raise UsageError(
            f'{path}: allowed is {printable(repr(allowed))}, but should be a table: "an encoder" = ["causality"]'
        )
    must = None if "must" not in found else tuple(_rows(path, "must", found["must"]))
    return Rules(name, source, count, must, {each: _rows(path, each, allowed[each]) for each in allowed}, spec, digits)


def _text(path: str, found: dict[str, Any], key: str) -> str:
    value = found.get(key, "")
    if not isinstance(value, str):
        raise UsageError(f"{path}: {key} is {printable(repr(value))}, but should be text")
    return printable(value)


def _rows(path: str, key: str, value: Any) -> list[str]:
    from verify.anatomy import ROWS  # late: it brings numpy along

    rows = [*ROWS, *_CLAIMED]
    if not isinstance(value, list):
        raise UsageError(f"{path}: {printable(key)} is {printable(repr(value))}, but should be a list of rows")
    for each in value:
        if each not in rows:
            raise UsageError(
                f"{path}: {printable(key)} names {printable(repr(each))}, which is no row; rows are {', '.join(rows)}"
            )
    return value
