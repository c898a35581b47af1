"""Labels in the plane: each finds a place where nothing was drawn before it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from verify.report.svg import INK

_POINTS_ACROSS = 350  # of a drawing of 5 inches
_GAPS = (10, 18, 28, 42)  # points between a point and its label, the nearest tried first
_DIRECTIONS = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_TURNS = sorted(
    np.linspace(-0.32, 0.32, 17), key=abs
)  # parts of a region's angle by which its name may leave its middle


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
