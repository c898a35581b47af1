"""A campaign as it runs, on a terminal: pairs a second, failures, time left."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self, TextIO

from tqdm import tqdm

from verify.text import plural

if TYPE_CHECKING:
    from types import TracebackType

    from verify.hunt.campaign import Goal, News


class Progress:
    """A bar on a terminal, and nothing elsewhere: pairs where a number of shards is the goal, else seconds."""

    def __init__(self, goal: Goal, stream: TextIO | None = None) -> None:
        stream = sys.stderr if stream is None else stream
        self._goal = goal
        self._begin: float | None = None
        total, unit = (goal.shards, "shard") if goal.shards else (round(goal.seconds or 0), "s")
        self._bar = tqdm(total=total, unit=unit, file=stream, disable=not stream.isatty(), dynamic_ncols=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, news: News) -> None:
        """Show how far the campaign is."""
        if self._bar.disable:
            return
        if self._begin is None:
            self._begin = news.seconds
        rate = news.cases / max(news.seconds - self._begin, 1e-9)
        done = news.shards if self._goal.shards else int(news.seconds)
        self._bar.n = min(done, self._bar.total or done)
        found = f"{plural(news.failures, 'failure')} of {plural(news.shapes, 'shape')}"
        self._bar.set_postfix_str(f"{rate:,.0f} pairs/s, {found}")
