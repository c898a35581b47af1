"""A campaign on a dask.distributed cluster finds what it finds on one core, also when a worker is lost."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tests.hunt.test_campaign import as_bytes, hunt
from verify.errors import UsageError
from verify.hunt import engines

distributed = pytest.importorskip("distributed", reason="distributed is not installed; see the extra cluster")

SHARDS = 150


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one process each, on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as found:
        yield found


@pytest.fixture(scope="module")
def on_one_core():
    return as_bytes(hunt("Slow", shards=SHARDS))


def test_it_finds_the_same(cluster, on_one_core):
    assert as_bytes(hunt("Slow", shards=SHARDS, scheduler=cluster.scheduler_address)) == on_one_core


def test_it_finds_the_same_when_a_worker_is_killed(cluster, on_one_core):
    killed = []

    def kill():
        time.sleep(0.5)
        worker = next(iter(cluster.workers.values()))
        killed.append(worker.process.pid)
        os.kill(worker.process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = hunt("Slow", shards=SHARDS, scheduler=cluster.scheduler_address)
    killer.join()
    assert killed
    assert as_bytes(found) == on_one_core


def test_a_scheduler_that_does_not_answer_is_refused_and_the_store_not_made(monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "_SCHEDULER_SECONDS", 0.5)
    with pytest.raises(UsageError, match=r"--scheduler tcp://127\.0\.0\.1:9 cannot be reached"):
        hunt(scheduler="tcp://127.0.0.1:9", store=tmp_path / "hunt.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be reached"):
        hunt(scheduler="no-such-protocol://here")
