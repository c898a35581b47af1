"""What the checker demands is needed: with any of these inequalities changed or left out, a trial of it fails."""

import sys
import types

import pytest

from tests.proof.columns.test_checker import FILE
from tests.proof.columns.trials import TRIALS

SOURCE = FILE.read_text()
MUTANTS = {
    "a ball that is too small": ("max(high - middle, middle - low) * GROW", "min(high - middle, middle - low) * 0.9"),
    "a product without a factor's width": ("abs(x[0]) * y[1] + x[1] * (abs(y[0]) + y[1])", "abs(x[0]) * y[1]"),
    "a reciprocal without its width": ("y[1] / (abs(y[0]) * least)", "0.0"),
    "a divisor near 0": ("if not least >= SMALL:", "if not least >= 0:"),
    "a root near 0": ("not low >= SMALL:", "not low >= 0:"),
    "two corners of a product": ("(a * c, a * d, b * c, b * d)", "(a * c, b * d)"),
    "a result that overflows": ("if not abs(x[0]) + radius < HUGE:", "if not abs(x[0]) + radius < HUGE * HUGE:"),
    "a sum that overflows": ("if not magnitudes < HUGE / 2:", "if not magnitudes < HUGE * HUGE:"),
    "a sum after attention that overflows": ("if key) < HUGE / 4:", "if key) < HUGE * HUGE:"),
    "a function's lowest point": ("(min(lowest, least) if low <= right and high >= left else lowest)", "lowest"),
    "a derivative's trough": ("(trough if low <= -left and high >= -right else min(first, last) - LIBM)",
                              "min(first, last) - LIBM"),
    "abs' corner": ("(1.0 if low > 0 else -1.0), (-1.0", "(1.0 if high > 0 else -1.0), (-1.0"),
    "exp's error": ('"exp": 40,', '"exp": 20,'),
    "tanh's error": ('"tanh": 16,', '"tanh": 8,'),
    "a sum's error": ("(self.gamma(n + 1) + (n + 2) * EPS) * magnitudes", "self.gamma(n) * magnitudes"),
    "a quotient's error": ("3 * self.u * size(exact) + 2", "2 * self.u * size(exact) + 2"),
    "a slack after attention": ("(node.more * u + 2 * h) * GROW", "(0.5 * node.more * u + 2 * h) * GROW"),
    "a constant's rounding": ("if self.dtype == \"float64\" or _is_single(value):", "if True:"),
    "a sum's error after attention": ("self.arithmetic.gamma(len(node.reads) + 1)\n", "self.arithmetic.gamma(1)\n"),
    "a quotient's error after attention": (
        "return self._linear([(upside, x)], 3 * u",
        "return self._linear([(upside, x)], u",
    ),
    "a sum's rounding after attention": (
        "1.0 if op == \"add\" else -1.0, y)], u)",
        "1.0 if op == \"add\" else -1.0, y)], 0.0)",
    ),
    "a factor's width after attention": ("add_to(own, factor[1], each.magnitude)", "pass"),
    "what arguments err by": ("add_to(errors, abs(factor) * GROW, self.errors[key - ERRORS])", "pass"),
    "what atoms err by": ("own = own * GROW + TINY if rounded else 0.0", "own = 0.0"),
    "errors of forms on the way back": ("total += (abs(m) + r) * state.errors[j]", "pass"),
    "errors of atoms on the way back": ("total += (abs(m) + r) * state.local[first + i]", "pass"),
    "the linear part": ("linear = sum(abs(steep) * radius[a] for", "linear = sum(0.5 * abs(steep) * radius[a] for"),
    "the sign of the linear part": ("rest - linear * INFLATED > 0", "rest + linear * INFLATED > 0"),
    "integers above the most": ("least <= value <= most, place", "least <= value, place"),
    "lengths of lists": ("demand(least <= len(value) <= most,", "demand(True,"),
    "keys that are too many": ("demand(set(value) == set(names),", "demand(set(value) >= set(names),"),
    "a tree that ends early": ("demand(not pending,", "demand(True,"),
    "the digest": ("demand(sha256 == digest_of(graph),", "demand(True,"),
    "the statement": ("demand(self.said == said,", "demand(True,"),
    "the assumptions": ("demand(assumptions[name] == text,", "demand(True,"),
    "nodes that nothing reads": ("demand(not needless,", "demand(True,"),
    "the sum of a column": ('"sum": (c + a + b) % 10', '"sum": (a + b) % 10'),
}  # fmt: skip


def with_fault(old, new):
    """Return the checker with one piece of its text changed wherever it stands."""
    assert old in SOURCE
    module = types.ModuleType("checker")
    code = compile(SOURCE.replace(old, new), "checker", "exec", dont_inherit=True)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(code, module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module


def failing(checker):
    """Return the name of the first trial that fails; a crash is a failure."""
    for trial in TRIALS:
        try:
            trial(checker)
        except Exception:
            return trial.__name__
    return None


def test_a_copy_without_a_fault_passes_every_trial():
    assert failing(with_fault("SCHEMA", "SCHEMA")) is None


@pytest.mark.parametrize("name", MUTANTS)
def test_a_checker_with_a_fault_fails_a_trial(name):
    assert failing(with_fault(*MUTANTS[name])) is not None
