"""A board ranks whom no run refuted, and keeps the wrong and the violated apart from those of whom nothing is known."""

from __future__ import annotations

import re

from tests.report import samples
from verify.report import boards
from verify.report.page import board

SMALL = samples.report()["parameters"] | {"counted": 10, "declared": 6, "buffers": 3}
REPORTS = [
    samples.report("COUNTEREXAMPLE"),
    samples.report("NO COUNTEREXAMPLE", "VIOLATED", parameters=SMALL),
    samples.report("NO COUNTEREXAMPLE"),
    samples.report("NO COUNTEREXAMPLE", parameters=SMALL),
    samples.report("UNDECIDED"),
    samples.report("PROVED"),
]


def cells(table, *headers):
    places = [table.headers.index(name) for name in headers]
    return [tuple(str(row[place]) for place in places) for row in table.rows]


def test_the_surest_stand_first_then_the_smallest_and_only_who_is_not_refuted_has_a_rank():
    assert cells(boards.whole(REPORTS), "rank", "sums", "nature", "counted") == [
        ("1", "PROVED", "AS DECLARED", "46"),
        ("2", "NO COUNTEREXAMPLE", "AS DECLARED", "10"),
        ("3", "NO COUNTEREXAMPLE", "AS DECLARED", "46"),
        ("-", "UNDECIDED", "AS DECLARED", "46"),
        ("-", "NO COUNTEREXAMPLE", "VIOLATED", "10"),
        ("-", "COUNTEREXAMPLE", "AS DECLARED", "46"),
    ]


def test_the_wrong_and_the_violated_stand_apart_from_the_unjudged():
    ranked, wrong, unjudged = boards.groups(REPORTS)
    assert [table.title for table in (ranked, wrong, unjudged)] == [boards.RANKED, boards.REFUTED, boards.UNJUDGED]
    assert cells(wrong, "sums", "smallest wrong sum") == [
        ("NO COUNTEREXAMPLE", ""),
        ("COUNTEREXAMPLE", "10 + 9990"),
    ]
    assert cells(unjudged, "sums") == [("UNDECIDED",)]


def test_a_row_tells_what_was_declared_counted_and_lies_outside():
    assert cells(boards.groups(REPORTS)[0], "declared", "counted", "outside")[1] == ("6", "10", "3")


def test_every_row_leads_to_its_own_page_and_no_two_to_one():
    who = samples.report()["subject"]
    reports = [samples.report(subject=who | {"spec": spec}) for spec in ("a/x.py", "a x.py", "../../a/x.py", "é.py")]
    names = {boards.page_name(report) for report in reports}
    assert len(names) == len(reports)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*\.html", name) for name in names)
    shown = [boards.board_markdown(reports, linked=True), board(reports, linked=True)]
    assert all(f"{boards.PAGES}/{name}" in text for name in names for text in shown)
    assert boards.PAGES not in board(reports)


def test_a_hostile_name_in_a_link_of_markdown_is_text():
    report = samples.report(subject=samples.report()["subject"] | {"name": "a](http://x) <img> b"})
    line = boards.board_markdown([report], linked=True)
    assert r"[a\](http\://x) \<img> b](pages/" in line
