"""What a campaign may claim, from its store alone.

The bound on the failure rate (`verify.addition.bounds`) is of operands drawn uniformly, and from the uniform stratum
alone; every other stratum has a bound of its own, on pairs drawn as it draws them. There is none where pairs are not
drawn independently: bred ones, and strata that list their pairs, which say how many of how many were added.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from verify.addition.bounds import failure_rate_bound
from verify.hunt.campaign import MOST_SHRUNK
from verify.hunt.margins import WEAKEST, WEAKEST_SENTENCE
from verify.hunt.regions import STRATA
from verify.hunt.search import UNIFORM
from verify.hunt.shards import covering_shards
from verify.text import one_in, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verify.hunt.shards import Shard
    from verify.hunt.store import Cluster, Store, Totals

SCHEMA = "adder-campaign/1"
STATUS = {"NO COUNTEREXAMPLE": 0, "COUNTEREXAMPLE": 1, "UNDECIDED": 3}
_CLOCK = ("seconds", "changed", "hosts")  # what differs between two runs that found the same


def summarise(store: Store, aside: Mapping[Shard, str] | None = None) -> dict[str, Any]:
    """Return what a campaign found, as values that JSON knows.

    Args:
        store: of the campaign.
        aside: why shards were set aside in this run.
    """
    strata = [_stratum(store, total) for total in store.totals()]
    cases, failures = (sum(row[key] for row in strata) for key in ("cases", "failures"))
    bound = next((row["failure_rate_bound_95"] for row in strata if row["name"] == UNIFORM), None)
    clusters = [_cluster(rank, found) for rank, found in enumerate(_by_size(store))]
    verdict, reason = _decide(cases, bound, clusters, aside or {})
    return {
        "schema": SCHEMA,
        "name": store.identity.name,
        "subject": store.subject,
        "verdict": verdict,
        "reason": reason,
        "cases": cases,
        "failures": failures,
        "failure_rate_bound_95": bound,
        "strata": strata,
        "clusters": clusters,
        "aside": [
            {"stratum": shard.stratum, "number": shard.number, "reason": why} for shard, why in (aside or {}).items()
        ],
        "shards": sum(row["shards"] for row in strata),
        "part": store.part,
        "goal": store.goal,
        "hosts": store.hosts(),
        "seconds": round(store.seconds, 1),
        "changed": store.changed,
    }


def without_clock(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what of a summary follows from the shards alone: the same for every split, order, restart and machine."""
    strata = [{key: value for key, value in row.items() if key != "seconds"} for row in summary["strata"]]
    return {key: value for key, value in summary.items() if key not in (*_CLOCK, "part", "goal")} | {"strata": strata}


def _stratum(store: Store, total: Totals) -> dict[str, Any]:
    stratum = STRATA.get(total.stratum)
    is_drawn = stratum is not None and not stratum.fixed
    covering = None if stratum is None else covering_shards(stratum)
    complete = covering is not None and list(islice(store.numbers(total.stratum), covering)) == list(range(covering))
    return {
        "name": total.stratum,
        "cases": total.cases,
        "failures": total.failures,
        "sentence": WEAKEST_SENTENCE if stratum is None else stratum.sentence,
        "family": WEAKEST if stratum is None else stratum.family,
        "exhaustive": complete and not is_drawn,
        "complete": complete,
        "failure_rate_bound_95": failure_rate_bound(total.failures, total.cases) if is_drawn else None,
        "shards": total.shards,
        "margin": total.margin,
        "seconds": round(total.seconds, 3),
    }


def _by_size(store: Store) -> list[Cluster]:
    return sorted(store.clusters(), key=lambda found: (not found.failure.confirmed, found.failure.size))


def _cluster(rank: int, found: Cluster) -> dict[str, Any]:
    failure = found.failure
    shows_least = rank < MOST_SHRUNK and found.least is not None and found.least_got is not None
    a, b = found.least if shows_least and found.least else (failure.a, failure.b)
    return {
        "place": failure.shape.place,
        "carry_word": failure.shape.carry_word,
        "failures": failure.count,
        "stratum": found.stratum,
        "a": a,
        "b": b,
        "got": found.least_got if shows_least else failure.got,
        "expected": a + b,
        "found": {"a": failure.a, "b": failure.b, "got": failure.got},
        "confirmed": failure.confirmed,
    }


def _decide(
    cases: int, bound: float | None, clusters: list[dict[str, Any]], aside: Mapping[Shard, str]
) -> tuple[str, str]:
    if clusters:
        first = min(clusters, key=lambda row: (not row["confirmed"], row["a"] + row["b"], row["a"]))
        if first["confirmed"]:
            return "COUNTEREXAMPLE", "add({a}, {b})={got}, but should be {expected}".format(**first)
        reason = "add_batch([{a}], [{b}])={got}, but should be {expected}, and add says so"
        return "UNDECIDED", reason.format(**first)
    if aside:
        return "UNDECIDED", f"{plural(len(aside), 'shard')} came to no end: {next(iter(aside.values()))}"
    if not cases:
        return "UNDECIDED", "no case was tried"
    rate = "" if bound is None else f"; at 95 % confidence the failure rate of uniform pairs is at most {one_in(bound)}"
    return "NO COUNTEREXAMPLE", f"in {plural(cases, 'case')}{rate}"
