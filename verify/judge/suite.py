"""The claims, run in this process by pytest, silently, and by no settings but ours."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from verify.errors import UndecidedError
from verify.files import Scratch
from verify.text import printable

if TYPE_CHECKING:
    from verify.judge.session import Session

SUITE = Path(__file__).resolve().parents[1]
PLUGINS = ("verify.plugin", "_hypothesis_pytestplugin")  # and none that happens to be installed
_HEEDED_BY_PYTEST = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "ADDER_SUBMISSION")
_SHOWN = 2_000  # characters of what pytest said, where it came to no end


def run_claims(session: Session, *, verbose: bool = False) -> bool:
    """Run all claims in a session; return whether they were interrupted.

    Args:
        session: takes in what is found.
        verbose: whether pytest's own output goes to stderr; else nothing is printed.

    Raises:
        UndecidedError: the suite itself came to no end.
    """
    import pytest

    said = io.StringIO()
    with Scratch() as folder, _environment(), contextlib.ExitStack() as redirected:
        for redirect in (contextlib.redirect_stdout, contextlib.redirect_stderr):
            redirected.enter_context(redirect(sys.stderr if verbose else said))
        status = pytest.main(_arguments(session, folder), plugins=[session])
    if status == pytest.ExitCode.INTERRUPTED:
        return session.interrupted
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        ending = printable(said.getvalue()[-_SHOWN:].strip(), _SHOWN)
        raise UndecidedError(f"the suite ended with status {int(status)}: {ending}")
    return False


def _arguments(session: Session, folder: Path) -> list[str]:
    settings = folder / "pytest.ini"  # the folder that the user stands in, and those above it, have no say
    settings.write_text("[pytest]\n")
    arguments = [str(SUITE), "-q", "--tb=short", "--color=no", f"--config-file={settings}", f"--rootdir={folder}"]
    arguments += ["--capture=no", "-pno:cacheprovider", *(f"-p{plugin}" for plugin in PLUGINS)]
    arguments += ["-Wignore::pytest.PytestAssertRewriteWarning"]  # what runs the suite has imported parts of it
    return [
        *arguments,
        f"--hypothesis-seed={session.seed}",
        f"--hypothesis-profile={session.options.profile}",
    ]


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Leave out, for a while, what pytest would heed of the environment."""
    before = {name: os.environ.pop(name) for name in _HEEDED_BY_PYTEST if name in os.environ}
    autoload = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.update(before)
        if autoload is None:
            del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        else:
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = autoload
