"""A page is one file that runs no script, loads nothing, and shows strangers' names as text."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from tests.report import samples as samples
from verify.errors import EvidenceError
from verify.report import heads
from verify.report.blocks import Table
from verify.report.evidence import Evidence
from verify.report.page import board, page
from verify.report.sections import sections

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Elements(HTMLParser):
    """Collects every element with its attributes, and the texts of the page."""

    def __init__(self, text):
        super().__init__()
        self.found, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, text):
        self.texts.append(text)


def hostile_report(hostile, sums="COUNTEREXAMPLE"):
    found = samples.report(sums)
    found |= {
        "subject": dict.fromkeys(("spec", "name", "author", "sha256", "isolation", "batching"), hostile)
        | {"findings": [{"name": hostile}]},
        "sums": {"verdict": sums, "reason": hostile},
        "environment": {hostile: [hostile]},
    }
    found["strata"] = [found["strata"][0] | dict.fromkeys(("name", "sentence", "family", "cut"), hostile)]
    found["families"] = [found["families"][0] | dict.fromkeys(("name", "reason"), hostile)]
    rows = [dict.fromkeys(("rule", "observation"), hostile) | {"outcome": "ok"}]
    found["nature"] = {"verdict": "AS DECLARED", "reason": hostile, "rows": rows}
    found["stages"] = [dict.fromkeys(("name", "detail"), hostile) | {"outcome": "cut short", "seconds": 1.0}]
    found["go_on"] = hostile
    found["parameters"] |= {"notes": [hostile]}
    texts = dict.fromkeys(("got", "stratum", "family", "reason", "replay", "card", "first_wrong_step"), hostile)
    found["counterexample"] = samples.counterexample(**texts)
    return found


@pytest.mark.parametrize("hostile", samples.HOSTILE)
def test_a_hostile_text_is_text_wherever_it_stands(hostile):
    text = page(hostile_report(hostile))
    calm = Elements(page(hostile_report("calm")))
    elements = Elements(text)
    assert [tag for tag, _ in elements.found if tag != "small"] == [tag for tag, _ in calm.found]
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert not {"\x1b", "\u202e", "\x00", "\x07", "\ud800"} & set(text)
    text.encode()


@pytest.mark.parametrize("hostile", samples.HOSTILE)
def test_a_hostile_name_is_text_on_the_board(hostile):
    assert len(Elements(board([hostile_report(hostile)])).found) == len(Elements(board([hostile_report("calm")])).found)


def test_a_page_has_no_script_no_inline_style_and_a_policy_that_allows_its_one_style_sheet():
    text = page(**{"report": samples.report()} | {k: v for k, v in samples.everything().items() if k != "correctness"})
    elements = Elements(text)
    policy = next(attributes["content"] for tag, attributes in elements.found if attributes.get("http-equiv"))
    sheet = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:")
    assert not {"script", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in elements.found}
    assert not any("style" in attributes for _, attributes in elements.found)
    addresses = [attributes.get("href") or attributes.get("src") for _, attributes in elements.found]
    assert all(address.startswith(("#", "data:")) for address in addresses if address)


def test_ids_are_unique_and_every_link_leads_to_one():
    everything = samples.everything()
    elements = Elements(page(everything.pop("correctness"), **everything))
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    links = [attributes["href"][1:] for tag, attributes in elements.found if attributes.get("href", "").startswith("#")]
    assert len(ids) == len(set(ids))
    assert set(links) <= set(ids)


def test_a_strangers_page_holds_only_sections_with_evidence_and_names_their_file():
    text = page(samples.report("NO COUNTEREXAMPLE", subject=samples.report()["subject"] | {"spec": "their adder.py"}))
    assert "was not gathered" not in text
    assert 'id="throughput"' not in text
    assert "adder-verify run &#39;their adder.py&#39;" in text


def test_the_statement_of_a_proof_is_shown_only_where_the_verdict_is_proved():
    proved = page(samples.report(), proof=samples.proof())
    assert "What is proved</h3><p>For all integers" in proved
    assert "What the proof assumes (1)" in proved
    assert "What is proved" not in page(samples.report("COUNTEREXAMPLE"), proof=samples.proof())


def test_a_statement_shows_digests_by_their_first_digits_and_once_in_full():
    digest = "58b1136c" * 8
    report = samples.report()
    report["proof"] |= {"statement": f"In float64 (weights sha256 {digest}); in float32 (weights sha256 {digest})."}
    text = page(report, proof=samples.proof())
    assert "In float64 (weights sha256 58b1136c...); in float32 (the same weights).</p>" in text
    assert f"<code>{digest}</code>" in text


def test_without_a_proof_the_reason_is_shown():
    text = page(
        samples.report(
            "NO COUNTEREXAMPLE", sums={"verdict": "NO COUNTEREXAMPLE", "reason": "No proof: no finite step"}
        ),
        proof=samples.proof(),
    )
    assert "Why it is no proof</h3><p>No proof: no finite step</p>" in text
    assert "What the proof assumes" not in text


def test_the_certificate_within_a_report_is_shown():
    report = samples.report()
    report["proof"] |= {"certificate": samples.proof()}
    assert page(report) == page(report, proof=samples.proof())
    assert "What holds in which precision" in page(report)


def test_the_carry_chains_within_a_report_are_shown():
    assert 'id="figure-chains-10"' in page(samples.report(chains=samples.chains()["rows"]))


def test_bad_evidence_makes_no_page():
    with pytest.raises(EvidenceError, match="report is of schema 'adder-report/9'"):
        page(samples.report() | {"schema": "adder-report/9"})
    with pytest.raises(EvidenceError, match="report 2 is of schema"):
        board([samples.report(), samples.report() | {"schema": "adder-report/9"}])


@pytest.mark.parametrize("verdict", samples.SUMS)
def test_every_head_of_every_table_has_a_meaning(verdict):
    everything = samples.everything(verdict)
    strata = [row | {"cut": "cut short"} for row in everything["correctness"]["strata"]]
    evidence = Evidence.of(**everything | {"correctness": everything["correctness"] | {"strata": strata}})
    tables = [part for each in sections(evidence, whole=True) for part in each.parts if isinstance(part, Table)]
    used = {head for table in tables if not table.look for head in table.headers}
    assert used - {*heads.HEADS} == {"float32", "bfloat16"}  # which are names of formats
