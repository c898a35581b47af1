"""A run as it goes, on stderr: one line on a terminal, and everywhere the first counterexample once it is sure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self, TextIO

from tqdm import tqdm

from verify.text import plural, printable

if TYPE_CHECKING:
    from verify.judge.session import Session


class Live:
    """Shows how far a run is; nothing but the counterexample where there is no terminal."""

    def __init__(self, name: str, seconds: float, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._told = False
        self._bar = tqdm(
            total=round(seconds, 1),
            desc=printable(name, 40),
            unit="s",
            file=self._stream,
            disable=not self._stream.isatty(),
            dynamic_ncols=True,
            leave=False,
            bar_format="{desc}: {n:.0f} of {total:.0f} s, {postfix}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def hear(self, session: Session) -> None:
        """Show where a session is."""
        if session.confirmed is not None and not self._told:
            self._told = True
            tqdm.write(f"counterexample: {printable(str(session.confirmed[0]), 300)}", file=self._stream)
        if not self._bar.disable:
            strata = session.recorder.strata.values()
            cases, failures = (sum(found[key] for found in strata) for key in ("cases", "failures"))
            self._bar.n = min(session.budget.spent(), session.budget.seconds)
            self._bar.set_postfix_str(f"{session.stage}: {plural(cases, 'case')}, {plural(failures, 'failure')}")
