"""Kills a campaign at random points, again and again, until it is through; prints what it found.

    python -m tests.hunt.campaign_kills KIND KILLS STORE SHARDS

KIND is "driver" (SIGKILL), "interrupt" (Ctrl-C), "worker" (SIGKILL of a process of the pool) or "disk" (files may not
grow). Drivers are forked from this process, which has everything imported: a hundred of them take seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.hunt.campaign_subjects import SPEC
from verify import interpreters
from verify.errors import VerifyError
from verify.hunt import campaign, engines, session
from verify.hunt.campaign import Goal

campaign._TASK_SECONDS = 0.004  # many commits to be killed in
LIFE = 0.12  # seconds, at most, of a driver that is killed


def settings(store, shards):
    return session.Settings(f"{SPEC}:Fast", sandbox="off", goal=Goal(shards=shards), store=Path(store))


class ForkedPool(interpreters.Pool):
    """Starts in a moment."""

    def __init__(self, workers, initializer):
        ProcessPoolExecutor.__init__(self, workers, multiprocessing.get_context("fork"), initializer=initializer)


def drive(kind, store, shards):
    """Run a driver to its end in a process of its own; return its number, without waiting."""
    process = os.fork()
    if process:
        return process
    status = 9
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if kind == "disk":
            grown = Path(store).stat().st_size if Path(store).exists() else 0
            resource.setrlimit(resource.RLIMIT_FSIZE, (grown + 4096 * random.randint(1, 3), resource.RLIM_INFINITY))
        engine = engines.PoolEngine(2) if kind == "worker" else None
        found = session.hunt(settings(store, shards), engine)
        status = 130 if found["interrupted"] else 0
    except VerifyError as error:
        status = error.exit_status
    except KeyboardInterrupt:
        status = 130
    finally:
        os._exit(status)


def children(process):
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def kill(kind, process):
    """Kill a driver after a random time, unless a disk does it; return its exit status."""
    end = time.monotonic() + random.uniform(0, LIFE)
    while time.monotonic() < end and os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.002)
    if kind != "disk":
        os.kill(process, signal.SIGKILL if kind == "driver" else signal.SIGINT)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def wait_for_progress(store):
    before, end = written(store), time.monotonic() + 20
    while written(store) == before and time.monotonic() < end:
        time.sleep(0.002)


def written(store):
    return store.stat().st_mtime_ns if store.exists() else 0


def main(kind, kills, store, shards):
    interpreters.Pool = ForkedPool
    statuses = []
    if kind == "worker":
        process = drive(kind, store, shards)
        for _ in range(kills):
            wait_for_progress(Path(store))
            time.sleep(random.uniform(0, LIFE / 10))
            for worker in random.sample(found := children(process), min(1, len(found))):
                os.kill(worker, signal.SIGKILL)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    else:
        statuses = [kill(kind, drive(kind, store, shards)) for _ in range(kills)]
    found = session.hunt(settings(store, shards))
    sys.stdout.write(json.dumps({"statuses": statuses, "found": found}))


if __name__ == "__main__":
    random.seed(8)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
