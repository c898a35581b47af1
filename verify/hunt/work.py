"""What a worker of a campaign does: it loads the subject, adds the pairs of shards, and says what it found.

A worker is any process that can import the suite. It keeps the subject that it loaded, behind the isolation that the
task names, and writes to no store.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from verify.addition.task import TEN
from verify.errors import ContractError, UsageError
from verify.hunt.clusters import Failure, cluster, shrink_failure
from verify.hunt.identity import Identity, identify
from verify.hunt.margins import WEAKEST, Weak, generations, margins, weakest
from verify.hunt.shards import Shard, operands, pairs_below, random_of
from verify.subject import Subject, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from verify.addition.strategies import Pair
    from verify.hunt.strata import Batch

Answer = TypeVar("Answer")

# Margins are asked for of one shard in eight, of 32 of its pairs, and of one in 32 at most: a pass for them alone costs
# our own model half of what a whole shard's sums do.
_SAMPLED, _SAMPLE, _SHARE = 8, 32, 32
_REPORTED = 4  # of the weakest, by shard


@dataclass(frozen=True)
class Order:
    """What every task of a campaign has in common: the subject, where it is found, behind which isolation."""

    identity: Identity
    spec: str
    sandbox: str


@dataclass(frozen=True)
class Found:
    """What a shard brought.

    Attributes:
        shard: which.
        cases: pairs that were added.
        failures: one of each shape, with how many there were.
        weakest: right sums with the smallest margins, where the subject shows margins.
        parents: what a bred shard was bred from.
        seconds: how long it took.
        host: where.
    """

    shard: Shard
    cases: int
    failures: tuple[Failure, ...]
    weakest: tuple[Weak, ...]
    parents: tuple[Weak, ...]
    seconds: float
    host: str


_lock = threading.Lock()  # a process holds one subject, and a subject is asked one thing at a time
_held: dict[Order, Subject] = {}


def introduce(
    spec: str | None, *, method: str | None, digits: int | None = None, sandbox: str, name: str
) -> tuple[Order, dict[str, Any]]:
    """Return what the tasks of a campaign have in common, and what reports say of its subject, which is then held.

    Raises:
        VerifyError: the subject cannot be loaded.
        UsageError: it is asked for operands of another width than campaigns draw.
    """
    with _lock:
        release()
        subject = load(spec, method=method, digits=digits, sandbox=sandbox)  # type: ignore[arg-type]
        try:
            _check_width(subject)
            order = Order(identify(subject, name), subject.spec, sandbox)
        except BaseException:
            subject.close()
            raise
        _held[order] = subject
        names = ("spec", "name", "author", "sha256", "isolation", "method", "declared_parameters")
        return order, {name: getattr(subject, name) for name in names}


def _check_width(subject: Subject) -> None:
    if subject.task != TEN:
        raise UsageError(
            f"a campaign adds operands of {TEN}, and {subject.spec} is asked for {subject.task}; "
            f"`adder-verify run --digits {subject.task.digits} --budget 8h` hunts as long"
        )


def run_shards(order: Order, shards: tuple[Shard, ...], parents: tuple[Weak, ...] = ()) -> list[Found]:
    """Return what shards bring, in their order.

    Raises:
        VerifyError: the subject cannot be loaded, is another than ordered, or could not be asked to an end.
    """
    return _with_subject(order, lambda subject: [run_shard(subject, order, shard, parents) for shard in shards])


def shrink_one(order: Order, failure: Failure) -> tuple[Failure, Pair, str]:
    """Return a failure, the smallest pair of its shape that was reached from it, and what the subject says of that.

    Raises:
        VerifyError: see `run_shards`.
    """

    def shrink(subject: Subject) -> tuple[Failure, Pair, str]:
        pair = shrink_failure(subject, failure)
        return failure, pair, repr(subject.add(*pair))

    return _with_subject(order, shrink)


def run_shard(subject: Subject, order: Order, shard: Shard, parents: tuple[Weak, ...]) -> Found:
    """Return what one shard brings."""
    begin, cases = perf_counter(), 0
    wrong: list[np.ndarray] = [np.empty((3, 0), np.int64)]
    weak: list[Weak] = []
    for (a, b), weak in _batches(subject, order.identity.name, shard, parents):  # noqa: B007 - the last is kept
        sums = subject.add_batch(a, b)
        cases += len(a)
        wrong.append(np.stack([a, b, sums])[:, sums != a + b])
    failures = cluster(subject, *np.concatenate(wrong, axis=1))
    if shard.stratum != WEAKEST and shard.number % _SAMPLED == 0:
        weak = _sampled(subject, a, b)
    seconds = perf_counter() - begin
    return Found(
        shard,
        cases,
        tuple(failures),
        tuple(weak[:_REPORTED]),
        parents if shard.stratum == WEAKEST else (),
        seconds,
        socket.gethostname(),
    )


def release() -> None:
    """Close the subject that this process holds; a second call does nothing."""
    while _held:
        _held.popitem()[1].close()


def _batches(
    subject: Subject, name: str, shard: Shard, parents: tuple[Weak, ...]
) -> Iterator[tuple[Batch, list[Weak]]]:
    if shard.stratum != WEAKEST:
        yield operands(name, shard), []
        return
    count = pairs_below(shard.number + 1) - pairs_below(shard.number)
    yield from generations(subject, parents, random_of(name, shard), count)


def _sampled(subject: Subject, a: np.ndarray, b: np.ndarray) -> list[Weak]:
    """Return the weakest of a few pairs, evenly spaced: margins of all would cost as much as the sums."""
    rows = np.linspace(0, len(a) - 1, min(_SAMPLE, -(-len(a) // _SHARE))).astype(int)
    return weakest(a[rows], b[rows], margins(subject, a[rows], b[rows]), _REPORTED)


def _with_subject(order: Order, ask: Callable[[Subject], Answer]) -> Answer:
    with _lock:
        try:
            return ask(_subject(order))
        except BaseException:
            release()  # what hangs or died is loaded anew
            raise


def _subject(order: Order) -> Subject:
    if order not in _held:
        release()
        subject = load(order.spec, method=order.identity.method, digits=TEN.digits, sandbox=order.sandbox)  # type: ignore[arg-type]
        _held[order] = subject
        difference = order.identity.difference(identify(subject, order.identity.name))
        if difference:
            raise ContractError(
                f"a worker on {socket.gethostname()} has another subject: {difference}; workers need the same files, "
                "and build_model() must build the same weights every time"
            )
    return _held[order]
