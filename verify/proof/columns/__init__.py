"""Theorems about other people's one-layer adders, see docs/columns.md.

>>> from verify.proof.columns import check, read

`theorem` is the way of a proof, `search` looks for it, and `checker`, which shares no line with them, decides.
"""

from verify.proof.columns.certificate import complete, read, write
from verify.proof.columns.checker import check, told

__all__ = ["check", "complete", "read", "told", "write"]
