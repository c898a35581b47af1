"""The theorem in words, and what it assumes; every certificate prints both in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verify.proof.automaton import BINARY_WIDTH, MAX_OPERAND
from verify.proof.outcome import PROVED, REFUTED, PrecisionOutcome

_EVALUATION = "whatever the order of summation, the use of fused multiply-add, and the batch size"

ASSUMPTIONS = {
    "weights": "The weights of a precision are the given ones rounded to it, to nearest even.",
    "operations": "Numbers are IEEE 754 binary. Each addition, multiplication and division errs by at most 2^-p of its "
    "result, p being the bits of the significand; results and operands below the smallest normal number may become 0.",
    "modes": "With every operation rounded, all arithmetic is in the precision named. With float32 accumulation, all "
    "arithmetic is in float32 and tensors are stored in the precision named. No operation uses fewer bits: no TF32, no "
    "reduced-precision reduction.",
    "exponential": "exp errs by at most 10 * 2^-p of its result, p being the bits of the arithmetic or of stored"
    " tensors, whichever are fewer; in float32 without narrower tensors by at most 40 * 2^-24. "
    "exp(0) is 1; where tensors have fewer bits than the arithmetic, it may be off by up to 2^-(p"
    " + 2), if it is stored before it weighs values. exp of minus infinity is 0.",
    "scores": "A score is computed from query and key within 6 roundings, with up to 5 tensors stored on the way. "
    "Softmax subtracts the largest score within 3 roundings and normalises within 3, before or after the sum.",
    "mask": "Masked positions have a weight of exactly 0, and 0 times a finite number, added, changes nothing.",
    "argmax": "The argmax of logits of which one is the largest is that one.",
}

FORWARD_ASSUMPTIONS = {
    "given": "The architecture is given, not read off a program.",
    "traced": "The subject's forward always carries out the operations that were traced, which are the architecture's.",
}

DECODING_ASSUMPTIONS = {
    "given": "Decoding is as described; that a program decodes so is not part of the theorem.",
    "compared": "The subject's add(a, b) decodes its model greedily as described; {pairs} sums were compared, in which "
    "every context that can occur at a position occurs there. A program cannot be read off its answers.",
}


def statement(outcomes: Sequence[PrecisionOutcome]) -> str:
    """Return what is proved, in full: of all operands, or of one pair that is added wrongly."""
    sentences = []
    proved = _named(outcomes, PROVED)
    if proved:
        sentences.append(
            f"For all integers 0 <= a, b <= {MAX_OPERAND}, greedy decoding of the architecture with its weights emits "
            f"{BINARY_WIDTH} tokens that spell a + b, {_EVALUATION}, in " + "; ".join(proved) + "."
        )
    refuted = _named(outcomes, REFUTED)
    if refuted:
        sentences.append(
            "Greedy decoding of the architecture with its weights adds the counterexample of the precision wrongly, "
            f"{_EVALUATION}, in " + "; ".join(refuted) + "."
        )
    return " ".join(sentences) or "Nothing is proved."


def assumptions(binding: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return every assumption by name, the last two saying how a subject is tied to the architecture.

    Raises:
        KeyError: the binding is of an unknown kind.
    """
    decoding = DECODING_ASSUMPTIONS[binding["decoding"]].format(pairs=binding["pairs"])
    texts = ASSUMPTIONS | {"forward": FORWARD_ASSUMPTIONS[binding["forward"]], "decoding": decoding}
    return [{"name": name, "text": text} for name, text in texts.items()]


def _named(outcomes: Sequence[PrecisionOutcome], wanted: str) -> list[str]:
    return [
        f"{each.precision} with {mode.mode} ({mode.road}; weights sha256 {each.weights.sha256})"
        for each in outcomes
        for mode in each.modes
        if mode.outcome == wanted and each.weights is not None
    ]
