"""Asking a subject for its graph, in the parent: its form is checked, and its forward is compared with it in every way.

What differs between two ways of calling a forward is not what it computes, and nothing is proved of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.addition.task import Task
from verify.anatomy import operands
from verify.anatomy.graph.evaluate import forced
from verify.anatomy.graph.forced import WAYS
from verify.anatomy.graph.nodes import RefusedError
from verify.anatomy.graph.read import Graph, read
from verify.errors import GraphError, ProtocolError

if TYPE_CHECKING:
    from verify.subject import Subject

_ON_EVERY_OPTION = "batch"
_COMPARED = 12  # sums, a third of which carry far
_SLOW = {"two threads": 2}  # small matrices take long on two threads where the machine is busy
_TIMES = 64  # as much as float32 moves the graph's own logits, the forward may; the proof's own bounds are narrower
_UNIT = {"float32": 1.0, "float64": 2.0**-29}  # of rounding, against float32's


@dataclass(frozen=True)
class Recording:
    """A subject's graph: a stranger's word, but for its form and what was compared.

    Attributes:
        graph: what was recorded.
        weights: the digest of the subject's tensors then, "" where it has none.
        compared: on how many sums its forward was compared with it, in each of `WAYS` but the slow ones.
    """

    graph: Graph
    weights: str
    compared: int

    def __str__(self) -> str:
        sizes = [len(step.nodes) for step in self.graph.steps]
        return (
            f"{len(sizes)} steps of {min(sizes):,} to {max(sizes):,} nodes in {self.graph.dtype}; the forward pass "
            f"says the same on {self.compared} sums, called in each of {len(WAYS)} ways; sha256 {self.graph.sha256}"
        )

    @property
    def summary(self) -> dict[str, Any]:
        """What is said of it, plain values."""
        return {
            "sha256": self.graph.sha256,
            "weights": self.weights,
            "dtype": self.graph.dtype,
            "prompt": len(self.graph.prompt),
            "nodes": [len(step.nodes) for step in self.graph.steps],
            "compared": self.compared,
            "ways": list(WAYS),
        }


def recording_of(subject: Subject, seed: int | None = None) -> Recording:
    """Return the graph of a subject.

    Args:
        subject: what is recorded.
        seed: of the operands that it is watched, recorded and compared on; None for one that nobody can know before.

    Raises:
        RefusedError: it cannot be recorded, or does something else; the message says why.
        ProtocolError: what comes back from the subject's process is no graph, or no logits.
    """
    random = np.random.default_rng(seed)
    before = subject.ask("weights_digest")
    told = subject.ask("recorded_graph", seed=int(random.integers(2**32)), is_data=subject.is_data)
    if isinstance(told, dict):
        raise RefusedError(told["refused"])
    graph = _read(subject, told)
    if graph.digits != subject.task.digits:  # what is true of other operands is no theorem about these
        raise RefusedError(f"its graph adds operands of {Task(graph.digits)}, and {subject.task} are asked")
    for way in (*WAYS, WAYS[0]):  # what changes from call to call is seen by the last
        compare(subject, graph, way, operands.carrying(random, _SLOW.get(way, _COMPARED), subject.task))
    compare(subject, graph, _ON_EVERY_OPTION, _every_option(random, subject.task))
    if subject.ask("weights_digest") != before:
        raise RefusedError("the forward pass changes its weights")
    return Recording(graph, before, _COMPARED)


def _every_option(random: np.random.Generator, task: Task) -> operands.Batch:
    """Return operands in which no pair of digits of any column is missing, of which a table may be wrong."""
    pairs = operands.of_every_option(random, task.digits)
    return task.array(a for a, _ in pairs), task.array(b for _, b in pairs)


def _read(subject: Subject, told: np.ndarray) -> Graph:
    if told.dtype != np.uint8:
        raise ProtocolError(f"{subject.spec} broke the protocol: its graph is no text")
    try:
        return read(told.tobytes())
    except GraphError as error:
        raise ProtocolError(f"{subject.spec} broke the protocol: {error}") from error


def compare(subject: Subject, graph: Graph, way: str, pairs: operands.Batch) -> None:
    """Compare a subject's forward with its graph, which is evaluated in float64.

    Args:
        subject: whose forward is called.
        graph: what was recorded of it.
        way: one of `WAYS`.
        pairs: two arrays of operands, int64 (N,).

    Raises:
        RefusedError: they differ by more than roundings do; the message says where.
        ProtocolError: what comes back from the subject's process are no logits.
    """
    a, b = pairs
    found = subject.ask("forced_outputs", a=a, b=b, way=way)
    if isinstance(found, dict):
        raise RefusedError(found["refused"])
    expected = forced(graph, a.tolist(), b.tolist(), "float64")  # (N, K, V)
    if found.shape != expected.shape:
        raise ProtocolError(f"{subject.spec} broke the protocol: logits of shape {found.shape}, not {expected.shape}")
    allowed = _allowed(graph, expected, a.tolist(), b.tolist())  # (K, 1)
    unseen = np.isnan(found).all(axis=2) if way == "add" else np.zeros(found.shape[:2], bool)  # (N, K)
    if unseen[:, 0].all():
        raise RefusedError("`add` calls the forward pass on other tokens than those that were learnt")
    is_close = np.isfinite(found) & (np.abs(found - expected) <= allowed)
    differs = np.argwhere(~is_close.all(axis=2) & ~unseen)
    if len(differs):
        place, step = differs[0].tolist()
        raise RefusedError(
            f"the forward pass computes something else than was recorded ({way}): "
            f"token {step + 1} of {a[place]} + {b[place]}, "
            f"by {np.abs(found - expected)[place, step].max():.3g} of a logit"
        )


def _allowed(graph: Graph, expected: np.ndarray, a: list[int], b: list[int]) -> np.ndarray:
    """Return how far logits may be from a graph's, float64 (K, 1), by how far rounding moves them on some sums."""
    moved = np.nan_to_num(np.abs(forced(graph, a, b, "float32") - expected)).max(axis=(0, 2))
    least = np.spacing(np.abs(expected).astype(np.float32)).max(axis=(0, 2))
    return np.asarray(_TIMES * _UNIT[graph.dtype] * np.maximum(moved, least))[:, None]
