"""Tables of what was timed: decoding paths, conversions of text, cold starts, memory."""

from __future__ import annotations

from verify.report import plots, words
from verify.report.blocks import Row, Table
from verify.report.evidence import JSONObject


def paths(title: str, rows: list[JSONObject], *, folded: bool = False) -> Table:
    """Return pairs a second of paths, beside the reference and the floor in the same rounds."""
    cells: list[Row] = [
        [
            plots.label(row),
            words.name(row["kind"]),
            words.count(row["threads"]),
            words.count(row["batch"]),
            words.scaled(plots.median_speed(row)),
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


def others(found: JSONObject) -> list[Table]:
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
        Table("Text and tokens, a pair", ["conversion", "batch", "time"], conversions, right=(1, 2)),
        Table("Cold starts, whole processes", ["command", "time", "middle half of rounds"], starts, right=(1, 2)),
        Table("Memory after many batches", ["path", "batch", "batches", "grown by"], growth, right=(1, 2, 3)),
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
