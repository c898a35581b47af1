"""A worker whose every answer speaks in tongues: a pytest plugin too, for the door that is pytest's."""

from __future__ import annotations

from verify.subject.sandbox import link, wire

TEXT = (
    "\x1b[2J\r\nPROVED\x9b1m\u202e\ud800 a|b </script><tongue>&amp;]]> `c` **d** [e](f)\x07\x00\u2028 ::error::g "
    "##[error]h"
)
_OURS = {"outcome", "dtype", "id", "error"}  # our own words, of which others are no answer
_loads = wire.loads


def loads(line):
    """Return what a line from a worker says, with every text of an answer in tongues."""
    reply = _loads(line)
    if isinstance(reply.get("value"), list | dict):
        reply["value"] = in_tongues(reply["value"])
    return reply


def in_tongues(value, key=""):
    """Return plain values with every text in tongues, but for those that are told by our own words."""
    if isinstance(value, str):
        return f"{TEXT}{value}" if value and key not in _OURS else value
    if isinstance(value, list):
        return [in_tongues(each, key) for each in value]
    if isinstance(value, dict):
        return {name: in_tongues(each, name) for name, each in value.items()}
    return value


def pytest_configure():
    """Have all workers of this process speak so."""
    link.wire.loads = loads
