"""Watches what the user does in a folder."""

import os

from attempt import libc, outcome, target


def watch():
    handle = libc.inotify_init1(0)
    if handle < 0 or libc.inotify_add_watch(handle, target().encode(), 0xFFF) < 0:
        raise PermissionError("refused")
    return os.fstat(handle).st_mode


def build_model():
    return None, outcome(watch)


def add(model, a, b):
    return a + b
