"""Reports are made from evidence alone, byte for byte the same, and stay as they were where evidence is bad."""

from __future__ import annotations

import html
import json
import re

import pytest

from tests.report import samples as samples
from verify.errors import EvidenceError
from verify.files import write_json
from verify.report.evidence import KINDS
from verify.report.render import render


def gather(folder, evidence):
    for kind, value in evidence.items():
        write_json(folder / KINDS[kind].file, value)
    return folder


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return gather(tmp_path_factory.mktemp("data"), samples.everything())


@pytest.fixture(scope="module")
def reports(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    render(data, folder)
    return folder


def test_the_same_evidence_gives_the_same_bytes(data, reports, tmp_path):
    paths = render(data, tmp_path)
    assert contents(tmp_path) == contents(reports)
    assert {path.relative_to(tmp_path) for path in paths} == set(contents(tmp_path))


def test_every_link_and_picture_of_the_markdown_leads_somewhere(reports):
    for name in ("correctness.md", "throughput.md"):
        for target in re.findall(r"(?<!\\)\]\(([^)]+)\)", (reports / name).read_text()):
            assert (reports / target).is_file()


def test_every_kind_of_evidence_stands_in_the_index_with_its_command(reports):
    index = (reports / "README.md").read_text()
    for kind in KINDS.values():
        assert f"[{kind.file}](data/{kind.file}): `{kind.command}`" in index


def test_every_number_of_a_stratum_stands_in_the_markdown_as_it_was_recorded(tmp_path):
    report = samples.report(strata=[samples.stratum("uniform", cases=10_010)])
    render(gather(tmp_path / "data", {"correctness": report}), tmp_path)
    assert re.search(r"\| uniform +\| sums +\| +10,010 \| +0 \|", (tmp_path / "correctness.md").read_text())


@pytest.mark.parametrize("only", ["correctness", "kill_matrix"])
def test_missing_evidence_is_said_with_the_command_that_gathers_it(only, tmp_path):
    render(gather(tmp_path / "data", {only: samples.everything()[only]}), tmp_path)
    said = "".join((tmp_path / name).read_text() for name in ("correctness.md", "throughput.md"))
    page = html.unescape((tmp_path / "index.html").read_text())
    for kind in KINDS.keys() - {only}:
        sentence = f"{KINDS[kind].file} was not gathered. It is made by: {KINDS[kind].command}"
        assert sentence in said
        assert sentence in page
    assert f"{KINDS[only].file} was not gathered" not in said
    assert ("NOT VERIFIED" in page) == (only != "correctness")


@pytest.mark.parametrize("kind", KINDS)
def test_bad_evidence_leaves_the_reports_as_they_were(kind, reports, tmp_path):
    data = gather(tmp_path, samples.everything("COUNTEREXAMPLE"))
    before = contents(reports)
    text = (data / KINDS[kind].file).read_text()
    (data / KINDS[kind].file).write_text(text[: len(text) // 2])
    with pytest.raises(EvidenceError, match=KINDS[kind].file):
        render(data, reports)
    assert contents(reports) == before


def test_a_figure_that_cannot_be_drawn_leaves_the_reports_as_they_were(data, reports, monkeypatch):
    before = contents(reports)
    monkeypatch.setattr("verify.report.plots.solver", lambda rows: 1 / 0)
    with pytest.raises(ZeroDivisionError, match="division"):
        render(data, reports)
    assert contents(reports) == before


def test_the_reports_in_this_repository_are_what_their_evidence_renders_to(request, tmp_path):
    folder = request.config.rootpath / "reports"
    if not (folder / "index.html").is_file():
        pytest.skip("reports/ was not generated: `tox -e report` does")
    render(folder / "data", tmp_path)
    there = {path: text for path, text in contents(folder).items() if path.parts[0] != "data"}
    rendered = contents(tmp_path)
    assert sorted(rendered) == sorted(there)
    assert [str(path) for path in there if there[path] != rendered[path]] == []


def test_the_certificate_decides_nothing_without_a_verdict(tmp_path):
    render(gather(tmp_path / "data", {"proof": samples.proof()}), tmp_path)
    assert "PROVED" not in (tmp_path / "index.html").read_text().replace("NOT VERIFIED", "")
    assert not (tmp_path / "badge.svg").exists()


def test_the_badge_is_what_shields_reads(reports):
    badge = json.loads((reports / "badge.json").read_text())
    assert badge["schemaVersion"] == 1
    assert set(badge) == {"schemaVersion", "label", "message", "color"}
