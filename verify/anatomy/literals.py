"""Numbers in the code of a file that act as weights: floats outside parameters on which its logits depend.

A number is changed in the source, the file executed anew and its model built anew, with the parameters of the first
one: a number that parameters were made from moves nothing then, and one that acts beside them does. Many are changed at
once at first, and those halves looked into that move something. Whole numbers are left out: they count and point.
"""

from __future__ import annotations

import ast
import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from verify.anatomy import forcing, operands, watching
from verify.anatomy.anew import build_anew, modules_of
from verify.anatomy.tensors import tensors
from verify.anatomy.untouched import untouched
from verify.anatomy.usage import DEAD, IDLE, NEEDED, Usage

if TYPE_CHECKING:
    from types import CodeType

    from verify.anatomy.untouched import Untouched
    from verify.subject import LoadedAdder

_MOST_RUNS = 150  # of the file, anew
_MOST_SECONDS = 20.0  # of processor time: a file may train its model, and never be done with other numbers
_SUMS = 12


@dataclass(frozen=True)
class Literal:
    """A float in the source.

    Attributes:
        module: the name of its module.
        file: of the module.
        node: in the module's tree.
        value: as it stands there.
    """

    module: str
    file: str
    node: ast.Constant
    value: float

    def __str__(self) -> str:
        """Name it by its place."""
        return f"{self.file}, line {self.node.lineno}: {self.value!r}"


class _OverError(Exception):
    """The file was executed as often as it may be."""


class _Source:
    """The code of an adder, with some of its floats changed."""

    def __init__(self, loaded: LoadedAdder) -> None:
        self.loaded = loaded
        self.right: Untouched = untouched(loaded, _SUMS)
        self.trees: dict[str, tuple[str, ast.Module]] = {}
        self.literals: list[Literal] = []
        self._tried: dict[frozenset[tuple[Literal, float]], np.ndarray | None] = {}
        self._gives_up = time.process_time() + _MOST_SECONDS
        self._parameters = [tensor for tensor in tensors(loaded) if tensor.is_parameter]
        for module in modules_of(loaded):
            path = Path(module.__file__ or "")
            tree = ast.parse(path.read_bytes(), str(path))
            self.trees[module.__name__] = str(path), tree
            self.literals += [
                Literal(module.__name__, path.name, node, node.value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and type(node.value) is float and math.isfinite(node.value)
            ]
        self.literals.sort(key=lambda each: (each.file, each.module, each.node.lineno, each.node.col_offset))

    def outputs(self, values: dict[Literal, float]) -> np.ndarray | None:
        """Return what the forward says with other floats and the same parameters; None where it says nothing.

        Raises:
            _OverError: too much was asked.
        """
        key = frozenset(values.items())
        if key not in self._tried:
            if len(self._tried) >= _MOST_RUNS or time.process_time() > self._gives_up:
                raise _OverError
            self._tried[key] = self._outputs(values)
        return self._tried[key]

    def _outputs(self, values: dict[Literal, float]) -> np.ndarray | None:
        for literal, value in values.items():
            literal.node.value = value
        try:
            changed = {literal.module for literal in values}
            codes: dict[str, CodeType] = {name: compile(tree, path, "exec") for name, (path, tree) in self.trees.items()
                                          if name in changed}  # fmt: skip
        finally:
            for literal in values:
                literal.node.value = literal.value
        try:
            with warnings.catch_warnings(action="ignore"):
                return self._said(codes)
        except (Exception, SystemExit):  # a stranger's file may do anything with other numbers
            return None

    def _said(self, codes: dict[str, CodeType]) -> np.ndarray | None:
        other = build_anew(self.loaded, codes)
        if other is None:
            return None
        named = {tensor.name: tensor for tensor in tensors(other)}
        for tensor in self._parameters:
            named[tensor.name].write(tensor.read())
        forcer = self.right.forcer
        points = [each for each in watching.candidates(other) if each.name == forcer.point.name]
        if not points:
            return None
        ((a, b),) = operands.fresh(self.loaded, "built anew", 1)
        trace = watching.watch(other, points[0], a, b)
        if not trace.calls:
            return None
        again = replace(forcer, point=points[0], call=trace.calls[0])
        return again.outputs(self.right.prompts, self.right.answers)

    def is_moved(self, outputs: np.ndarray | None) -> bool:
        """Return whether outputs are others, or none."""
        return outputs is None or not np.array_equal(outputs, self.right.outputs, equal_nan=True)

    def is_wrong(self, outputs: np.ndarray) -> bool:
        """Return whether some step is wrong."""
        margins = forcing.margins_of(outputs, self.right.answers, self.right.forcer.choices)
        return outputs.shape != self.right.outputs.shape or bool((margins <= 0).any())


def numbers_in_code(loaded: LoadedAdder) -> tuple[list[Usage], str]:
    """Return the floats of an adder's code that act beside its parameters, and why some may be missing, or "".

    Raises:
        UnlearntError: no forward was learnt.
    """
    source = _Source(loaded)
    if not source.literals:
        return [], "" if source.trees else "its source was not found"
    if source.is_moved(source.outputs({})):
        return [], "built anew it gives other logits, so that no number of its code can be tried"
    found: list[Usage] = []
    try:
        for literal in chain.from_iterable(_moving(source, each) for each in _by_file(source.literals)):
            kind = _kind(source, literal)
            counts = {each: int(each == kind) for each in (DEAD, IDLE, NEEDED)}
            found.append(Usage(str(literal), [], 1, int(literal.value != 0), *counts.values()))
    except _OverError:
        return found, f"not every one of {len(source.literals)} floats of its code was tried"
    return found, ""


def _by_file(literals: list[Literal]) -> list[list[Literal]]:
    """Return floats file by file: where one trains the model, the others are not held up by it."""
    return [[*group] for _, group in groupby(literals, key=lambda each: each.module)]


def _moving(source: _Source, literals: list[Literal]) -> Iterator[Literal]:
    """Yield those floats that move a logit: sought in halves, and one by one where all at once nothing is said."""
    tried = [source.outputs({each: change(each.value) for each in literals}) for change in (_other, _none)]
    says_nothing = all(said is None for said in tried)
    if len(literals) == 1:
        if any(said is not None and source.is_moved(said) for said in tried):
            yield literals[0]
    elif says_nothing or any(map(source.is_moved, tried)):
        size = 1 if says_nothing else -(-len(literals) // 2)
        for start in range(0, len(literals), size):
            yield from _moving(source, literals[start : start + size])


def _kind(source: _Source, literal: Literal) -> str:
    """Return how a float that moves a logit is used, in the words of `verify.anatomy.usage`."""
    zero = source.outputs({literal: 0.0}) if literal.value else None
    return NEEDED if zero is not None and source.is_wrong(zero) else IDLE


def _other(value: float) -> float:
    return value * 1.37 + 0.11


def _none(_value: float) -> float:
    return 0.0
