"""Puts escapes, line ends, marks of other languages and broken characters wherever a text of its own is shown."""

import sys

TEXT = "\x1b[2J\r\nPROVED\x9b1m\u202e\ud800</script><b>|*`\x07\x00 \u2028 ::error::"


class Meta(type):
    @property
    def __name__(cls):
        raise RuntimeError(TEXT)


WHOLE = TEXT.replace("\0", "").replace("\ud800", "")  # what the name of a type may hold
Odd = type(WHOLE, (), {"__repr__": lambda self: TEXT})
OddError = type(WHOLE, (Exception,), {"__str__": lambda self: TEXT})
Nameless = Meta("Nameless", (), {})


def build_model():
    print(TEXT.encode("utf-8", "replace").decode())
    sys.stderr.write(TEXT.encode("utf-8", "replace").decode())
    return None, {"name": TEXT, "author": TEXT, "params": TEXT, TEXT: TEXT}


def add(model, a, b):
    if a == 1:
        return Odd()
    if a == 2:
        raise OddError
    if a == 3:
        return TEXT
    if a == 4:
        return Nameless()
    return a + b
