"""Certificates of schema adder-columns/1: what the search found, with the words that the checker says itself."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verify.errors import CertificateError
from verify.files import read_bytes, write_bytes, write_text
from verify.proof.columns import checker

_LARGEST = 64 << 20  # bytes of a file
_GZIP = b"\x1f\x8b"


def complete(found: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole certificate.

    Args:
        found: its schema, graph and steps.
        record: what was seen and is not proved, plain values.
    """
    graph = found["graph"]
    trees = [tree for step in found["steps"] for query in step["queries"] for tree in query["trees"]]
    open_leaves = sum(tree.count(1) for tree in trees)
    words = {"statement": checker.statement(graph, open_leaves), "assumptions": dict(checker.ASSUMPTIONS)}
    return {**found, "sha256": checker.digest_of(graph), **words, "record": dict(record)}


def write(path: Path, certificate: Mapping[str, Any]) -> None:
    """Write a certificate to a file, whole or not at all: as gzip where its name ends in .gz.

    The same certificate gives the same bytes.

    Raises:
        OSError: it cannot be written.
        ValueError: its record holds a number that is not finite.
    """
    text = json.dumps(certificate, separators=(",", ":"), allow_nan=False) + "\n"
    if path.suffix == ".gz":
        write_bytes(path, gzip.compress(text.encode(), mtime=0))
    else:
        write_text(path, text)


def read(path: Path) -> Any:
    """Return what a file holds, JSON or gzip of it; None where it is no certificate of this schema.

    Raises:
        CertificateError: the file cannot be read, or is too large, or is gzip of something else.
    """
    data = b""
    try:
        data = read_bytes(path, _LARGEST)
        found = checker.read(data)
    except OSError as error:
        raise CertificateError(
            f"{path} cannot be read: {error.strerror}; adder-verify prove --out writes one"
        ) from error
    except ValueError as error:
        if data.startswith(_GZIP):
            raise CertificateError(f"{path} is no certificate: {error}; adder-verify prove --out writes one") from error
        return None
    return found if isinstance(found, dict) and found.get("schema") == checker.SCHEMA else None
