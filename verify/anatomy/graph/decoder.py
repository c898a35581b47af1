"""The program of this suite's own that runs a graph: greedy decoding, whatever the graph says.

A graph so is an adder by the contract, whose file holds no code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from verify.anatomy.graph.evaluate import Numbers, evaluate, type_of, write
from verify.anatomy.graph.read import LARGEST, Graph, read
from verify.errors import GraphError
from verify.files import read_bytes

_NUMBERS = 1 << 24  # that an evaluation holds at once: 128 MB in float64


class Decoder:
    """Decodes greedily with a graph: each token is the one with the largest logit, of all that the graph has.

    Attributes:
        graph: what it runs.
        tables, constants: the numbers that it runs with, which an audit changes, see `Numbers`.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._numbers = Numbers.of(graph)
        self.tables, self.constants = self._numbers.tables, self._numbers.constants
        self._dtype = type_of(graph)
        self._batch = max(1, _NUMBERS // max(len(step.nodes) for step in graph.steps))
        self._digits = [{token: symbol % 10 for symbol, token in enumerate(entry.tokens)} for entry in graph.answer]

    def forward(self, tokens: np.ndarray) -> np.ndarray:
        """Return the logits after prompt and answer so far, (B, choices) of int64 (B, T)."""
        return evaluate(self.graph, tokens.shape[1] - len(self.graph.prompt), tokens, self._dtype, self._numbers)

    def sums(self, a: Sequence[int], b: Sequence[int]) -> list[int | str]:
        """Return the sums that the graph spells; of what spells none, why.

        Raises:
            ValueError: an operand is negative or has too many digits.
        """
        for operand in (*a, *b):
            if not 0 <= operand < 10**self.graph.digits:
                raise ValueError(f"the operand {operand} is not in 0 .. 10^{self.graph.digits} - 1")
        found: list[int | str] = []
        for start in range(0, len(a), self._batch):
            found += self._sums(a[start : start + self._batch], b[start : start + self._batch])
        return found

    def _sums(self, a: Sequence[int], b: Sequence[int]) -> list[int | str]:
        tokens = write(self.graph.prompt, a, b, self.graph.digits)
        undefined = np.zeros(len(a), bool)  # where a logit was no number, none is the largest
        for _ in self.graph.answer:
            logits = self.forward(tokens)
            undefined |= np.isnan(logits).any(axis=1)
            tokens = np.concatenate([tokens, logits.argmax(axis=1)[:, None]], axis=1)
        answers = tokens[:, len(self.graph.prompt) :].tolist()
        return [
            "a logit is no number" if is_undefined else self._spell(answer)
            for answer, is_undefined in zip(answers, undefined.tolist(), strict=True)
        ]

    def _spell(self, answer: list[int]) -> int | str:
        total = 0
        for token, entry, digits in zip(answer, self.graph.answer, self._digits, strict=True):
            if entry.feature == "constant":
                continue
            if token not in digits:
                return f"token {token} is no digit of column {entry.column + 1}"
            total += digits[token] * 10**entry.column
        return total


class Contract:
    """build_model, add and add_batch of a graph."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name

    def build_model(self) -> tuple[Decoder, dict[str, Any]]:
        """Return the decoder, its name, its digits, and its numbers: entries of its tables, and distinct constants."""
        decoder = Decoder(self.graph)
        numbers = decoder.tables.size + decoder.constants.size
        return decoder, {"name": self.name, "params": numbers, "digits": self.graph.digits}

    def add(self, model: Decoder, a: int, b: int) -> int | str:
        """Return the sum that the graph spells; else why it spells none."""
        return model.sums([a], [b])[0]

    def add_batch(
        self, model: Decoder, a: Sequence[int], b: Sequence[int], method: str | None = None
    ) -> list[int | str]:  # fmt: skip
        """Return the same of several; there is one way to run it."""
        del method
        return model.sums([int(each) for each in a], [int(each) for each in b])


def with_graph(path: Path) -> Contract:
    """Return the contract of the graph in a file.

    Raises:
        GraphError: it holds none.
        OSError: it cannot be read.
    """
    try:
        graph = read(read_bytes(path, LARGEST))
    except GraphError as error:
        raise GraphError(f"{path.name}: {error}; `adder-verify extract` writes graphs") from None
    return Contract(graph, path.stem)
