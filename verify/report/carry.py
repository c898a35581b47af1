"""The carry diagram: a sum column by column, carries above, classes below, wrong digits marked."""

from __future__ import annotations

from typing import Any

from verify.report.blocks import Cell, Row, Table

PLACES = 11
GENERATE, PROPAGATE, KILL = "g", "p", "k"


def diagram(found: dict[str, Any]) -> Table:
    """Return the columns of a counterexample, most significant first."""
    a, b, expected, got = (found[key] for key in ("a", "b", "expected", "got"))
    places = range(max(PLACES, len(str(expected))) - 1, -1, -1)
    rows: list[Row] = [
        ["carry in", *(Cell("1" if _carry(a, b, place) else "", "soft") for place in places)],
        [Cell("a", header=True), *_digits(a, places, found.get("idle_a"))],
        [Cell("b", header=True), *_digits(b, places, found.get("idle_b"))],
        [Cell("expected", header=True), *(Cell(_digit(expected, place), "strong") for place in places)],
    ]
    if type(got) is int and 0 <= got < 10 ** len(places):
        marks = ["bad" if _digit(got, place) != _digit(expected, place) else "" for place in places]
        rows.append(["got", *(Cell(_digit(got, place), mark) for place, mark in zip(places, marks, strict=True))])
    rows.append(["column", *(Cell(_kind(a, b, place), "soft") for place in places)])
    title = "g generates, p propagates, k kills a carry; a dot is a digit that may be any other"
    rows = [[Cell(str(row[0]), header=True), *row[1:]] for row in rows]
    return Table(title, [], rows, look="diagram")


def _digits(operand: int, places: range, idle: Any) -> Row:
    dots = idle if isinstance(idle, list) else []
    return [Cell("·", "soft") if place in dots else _digit(operand, place) for place in places]


def _digit(number: int, place: int) -> str:
    return str(number // 10**place % 10)


def _carry(a: int, b: int, place: int) -> bool:
    return bool(a % 10**place + b % 10**place >= 10**place)


def _kind(a: int, b: int, place: int) -> str:
    total = int(_digit(a, place)) + int(_digit(b, place))
    return GENERATE if total > 9 else PROPAGATE if total == 9 else KILL
