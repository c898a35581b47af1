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


def keep_smallest(database: ExampleDatabase | None, under: bytes | None, pair: Pair) -> bool:
    """Store a failing pair as `keep` does, and forget what Hypothesis itself stored for the property meanwhile.

    Without shrinking Hypothesis stores the first pair that failed; the smallest that it led to is to be replayed first.
    """
    if database is not None and under is not None:
        for stored in list(database.fetch(under)):
            database.delete(under, stored)
    return keep(database, under, pair)


def keep(database: ExampleDatabase | None, under: bytes | None, pair: Pair) -> bool:
    """Store a failing pair for the property of a key that draws from `pairs`; return whether it was stored."""
    if database is None or under is None or choices_to_bytes is None:
        return False
    database.save(under + b".secondary", choices_to_bytes(choices_of(pair)))
    return True


class _Enough(BaseException):
    """Ends a search from within: no `Exception`, which Hypothesis would take for a failure and try again."""


def shrink_from(
    pair: Pair,
    fails: Callable[[Pair], bool],
    *,
    enough: Callable[[], bool] = lambda: False,
    strategy: SearchStrategy[Pair] | None = None,
    examples: int = 200,
) -> Pair:
    """Return the smallest failing pair that Hypothesis reaches from a failing pair, or the pair itself.

    Args:
        pair: one that fails.
        fails: says of a pair whether it fails. It is asked once of each: a predicate that changes its mind is none.
        enough: says that no further pair may be asked; the answer is then the smallest failing one that was seen, as
            it is after any error of ``fails``.
        strategy: draws pairs; `pairs` where None.
        examples: most that are tried before one fails.
    """
    known: dict[Pair, bool] = {}
    smallest = pair

    def does_fail(candidate: Pair) -> bool:
        nonlocal smallest
        if candidate not in known:
            if enough():
                raise _Enough
            try:
                known[candidate] = fails(candidate)
            except Exception as error:
                raise _Enough from error
            if known[candidate]:
                smallest = min(smallest, candidate, key=lambda seen: (sum(seen), seen[0]))
        return known[candidate]

    database = InMemoryExampleDatabase()
    keep(database, _KEY, pair)
    try:
        return find(
            pairs() if strategy is None else strategy,
            does_fail,
            settings=settings(
                max_examples=examples,
                database=database,
                deadline=None,
                phases=_phases(),
                suppress_health_check=list(HealthCheck),
            ),
            database_key=_KEY,
        )
    except (NoSuchExample, _Enough):
        return smallest


def _phases() -> Sequence[Phase]:
    return (Phase.reuse, Phase.generate, Phase.shrink) if choices_to_bytes is None else (Phase.reuse, Phase.shrink)
