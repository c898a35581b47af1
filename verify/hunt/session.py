"""One run of a campaign's driver, from what the command line says to what the campaign may claim."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from verify.errors import StoreError, UsageError
from verify.files import Scratch
from verify.hunt import work
from verify.hunt.campaign import Campaign, Goal
from verify.hunt.engines import Engine, engine_for
from verify.hunt.progress import Progress
from verify.hunt.shards import Part
from verify.hunt.store import Store
from verify.hunt.summary import summarise

MERGED = "merged"
DEFAULT_SECONDS = 60.0


@dataclass(frozen=True)
class Settings:
    """What a campaign is told.

    Attributes:
        spec: of the subject, or None for our own model.
        method: the way of decoding, for subjects that offer several.
        sandbox: the rung of isolation, on every worker.
        name: what the cases follow from.
        goal: when it is over.
        jobs: processes on this machine; 1 is this one.
        scheduler: address of a ``dask.distributed`` scheduler, or None.
        store: the file, or None for one that is thrown away.
        part: which part of the campaign is run here.
    """

    spec: str | None = None
    method: str | None = None
    sandbox: str = "auto"
    name: str = "hunt"
    goal: Goal = field(default_factory=lambda: Goal(seconds=DEFAULT_SECONDS))
    jobs: int = 1
    scheduler: str | None = None
    store: Path | None = None
    part: Part = field(default_factory=Part)


def hunt(settings: Settings, engine: Engine | None = None) -> dict[str, Any]:
    """Return what a campaign found, as `verify.hunt.summary` has it, with "interrupted"; progress goes to stderr.

    Args:
        settings: of the campaign.
        engine: what runs the tasks, instead of the one that the settings name; it is closed.

    Raises:
        VerifyError: the subject is no adder, a store is not to be had, a worker is lost for good.
    """
    if settings.jobs < 1:
        raise UsageError(f"--jobs {settings.jobs} starts no worker; give 1 or more")
    order, described = work.introduce(
        settings.spec, method=settings.method, sandbox=settings.sandbox, name=settings.name
    )
    with contextlib.ExitStack() as closing:
        closing.callback(work.release)
        engine = engine or engine_for(settings.jobs, settings.scheduler)
        closing.callback(engine.close, at_once=True)
        path = settings.store or closing.enter_context(Scratch()) / "hunt.sqlite"
        store = Store.open(path, order.identity, described, part=str(settings.part), goal=asdict(settings.goal))
        closing.callback(store.close)
        progress = closing.enter_context(Progress(settings.goal))
        campaign = Campaign(order, store, engine, settings.goal, part=settings.part, listen=progress.show)
        interrupted = False
        try:
            campaign.run()
        except KeyboardInterrupt:
            interrupted = True
        return summarise(store, campaign.aside) | {"interrupted": interrupted}


def merge(parts: list[Path], path: Path) -> dict[str, Any]:
    """Return what the parts of a campaign found together, and leave it in a store that appears whole or not at all.

    Raises:
        StoreError: a part is no store, of another campaign, or given twice; the file is there and is no merged store.
    """
    with contextlib.ExitStack() as closing:
        first = closing.enter_context(contextlib.closing(Store.read(parts[0])))
        _check_replaceable(path)
        aside = path.with_name(f".{path.name}.merging")
        aside.unlink(missing_ok=True)
        closing.callback(aside.unlink, missing_ok=True)
        closing.callback(aside.with_name(f"{aside.name}.lock").unlink, missing_ok=True)
        store = Store.open(aside, first.identity, first.subject, part=MERGED, goal=first.goal)
        closing.callback(store.close)
        for part in parts:
            store.take(part)
        summary = summarise(store)
        aside.replace(path)
        return summary


def _check_replaceable(path: Path) -> None:
    if path.exists():
        with contextlib.closing(Store.read(path)) as found:
            if found.part != MERGED:
                raise StoreError(f"{path} holds part {found.part} of a campaign; --store names the file to merge into")
