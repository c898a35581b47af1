"""Text to operands, operands to tokens, and back, beside the same work one pair at a time."""

from __future__ import annotations

from typing import Any

from adder.tokens import SUM_DIGITS, WIDTH, decode, encode, format_prompts, format_sums, parse_prompts
from benchmarks.measuring import interleave, spread
from benchmarks.paths import operands


def encode_one(prompt: str) -> list[int]:
    """Return the prompt tokens of one text as the reference makes them: by ``int`` and a loop over the places."""
    a, b = (int(operand) for operand in prompt[:-1].split("+"))
    return [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)] + [0]


def decode_one(states: list[int]) -> str:
    """Return the answer that state tokens spell, as the reference does: a loop over the places."""
    return f"{sum((state % 2) << place for place, state in enumerate(states)):0{SUM_DIGITS}d}"


def measure(batch: int, *, rounds: int) -> list[dict[str, Any]]:
    """Return one row a conversion: nanoseconds a pair."""
    a, b = operands(batch)
    prompts, ids = format_prompts(a, b), encode(a, b)
    states = ids[:, :WIDTH].contiguous()
    few = min(batch, 1000)
    some_prompts, some_states = prompts[:few], states[:few].tolist()
    calls = {
        "prompts to operands": lambda: parse_prompts(prompts),
        "operands to tokens": lambda: encode(a, b),
        "states to sums": lambda: decode(states),
        "sums to text": lambda: format_sums(a),
        "operands to prompts": lambda: format_prompts(a, b),
        "prompts to tokens, one at a time": lambda: [encode_one(prompt) for prompt in some_prompts],
        "states to text, one at a time": lambda: [decode_one(row) for row in some_states],
    }
    seconds = interleave(calls, rounds)
    return [
        {
            "conversion": name,
            "batch": (size := few if name.endswith("one at a time") else batch),
            "rounds": len(seconds[name]),
            "nanoseconds_per_pair": spread([1e9 * second / size for second in seconds[name]]),
        }
        for name in calls
    ]
