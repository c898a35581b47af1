"""A campaign: shards handed out to workers, and what they bring written down, until a goal is reached.

Only the driver writes. A task is a few shards of about a second in all, so that neither a commit nor a trip to a
worker costs what a shard of a fast subject does.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from verify.errors import SubjectCrashedError, UndecidedError, VerifyError
from verify.hunt.learning import Schedule
from verify.hunt.margins import KEPT, Weak
from verify.hunt.shards import Part, Shard, pairs_below
from verify.hunt.work import Found, Order, run_shards, shrink_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from verify.hunt.engines import Engine
    from verify.hunt.store import Store

_TASK_SECONDS = 1.0
_ATTEMPTS = 3  # at a shard whose subject crashes or hangs, before it is set aside
_MOST_ASIDE = 16  # shards, before a campaign gives up
_MOST_RESTARTS = 5  # of an engine, without a shard done in between
MOST_SHRUNK = 16  # shapes
_TICK = 1.0  # seconds without news, after which time is looked at again


@dataclass(frozen=True)
class Goal:
    """When a campaign is over: after so many shards, in all its parts, or seconds, in all runs; whichever is first."""

    shards: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class News:
    """What a driver tells of a campaign: seconds in all, and what this run brought."""

    seconds: float
    shards: int
    cases: int
    failures: int
    shapes: int


class Campaign:
    """The driver of one campaign.

    Attributes:
        aside: why shards were set aside, by shard: the subject crashed or hung at each attempt.
    """

    def __init__(
        self,
        order: Order,
        store: Store,
        engine: Engine,
        goal: Goal,
        *,
        part: Part,
        listen: Callable[[News], None] = lambda _news: None,
    ) -> None:
        self.aside: dict[Shard, str] = {}
        self._order, self._store, self._engine, self._goal = order, store, engine, goal
        self._schedule = Schedule(store, part, shards=goal.shards)
        self._listen = listen
        self._begin = time.monotonic() - store.seconds
        self._under_way: dict[Future[Any], tuple[Shard, ...]] = {}
        self._again: deque[Shard] = deque()
        self._attempts: Counter[Shard] = Counter()
        self._restarts = 0
        self._pairs_a_second = 0.0
        self._weakest: list[Weak] = store.weakest(KEPT)
        self._totals = Counter(shards=0, cases=0, failures=0)
        self._shapes = {cluster.failure.shape for cluster in store.clusters()}

    @property
    def seconds(self) -> float:
        """How long drivers have been at work on the campaign, in all runs."""
        return time.monotonic() - self._begin

    def run(self) -> None:
        """Go on until the goal is reached.

        Raises:
            VerifyError: the subject or a worker cannot do what is asked, or the store cannot be written.
            KeyboardInterrupt: after what is done was written.
        """
        try:
            while self._fill() or self._under_way:
                done, _ = wait(self._under_way, timeout=_TICK, return_when=FIRST_COMPLETED)
                self._take(done)
            self._shrink()
        except KeyboardInterrupt:
            self._stop()
            self._commit(self._results(future for future in self._under_way if future.done()))
            raise
        except BaseException:
            self._stop()
            raise
        self._engine.close(at_once=False)

    def _stop(self) -> None:
        for future in self._under_way:
            future.cancel()
        self._engine.close(at_once=True)

    def _fill(self) -> bool:
        """Keep the engine's workers busy; return whether something was submitted."""
        submitted = False
        while len(self._under_way) < self._engine.width and (shards := self._next_task()):
            future = self._submit(run_shards, self._order, shards, tuple(self._weakest))
            self._under_way[future] = shards
            submitted = True
        return submitted

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        try:
            return self._engine.submit(function, *arguments)
        except BrokenExecutor as error:  # noticed before the futures say so
            broken: Future[Any] = Future()
            broken.set_exception(error)
            return broken

    def _next_task(self) -> tuple[Shard, ...]:
        left = _TASK_SECONDS if self._goal.seconds is None else self._goal.seconds - self.seconds
        if left <= 0 or any(map(self._is_suspect, self._under_way.values())):
            return ()
        if self._again:
            alone = self._is_suspect((self._again[0],)) and self._under_way
            return () if alone else (self._again.popleft(),)
        shards: list[Shard] = []
        pairs, most = 0, self._pairs_a_second * min(_TASK_SECONDS, left)
        while (not shards or pairs < most) and (shard := self._schedule.next()):
            shards.append(shard)
            pairs += pairs_below(shard.number + 1) - pairs_below(shard.number)
        return tuple(shards)

    def _is_suspect(self, shards: tuple[Shard, ...]) -> bool:
        """Return whether shards came to no end more than once: they are then done alone, to see whose fault it is."""
        return any(self._attempts[shard] > 1 for shard in shards)

    def _take(self, done: Iterable[Future[Any]]) -> None:
        """Write down what tasks brought, and have the others done again."""
        futures = list(done)
        broken = next((error for error in map(_failure, futures) if isinstance(error, BrokenExecutor)), None)
        if broken is not None:  # then all that is under way breaks
            futures = list(wait(self._under_way).done)
        ended = {future: self._under_way.pop(future) for future in futures}  # first: an interruption commits the rest
        found = self._results(futures)
        if found:
            self._commit(found)
        lost = [(shards, error) for future, shards in ended.items() if (error := _failure(future))]
        for shards, error in lost:
            self._retry(shards, error)
        if broken is not None:
            self._restart(broken)
        self._listen(self._news())

    def _results(self, futures: Iterable[Future[Any]]) -> list[Found]:
        return [found for future in futures if not _failure(future) for found in future.result()]

    def _commit(self, found: list[Found]) -> None:
        self._store.commit(found, self.seconds)
        self._schedule.learn(found)
        self._restarts = 0
        for each in found:
            self._totals.update(shards=1, cases=each.cases, failures=sum(one.count for one in each.failures))
            self._shapes.update(failure.shape for failure in each.failures)
        self._weakest = sorted({*self._weakest, *(weak for each in found for weak in each.weakest)})[:KEPT]
        seconds = sum(each.seconds for each in found)
        self._pairs_a_second = sum(each.cases for each in found) / seconds if seconds else 0.0

    def _retry(self, shards: tuple[Shard, ...], error: BaseException) -> None:
        if isinstance(error, VerifyError) and not isinstance(error, UndecidedError):
            raise error
        if len(shards) == 1 or isinstance(error, BrokenExecutor):
            self._attempts.update(shards)
        for shard in shards:
            if self._attempts[shard] < _ATTEMPTS:
                self._again.append(shard)
            else:
                self.aside[shard] = str(error) or type(error).__name__
        if len(self.aside) > _MOST_ASIDE or (self.aside and not self._totals["shards"]):
            raise SubjectCrashedError(f"shards that came to no end: {len(self.aside)}, the last: {error}")

    def _restart(self, error: BaseException) -> None:
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS or not self._engine.restart():
            raise SubjectCrashedError(
                f"the workers ended before their tasks, {self._restarts} times in a row ({error}); what was found is "
                "kept, and the same command goes on from there"
            ) from error

    def _shrink(self) -> None:
        """Shrink the smallest failures of as many shapes, on the workers."""
        ranked = sorted(self._store.clusters(), key=lambda cluster: cluster.failure.size)[:MOST_SHRUNK]
        to_shrink = [cluster.failure for cluster in ranked if cluster.least is None and cluster.failure.confirmed]
        for future in [self._submit(shrink_one, self._order, failure) for failure in to_shrink]:
            with contextlib.suppress(UndecidedError, BrokenExecutor):
                self._store.keep_least(*future.result())

    def _news(self) -> News:
        return News(self.seconds, **self._totals, shapes=len(self._shapes))


def _failure(future: Future[Any]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()
