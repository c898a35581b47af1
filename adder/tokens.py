"""Operands to tokens and back, prompts to operands and back, a whole batch at a time.

A prompt is the text ``a+b=``. The model reads it as 35 pair tokens, least significant bit first, token i being
``2 * a_i + b_i``, and one start token. It answers with 35 state tokens, state i being ``sum_bit_i + 2 * carry_i``.

Three plus one, worked (the other 33 tokens are zero):

>>> a, b = parse_prompts(["3+1="])
>>> prompt = encode(a, b)
>>> prompt[0, :4].tolist(), prompt.shape[1]
([3, 2, 0, 0], 36)
>>> states = torch.zeros(1, WIDTH, dtype=torch.int64)
>>> states[0, :3] = torch.tensor([2, 2, 1])  # 1+1 = 0 carry 1;  1+0+1 = 0 carry 1;  0+0+1 = 1
>>> decode(states).tolist(), format_sums(decode(states))
([4], ['00000000004'])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from adder.errors import OperandError
from adder.prompts import MAX_OPERAND as MAX_OPERAND
from adder.prompts import OPERAND_DIGITS as OPERAND_DIGITS
from adder.prompts import parse_prompt as parse_prompt

WIDTH = 35  # bits: operands are below 2^34, sums below 2^35
VOCABULARY = 4  # pairs and states share it
PROMPT_LENGTH = WIDTH + 1
START = 0
SUM_DIGITS = 11

_ZERO, _PLUS, _EQUALS, _NEWLINE = b"0+=\n"
_PADDED_LENGTH = 2 * OPERAND_DIGITS + 2  # 0000000012+0000000030=
_LOWER_DIGITS = 6


def check_operands(a: Tensor, b: Tensor) -> None:
    """Check that two tensors hold operands: int64 (B,) each, one device, every value in [0, 9_999_999_999].

    Raises:
        OperandError: names the first value that is out of range, or the dtypes, shapes or devices that differ.
    """
    for name, operand in (("a", a), ("b", b)):
        if operand.dtype != torch.int64:
            raise OperandError(f"{name} has dtype {operand.dtype}, but operands are torch.int64; use {name}.long()")
    if a.ndim != 1 or a.shape != b.shape:
        raise OperandError(
            f"a has shape {tuple(a.shape)} and b {tuple(b.shape)}, but both must be one-dimensional and of one length"
        )
    if a.device != b.device:
        raise OperandError(f"a is on {a.device} and b on {b.device}, but both must be on one device")
    for name, operand in (("a", a), ("b", b)):
        if len(operand) == 0:
            continue
        low, high = operand.aminmax()
        if low < 0 or high > MAX_OPERAND:
            value = operand[(operand < 0) | (operand > MAX_OPERAND)][0].item()
            raise OperandError(f"{name} = {value} is out of range; operands are integers from 0 to {MAX_OPERAND}")


def encode(a: Tensor, b: Tensor) -> Tensor:
    """Return the prompt tokens of pairs of operands.

    Args:
        a: int64 (B,), each in [0, 2^35); callers check operands (`check_operands`).
        b: int64 (B,), likewise.

    Returns:
        int64 (B, 36): 35 pair tokens, least significant bit first, then the start token.
    """
    place = torch.arange(WIDTH, device=a.device)
    tokens = a.new_full((len(a), PROMPT_LENGTH), START)  # (B, 36)
    pairs = tokens[:, :WIDTH]  # (B, 35)
    torch.bitwise_right_shift(b[:, None], place, out=pairs)
    pairs.bitwise_and_(1).add_((a[:, None] >> place).bitwise_and_(1), alpha=2)
    return tokens


def decode(states: Tensor) -> Tensor:
    """Return the integers, int64 (B,), that state tokens, int64 (B, 35), spell: the sum bit of each is state mod 2."""
    place = torch.arange(states.shape[1], device=states.device)
    return ((states & 1) << place).sum(dim=1)  # (B,)


def parse_prompts(prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return the operands of many prompts, int64 (B,) and int64 (B,), without a Python loop over them.

    Raises:
        PromptError: see `parse_prompt`; the first prompt that is wrong is named.
        OperandError: likewise.
    """
    lengths = np.fromiter(map(len, prompts), np.int64, len(prompts))
    text = np.frombuffer("".join(prompts).encode("ascii", "replace"), np.uint8)
    operands = _parse_padded(text) if (lengths == _PADDED_LENGTH).all() else None
    if operands is None:
        operands = _parse_ragged(text, lengths)
    if operands is None:
        for prompt in prompts:
            parse_prompt(prompt)
        raise AssertionError("the vectorised parser refused prompts that the strict one takes")
    return torch.from_numpy(operands[0]), torch.from_numpy(operands[1])


def format_prompts(a: Tensor, b: Tensor) -> list[str]:
    """Return prompts such as ``0000000012+0000000030=`` for operands int64 (B,) and int64 (B,)."""
    text = np.empty((len(a), _PADDED_LENGTH), np.uint8)
    text[:, :OPERAND_DIGITS] = _digits(a, OPERAND_DIGITS)
    text[:, OPERAND_DIGITS] = _PLUS
    text[:, OPERAND_DIGITS + 1 : -1] = _digits(b, OPERAND_DIGITS)
    text[:, -1] = _EQUALS
    return _rows_as_text(text)


def format_sums(sums: Tensor) -> list[str]:
    """Return each of int64 (B,) as 11 decimal digits, such as ``00000000042``."""
    return _rows_as_text(_digits(sums, SUM_DIGITS))


def _parse_padded(text: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the operands where every prompt is zero-padded to 22 characters; None where one has another form."""
    rows = text.reshape(-1, _PADDED_LENGTH)
    digits = rows - np.uint8(_ZERO)  # (B, 22), wraps around for what is below '0'
    digits_a, digits_b = digits[:, :OPERAND_DIGITS], digits[:, OPERAND_DIGITS + 1 : -1]
    signs = (rows[:, OPERAND_DIGITS] == _PLUS).all() and (rows[:, -1] == _EQUALS).all()
    if not signs or (digits_a > 9).any() or (digits_b > 9).any():
        return None
    return _values(digits_a), _values(digits_b)


def _values(digits: np.ndarray) -> np.ndarray:
    """Return the integers, int64 (B,), of decimal digits, uint8 (B, 10), most significant first, two at a time."""
    hundreds = digits[:, 0::2] * np.uint8(10) + digits[:, 1::2]  # (B, 5), up to 99
    values = np.zeros(len(digits), np.int64)  # (B,)
    for column in hundreds.T:
        values *= 100
        values += column
    return values


def _parse_ragged(text: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the operands of prompts of any lengths, laid end to end; None where one has another form."""
    ends = lengths.cumsum()
    starts = ends - lengths
    plus = np.flatnonzero(text == _PLUS)
    equals = np.flatnonzero(text == _EQUALS)
    if len(plus) != len(ends) or not np.array_equal(equals, ends - 1):
        return None
    operand_starts = np.stack([starts, plus + 1], axis=1)  # (B, 2)
    operand_ends = np.stack([plus, equals], axis=1)  # (B, 2)
    if (operand_ends <= operand_starts).any():
        return None
    digits = text - np.uint8(_ZERO)
    digits[plus] = digits[equals] = 0
    # A segment is an operand and the sign after it, so that the segments cover the text.
    place = np.repeat(operand_ends.ravel(), (operand_ends - operand_starts + 1).ravel()) - 1 - np.arange(len(text))
    if (digits > 9).any() or digits[place >= OPERAND_DIGITS].any():
        return None
    values = np.where(digits > 0, digits * 10 ** place.clip(0, OPERAND_DIGITS - 1), 0)
    operands = np.add.reduceat(values, operand_starts.ravel()).reshape(-1, 2)
    return operands[:, 0].copy(), operands[:, 1].copy()


def _digits(values: Tensor, count: int) -> np.ndarray:
    """Return the decimal digits of int64 (B,) as ASCII codes, uint8 (B, count), most significant first."""
    digits = np.empty((count, len(values)), np.uint8)
    upper, lower = np.divmod(values.cpu().numpy(), 10**_LOWER_DIGITS)
    for half, places in ((upper, range(count - _LOWER_DIGITS)), (lower, range(count - _LOWER_DIGITS, count))):
        rest = half.astype(np.uint32)  # divides four times faster than int64
        for place in reversed(places):
            tenth = rest // 10
            digits[place] = rest - tenth * 10 + _ZERO
            rest = tenth
    return digits.T


def _rows_as_text(rows: np.ndarray) -> list[str]:
    """Return each row of ASCII codes, uint8 (B, N), as a string."""
    lines = np.full((rows.shape[0], rows.shape[1] + 1), _NEWLINE, np.uint8)
    lines[:, :-1] = rows
    return lines.tobytes().decode("ascii").splitlines()
