"""The one way in which a stranger's text is made fit to be shown: on a terminal, in JSON, on a page."""

from __future__ import annotations

LENGTH = 200  # characters of a foreign value that are kept


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
