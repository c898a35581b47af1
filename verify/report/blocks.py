"""The parts that every report is made of; HTML, Markdown and the terminal show the same ones."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """A cell with a meaning beyond its text.

    Attributes:
        text: what is read.
        mark: how it is drawn: good, bad, warn, soft, strong, code, or a step of the heat scale, heat-0 to heat-5.
        header: whether it names its row.
        note: what stands small below it.
    """

    text: str
    mark: str = ""
    header: bool = False
    note: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.note}".rstrip()


Row = list[Cell | str]


@dataclass(frozen=True)
class Paragraph:
    """A few sentences; ``mark`` is as in `Cell`."""

    text: str
    mark: str = ""


@dataclass(frozen=True)
class Listing:
    """Lines that keep their spaces."""

    text: str
    title: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under headers; the first column names the row.

    Attributes:
        title: what it shows.
        right: numbers of the columns that hold numbers.
        folded: whether the page shows it only when asked.
        look: "" for an ordinary table, "grid" for square cells, "diagram" for digits in columns.
    """

    title: str
    headers: list[str]
    rows: list[Row]
    right: tuple[int, ...] = ()
    folded: bool = False
    look: str = ""


@dataclass(frozen=True)
class Figure:
    """A drawing: SVG with colours by name, see `verify.report.svg`.

    Attributes:
        name: of the file, and the start of every id in it.
        title: what it shows, in a few words.
        description: what is to be seen in it, for who does not see it.
    """

    name: str
    title: str
    description: str
    svg: str = field(repr=False)
    wide: bool = False


Part = Paragraph | Listing | Table | Figure


@dataclass(frozen=True)
class Section:
    """One section of a report.

    Attributes:
        name: its anchor.
        title: its heading.
        parts: what it holds.
        kinds: of the evidence that it shows.
        report: the Markdown file that holds it, correctness or throughput; "" for both.
        commands: what makes its evidence again.
    """

    name: str
    title: str
    parts: list[Part]
    kinds: tuple[str, ...]
    report: str = "correctness"
    commands: tuple[str, ...] = ()
