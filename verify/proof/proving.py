"""The proof of a subject: its model read where it lives, certified here, and believed only when the checker accepts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from verify.errors import VerifyError
from verify.proof.checker import recorded
from verify.subject import LoadedAdder, Subject
from verify.subject.loading import locate
from verify.subject.operations import operation
from verify.text import printable

# A bug of this project, to be reported: no verdict on the subject can stand beside it.
DISAGREEMENT = "THE PROOF AND THE RUN DISAGREE"


@dataclass(frozen=True)
class Proof:
    """What could be proved of a subject.

    Attributes:
        accepted: whether the theorem holds of the subject: its model is proved in the precision of its weights, the
            checker accepted the certificate, and the subject's way of decoding is known.
        reason: why, or why not, in one sentence.
        certificate: of the model, where it is of the architecture that the method knows; else None.
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
    def verdict(self) -> str:
        """What is proved of the subject; of its model alone where its program is not known to run it."""
        if self.certificate is None:
            return "NO PROOF"
        if self.disagrees:
            return DISAGREEMENT
        if self.wrong is not None:
            return "COUNTEREXAMPLE"
        found = str(self.certificate["verdict"])
        if self.contradicted and found == "NO COUNTEREXAMPLE":
            return "UNDECIDED"  # a method was seen to add wrongly, if not add itself
        if self.accepted or found != "PROVED":
            return found
        return "MODEL PROVED, ITS PROGRAM NOT"

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
        seen = [f"  {line}" for line in recorded(self.certificate["record"])]
        return "\n".join([*parts, "recorded, and no part of the theorem:", *seen])

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
def tensors(loaded: LoadedAdder) -> list[dict[str, Any]]:
    """Return the tensors of a torch module or a state dict as plain bytes: dtype, shape and a uint8 array of each."""
    import torch

    held = loaded.model.state_dict() if isinstance(loaded.model, torch.nn.Module) else loaded.model
    found = []
    for tensor in held.values():
        if isinstance(tensor, torch.Tensor):
            plain = tensor.detach().cpu().contiguous()
            raw = plain.reshape(-1).view(torch.uint8).numpy().copy()
            found.append({"dtype": str(plain.dtype).removeprefix("torch."), "shape": list(plain.shape), "bytes": raw})
    return found


@operation
def sums_by_method(loaded: LoadedAdder, *, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """Return the sums, int64 (N,), of operands, int64 (N,) each, by each method of an adder, or why there are none."""
    found: dict[str, Any] = {}
    for name in map(str, loaded.namespace.METHODS):
        try:
            found[name] = replace(loaded, method=name).many("add_batch", a, b)["sums"]
        except MemoryError:
            raise
        except Exception as error:  # what a stranger's code raises is an answer
            found[name] = f"{type(error).__name__}: {printable(str(error))}"
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
    """Return what can be proved of a subject; a theorem about its program only where its decoder is known.

    Before it says so, every method is run on pairs in which every context occurs, and its logits are held against the
    bound: see `verify.proof.binding`.
    """
    from verify.proof import check, prove
    from verify.proof.weights import RefusalError

    try:
        read = subject.ask("architecture")
        if "refused" in read:
            return Proof(accepted=False, reason=read["refused"])
        record, objection, wrong = _record(subject, read, known_decoder=known_decoder)
        certificate = prove(read, record=record)
    except (RefusalError, VerifyError) as error:
        return Proof(accepted=False, reason=str(error))
    rejections = [f"the checker rejects the certificate: {each}" for each in check(certificate)]
    if rejections:
        return Proof(accepted=False, reason=rejections[0])
    if certificate["verdict"] != "PROVED":
        reason = objection or certificate["reason"]
        return Proof(accepted=False, reason=reason, certificate=certificate, wrong=wrong, contradicted=bool(objection))
    disagrees = known_decoder and bool(objection)
    if disagrees:
        objection = f"the weights are proved, but {objection}; this is a bug of adder-verify, please report it"
    if not objection and not known_decoder:
        objection = "the model is proved, but that add() always decodes it can be seen by no run of it"
    reason = objection or certificate["reason"]
    return Proof(not objection, reason, certificate, wrong=wrong, disagrees=disagrees)


def _record(
    subject: Subject, read: dict[str, Any], *, known_decoder: bool
) -> tuple[dict[str, Any], str, tuple[int, int] | None]:
    """Return what was seen of a subject whose model was read; what speaks against it, or ""; a pair added wrongly.

    Raises:
        RefusalError: the weights that were read are not those of the subject's file, or of its tensors' bytes.
    """
    from verify.proof.binding import check_bytes, compare_sums
    from verify.proof.weights import RefusalError, WrongSumError

    check_bytes(read, subject.ask("tensors"))
    record = {"subject": subject.spec, "weights": _origin(subject, read, known_decoder), "forward": read["forward"]}
    unseen = {"decoding": "given", "pairs": 0, "methods": {}}
    try:
        pairs = compare_sums(subject.add)
        methods = compare_methods(subject, read)
    except RefusalError as error:
        return record | unseen, str(error), error.pair if isinstance(error, WrongSumError) else None
    objection = "" if subject.ask("architecture") == read else "the model is another after adding than before"
    return record | {"decoding": "compared", "pairs": pairs, "methods": methods}, objection, None


def _origin(subject: Subject, read: dict[str, Any], known_decoder: bool) -> str:
    """Return by what way the weights of a subject came here, a name of `verify.proof.checker.RECORDED`.

    Raises:
        RefusalError: a file of weights holds others than were read.
    """
    from verify.proof.weights import RefusalError

    if subject.isolation != "off":
        return "sent"
    if not known_decoder:
        return "unguarded"
    file = locate(subject.spec).weights
    if file is None:
        return "own"
    import torch

    from verify.proof.architecture import read_architecture

    held = read_architecture(torch.load(file, map_location="cpu", weights_only=True))
    if (held["dtype"], held["weights"]) != (read["dtype"], read["weights"]):
        raise RefusalError(f"{file} holds other weights than the model that was made of it")
    return "file"


def compare_methods(subject: Subject, read: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what was compared of each of a subject's methods: sums, and the largest error of a logit over its bound.

    Raises:
        WrongSumError: a method gives a wrong sum.
        RefusalError: a method gives no sums, or a logit outside its bound.
    """
    if not {"METHODS", "add_batch"} <= subject.abilities:
        return {}
    from verify.proof.binding import claims, covering_pairs, forced_ids, largest_share
    from verify.proof.weights import RefusalError

    a, b = (np.array(operand) for operand in zip(*covering_pairs(), strict=True))
    found: dict[str, dict[str, Any]] = {}
    for name, sums in subject.ask("sums_by_method", a=a, b=b).items():
        _check_sums(name, sums, a, b)
        found[name] = {"sums": len(a)}
    if "forced_logits" not in subject.abilities:
        return found
    try:
        claimed = claims(read)
    except RefusalError:  # no bound, no proof, and nothing to compare with
        return found
    ids = forced_ids()
    for name in subject.ask("methods_with_logits"):
        logits = subject.ask("forced_logits", ids=ids, method=name)
        try:
            share = largest_share(claimed, logits)
        except (RefusalError, ValueError) as error:
            raise RefusalError(f"by method {name}, {error}") from error
        found.setdefault(name, {})["largest error over its bound"] = f"{float(share):.2g}"
    return found


def _check_sums(name: str, sums: Any, a: np.ndarray, b: np.ndarray) -> None:
    from verify.proof.weights import RefusalError, WrongSumError

    if not isinstance(sums, np.ndarray) or sums.shape != a.shape:
        raise RefusalError(f"add_batch by method {name} gives no sums: {sums}")
    wrong = np.flatnonzero(sums != a + b)
    if len(wrong):
        x, y, got = (int(each[wrong[0]]) for each in (a, b, sums))
        raise WrongSumError(
            f"add_batch([{x}], [{y}], method={name!r}) = [{got}], but should be [{x + y}]: "
            f"{len(wrong)} of {len(a)} sums are wrong"
        )
