"""The one way in which a stranger's text is made fit to be shown: on a terminal, in JSON, on a page."""

from __future__ import annotations

from typing import Any

LENGTH = 200  # characters of a foreign value that are kept
LONGEST = 4000  # of a text that crosses the border of a process


def printable(text: str, length: int = LENGTH) -> str:
    """Return the beginning of a text with what is not printable, such as terminal escapes, shown as escapes."""
    cut = text if len(text) <= length else text[: length - 3] + "..."
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in cut)


def plural(number: int, noun: str, plural_noun: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "case"), plural(2000, "stratum", "strata")
    ('1 case', '2,000 strata')
    """
    return f"{number:,} {noun if number == 1 else plural_noun or noun + 's'}"


def printable_all(value: Any, length: int = LONGEST) -> Any:
    """Return plain values of lists and dicts with every text in them, keys too, made printable; others as they are."""
    if isinstance(value, str):
        return value if len(value) <= length and value.isprintable() else printable(value, length)
    if isinstance(value, list):
        return [printable_all(each, length) for each in value]
    if isinstance(value, dict):
        return {printable_all(key, length): printable_all(each, length) for key, each in value.items()}
    return value
