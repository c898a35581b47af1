"""``adder-verify hunt`` and ``merge``: what they print, what they refuse, how they end."""

from __future__ import annotations

import io
import json

import pytest

from tests.hunt.campaign_subjects import SPEC
from verify.__main__ import main
from verify.errors import SubjectCrashedError
from verify.hunt import engines, session
from verify.hunt.campaign import Campaign, Goal, News
from verify.hunt.progress import Progress
from verify.report.tables import strata as strata_table

RIGHT, WRONG = f"{SPEC}:Right", f"{SPEC}:Fast"
HERE = ("--sandbox", "off")


@pytest.fixture
def store(tmp_path):
    return str(tmp_path / "hunt.sqlite")


def refused(capsys, *words):
    """Return what a command complains of that is refused."""
    try:
        status = main([*words])
    except SystemExit as ended:  # argparse
        status = ended.code
    assert status == 2
    return capsys.readouterr().err


def test_what_adds_ends_with_0_and_says_what_that_supports(capsys):
    assert main(["hunt", RIGHT, *HERE, "--shards", "46"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(
        "NO COUNTEREXAMPLE: in 11,776 cases; at 95 % confidence the failure rate of uniform pairs is at most 1 in 171"
    )
    assert printed.err == ""


def test_what_does_not_ends_with_1_and_shows_the_smallest_pair(capsys):
    assert main(["hunt", WRONG, *HERE, "--shards", "46"]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("COUNTEREXAMPLE: add(1, 9999999)=0, but should be 10000000\n")
    assert "kppppppg" in printed


def test_what_cannot_be_decided_ends_with_3(capsys, monkeypatch):
    def crash(campaign):
        raise SubjectCrashedError("it crashed")

    monkeypatch.setattr(Campaign, "run", crash)
    assert main(["hunt", RIGHT, *HERE]) == 3
    assert capsys.readouterr().err == "adder-verify: error: it crashed\n"


def test_ctrl_c_ends_with_130_and_says_what_was_found(capsys, monkeypatch, store):
    main(["hunt", WRONG, *HERE, "--shards", "46", "--store", store])
    first = capsys.readouterr().out

    def interrupt(campaign):
        raise KeyboardInterrupt

    monkeypatch.setattr(Campaign, "run", interrupt)
    assert main(["hunt", WRONG, *HERE, "--shards", "46", "--store", store]) == 130
    assert capsys.readouterr().out == first


def test_json_has_the_strata_in_the_form_of_reports(capsys):
    main(["hunt", WRONG, *HERE, "--shards", "46", "--json", "-"])
    found = json.loads(capsys.readouterr().out)
    names = {"name", "cases", "failures", "sentence", "family", "exhaustive", "failure_rate_bound_95"}
    assert all(names <= row.keys() for row in found["strata"])
    assert len(strata_table(found).rows) == 28
    assert found["schema"] == "adder-campaign/1"
    assert found["failures"] == sum(row["failures"] for row in found["clusters"])


def test_status_says_what_a_store_holds_and_leaves_it_alone(capsys, store, tmp_path):
    main(["hunt", RIGHT, *HERE, "--shards", "46", "--store", store])
    first = capsys.readouterr().out
    before = (tmp_path / "hunt.sqlite").read_bytes()
    assert main(["hunt", "--status", store]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(first.rstrip())
    assert "last written" in printed
    assert (tmp_path / "hunt.sqlite").read_bytes() == before


def test_status_ends_as_the_campaign_would(capsys, store):
    main(["hunt", WRONG, *HERE, "--shards", "46", "--store", store])
    assert main(["hunt", "--status", store]) == 1
    assert "COUNTEREXAMPLE" in capsys.readouterr().out


def test_parts_are_merged_again_when_there_are_more(capsys, tmp_path):
    parts = [str(tmp_path / f"{number}.sqlite") for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        main(["hunt", RIGHT, *HERE, "--shards", "46", "--shard", f"{number}/2", "--store", part])
    for few in (parts[:1], parts):
        capsys.readouterr()
        assert main(["merge", *few, "--store", str(tmp_path / "all.sqlite")]) == 0
    assert "11,776 cases in 46 shards" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == [
        "1.sqlite",
        "2.sqlite",
        "all.sqlite",
    ]


class TestBadInput:
    @pytest.mark.parametrize("budget", ["", "soon", "0", "-5m", "10x", "h", "inf", "nan", "1e999h"])
    def test_a_budget_that_is_no_time(self, capsys, budget):
        assert "is no time; give seconds, or such as 90s, 10m, 8h" in refused(capsys, "hunt", f"--budget={budget}")

    @pytest.mark.parametrize("option", ["--shards", "--jobs"])
    @pytest.mark.parametrize("count", ["0", "-1", "many", "1.5", ""])
    def test_a_count_that_is_none(self, capsys, option, count):
        assert "is no count; give an integer from 1 on" in refused(capsys, "hunt", f"{option}={count}")

    def test_a_part_that_is_none(self, capsys):
        assert "--shard '5/4' is no part" in refused(capsys, "hunt", RIGHT, *HERE, "--shard", "5/4")

    def test_a_store_that_is_none(self, capsys, tmp_path):
        notes = tmp_path / "notes.txt"
        notes.write_text("notes")
        assert "is no store of a campaign" in refused(capsys, "hunt", RIGHT, *HERE, "--store", str(notes))
        assert notes.read_text() == "notes"

    def test_a_store_of_other_weights(self, capsys, store):
        main(["hunt", WRONG, *HERE, "--shards", "2", "--store", store])
        told = refused(capsys, "hunt", f"{SPEC}:OtherWeights", *HERE, "--shards", "2", "--store", store)
        assert "is another campaign's: the subject is campaign_subjects.py:Fast" in told

    def test_a_store_in_use(self, capsys, store, monkeypatch):
        def second(campaign):
            assert "in use by another driver" in refused(capsys, "hunt", RIGHT, *HERE, "--store", store)

        monkeypatch.setattr(Campaign, "run", second)
        main(["hunt", RIGHT, *HERE, "--store", store])

    def test_a_store_that_is_not_there(self, capsys, store):
        assert "there is no store" in refused(capsys, "hunt", "--status", store)

    def test_a_subject_that_is_none(self, capsys, store, tmp_path):
        assert "is no file or folder" in refused(capsys, "hunt", "./none.py", "--store", store)
        assert list(tmp_path.iterdir()) == []

    def test_a_scheduler_without_its_package(self, capsys, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "distributed", None)
        told = refused(capsys, "hunt", RIGHT, *HERE, "--scheduler", "tcp://127.0.0.1:9")
        assert "needs the package distributed; pip install 'tiny-adder[cluster]'" in told

    def test_merging_into_a_part(self, capsys, store, tmp_path):
        main(["hunt", RIGHT, *HERE, "--shards", "2", "--store", store])
        told = refused(capsys, "merge", store, "--store", store)
        assert "holds part 1/1 of a campaign; --store names the file to merge into" in told

    def test_merging_a_part_twice(self, capsys, store, tmp_path):
        main(["hunt", RIGHT, *HERE, "--shards", "2", "--store", store])
        told = refused(capsys, "merge", store, store, "--store", str(tmp_path / "all.sqlite"))
        assert "give each part once" in told
        assert not (tmp_path / "all.sqlite").exists()


class TestProgress:
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    @pytest.mark.parametrize("goal", [Goal(shards=4), Goal(seconds=40.0)])
    def test_a_terminal_sees_how_far_it_is(self, goal):
        terminal = self.Terminal()
        with Progress(goal, terminal) as progress:
            progress.show(News(10.0, shards=1, cases=0, failures=0, shapes=0))
            progress.show(News(20.0, shards=2, cases=50_000, failures=3, shapes=1))
        assert "2/4" in terminal.getvalue() or "20/40" in terminal.getvalue()
        assert "5,000 pairs/s, 3 failures of 1 shape" in terminal.getvalue()

    def test_elsewhere_nothing_is_shown(self):
        stream = io.StringIO()
        with Progress(Goal(shards=4), stream) as progress:
            progress.show(News(10.0, shards=1, cases=0, failures=0, shapes=0))
        assert stream.getvalue() == ""


def test_jobs_and_scheduler_choose_the_engine():
    assert isinstance(engines.engine_for(1, None), engines.SerialEngine)
    pool = engines.engine_for(2, None)
    pool.close(at_once=True)
    assert isinstance(pool, engines.PoolEngine)
    assert session.Settings().goal.seconds == 60
