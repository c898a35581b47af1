"""A real browser shows every section and figure, wide and narrow, light and dark, and asks for nothing."""

from __future__ import annotations

import pytest

from tests.mutation import ROOT
from tests.report import samples as samples
from tests.report.browser import CHROMIUM, Browser
from verify.report.evidence import Evidence
from verify.report.page import board, page, page_of
from verify.report.sections import sections

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")

SECTIONS = [
    "pair", "tried", "chains", "nature", "transitions", "plane", "throughput", "solver", "teeth", "environment",
]  # fmt: skip
FIGURES = ["chains-10", "chains-2", "plane", "path", "throughput-1", "solver", "kill-matrix"]
SMALLEST = 7.0  # pixels of text in a figure on the narrowest phone
MADE = {"version": "0.1.0", "commit": "c0" * 20, "date": "2026-11-25T09:30Z"}
WIDTHS = pytest.mark.parametrize("width", [360, 1280])

OVERFLOWING = """[...document.body.querySelectorAll('*')].filter(element => {
    const box = element.getBoundingClientRect();
    const scrolls = element.closest('.scroll') && !element.matches('.scroll');
    return !scrolls && box.width && (box.right > innerWidth + 0.5 || box.left < -0.5);
}).map(element => element.outerHTML.slice(0, 80))"""
CLIPPED = """[...document.body.querySelectorAll('h1, h2, p, dd, dt')].filter(
    element => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline'
).map(element => element.outerHTML.slice(0, 80))"""
INVISIBLE = """[...document.querySelectorAll('svg[role=img]')].filter(svg => {
    const box = svg.getBoundingClientRect();
    return box.width < 200 || box.height < 80 || !svg.querySelector('title').textContent;
}).length"""
UNPAINTED = """[...document.querySelectorAll('svg[role=img] *')].filter(
    element => /var|^$/.test(getComputedStyle(element).fill)).length"""


def whole(evidence):
    return page_of(evidence, sections(evidence, whole=True))


@pytest.fixture(scope="module")
def browser():
    with Browser() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    who = samples.report()["subject"]
    hostile = [samples.report("NO COUNTEREXAMPLE", subject=who | dict.fromkeys(("name", "author", "spec"), each))
               for each in samples.HOSTILE]  # fmt: skip
    texts = {
        "whole": whole(Evidence.of(**samples.everything("COUNTEREXAMPLE"))),
        "proved": whole(Evidence.of(**samples.everything(made=MADE))),
        "ours": whole(Evidence.load(ROOT / "reports" / "data")),
        "bare": whole(Evidence(correctness=None)),
        "board": board(hostile),
        **{f"hostile-{index}": page(report) for index, report in enumerate(hostile)},
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text)
    return folder


def test_every_section_and_every_figure_is_there_and_visible(browser, pages):
    browser.open(pages / "whole.html")
    assert browser.evaluate("[...document.querySelectorAll('section')].map(each => each.id)") == SECTIONS
    figures = browser.evaluate("[...document.querySelectorAll('figure')].map(each => each.id)")
    assert figures == [f"figure-{name}" for name in FIGURES]
    assert browser.evaluate(INVISIBLE) == 0
    assert browser.evaluate(UNPAINTED) == 0


@WIDTHS
@pytest.mark.parametrize("name", ["whole", "bare", "board", *(f"hostile-{n}" for n in range(len(samples.HOSTILE)))])
def test_nothing_overflows_is_clipped_or_complains(browser, pages, name, width):
    browser.open(pages / f"{name}.html", width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(OVERFLOWING) == []
    assert browser.evaluate(CLIPPED) == []
    assert browser.complaints == []


def scrolled(browser, page):
    """Return the widths of a window, from a phone to a wide screen, at which a page is wider than that."""
    browser.open(page, width=320)
    found = []
    for width in range(320, 1601, 16):
        browser.resize(width)
        if browser.evaluate("document.documentElement.scrollWidth") > width:
            found.append(width)
    return found


@pytest.mark.parametrize("name", ["whole", "ours", "board"])
def test_no_width_from_a_phone_to_a_wide_screen_scrolls_sideways(browser, pages, name):
    assert scrolled(browser, pages / f"{name}.html") == []


def test_what_is_wider_than_some_windows_is_seen(browser, pages, tmp_path):
    text = (pages / "bare.html").read_text()
    (tmp_path / "wide.html").write_text(text.replace("</main>", '<svg width="700" height="9"></svg></main>'))
    found = scrolled(browser, tmp_path / "wide.html")
    assert (found[0], found[-1]) == (320, 704)


@pytest.mark.parametrize("width", [320, 360, 390])
def test_the_text_of_a_figure_is_readable_on_a_phone(browser, pages, width):
    browser.open(pages / "whole.html", width=width)
    smallest = browser.evaluate("""Math.min(...[...document.querySelectorAll('svg[role=img]')].filter(
        svg => svg.getBoundingClientRect().width).map(svg => {
            const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
            return scale * Math.min(...[...svg.querySelectorAll('text')].map(
                text => parseFloat(getComputedStyle(text).fontSize))); }))""")
    assert smallest >= SMALLEST


def test_tick_labels_of_a_figure_never_collide(browser, pages):
    browser.open(pages / "whole.html")
    collisions = browser.evaluate("""[...document.querySelectorAll('[id*="axis"]')].flatMap(axis => {
        const boxes = [...axis.querySelectorAll('[id*="tick"] text')].map(text => text.getBoundingClientRect());
        return boxes.flatMap((one, at) => boxes.slice(at + 1).filter(other => one.left < other.right &&
            other.left < one.right && one.top < other.bottom && other.top < one.bottom).map(() => axis.id));
    })""")
    assert collisions == []


def test_every_head_of_a_column_is_explained_on_the_page(browser, pages):
    browser.open(pages / "whole.html")
    unexplained = browser.evaluate("""[...document.querySelectorAll('section')].flatMap(section => {
        const said = new Set([...section.querySelectorAll('.heads dt')].map(each => each.textContent));
        return [...section.querySelectorAll('.part:not(.grid) > .scroll thead th, details thead th')].map(
            head => head.textContent).filter(head => !said.has(head)); })""")
    assert {*unexplained} <= {"float32", "bfloat16"}  # which are names of formats


def test_a_phone_shows_a_page_without_faults_in_a_few_screens(browser, pages):
    browser.open(pages / "proved.html", width=390)
    assert browser.evaluate("document.documentElement.scrollHeight") < 14 * 850


def test_the_foot_says_by_what_it_was_made_and_when(browser, pages):
    browser.open(pages / "proved.html")
    foot = browser.evaluate("document.querySelector('footer').textContent")
    assert f"Judged on 2026-11-25 09:30 UTC by tiny-adder 0.1.0, commit {'c0' * 20}." in foot


def test_on_a_phone_a_wide_table_becomes_a_list_whose_values_are_named(browser, pages):
    browser.open(pages / "whole.html", width=360)
    heights = browser.evaluate("[...document.querySelectorAll('.stack thead')].map(each => each.offsetHeight)")
    assert max(heights) <= 1
    named = "getComputedStyle(document.querySelector('#tried td.right'), '::before').content"
    assert browser.evaluate(named) != "none"


def test_no_request_leaves(browser, pages):
    browser.open(pages / "whole.html")
    address = (pages / "whole.html").as_uri()
    assert [each for each in browser.requests if each != address and not each.startswith("data:")] == []


@pytest.mark.parametrize("index", range(len(samples.HOSTILE)))
def test_a_hostile_name_is_seen_as_text_and_does_nothing(browser, pages, index):
    browser.open(pages / f"hostile-{index}.html")
    assert browser.evaluate("document.querySelectorAll('script, img, iframe, h1 *:not(bdi)').length") == 0
    shown = browser.evaluate("document.querySelector('h1').textContent")
    visible = "".join(each for each in samples.HOSTILE[index] if each.isprintable())
    assert shown[:8] == visible[:8] or "\\" in shown


def test_the_policy_stops_a_script_that_got_in(browser, pages, tmp_path):
    text = (pages / "whole.html").read_text()
    (tmp_path / "bad.html").write_text(text.replace("</body>", "<script>document.title='owned'</script></body>"))
    browser.open(tmp_path / "bad.html")
    assert browser.evaluate("document.title") != "owned"
    assert any("Content Security Policy" in each for each in browser.complaints)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_the_paper_in_light_and_dark(browser, pages, dark):
    browser.open(pages / "whole.html", dark=dark)
    contrast = browser.evaluate("""(() => {
        const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(
            each => (each /= 255) <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const paper = light(getComputedStyle(document.body).backgroundColor);
        const ratio = colour => { const [x, y] = [light(colour), paper].sort((a, b) => b - a);
            return (x + 0.05) / (y + 0.05); };
        const texts = [...document.querySelectorAll('p, th, dd, dt, h1, h2, figcaption, .verdict, td.bad, td.warn')];
        const drawn = [...document.querySelectorAll('#figure-throughput-1 svg text')];
        return Math.min(...texts.map(each => ratio(getComputedStyle(each).color)),
                        ...drawn.map(each => ratio(getComputedStyle(each).fill))); })()""")
    assert contrast >= 4.5


def test_it_prints_on_a_few_pages(browser, pages, tmp_path):
    browser.open(pages / "whole.html")
    browser.print_to(tmp_path / "page.pdf")
    sheets = (tmp_path / "page.pdf").read_bytes().count(b"/Type /Page\n")
    assert 3 <= sheets <= 14
