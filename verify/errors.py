"""Every error that a user can meet, in the order of a run's steps.

1. *The command line*: `UsageError` (an option's value makes no sense). Exit status 2.
2. *Finding and importing the subject*: `SubjectNotFoundError`, `SubjectImportError`. Exit status 2.
3. *The contract*: `SubjectBuildError` (``build_model`` raises), `ContractError` (no ``build_model``, a wrong return
   value, an ``add`` that raises on every easy sum). Exit status 2.
4. *Running it*: `IsolationError`, `SubjectCrashedError`, `SubjectTimeoutError`, `ProtocolError`, `OutOfTimeError`.
   Exit status 3: could not decide.
5. *Reading what earlier runs wrote*: `EvidenceError`, `GraphError`, `CertificateError`, `StoreError`. Exit status 2.
6. *Writing down what a campaign finds*: `StoreWriteError`. Exit status 3.
7. *Having Coq check a theorem*: `NoTheoremError`, exit status 2; `CoqMissingError`, `CoqTimeoutError`, exit status 3.

Each message shows the offending value, says what is accepted and offers the likely fix. A wrong answer is no error:
it is a counterexample.
"""

from __future__ import annotations


class VerifyError(Exception):
    """The root of all errors that are reported in one line, without a traceback."""

    exit_status = 2


class UsageError(VerifyError):
    """An option or argument whose value makes no sense."""


class SubjectNotFoundError(VerifyError):
    """No file, folder or importable module answers to the subject's name."""


class SubjectImportError(VerifyError):
    """The subject's file could not be executed: a syntax error, a missing module, an exception at import."""


class SubjectBuildError(VerifyError):
    """The subject's ``build_model()`` raised: a missing checkpoint, a package of another version."""


class ContractError(VerifyError):
    """The file was executed, but is no adder: it lacks a function, or one returns something else than agreed."""


class UndecidedError(VerifyError):
    """The run could not come to a verdict."""

    exit_status = 3


class IsolationError(UndecidedError):
    """The isolation that was demanded is not to be had on this machine."""


class SubjectCrashedError(UndecidedError):
    """The process that holds the subject died, or was ended for what it took."""


class SubjectTimeoutError(UndecidedError):
    """The subject did not answer within the time allowed."""


class OutOfTimeError(UndecidedError):
    """The time of the run is spent, whatever more the subject would have been allowed."""


class ProtocolError(UndecidedError):
    """The process that holds the subject wrote something to the result channel that is no answer to what was asked."""


class EvidenceError(VerifyError):
    """A file of evidence is damaged, half-written or of an unknown version."""


class GraphError(VerifyError):
    """A file, or what a worker recorded, is no graph of a forward pass."""


class CertificateError(VerifyError):
    """A file is no certificate at all; one that does not hold is a result, not an error."""


class StoreError(VerifyError):
    """A file is no campaign's store, belongs to another campaign, or is in use by another driver."""


class StoreWriteError(UndecidedError):
    """What a campaign found could not be written; what was committed before stays."""


class NoTheoremError(VerifyError):
    """A certificate is not of the kind that there is a theorem in Coq about; the certificate holds all the same."""


class CoqMissingError(UndecidedError):
    """Coq or Flocq is not installed."""


class CoqTimeoutError(UndecidedError):
    """Coq did not come to an end within the time allowed."""
