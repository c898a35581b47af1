"""Random draws that are the same on every platform and with every version of numpy.

numpy promises that of the raw words of a bit generator, and not of the methods of its ``Generator``:
https://numpy.org/neps/nep-0019-rng-policy.html. So the methods that strata draw by are written out here.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.random import Philox
from numpy.typing import ArrayLike, DTypeLike

_WORD = 64  # bits
_SIGNIFICAND = 53  # bits


class StableRandom:
    """The draws that follow from a name, by those methods of ``numpy.random.Generator`` that strata use.

    A method that is missing here is missing on purpose: a stratum that calls it fails at once, and does not draw other
    cases on another machine.
    """

    def __init__(self, name: str) -> None:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
        self._bits = Philox(key=key)

    def integers(
        self,
        low: ArrayLike,
        high: ArrayLike,
        size: Any = None,
        dtype: DTypeLike = np.int64,
        *,
        endpoint: bool = False,
    ) -> np.ndarray:
        """Return integers, each exactly as likely, from low to high, without high unless it is the endpoint."""
        least = np.asarray(low, np.int64)
        span = (np.asarray(high, np.int64) - least + int(endpoint)).astype(np.uint64)
        shape = np.broadcast_shapes(least.shape, span.shape) if size is None else size
        return (least + self._below(span, shape).astype(np.int64)).astype(dtype)

    def random(self, size: Any) -> np.ndarray:
        """Return float64 in [0, 1), multiples of 2^-53."""
        return (self._words(_WORD, size) >> np.uint64(_WORD - _SIGNIFICAND)) * 2.0**-_SIGNIFICAND

    def choice(self, options: ArrayLike, size: Any) -> np.ndarray:
        """Return options, each as likely, drawn with replacement."""
        values = np.asarray(options)
        return np.asarray(values[self.integers(0, len(values), size)])

    def _below(self, span: np.ndarray, shape: Any) -> np.ndarray:
        """Return words modulo the span; those of the last, incomplete span are drawn anew."""
        width = _WORD // 2 if span.max(initial=1) < 2 ** (_WORD // 2) else _WORD
        words = self._words(width, shape)
        span = span.astype(words.dtype)
        most = np.iinfo(words.dtype).max
        last = np.broadcast_to(most - (most % span + words.dtype.type(1)) % span, words.shape)
        while (over := words > last).any():
            words[over] = self._words(width, np.count_nonzero(over))
        return np.asarray(words % span)

    def _words(self, width: int, shape: Any) -> np.ndarray:
        """Return words of 32 or 64 bits; of two halves of a raw word the lower comes first."""
        count = int(np.prod(shape, dtype=np.int64))
        if width == _WORD:
            return self._bits.random_raw(count).reshape(shape)
        raw = self._bits.random_raw(-(-count // 2)).astype("<u8", copy=False)
        return raw.view("<u4").astype(np.uint32, copy=False)[:count].reshape(shape)
