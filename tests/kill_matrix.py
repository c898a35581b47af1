"""Which family of claims kills which mutant: ``python -m tests.kill_matrix reports/data/kill_matrix.json``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tests.mutants import MUTANTS
from tests.mutation import families, killers
from verify.files import write_json
from verify.made import made
from verify.report.evidence import KINDS, check


def kill_matrix(names: list[str], against: list[str]) -> dict[str, Any]:
    """Return the evidence of mutants by name, each tried against each family of claims."""
    rows = []
    for name in tqdm(names, unit="mutant"):
        mutant = MUTANTS[name]
        found = killers(name, against, mutant.cases)
        rows.append({"name": name, "named": mutant.family, "fault": mutant.fault, "kills": found})
    return {"schema": KINDS["kill_matrix"].schema, "made": made(), "families": against, "mutants": rows}


def main() -> None:
    """Write the matrix of all mutants and families, or of those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill_matrix", description=__doc__)
    parser.add_argument("out", type=Path, help="the file of evidence to write")
    parser.add_argument("--mutants", nargs="*", choices=list(MUTANTS), metavar="NAME", help="default: all")
    parser.add_argument("--families", nargs="*", choices=families(), metavar="FAMILY", help="default: all")
    chosen = parser.parse_args()
    matrix = kill_matrix(chosen.mutants or list(MUTANTS), chosen.families or families())
    check("kill_matrix", matrix, str(chosen.out))
    write_json(chosen.out, matrix)


if __name__ == "__main__":
    main()
