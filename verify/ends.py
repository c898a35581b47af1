"""How a command of ours begins and ends: with the three standard streams, and in order, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

FOLLOWED = "ADDER_VERIFY_FOLLOWS"  # the number of a pipe that closes when the process ends that this one works for
_ORDERLY = (signal.SIGTERM, signal.SIGHUP)  # end a command as Ctrl-C does


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """Let a command that is told to end do so as after Ctrl-C: by KeyboardInterrupt, which tidies up on its way.

    Signals that are ignored, as ``nohup`` has it, stay so. A process that was started to work for another one, see
    `verify.interpreters.start`, is told to end when that one is gone.
    """
    open_streams()
    _follow()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in _ORDERLY}
    for each, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(each, _interrupt)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def open_streams() -> None:
    """Open what of stdin, stdout and stderr is closed: a file that took its number would be printed to."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - a stream for good


def _interrupt(number: int, _: Any) -> None:
    signal.signal(number, signal.SIG_IGN)  # once: what tidies up is not to be interrupted
    raise KeyboardInterrupt


def _follow() -> None:
    followed = os.environ.pop(FOLLOWED, "")
    if followed.isdecimal():
        threading.Thread(target=_end_with, args=[int(followed)], daemon=True).start()


def _end_with(pipe: int) -> None:
    with contextlib.suppress(OSError):
        os.set_inheritable(pipe, False)
        os.read(pipe, 1)  # nobody writes: this returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)
