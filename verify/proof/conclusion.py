"""What a proof of a subject came to, by whichever method it was tried."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.proof.checker import recorded

# A bug of this project, to be reported: no verdict on the subject can stand beside it.
DISAGREEMENT = "THE PROOF AND THE RUN DISAGREE"
NONE = "NO PROOF"


@dataclass(frozen=True)
class Proof:
    """What could be proved of a subject; as it stands, nothing.

    Attributes:
        accepted: whether the theorem holds of the subject: its model is proved, the checker accepted the certificate,
            and the subject's way of decoding is known.
        reason: why, or why not, in one sentence.
        certificate: of the model, where a method applies to it; else None.
        wrong: a pair that ``add`` itself was seen to add wrongly, or None.
        disagrees: whether our own program, run on weights that are proved, was seen to do what the theorem excludes.
        contradicted: whether something that was run, ``add`` or a method, speaks against the model.
    """

    accepted: bool
    reason: str
    certificate: dict[str, Any] | None = field(default=None, repr=False)
    wrong: tuple[int, int] | None = None
    disagrees: bool = False
    contradicted: bool = False

    @property
    def of_the_model(self) -> str:
        """The verdict on the model alone: PROVED, NO COUNTEREXAMPLE, COUNTEREXAMPLE or UNDECIDED."""
        return "UNDECIDED"

    @property
    def verdict(self) -> str:
        """What is proved of the subject; of its model alone where its program is not known to run it."""
        if self.disagrees:
            return DISAGREEMENT
        if self.wrong is not None:
            return "COUNTEREXAMPLE"
        if self.certificate is None:
            return NONE
        found = self.of_the_model
        if self.contradicted and found in {"NO COUNTEREXAMPLE", "PROVED"}:
            return "UNDECIDED"  # something that was run, if not add itself, is not what is proved
        if self.accepted or found != "PROVED":
            return found
        return "MODEL PROVED"

    @property
    def exit_status(self) -> int:
        """0 for a theorem, 1 for a counterexample, 3 where there is neither."""
        return {"PROVED": 0, "MODEL PROVED": 0, "COUNTEREXAMPLE": 1}.get(self.verdict, 3)

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    def as_json(self) -> dict[str, Any] | None:
        """Return {certificate, statement, margin, error_bound, accepted, reason} for a report; None for no proof."""
        return None

    def write(self, path: Path) -> None:
        """Write the certificate to a file; nothing where there is none.

        Raises:
            OSError: it cannot be written.
        """


class TransitionsProof(Proof):
    """What the 16 transitions of a model of our own architecture prove of it."""

    @property
    def of_the_model(self) -> str:
        """The verdict of the certificate."""
        return "" if self.certificate is None else str(self.certificate["verdict"])

    def __str__(self) -> str:
        if self.certificate is None:
            return super().__str__()
        rows = [
            f"  {row['precision']:<9} {mode['mode']:<24} {mode['outcome']:<10} "
            + (f"ratio {mode['ratio']}" if mode["ratio"] else mode["road"] or mode["reason"])
            for row in self.certificate["precisions"]
            for mode in row["modes"]
        ]
        assumed = [f"  {each['name']}: {each['text']}" for each in self.certificate["assumptions"]]
        parts = [super().__str__(), *rows, self.certificate["statement"], "assumptions:", *assumed]
        seen = [f"  {line}" for line in recorded(self.certificate["record"])]
        return "\n".join([*parts, "recorded, and no part of the theorem:", *seen])

    def write(self, path: Path) -> None:
        """Write the certificate to a file, whole or not at all."""
        from verify.proof.certificate import write_certificate

        if self.certificate is not None:
            write_certificate(path, self.certificate)

    def as_json(self) -> dict[str, Any] | None:
        """Return the proof for a report: its margin and error bound in logits, in the precision of the weights.

        ``checkers`` are the programs that accepted the certificate, without which there is none here.
        """
        if self.certificate is None:
            return None
        dtype = self.certificate["architecture"]["dtype"]
        own = next(row for row in self.certificate["precisions"] if row["precision"] == dtype)
        errors = [float(error) for mode in own["modes"] for row in mode["errors"] for error in row]
        return {
            "certificate": self.certificate,
            "statement": self.certificate["statement"],
            "margin": None if own["margin"] is None else float(own["margin"]),
            "error_bound": max(errors, default=None),
            "accepted": self.accepted,
            "reason": self.reason,
            "checkers": [{"name": "standard library", "version": platform.python_version()}],
        }
