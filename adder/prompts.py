"""What a prompt is, and what operands are: light to import, so that what is no prompt is refused before torch comes."""

from __future__ import annotations

from adder.errors import OperandError, PromptError

OPERAND_DIGITS = 10
MAX_OPERAND = 10**OPERAND_DIGITS - 1


def parse_prompt(prompt: str) -> tuple[int, int]:
    """Return the two operands of one prompt ``a+b=``.

    Only ASCII digits are taken, where ``int()`` would also take ``1_000``, `` 7``, ``+7`` and other scripts' digits.

    Raises:
        PromptError: the text has another form; the message says how.
        OperandError: an operand is over 9_999_999_999.
    """
    if not prompt.endswith("="):
        raise PromptError(f"prompt {prompt!r} does not end with '='; write it as a+b=, for example 12+30=")
    operands = prompt[:-1].split("+")
    if len(operands) != 2:
        raise PromptError(f"prompt {prompt!r} has {len(operands) - 1} '+' signs, but needs exactly one, as in 12+30=")
    for operand in operands:
        if not operand:
            raise PromptError(f"prompt {prompt!r} has an empty operand; write it as a+b=, for example 12+30=")
        if not (operand.isascii() and operand.isdigit()):
            raise PromptError(f"operand {operand!r} in prompt {prompt!r} is not all digits 0 to 9")
        significant = operand.lstrip("0")
        if len(significant) > OPERAND_DIGITS:
            raise OperandError(
                f"operand {operand} in prompt {prompt!r} is out of range; operands are integers from 0 to {MAX_OPERAND}"
            )
    return int(operands[0]), int(operands[1])
