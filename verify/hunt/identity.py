"""What a campaign is about: the subject, its weights, the version of the suite, the name that its cases follow from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import PurePath
from typing import TYPE_CHECKING

from verify.hunt.shards import cases_digest

if TYPE_CHECKING:
    from verify.subject import Subject

_MEANING = {
    "name": "the campaign's name",
    "subject": "the subject",
    "sha256": "the digest of the subject's source",
    "weights": "the digest of its weights",
    "method": "the way of decoding",
    "version": "the version of the suite",
    "cases": "the digest of what the strata draw",
}


@dataclass(frozen=True)
class Identity:
    """What must be the same for cases to belong to one campaign.

    Attributes:
        name: what the cases follow from.
        subject: the spec without its folder, which may be another on another machine.
        sha256: of the subject's source, hex, or "".
        weights: of its tensors, hex, or "".
        method: the way of decoding, or None.
        version: of the suite.
        cases: digest of what the strata draw.
    """

    name: str
    subject: str
    sha256: str
    weights: str
    method: str | None
    version: str
    cases: str

    def difference(self, other: Identity) -> str:
        """Return in words the first thing in which another identity differs; "" where it is the same."""
        mine, theirs = asdict(self), asdict(other)
        for field in fields(self):
            if mine[field.name] != theirs[field.name]:
                return f"{_MEANING[field.name]} is {theirs[field.name] or 'none'}, not {mine[field.name] or 'none'}"
        return ""


def identify(subject: Subject, name: str) -> Identity:
    """Return the identity of the campaign of a name with a subject that was just loaded."""
    return Identity(
        name=name,
        subject=PurePath(subject.spec).name,
        sha256=subject.sha256,
        weights=str(subject.ask("weights_digest")),
        method=subject.method,
        version=metadata.version("tiny-adder"),
        cases=cases_digest(),
    )
