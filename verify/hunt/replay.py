"""Where Hypothesis' example database keeps what is to be replayed: everything here that is no public interface.

A pair that was found outside Hypothesis is stored as the choices by which `verify.addition.strategies.pairs` would draw
it, under its property's key with the suffix ``.secondary``; the next ordinary run of it replays and shrinks that.
Should an upgrade of Hypothesis take these internals away, `keep` stores nothing, `shrink_from` starts from nothing,
and a test of our own fails loudly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.database import ExampleDatabase, InMemoryExampleDatabase
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from verify.addition.strategies import Pair, choices_of, pairs

try:
    from hypothesis.database import choices_to_bytes
except ImportError:  # pragma: no cover - an upgrade of Hypothesis
    choices_to_bytes = None  # type: ignore[assignment]

_KEY = b"verify"


def key_of(property_name: str, subject: str) -> bytes:
    """Return the database key of a property and a subject, stable over edits of the test's source."""
    return f"verify/{property_name}/{subject}".encode()


def set_key(test: Any, key: bytes) -> None:
    """Make a Hypothesis test keep its examples under a key; without it one seed given means no replay."""
    test._hypothesis_internal_database_key = key  # noqa: SLF001 - read by hypothesis.core, no public way


def keep(database: ExampleDatabase | None, under: bytes | None, pair: Pair) -> bool:
    """Store a failing pair for the property of a key that draws from `pairs`; return whether it was stored."""
    if database is None or under is None or choices_to_bytes is None:
        return False
    database.save(under + b".secondary", choices_to_bytes(choices_of(pair)))
    return True


def shrink_from(
    pair: Pair, fails: Callable[[Pair], bool], *, strategy: SearchStrategy[Pair] | None = None, examples: int = 200
) -> Pair:
    """Return the smallest failing pair that Hypothesis reaches from a failing pair, or the pair itself."""
    database = InMemoryExampleDatabase()
    keep(database, _KEY, pair)
    try:
        return find(
            pairs() if strategy is None else strategy,
            fails,
            settings=settings(
                max_examples=examples,
                database=database,
                deadline=None,
                phases=_phases(),
                suppress_health_check=list(HealthCheck),
            ),
            database_key=_KEY,
        )
    except NoSuchExample:
        return pair


def _phases() -> Sequence[Phase]:
    return (Phase.reuse, Phase.generate, Phase.shrink) if choices_to_bytes is None else (Phase.reuse, Phase.shrink)
