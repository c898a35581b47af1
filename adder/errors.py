"""Every error that a user of ``adder`` can meet. Each message names the value, what is accepted and the fix."""

from __future__ import annotations


class AdderError(Exception):
    """The root of the errors that the command reports in one line, with exit status 2."""


class OperandError(AdderError, ValueError):
    """An operand that is no integer in [0, 9_999_999_999], or operands that do not pair up."""


class PromptError(AdderError, ValueError):
    """A text that is not of the form ``a+b=``."""


class SolverError(AdderError):
    """No restart solved all 16 transitions.

    Attributes:
        accuracy: the best share of right transitions that was reached, in [0, 1].
        margin: the largest smallest margin that was reached, in logits; negative where a transition is wrong.
    """

    def __init__(self, message: str, *, accuracy: float, margin: float) -> None:
        super().__init__(message)
        self.accuracy = accuracy
        self.margin = margin


class WeightsError(AdderError, ValueError):
    """A file that holds no state dict of the 46 parameters."""
