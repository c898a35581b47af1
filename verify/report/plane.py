"""The plane: the residual stream of a model of width 2.

Distances from the origin are drawn by their square root, directions as they are: the decision regions of a head without
bias are cones, so they stay what they are, and points near the origin do not crowd.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator

from verify.report import words
from verify.report.blocks import Figure
from verify.report.evidence import JSONObject
from verify.report.svg import INK, draw

STATES = ("0", "1", "0, carry 1", "1, carry 1")  # what the four tokens say as states
SHORT = ("0", "1", "0c", "1c")
SHOWN_STEPS = 4
_POINTS_ACROSS = 268  # of a drawing of 3.9 inches
_GAPS = (10, 18, 28, 42)  # points between a point and its label, the nearest tried first
_DIRECTIONS = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_TURNS = sorted(
    np.linspace(-0.32, 0.32, 17), key=abs
)  # parts of a region's angle by which its name may leave its middle


def plane(anatomy: JSONObject) -> Figure:
    """Return the four decision regions, the embeddings and where the 16 contexts end."""
    chosen = ", ".join(f"{pair}{state} to {token}" for pair, state, token in _choices(anatomy))
    return Figure(
        "plane",
        "Where the 16 contexts end in the residual stream",
        "A plane cut into one region for each token that the model can choose. Diamonds are the four embeddings, "
        f"dots the final points of the contexts, labelled pair and state. Context to chosen token: {chosen}.",
        draw((3.9, 3.9), _paint_plane, anatomy),
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
        draw((3.9, 4.6), _paint_path, anatomy, steps, known),
    )


def _told(bit: int, row: JSONObject) -> str:
    return f"column {bit + 1}: pair {row['pair']} and state {row['state']} end in region {row['chosen']}"


def _choices(anatomy: JSONObject) -> list[tuple[int, int, int]]:
    return [(row["pair"], row["state"], row["chosen"]) for row in anatomy["transitions"]]


def _paint_plane(drawing: Drawing, anatomy: JSONObject) -> None:
    axes = drawing.add_subplot()
    embeddings = np.array(anatomy["embeddings"])
    reach, farthest = _frame(axes, [*(row["final"] for row in anatomy["transitions"]), *anatomy["embeddings"]])
    _regions(axes, embeddings, reach)
    _rings(axes, farthest)
    labels = Labels(axes, reach)
    for token, place in enumerate(embeddings):
        labels.mark(place, "D", INK["paper"], INK[f"token-{token}"], 7)
    ends = defaultdict(list)
    for row in anatomy["transitions"]:
        ends[tuple(row["final"]), row["chosen"]].append(row)
    for (place, token), rows in sorted(ends.items()):
        labels.mark(place, "o", INK[f"token-{token}"], INK["paper"], 7 + 2 * np.sqrt(len(rows) - 1))
    for token, begin, end in cones(embeddings):
        labels.name_region(STATES[token], (begin, end), INK[f"token-{token}"])
    for (place, _token), rows in sorted(ends.items()):
        wrong = any(row["chosen"] != row["target"] for row in rows)
        names = [f"{row['pair'] >> 1}+{row['pair'] & 1} {SHORT[row['state']]}" for row in rows]
        labels.name_point(place, names, INK["bad" if wrong else "ink"])


def _paint_path(
    drawing: Drawing, anatomy: JSONObject, steps: list[JSONObject], known: dict[tuple[int, int], JSONObject]
) -> None:
    rows = [known[step["pair"], step["state"]] for step in steps]
    points = [*anatomy["embeddings"], *(row[key] for row in rows for key in ("embedded", "attended", "final"))]
    for bit, (axes, row) in enumerate(zip(drawing.subplots(2, 2).flat, rows, strict=False)):
        reach, _ = _frame(axes, points)
        _regions(axes, np.array(anatomy["embeddings"]), reach)
        places = [near(row[key]) for key in ("embedded", "attended", "final")]
        _arrow(axes, places[0], places[1], INK["soft"])
        _arrow(axes, places[1], places[2], INK["ink"])
        axes.plot(*places[0], "D", color=INK["paper"], markeredgecolor=INK["ink"], markersize=7)
        axes.plot(*places[1], "s", color=INK["soft"], markersize=4)
        axes.plot(*places[2], "o", color=INK[f"token-{row['chosen']}"], markeredgecolor=INK["paper"], markersize=8)
        x, y = row["pair"] >> 1, row["pair"] & 1
        axes.set_title(
            f"column {bit + 1}: {x} + {y}, after {STATES[row['state']]}\ngives {STATES[row['chosen']]}", fontsize=8
        )


def _arrow(axes: Axes, begin: Any, end: Any, colour: str) -> None:
    if not np.allclose(begin, end):
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.2, "shrinkA": 3, "shrinkB": 4}
        axes.annotate("", end, begin, arrowprops=arrow)


def _frame(axes: Axes, points: list[Any]) -> tuple[float, float]:
    """Set up a square around points; return how far it reaches, and the largest distance of a point."""
    farthest = max(float(np.hypot(*point)) for point in points) or 1.0
    reach = float(np.sqrt(farthest)) * 1.14
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    return reach, farthest


def _rings(axes: Axes, farthest: float) -> None:
    """Draw circles of equal distance, each with its distance."""
    angles = np.linspace(0, 2 * np.pi, 120)
    for distance in MaxNLocator(3).tick_values(0, farthest):
        if 0 < distance <= farthest:
            circle = np.sqrt(distance) * np.stack([np.cos(angles), np.sin(angles)])
            axes.plot(*circle, color=INK["soft"], linewidth=0.5, alpha=0.5, zorder=1)
            x, y = circle[:, 15].tolist()
            axes.text(x, y, words.number(distance), fontsize=7, color=INK["soft"], ha="center", va="center")


def _regions(axes: Axes, embeddings: Any, reach: float) -> None:
    """Fill the cone of points at which each token has the largest logit; a head without bias makes cones."""
    for token, begin, end in cones(embeddings):
        angles = np.linspace(begin, end, 60)
        rim = 2 * reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        axes.add_patch(Polygon(np.concatenate([[[0, 0]], rim]), color=INK[f"token-{token}"], alpha=0.14, linewidth=0))


def cones(embeddings: Any) -> list[tuple[int, float, float]]:
    """Return (token, first angle, last angle) for every cone in which one token's logit is above all others'."""
    differences = [embeddings[i] - embeddings[j] for i in range(len(embeddings)) for j in range(i)]
    normals = [np.arctan2(y, x) for x, y in differences if (x, y) != (0, 0)]
    turned = np.mod([angle + turn for angle in normals for turn in (np.pi / 2, -np.pi / 2)], 2 * np.pi)
    edges = np.unique(np.round(turned, 12)).tolist() or [0.0]
    found: list[tuple[int, float, float]] = []
    for begin, end in zip(edges, [*edges[1:], edges[0] + 2 * np.pi], strict=True):
        middle = (begin + end) / 2
        token = int((embeddings @ [np.cos(middle), np.sin(middle)]).argmax())
        if found and found[-1][0] == token:
            found[-1] = (token, found[-1][1], end)
        else:
            found.append((token, begin, end))
    if len(found) > 1 and found[0][0] == found[-1][0]:
        _, begin, _ = found.pop()
        found[0] = (found[0][0], begin - 2 * np.pi, found[0][2])
    return found


def near(place: Any) -> Any:
    """Return a point at the square root of its distance from the origin, in its own direction.

    >>> [float(x) for x in near([0.0, -9.0])]
    [0.0, -3.0]
    """
    point = np.asarray(place, float)
    distance = np.hypot(*point)
    return point / np.sqrt(distance) if distance else point


class Labels:
    """What was drawn, as boxes, so that the next label finds a free place.

    Attributes:
        axes: what is drawn on, from -reach to reach.
        reach: half its side.
        point: a typographic point, in units of the data.
    """

    def __init__(self, axes: Axes, reach: float) -> None:
        self.axes = axes
        self.reach = reach
        self.point = 2 * reach / _POINTS_ACROSS
        self._boxes: list[tuple[float, float, float, float]] = []

    def mark(self, place: Any, shape: str, fill: str, edge: str, size: float) -> None:
        """Draw a marker, its size in points."""
        self.axes.plot(*near(place), shape, color=fill, markeredgecolor=edge, markersize=size)
        self._take(near(place), np.array([size, size]) * self.point)

    def name_region(self, name: str, angles: tuple[float, float], colour: str) -> None:
        """Name a cone at its rim, inside the frame, as near its middle as is free."""
        size = np.array([6.4 * len(name) + 8, 16]) * self.point
        middle, width = sum(angles) / 2, angles[1] - angles[0]
        rims = [_to_rim(middle + turn * width) * (self.reach - size / 2) for turn in _TURNS]
        center = self._free(rims, size)
        self._write(center, name, fontsize=9, weight="bold", color=colour)
        self._take(center, size)

    def name_point(self, place: Any, names: list[str], colour: str) -> None:
        """Name a point where nothing else is, with a thin line to it."""
        x, y = near(place)
        size = np.array([max(map(len, names)) * 4.3 + 3, len(names) * 8.5 + 3]) * self.point
        ways = [(gap, np.array([np.cos(angle), np.sin(angle)])) for gap in _GAPS for angle in _DIRECTIONS]
        center = self._free([near(place) + way * (size / 2 + gap * self.point) for gap, way in ways], size)
        self.axes.plot([x, center[0]], [y, center[1]], color=INK["soft"], linewidth=0.5, zorder=1)
        plate = {"boxstyle": "square,pad=0.15", "facecolor": INK["paper"], "edgecolor": "none", "alpha": 0.85}
        self._write(center, "\n".join(names), fontsize=7, color=colour, linespacing=1.15, bbox=plate)
        self._take(center, size)

    def _write(self, center: Any, text: str, **look: Any) -> None:
        self.axes.text(float(center[0]), float(center[1]), text, ha="center", va="center", **look)

    def _take(self, center: Any, size: Any) -> None:
        self._boxes.append((*(center - size / 2), *(center + size / 2)))

    def _free(self, centers: list[Any], size: Any) -> Any:
        """Return the first place where a box covers nothing, else the one where it covers least."""
        return min(centers, key=lambda center: self._covered(center, size))

    def _covered(self, center: Any, size: Any) -> float:
        """Return how much of a box is taken, in parts of its area; it counts as much more outside the frame."""
        (left, low), (right, high) = center - size / 2, center + size / 2
        taken = sum(
            max(0.0, min(right, box[2]) - max(left, box[0])) * max(0.0, min(high, box[3]) - max(low, box[1]))
            for box in self._boxes
        )
        is_outside = max(-left, right, -low, high) > self.reach * 1.001
        return round(float(taken) / float(size.prod()), 6) + 10.0 * bool(is_outside)


def _to_rim(angle: float) -> Any:
    direction = np.array([np.cos(angle), np.sin(angle)])
    return direction / np.abs(direction).max()
