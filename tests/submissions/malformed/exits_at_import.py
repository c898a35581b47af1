"""Ends the interpreter, as a script does that parses its arguments."""

import sys

sys.exit("usage: adder.py CHECKPOINT")
