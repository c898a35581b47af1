"""The one way in which a stranger's text is made fit to be shown: on a terminal, in JSON, on a page."""

from __future__ import annotations

import math
import re
from typing import Any

LENGTH = 200  # characters of a foreign value that are kept
MOST_AS_ONE_IN = 0.1  # a larger rate reads better as a percentage: 707 of 1,280 are no "1 in 1"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LONGEST = 4000  # of a text that crosses the border of a process
DEEPEST = 64  # lists and dicts within each other that cross it

# What begins a command to GitHub Actions, which reads all that a run prints, at the beginning of a line: a text that is
# folded may bring it there.
_COMMAND = re.compile(r":(?=:)|#(?=#\[)")


def printable(text: str, length: int = LENGTH) -> str:
    r"""Return the beginning of a text with what is not printable, such as terminal escapes, shown as escapes.

    >>> printable("a\x1b[2J ::error::b")
    'a\\x1b[2J \\x3a:error\\x3a:b'
    """
    cut = text if len(text) <= length else text[: length - 3] + "..."
    if not cut.isprintable():
        cut = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in cut)
    return _COMMAND.sub(lambda found: f"\\x{ord(found[0]):02x}", cut)


def plural(number: int, noun: str, plural_noun: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "case"), plural(2000, "stratum", "strata")
    ('1 case', '2,000 strata')
    """
    return f"{number:,} {noun if number == 1 else plural_noun or noun + 's'}"


def one_in(rate: float) -> str:
    """Return a rate as one in so many, from one in ten on as a percentage, rounded to the larger rate.

    >>> one_in(0.00029953), one_in(707 / 1280), one_in(0.9999)
    ('1 in 3,338', '55.3 %', 'more than 99.9 %')
    """
    if rate >= 1 or rate <= 0:
        return "every one" if rate >= 1 else "none"
    if rate < MOST_AS_ONE_IN:
        return f"1 in {math.floor(1 / rate):,}"
    return "more than 99.9 %" if rate > 0.999 else f"{math.ceil(rate * 1000) / 10:g} %"


def number(value: float, digits: int = 3) -> str:
    """Return a number to so many significant digits, never as a power of ten where plain digits are short.

    >>> number(0.0859375), number(1920.4), number(2), number(math.inf)
    ('0.0859', '1,920', '2', '∞')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "undefined" if math.isnan(value) else "∞" if value > 0 else "-∞"
    if 1e-4 <= abs(value) < 10**digits:
        return f"{value:.{digits}g}"
    if 10**digits <= abs(value) < 1e9:
        return f"{value:,.0f}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g} \N{MULTIPLICATION SIGN} 10{superscript(int(exponent))}"


def seconds(value: float) -> str:
    """Return a duration.

    >>> seconds(0.0123), seconds(42.31), seconds(300), seconds(0)
    ('12.3 ms', '42.3 s', '300 s', '0 s')
    """
    if 0 < value < 1:
        return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"
    return f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s"


def superscript(exponent: int) -> str:
    """Return an integer in raised digits.

    >>> superscript(-12)
    '⁻¹²'
    """
    return str(exponent).translate(_RAISED)


def printable_all(value: Any, length: int = LONGEST, depth: int = DEEPEST) -> Any:
    """Return plain values of lists and dicts with every text in them, keys too, made printable; others as they are.

    Raises:
        ValueError: they are nested deeper than ``depth``.
    """
    if depth < 0:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return printable(value, length)
    if isinstance(value, list):
        return [printable_all(each, length, depth - 1) for each in value]
    if isinstance(value, dict):
        return {printable_all(key, length): printable_all(each, length, depth - 1) for key, each in value.items()}
    return value
