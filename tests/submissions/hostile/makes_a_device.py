"""Makes a device in its scratch folder, where it may write: root's may be the disk, and this one gives zeros."""

import os
import stat
import tempfile
from pathlib import Path

from attempt import outcome


def build_model():
    device = Path(tempfile.gettempdir(), "device")
    return None, outcome(lambda: os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(1, 5)))


def add(model, a, b):
    return a + b
