"""The parts that every report is made of, and how they are written as Markdown and as plain text.

HTML, Markdown and the terminal show the same ones; the templates write the HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from tabulate import tabulate

from verify.report import words

_MARKDOWN = re.compile(
    r"[\\`\[\]|~$]|\*(?! )|(?<! )\*|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|<(?=[A-Za-z/!?])"
    r"|&(?=#?\w+;)|^[>#+-]|:(?=//)|(?<=www)\."
)


FEW_ROWS = 4  # a table of fewer is shown as it is


@dataclass(frozen=True)
class Cell:
    """A cell with a meaning beyond its text.

    Attributes:
        text: what is read.
        mark: how it is drawn: good, bad, warn, soft, strong, code, or a step of the heat scale, heat-0 to heat-5.
        header: whether it names its row.
        note: what stands small below it.
        link: the file of ours that it leads to.
    """

    text: str
    mark: str = ""
    header: bool = False
    note: str = ""
    link: str = ""

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
        note: what stands below it.
    """

    title: str
    headers: list[str]
    rows: list[Row]
    right: tuple[int, ...] = ()
    folded: bool = False
    look: str = ""
    note: str = ""


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


def markdown(table: Table) -> str:
    """Return a table as GitHub shows it, every text escaped."""
    rows = [[_linked(escaped(str(cell)), cell) for cell in row] for row in table.rows]
    width = max((len(row) for row in rows), default=len(table.headers))
    headers = [escaped(header) for header in table.headers] or [""] * width
    align = tuple("right" if column in table.right else "left" for column in range(width)) if rows else ()
    return tabulate(rows, headers, "github", disable_numparse=True, colalign=align)


def _linked(text: str, cell: Cell | str) -> str:
    if not isinstance(cell, Cell) or not cell.link:
        return text
    return f"[{escaped(cell.text)}]({cell.link}) {escaped(cell.note)}".rstrip()


def plain(table: Table, widths: list[int] | None = None) -> str:
    """Return a table as a terminal shows it, cells folded to ``widths`` where these are given."""
    rows = [[str(cell) for cell in row] for row in ([table.headers] if table.headers else []) + table.rows]
    cells = [[_lines(text, widths[column] if widths else None) for column, text in enumerate(row)] for row in rows]
    columns = max(map(len, cells), default=0)
    taken = [
        max(words.width(line) for row in cells if column < len(row) for line in row[column])
        for column in range(columns)
    ]
    lines = [line for row in cells for line in _row_lines(row, taken, table.right)]
    if table.headers:
        lines.insert(max(map(len, cells[0])), "  ".join("-" * width for width in taken))
    return "\n".join(lines)


def _lines(text: str, room: int | None) -> list[str]:
    return text.split("\n") if room is None else words.folded(text, room)


def _row_lines(row: list[list[str]], taken: list[int], right: tuple[int, ...]) -> list[str]:
    """Return a row of cells as lines, each cell filled up to the width of its column."""
    found = []
    for index in range(max(map(len, row), default=0)):
        texts = [cell[index] if index < len(cell) else "" for cell in row]
        gaps = [" " * (width - words.width(text)) for width, text in zip(taken, texts, strict=False)]
        filled = [gap + text if column in right else text + gap
                  for column, (text, gap) in enumerate(zip(texts, gaps, strict=True))]  # fmt: skip
        found.append("  ".join(filled).rstrip())
    return found


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line; what Markdown leaves alone is left alone.

    >>> print(escaped("a|b <i>*c* 0 <= 2 * mlp.in_proj"))
    a\|b \<i>\*c\* 0 <= 2 * mlp.in_proj
    """
    return _MARKDOWN.sub(r"\\\g<0>", " ".join(text.split()))


def fenced(text: str) -> str:
    """Return a text as a Markdown code block that nothing in it can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"


def choose(table: Table, headers: list[str]) -> Table:
    """Return a table with some of its columns."""
    columns = [table.headers.index(header) for header in headers]
    right = tuple(place for place, column in enumerate(columns) if column in table.right)
    return replace(
        table, headers=headers, rows=[[row[column] for column in columns] for row in table.rows], right=right
    )


def compact(table: Table) -> Table:
    """Return a table without the columns in which no row says anything."""
    said = [{str(row[column]) for row in table.rows} - {"", "-"} for column in range(len(table.headers))]
    return choose(table, [header for header, texts in zip(table.headers, said, strict=True) if texts])


def collapsed(table: Table) -> Table:
    """Return a table whose columns that say one thing in every row are a sentence below it."""
    if table.look or not table.headers or len(table.rows) < FEW_ROWS:
        return table
    same = [column for column in range(1, len(table.headers)) if len({str(row[column]) for row in table.rows}) == 1]
    told = [f"{table.headers[column]} {table.rows[0][column]}" for column in same]
    if not same or len(same) == len(table.headers) - 1:
        return table
    kept = choose(table, [header for column, header in enumerate(table.headers) if column not in same])
    return replace(kept, note=f"In every row: {'; '.join(told)}.")
