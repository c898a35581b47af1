"""When a request is over its time: by the clock of the parent, which nothing that a worker writes can move."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SUM, REQUEST, RUN = "sum", "request", "run"


class Deadline:
    """The time of one request: that of each of its sums, its own, and the run's.

    A worker says at which sum it is, in an order of its own. Another sum has the time of a sum, so that an honest
    worker that hangs is found soon; one that says that it moves on and does not has the time of the request, no more.

    Attributes:
        each: seconds for one sum.
        whole: seconds for all of them.
        position: the sum that the worker was last seen at.
    """

    def __init__(
        self,
        *,
        each: float = math.inf,
        whole: float,
        time_left: Callable[[], float] = lambda: math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock.

        Args:
            each: see above.
            whole: see above.
            time_left: the run's.
            clock: seconds, from anywhere.
        """
        self.position = 0
        self.each, self.whole = each, whole
        self._time_left, self._clock = time_left, clock
        self._end = clock() + whole
        self._sum_end = clock() + each

    def see(self, position: int) -> None:
        """Take note of where the worker says that it is."""
        if position != self.position:
            self.position = position
            self._sum_end = self._clock() + self.each

    @property
    def left(self) -> float:
        """Seconds until the first of the times is over; 0 from then on."""
        return max(0.0, min(self._end - self._clock(), self._sum_end - self._clock(), self._time_left()))

    @property
    def over(self) -> str:
        """What is over: `RUN`, `REQUEST`, `SUM`, or "" where nothing is."""
        now = self._clock()
        ended = {RUN: self._time_left() <= 0, SUM: now >= self._sum_end, REQUEST: now >= self._end}
        return next((name for name, over in ended.items() if over), "")
