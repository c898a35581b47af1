"""Every inequality of the checker is needed: with any of these changed, a trial of it fails."""

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
    "an average that overflows": ("demand(most * n < HUGE / 4", "demand(most * n < HUGE * HUGE"),
    "a function's lowest point": ("(min(lowest, least) if low <= right and high >= left else lowest)", "lowest"),
    "a derivative's peak": ("top = peak if low <= right and high >= left else", "top ="),
    "a derivative's trough": ("(trough if low <= -left and high >= -right else min(first, last) - LIBM)",
                              "min(first, last) - LIBM"),
    "relu's corner": ("return float(low > 0), float(high >= 0)", "return float(high > 0), float(high >= 0)"),
    "abs' corner": ("(1.0 if low > 0 else -1.0), (-1.0", "(1.0 if high > 0 else -1.0), (-1.0"),
    "tanh's middle": ("return 0.0 if low <= 0 <= high else min", "return min"),
    "exp's error": ('"exp": 40,', '"exp": 20,'),
    "rsqrt's error": ('"rsqrt": 4,', '"rsqrt": 3,'),
    "tanh's error": ('"tanh": 16,', '"tanh": 8,'),
    "an activation's error": ("return 8 * self.u * argument", "return 4 * self.u * argument"),
    "a sum's error": ("(self.gamma(n + 1) + (n + 2) * EPS) * magnitudes", "self.gamma(n) * magnitudes"),
    "a rounding": ("return self.padded(exact, self.u * size(exact), xs)", "return self.padded(exact, 0.0, xs)"),
    "a quotient's error": ("3 * self.u * size(exact) + 2", "2 * self.u * size(exact) + 2"),
    "a slack": ("more * self.u * size(xs[1])", "0.5 * more * self.u * size(xs[1])"),
    "a slack after attention": ("(node.more * u + 2 * h) * GROW", "(0.5 * node.more * u + 2 * h) * GROW"),
    "a constant's rounding": ("0.0 if self.dtype == \"float64\" or _is_single(value)", "0.0 if True"),
    "a sum's error after attention": ("self.arithmetic.gamma(len(node.reads) + 1))", "self.arithmetic.gamma(1))"),
    "a dot's error after attention": ("self.arithmetic.gamma(n + 1))", "self.arithmetic.gamma(1))"),
    "a product's error after attention": ("return self._linear([(x, y)], u)", "return self._linear([(x, y)], 0.0)"),
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
    "curvature": ("curved = sum(wide * radius[a] for", "curved = sum(0.0 * radius[a] for"),
    "the linear part": ("linear = sum(abs(steep) * radius[a] for", "linear = sum(0.5 * abs(steep) * radius[a] for"),
    "the sign of the linear part": ("rest - linear * INFLATED > 0", "rest + linear * INFLATED > 0"),
    "errors at all": ("rest = at_centre - (errors + curved) * INFLATED", "rest = at_centre - curved * INFLATED"),
    "the box's other half": ("for sign in (-1, 1):", "for sign in (-1, -1):"),
    "halves that do not meet": ("half = 0.5 * radius[axis] * GROW + TINY", "half = 0.4 * radius[axis]"),
    "rivals after the first": ("range(len(self.reach.step.logits)) if token != right", "range(2) if token != right"),
    "the errors of attention in a box": ("total = (0.0, self.errors[axis])", "total = (0.0, 0.0)"),
    "the direction of an extreme": ("sign = 1.0 if best is min else -1.0", "sign = 1.0"),
    "the worse end of the weights' sum": ("self.least if sign * safe < 0 else self.largest", "self.largest"),
    "the carry of a path": ("best(even + a00, odd + a10), best(even + a01, odd + a11)",
                            "best(even + a00, odd + a01), best(even + a10, odd + a11)"),
    "the carry of a count": (
        "even * p00 + odd * p10, even * p01 + odd * p11",
        "even * p00 + odd * p01, even * p10 + odd * p11",
    ),
    "a carry into the first column": ("and not (into and is_first)", ""),
    "one weight's error": ("math.expm1(off * GROW) * (1 + 2.0**-20)", "0.0"),
    "what a score errs by": ("off = x[1] + u", "off = u"),
    "what is subtracted from a score": ("u * (top - ends(x)[0]) * GROW * (1 + 2 * u)", "0.0"),
    "what a value errs by": ("error = max(x[1] for x in balls)", "error = 0.0"),
    "a mean's rounding": ("(2 * n + 10) * u * 1.01 * most", "0.0"),
    "weights that err": ("max(found + row.error * distance, 0.0)", "0.0"),
    "what C B leaves of a map": ("errors[0] += (abs(each) + ", "errors[0] += (0.0 * abs(each) + "),
    "the base's errors": ("self.errors[axis] += abs(self.base[axis][m]) * error * GROW", "pass"),
    "the right half of a split": ("cell[column] & ~left", "cell[column] & left"),
    "open leaves that are not counted": ("self.found.open_leaves += 1", "pass"),
    "open pairs that are not counted": ("self.found.open_pairs += pairs_in(cell)", "pass"),
    "leaves that are not shown": ("elif cells is None or cells.proves(cell, step.answer.tokens[target])", "elif True"),
    "cells that have no pair": (
        "if not pairs_in(cell):\n            return True",
        "if pairs_in(cell):\n            return True",
    ),
    "objections that are swallowed": ("self.found.objections.append(objection)", "pass"),
    "means that are missing": ("demand(not missing,", "demand(True,"),
    "a second layer": ("if kinds != {FEW}:", "if False:"),
    "two tokens at once": ("if len(self.depends(self.ids[i])) > 1:", "if False:"),
    "a value of another token": ("if self.kind[x] == FEW and self.depends(self.ids[x]):", "if False:"),
    "a row's value of another token than its score": ("if len(tokens) > 1:", "if False:"),
    "weights of two rows in one mean": ("if len(rows) == 1 else None", "if rows else None"),
    "one weight twice": (" or self.nodes[x].more in found:", ":"),
    "tokens that stand for two digits": ("demand(all(same),", "demand(True,"),
    "columns that the answer leaves out": ("demand(sorted(seen) == [*range(digits + 1)],", "demand(True,"),
    "numbers that are not finite": ("demand(math.isfinite(read) and read.hex() == value,", "demand(True,"),
    "bools for integers": ("type(value) is int and least", "isinstance(value, int) and least"),
    "integers below the least": ("least <= value <= most, place", "value <= most, place"),
    "integers above the most": ("least <= value <= most, place", "least <= value, place"),
    "lengths of lists": ("demand(least <= len(value) <= most,", "demand(True,"),
    "keys that are too many": ("demand(set(value) == set(names),", "demand(set(value) >= set(names),"),
    "a tree that goes on": ("demand(bool(pending),", "demand(True,"),
    "a tree that ends early": ("demand(not pending,", "demand(True,"),
    "the digest": ("demand(sha256 == digest_of(graph),", "demand(True,"),
    "the statement": ("demand(said == self.statement,", "demand(True,"),
    "the assumptions": ("demand(assumptions[name] == text,", "demand(True,"),
    "nodes that nothing reads": ("demand(not needless,", "demand(True,"),
    "the carry out of the last column": ("return (c + a + b) // 10\n", "return (a + b) // 10\n"),
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
