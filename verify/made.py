"""By what a piece of evidence was made: the version and the commit of the suite, and when."""

from __future__ import annotations

import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from verify import interpreters

DISTRIBUTION = "tiny-adder"
CHECKOUT = Path(__file__).resolve().parent.parent  # where that is one
CHANGED = "-dirty"  # after a commit from which the source was changed, as `git describe` puts it


def made() -> dict[str, str]:
    """Return the version and the commit of the suite, "" where that is not known, and the time now, in UTC."""
    return {"version": version(), "commit": commit(), "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")}


def version() -> str:
    """Return the version of the suite as it was installed, "" where it was not."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return ""


def versions() -> str:
    """Return the versions on which an answer depends, in one line; nothing is imported for it."""
    told = {DISTRIBUTION: version(), "torch": metadata.version("torch"), "Python": platform.python_version()}
    return ", ".join(f"{name} {number or 'not installed'}" for name, number in told.items())


def commit() -> str:
    """Return the commit that the suite is of, from the checkout that it runs in or was installed from; else ""."""
    if (CHECKOUT / ".git").exists() and (CHECKOUT / "adder").is_dir():  # not a checkout around some site-packages
        return _checked_out()
    try:
        told = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
        return str(told.get("vcs_info", {}).get("commit_id", ""))
    except (metadata.PackageNotFoundError, ValueError):
        return ""


def _checked_out() -> str:
    """Return the commit of the checkout, and whether the source of the model or the suite was changed since."""
    try:
        head = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--", "adder", "verify")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + (CHANGED if changes else "")


def _git(*arguments: str) -> str:
    run = interpreters.run(["git", "--no-optional-locks", *arguments], folder=CHECKOUT)
    run.check_returncode()
    return str(run.stdout).strip()
