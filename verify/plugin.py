"""The pytest plugin of the suite: its options, its profiles, the subject's fixture, and what it reports.

It is loaded in every pytest run of an environment that has the suite installed, so it imports little and does nothing
until a claim of the suite, a file ``verify/test_*.py``, is collected.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from verify.errors import UsageError, VerifyError
from verify.judge import ledger, recorder
from verify.judge.profiles import PROFILES, default_name, open_database, register
from verify.judge.recorder import Recorder

if TYPE_CHECKING:
    from verify.hunt.batches import BatchTier
    from verify.subject import Subject

SUITE = Path(__file__).resolve().parent
RUNGS = ("auto", "bwrap", "landlock", "limits", "off")

_REPLAYED_BY = pytest.StashKey[dict[str, bytes]]()  # the key of the property that replays, by family
_DATABASE = pytest.StashKey[Any]()  # an ExampleDatabase, imported late


def family_of(item: pytest.Item) -> str | None:
    """Return the family of a claim of the suite, such as "carry"; None for any other test."""
    return item.path.stem.removeprefix("test_") if is_claim(item.path) else None


def is_claim(path: Path) -> bool:
    """Return whether a file holds claims of the suite."""
    return path.parent == SUITE and path.name.startswith("test_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    group = parser.getgroup("adder", "verification of adders (pytest verify)")
    group.addoption("--submission", metavar="SUBJECT", help="file, folder or module of the adder; default: our own")
    group.addoption("--method", metavar="NAME", help="the way of decoding, for subjects that offer several")
    group.addoption("--cases", type=int, metavar="N", help="pairs of each stratum, and most examples of a property")
    group.addoption("--budget", type=float, metavar="SECONDS", help="what the hunt through all strata may take")
    group.addoption("--stratum", metavar="NAME", help="hunt through this stratum alone")
    group.addoption("--sandbox", choices=RUNGS, default="auto", help="isolation of the subject (default: auto)")
    group.addoption("--xfails-file", type=Path, metavar="FILE", help="ledger of known failures, a reason on each line")
    group.addoption("--evidence", type=Path, metavar="FILE", help="write what the run found as JSON")
    parser.addini("submission", "file, folder or module of the adder that 'pytest verify' verifies")


@pytest.hookimpl(tryfirst=True)  # before Hypothesis loads the profile that --hypothesis-profile names
def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that make no sense; make ready to report."""
    config.addinivalue_line("markers", "thorough(reason): a claim that takes long; profiles ci and hunt verify it")
    config.addinivalue_line("markers", "replays: the property over pairs() that replays what its family's claims find")
    for option in ("cases", "budget"):
        value = config.getoption(option)
        if value is not None and not value > 0:
            raise pytest.UsageError(f"--{option}={value} must be more than 0")
    with _as_usage_error():
        if config.getoption("stratum") is not None:
            from verify.hunt.regions import named

            named(config.getoption("stratum"))
        if _asked_profile(config) in PROFILES.keys() - {"default", "ci"}:  # Hypothesis has those itself
            _load_profile(config, profile_of(config))
    config.pluginmanager.register(Reporter(config), "adder-reporter")


@pytest.hookimpl(tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> None:
    """Load the profile before a file of claims is imported: a property keeps the settings of that moment."""
    if isinstance(collector, pytest.Module) and is_claim(collector.path):
        with _as_usage_error():
            _load_profile(collector.config, profile_of(collector.config))


@pytest.hookimpl(tryfirst=True)  # the ledger sees the claims that -k deselects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Prepare the run where it has claims of the suite."""
    claims = [item for item in items if family_of(item)]
    if not claims:
        return
    with _as_usage_error():
        _load_profile(config, profile_of(config))
        if config.getoption("xfails_file"):
            ledger.apply(ledger.read(config.getoption("xfails_file")), claims, config.getoption("xfails_file"))
    for item in claims:
        item.user_properties.append((recorder.FAMILY, family_of(item)))
        _skip_thorough(item, profile_of(config))
    _set_keys(config, claims)
    items.sort(key=lambda item: family_of(item) != "smoke")  # wired wrongly is told from answers wrongly first
    if config.getoption("stratum"):
        _keep_stratum(config, items)


def profile_of(config: pytest.Config) -> str:
    """Return the name of the profile of a run."""
    asked = _asked_profile(config)
    return asked if asked is not None and asked in PROFILES else default_name()


def submission_of(config: pytest.Config) -> str | None:
    """Return the subject that the command line, the environment or the settings name, in this order."""
    return config.getoption("submission") or os.environ.get("ADDER_SUBMISSION") or config.getini("submission") or None


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """What is under verification."""
    from verify.subject import load

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # matrices of four rows are many times slower on more threads
    config = request.config
    try:
        loaded = load(submission_of(config), method=config.getoption("method"), sandbox=config.getoption("sandbox"))
    except VerifyError as error:
        if hasattr(config, "workerinput"):
            pytest.fail(str(error), pytrace=False)
        pytest.exit(str(error), returncode=error.exit_status)
    yield loaded
    loaded.close()


@pytest.fixture
def hunt(request: pytest.FixtureRequest, subject: Subject) -> BatchTier:
    """The batch tier: ``hunt.check(stratum, claim)``."""
    from verify.hunt.batches import BatchTier
    from verify.hunt.regions import STRATA
    from verify.hunt.search import Limits

    config = request.config
    profile = PROFILES[profile_of(config)]
    seconds = config.getoption("budget") or profile.seconds
    share = seconds if config.getoption("stratum") else seconds / len(STRATA)
    limits = Limits(config.getoption("cases") or profile.cases, share)

    def record(found: dict[str, Any]) -> None:
        request.node.user_properties.append((recorder.STRATUM, found))

    return BatchTier(subject, limits, seed_of(config), record)


def seed_of(config: pytest.Config) -> int:
    """Return the seed of the batches: the one that ``--hypothesis-seed`` gives, or 0."""
    given = str(config.getoption("--hypothesis-seed", None) or 0)
    return int(given) if given.isdecimal() else sum(given.encode())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach to a claim's report which subject it was about, and the card of its counterexample."""
    family = family_of(item)
    loaded = getattr(item, "funcargs", {}).get("subject")
    if family is None or call.when != "call" or loaded is None:
        return (yield)
    card = _explain(item, call, family)
    item.user_properties.append((recorder.SUBJECT, recorder.describe(loaded)))
    report = yield
    if card:
        report.sections.append(("counterexample", card))
    return report


class Reporter:
    """What the suite makes of the reports: a summary on the terminal, and the evidence."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.recorder = Recorder()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record what a claim's report says."""
        self.recorder.take(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the evidence, in the process that gathers all reports."""
        path = self._config.getoption("evidence")
        if path and not hasattr(self._config, "workerinput"):
            self.recorder.run = _run(self._config)
            self.recorder.write(path)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was verified, how it was isolated, and how much was tried."""
        subject = self.recorder.subject
        if subject is None:
            return
        evidence = self.recorder.as_json()
        terminalreporter.section("adder")
        terminalreporter.line(
            f"subject {subject['spec']} ({subject['name']}), isolation {subject['isolation']}, "
            f"profile {profile_of(self._config)}"
        )
        terminalreporter.line(
            f"hunted {evidence['cases']:,} pairs in {len(evidence['strata'])} strata: {evidence['failures']:,} failures"
        )


def _asked_profile(config: pytest.Config) -> str | None:
    return config.getoption("--hypothesis-profile", None) or None


def _load_profile(config: pytest.Config, name: str) -> None:
    """Make a profile of ours Hypothesis' own, with the example database; leave a stranger's profile alone."""
    if _asked_profile(config) not in {None, *PROFILES}:
        return
    if _DATABASE not in config.stash:
        config.stash[_DATABASE] = open_database()
    register(name, cases=config.getoption("cases"), database=config.stash[_DATABASE])


def _skip_thorough(item: pytest.Item, profile: str) -> None:
    marker = item.get_closest_marker("thorough")
    if marker and profile not in {"ci", "hunt"}:
        reason = f"{marker.kwargs['reason']}; --hypothesis-profile ci verifies it"
        item.add_marker(pytest.mark.skip(reason=reason))


def _set_keys(config: pytest.Config, claims: list[pytest.Item]) -> None:
    """Keep the examples of each property and subject apart, and replay them under any seed."""
    from verify.hunt.replay import key_of, set_key

    replayed_by = config.stash[_REPLAYED_BY] = {}
    verified = f"{submission_of(config) or ''} {config.getoption('method') or ''}".strip()
    for item in claims:
        function = getattr(item, "obj", None)
        if getattr(function, "is_hypothesis_test", False):
            key = key_of(f"{item.path.name}::{function.__name__}", verified)  # type: ignore[union-attr]
            set_key(function, key)
            if item.get_closest_marker("replays"):
                replayed_by[family_of(item) or ""] = key


def _keep_stratum(config: pytest.Config, items: list[pytest.Item]) -> None:
    name = config.getoption("stratum")
    kept = [item for item in items if getattr(_parameter(item, "stratum"), "name", None) == name]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _parameter(item: pytest.Item, name: str) -> Any:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get(name) if callspec else None


def _run(config: pytest.Config) -> dict[str, Any]:
    profile = PROFILES[profile_of(config)]
    return {
        "profile": profile_of(config),
        "seed": seed_of(config),
        "cases": config.getoption("cases") or profile.cases,
        "budget": config.getoption("budget") or profile.seconds,
        "stratum": config.getoption("stratum"),
    }


def _explain(item: pytest.Item, call: pytest.CallInfo[None], family: str) -> str:
    """Return the card of a failed claim's counterexample, or ""; attach its values, and keep it for the next run."""
    from verify.hunt.assertions import WrongAnswerError

    loaded = getattr(item, "funcargs", {}).get("subject")
    if loaded is None or call.excinfo is None or not isinstance(call.excinfo.value, WrongAnswerError):
        return ""
    from verify.hunt.explain import card, explain
    from verify.hunt.replay import keep

    wrong = call.excinfo.value
    keep(item.config.stash.get(_DATABASE, None), item.config.stash[_REPLAYED_BY].get(family), (wrong.a, wrong.b))
    found = explain(loaded, wrong, family=family)
    item.user_properties.append((recorder.COUNTEREXAMPLE, found.as_json()))
    return card(found)


@contextmanager
def _as_usage_error() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
