"""The badge: the verdict in a few words, as SVG and as the JSON that shields.io reads."""

from __future__ import annotations

import json

from markupsafe import escape

from verify.report.evidence import JSONObject

LABEL = "adder"
_MESSAGES = {
    "PROVED": ("proved", "#0a6b4b"),
    "NO COUNTEREXAMPLE": ("no counterexample", "#1d5a9e"),
    "UNDECIDED": ("undecided", "#8a5a00"),
    "COUNTEREXAMPLE": ("counterexample", "#b3321b"),
}
_CHARACTER, _SPACE, _HEIGHT = 6.6, 12, 20


def badge_json(report: JSONObject) -> str:
    """Return the badge as https://shields.io/badges/endpoint-badge reads it."""
    message, colour = _badge(report)
    value = {"schemaVersion": 1, "label": LABEL, "message": message, "color": colour.removeprefix("#")}
    return json.dumps(value, sort_keys=True, indent=1) + "\n"


def badge_svg(report: JSONObject) -> str:
    """Return the badge as a file."""
    message, colour = _badge(report)
    left, right = (round(len(text) * _CHARACTER + _SPACE) for text in (LABEL, message))
    width, text = left + right, escape(message)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" role="img" '
        f'aria-label="{LABEL}: {text}"><title>{LABEL}: {text}</title>'
        f'<clipPath id="r"><rect width="{width}" height="{_HEIGHT}" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="{_HEIGHT}" fill="#444a53"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{colour}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{LABEL}</text><text x="{left + right / 2:g}" y="14">{text}</text></g></svg>\n'
    )


def _badge(report: JSONObject) -> tuple[str, str]:
    message, colour = _MESSAGES[report["verdict"]]
    if report["verdict"] == "PROVED":
        message += " for 10²⁰ pairs"
    elif report["verdict"] == "NO COUNTEREXAMPLE":
        message += f" in {report['cases']:,}"
    return message, colour
