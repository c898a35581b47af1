"""What was counted and timed: figures of carry chains, the kill matrix, throughput and the solver, tables of speeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from verify.report import words
from verify.report.blocks import Figure, Paragraph, Row, Table
from verify.report.evidence import JSONObject
from verify.report.svg import INK, draw
from verify.text import plural

REFERENCE, FLOOR = "reference", "floor"
MARKERS = "osD^vPX"
FLAT = 1.1  # the largest over the smallest of a map that says nothing by its colours
LABEL_HEIGHT = 10  # points
LONGEST_NAME = 24  # beside an axis or a line
SOLVERS = {"integer": "line-0", "real": "line-1", "reference": "soft"}


def chains(rows: list[JSONObject], base: int) -> Figure | Paragraph:
    """Return where carry chains were tried, start by length, and where they failed; in words where all is alike."""
    cases, failures = (sum(row[key] for row in rows) for key in ("cases", "failures"))
    least, most = (choose(row["cases"] for row in rows) for choose in (min, max))
    if not failures and most <= FLAT * least:
        span = words.count(most) if least == most else f"{words.count(least)} to {words.count(most)}"
        return Paragraph(
            f"In base {base} a chain was laid from every column and over every length, {span} times each: "
            f"{len(rows)} places and {cases:,} cases. None failed."
        )
    worst = max(rows, key=lambda row: (row["failures"], -row["length"], -row["start"]))
    told = "None failed." if not failures else (
        f"{failures:,} failed, the most, {worst['failures']:,} of {worst['cases']:,}, from column "
        f"{worst['start'] + 1} over {plural(worst['length'], 'column')}."
    )  # fmt: skip
    return Figure(
        f"chains-{base}",
        f"Carry chains in base {base}",
        f"One cell for each place where a chain can start and each length it can have: {len(rows)} cells, "
        f"{cases:,} cases. {told}",
        draw((3.9, 3.8), _paint_chains, rows, base),
    )


def _paint_chains(drawing: Drawing, rows: list[JSONObject], base: int) -> None:
    axes = drawing.add_subplot()
    most = max(row["cases"] for row in rows)
    cells = defaultdict(list)
    for row in rows:
        share = np.log1p(row["cases"]) / np.log1p(most) if most else 0
        heat = 0 if row["cases"] == 0 else 1 + min(2, int(share * 3))
        failed = row["failures"] > 0
        cells["bad" if failed else f"heat-{heat}"].append((row["start"] + 1, row["length"]))
        if base == 10 or failed:
            label = ("x" if base == 2 else f"{_short(row['failures'])}!") if failed else _short(row["cases"])
            axes.text(row["start"] + 1, row["length"], label, ha="center", va="center", fontsize=7.5,
                      color=INK["paper" if failed else "ink"])  # fmt: skip
    _fill(axes, cells, 0.46)
    last = max(row["start"] for row in rows) + 1
    longest = max(row["length"] for row in rows)
    axes.set_xlim(0.4, last + 0.6)
    axes.set_ylim(0.4, longest + 0.6)
    axes.set_xlabel("column in which the chain starts, 1 the units")
    axes.set_ylabel("length of the chain, in columns")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=11))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=11))


def _fill(axes: Axes, cells: Mapping[str, Sequence[tuple[int, int]]], half: float) -> None:
    """Fill square cells, centers by colour; one path a colour keeps the file small."""
    for colour, centers in cells.items():
        squares = [Path([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half),
                         (x - half, y - half)], closed=True) for x, y in centers]  # fmt: skip
        axes.add_patch(PathPatch(Path.make_compound_path(*squares), facecolor=INK[colour], linewidth=0))


def _short(cases: int) -> str:
    for unit, letter in ((10**6, "M"), (10**3, "k")):
        if cases >= unit:
            return f"{cases / unit:.2g}{letter}" if cases < 100 * unit else f"{cases // unit}{letter}"
    return str(cases)


def kill_matrix(evidence: JSONObject) -> Figure:
    """Return which family of claims kills which mutant, mutants grouped by the family that they are named for."""
    mutants = sorted(evidence["mutants"], key=lambda mutant: (_place(evidence, mutant), mutant["name"]))
    killed = sum(bool(mutant["kills"]) for mutant in mutants)
    return Figure(
        "kill-matrix",
        "Mutants and the families that kill them",
        f"One column a mutant, one row a family of claims; a filled cell is a kill. {killed} of {len(mutants)} mutants "
        "are killed.",
        draw((min(11.3, max(4.6, 1.4 + 0.052 * len(mutants))), 0.7 + 0.2 * len(evidence["families"])), _paint_kills,
             evidence["families"], mutants),
        wide=True,
    )  # fmt: skip


def _place(evidence: JSONObject, mutant: JSONObject) -> int:
    named = mutant.get("named")
    return evidence["families"].index(named) if named in evidence["families"] else len(evidence["families"])


def _paint_kills(drawing: Drawing, families: list[str], mutants: list[JSONObject]) -> None:
    axes = drawing.add_subplot()
    cells = defaultdict(list)
    for x, mutant in enumerate(mutants):
        for y, family in enumerate(families):
            if not mutant["kills"]:
                cells["bad"].append((x, y))
            elif family in mutant["kills"]:
                cells["line-0" if family == mutant.get("named") else "heat-3"].append((x, y))
    _fill(axes, cells, 0.43)
    axes.set_xlim(-0.7, len(mutants) - 0.3)
    axes.set_ylim(len(families) - 0.4, -0.6)
    axes.set_yticks(range(len(families)), [words.name(family)[:LONGEST_NAME] for family in families])
    axes.set_xlabel(f"{len(mutants)} mutants; in strong colour the family that each is named for")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def by_threads(rows: list[JSONObject]) -> dict[int, list[JSONObject]]:
    """Return the rows that share a number of threads, fewest first; a drawing of all would hide each in the other."""
    return {
        count: [row for row in rows if row["threads"] == count] for count in sorted({row["threads"] for row in rows})
    }


def throughput(rows: list[JSONObject], threads: int) -> Figure:
    """Return pairs a second against batch size for every path, with the spread of its runs."""
    series = by_path(rows)
    best = max(rows, key=median_speed)
    return Figure(
        f"throughput-{threads}",
        f"Pairs a second against batch size, {plural(threads, 'thread')}",
        f"Both axes are logarithmic. {len(series)} paths: {', '.join(series)}. The fastest is "
        f"{label(best)} with {words.scaled(median_speed(best))} pairs/s at a batch of {best['batch']:,}.",
        draw((3.9, 4.2), _paint_throughput, series),
    )


def by_path(rows: list[JSONObject]) -> dict[str, list[JSONObject]]:
    """Return the rows of each path by batch size: the reference first, the floor last, others in their own order."""
    found = defaultdict(list)
    for row in rows:
        found[label(row)].append(row)
    firsts = {path: found[path][0] for path in found}
    order = {
        path: (first["path"] != REFERENCE, first["kind"] == FLOOR, index)
        for index, (path, first) in enumerate(firsts.items())
    }
    return {path: sorted(found[path], key=lambda row: row["batch"]) for path in sorted(found, key=order.__getitem__)}


def label(row: JSONObject) -> str:
    """Return the name of a path, with its device where it is not the CPU."""
    device = "" if row["device"] == "cpu" else f", {words.name(row['device'])[:LONGEST_NAME]}"
    return words.name(row["path"])[:LONGEST_NAME] + device


def median_speed(row: JSONObject) -> float:
    """Return the median of the pairs a second of a path's rounds."""
    median: float = row["pairs_per_second"]["median"]
    return median


def _paint_throughput(drawing: Drawing, series: dict[str, list[JSONObject]]) -> None:
    axes = drawing.add_subplot()
    drawn, ends = 0, []
    for path, rows in series.items():
        edge = rows[0]["path"] == REFERENCE or rows[0]["kind"] == FLOOR
        colour = INK["soft" if edge else f"line-{drawn % 6}"]
        line = {"model run": "-", "memoised": "--"}.get(rows[0]["kind"], ":")
        batches = [row["batch"] for row in rows]
        low, middle, high = (
            [row["pairs_per_second"][name] for row in rows] for name in ("lower_quartile", "median", "upper_quartile")
        )
        axes.fill_between(batches, low, high, color=colour, alpha=0.18, linewidth=0)
        marker = "" if edge else MARKERS[drawn % len(MARKERS)]
        axes.plot(batches, middle, line, color=colour, marker=marker, markersize=4, linewidth=1.5)
        ends.append((path, batches[-1], middle[-1], colour))
        drawn += not edge
    axes.set_xscale("log")
    axes.set_yscale("log")
    _decades(axes.xaxis, axes.yaxis)
    axes.grid(axis="y")
    axes.set_xlabel("pairs in a batch")
    axes.set_ylabel("pairs a second")
    for (path, batch, speed, colour), lift in zip(ends, _lifts(axes, [end[2] for end in ends]), strict=True):
        axes.annotate(
            path, (batch, speed), (7, lift), textcoords="offset points", va="center", fontsize=8, color=colour
        )


def _decades(*sides: Axis) -> None:
    """Tell the values of logarithmic axes in plain numbers."""
    for side in sides:
        side.set_major_locator(LogLocator(subs=(1,)))
        side.set_major_formatter(FuncFormatter(lambda value, _place: words.scaled(value)))
        side.set_minor_formatter(NullFormatter())


def _lifts(axes: Axes, values: list[float]) -> list[float]:
    """Return by how many points labels beside the ends of lines move up or down so that none covers another."""
    height = axes.get_window_extent().height * 72 / axes.figure.dpi
    low, high = np.log(axes.get_ylim())
    places = [(np.log(value) - low) / (high - low) * height for value in values]
    lifts, below = [0.0] * len(values), -np.inf
    for index in np.argsort(places, kind="stable"):
        place = max(places[index], below + LABEL_HEIGHT)
        lifts[index], below = float(place - places[index]), place
    return lifts


def solver(rows: list[JSONObject]) -> Figure:
    """Return how steps, time and margin are distributed over base seeds, for every solver."""
    told = [
        f"{kind}: {sum(row['solved'] for row in found)} of {len(found)} seeds right"
        for kind, found in by_solver(rows).items()
    ]
    return Figure(
        "solver",
        "Solving from every base seed",
        "Three panels, steps, seconds and smallest margin, each the share of seeds at or below a value. "
        + "; ".join(told) + ".",
        draw((3.9, 6.0), _paint_solver, rows),
    )  # fmt: skip


def by_solver(rows: list[JSONObject]) -> dict[str, list[JSONObject]]:
    """Return the rows of each solver, the reference's last."""
    kinds = dict.fromkeys([*SOLVERS, *(row["solver"] for row in rows)])
    found = {kind: [row for row in rows if row["solver"] == kind] for kind in kinds}
    return {kind: found[kind] for kind in found if found[kind]}


def _paint_solver(drawing: Drawing, rows: list[JSONObject]) -> None:
    panels = drawing.subplots(3, 1)
    for axes, key, label in zip(
        panels, ("steps", "seconds", "margin"), ("optimizer steps", "seconds", "smallest margin, in logits"),
        strict=True,
    ):  # fmt: skip
        for kind, found in by_solver(rows).items():
            _distribution(axes, found, key, kind)
        if key != "margin":
            axes.set_xscale("log")
            _decades(axes.xaxis)
        axes.set_xlabel(label)
        axes.set_ylim(0, 1.03)
        axes.grid(axis="y")
    panels[0].set_ylabel("share of seeds")
    panels[0].legend(loc="lower right", fontsize=8)


def _distribution(axes: Axes, rows: list[JSONObject], key: str, kind: str) -> None:
    """Draw the share of all seeds that a solver solved at or below each value, unsolved seeds counted."""
    values = sorted(row[key] for row in rows if row["solved"] and row[key] is not None)
    if not values:
        return
    share = np.arange(1, len(values) + 1) / len(rows)
    style: dict[str, Any] = {"linestyle": "--"} if kind == REFERENCE else {}
    colour, name = INK[SOLVERS.get(kind, "line-2")], words.name(kind)[:LONGEST_NAME]
    axes.step(values, share, where="post", color=colour, label=name, linewidth=1.6, **style)


def speeds(title: str, rows: list[JSONObject], *, folded: bool = False) -> Table:
    """Return pairs a second of paths, beside the reference and the floor in the same rounds."""
    cells: list[Row] = [
        [
            label(row),
            words.name(row["kind"]),
            words.count(row["threads"]),
            words.count(row["batch"]),
            words.scaled(median_speed(row)),
            _middle_half(row["pairs_per_second"]),
            *(_median(row.get(key)) for key in ("ratio_to_reference", "ratio_to_floor")),
            *(_bytes(row, key) for key in ("operands_and_sum", "made")),
        ]
        for row in rows
    ]
    headers = [
        "path", "kind", "threads", "batch", "pairs/s", "middle half of rounds", "x reference", "of the floor",
        "bytes a pair", "made",
    ]  # fmt: skip
    return Table(title, headers, cells, right=(2, 3, 4, 5, 6, 7, 8, 9), folded=folded)


def other_times(found: JSONObject) -> list[Table]:
    """Return the tables of what else was timed in the same run; none for what was not."""
    conversions: list[Row] = [
        [words.name(row["conversion"]), words.count(row["batch"]),
         f"{words.number(row['nanoseconds_per_pair']['median'])} ns"]
        for row in found.get("codec") or []
    ]  # fmt: skip
    starts: list[Row] = [
        [words.name(row["command"]), words.seconds(row["seconds"]["median"]),
         " to ".join(words.seconds(row["seconds"][name]) for name in ("lower_quartile", "upper_quartile"))]
        for row in found.get("startup") or []
    ]  # fmt: skip
    growth: list[Row] = [
        [words.name(row["path"]), words.count(row["batch"]), words.count(row["batches"]), _growth(row["growth_bytes"])]
        for row in found.get("memory") or []
    ]
    tables = [
        Table("Text and tokens, a pair", ["conversion", "batch", "time"], conversions, right=(1, 2), folded=True),
        Table(
            "Cold starts, whole processes",
            ["command", "time", "middle half of rounds"],
            starts,
            right=(1, 2),
            folded=True,
        ),
        Table(
            "Memory after many batches", ["path", "batch", "batches", "grown by"], growth, right=(1, 2, 3), folded=True
        ),
    ]
    return [table for table in tables if table.rows]


def _median(spread: JSONObject | None) -> str:
    return "-" if spread is None else words.number(spread["median"])


def _middle_half(spread: JSONObject) -> str:
    return f"{words.scaled(spread['lower_quartile'])} to {words.scaled(spread['upper_quartile'])}"


def _bytes(row: JSONObject, key: str) -> str:
    found = (row.get("bytes_per_pair") or {}).get(key)
    return "-" if found is None else words.number(found)


def _growth(grown: float | None) -> str:
    return "-" if grown is None else f"{grown / 1e6:+.1f} MB" if grown else "0 MB"
