"""The sections of every report, from evidence; a section whose evidence was not gathered says so, and how it is."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import replace
from statistics import median

from verify.report import columns, plane, plots, tables, transitions, verdict, words
from verify.report.blocks import Cell, Figure, Listing, Paragraph, Part, Row, Section, Table, collapsed
from verify.report.evidence import KINDS, Evidence, JSONObject

FEW = 3  # things that were left out; more are a table to be opened
CORRECTNESS, THROUGHPUT = "correctness", "throughput"

_KINDS_OF_PATH = (
    "A model run does the arithmetic of the weights for every token of every sum. What is memoised does it once for a "
    "model, then looks up, and is no model run. The floor is torch.add on the same operands: both read, one written."
)
_FORMS = (
    "Every form: the stratum names its cases by their form, such as the place and length of a chain; each of them was "
    "tried, with digits drawn where a form leaves them open."
)
_DRAWN = "A bound is of pairs drawn as the stratum draws them."
_RARE = "It says nothing of pairs that are rare among those drawn, such as long carry chains."


def sections(evidence: Evidence, *, whole: bool) -> list[Section]:
    """Return all sections in the order in which they are read.

    Args:
        evidence: what is known.
        whole: whether a section without evidence stands there and names the command that gathers it.
    """
    theorem = verdict.shows_theorem(evidence.correctness)
    found = [
        _counterexample(evidence),
        _by_columns(evidence),
        *([_transitions(evidence)] if theorem else []),
        _tried(evidence),
        _chains(evidence),
        _parameters(evidence),
        *([] if theorem else [_transitions(evidence)]),
        _plane(evidence),
        _throughput(evidence),
        _solver(evidence),
        _teeth(evidence),
        _environment(evidence),
    ]
    found = [section and replace(section, parts=list(map(_collapsed, section.parts))) for section in found]
    if not whole:
        command = f"adder-verify run {shlex.quote(_spec(evidence))}"
        return [replace(section, commands=(command,)) for section in found if section and section.parts]
    return [_complete(section, evidence) for section in found if section]


def _collapsed(part: Part) -> Part:
    return collapsed(part) if isinstance(part, Table) else part


def _complete(section: Section, evidence: Evidence) -> Section:
    """Return a section that says what of its evidence was not gathered, and what gathers it."""
    lacking = [KINDS[kind] for kind in section.kinds if getattr(evidence, kind) is None]
    said = [Paragraph(f"{kind.file} was not gathered. It is made by: {kind.command}", "soft") for kind in lacking]
    commands = dict.fromkeys(KINDS[kind].command for kind in section.kinds)
    return replace(section, parts=[*section.parts, *said], commands=section.commands or tuple(commands))


def _spec(evidence: Evidence) -> str:
    return words.name(evidence.correctness["subject"]["spec"]) if evidence.correctness else "SUBJECT"


def _counterexample(evidence: Evidence) -> Section | None:
    report = evidence.correctness
    if report is None or not report.get("counterexample"):
        return None
    found = report["counterexample"]
    parts: list[Part] = [Paragraph(verdict.equation(found), "strong"), tables.diagram(found)]
    if facts := _facts(found):
        parts.append(Table("What is known of it", [], facts))
    if found.get("card"):
        parts.append(Listing(words.block(found["card"]), "The card as the terminal shows it"))
    title = "The wrong sum that was seen" if report.get("disagreement") else "The counterexample"
    return Section("pair", title, parts, (CORRECTNESS,))


def _facts(found: JSONObject) -> list[Row]:
    facts = {
        "difference": None if type(found["got"]) is not int else f"{found['got'] - found['expected']:+,}",
        "found by": found.get("family"),
        "in stratum": found.get("stratum"),
        "why it is hard": found.get("reason"),
        "first wrong column": None
        if (place := found.get("first_wrong_column")) is None
        else f"{place + 1}, 1 the units",
        "first wrong step": None
        if found["first_wrong_step"] is None
        else verdict.wrong_step(found["first_wrong_step"]),
        "run it again": found.get("replay"),
    }
    return [[Cell(name, header=True), words.detail(value)] for name, value in facts.items() if value]


def _by_columns(evidence: Evidence) -> Section | None:
    proof = (evidence.correctness or {}).get("proof")
    if not proof or not proof.get("columns"):
        return None
    return Section("columns", "The theorem by columns", columns.parts(proof), (CORRECTNESS,))


def _tried(evidence: Evidence) -> Section:
    report = evidence.correctness
    parts: list[Part] = []
    if report is not None:
        rates = verdict.failure_rates(report)
        told = (
            f"Failure rate of uniform pairs, {'; '.join(rates)}. {_RARE}"
            if rates
            else "These cases bound no failure rate."
        )
        complete = any(row.get("complete") for row in report["strata"])
        forms = f"{_FORMS} {_DRAWN}" if complete else _DRAWN
        parts = [Paragraph(told), *tables.strata_by_outcome(report), Paragraph(forms, "soft"), tables.families(report)]
        left = verdict.cut_short(report)
        if len(left) > FEW:
            parts.append(Table("What was left out", ["what", "why"], [_left_out(each) for each in left], folded=True))
        elif left:
            parts.append(Paragraph(f"Left out: {'; '.join(left)}.", "warn"))
        parts += [tables.stages(report)] if report.get("stages") else []
    return Section("tried", "Where it was tried", parts, (CORRECTNESS,))


def _left_out(said: str) -> Row:
    what, _, why = said.partition(", ")
    return [what, why]


def _transitions(evidence: Evidence) -> Section:
    parts: list[Part] = []
    if evidence.anatomy or evidence.proof:
        parts.append(Paragraph(
            "Every step of every sum is one of 16 situations: the pair of bits that is added, and the state before it, "
            "a sum bit and perhaps a carry, c. "
            "The margin is the logit of the right state minus the best other. A precision holds where every margin is "
            "above the bound of all rounding errors that any admissible evaluation can make."
        ))  # fmt: skip
    if evidence.anatomy:
        parts.append(transitions.margins(evidence.anatomy))
    if evidence.proof:
        parts += transitions.against_bounds(evidence.proof)
        parts.append(transitions.precisions(evidence.proof))
    if evidence.bounds:
        parts.append(transitions.largest_errors(evidence.bounds))
    title = "The theorem, in 16 transitions" if verdict.shows_theorem(evidence.correctness) else "The 16 transitions"
    return Section("transitions", title, parts, ("anatomy", "proof", "bounds"))


def _plane(evidence: Evidence) -> Section:
    parts: list[Part] = []
    if evidence.anatomy:
        parts = [
            Paragraph(
                "The residual stream has two dimensions, so this is all of it. The tied head cuts the plane into four "
                "cones, one for each state; a step generates the state of the cone in which its point ends. Diamonds "
                "are the four embeddings, dots the final points, labelled with the pair and the state that lead there; "
                "c is a carry. Distance from the origin is drawn by its square root, rings tell it."
            ),
            plane.plane(evidence.anatomy),
            plane.path(evidence.anatomy),
            Paragraph(
                "A step goes from the embedding of the state (diamond) through attention (square) to the end (dot).",
                "soft",
            ),
        ]
    return Section("plane", "The plane", parts, ("anatomy",))


def _chains(evidence: Evidence) -> Section:
    parts: list[Part] = []
    within = (evidence.correctness or {}).get("chains")  # a run keeps them in its verdict
    rows = evidence.chains["rows"] if evidence.chains else within
    if rows:
        bases = sorted({row["base"] for row in rows}, reverse=True)
        drawn = [plots.chains([row for row in rows if row["base"] == base], base) for base in bases]
        cells = "A cell holds the cases tried there, or, in the colour of failure, how many failed."
        told = f"A carry chain is a column that generates a carry and the columns above that propagate it. {cells}"
        is_drawn = any(isinstance(part, Figure) for part in drawn)
        parts += [Paragraph(told if is_drawn else told.removesuffix(f" {cells}")), *drawn]
    return Section("chains", "Carry chains", parts, (CORRECTNESS if within else "chains",))


def _teeth(evidence: Evidence) -> Section:
    parts: list[Part] = []
    if evidence.kill_matrix and evidence.kill_matrix["mutants"]:
        mutants, names = evidence.kill_matrix["mutants"], evidence.kill_matrix["families"]
        survivors = [words.name(mutant["name"]) for mutant in mutants if not mutant["kills"]]
        told = (
            f"None of {len(mutants)} survives."
            if not survivors
            else f"{len(survivors)} survive: {', '.join(survivors)}."
        )
        parts = [
            Paragraph(f"A mutant is an adder that is wrong in one named way. {told}", "bad" if survivors else ""),
            plots.kill_matrix(evidence.kill_matrix),
            Table("Kills by family", ["family", "kills", "named for it", "kills alone"],
                  [_kills(mutants, family) for family in names], right=(1, 2, 3), folded=True),
            Table("Every mutant", ["mutant", "what is wrong", "named for", "killed by"],
                  [_killed(mutant) for mutant in mutants], folded=True),
        ]  # fmt: skip
    return Section("teeth", "The suite's teeth", parts, ("kill_matrix",))


def _kills(mutants: list[JSONObject], family: str) -> Row:
    killed = [mutant for mutant in mutants if family in mutant["kills"]]
    named = [mutant for mutant in mutants if mutant.get("named") == family]
    alone = [mutant for mutant in killed if len(set(mutant["kills"])) == 1]
    return [words.name(family), *(words.count(len(found)) for found in (killed, named, alone))]


def _killed(mutant: JSONObject) -> Row:
    by = ", ".join(words.name(family) for family in mutant["kills"])
    fault, named = words.detail(mutant.get("fault") or "-"), words.name(mutant.get("named") or "-")
    return [words.name(mutant["name"]), fault, named, by or Cell("survives", "bad")]


def _parameters(evidence: Evidence) -> Section:
    parts: list[Part] = []
    if evidence.correctness:
        parts.append(tables.parameters(evidence.correctness))
        notes = evidence.correctness["parameters"].get("notes")
        parts += [Paragraph(words.detail(note)) for note in (notes if isinstance(notes, list) else [notes]) if note]
        budget = tables.budget(evidence.correctness["parameters"])
        parts += [budget, Paragraph(f"{tables.USED}.", "soft")] if budget else []
    if evidence.correctness and evidence.correctness["nature"]["rows"]:
        parts.append(tables.nature(evidence.correctness))
    return Section("nature", "Parameters and nature", parts, (CORRECTNESS,))


def _throughput(evidence: Evidence) -> Section:
    parts: list[Part] = []
    if evidence.throughput and evidence.throughput["paths"]:
        rows = evidence.throughput["paths"]
        groups = plots.by_threads(rows)
        series = [found for group in groups.values() for found in plots.by_path(group).values()]
        parts = [
            Paragraph(_KINDS_OF_PATH),
            *(plots.throughput(group, threads) for threads, group in groups.items()),
            plots.speeds(
                "Every path at its best batch", [max(each, key=plots.median_speed) for each in series], folded=True
            ),
            plots.speeds("Every path at every batch", [row for found in series for row in found], folded=True),
            *plots.other_times(evidence.throughput),
        ]
    return Section("throughput", "Throughput", parts, ("throughput",), THROUGHPUT)


def _solver(evidence: Evidence) -> Section:
    parts: list[Part] = []
    if evidence.solver and evidence.solver["rows"]:
        rows = evidence.solver["rows"]
        parts = [
            Paragraph(
                "Weights come from the 16 transitions alone: no data set, no checkpoint. A seed is right where all 16 "
                "hold on the weights that the solver returns; the reference tests the weights of one step before."
            ),
            plots.solver(rows),
            Table("Over base seeds",
                  ["solver", "seeds", "declared solved", "right", "median steps", "median time", "smallest margin"],
                  [_solved(kind, found) for kind, found in plots.by_solver(rows).items()], right=(1, 2, 3, 4, 5, 6)),
        ]  # fmt: skip
    return Section("solver", "The solver", parts, ("solver",), THROUGHPUT)


def _solved(kind: str, rows: list[JSONObject]) -> Row:
    right = [row for row in rows if row["solved"]]
    steps = [row["steps"] for row in right if row["steps"] is not None]
    return [
        words.name(kind),
        words.count(len(rows)),
        words.count(sum(row["declared"] for row in rows)),
        Cell(words.count(len(right)), "good" if len(right) == len(rows) else "bad"),
        words.number(median(steps)) if steps else "-",
        words.seconds(median(row["seconds"] for row in rows)),
        words.number(min(row["margin"] for row in right)) if right else "-",
    ]


def _environment(evidence: Evidence) -> Section:
    parts: list[Part] = [
        tables.environment(f"{KINDS[name].file} was made on", found["environment"])
        for name, found in evidence.parts().items()
        if found.get("environment")
    ]
    rows: list[Row] = [
        [KINDS[name].file, found["schema"], Cell(digest(found), "code")] for name, found in evidence.parts().items()
    ]
    parts.insert(0, Table("Evidence that this report shows", ["file", "schema", "sha256"], rows, folded=True))
    if evidence.proof:
        parts.append(Paragraph(f"The certificate's own digest is {words.name(evidence.proof['digest'])}.", "soft"))
    return Section("environment", "Evidence and environment", parts, (), "", ("adder-verify report",))


def digest(found: JSONObject) -> str:
    """Return the sha256 of evidence as JSON with sorted keys and without spaces."""
    return hashlib.sha256(json.dumps(found, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
