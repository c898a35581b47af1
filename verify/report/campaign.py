"""A campaign on the terminal, from its summary alone."""

from __future__ import annotations

import time

from verify.report import tables, words
from verify.report.blocks import Table, plain
from verify.report.evidence import JSONObject

MOST_SHOWN = 16  # shapes of failures


def text(summary: JSONObject) -> str:
    """Return a summary as a terminal shows it."""
    rate = summary["cases"] / summary["seconds"] if summary["seconds"] else 0.0
    size = f"{summary['cases']:,} cases in {summary['shards']:,} shards and {words.seconds(summary['seconds'])}"
    whose = (
        f"campaign {words.name(summary['name'])}, part {summary['part']}, of {words.name(summary['subject']['name'])}"
    )
    lines = [
        f"{summary['verdict']}: {summary['reason']}",
        f"{size}, {words.scaled(rate)} pairs/s; {whose}",
        "",
        plain(tables.strata(summary)),
    ]
    if summary["clusters"]:
        lines += ["", plain(_cluster_table(summary["clusters"]))]
    lines += [f"set aside: shard {row['number']} of {row['stratum']}: {row['reason']}" for row in summary["aside"]]
    return "\n".join(lines)


def progress_line(summary: JSONObject) -> str:
    """Return how far a campaign is, for whoever looks at its store."""
    age = max(0.0, time.time() - summary["changed"])
    goal = summary["goal"]
    line = f"last written {words.seconds(round(age))} ago"
    if goal.get("seconds"):
        line += f"; {words.seconds(round(max(0.0, goal['seconds'] - summary['seconds'])))} of its time left"
    if goal.get("shards"):
        line += f"; {goal['shards']:,} shards are its goal, in all its parts"
    return line


def _cluster_table(clusters: list[JSONObject]) -> Table:
    headers = ["first wrong column", "carry word", "failures", "smallest", "got", "found in"]
    rows = [
        [row["place"] + 1 if row["place"] >= 0 else "no integer", row["carry_word"] or "-",
         words.count(row["failures"]), f"{row['a']} + {row['b']}", words.name(row["got"]), row["stratum"]]
        for row in clusters[:MOST_SHOWN]
    ]  # fmt: skip
    return Table("", headers, rows, right=(2,))
