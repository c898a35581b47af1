"""What is verified: from a spec to a `Subject` that is asked for sums and for what operations find where it lives.

`load` is the way in. `loading` says where an adder lies and executes it, `answers` reads what it returned, `sandbox`
runs a stranger's in a process of its own, `operations` registers the questions that are put to a model where it lives.
"""

from verify.subject.answers import NO_INTEGER, Raised, Unreadable, as_sum
from verify.subject.entry import load, runs_here
from verify.subject.subject import (
    DEFAULT_SPEC,
    OPTIONAL_FUNCTIONS,
    LoadedAdder,
    LocalSubject,
    Rung,
    Subject,
)

__all__ = [
    "DEFAULT_SPEC",
    "NO_INTEGER",
    "OPTIONAL_FUNCTIONS",
    "LoadedAdder",
    "LocalSubject",
    "Raised",
    "Rung",
    "Subject",
    "Unreadable",
    "as_sum",
    "load",
    "runs_here",
]
