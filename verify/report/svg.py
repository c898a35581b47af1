"""matplotlib figures as SVG that takes its colours and its font from the page around it.

Figures are drawn in the colours of `INK`; here each becomes a variable of the style sheet, so that one drawing serves
light, dark and print. Inline styles become classes, since the page's content security policy allows none.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from matplotlib import style
from matplotlib.figure import Figure as Drawing

from verify.report.blocks import Figure

NAMES = (
    "ink", "soft", "rule", "paper", "good", "bad", "warn", "token-0", "token-1", "token-2", "token-3",
    "heat-0", "heat-1", "heat-2", "heat-3", "heat-4", "heat-5",
    "line-0", "line-1", "line-2", "line-3", "line-4", "line-5",
)  # fmt: skip
LARGER = 1.25  # than it is drawn is a figure shown where there is room; drawn small, it is readable on a phone
INK = {name: f"#0a0b{index:02x}" for index, name in enumerate(NAMES)}
_VARIABLES = {value: f"var(--{name})" for name, value in INK.items()}

SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "adder",
    "text.parse_math": False,  # names may hold dollar signs
    "font.size": 9,
    "axes.edgecolor": INK["rule"],
    "axes.labelcolor": INK["soft"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlecolor": INK["ink"],
    "axes.titlelocation": "left",
    "axes.linewidth": 0.8,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": INK["rule"],
    "grid.linewidth": 0.6,
    "text.color": INK["ink"],
    "xtick.color": INK["rule"],
    "ytick.color": INK["rule"],
    "xtick.labelcolor": INK["soft"],
    "ytick.labelcolor": INK["soft"],
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
ET.register_namespace("", _SVG[1:-1])
ET.register_namespace("xlink", _LINK[1:-5])


class Styles:
    """Inline styles by class, in the order in which they were first used."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def name(self, declarations: str) -> str:
        """Return the class of some declarations."""
        return self._classes.setdefault(declarations, f"d{len(self._classes)}")

    @property
    def css(self) -> str:
        """The rules of all classes."""
        return "\n".join(f".{name}{{{declarations}}}" for declarations, name in self._classes.items())


def draw(size: tuple[float, float], paint: Callable[..., None], *arguments: Any) -> str:
    """Return the SVG of a drawing, size in inches, that a function paints; the user's own settings play no part."""
    with style.context(["default", SETTINGS]):
        drawing = Drawing(figsize=size)
        paint(drawing, *arguments)
        text = io.StringIO()
        drawing.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def inline(figure: Figure, styles: Styles) -> str:
    """Return a figure as an element of a page: named for who does not see it, its ids its own, its styles classes."""
    root = ET.fromstring(figure.svg)  # noqa: S314 - drawn by matplotlib in this process
    _drop(root, "metadata")
    _drop(root, "style")
    for element in root.iter():
        _own_ids(element, figure.name)
        style = _style(element.attrib.pop("style", ""))
        if style:
            element.set("class", styles.name(style))
    width = root.attrib.pop("width").removesuffix("pt")
    root.attrib.pop("height")
    root.attrib.pop("version", None)
    root.set("class", styles.name(f"width:{float(width) * (4 / 3) * (1 if figure.wide else LARGER):.0f}px"))
    root.set("role", "img")
    root.set("aria-labelledby", f"{figure.name}-title {figure.name}-desc")
    for index, (tag, text) in enumerate((("title", figure.title), ("desc", figure.description))):
        label = ET.Element(f"{_SVG}{tag}", {"id": f"{figure.name}-{tag}"})
        label.text = text
        root.insert(index, label)
    return ET.tostring(root, encoding="unicode")


def standalone(figure: Figure, palette: str) -> str:
    """Return a figure as a file of its own, for pages that can only link to it."""
    styles = Styles()
    root = ET.fromstring(inline(figure, styles))  # noqa: S314 - ours
    sheet = ET.Element(f"{_SVG}style")
    sheet.text = f"{palette}\nsvg{{background:var(--paper)}}\n{styles.css}\n"
    root.insert(2, sheet)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _drop(root: ET.Element, tag: str) -> None:
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag == f"{_SVG}{tag}"]:
            parent.remove(child)


def _own_ids(element: ET.Element, prefix: str) -> None:
    if "id" in element.attrib:
        element.set("id", f"{prefix}-{element.attrib['id']}")
    if _LINK in element.attrib:
        element.set("href", f"#{prefix}-{element.attrib.pop(_LINK)[1:]}")
    if "clip-path" in element.attrib:
        element.set("clip-path", element.attrib["clip-path"].replace("url(#", f"url(#{prefix}-"))


def _style(text: str) -> str:
    """Return inline declarations in the page's colours and font."""
    kept = [each.strip() for each in text.split(";") if each.strip() and not each.strip().startswith("font-family")]
    return re.sub("#[0-9a-f]{6}", lambda found: _VARIABLES.get(found[0], found[0]), ";".join(kept))
