"""The way in: from a spec to a `Subject`, in this process or behind the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.subject import loading
from verify.subject.sandbox.parent import SandboxedSubject
from verify.subject.subject import DEFAULT_SPEC, LocalSubject, Rung, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from verify.subject.sandbox.limits import Limits


def load(
    spec: str | None = None,
    *,
    method: str | None = None,
    digits: int | None = None,
    sandbox: Rung = "auto",
    limits: Limits | None = None,
    time_left: Callable[[], float] | None = None,
) -> Subject:
    """Return the subject that a spec names.

    Args:
        spec: a path to a file or folder, or ``package.module``; ``:name`` behind it picks an object in it that has
            the contract's two functions. A path to a state dict, ``.pt``, is our own model with these weights; one to a
            graph, ``.json``, is data that our own decoder runs. None is our own model.
        method: the way of decoding under verification, for subjects that offer several.
        digits: of an operand, or None for what the adder says of itself in ``metadata["digits"]``, else 10.
        sandbox: the rung of isolation. "auto" is the best that this machine has, and this process for our own model;
            see verify/subject/sandbox/README.md.
        limits: `verify.subject.sandbox.Limits`, or None for its defaults.
        time_left: how many seconds the run has left, see `verify.subject.Subject`; None for no end.

    Raises:
        SubjectNotFoundError, SubjectImportError, SubjectBuildError, ContractError: see `verify.errors`.
        GraphError: a ``.json`` file holds no graph.
        IsolationError: the rung that is demanded is not to be had.
        SubjectCrashedError, SubjectTimeoutError, ProtocolError: in the sandbox only.
        OutOfTimeError: the run's time is spent before the subject is loaded.
    """
    spec = DEFAULT_SPEC if spec is None else spec
    location = loading.locate(spec)
    if runs_here(location, sandbox):
        return _load_here(location, method, digits, time_left)
    return SandboxedSubject(
        location, method=method, digits=digits, rung=sandbox, limits=limits, time_left=time_left
    )  # fmt: skip


def runs_here(location: loading.Location, sandbox: Rung) -> bool:
    """Return whether a subject runs in this process: our own model with any weights, data, and what is demanded to."""
    return sandbox == "off" or location.is_data or (sandbox == "auto" and location.is_own)


def _load_here(
    location: loading.Location, method: str | None, digits: int | None, time_left: Callable[[], float] | None
) -> LocalSubject:
    with loading.working_folder(location.folder):
        namespace = loading.execute(location)
    return LocalSubject(
        location.spec,
        namespace,
        method=method,
        digits=digits,
        sha256=location.sha256,
        folder=location.folder,
        time_left=time_left,
        is_data=location.is_data,
    )
