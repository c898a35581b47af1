"""What runs a campaign's tasks: this process, a pool of processes, a cluster, any ``concurrent.futures.Executor``."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from verify import interpreters
from verify.errors import UsageError
from verify.hunt.work import release

_QUEUED = 2  # tasks a worker: one that it is at, and the next
_SCHEDULER_SECONDS = 15  # to answer for the first time


class Engine:
    """Runs tasks on an executor.

    Attributes:
        width: how many tasks to keep under way.
    """

    def __init__(self, executor: Executor, workers: int) -> None:
        self._executor = executor
        self._workers = workers

    @property
    def width(self) -> int:
        """How many tasks keep all workers busy."""
        return _QUEUED * self._workers

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Return the future of a call."""
        return self._executor.submit(function, *arguments)

    def restart(self) -> bool:
        """Begin anew after workers died; return whether that is possible."""
        return False

    def close(self, *, at_once: bool) -> None:
        """End; at once, tasks that are under way are given up."""
        self._executor.shutdown(wait=not at_once)


class SerialEngine(Engine):
    """Runs each task in this process, when it is submitted."""

    width = 1

    def __init__(self) -> None:
        """Nothing is started."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Return the future of a call that is over."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # an executor keeps it in the future too
            future.set_exception(error)
        return future

    def close(self, *, at_once: bool) -> None:  # noqa: ARG002 - nothing is under way
        """Close the subject that this process holds."""
        release()


class PoolEngine(Engine):
    """Runs tasks in processes of this machine, started afresh so that no thread or lock of this one is copied."""

    def __init__(self, workers: int) -> None:
        super().__init__(interpreters.Pool(workers, _begin), workers)

    def restart(self) -> bool:
        """Begin anew with other processes."""
        self._end()
        self._executor = interpreters.Pool(self._workers, _begin)
        return True

    def close(self, *, at_once: bool) -> None:
        """End; at once, the processes are told to leave."""
        if at_once:
            self._end()
        else:
            super().close(at_once=False)

    def _end(self) -> None:
        if isinstance(self._executor, interpreters.Pool):
            self._executor.terminate()
        self._executor.shutdown(wait=True, cancel_futures=True)


class DaskEngine(Engine):
    """Runs tasks on the cluster of a ``dask.distributed`` scheduler; workers may come and go."""

    def __init__(self, address: str) -> None:
        """Reach the scheduler.

        Raises:
            UsageError: it cannot be reached, or ``distributed`` is not installed.
        """
        try:
            from distributed import Client
        except ImportError as error:
            raise UsageError(
                f"--scheduler {address} needs the package distributed; pip install 'tiny-adder[cluster]'"
            ) from error
        try:
            self._client: Any = Client(address, timeout=_SCHEDULER_SECONDS)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(
                f"--scheduler {address} cannot be reached ({type(error).__name__}); give the address that "
                "`dask scheduler` prints, such as tcp://10.0.0.1:8786"
            ) from error
        executor: Executor = self._client.get_executor()  # type: ignore[no-untyped-call]
        super().__init__(executor, 1)

    @property
    def width(self) -> int:
        """How many tasks keep all workers that there are now busy: a process adds one shard at a time."""
        return _QUEUED * max(1, len(self._client.nthreads()))

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster, which stays as it is."""
        super().close(at_once=at_once)
        self._client.close()


def engine_for(jobs: int, scheduler: str | None) -> Engine:
    """Return the engine that a command line asks for.

    Raises:
        UsageError: see `DaskEngine`.
    """
    if scheduler is not None:
        return DaskEngine(scheduler)
    return PoolEngine(jobs) if jobs > 1 else SerialEngine()


def _begin() -> None:
    """Prepare a worker: one thread, no ear for Ctrl-C, and an end as soon as the driver ends, however that happens."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _leave())
    threading.Thread(target=_follow, args=[multiprocessing.parent_process()], daemon=True).start()


def _follow(driver: Any) -> None:
    driver.join()
    _leave()


def _leave() -> None:
    with contextlib.suppress(Exception):
        release()
    os._exit(0)
