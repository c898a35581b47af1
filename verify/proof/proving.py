"""The proof of a subject: its model read where it lives, certified here, and believed only when the checker accepts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from verify.errors import VerifyError
from verify.subject import LoadedAdder, Subject
from verify.subject.loading import locate
from verify.subject.operations import operation


@dataclass(frozen=True)
class Proof:
    """What could be proved of a subject.

    Attributes:
        accepted: whether the theorem holds of the subject: its model is proved in the precision of its weights, the
            checker accepted the certificate, and the subject's way of decoding is known.
        reason: why, or why not, in one sentence.
        certificate: of the model, where it is of the architecture that the method knows; else None.
        is_wrong: whether ``add`` was seen to give a wrong sum.
    """

    accepted: bool
    reason: str
    certificate: dict[str, Any] | None = field(default=None, repr=False)
    is_wrong: bool = False

    @property
    def verdict(self) -> str:
        """What is proved of the subject; of its model alone where its program is not known to run it."""
        if self.certificate is None:
            return "NO PROOF"
        if self.accepted or self.certificate["verdict"] != "PROVED":
            return str(self.certificate["verdict"])
        return "COUNTEREXAMPLE" if self.is_wrong else "MODEL PROVED, ITS PROGRAM NOT"

    @property
    def exit_status(self) -> int:
        """0 for a subject that is proved, 1 for one that is refuted, 3 where neither could be decided."""
        return {"PROVED": 0, "COUNTEREXAMPLE": 1}.get(self.verdict, 3)

    def __str__(self) -> str:
        if self.certificate is None:
            return f"{self.verdict}: {self.reason}"
        rows = [
            f"  {row['precision']:<9} {mode['mode']:<24} {mode['outcome']:<10} "
            + (f"ratio {mode['ratio']}" if mode["ratio"] else mode["road"] or mode["reason"])
            for row in self.certificate["precisions"]
            for mode in row["modes"]
        ]
        assumed = [f"  {each['name']}: {each['text']}" for each in self.certificate["assumptions"]]
        parts = [f"{self.verdict}: {self.reason}", *rows, self.certificate["statement"], "assumptions:", *assumed]
        return "\n".join(parts)

    def as_json(self) -> dict[str, Any] | None:
        """Return {certificate, statement, margin, error_bound} for a report, or None where there is no certificate."""
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
        }


@operation
def architecture(loaded: LoadedAdder) -> dict[str, Any]:
    """Return the architecture of the model, or {"refused": why it is none that the method knows}."""
    from verify.proof.architecture import read_architecture
    from verify.proof.binding import compare_logits
    from verify.proof.weights import RefusalError

    try:
        found = read_architecture(loaded.model)
        if found["forward"] == "traced":
            compare_logits(loaded.model, found)
    except RefusalError as error:
        return {"refused": str(error)}
    return found


@operation
def step_function_fault(loaded: LoadedAdder) -> str:
    """Return where the machine that ``transitions(model)`` reports adds wrongly, in words; "" where it never does.

    A machine that an adder reports of itself proves nothing of its ``add``.
    """
    from verify.proof.automaton import StepFunction, StepFunctionError, counterexample

    try:
        wrong = counterexample(StepFunction.from_mapping(loaded.namespace.transitions(loaded.model)))
    except StepFunctionError as error:
        return str(error)
    return "" if wrong is None else f"it adds {wrong.a} + {wrong.b} to {wrong.got}, but should to {wrong.expected}"


def is_known_decoder(spec: str) -> bool:
    """Return whether a spec names our own ``add``, whose source is read with this suite and not guessed at.

    To be asked before the subject is loaded: code that runs in this process may change what this answers.
    """
    return locate(spec).is_own


def prove_subject(subject: Subject, *, known_decoder: bool) -> Proof:
    """Return what can be proved of a subject; a theorem about its program only where its decoder is known."""
    from verify.proof import check, prove
    from verify.proof.weights import RefusalError

    try:
        read = subject.ask("architecture")
        if "refused" in read:
            return Proof(accepted=False, reason=read["refused"])
        binding, objection = _bind(subject, read)
        certificate = prove(read, binding=binding)
    except (RefusalError, VerifyError) as error:
        return Proof(accepted=False, reason=str(error))
    rejections = [f"the checker rejects the certificate: {each}" for each in check(certificate)]
    if rejections:
        return Proof(accepted=False, reason=rejections[0])
    is_wrong = binding["decoding"] == "given"
    if certificate["verdict"] != "PROVED":
        return Proof(accepted=False, reason=certificate["reason"], certificate=certificate, is_wrong=is_wrong)
    if not objection and not known_decoder:
        objection = "the model is proved, but that add() always decodes it can be seen by no run of it"
    reason = objection or certificate["reason"]
    return Proof(accepted=not objection, reason=reason, certificate=certificate, is_wrong=is_wrong)


def _bind(subject: Subject, read: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return how ``add`` was tied to the model that was read, and why it was not, or ""."""
    from verify.proof.binding import compare_sums
    from verify.proof.weights import RefusalError

    binding = {"subject": subject.spec, "forward": read["forward"], "decoding": "given", "pairs": 0}
    try:
        pairs = compare_sums(subject.add)
    except RefusalError as error:
        return binding, str(error)
    objection = "" if subject.ask("architecture") == read else "the model is another after adding than before"
    return binding | {"decoding": "compared", "pairs": pairs}, objection
