"""How a command of ours begins and ends: with the three standard streams, and in order, whatever ends it, and when.

A signal that ends a command raises KeyboardInterrupt, as Ctrl-C does, but only in its `interruptible` blocks; elsewhere
it waits, so that what was found by then is given out. Another one, of somebody who will not wait, ends what `remember`
knows of, and this process with it, at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Any

FOLLOWED = "ADDER_VERIFY_FOLLOWS"  # the number of a pipe that closes when the process ends that this one works for
INTERRUPTED = 130  # the exit status, as a shell has it
_ORDERLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_OF_PYTHON = (signal.SIG_DFL, signal.default_int_handler)
_ONE_WISH = 1.0  # seconds in which signals mean one end: a terminal that closes sends two, a wrapper hands on a second

_left: dict[Hashable, Callable[[], object]] = {}  # what is to be done before this process ends, by whose it is
_first: float | None = None  # when the first signal came
_is_waiting = False  # whether it is still to be heeded
_is_pressing = False  # whether one came that will not wait
_INTERRUPTIBLE, _HELD_BACK, _UNDISTURBED = range(3)
_blocks = [_INTERRUPTIBLE]  # what this process is in the middle of, the innermost last


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """Let a command that is told to end do so by KeyboardInterrupt, and leave nothing behind that `remember` knows of.

    The signal is held back until an `interruptible` block, or until all is tidied up. Signals that are ignored, as
    ``nohup`` has it, stay so. A process that was started to work for another one, see `verify.interpreters.start`, is
    told to end when that one is gone.
    """
    open_streams()
    _follow()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        with _block(_HELD_BACK), _handlers():
            yield
    finally:
        _forget_signals()


@contextlib.contextmanager
def _handlers() -> Iterator[None]:
    """Have signals heeded by `_interrupt`, and at the end none until all is tidied up."""
    before = {each: handler for each in _ORDERLY if (handler := signal.getsignal(each)) in _OF_PYTHON}
    kept = set(_left)
    for each in before:
        signal.signal(each, _interrupt)
    try:
        yield
    finally:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        _finish(kept)
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back all signals until the end of what must not be left half done; it takes no time worth speaking of."""
    with _block(_UNDISTURBED):
        yield


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Heed signals in the middle of what is `orderly`, one that was held back at once."""
    with _block(_INTERRUPTIBLE):
        yield


@contextlib.contextmanager
def _block(kind: int) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # signals come to the main one alone
        yield
        return
    depth = len(_blocks)
    try:
        _blocks.append(kind)
        _heed()
        yield
    finally:
        del _blocks[depth:]
    _heed()


def _heed() -> None:
    global _is_waiting
    if _is_pressing and _blocks[-1] != _UNDISTURBED:
        _leave_at_once()
    if _is_waiting and _blocks[-1] == _INTERRUPTIBLE:
        _is_waiting = False
        raise KeyboardInterrupt


def remember(owner: Hashable, undo: Callable[[], object]) -> None:
    """Have something done before this process ends, unless `forget` is told of its owner before.

    Args:
        owner: whose it is.
        undo: called at most once, in the main thread, in the middle of whatever that is at: it waits for no lock.
    """
    _left[owner] = undo


def forget(owner: Hashable) -> None:
    """Do nothing any more for an owner."""
    _left.pop(owner, None)


def _finish(kept: set[Hashable]) -> None:
    """Do what is left to be done, the latest first, but for some owners."""
    for owner in [owner for owner in reversed(list(_left)) if owner not in kept]:
        undo = _left.pop(owner, None)
        if undo is not None:
            with contextlib.suppress(Exception):
                undo()


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


def _interrupt(*_: Any) -> None:
    """Heed a signal: the first in order, those that mean the same not again, and a later one at once."""
    global _first, _is_waiting, _is_pressing
    now = time.monotonic()
    if _first is None:
        _first, _is_waiting = now, True
    elif now - _first >= _ONE_WISH:
        _is_pressing = True
    _heed()


def _forget_signals() -> None:
    global _first, _is_waiting, _is_pressing
    _first, _is_waiting, _is_pressing = None, False, False


def _leave_at_once() -> None:
    for each in _ORDERLY:
        signal.signal(each, signal.SIG_IGN)
    _finish(set())
    os._exit(INTERRUPTED)


def _follow() -> None:
    followed = os.environ.pop(FOLLOWED, "")
    if followed.isdecimal():
        threading.Thread(target=_end_with, args=[int(followed)], daemon=True).start()


def _end_with(pipe: int) -> None:
    with contextlib.suppress(OSError):
        os.set_inheritable(pipe, False)
        os.read(pipe, 1)  # nobody writes: this returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)
