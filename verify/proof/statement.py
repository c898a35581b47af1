"""The theorem in words, and what it assumes; every certificate prints both in full."""

from __future__ import annotations

from collections.abc import Sequence

from verify.proof.automaton import BINARY_WIDTH, MAX_OPERAND
from verify.proof.outcome import PROVED, REFUTED, PrecisionOutcome

_EVALUATION = (
    "in every admissible evaluation, whatever the order and the fusion of each sum, the residual stream with its "
    "layers being one, and whatever the batch size"
)

ASSUMPTIONS = {
    "weights": "The weights of a precision are the given ones rounded to it, to nearest even; on their way to 16 "
    "bits they are first rounded to float32, as torch does.",
    "operations": "Numbers are IEEE 754 binary. Each addition, multiplication and division errs by at most 2^-p of "
    "its result, p being the bits of the significand; results and operands below the smallest normal number may "
    "become 0.",
    "evaluations": "The terms of each sum are added by any tree of additions, products fused into it or not, "
    "partial sums stored or not. The residual stream is one sum: the token, the terms of both layers, the bias. The"
    " argument of softmax is one sum of both scores' terms, or each score one. No product is distributed over a sum"
    " or taken out of one.",
    "modes": "With every operation rounded, all arithmetic is in the precision named. With float32 accumulation, "
    "all arithmetic is in float32, and any result may be stored in the precision named. No operation uses fewer "
    "bits: no TF32.",
    "exponential": "exp errs by at most 10 * 2^-p of its result, p being the bits of the arithmetic or of stored "
    "tensors, whichever are fewer; in float32 without narrower tensors by at most 40 * 2^-24. exp(0) is 1; where "
    "tensors have fewer bits than the arithmetic, it may be off by up to 2^-(p + 2), if it or the weight made of it"
    " is stored before it weighs values, and the mean of the values is stored. exp of minus infinity is 0, and so "
    "is the reciprocal of an exp that overflows.",
    "scores": "A product of query and key takes part in at most 8 operations on its way into the argument of "
    "softmax, and 3 more subtract the largest score and scale for exp2. Softmax, or the logistic function of the "
    "argument and of minus it, normalises within 5, before or after the sum.",
    "mask": "Masked positions have a weight of exactly 0, and 0 times a finite number, added, changes nothing.",
    "argmax": "The argmax of logits of which one is the largest is that one.",
    "program": "The theorem is of the architecture with its weights. That a program computes it and decodes it so "
    "is no part of it.",
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


def assumptions() -> list[dict[str, str]]:
    """Return every assumption by name."""
    return [{"name": name, "text": text} for name, text in ASSUMPTIONS.items()]


def _named(outcomes: Sequence[PrecisionOutcome], wanted: str) -> list[str]:
    return [
        f"{each.precision} with {mode.mode} ({mode.road}; weights sha256 {each.weights.sha256})"
        for each in outcomes
        for mode in each.modes
        if mode.outcome == wanted and each.weights is not None
    ]
