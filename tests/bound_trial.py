"""How near every path comes to the certified bound: ``python -m tests.bound_trial reports/data/bounds.json``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tests.proof.paths import PATHS
from tests.proof.test_falsification import climb
from tests.proof.test_paths import largest_by_path
from verify.files import write_json
from verify.made import made
from verify.proof.formats import FORMATS
from verify.report.evidence import KINDS, check

STEPS = 200  # of each climb


def bound_trial(precisions: list[str], steps: int) -> dict[str, Any]:
    """Return the evidence of all paths: the largest error over its bound, on drawn and on climbed weights."""
    rows = []
    for precision in tqdm(precisions, unit="precision"):
        drawn = largest_by_path(precision)
        for path in PATHS:
            climbed = round(climb(path, precision, steps), 3)
            rows.append({"path": path, "precision": precision, "drawn": float(drawn[path]), "climbed": climbed})
    return {"schema": KINDS["bounds"].schema, "made": made(), "steps": steps, "rows": rows}


def main() -> None:
    """Write what the trial of all paths finds."""
    parser = argparse.ArgumentParser(prog="python -m tests.bound_trial", description=__doc__)
    parser.add_argument("out", type=Path, help="the file of evidence to write")
    parser.add_argument("--precisions", nargs="*", choices=list(FORMATS), default=list(FORMATS), help="default: all")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each climb (default: {STEPS})")
    chosen = parser.parse_args()
    found = bound_trial(chosen.precisions, chosen.steps)
    check("bounds", found, str(chosen.out))
    write_json(chosen.out, found)


if __name__ == "__main__":
    main()
