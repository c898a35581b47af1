"""A theorem by columns: what attention hands on, how far every step is from being wrong, and where it is not proved."""

from __future__ import annotations

from collections import defaultdict

from matplotlib.figure import Figure as Drawing
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from verify.report import words
from verify.report.blocks import Cell, Figure, Paragraph, Part, Row, Table
from verify.report.evidence import JSONObject
from verify.report.svg import INK, draw
from verify.text import plural

_COLOURS = ("line-0", "line-1", "line-2", "line-3", "line-4", "line-5", "token-0", "token-1", "token-2", "token-3")
_BAND = 0.7  # of a row, that intervals of one symbol share


def parts(proof: JSONObject) -> list[Part]:
    """Return what is told of a proof by columns."""
    found = proof["columns"]
    told = (
        f"Its forward was recorded and searched in {plural(found['cells'], 'cell')}: sets of pairs of operands on "
        f"which one bound decides a step. {_outcome(found)}"
    )
    listed: list[Part] = [Paragraph(told), _figure(found["drawn"])] if found["drawn"]["boxes"] else [Paragraph(told)]
    return [*listed, _steps(found), _assumptions(found)]


def _outcome(found: JSONObject) -> str:
    if not found["is_checked"]:
        return "No certificate was accepted, so nothing is proved."
    if not found["open"]:
        return f"A second program accepted the certificate: all {int(found['pairs']):,} pairs are right."
    right, pairs = int(found["right_at_least"]), int(found["pairs"])
    worst = f" The worst cell that is open, {words.detail(found['worst'])}." if found["worst"] else ""
    return (
        f"A second program accepted the certificate with {plural(found['open'], 'open cell')}: at least {right:,} of "
        f"all {pairs:,} pairs are right.{worst}"
    )


def _steps(found: JSONObject) -> Table:
    rows: list[Row] = [
        [
            Cell(str(row["step"]), header=True),
            f"{row['rank']:,}",
            f"{row['cells']:,}",
            Cell(f"{row['open']:,}", "bad" if row["open"] else ""),
            "none" if row["margin"] is None else words.number(row["margin"]),
            "none" if row["ratio"] is None else words.number(row["ratio"]),
            words.seconds(row["seconds"]),
        ]
        for row in found["steps"]
    ]
    headers = [
        "step",
        "numbers that attention hands on",
        "cells",
        "open",
        "least bound, logits",
        "over its error",
        "CPU",
    ]
    return Table("The proof by step", headers, rows, right=(1, 2, 3, 4, 5, 6), folded=True)


def _assumptions(found: JSONObject) -> Table:
    rows: list[Row] = [
        [Cell(words.name(each["name"]), header=True), words.whole(each["text"])] for each in found["assumptions"]
    ]
    return Table("What the proof assumes", ["", ""], rows, folded=True)


def _figure(found: JSONObject) -> Figure:
    """Return what attention hands on at the hardest step, against the digits that it must lead to."""
    step, flat = found["step"], min(found["rank"], 2)
    boxes = [box for box in found["boxes"] if len(box["low"]) >= max(flat, 1)]
    what = (
        "one number"
        if flat < 2
        else f"the first two of {found['rank']} numbers"
        if found["rank"] > 2
        else "two numbers"
    )
    mark = " The cross is in the cell with the least bound over its error." if found["tightest"] else ""
    return Figure(
        "columns",
        f"What attention hands on at step {step}",
        f"Over all pairs of operands, {what} that attention hands on at step {step}, the hardest, by the symbol that "
        f"is to come: {plural(len(boxes), 'box', 'boxes')}, one for each symbol before it and to come.{mark}",
        draw((4.6, 3.6), _paint, boxes, found["tightest"], flat),
    )


def _paint(drawing: Drawing, boxes: list[JSONObject], tightest: list[float] | None, rank: int) -> None:
    axes = drawing.add_subplot()
    queries = 1 + max(box["query"] for box in boxes)
    by_symbol = defaultdict(list)
    for box in boxes:
        by_symbol[box["target"]].append(_corners(box, rank, queries))
    for symbol, found in sorted(by_symbol.items()):
        colour = INK[_COLOURS[symbol % len(_COLOURS)]]
        paths = Path.make_compound_path(*(Path(corners, closed=True) for corners in found))
        axes.add_patch(PathPatch(paths, facecolor=colour, edgecolor=colour, alpha=0.55))
        if rank == 2:
            x, y = (sum(corners[0][axis] + corners[2][axis] for corners in found) / 2 / len(found) for axis in (0, 1))
            axes.text(x, y, str(symbol), ha="center", va="center", fontsize=8)
    if tightest:
        axes.plot(tightest[0], tightest[1] if rank == 2 else -1, "x", color=INK["bad"], markersize=7)
    axes.autoscale_view()
    axes.margins(0.05)
    axes.set_xlabel("first number that attention hands on")
    axes.set_ylabel("second number" if rank == 2 else "symbol that is to come")


def _corners(box: JSONObject, rank: int, queries: int) -> list[tuple[float, float]]:
    """Return the corners of a box, the first once more; intervals lie in the row of their symbol."""
    (left, *low), (right, *high) = box["low"], box["high"]
    bottom = box["target"] - _BAND / 2 + _BAND * box["query"] / queries
    bottom, top = (low[0], high[0]) if rank == 2 else (bottom, bottom + _BAND / queries)
    return [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
