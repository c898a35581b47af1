"""A campaign finds the same however it is split, ordered, restarted and killed, and claims no more than it found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.hunt.campaign_subjects import SPEC
from tests.subject.rungs import hear_all_signals
from verify.addition.bounds import failure_rate_bound
from verify.errors import ContractError, SubjectCrashedError, UsageError
from verify.hunt import campaign, session, work
from verify.hunt.campaign import Goal
from verify.hunt.engines import Engine, PoolEngine
from verify.hunt.regions import STRATA
from verify.hunt.shards import Part, Shard, operands, plan
from verify.hunt.store import Store
from verify.hunt.summary import without_clock
from verify.subject import LocalSubject

SHARDS = 400
ROOT = Path(__file__).parents[2]


def hunt(subject="Fast", engine=None, *, shards=SHARDS, **options):
    return session.hunt(
        session.Settings(f"{SPEC}:{subject}", sandbox="off", goal=Goal(shards=shards), **options), engine
    )


def as_bytes(found):
    """Return what a campaign found, without what the clock says and where it ran."""
    return json.dumps({key: value for key, value in without_clock(found).items() if key != "interrupted"})


@pytest.fixture(scope="module")
def uninterrupted():
    return as_bytes(hunt())


class TestSameTotals:
    def test_they_are_those_of_the_oracle_over_the_plan(self, uninterrupted):
        order, _ = work.introduce(f"{SPEC}:Fast", method=None, sandbox="off", name="hunt")
        subject = work._held[order]
        wrong = 0
        for shard in plan(SHARDS):
            a, b = operands("hunt", shard)
            wrong += int((subject.add_batch(a, b) != a + b).sum())
        work.release()
        assert json.loads(uninterrupted)["failures"] == wrong > 1000

    def test_with_many_threads_that_end_in_any_order(self, uninterrupted):
        assert as_bytes(hunt(engine=Engine(ThreadPoolExecutor(4), 4))) == uninterrupted

    def test_with_a_pool_of_fresh_processes(self, uninterrupted):
        assert as_bytes(hunt(engine=PoolEngine(2))) == uninterrupted

    def test_in_parts_that_are_merged(self, uninterrupted, tmp_path):
        paths = [tmp_path / f"{number}.sqlite" for number in (1, 2, 3)]
        for number, path in enumerate(paths, 1):
            hunt(store=path, part=Part(number, 3))
        assert as_bytes(session.merge(paths, tmp_path / "all.sqlite")) == uninterrupted

    def test_in_two_runs_of_the_same_command(self, uninterrupted, tmp_path):
        hunt(store=tmp_path / "hunt.sqlite", shards=SHARDS // 3)
        assert as_bytes(hunt(store=tmp_path / "hunt.sqlite")) == uninterrupted

    def test_under_another_name_they_are_others(self, uninterrupted):
        assert json.loads(as_bytes(hunt(name="other")))["failures"] != json.loads(uninterrupted)["failures"]

    # a hundred kills
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="drivers are forked to be killed")
    @pytest.mark.parametrize(
        ("kind", "kills", "status"), [("driver", 45, -9), ("interrupt", 25, 130), ("disk", 10, 3), ("worker", 20, 0)]
    )
    def test_after_kills_at_random_points(self, uninterrupted, tmp_path, kind, kills, status):
        command = [sys.executable, "-m", "tests.hunt.campaign_kills", kind, kills, tmp_path / "hunt.sqlite", SHARDS]
        run = subprocess.run([str(word) for word in command], cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=600)
        told = json.loads(run.stdout)
        assert set(told["statuses"]) <= {status, 0}  # the last ones may find nothing left to do
        assert told["statuses"].count(status) > kills // 2 or kind == "worker"
        assert as_bytes(told["found"]) == uninterrupted


class TestCommandThatIsKilled:
    @pytest.fixture
    def running(self, tmp_path):
        """A driver with two processes, once it has written something."""
        command = [
            sys.executable,
            "-m",
            "verify",
            "hunt",
            f"{SPEC}:Sleeping",
            "--sandbox",
            "off",
            "--budget",
            "1h",
            "--jobs",
            "2",
        ]
        store = tmp_path / "hunt.sqlite"
        with subprocess.Popen(
            [*command, "--store", str(store)],
            cwd=ROOT,
            preexec_fn=hear_all_signals,
            stdout=subprocess.PIPE,
            text=True,
        ) as driver:
            wait_for(lambda: store.exists() and shards_in(store), seconds=60)
            yield driver
            driver.kill()

    def test_its_workers_end_with_it(self, running):
        workers = children(running.pid)
        running.kill()
        running.wait()
        assert len(workers) >= 2
        wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), seconds=20)

    def test_ctrl_c_ends_it_with_what_it_found(self, running):
        workers = children(running.pid)
        running.send_signal(signal.SIGINT)
        printed, _ = running.communicate(timeout=600)
        assert running.returncode == 130
        assert printed.startswith("NO COUNTEREXAMPLE: in ")
        wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), seconds=20)


class TestWorkersThatFail:
    def crash(self, monkeypatch, shard, times):
        left = [times]
        run_shard = work.run_shard

        def crashing(subject, order, asked, parents):
            if asked == shard and left[0]:
                left[0] -= 1
                raise SubjectCrashedError("it crashed")
            return run_shard(subject, order, asked, parents)

        monkeypatch.setattr(work, "run_shard", crashing)

    def test_a_shard_whose_subject_crashed_is_done_again(self, monkeypatch, uninterrupted):
        self.crash(monkeypatch, Shard("words", 3), times=2)
        assert as_bytes(hunt()) == uninterrupted

    def test_one_that_always_crashes_is_set_aside_and_the_rest_done(self, monkeypatch):
        self.crash(monkeypatch, Shard("words", 3), times=-1)
        found = hunt("Right", shards=100)
        assert found["verdict"] == "UNDECIDED"
        assert found["reason"] == "1 shard came to no end: it crashed"
        assert found["shards"] == 99

    def test_and_is_done_by_the_next_run(self, monkeypatch, tmp_path):
        with monkeypatch.context() as patch:
            self.crash(patch, Shard("words", 3), times=-1)
            hunt("Right", shards=100, store=tmp_path / "hunt.sqlite")
        found = hunt("Right", shards=100, store=tmp_path / "hunt.sqlite")
        assert (found["verdict"], found["shards"]) == ("NO COUNTEREXAMPLE", 100)

    def test_a_subject_that_always_crashes_ends_the_campaign(self, monkeypatch):
        self.crash(monkeypatch, next(plan(1)), times=-1)
        with pytest.raises(SubjectCrashedError, match="shards that came to no end: 1, the last: it crashed"):
            hunt()

    def test_workers_that_always_die_end_the_campaign(self, monkeypatch):
        monkeypatch.setattr(campaign, "run_shards", die)
        with pytest.raises(SubjectCrashedError, match="terminated abruptly"):
            hunt(engine=PoolEngine(1))

    def test_a_worker_with_other_weights_is_refused(self, monkeypatch):
        order, _ = work.introduce(f"{SPEC}:ChangingWeights", method=None, sandbox="off", name="hunt")
        work.release()
        monkeypatch.setattr(os, "getpid", lambda: -1)
        with pytest.raises(ContractError, match="has another subject: the digest of its weights"):
            work.run_shards(order, (Shard("uniform", 0),))


class TestStrangers:
    def test_they_stay_in_their_sandbox_on_a_worker(self):
        spec = str(ROOT / "tests" / "submissions" / "honest" / "array_functions.py")
        order, _ = work.introduce(spec, method=None, sandbox="auto", name="hunt")
        work.release()
        work.run_shards(order, (Shard("below-100", 0),))
        (subject,) = work._held.values()
        work.release()
        assert not isinstance(subject, LocalSubject)
        assert subject.isolation != "off"


class TestClaims:
    def test_the_bound_is_that_of_uniform_cases_alone(self):
        found = hunt("Right")
        (uniform,) = (row for row in found["strata"] if row["name"] == "uniform")
        assert found["verdict"] == "NO COUNTEREXAMPLE"
        assert found["failure_rate_bound_95"] == failure_rate_bound(0, uniform["cases"])
        assert uniform["cases"] < found["cases"] / 10

    def test_strata_that_were_gone_through_say_so(self):
        strata = {row["name"]: row for row in hunt("Right", shards=22 * len(STRATA))["strata"]}
        assert {name for name, row in strata.items() if row["exhaustive"]} == {"below-100", "lone-columns"}
        assert strata["carry-masks"]["complete"]
        assert not strata["uniform"]["complete"]

    def test_strata_that_list_their_pairs_have_no_bound_before_that_either(self):
        strata = {row["name"]: row for row in hunt("Right", shards=2 * len(STRATA))["strata"]}
        assert not strata["lone-columns"]["exhaustive"]
        assert strata["lone-columns"]["failure_rate_bound_95"] is None

    def test_failures_are_told_by_shape_and_shrunk_within_it(self):
        clusters = hunt()["clusters"]
        assert {(row["place"], row["carry_word"]) for row in clusters} >= {(7, "kppppppg"), (8, "gppppppg")}
        for row in clusters:
            assert row["carry_word"].endswith("ppppppg")
            assert row["a"] + row["b"] <= row["found"]["a"] + row["found"]["b"]
        assert clusters[0]["a"] + clusters[0]["b"] == 10_000_000

    def test_what_add_does_not_confirm_is_said_of_add_batch(self):
        found = hunt("WrongInBatches", shards=23)
        assert found["verdict"] == "UNDECIDED"  # no pair that add itself adds wrongly, no counterexample
        assert found["reason"].startswith("add_batch([")
        assert found["reason"].endswith("and add says so")
        assert not any(row["confirmed"] for row in found["clusters"])

    def test_without_cases_nothing_is_decided(self, tmp_path):
        path = tmp_path / "hunt.sqlite"
        hunt("Right", store=path, shards=1, part=Part(2, 2))
        with closing(Store.read(path)) as store:
            assert session.summarise(store)["verdict"] == "UNDECIDED"


class TestGoals:
    def test_a_budget_is_of_all_runs(self, tmp_path):
        settings = session.Settings(
            f"{SPEC}:Sleeping", sandbox="off", goal=Goal(seconds=1.0), store=tmp_path / "hunt.sqlite"
        )
        first = session.hunt(settings)
        again = session.hunt(settings)
        assert first["cases"] > 0
        assert again["cases"] == first["cases"]

    def test_no_workers_are_refused(self):
        with pytest.raises(UsageError, match="--jobs 0 starts no worker"):
            hunt(jobs=0)


def die(*_arguments):
    os._exit(1)


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def shards_in(path):
    with closing(Store.read(path)) as store:
        return store.totals()


def children(process):
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
