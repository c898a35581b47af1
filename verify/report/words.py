"""Numbers and strangers' texts as people read them."""

from __future__ import annotations

import re
from unicodedata import category, east_asian_width

from verify.text import number as number
from verify.text import one_in as one_in
from verify.text import printable
from verify.text import seconds as seconds
from verify.text import superscript as superscript

NAME_LENGTH = 120
DETAIL_LENGTH = 600
BLOCK_LINES = 60
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def name(value: object) -> str:
    """Return a stranger's text on one line, cut, with what is not printable shown as escapes."""
    return printable(str(value), NAME_LENGTH)


def detail(value: object) -> str:
    """Return a stranger's longer text on one line; see `name`."""
    return printable(" ".join(str(value).split()), DETAIL_LENGTH)


def whole(value: object) -> str:
    """Return a text of which nothing may be cut, on one line, with what is not printable shown as escapes."""
    text = " ".join(str(value).split())
    return printable(text, len(text))


def without_digests(text: str) -> tuple[str, list[str]]:
    """Return a text in which every sha256 stands once, by its first digits, and the digests in full.

    >>> without_digests("float64 (weights sha256 {0}); float32 (weights sha256 {0})".format("ab" * 32))[0]
    'float64 (weights sha256 abababab...); float32 (the same weights)'
    """
    digests = list(dict.fromkeys(_DIGEST.findall(text)))
    for digest in digests:
        named = f"weights sha256 {digest}"
        first, mark, rest = text.partition(named)
        text = first + mark + rest.replace(named, "the same weights")
    return _DIGEST.sub(lambda found: f"{found[0][:8]}...", text), digests


def block(value: object) -> str:
    """Return a stranger's text on as many lines as it has, each as `name` shows it."""
    return "\n".join(name(line) for line in str(value).expandtabs().split("\n")[:BLOCK_LINES])


def count(number: int | None) -> str:
    """Return an integer with its thousands told apart.

    >>> count(10010), count(None)
    ('10,010', '-')
    """
    return "-" if number is None else f"{number:,}"


def scaled(value: float) -> str:
    """Return a large number with the prefix of its thousands.

    >>> scaled(3480.0), scaled(950e3), scaled(77.2e6), scaled(12.0)
    ('3.48 k', '950 k', '77.2 M', '12')
    """
    for unit, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit * 0.9995:
            return f"{value / unit:.3g} {prefix}"
    return f"{value:.3g}"


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    >>> width("46"), width("四"), width("e\u0301")
    (2, 2, 1)
    """
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    return 0 if category(character) in ("Mn", "Me") else 1 + (east_asian_width(character) in "WF")


def clipped(text: str, room: int) -> str:
    """Return a text that takes at most so many columns, its end as dots where it is cut.

    >>> clipped("placed-chains", 9)
    'placed...'
    """
    return text if width(text) <= room else f"{_head(text, room - 3)}..."


def folded(text: str, room: int, most: int | None = None) -> list[str]:
    """Return a text on lines of at most so many columns, at most so many lines, its end as dots where it is cut.

    >>> folded("a carry chain of 4 columns", 10, most=2)
    ['a carry', 'chain ...']
    """
    lines = [""]
    for word in text.split():
        if lines[-1] and width(lines[-1]) + 1 + width(word) <= room:
            lines[-1] += f" {word}"
            continue
        rest = word
        while rest:
            head = _head(rest, room)
            lines.append(head)
            rest = rest[len(head) :]
    lines = lines[1:] or [""]
    return (
        lines
        if most is None or len(lines) <= most
        else [*lines[: most - 1], f"{_head(lines[most - 1], room - 4).rstrip()} ..."]
    )


def _head(text: str, room: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += _columns(character)
        if taken > room:
            return text[: max(index, 1)]
    return text
