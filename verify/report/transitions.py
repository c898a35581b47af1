"""The 16 transitions as maps of 4 x 4: margins as they are, and against the error bound of each precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

from verify.report import words
from verify.report.blocks import Cell, Paragraph, Row, Table
from verify.report.evidence import JSONObject

STATES = ("0", "1", "0 c", "1 c")
PAIRS = ("0 + 0", "0 + 1", "1 + 0", "1 + 1")
HEADERS = ["pair", *(f"after {state}" for state in STATES)]
_HOTTEST = 5
_OUTCOMES = {"proved": ("holds", "good"), "refuted": ("refuted", "bad"), "at risk": ("at risk", "bad")}  # as told here
_HOTTEST_RATIO = math.log(1e4)


def margins(anatomy: JSONObject) -> Table:
    """Return the margin of every transition, and below it the state that follows."""
    found = {(row["pair"], row["state"]): row for row in anatomy["transitions"]}
    most = max((row["margin"] for row in found.values()), default=0)

    def cell(pair: int, state: int) -> Cell:
        row = found.get((pair, state))
        if row is None:
            return Cell("-", "soft")
        if row["chosen"] != row["target"]:
            return Cell(
                words.number(row["margin"]), "bad", note=f"gives {STATES[row['chosen']]}, not {STATES[row['target']]}"
            )
        return Cell(words.number(row["margin"]), _heat(row["margin"], most), note=f"gives {STATES[row['target']]}")

    return _map("Margin of each transition, in logits", cell)


def against_bounds(proof: JSONObject) -> list[Table | Paragraph]:
    """Return margin over error bound of every transition, one map for precisions that have the same.

    A map that would be of one colour is a sentence.
    """
    maps: dict[str, dict[str, tuple[list[str], list[Row]]]] = {}  # by outcome and mode, by cells
    for precision in proof["precisions"]:
        if precision["transitions"] and precision["modes"]:
            mode = min(precision["modes"], key=lambda each: (each["outcome"] == "proved", _ratio(each)))
            rows = _ratio_rows(precision, mode)
            names, _ = maps.setdefault(f"{_outcome(mode)[0]}, {mode['mode']}", {}).setdefault(str(rows), ([], rows))
            names.append(words.name(precision["precision"]))
    return [
        _flat(rows, names)
        or Table(f"Margin over error bound in {', '.join(names)}: {words.name(outcome)}", HEADERS, rows, look="grid")
        for outcome, found in maps.items()
        for names, rows in found.values()
    ]


def _flat(rows: list[Row], names: list[str]) -> Paragraph | None:
    """Return a map that says "exact" everywhere as a sentence."""
    if {cell.text for row in rows for cell in row[1:] if isinstance(cell, Cell)} != {"exact"}:
        return None
    return Paragraph(f"In {', '.join(names)} no operation of any transition rounds: no margin can be lost to an error.")


def largest_errors(bounds: JSONObject) -> Table:
    """Return how near each way of running weights came to the certified bound.

    It is told of weights that were drawn, and of those that a climb made of them, whose steps enlarge the error.
    """
    precisions = list(dict.fromkeys(row["precision"] for row in bounds["rows"]))
    found = {(row["path"], row["precision"]): row for row in bounds["rows"]}
    rows: list[Row] = [
        [words.name(path), *(_share(found.get((path, precision))) for precision in precisions)]
        for path in dict.fromkeys(row["path"] for row in bounds["rows"])
    ]
    steps = f"{bounds['steps']:,} steps"
    title = f"Largest error over its bound, above 1 if it did not hold: weights drawn, and climbed in {steps}"
    headers = ["path", *map(words.name, precisions)]
    return Table(title, headers, rows, right=tuple(range(1, len(headers))), folded=True)


def _share(row: JSONObject | None) -> str:
    return "-" if row is None else f"{row['drawn']:.3f}, {row['climbed']:.3f}"


def _ratio_rows(precision: JSONObject, mode: JSONObject) -> list[Row]:
    logits = {(row["pair"], row["state"]): row["logits"] for row in precision["transitions"]}
    errors = dict(zip(sorted(logits), mode.get("errors") or [], strict=False))

    def cell(pair: int, state: int) -> Cell:
        if (pair, state) not in logits or (pair, state) not in errors:
            return Cell("-", "soft")
        margin, bound = _closest(logits[pair, state], errors[pair, state])
        told = f"{words.number(float(margin), 2)} over {words.number(float(bound), 2)}"
        if not bound:
            return Cell("exact", "heat-5", note=told)
        ratio = float(margin / bound)
        return Cell(words.number(ratio), _heat(math.log(ratio), _HOTTEST_RATIO) if ratio > 1 else "bad", note=told)

    return _map("", cell).rows


def precisions(proof: JSONObject) -> Table:
    """Return what holds in each precision and mode; the word proved is for the verdict alone."""
    rows: list[Row] = []
    for precision in proof["precisions"]:
        for mode in precision["modes"]:
            errors = [Decimal(error) for row in mode.get("errors") or [] for error in row]
            rows.append([
                words.name(precision["precision"]),
                words.name(mode["mode"]),
                Cell(*_outcome(mode)),
                _decimal(precision.get("margin")),
                _decimal(max(errors)) if errors else "-",
                "exact" if mode.get("road") == "exact" else _decimal(mode.get("ratio")),
                words.detail(mode.get("reason") or ("no operation rounds" if mode.get("road") == "exact" else "")),
            ])  # fmt: skip
    headers = ["precision", "mode", "outcome", "least margin", "largest error bound", "least ratio", "because"]
    held = all(mode["outcome"] == "proved" for precision in proof["precisions"] for mode in precision["modes"])
    return Table("What holds in which precision", headers, rows, right=(3, 4, 5), folded=held)


def _outcome(mode: JSONObject) -> tuple[str, str]:
    return _OUTCOMES.get(mode["outcome"], (words.name(mode["outcome"]), "warn"))


def _map(title: str, cell: Callable[[int, int], Cell]) -> Table:
    rows: list[Row] = [
        [Cell(PAIRS[pair], header=True), *(cell(pair, state) for state in range(4))] for pair in range(4)
    ]
    return Table(title, HEADERS, rows, look="grid")


def _closest(logits: list[list[str]], errors: list[str]) -> tuple[Decimal, Decimal]:
    """Return the margin over the rival that comes closest, and the error bound of the two logits."""
    low, high = ([Decimal(each[side]) for each in logits] for side in (0, 1))
    bounds = [Decimal(error) for error in errors]
    winner = max(range(len(low)), key=low.__getitem__)
    pairs = [
        (low[winner] - high[rival], bounds[winner] + bounds[rival]) for rival in range(len(low)) if rival != winner
    ]
    return min(pairs, key=lambda pair: (pair[0] / pair[1] if pair[1] else Decimal("Infinity"), pair[0]))


def _ratio(mode: JSONObject) -> Decimal:
    return Decimal(mode["ratio"]) if mode.get("ratio") else Decimal("Infinity")


def _decimal(value: object) -> str:
    return "-" if value is None else words.number(float(str(value)))


def _heat(value: float, most: float) -> str:
    share = value / most if most > 0 else 0
    return f"heat-{max(1, min(_HOTTEST, round(share * _HOTTEST)))}"
