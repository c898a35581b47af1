"""What other commands than `run` found, on the terminal: a campaign, an audit, a score."""

from __future__ import annotations

import time

from verify.report import tables, words
from verify.report.blocks import Table, plain
from verify.report.evidence import JSONObject
from verify.text import plural

MOST_SHOWN = 16  # shapes of failures


def campaign(summary: JSONObject) -> str:
    """Return the summary of a campaign."""
    size = f"{plural(summary['cases'], 'case')} in {plural(summary['shards'], 'shard')}"
    if summary["seconds"]:
        rate = words.scaled(summary["cases"] / summary["seconds"])
        size += f" and {words.seconds(summary['seconds'])}, {rate} pairs/s"
    whose = (
        f"campaign {words.name(summary['name'])}, part {summary['part']}, of {words.name(summary['subject']['name'])}"
    )
    lines = [
        f"{summary['verdict']}: {summary['reason']}",
        f"{size}; {whose}",
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
        left = round(max(0.0, goal["seconds"] - summary["seconds"]))
        line += f"; {words.seconds(left)} of its time left" if left else "; its time is spent"
    if goal.get("shards"):
        line += f"; its goal is {plural(goal['shards'], 'shard')}, in all its parts"
    return line


def _cluster_table(clusters: list[JSONObject]) -> Table:
    headers = ["first wrong column", "carry word", "failures", "smallest", "got", "found in"]
    rows = [
        [row["place"] + 1 if row["place"] >= 0 else "no integer", row["carry_word"] or "-",
         words.count(row["failures"]), f"{row['a']} + {row['b']}", words.name(row["got"]), row["stratum"]]
        for row in clusters[:MOST_SHOWN]
    ]  # fmt: skip
    return Table("", headers, rows, right=(2,))


def audit(found: JSONObject) -> str:
    """Return what a subject is made of: its counts, and the rows of the audit."""
    counts = found["parameters"]
    lines = [plain(tables.parameters(found)), ""]
    lines += [*counts["notes"], f"operands are drawn from seed {found['seed']}", ""]
    budget = tables.budget(counts)
    lines += [tables.USED, plain(budget), ""] if budget else []
    rows = [[row["outcome"], row["check"], row["detail"]] for row in found["audit"]]
    return "\n".join([*lines, plain(Table("", ["", "check", "observation"], rows))])


def score(found: JSONObject) -> str:
    """Return how a subject does on the leaderboard's own cases, and what these cannot see."""
    verdict = "qualifies" if found["qualified"] else "does not qualify"
    wrong = [
        f"add({each['a']}, {each['b']})={each['got']}, but should be {each['expected']}" for each in found["failures"]
    ]
    chains = ", ".join(f"{length}: {count}" for length, count in enumerate(found["chains"]))
    return "\n".join([
        f"{found['correct']:,} of {found['total']:,} right, {found['accuracy']:.2f} %: {verdict}",
        f"sums by {found['batching']}",
        *wrong,
        f"cases by their longest carry chain: {chains}",
        *found["unseen"],
    ])  # fmt: skip
