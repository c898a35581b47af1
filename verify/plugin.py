"""The pytest plugin of the suite: its options, its profiles, the subject's fixtures, and what it reports.

It is loaded in every pytest run of an environment that has the suite installed, so it imports little and does nothing
until a claim of the suite, a file ``verify/test_*.py``, is collected.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from verify.errors import ContractError, OutOfTimeError, UndecidedError, UsageError, VerifyError
from verify.judge import ledger, recorder
from verify.judge.profiles import PROFILES, default_name, open_database, register
from verify.judge.recorder import Recorder
from verify.judge.session import CALL_SECONDS, Options, Session

if TYPE_CHECKING:
    from verify.hunt.batches import BatchTier
    from verify.proof.conclusion import Proof
    from verify.subject import Subject

SUITE = Path(__file__).resolve().parent
RUNGS = ("auto", "bwrap", "landlock", "limits", "off")
STAGES = (
    "smoke",
    "replay",
    "every pair",
    "hunt",
    "named sums",
    "properties",
    "nature",
    "outside",
    "proof",
)  # the order of claims
SUMS = frozenset({"smoke", "replay", "every pair", "hunt", "named sums", "properties"})

_EVERY_PAIR = "every-pair"  # as in `verify.hunt.strata`, which is imported late
_WITH_A_VALUE = {"--submission", "--method", "--stratum", "--xfails-file", "--evidence"}  # that may be a path

_SESSION = pytest.StashKey[Session]()
_REPLAYED_BY = pytest.StashKey[dict[str, bytes]]()  # the key of the property that replays, by family
_DATABASE = pytest.StashKey[Any]()  # an ExampleDatabase, imported late


def family_of(item: pytest.Item) -> str | None:
    """Return the family of a claim of the suite, such as "carry"; None for any other test."""
    return item.path.stem.removeprefix("test_") if is_claim(item.path) else None


def is_claim(path: Path) -> bool:
    """Return whether a file holds claims of the suite."""
    return path.parent == SUITE and path.name.startswith("test_")


def stage_of(item: pytest.Item) -> str:
    """Return the stage of a run at which a claim is verified; one of `STAGES`."""
    if family_of(item) in {"smoke", "proof"}:
        return str(family_of(item))
    if item.get_closest_marker("outside"):
        return "outside"
    if question_of(item)[0] == recorder.NATURE:
        return "nature"
    if item.get_closest_marker("replays"):
        return "replay"
    if _parameter(item, "stratum") is not None:
        return "every pair" if _parameter(item, "stratum").name == _EVERY_PAIR else "hunt"
    return "properties" if _is_property(item) else "named sums"


def question_of(item: pytest.Item) -> tuple[str, str, str]:
    """Return the question that a claim belongs to; for the nature, what its failure means, and of which rule.

    Raises:
        UsageError: the claim says neither.
    """
    markers = [marker for marker in item.iter_markers() if marker.name in {recorder.SUMS, recorder.NATURE}]
    if not markers:
        raise UsageError(f"{item.nodeid} says of no question that it belongs to it; mark it with sums or nature")
    marker = markers[0]  # the closest comes first
    rule = marker.kwargs.get("rule") or _parameter(item, "check") or recorder.rule_of(item.name)
    return marker.name, (marker.args or [""])[0], rule


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    group = parser.getgroup("adder", "verification of adders (pytest verify)")
    group.addoption("--submission", metavar="SUBJECT", help="file, folder or module of the adder; default: our own")
    group.addoption("--method", metavar="NAME", help="the way of decoding, for subjects that offer several")
    group.addoption("--digits", type=int, metavar="N", help="of an operand; default: as the adder says, else 10")
    group.addoption("--cases", type=int, metavar="N", help="pairs of each stratum, and most examples of a property")
    group.addoption("--budget", type=float, metavar="SECONDS", help="what the whole run may take")
    group.addoption("--call-seconds", type=float, default=CALL_SECONDS, metavar="SECONDS", help="limit of one sum")
    group.addoption("--stratum", metavar="NAME", help="hunt through this stratum alone")
    group.addoption("--sandbox", choices=RUNGS, default="auto", help="isolation of the subject (default: auto)")
    group.addoption("--xfails-file", type=Path, metavar="FILE", help="ledger of known failures, a reason on each line")
    group.addoption("--evidence", type=Path, metavar="FILE", help="write what the run found as JSON")
    parser.addini("submission", "file, folder or module of the adder that 'pytest verify' verifies")


@pytest.hookimpl(tryfirst=True)  # before it loads any conftest.py; its settings it has read before all plugins
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Refuse options behind which a path stands alone: pytest has taken its folder for the one of its own settings."""
    for option, value in itertools.pairwise(args):
        if option == "--submission" or (option in _WITH_A_VALUE and _leads_away(value, early_config)):
            raise pytest.UsageError(
                f"write {option}=FILE: pytest takes a path that stands alone for the folder of its own settings, and "
                "heeds what it finds there"
            )


def _leads_away(value: str, config: pytest.Config) -> bool:
    here = config.invocation_params.dir
    path = os.path.join(here, value)  # noqa: PTH118 - what is no path, and too long for one, is no error here
    folder = path if os.path.isdir(path) else os.path.dirname(path)  # noqa: PTH112, PTH120 - likewise
    return os.path.exists(path) and os.path.realpath(folder) != os.path.realpath(here)  # noqa: PTH110 - likewise


@pytest.hookimpl(tryfirst=True)  # before Hypothesis loads the profile that --hypothesis-profile names
def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that make no sense; make ready to report."""
    for marker in (
        "sums: the claim belongs to the question whether the adder adds",
        "nature(outcome, rule=): or to the question whether it is what it says; outcome: what a failure means",
        "outside: it asks for what the contract leaves open, after everything else, since that may end the worker",
        "thorough(reason): a claim that takes long; profiles ci and hunt verify it",
        "replays: the property over pairs() that replays what its family's claims find",
    ):
        config.addinivalue_line("markers", marker)
    for option in ("cases", "budget", "call_seconds"):
        value = config.getoption(option)
        if value is not None and not value > 0:
            raise pytest.UsageError(f"--{option.replace('_', '-')}={value} must be more than 0")
    _check_digits(config)
    with _as_usage_error():
        if config.getoption("stratum") is not None:
            from verify.addition.task import TEN, Task
            from verify.hunt.regions import named

            digits = config.getoption("digits")
            named(config.getoption("stratum"), TEN if digits is None else Task(digits))
        if _asked_profile(config) in PROFILES.keys() - {"default", "ci"}:  # Hypothesis has those itself
            _load_profile(config, profile_of(config))
    config.pluginmanager.register(Reporter(config), "adder-reporter")


def _check_digits(config: pytest.Config) -> None:
    digits = config.getoption("digits")
    if digits is not None:
        from verify.addition.task import Task

        try:
            Task(digits)
        except ValueError as error:
            raise pytest.UsageError(f"--digits={digits}: {error}") from error


@pytest.hookimpl(tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> None:
    """Load the profile before a file of claims is imported: a property keeps the settings of that moment."""
    if isinstance(collector, pytest.Module) and is_claim(collector.path):
        with _as_usage_error():
            _load_profile(collector.config, profile_of(collector.config))


@pytest.hookimpl(tryfirst=True)  # the ledger sees the claims that -k deselects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Prepare the run where it has claims of the suite, and put them into the order of a run."""
    claims = [item for item in items if family_of(item)]
    if not claims:
        return
    with _as_usage_error():
        _load_profile(config, profile_of(config))
        if config.getoption("xfails_file"):
            ledger.apply(ledger.read(config.getoption("xfails_file")), claims, config.getoption("xfails_file"))
        for item in claims:
            item.user_properties.append((recorder.FAMILY, family_of(item)))
            item.user_properties.append((recorder.QUESTION, question_of(item)))
            _skip_thorough(item, profile_of(config))
    _set_keys(config, claims)
    claims = _of_the_task(config, items, claims)
    others = [item for item in items if not family_of(item)]
    items[:] = [*sorted(claims, key=lambda item: STAGES.index(stage_of(item))), *others]
    if config.getoption("stratum"):
        _keep_stratum(config, items)


@pytest.hookimpl(trylast=True)  # after -k has deselected
def pytest_collection_finish(session: pytest.Session) -> None:
    """Count those that share the time of the run."""
    stages = [stage_of(item) for item in session.items if family_of(item)]
    if stages:
        run = session_of(session.config)
        run.strata, run.properties = stages.count("hunt"), stages.count("replay") + stages.count("properties")
        run.proofs = stages.count("proof")


def profile_of(config: pytest.Config) -> str:
    """Return the name of the profile of a run."""
    asked = _asked_profile(config)
    return asked if asked is not None and asked in PROFILES else default_name()


def submission_of(config: pytest.Config) -> str | None:
    """Return the subject that the command line, the environment or the settings name, in this order.

    An empty one is none of ours: a variable of a script that was never set, say. It is refused when it is loaded.
    """
    named = (config.getoption("submission"), os.environ.get("ADDER_SUBMISSION"), config.getini("submission") or None)
    return next((spec for spec in named if spec is not None), None)


def seed_of(config: pytest.Config) -> int:
    """Return the seed of the batches: the one that ``--hypothesis-seed`` gives, or 0."""
    given = str(config.getoption("--hypothesis-seed", None) or 0)
    return int(given) if given.isdecimal() else sum(given.encode())


def session_of(config: pytest.Config) -> Session:
    """Return what the claims of a run share: the session that was handed in, or one by the run's options."""
    if _SESSION not in config.stash:
        config.stash[_SESSION] = _handed_in(config) or _session(config)
    return config.stash[_SESSION]


def _handed_in(config: pytest.Config) -> Session | None:
    plugins = config.pluginmanager.get_plugins()
    return next((plugin for plugin in plugins if isinstance(plugin, Session)), None)


def _session(config: pytest.Config) -> Session:
    asked = _asked_profile(config)
    options = Options(
        spec=submission_of(config),
        profile=profile_of(config),
        seed=0 if config.getoption("--hypothesis-seed", None) is None else seed_of(config),
        **{
            name: config.getoption(name)
            for name in ("method", "digits", "sandbox", "cases", "budget", "stratum", "call_seconds")
        },
    )
    return Session(options, shrinks=asked is None or asked in PROFILES or _profile_shrinks())


def _profile_shrinks() -> bool:
    from hypothesis import Phase, settings

    return Phase.shrink in settings().phases


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """What is under verification."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # matrices of four rows are many times slower on more threads
    run = session_of(request.config)
    try:
        loaded = run.subject
    except VerifyError as error:
        if hasattr(request.config, "workerinput"):
            pytest.fail(str(error), pytrace=False)
        pytest.exit(str(error), returncode=error.exit_status)
    yield loaded
    if not run.judging:
        run.close()


@pytest.fixture
def hunt(request: pytest.FixtureRequest, subject: Subject) -> BatchTier:
    """The batch tier: ``hunt.check(stratum, claim)``."""
    from verify.hunt.batches import BatchTier

    run = session_of(request.config)

    def record(found: dict[str, Any]) -> None:
        request.node.user_properties.append((recorder.STRATUM, found))
        run.take_stratum(found)

    name = getattr(_parameter(request.node, "stratum"), "name", "")
    return BatchTier(subject, lambda: run.limits_of_stratum(name), run.seed, record)


@pytest.fixture
def audited(request: pytest.FixtureRequest, subject: Subject) -> dict[str, dict[str, str]]:  # noqa: ARG001 - loaded
    """What the audit found, by check."""
    return {row["check"]: row for row in session_of(request.config).audit}


@pytest.fixture
def counts(request: pytest.FixtureRequest, subject: Subject) -> dict[str, Any]:  # noqa: ARG001 - loaded
    """How many parameters the subject has, by each way of counting."""
    return session_of(request.config).counts


@pytest.fixture
def proof(request: pytest.FixtureRequest, subject: Subject) -> Proof:  # noqa: ARG001 - loaded
    """What could be proved of the subject."""
    return session_of(request.config).proof


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Enter the stage of a claim; leave out what there is no time or no reason for."""
    if family_of(item) is None:
        return
    run, stage = session_of(item.config), stage_of(item)
    if run.judging and stage not in SUMS and run.stage in SUMS:
        run.conclude()
    run.enter(stage)
    reason = run.why_not(
        asks_for_sums=stage in SUMS - {"smoke"},
        hunts=stage in {"hunt", "every pair", "replay"},
        proves=stage == "proof",
    )
    if reason:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Give a property a subject with a memory and a share of the time; look into a wrong pair."""
    __tracebackhide__ = True
    family = family_of(pyfuncitem)
    if family is None:
        return (yield)
    from verify.addition.strategies import asking
    from verify.hunt.assertions import InconsistentError, WrongAnswerError
    from verify.hunt.foresight import TimeIsSpent

    run = session_of(pyfuncitem.config)
    try:
        with asking(run.subject.task):
            if _is_property(pyfuncitem):
                _prepare_property(run, pyfuncitem)
            return (yield)
    except TimeIsSpent:
        run.cut[run.stage] += 1
        return True
    except InconsistentError as error:
        run.inconsistent.append(str(error))
        raise
    except WrongAnswerError as wrong:
        _keep(pyfuncitem, family, (wrong.a, wrong.b))
        least = run.take(wrong, family)
        if least is wrong:
            raise
        _keep(pyfuncitem, family, (least.a, least.b))
        raise least from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach to a claim's report which subject it was about, and what became of it."""
    family = family_of(item)
    if family is None or call.when == "teardown":
        return (yield)
    error = None if call.excinfo is None else call.excinfo.value
    run = session_of(item.config)
    if error is not None and not isinstance(error, AssertionError | ContractError | pytest.skip.Exception):
        is_told = isinstance(error, UndecidedError)  # by us, in words; any other error also needs its name
        item.user_properties.append((recorder.LOST, str(error) if is_told else f"{type(error).__name__}: {error}"))
        if is_told and stage_of(item) in SUMS and not isinstance(error, OutOfTimeError):
            run.lost.append(str(error))
    if _is_wrong_answer(error):  # of sums, whatever the claim is about
        item.user_properties.append((recorder.QUESTION, (recorder.SUMS, "", "")))
    outcome = _outcome_of(error)
    if outcome:
        question = (recorder.NATURE, outcome, recorder.rule_of(item.name))
        item.user_properties.append((recorder.QUESTION, question))
    loaded = getattr(item, "funcargs", {}).get("subject")
    card = ""
    if call.when == "call" and loaded is not None:
        item.user_properties.append((recorder.SUBJECT, recorder.describe(loaded)))
        card = _explain(item, error, family)
    report = yield
    if card:
        report.sections.append(("counterexample", card))
    if report.failed and stage_of(item) == "smoke":
        run.smoke_failed = True
    return report


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End a run that judges where its smoke test has failed: nothing further is to be learnt."""
    if family_of(item) != "smoke" or nextitem is None or family_of(nextitem) == "smoke":
        return
    run = session_of(item.config)
    if run.judging and run.smoke_failed:
        item.session.shouldstop = "the smoke test failed"


class Reporter:
    """What the suite makes of the reports: a summary on the terminal, and the evidence."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        handed_in = _handed_in(config)
        self.recorder = Recorder() if handed_in is None else handed_in.recorder

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record what a claim's report says."""
        self.recorder.take(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the evidence, in the process that gathers all reports."""
        path = self._config.getoption("evidence")
        if path and not hasattr(self._config, "workerinput"):
            run = session_of(self._config)
            self.recorder.run = run.options.as_json() | {"seed": run.seed}
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
        for cut in (f"{row['name']} was {row['cut']}" for row in evidence["strata"] if row["cut"]):
            terminalreporter.line(cut)


def _asked_profile(config: pytest.Config) -> str | None:
    return config.getoption("--hypothesis-profile", None) or None


def _load_profile(config: pytest.Config, name: str) -> None:
    """Make a profile of ours Hypothesis' own, with the example database; leave a stranger's profile alone."""
    if _asked_profile(config) not in {None, *PROFILES}:
        return
    if _DATABASE not in config.stash:
        config.stash[_DATABASE] = _open_database(config)
    register(name, cases=config.getoption("cases"), database=config.stash[_DATABASE])


def _open_database(config: pytest.Config) -> Any:
    """Return the example database; where a run that judges cannot have it, one that is thrown away."""
    try:
        return open_database()
    except UsageError:
        if _handed_in(config) is None:
            raise
        from hypothesis.database import InMemoryExampleDatabase

        return InMemoryExampleDatabase()


def _skip_thorough(item: pytest.Item, profile: str) -> None:
    marker = item.get_closest_marker("thorough")
    if marker and profile not in {"ci", "hunt"}:
        reason = f"{marker.kwargs['reason']}; --hypothesis-profile ci verifies it"
        item.add_marker(pytest.mark.skip(reason=reason))


def _of_the_task(config: pytest.Config, items: list[pytest.Item], claims: list[pytest.Item]) -> list[pytest.Item]:
    """Return the claims without those about strata that the subject's task has not, where that is known by now."""
    subject = session_of(config).known("subject")
    if subject is None:
        return claims
    kept = [item for item in claims if getattr(_parameter(item, "stratum"), "exists", lambda _: True)(subject.task)]
    config.hook.pytest_deselected(items=[item for item in items if item in claims and item not in kept])
    return kept


def _set_keys(config: pytest.Config, claims: list[pytest.Item]) -> None:
    """Keep the examples of each property and subject apart, and replay them under any seed."""
    from verify.hunt.replay import key_of, set_key

    replayed_by = config.stash[_REPLAYED_BY] = {}
    digits = session_of(config).options.digits
    width = "" if digits is None else f"{digits} digits"
    verified = f"{session_of(config).options.spec or ''} {config.getoption('method') or ''} {width}".strip()
    for item in claims:
        if _is_property(item):
            function = item.obj  # type: ignore[attr-defined]
            key = key_of(f"{item.path.name}::{function.__name__}", verified)
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


def _is_property(item: pytest.Item) -> bool:
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def _prepare_property(run: Session, item: pytest.Function) -> None:
    """Put a memory in the subject's place, in which the sums that cannot be asked for in time are foreseen."""
    from verify.hunt.foresight import Memory, foresee

    ends = run.property_ends()
    memory = Memory(run.subject, lambda: run.clock() >= ends)
    if run.stage == "replay":  # what failed before comes first, before even the layout of the tokens is learnt
        item.funcargs["subject"] = memory
        return
    given = item.config.getoption("--hypothesis-seed", None)
    seed = run.seed if given is not None else random.getrandbits(32)
    foresee(memory, item.obj, ends - run.clock(), seed=seed, clock=run.clock)
    item.funcargs["subject"] = memory


def _keep(item: pytest.Item, family: str, pair: tuple[int, int]) -> None:
    """Keep a wrong pair for the next run, which replays it first."""
    from verify.hunt.replay import keep_smallest

    keep_smallest(item.config.stash.get(_DATABASE, None), item.config.stash[_REPLAYED_BY].get(family), pair)


def _explain(item: pytest.Item, error: BaseException | None, family: str) -> str:
    """Attach the values of a wrong pair; return its card, or "" where it is explained later or there is none."""
    from verify.hunt.assertions import WrongAnswerError

    if not isinstance(error, WrongAnswerError):
        return ""
    from verify.hunt.explain import card, explain

    run = session_of(item.config)
    if run.judging:
        return ""
    found = explain(run.subject, error, family=family)
    item.user_properties.append((recorder.COUNTEREXAMPLE, found.as_json()))
    return card(found)


def _is_wrong_answer(error: BaseException | None) -> bool:
    if not isinstance(error, AssertionError):
        return False
    from verify.hunt.assertions import WrongAnswerError

    return isinstance(error, WrongAnswerError)


def _outcome_of(error: BaseException | None) -> str:
    """Return what an error that is about no sum means for the nature of an adder; "" for what claims say themselves."""
    if not isinstance(error, AssertionError | ContractError):
        return ""
    from verify.hunt.assertions import InconsistentError

    return "violated" if isinstance(error, InconsistentError | ContractError) else ""


@contextmanager
def _as_usage_error() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
