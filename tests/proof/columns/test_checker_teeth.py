"""What the checker demands is needed: with any of these inequalities changed or left out, the trial of it fails."""

import sys
import types

import pytest

from tests.proof.columns import trials
from tests.proof.columns.test_checker import FILE

SOURCE = FILE.read_text()
MUTANTS = {  # by the trial that fails
    trials.balls_enclose_results: {
        "a ball that is too small": (
            "max(high - middle, middle - low) * GROW",
            "min(high - middle, middle - low) * 0.9",
        ),
        "a product without a factor's width": ("abs(x[0]) * y[1] + x[1] * (abs(y[0]) + y[1])", "abs(x[0]) * y[1]"),
        "a reciprocal without its width": ("y[1] / (abs(y[0]) * least)", "0.0"),
        "two corners of a product": ("(a * c, a * d, b * c, b * d)", "(a * c, b * d)"),
    },
    trials.functions_and_their_derivatives_are_enclosed: {
        "a function's lowest point": ("(min(lowest, least) if low <= right and high >= left else lowest)", "lowest"),
        "a derivative's trough": (
            "(trough if low <= -left and high >= -right else min(first, last) - LIBM)",
            "min(first, last) - LIBM",
        ),
        "abs' corner": ("(1.0 if low > 0 else -1.0), (-1.0", "(1.0 if high > 0 else -1.0), (-1.0"),
        "a derivative's peak": ("top = peak if low <= right and high >= left else", "top ="),
        "relu's corner": ("return float(low > 0), float(high >= 0)", "return float(high > 0), float(high >= 0)"),
        "tanh's middle": ("return 0.0 if low <= 0 <= high else min", "return min"),
    },
    trials.what_may_overflow_or_divide_by_zero_is_not_proved: {
        "a divisor near 0": ("if not least >= SMALL:", "if not least >= 0:"),
        "a root near 0": ("not low >= SMALL:", "not low >= 0:"),
        "a result that overflows": ("if not abs(x[0]) + radius < HUGE:", "if not abs(x[0]) + radius < HUGE * HUGE:"),
        "a sum that overflows": ("if not magnitudes < HUGE / 2:", "if not magnitudes < HUGE * HUGE:"),
        "a sum after attention that overflows": ("if key) < HUGE / 4:", "if key) < HUGE * HUGE:"),
        "an average that overflows": ("demand(most * n < HUGE / 4", "demand(most * n < HUGE * HUGE"),
    },
    trials.what_may_vanish_is_not_above_0: {
        "what arguments err by": ("add_to(errors, abs(factor) * GROW, self.errors[key - ERRORS])", "pass"),
        "what atoms err by": ("own = own * GROW + TINY if rounded else 0.0", "own = 0.0"),
        "errors of atoms on the way back": ("total += (abs(m) + r) * state.local[first + i]", "pass"),
        "the sign of the linear part": ("rest - linear * INFLATED > 0", "rest + linear * INFLATED > 0"),
        "errors on the way": (
            "zip(slopes, radius, strict=True)) + error) * GROW",
            "zip(slopes, radius, strict=True))) * GROW",
        ),
        "own errors": (
            "error = (size(to_x) * x_off + size(to_y) * y_off + own) * GROW + TINY",
            "error = size(to_x) * x_off + size(to_y) * y_off",
        ),
        "small numbers before": ("2 * self.h * (len(operands) + sum(map(size, operands)))", "0.0"),
        "small numbers after": ("dict(own or {0: 4 * self.arithmetic.h * len(given)})", "dict(own or {0: 0.0})"),
        "small numbers of an atom": ("own += 2 * self.arithmetic.h * (1 + size(x))", "own += 0.0"),
        "small mean": ("8 * n * h * (1 + most)", "0.0"),
        "small constants": ("small = 2 * self.h if 0 < abs(value) < self.h else 0.0", "small = 0.0"),
        "small numbers at all": ('{"float32": 2.0**-126,', '{"float32": 2.0**-226,'),
        "errors at all": ("rest = at_centre - (errors + curved) * INFLATED", "rest = at_centre - curved * INFLATED"),
    },
    trials.a_forged_leaf_is_rejected: {
        "unproved not told": (
            '                    self._object(f"{place}.trees',
            '                    pass  # (f"{place}.trees',
        ),
        "the carry of a count": (
            "even * p00 + odd * p10, even * p01 + odd * p11",
            "even * p00 + odd * p01, even * p10 + odd * p11",
        ),
    },
    trials.what_attention_hands_on_is_enclosed: {
        "the sum of a column": ('"sum": (c + a + b) % 10', '"sum": (a + b) % 10'),
        "the outline's other side": (
            "sign = 1.0 if best is min else -1.0\n    kept",
            "sign = -1.0 if best is min else 1.0\n    kept",
        ),
        "what is not beyond the line": (
            "if not fall - rise > (abs(fall) + abs(rise)) * 2.0**-49 + TINY:",
            "if not rise - fall > (abs(fall) + abs(rise)) * 2.0**-49 + TINY:",
        ),
        "one of equal weights": ("if kept and kept[-1][1] == d:", "if kept and abs(kept[-1][1] - d) < 0.1:"),
        "the sum of weights from the wrong side": (
            "sweep(columns, -1.0, min, math.inf) - margin",
            "sweep(columns, -1.0, max, -math.inf) - margin",
        ),
        "the largest sum of weights": (
            "(sweep(columns, -1.0, max, -math.inf) + margin)",
            "(sweep(columns, -1.0, min, math.inf) + margin)",
        ),
        "the carry of a path": (
            "best(even + a00, odd + a10), best(even + a01, odd + a11)",
            "best(even + a00, odd + a01), best(even + a10, odd + a11)",
        ),
        "one weight's error": ("math.expm1(off * GROW) * (1 + 2.0**-20)", "0.0"),
    },
    trials.it_takes_no_damaged_certificate: {
        "integers above the most": ("least <= value <= most, place", "least <= value, place"),
        "lengths of lists": ("demand(least <= len(value) <= most,", "demand(True,"),
        "keys that are too many": ("demand(set(value) == set(names),", "demand(set(value) >= set(names),"),
        "a tree that ends early": ("demand(not pending,", "demand(True,"),
        "the digest": ("demand(sha256 == digest_of(graph),", "demand(True,"),
        "the statement": ("demand(self.said == said,", "demand(True,"),
        "the assumptions": ("demand(assumptions[name] == text,", "demand(True,"),
        "nodes that nothing reads": ("demand(not needless,", "demand(True,"),
    },
    trials.margins_below_the_roundings_are_not_proved: {
        "exp's error": ('"exp": 40,', '"exp": 20,'),
        "tanh's error": ('"tanh": 16,', '"tanh": 8,'),
        "a sum's error": ("(self.gamma(n + 1) + (n + 2) * EPS) * magnitudes", "self.gamma(n) * magnitudes"),
        "a quotient's error": ("3 * self.u * size(exact) + 2", "2 * self.u * size(exact) + 2"),
        "a slack after attention": ("(node.more * u + 2 * h) * GROW", "(0.5 * node.more * u + 2 * h) * GROW"),
        "a constant's rounding": ('if self.dtype == "float64" or _is_single(value):', "if True:"),
        "a sum's error after attention": ("self.arithmetic.gamma(len(node.reads) + 1)\n", "self.arithmetic.gamma(1)\n"),
        "a quotient's error after attention": (
            "return self._linear([(upside, x)], 3 * u",
            "return self._linear([(upside, x)], u",
        ),
        "a sum's rounding after attention": (
            '1.0 if op == "add" else -1.0, y)], u)',
            '1.0 if op == "add" else -1.0, y)], 0.0)',
        ),
        "a factor's width after attention": ("add_to(own, factor[1], each.magnitude)", "pass"),
        "errors of forms on the way back": ("total += (abs(m) + r) * state.errors[j]", "pass"),
        "errors of earlier ones": ("off.append(error)", "off.append(0.0)"),
        "errors of arguments": ("error = (size(to_x) * x_off + size(to_y) * y_off + own) * GROW + TINY", "error = own"),
        "gelu's error": ('"gelu": 13,', '"gelu": 8,'),
        "sqrt's error": ('"sqrt": 3, "rsqrt"', '"sqrt": 2, "rsqrt"'),
        "an activation's error of its argument": ('"silu": 8,', '"silu": 4,'),
        "rsqrt's error": ('"rsqrt": 4,', '"rsqrt": 3,'),
        "a rounding": ("return self.padded(exact, self.u * size(exact), xs)", "return self.padded(exact, 0.0, xs)"),
        "a slack": ("more * self.u * size(xs[1])", "0.5 * more * self.u * size(xs[1])"),
        "what a score errs by": ("off = x[1] + u", "off = u"),
        "what a value errs by": ("error = max(x[1] for x in balls)", "error = 0.0"),
    },
    trials.open_leaves_are_counted_exactly: {
        "statement of open ones": ("statement(self.plain, self.found.open_leaves)", "statement(self.plain)"),
    },
    trials.what_is_proved_of_a_cell_holds_for_every_pair_in_it: {
        "rivals after the first": (
            "range(len(self.reach.step.logits)) if token != right",
            "range(2) if token != right",
        ),
    },
    trials.a_cell_with_a_pair_that_is_just_wrong_is_not_proved: {
        "the linear part": ("linear = sum(abs(steep) * radius[a] for", "linear = sum(0.5 * abs(steep) * radius[a] for"),
        "slopes of the way": ("x[1] + sum((abs(m) + r) * wide for", "x[1] + sum(0.5 * (abs(m) + r) * wide for"),
        "slopes' widths": ("sum((abs(m) + r) * wide for", "sum(abs(m) * wide for"),
        "one factor of a product": ("plus(times(to_x, x[axis]), times(to_y, y[axis]))", "times(to_x, x[axis])"),
        "widths of derivatives": ("sum(map(mul, form.sizes, form.take(state.wide[axis]))) * GROW + TINY", "0.0"),
        "widths of derivatives of atoms": (
            "state.wide[axis].append(r + slack * abs(m))",
            "state.wide[axis].append(0.0)",
        ),
        "the other of both": ("return x if x[1] <= y[1] else y", "return (x[0], 0.5 * min(x[1], y[1]))"),
        "the wrong side of both": ("return ball(max(a, c), min(b, d))", "return ball(max(a, c), max(a, c))"),
        "curvature": ("curved = sum(wide * radius[a] for", "curved = sum(0.0 * radius[a] for"),
        "the middle of a gradient": ("m, r = middle[first + i], radius[first + i]", "m, r = middle[first + i], 0.0"),
        "what is on the way back": (
            "around[j] += abs(m) * wide + r * (abs(steep) + wide)",
            "around[j] += r * (abs(steep) + wide)",
        ),
        "the box's other half": ("for sign in (-1, 1):", "for sign in (-1, -1):"),
        "halves that do not meet": ("half = 0.5 * radius[axis] * GROW + TINY", "half = 0.4 * radius[axis]"),
    },
}
NAMES = {name: trial for trial, mutants in MUTANTS.items() for name in mutants}


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


def fails(trial, checker):
    """Say whether a trial fails; a crash is a failure."""
    try:
        trial(checker)
    except Exception:
        return True
    return False


def test_a_copy_without_a_fault_passes_every_trial():
    copy = with_fault("SCHEMA", "SCHEMA")
    assert not [trial.__name__ for trial in MUTANTS if fails(trial, copy)]


@pytest.mark.parametrize("name", NAMES)
def test_a_checker_with_a_fault_fails_its_trial(name):
    trial = NAMES[name]
    assert fails(trial, with_fault(*MUTANTS[trial][name]))
