"""Figures show what the evidence holds, in colours that the page gives, and are the same bytes every time."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure as Drawing

from tests.report import samples as samples
from verify.report import plots, svg, transitions
from verify.report.blocks import Figure
from verify.report.page import palette
from verify.report.plane import cones, path, plane

DRAWINGS = {
    "plane": lambda: plane(samples.anatomy()),
    "path": lambda: path(samples.anatomy()),
    "chains-10": lambda: plots.chains(samples.chains(failures=9)["rows"][:55], 10),
    "kill-matrix": lambda: plots.kill_matrix(samples.kill_matrix()),
    "throughput-1": lambda: plots.throughput(samples.throughput()["paths"], 1),
    "solver": lambda: plots.solver(samples.solver()["rows"]),
}
every_drawing = pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)


@every_drawing
def test_a_figure_is_the_same_bytes_twice_whatever_the_user_set(draw):
    first = draw()
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "svg.fonttype": "path"}):
        assert draw() == first


@every_drawing
def test_a_figure_takes_every_colour_from_the_palette(draw):
    styles = svg.Styles()
    text = svg.inline(draw(), styles) + styles.css
    assert re.findall(r"(?<![\w-])#[0-9a-f]{6}\b", text) == []
    assert set(re.findall(r"var\(--([\w-]+)\)", text)) <= set(re.findall(r"--([\w-]+):", palette()))


@every_drawing
def test_a_figure_is_named_and_described_and_has_no_inline_style_script_or_foreign_link(draw):
    figure = draw()
    root = ET.fromstring(svg.inline(figure, svg.Styles()))
    texts = {element.get("id"): element.text for element in root.iter()}
    assert root.get("role") == "img"
    assert [texts[name] for name in root.get("aria-labelledby").split()] == [figure.title, figure.description]
    for element in root.iter():
        assert "style" not in element.attrib
        assert not element.tag.endswith("script")
        assert element.get("href", "#").startswith("#")


@every_drawing
def test_every_reference_in_a_figure_leads_to_an_id_of_its_own(draw):
    figure = draw()
    text = svg.inline(figure, svg.Styles())
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)) <= {(a, b) for a in ["", *ids] for b in ["", *ids]}
    assert all(name.startswith(f"{figure.name}-") for name in ids)


@given(arrays(np.float64, (4, 2), elements=st.integers(-3, 3).map(float)), st.floats(0, 6.28))
def test_the_cones_are_where_a_token_has_the_largest_logit(embeddings, angle):
    logits = embeddings @ [np.cos(angle), np.sin(angle)]
    best = [token for token in range(4) if logits[token] > logits.max() - 1e-9]
    turns = (angle - 2 * np.pi, angle, angle + 2 * np.pi)
    found = [token for token, begin, end in cones(embeddings) if any(begin <= turn <= end for turn in turns)]
    if len(best) == 1:
        assert best[0] in found


def test_a_chain_that_fails_is_told_in_words_with_its_place():
    assert "9 failed, the most, 9 of 400, from column 1 over 10 columns" in DRAWINGS["chains-10"]().description


def test_the_columns_of_chains_are_counted_from_1_the_units():
    drawing = Drawing()
    plots._paint_chains(drawing, samples.chains()["rows"][:55], 10)
    (axes,) = drawing.axes
    assert sorted({text.get_position()[0] for text in axes.texts}) == list(range(1, 11))
    assert axes.patches[0].get_path().get_extents().x0 == 1 - 0.46
    assert axes.get_xlabel() == "column in which the chain starts, 1 the units"


def test_the_reference_is_drawn_first_and_the_floor_last():
    assert [*plots.by_path(samples.throughput()["paths"])][0::5] == ["reference", "torch.add"]


def test_every_number_of_threads_has_a_figure_of_its_own_and_a_device_a_line_of_its_own():
    rows = samples.throughput()["paths"][:3]
    rows = [rows[0], rows[1] | {"threads": 2}, rows[2] | {"device": "cuda"}]
    groups = plots.by_threads(rows)
    assert list(groups) == [1, 2]
    assert list(plots.by_path(groups[1])) == ["reference", "reference, cuda"]


@pytest.mark.parametrize("name", ["$", "$\\frac{$", "<b>", "w" * 300])
def test_a_hostile_family_or_path_is_text_in_a_figure(name):
    matrix = samples.kill_matrix(3) | {"families": [name, "carry"]}
    row = samples.throughput()["paths"][0]
    assert name[:20] in "".join(ET.fromstring(plots.kill_matrix(matrix).svg).itertext())
    assert name[:20] in "".join(ET.fromstring(plots.throughput([row | {"path": name}], 1).svg).itertext())


def test_a_map_holds_margin_and_next_state_of_every_transition():
    table = transitions.margins(samples.anatomy())
    assert [len(row) for row in table.rows] == [5] * 4
    assert str(table.rows[3][3]) == "1.6 gives 1 c"


def test_a_transition_that_goes_wrong_is_marked_and_says_both_states():
    anatomy = samples.anatomy()
    anatomy["transitions"][7] |= {"chosen": 3, "margin": -0.25}
    assert transitions.margins(anatomy).rows[1][4] == transitions.Cell("-0.25", "bad", note="gives 1 c, not 0 c")


def test_a_precision_shows_its_ratio_exact_where_nothing_rounds_and_marked_where_it_is_not_proved():
    bounded, exact, at_risk = transitions.against_bounds(samples.proof())
    assert "float64" in bounded.title
    assert bounded.rows[0][1].text == "1,928"
    assert exact.text.startswith("In float32 no operation of any transition rounds")
    assert (at_risk.rows[0][1].text, at_risk.rows[0][1].mark) == ("0.015", "bad")


def test_precisions_with_the_same_map_share_it():
    proof = samples.proof()
    for one, shared in ((0, "title"), (1, "text")):
        same = [proof["precisions"][one] | {"precision": name} for name in ("float64", "float32", "bfloat16")]
        (part,) = transitions.against_bounds(proof | {"precisions": same})
        assert "float64, float32, bfloat16" in getattr(part, shared)


def test_a_map_of_chains_that_is_flat_is_a_sentence():
    rows = [row | {"cases": 4_000} for row in samples.chains()["rows"][:55]]
    told = plots.chains(rows, 10).text
    assert told.endswith("over every length, 4,000 times each: 55 places and 220,000 cases. None failed.")
    assert isinstance(plots.chains([*rows[1:], rows[0] | {"failures": 1}], 10), Figure)
