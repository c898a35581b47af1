"""Has Coq check a file: coqc its proofs, coqchk what coqc made of them, and both their assumptions, by name.

Coq is given the text that is written for the numbers in the file (`verify.proof.coq.instance`), in a folder of its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify import interpreters
from verify.errors import CertificateError, CoqMissingError, CoqTimeoutError, NoTheoremError
from verify.files import Scratch, read_bytes
from verify.proof.certificate import check_routing
from verify.proof.coq.instance import THEOREMS, Instance, instance_of, left_out, read, theorem, told_precisions, written
from verify.proof.coq.integers import NotExactError
from verify.proof.coq.integers import check as check_integers
from verify.proof.weights import RefusalError
from verify.text import printable

PACKAGES = "apt-get install coq libcoq-flocq"
SECONDS = 900.0  # of coqc and coqchk each; measured: 6 and 30 seconds
_LARGEST = 4 << 20  # bytes of a file
_NAME = "AdderTheorem"

# Coq's real numbers rest on these, and Flocq on no others.
AXIOMS = {
    "Coq.Logic.Classical_Prop.classic": "excluded middle",
    "Coq.Logic.FunctionalExtensionality.functional_extensionality_dep": "functions that agree everywhere are equal",
    "Coq.Reals.ClassicalDedekindReals.sig_forall_dec": "a property of integers holds of all, or fails at one",
    "Coq.Reals.ClassicalDedekindReals.sig_not_dec": "a negation holds or not",
}


@dataclass(frozen=True)
class Checked:
    """What Coq said of a file.

    Attributes:
        objections: why it is rejected; empty where the theorems hold.
        instance: the network that the file is of.
        checkers: programs that accepted, with their versions.
        seconds: what each took.
    """

    objections: Sequence[str]
    instance: Instance
    checkers: Sequence[str] = ()
    seconds: Sequence[float] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result; where Coq accepts, with the theorems as they stand in the file, and their axioms."""
        found: dict[str, Any] = {"accepted": not self.objections, "objections": list(self.objections)}
        if self.objections:
            return found
        return found | {
            "checkers": list(self.checkers),
            "seconds": [round(each, 1) for each in self.seconds],
            "precisions": list(self.instance.precisions),
            "left out": left_out(self.instance),
            "weights": self.instance.network.weights.sha256,
            "theorems": {name: theorem(name) for name in THEOREMS},
            "axioms": AXIOMS,
        }

    def __str__(self) -> str:
        if self.objections:
            return "\n".join(f"rejected: {each}" for each in self.objections)
        took = [f"{name} in {each:.0f} s" for name, each in zip(self.checkers, self.seconds, strict=True)]
        return "\n".join([
            f"accepted by {' and '.join(took)}: weights sha256 {self.instance.network.weights.sha256},",
            f"in {told_precisions(self.instance)}",
            "what each theorem says in words: verify/proof/coq/README.md",
            *(theorem(name) for name in THEOREMS),
            "axioms, those of Coq's real numbers and no others:",
            *(f"  {name}: {words}" for name, words in AXIOMS.items()),
        ])  # fmt: skip


def is_coq(path: Path) -> bool:
    """Return whether a file is one for Coq, by its name."""
    return path.suffix == ".v"


def check_file(path: Path, *, seconds: float = SECONDS) -> Checked:
    """Return what Coq says of a file that ``adder-verify prove --coq`` wrote.

    Raises:
        CertificateError: the file cannot be read, or is none that would be written; the message names the line.
        CoqMissingError: Coq or Flocq is not installed; the message names the packages.
        CoqTimeoutError: Coq took longer than ``seconds``.
    """
    try:
        text = read_bytes(path, _LARGEST).decode()
    except OSError as error:
        raise CertificateError(
            f"{path} cannot be read: {error.strerror}; adder-verify prove --coq writes one"
        ) from None
    except UnicodeDecodeError as error:
        raise CertificateError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}") from None
    try:
        instance = read(text)
    except CertificateError as error:
        raise CertificateError(f"{path}: {error}") from None
    return check_instance(instance, seconds=seconds)


def check_instance(instance: Instance, *, seconds: float = SECONDS) -> Checked:
    """Return what Coq says of an instance; see `check_file`."""
    reasons = _reasons(instance)
    if reasons:
        return Checked(reasons, instance)
    with Scratch() as folder:
        (folder / f"{_NAME}.v").write_text(written(instance), encoding="utf-8")
        first = compile_file(folder, _NAME, seconds)
        objections = first.objections + assumed(first.output)
        if objections:
            return Checked(objections, instance)
        second = run(["coqchk", "-silent", "-o", _NAME], folder, seconds)
    objections = second.objections + summarised(second.output)
    versions = [f"{name} {version()}" for name in ("coqc", "coqchk")]
    return Checked(objections, instance, versions, (first.seconds, second.seconds))


def checkers_of(certificate: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the programs of Coq's that accept the theorem of a certificate, with version and seconds.

    None are returned where Coq is not installed or too slow, or there is no theorem in Coq of these weights. Where Coq
    rejects what our own checker accepted, which another version of Coq may do, its reason stands under ``rejected``.
    """
    try:
        checked = check_instance(instance_of(certificate))
        if checked.objections:
            return [{"name": "Coq", "version": version(), "rejected": checked.objections[0]}]
    except (NoTheoremError, CoqMissingError, CoqTimeoutError):
        return []
    names = (each.split(" ") for each in checked.checkers)
    return [
        {"name": name, "version": number, "seconds": round(seconds, 1)}
        for (name, number), seconds in zip(names, checked.seconds, strict=True)
    ]


def _reasons(instance: Instance) -> list[str]:
    """Return why Coq would refuse an instance; that it would not is for Coq to say."""
    if not instance.precisions:
        return ["it names no precision, and so claims nothing"]
    reasons = []
    try:
        check_routing(instance.visible)
    except RefusalError as error:
        reasons.append(str(error))
    for precision in instance.precisions:
        try:
            check_integers(instance.network, instance.table, instance.carries, precision)
        except NotExactError as error:
            reasons.append(f"in {precision} {error}")
    return reasons


# ---------------------------------------------------------------------- Coq


@dataclass(frozen=True)
class Ran:
    """What a program of Coq's said: what it printed, and why it failed."""

    output: str
    objections: list[str]
    seconds: float


def compile_file(folder: Path, name: str, seconds: float = SECONDS, options: Sequence[str] = ()) -> Ran:
    """Return what coqc says of a file of our own making.

    Raises:
        CoqMissingError, CoqTimeoutError: see `check_file`.
    """
    return run(["coqc", "-q", "-w", "none", *options, f"{name}.v"], folder, seconds)


def version() -> str:
    """Return the version of Coq.

    Raises:
        CoqMissingError: there is none.
    """
    with Scratch() as folder:
        return run(["coqc", "--print-version"], folder, SECONDS).output.split(" ")[0]


def run(command: list[str], folder: Path, seconds: float) -> Ran:
    """Return what a program of Coq's says.

    Raises:
        CoqMissingError, CoqTimeoutError: see `check_file`.
    """
    if shutil.which(command[0], path=interpreters.environment().get("PATH")) is None:
        raise CoqMissingError(f"{command[0]} is not installed; {PACKAGES}")
    started = time.monotonic()
    env = interpreters.environment(HOME=str(folder))  # Coq looks for libraries of a user's own in ~/.local/share/coq
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with interpreters.start(
        command, folder=folder, env=env, stdin=nothing, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise CoqTimeoutError(
                f"{command[0]} did not come to an end in {seconds:g} s; is the machine busy?"
            ) from None
        except BaseException:
            process.kill()
            raise
    if re.search(r"(prefix|suffix) Flocq", errors):
        raise CoqMissingError(f"Flocq is not installed; {PACKAGES}")
    said = printable(" ".join(errors.split()) or f"exit status {process.returncode}", 400)
    return Ran(output + errors, [f"{command[0]}: {said}"] if process.returncode else [], time.monotonic() - started)


def assumed(output: str) -> list[str]:
    """Return what is wrong with the assumptions that coqc prints, once and of all theorems, after Print Assumptions."""
    known = {".".join(name.split(".")[-2:]) for name in AXIOMS}  # as coqc shortens them
    lines = [line for line in output.splitlines() if line and not line.startswith(" ")]
    names = {re.split(r"\s*:", line)[0] for line in lines if line != "Axioms:"}
    objections = [f"a theorem assumes {printable(name)}" for name in sorted(names - known)]
    if lines.count("Axioms:") != 1:
        objections.append("coqc printed no assumptions, or more than once")
    return objections


def summarised(output: str) -> list[str]:
    """Return what is wrong with the summary that coqchk prints of everything that was loaded."""
    parts = dict(re.findall(r"^\* ([^:]+):(.*(?:\n(?!\*).*)*)", output, re.MULTILINE))
    axioms = set(parts.get("Axioms", "").split())
    objections = [f"coqchk finds the axiom {printable(name)}" for name in sorted(axioms - set(AXIOMS))]
    for name, found in parts.items():
        if name.startswith(("Constants", "Inductives")) and found.strip() != "<none>":
            objections.append(f"coqchk finds {printable(name)}: {printable(found.strip())}")
    if "Axioms" not in parts or len(parts) < 5:
        objections.append("coqchk prints no summary of what is assumed")
    return objections
