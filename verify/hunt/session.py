"""One run of a campaign's driver, from what the command line says to what the campaign may claim."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from verify import ends
from verify.errors import StoreError, StoreWriteError, UsageError
from verify.files import Scratch
from verify.hunt import database, work
from verify.hunt.campaign import Campaign, Goal
from verify.hunt.engines import Engine, engine_for
from verify.hunt.progress import Progress
from verify.hunt.shards import Part, plan
from verify.hunt.store import Store
from verify.hunt.summary import summarise

MERGED = "merged"
DEFAULT_SECONDS = 60.0
_NAMED = 8  # of what is missing


@dataclass(frozen=True)
class Settings:
    """What a campaign is told.

    Attributes:
        spec: of the subject, or None for our own model.
        method: the way of decoding, for subjects that offer several.
        digits: of an operand; None for what the adder says of itself, else 10. Only 10 are hunted for.
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
    digits: int | None = None
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
    with ends.interruptible():
        order, described = work.introduce(
            settings.spec,
            method=settings.method,
            digits=settings.digits,
            sandbox=settings.sandbox,
            name=settings.name,
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
            with ends.interruptible():
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
        database.remove(aside)
        closing.callback(database.remove, aside)
        store = Store.open(aside, first.identity, first.subject, part=MERGED, goal=first.goal)
        closing.callback(store.close)
        taken = [store.take(part) for part in parts]
        summary = summarise(store)
        missing = [*missing_parts(taken), *missing_shards(store)]
        if missing:
            rest = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
            summary |= {"missing": missing}
            summary["reason"] += f"; missing: {', '.join(missing[:_NAMED])}{rest}"
        try:
            aside.replace(path)
        except OSError as error:
            raise StoreWriteError(f"{str(path)!r} cannot be written: {error.strerror}") from error
        return summary


def missing_parts(parts: list[str]) -> list[str]:
    """Return which parts of a campaign are not among some that ``--shard`` named.

    >>> missing_parts(["1/4", "3/4"])
    ['part 2/4', 'part 4/4']
    """
    given = {Part.parse(part) for part in parts if part != MERGED}
    wholes = {part.of for part in given}
    whole = [Part(number, of) for of in sorted(wholes) for number in range(1, of + 1)]
    return [f"part {part}" for part in whole if part not in given]


def missing_shards(store: Store) -> list[str]:
    """Return which shards a campaign was to do that is told their number, and has not done."""
    if store.goal.get("shards") is None:
        return []
    done = {total.stratum: set(store.numbers(total.stratum)) for total in store.totals()}
    planned = plan(store.goal["shards"])
    return [
        f"shard {shard.number} of {shard.stratum}"
        for shard in planned
        if shard.number not in done.get(shard.stratum, ())
    ]


def _check_replaceable(path: Path) -> None:
    if path.exists():
        with contextlib.closing(Store.read(path)) as found:
            if found.part != MERGED:
                raise StoreError(f"{path} holds part {found.part} of a campaign; --store names the file to merge into")
