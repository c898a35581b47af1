"""What the columns of a stranger's adder prove of it: its forward recorded, searched, certified and checked again.

The certificate alone is the theorem, and the checker alone says so. What was run beside it can only speak against it:
the forward on drawn pairs, against what its graph allows; ``add`` on pairs where the forward is wrong.
"""

from __future__ import annotations

import math
import platform
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.anatomy.graph.asking import recording_of
from verify.anatomy.graph.evaluate import write
from verify.anatomy.graph.nodes import RefusedError
from verify.anatomy.graph.read import of
from verify.errors import CertificateError, ProtocolError, VerifyError
from verify.proof.columns import checker
from verify.proof.columns.certificate import complete
from verify.proof.columns.certificate import write as write_certificate
from verify.proof.columns.proving import Searched, StepFound, UnfaithfulError, drawn, search_again, search_graph
from verify.proof.columns.search import SPARE
from verify.proof.conclusion import Proof
from verify.proof.weights import RefusalError
from verify.subject.answers import as_sum
from verify.text import number, plural, seconds

if TYPE_CHECKING:
    from verify.anatomy.graph.read import Graph
    from verify.proof.columns.checker import Verdict
    from verify.proof.columns.search import Pair
    from verify.subject import Subject

SEARCH_SHARE = 0.35  # of the time that there is; the rest is the checker's
_WIDER = (1.3, 2.0, None)  # than `SPARE`, where the checker does not prove what the search does; at last it stays open
_MOST_UNPROVED = 2000  # leaves: where there are more, the search goes by other bounds than the checker
_AXES = 2  # that a figure has
_EVERY = 5  # drawn pair is put to ``add``
_COMPARED = {"batch": 1, "alone": _EVERY, "add": _EVERY}  # with each how manieth the forward is held to its bounds
_MOST_WRONG = 4  # of pairs at which the forward is wrong are put to ``add`` at once


@dataclass(frozen=True)
class ColumnsProof(Proof):
    """What the columns of an adder prove of it.

    Attributes:
        searched: what the search came to.
        checked: what the checker said of its certificate.
        added: how many sums ``add`` was seen to add right beside it.
    """

    searched: Searched | None = field(default=None, repr=False)
    checked: Verdict | None = field(default=None, repr=False)
    added: int = 0

    @property
    def of_the_model(self) -> str:
        """PROVED where the checker accepted a certificate without an open leaf, else UNDECIDED."""
        return "PROVED" if self.checked is not None and self.checked.proved else "UNDECIDED"

    @property
    def accuracy(self) -> str:
        """What part of all pairs is right by the theorem, in words; "" where the checker accepted nothing."""
        if self.checked is None or not self.checked.accepted:
            return ""
        digits = len(str(self.checked.pairs)) - 1
        return f"on at least {self.checked.pairs_right:,} of all 10^{digits} pairs"

    def __str__(self) -> str:
        if self.certificate is None or self.searched is None:
            return super().__str__()
        rows = [f"  {_step_in_words(step)}" for step in self.searched.steps]
        parts = [super().__str__(), *rows]
        if self.checked is not None and self.checked.accepted:
            parts += [f"right {self.accuracy}", self.certificate["statement"], "assumptions:"]
            parts += [f"  {name}: {text}" for name, text in self.certificate["assumptions"].items()]
        return "\n".join(parts)

    def write(self, path: Path) -> None:
        """Write the certificate to a file, whole or not at all."""
        if self.certificate is not None:
            write_certificate(path, self.certificate)

    def as_json(self) -> dict[str, Any] | None:
        """Return the proof for a report: all but the certificate itself, of which the digest of its graph is told."""
        if self.certificate is None or self.searched is None:
            return None
        return {
            "certificate": None,
            "statement": self.certificate["statement"],
            "margin": self.searched.margin,
            "error_bound": None,
            "accepted": self.accepted,
            "reason": self.reason,
            "checkers": self._checkers,
            "columns": self._columns(self.searched),
        }

    @property
    def _checkers(self) -> list[dict[str, str]]:
        is_accepted = self.checked is not None and self.checked.accepted
        return [{"name": "standard library", "version": platform.python_version()}] if is_accepted else []

    def _columns(self, searched: Searched) -> dict[str, Any]:
        graph = searched.certificate["graph"]
        checked = self.checked
        is_accepted = checked is not None and checked.accepted
        return {
            "graph_sha256": checker.digest_of(graph),
            "dtype": graph["dtype"],
            "digits": graph["digits"],
            "cells": searched.cells,
            "open": sum(step.open for step in searched.steps),
            "is_checked": is_accepted,
            "pairs": str(10 ** (2 * graph["digits"])),
            "right_at_least": str(checked.pairs_right) if checked is not None and is_accepted else "0",
            "ratio": searched.ratio,
            "added": self.added,
            "worst": None if searched.worst is None else f"step {searched.worst[0]}: {searched.worst[1].in_words}",
            "assumptions": [{"name": name, "text": text} for name, text in checker.ASSUMPTIONS.items()],
            "steps": [step.as_json() for step in searched.steps],
            "drawn": _drawn(searched.hardest),
        }


def _drawn(step: StepFound) -> dict[str, Any]:
    """Return what a figure shows of a step: the first two numbers that attention hands on, in six digits."""

    def numbers(values: list[float]) -> list[float]:
        return [float(f"{value:.6g}") for value in values[:_AXES]]

    boxes = [box | {"low": numbers(box["low"]), "high": numbers(box["high"])} for box in step.reach]
    tightest = None if step.tightest is None else numbers(step.tightest)
    return {"step": step.step, "rank": step.rank, "boxes": boxes, "tightest": tightest}


def prove_columns(
    subject: Subject,
    *,
    known_decoder: bool = False,
    seed: int | None = None,
    time_left: Callable[[], float] = lambda: math.inf,
    stops_at_a_wrong_sum: bool = False,
    before: Mapping[str, Any] | None = None,
) -> Proof:
    """Return what the columns of a subject prove of it.

    Args:
        subject: what is proved of.
        known_decoder: whether what decodes it is our own program, which reads the graph itself.
        seed: of the pairs on which its forward is watched, and compared; None for one that nobody can know before.
        time_left: seconds that search and check may take.
        stops_at_a_wrong_sum: of ``add``; else the search goes on, for the part of all pairs that is right.
        before: a certificate of an earlier search: where it is of the same graph, the search goes on from it.

    Raises:
        CertificateError: that one is damaged.
    """
    seed = secrets.randbits(32) if seed is None else seed
    run: _Run | None = None
    try:
        recording = recording_of(subject, seed)
        run = _Run(subject, recording.graph, seed, time_left, before, stops=stops_at_a_wrong_sum)
        searched = run.search()
        if searched.wrong and run.wrong is None and run.is_longer_than_the_sum:  # by an end token that nobody needs
            run = run.without_the_end()
            searched = run.search()
        run.add_some(searched)  # now, as what follows may take all the time that there is
        if subject.ask("weights_digest") != recording.weights:
            return _no_proof(run, "its weights are others after adding than before")
        searched, certificate, checked = run.settle(searched)
    except CertificateError:
        raise
    except (RefusedError, RefusalError, UnfaithfulError, VerifyError) as error:
        return _no_proof(run, str(error))
    certificate["record"] |= {"added": run.added}
    proof = ColumnsProof(
        accepted=checked.proved and known_decoder and run.wrong is None,
        reason="",
        certificate=certificate,
        wrong=run.wrong,
        disagrees=checked.proved and known_decoder and run.wrong is not None,
        contradicted=bool(searched.wrong),
        searched=searched,
        checked=checked,
        added=run.added,
    )
    return replace(proof, reason=_reason(proof, searched, checked))


def _no_proof(run: _Run | None, reason: str) -> Proof:
    """Return that nothing is proved; a wrong sum that was seen is one all the same."""
    wrong = None if run is None else run.wrong
    return Proof(accepted=False, reason=reason if wrong is None else _of_a_wrong_sum(wrong), wrong=wrong)


def _of_a_wrong_sum(pair: Pair) -> str:
    return f"add gives a wrong sum of {pair[0]} + {pair[1]}"


def _reason(proof: ColumnsProof, searched: Searched, checked: Verdict) -> str:
    """Return why a proof is one, or why it is none."""
    if proof.wrong is not None:
        what = _of_a_wrong_sum(proof.wrong)
        return f"its graph is proved, but {what}; this is a bug of adder-verify" if proof.disagrees else what
    if searched.wrong:
        a, b = searched.wrong[0]
        return f"at {a} + {b} its forward prefers a wrong token, but add gives the sum: add does not decode it greedily"
    if checked.proved:
        seen = (
            "that its forward is what was recorded of it, and that add decodes it greedily and reads these digits, "
            f"was seen on {proof.added} sums, and is not proved"
        )
        whose = "it is decoded by our own program" if proof.accepted else seen
        return (
            "every evaluation of what was recorded of its forward has the right token largest at each step "
            f"({searched.in_words}); {whose}"
        )
    if searched.is_whole and checked.undecided:
        return f"the search closed all {searched.cells:,} cells, but the checker had no time left; --budget allows more"
    if not checked.accepted and not checked.undecided:
        return f"the checker rejects the certificate: {checked.objections[0]}"
    return _open_in_words(proof, searched)


def _step_in_words(step: StepFound) -> str:
    rank = {0: "no number", 1: "one number"}.get(step.rank, f"{step.rank} numbers")
    found = f"step {step.step:>2}: attention hands on {rank}, {plural(step.cells, 'cell')}"
    if step.margin is not None and step.ratio is not None:
        found += f", least bound {number(step.margin)} logits, {number(step.ratio)} times its error"
    return found + (f", {step.open:,} open" if step.open else "") + f", {seconds(step.seconds)} of CPU"


def _open_in_words(proof: ColumnsProof, searched: Searched) -> str:
    """Return what is open: where, how many pairs, which term is too large, and the nearest pair."""
    found = [step for step in searched.steps if step.open]
    places = ", ".join(str(step.step) for step in found)
    pairs = sum(step.pairs_open for step in found)
    parts = [f"{sum(step.open for step in found):,} of {searched.cells:,} cells are open, at steps {places}"]
    parts.append(f"with {pairs:,} pairs")
    if proof.accuracy:
        parts.append(f"it is right {proof.accuracy}")
    if searched.worst is not None:
        step, worst = searched.worst
        parts.append(f"the worst cell, at step {step}, has {worst.in_words}")
    return "; ".join(parts)


class _Run:
    """One search, and what is asked of the subject for it.

    Attributes:
        added: how many sums ``add`` was asked for, all of them right but the last where one is wrong.
        wrong: a pair that it adds wrongly.
        is_contradicted: whether the forward prefers a wrong token where ``add`` gives the sum.
    """

    def __init__(
        self,
        subject: Subject,
        graph: Graph,
        seed: int,
        time_left: Callable[[], float],
        before: Mapping[str, Any] | None,
        *,
        stops: bool,
    ) -> None:
        self.subject, self.graph, self.seed, self.stops = subject, graph, seed, stops
        self.time_left, self.before = time_left, before
        self.added = 0
        self.wrong: Pair | None = None
        self.is_contradicted = False

    def search(self) -> Searched:
        before = self.before if self._goes_on else None
        try:
            return search_graph(
                self.graph.plain,
                self.margins,
                self._for_the_search(),
                before=before,
                real=self.logits,
                ways=_COMPARED,
                rng=np.random.default_rng(self.seed),
            )
        except RefusalError:
            raise
        except ValueError as error:
            if before is None:
                raise
            raise CertificateError(f"the certificate that is there is damaged: {error}; delete it") from error

    def search_again(self, searched: Searched, checked: Verdict, spare: float | None) -> Searched:
        """Return the search with the leaves split that the checker does not prove; without a spare they stay open."""
        time_left = self._for_the_search() if spare is not None else lambda: 0.0
        return search_again(searched, checked.unproved, self.margins, time_left, spare or SPARE)

    def _for_the_search(self) -> Callable[[], float]:
        left = self.time_left()
        spared = left * (1 - SEARCH_SHARE) if math.isfinite(left) else 0.0
        return lambda: 0.0 if self._is_settled else self.time_left() - spared

    @property
    def _goes_on(self) -> bool:
        """Whether there is an earlier certificate of this graph."""
        if self.before is None or "graph" not in self.before:
            return False
        return checker.digest_of(self.before["graph"]) == checker.digest_of(self.graph.plain)

    def settle(self, searched: Searched) -> tuple[Searched, dict[str, Any], Verdict]:
        """Return the search once no leaf is left that the checker does not prove, its certificate, and what it says."""
        certificate, checked = self.check(searched)
        if checked.unproved and self.before is not None:  # what an earlier certificate claims may be what is rejected
            self.before = None
            searched = self.search()
            certificate, checked = self.check(searched)
        for spare in _WIDER[-1:] if searched.wrong else _WIDER:
            if not checked.unproved or checked.undecided:
                break
            searched = self.search_again(searched, checked, spare)
            certificate, checked = self.check(searched)
        return searched, certificate, checked

    def check(self, searched: Searched) -> tuple[dict[str, Any], Verdict]:
        """Return the certificate of what was found, and what the checker says of it."""
        certificate = complete(searched.certificate, record={"subject": self.subject.spec})
        return certificate, checker.check(certificate, time_left=self.time_left, most=_MOST_UNPROVED)

    @property
    def _is_settled(self) -> bool:
        """Whether searching on is of no use: a wrong sum was seen, or the forward prefers a token that no sum needs."""
        return self.stops if self.wrong is not None else self.is_contradicted

    @property
    def is_longer_than_the_sum(self) -> bool:
        """Whether the answer goes on after its last digit: with an end token, say."""
        return self.graph.answer[-1].feature == "constant"

    def without_the_end(self) -> _Run:
        """Return the run on the steps up to the last digit."""
        steps = max(n for n, entry in enumerate(self.graph.answer, 1) if entry.feature != "constant")
        plain = self.graph.plain
        shorter = plain | {"answer": plain["answer"][:steps], "steps": plain["steps"][:steps]}
        return _Run(self.subject, of(shorter), self.seed, self.time_left, self.before, stops=self.stops)

    def margins(self, pairs: list[Pair]) -> np.ndarray:
        """Return the least margin of the real forward over all steps of each pair, (n,), NaN as below all numbers."""
        logits = self.logits(pairs, "batch")  # (n, K, v)
        a, b = zip(*pairs, strict=True)
        right = write(self.graph.answer, a, b, self.graph.digits)  # (n, K)
        rows, steps = np.indices(right.shape)
        own = logits[rows, steps, right]
        logits[rows, steps, right] = -np.inf
        margins = np.nan_to_num(np.min(own - logits.max(axis=2), axis=1), nan=-np.inf)
        feared = [pair for pair, margin in zip(pairs, margins, strict=True) if not margin > 0][:_MOST_WRONG]
        self._add(feared)
        self.is_contradicted |= bool(feared) and self.wrong is None
        return np.asarray(margins)

    def logits(self, pairs: list[Pair], way: str) -> np.ndarray:
        """Return the real forward's logits before each token of the answer of each pair, (n, K, v).

        Raises:
            RefusalError: it gives none.
            ProtocolError: what comes back from the subject's process are others.
        """
        a, b = (np.array(each, np.int64) for each in zip(*pairs, strict=True))
        found = self.subject.ask("forced_outputs", a=a, b=b, way=way)
        if isinstance(found, dict):
            raise RefusalError(found["refused"])
        found = found[:, : len(self.graph.answer)]
        if found.shape != (len(pairs), len(self.graph.answer), self.graph.choices):
            raise ProtocolError(f"{self.subject.spec} broke the protocol: logits of shape {found.shape}")
        return np.array(found, np.float64)

    def add_some(self, searched: Searched) -> None:
        """Have ``add`` add drawn pairs, and that where the forward was met with its least margin."""
        met = [] if searched.met is None else [searched.met[1]]
        self._add(met + drawn(self.graph.digits, np.random.default_rng(self.seed))[::_EVERY])

    def _add(self, pairs: list[Pair]) -> None:
        for a, b in pairs:
            if self.wrong is not None:
                return
            self.added += 1
            if as_sum(self.subject.add(a, b)) != a + b:
                self.wrong = a, b
