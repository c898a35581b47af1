"""The proof of a subject: its model read where it lives, certified here, and believed only when the checker accepts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from verify.addition.task import TEN
from verify.errors import VerifyError
from verify.proof.conclusion import Proof, TransitionsProof
from verify.subject import LoadedAdder, Subject
from verify.subject.loading import locate
from verify.subject.operations import operation
from verify.text import number, printable


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
    """Return whether a spec names our own ``add``, or a graph that ours decodes: what reads them is no stranger's code.

    To be asked before the subject is loaded: code that runs in this process may change what this answers.
    """
    location = locate(spec)
    return location.is_own or location.is_data


def is_recordable(subject: Subject, seed: int | None) -> bool:
    """Return whether a proof by columns can be tried: the model is none of our architecture, and has a graph."""
    try:
        return "refused" in subject.ask("architecture") and not isinstance(
            subject.ask("recorded_graph", seed=seed, is_data=subject.is_data), dict
        )
    except VerifyError:
        return False


def prove_subject(
    subject: Subject,
    *,
    known_decoder: bool,
    seed: int | None = None,
    time_left: Callable[[], float] = lambda: math.inf,
    stops_at_a_wrong_sum: bool = False,
    before: Mapping[str, Any] | None = None,
) -> Proof:
    """Return what can be proved of a subject; a theorem about its program only where its decoder is known.

    A model of our own architecture is proved by its transitions, any other by its columns.

    Args:
        subject: what is proved of.
        known_decoder: see `is_known_decoder`.
        seed: of the pairs on which a forward is watched, and compared; None for one that nobody can know before.
        time_left: seconds that a proof by columns may take.
        stops_at_a_wrong_sum: whether that is all that is asked for once ``add`` gave one.
        before: a certificate by columns from which to go on, where it is of this subject's graph.

    Raises:
        CertificateError: that one is damaged.
    """
    try:
        read = subject.ask("architecture")
    except VerifyError as error:
        return Proof(accepted=False, reason=str(error))
    if "refused" not in read and subject.task != TEN:
        return Proof(accepted=False, reason=f"its transitions are proved for {TEN} alone, and {subject.task} are asked")
    if "refused" not in read:
        return prove_transitions(subject, read, known_decoder=known_decoder)
    from verify.proof.columns.theorem import prove_columns

    return prove_columns(
        subject,
        known_decoder=known_decoder and subject.is_data,  # of our own model, the torch forward would be a recorded one
        seed=seed,
        time_left=time_left,
        stops_at_a_wrong_sum=stops_at_a_wrong_sum,
        before=before,
    )


def prove_transitions(subject: Subject, read: dict[str, Any], *, known_decoder: bool) -> Proof:
    """Return what the transitions of a model of our own architecture, as `architecture` read it, prove.

    Before it says so, every method is run on pairs in which every context occurs, and its logits are held against the
    bound: see `verify.proof.binding`.
    """
    from verify.proof import check, prove
    from verify.proof.weights import RefusalError

    try:
        record, objection, wrong = _record(subject, read, known_decoder=known_decoder)
        certificate = prove(read, record=record)
    except (RefusalError, VerifyError) as error:
        return Proof(accepted=False, reason=str(error))
    rejections = [f"the checker rejects the certificate: {each}" for each in check(certificate)]
    if rejections:
        return Proof(accepted=False, reason=rejections[0])
    proof = TransitionsProof(False, objection, certificate, wrong=wrong, contradicted=bool(objection))
    if proof.of_the_model != "PROVED":
        return replace(proof, reason=objection or certificate["reason"])
    if objection and known_decoder:
        objection = f"the weights are proved, but {objection}; this is a bug of adder-verify, please report it"
        return replace(proof, reason=objection, disagrees=True)
    if not objection and not known_decoder:
        objection = "the model is proved, but that add() always decodes it can be seen by no run of it"
    return replace(proof, accepted=not objection, reason=objection or certificate["reason"])


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
        found.setdefault(name, {})["largest error over its bound"] = number(float(share), 2)
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
