"""The plane: the residual stream of a model of width 2, drawn as it is."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Polygon

from verify.report.blocks import Figure
from verify.report.evidence import JSONObject
from verify.report.svg import INK, draw

STATES = ("0", "1", "0, carry 1", "1, carry 1")  # what the four tokens say as states
SHOWN_STEPS = 4


def plane(anatomy: JSONObject) -> Figure:
    """Return the four decision regions, the embeddings and where the 16 contexts end."""
    chosen = ", ".join(f"{pair}{state} to {token}" for pair, state, token in _choices(anatomy))
    return Figure(
        "plane",
        "Where the 16 contexts end in the residual stream",
        "A plane cut into one region for each token that the model can choose. Diamonds are the four embeddings, "
        f"dots the final points of the contexts, labelled pair and state. Context to chosen token: {chosen}.",
        draw((4.6, 4.5), _paint_plane, anatomy),
    )


def path(anatomy: JSONObject) -> Figure:
    """Return the way of the first steps of the chosen sum: embedding, attention, MLP, and the token that follows."""
    chosen = anatomy["sum"]
    steps = chosen["steps"][:SHOWN_STEPS]
    known = {(row["pair"], row["state"]): row for row in anatomy["transitions"]}
    told = "; ".join(_told(bit, known[step["pair"], step["state"]]) for bit, step in enumerate(steps))
    return Figure(
        "path",
        f"The way of {chosen['a']} + {chosen['b']}, its first {len(steps)} steps",
        f"One panel a step; each shows the state's embedding, the point after attention and the final point. {told}.",
        draw((4.6, 4.9), _paint_path, anatomy, steps, known),
    )


def _told(bit: int, row: JSONObject) -> str:
    return f"bit {bit}: pair {row['pair']} and state {row['state']} end in region {row['chosen']}"


def _choices(anatomy: JSONObject) -> list[tuple[int, int, int]]:
    return [(row["pair"], row["state"], row["chosen"]) for row in anatomy["transitions"]]


def _paint_plane(drawing: Drawing, anatomy: JSONObject) -> None:
    axes = drawing.add_subplot()
    points = [row["final"] for row in anatomy["transitions"]]
    embeddings = np.array(anatomy["embeddings"])
    reach = _frame(axes, np.array([*points, *anatomy["embeddings"]]))
    _regions(axes, embeddings, reach, named=True)
    for token, place in enumerate(embeddings):
        axes.plot(*place, marker="D", color=INK["paper"], markeredgecolor=INK[f"token-{token}"], markersize=7)
    contexts = defaultdict(list)
    for row in anatomy["transitions"]:
        contexts[tuple(row["final"]), row["chosen"]].append(row)
    for (place, token), rows in sorted(contexts.items()):
        axes.plot(*place, marker="o", color=INK[f"token-{token}"], markersize=5 + 1.5 * np.sqrt(len(rows) - 1))
        wrong = any(row["chosen"] != row["target"] for row in rows)
        label = " ".join(f"{row['pair']}{row['state']}" for row in rows[:6]) + (" ..." if len(rows) > 6 else "")
        side = -1 if place[0] > 0 else 1
        axes.annotate(
            label, place, (side * 7, 7), textcoords="offset points", ha="left" if side > 0 else "right",
            fontsize=7, color=INK["bad" if wrong else "ink"],
        )  # fmt: skip


def _paint_path(
    drawing: Drawing, anatomy: JSONObject, steps: list[JSONObject], known: dict[tuple[int, int], JSONObject]
) -> None:
    rows = [known[step["pair"], step["state"]] for step in steps]
    embeddings = np.array(anatomy["embeddings"])
    everything = np.array([*anatomy["embeddings"], *(row[key] for row in rows for key in ("attended", "final"))])
    grid = drawing.subplots(2, 2, squeeze=True)
    for bit, (axes, row) in enumerate(zip(grid.flat, rows, strict=False)):
        reach = _frame(axes, everything)
        _regions(axes, embeddings, reach, named=False)
        places = np.array([row["embedded"], row["attended"], row["final"]])
        for begin, end, name in ((0, 1, "attention"), (1, 2, "MLP")):
            _arrow(axes, places[begin], places[end], name)
        axes.plot(*places[0], "D", color=INK["paper"], markeredgecolor=INK["ink"], markersize=6)
        axes.plot(*places[1], "o", color=INK["paper"], markeredgecolor=INK["ink"], markersize=4)
        axes.plot(*places[2], "o", color=INK[f"token-{row['chosen']}"], markersize=7)
        x, y = row["pair"] >> 1, row["pair"] & 1
        axes.set_title(f"bit {bit}: {x} + {y}, after {STATES[row['state']]}\ngives {STATES[row['chosen']]}", fontsize=8)
        axes.tick_params(labelsize=7)


def _arrow(axes: Axes, begin: Any, end: Any, name: str) -> None:
    if np.allclose(begin, end):
        return
    arrow = {"arrowstyle": "-|>", "color": INK["ink"], "linewidth": 1.1, "shrinkA": 4, "shrinkB": 4}
    axes.annotate("", end, begin, arrowprops=arrow)
    axes.annotate(
        name, (begin + end) / 2, (0, 4), textcoords="offset points", ha="center", fontsize=7, color=INK["ink"]
    )


def _frame(axes: Axes, points: Any) -> float:
    reach = float(np.abs(points).max()) * 1.18
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(True)
    axes.axhline(0, color=INK["rule"], linewidth=0.6)
    axes.axvline(0, color=INK["rule"], linewidth=0.6)
    return reach


def _regions(axes: Axes, embeddings: Any, reach: float, *, named: bool) -> None:
    """Fill the cone of points at which each token has the largest logit; a head without bias makes cones."""
    for token, begin, end in cones(embeddings):
        angles = np.linspace(begin, end, 60)
        rim = 2 * reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        axes.add_patch(Polygon(np.concatenate([[[0, 0]], rim]), color=INK[f"token-{token}"], alpha=0.14, linewidth=0))
        if named:
            middle = (begin + end) / 2
            direction = np.array([np.cos(middle), np.sin(middle)])
            place = direction / np.abs(direction).max() * reach * 0.86
            axes.text(*place, f"{STATES[token]}", ha="center", va="center", fontsize=9, weight="bold",
                      color=INK[f"token-{token}"])  # fmt: skip


def cones(embeddings: Any) -> list[tuple[int, float, float]]:
    """Return (token, first angle, last angle) for every cone in which one token's logit is above all others'."""
    differences = [embeddings[i] - embeddings[j] for i in range(len(embeddings)) for j in range(i)]
    normals = [np.arctan2(y, x) for x, y in differences if (x, y) != (0, 0)]
    edges = np.unique(np.round(np.mod([angle + turn for angle in normals for turn in (np.pi / 2, -np.pi / 2)],
                                      2 * np.pi), 12))  # fmt: skip
    found: list[tuple[int, float, float]] = []
    for begin, end in zip(edges, [*edges[1:], edges[0] + 2 * np.pi], strict=True):
        middle = (begin + end) / 2
        token = int((embeddings @ [np.cos(middle), np.sin(middle)]).argmax())
        if found and found[-1][0] == token:
            found[-1] = (token, found[-1][1], float(end))
        else:
            found.append((token, float(begin), float(end)))
    if len(found) > 1 and found[0][0] == found[-1][0]:
        last = found.pop()
        found[0] = (last[0], last[1] - 2 * np.pi, found[0][2])
    return found
