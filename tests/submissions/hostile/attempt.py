"""What the hostile submissions beside it share: they try something, and their name says how it went.

``target.txt``, written by the test that copies them, holds the path, port or process that they are after.
"""

from pathlib import Path

TARGET = Path(__file__).with_name("target.txt")


def target():
    """Return what the test set this file on."""
    return TARGET.read_text()


def outcome(attempt):
    """Return metadata whose name says whether an attempt got through."""
    try:
        return {"name": f"got through: {attempt()}"}
    except OSError as error:
        return {"name": f"held back: {type(error).__name__}"}
