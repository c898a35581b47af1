"""Every output says the sentences of its own verdicts, and no sentence of another."""

from __future__ import annotations

import html
import itertools
import json
import re
from html.parser import HTMLParser

import pytest

from tests.report import samples
from verify.report import card, page, render, verdict

SUMS, NATURE = dict(verdict.SUMS), dict(verdict.NATURE)  # as they are before a test plants a fault
DISAGREEMENT = "disagreement"


class Texts(HTMLParser):
    """What of a page is read."""

    def __init__(self, text):
        super().__init__()
        self.found, self.hidden = [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.hidden = tag == "style"

    def handle_data(self, text):
        self.found += [] if self.hidden else [text]


def read_page(text):
    return " ".join(Texts(text).found)


def read_markdown(text):
    return re.sub(r"\\(.)", r"\1", text)


def read_board(text):
    """Join the lines of each cell."""
    rule, *rows = text.split("\n")[1:]
    edges = [(found.start(), found.end()) for found in re.finditer("-+", rule)]
    return "; ".join(" ".join(row[begin:end] for row in rows) for begin, end in edges)


OUTPUTS = {  # what is rendered, as it is read
    "card": lambda report: card.card(report),
    "summary": lambda report: read_markdown(card.summary_markdown(report)),
    "board": lambda report: read_board(card.board([report])),
    "page": lambda report: read_page(page.page(report)),
    "board page": lambda report: read_page(page.board([report])),
    "badge": lambda report: html.unescape(render.badge_svg(report)),
    "badge for shields": lambda report: json.loads(render.badge_json(report))["message"],
}


def said(text):
    return " ".join(text.split())


def told_by(saying):
    return [saying.sentence, saying.badge, saying.sure, saying.why, saying.title]


def fragments(saying):
    """Return what a saying says, without what is filled in; single words are no sentence."""
    parts = [part.strip(" ,;.") for text in told_by(saying) for part in re.split(r"{\w+}", text)]
    return [part for part in parts if " " in part]


def strangers(text, report):
    """Return every sentence, name and word in a text that belongs to another verdict."""
    own = {DISAGREEMENT if report["disagreement"] else report["sums"]["verdict"], report["nature"]["verdict"]}
    sayings = {**SUMS, **NATURE, DISAGREEMENT: verdict.DISAGREEMENT}
    allowed = " ".join(part for name in own for part in [*told_by(sayings[name]), sayings[name].name])
    found = [part for name, saying in sayings.items() if name not in own for part in fragments(saying)
             if part in text and part not in allowed]  # fmt: skip
    names = {saying.name for name, saying in sayings.items()} - {sayings[name].name for name in own}
    found += [name for name in sorted(names) if re.search(rf"(?<!NO )(?<!MODEL )\b{name}\b", text)]
    words = {
        r"\bproved\b": own & {"PROVED", "MODEL PROVED"},
        r"(?<!no )\bcounterexample\b": own & {"COUNTEREXAMPLE"},
        r"\bno counterexample\b": own & {"NO COUNTEREXAMPLE"},
        r"\bexhaustive\b": own & {"EXHAUSTIVE"},
        r"\bone wrong sum is enough\b": own & {"COUNTEREXAMPLE"} and report["counterexample"],
    }
    return found + [word for word, may in words.items() if not may and re.search(word, text, re.IGNORECASE)]


def lacking(output, text, report):
    """Return every sentence of a report's own verdicts that a text should hold and does not."""
    sums, nature = verdict.told(report)
    if "badge" in output:
        wanted = [verdict.badge_text(report)]
    elif "board" in output:
        wanted = [sums.saying.name, sums.sentence, nature.saying.name]
    else:
        wanted = [sums.saying.name, sums.sentence, nature.saying.name, nature.sentence]
    return [each for each in wanted if said(each) not in text]


def faults(report):
    """Return what is wrong in any output of a report."""
    found = []
    for output, rendered in OUTPUTS.items():
        text = said(rendered(report))
        found += [f"{output} lacks: {each}" for each in lacking(output, text, report)]
        found += [f"{output} of {report['sums']['verdict']} says: {each}" for each in strangers(text, report)]
    return found


REJECTED = samples.theorem() | {"accepted": False, "reason": "no bound for this forward", "verdict": "UNDECIDED"}
PROOFS = {
    "as it is": lambda report: report,
    "rejected": lambda report: report | {"proof": report["proof"] or REJECTED},
    "of its model": lambda report: report | {"proof": report["proof"] or samples.theorem()},
}
ENDS = {"whole": lambda report: report, "cut short": samples.cut_short}


@pytest.mark.parametrize("character", samples.NATURE)
@pytest.mark.parametrize("found", [*samples.SUMS, DISAGREEMENT])
def test_every_output_says_its_own_verdicts_and_no_sentence_of_another(found, character):
    report = samples.disagreement() if found == DISAGREEMENT else samples.report(found)
    nature = samples.report("PROVED", character)["nature"]
    for proof, end in itertools.product(PROOFS.values(), ENDS.values()):
        assert faults(end(proof(report | {"nature": nature}))) == []


def test_the_walk_over_the_verdicts_can_fail_by_a_sentence_of_another(monkeypatch):
    for name, other in (("NO COUNTEREXAMPLE", "PROVED"), ("UNDECIDED", "COUNTEREXAMPLE"), ("PROVED", "EXHAUSTIVE")):
        with monkeypatch.context() as planted:
            planted.setitem(verdict.SUMS, name, verdict.SUMS[other])
            found = faults(samples.report(name))
        assert any(each.startswith(f"card of {name} says") for each in found)
        assert any(each.startswith(f"page of {name} says") for each in found)


def test_the_walk_over_the_verdicts_can_fail_by_a_word_in_a_template_or_a_stratum():
    report = samples.report("NO COUNTEREXAMPLE")
    assert strangers("the forward is proved", report) == [r"\bproved\b"]
    assert strangers("NO COUNTEREXAMPLE beside VIOLATED", report) == ["VIOLATED"]
    assert strangers("one wrong sum is enough", samples.report("UNDECIDED")) != []


def test_the_walk_over_the_verdicts_can_fail_by_a_sentence_that_is_not_there():
    assert lacking("card", "PROVED AS DECLARED", samples.report())[0] == verdict.headline(samples.report())


def test_a_disagreement_shows_both_sides():
    report = samples.disagreement()
    for text in (OUTPUTS["card"](report), OUTPUTS["page"](report)):
        assert "please report it with this evidence" in said(text)
        assert "add(10, 9990)=0 was seen three times" in said(text)
        assert "in any admissible order" in said(text)
    assert "9 9 9" in said(OUTPUTS["card"](report))
    assert "greedy decoding emits a + b" in said(OUTPUTS["page"](report))


@pytest.mark.parametrize("cut", ["cut short at 57 of 59,049 words: the time was spent", ""])
def test_no_output_says_every_one_of_the_words_beside_57_cases(cut):
    sentence = "Every one of the 59,049 words of ten columns that kill, propagate or generate."
    row = samples.stratum("uniform", 57) | {"name": "words", "sentence": sentence, "complete": False, "cut": cut}
    report = samples.report("NO COUNTEREXAMPLE", strata=[row])
    for output in ("page", "summary"):
        text = said(OUTPUTS[output](report))
        assert text.count(sentence) == 1
        assert f"Aimed at: {sentence}" in text
    assert cut in said(OUTPUTS["card"](report))


def test_no_output_shows_the_reason_of_a_skip_where_something_failed():
    family = samples.family("proof") | {"failed": 1, "reason": "add(1, 9)=0, but should be 10"}
    for output in ("page", "summary"):
        assert "failed: add(1, 9)=0, but should be 10" in said(OUTPUTS[output](samples.report(families=[family])))


def test_no_two_verdicts_share_a_sentence():
    sayings = [*SUMS.values(), *NATURE.values(), verdict.DISAGREEMENT]
    for one, other in itertools.permutations(sayings, 2):
        shared = set(fragments(one)) & {*fragments(other), *told_by(other)}
        assert shared - {""} == set()


def test_every_verdict_of_the_schema_has_its_saying():
    assert tuple(verdict.SUMS) == samples.SUMS
    assert set(verdict.NATURE) == set(samples.NATURE)
