"""Mutants of the model: one transition, one weight, the routing or the decoder is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.addition.oracle import BITS, WIDTH, pair_tokens, transition_table

if TYPE_CHECKING:
    from adder import GPTAdder

States = np.ndarray  # int64 (N, 35)


def spell(states: States) -> np.ndarray:
    """Return the sums, int64 (N,), whose bits states hold."""
    return (states % 2 << np.arange(states.shape[1])).sum(axis=1)


@dataclass
class StepMutant:
    """A step function by table, its decoder, and one fault in either.

    Attributes:
        name: what it is called by.
        family: the family of claims that kills it.
        fault: what is wrong, in a phrase.
        table: the state after each pair and state, int64 (4, 4).
        start: the state before the first step.
        tokens: from operands to pair tokens, int64 (N, 35).
        read: from states to sums.
        forced: what the logits say, where it is not the table; int64 (4, 4).
        cases: pairs of each stratum that the hunt for it needs.
    """

    name: str
    family: str
    fault: str
    table: np.ndarray = field(default_factory=transition_table)
    start: int = 0
    tokens: Callable[[np.ndarray, np.ndarray], np.ndarray] = pair_tokens
    read: Callable[[States], np.ndarray] = spell
    forced: np.ndarray | None = None
    cases: int = 2_000

    def build_model(self) -> tuple[Any, dict[str, Any]]:
        """Return itself as the model."""
        return self, {"name": self.name}

    def add(self, model: Any, a: int, b: int) -> int:
        """Return its sum."""
        return int(self.add_batch(model, np.array([a]), np.array([b]))[0])

    def add_batch(self, model: Any, a: np.ndarray, b: np.ndarray, method: str | None = None) -> np.ndarray:
        """Return its sums, int64 (N,)."""
        pairs = self.tokens(a, b)
        states = np.empty_like(pairs)
        state = np.full(len(pairs), self.start)
        for step in range(WIDTH):
            state = states[:, step] = self.table[pairs[:, step], state]
        return self.read(states)

    def forced_logits(self, model: Any, ids: np.ndarray, method: str | None = None) -> np.ndarray:
        """Return one-hot logits, (N, 35, 4)."""
        table = self.table if self.forced is None else self.forced
        return np.eye(4)[table[ids[:, :WIDTH], ids[:, WIDTH:]]]


@dataclass
class OtherMethodMutant(StepMutant):
    """A step function that is right but for the logits of one of its ways to decode."""

    METHODS: tuple[str, ...] = ("other",)

    def forced_logits(self, model: Any, ids: np.ndarray, method: str | None = None) -> np.ndarray:
        """Return one-hot logits, (N, 35, 4), wrong by the method that has a name."""
        return np.roll(super().forced_logits(model, ids), 0 if method is None else 1, axis=2)


@dataclass
class ModelMutant:
    """The 46-parameter model with one fault in its weights or its routing.

    Attributes:
        name: what it is called by.
        family: the family of claims that kills it.
        fault: what is wrong, in a phrase.
        spoil: changes a model that is right.
        base: makes the model that is right.
        cases: pairs of each stratum that the hunt for it needs.
        declared: how many parameters it says that it has.
    """

    name: str
    family: str
    fault: str
    spoil: Callable[[GPTAdder], None]
    base: Callable[[], GPTAdder]
    cases: int = 200
    declared: int = 46

    def build_model(self) -> tuple[Any, dict[str, Any]]:
        """Return the spoilt model."""
        model = self.base()
        self.spoil(model)
        return model, {"name": self.name, "params": self.declared}

    def add(self, model: GPTAdder, a: int, b: int) -> int:
        """Return its sum."""
        return int(self.add_batch(model, np.array([a]), np.array([b]))[0])

    def add_batch(self, model: GPTAdder, a: np.ndarray, b: np.ndarray, method: str | None = None) -> np.ndarray:
        """Return its sums, int64 (N,)."""
        from adder import submission

        return submission.add_batch(model, a, b, method)

    def forced_logits(self, model: GPTAdder, ids: np.ndarray, method: str | None = None) -> np.ndarray:
        """Return its logits, (N, 35, 4)."""
        from adder import submission

        return submission.forced_logits(model, ids, method)


@dataclass
class IdleMutant(ModelMutant):
    """The right model beside a sum that is taken in Python."""

    def add(self, model: GPTAdder, a: int, b: int) -> int:
        """Return the sum, the model unasked."""
        return a + b

    def add_batch(self, model: GPTAdder, a: np.ndarray, b: np.ndarray, method: str | None = None) -> np.ndarray:
        """Return the sums, int64 (N,), the model unasked."""
        return np.asarray(a) + np.asarray(b)


@dataclass
class ShiftedMutant(ModelMutant):
    """The right model whose logits are given a little off, by a method that has a name."""

    METHODS: tuple[str, ...] = ("shifted",)

    def forced_logits(self, model: GPTAdder, ids: np.ndarray, method: str | None = None) -> np.ndarray:
        """Return its logits, (N, 35, 4), each a hundredth too large."""
        return super().forced_logits(model, ids) + 0.01


def right_model() -> GPTAdder:
    """Return a model that adds: integer weights of which no float operation rounds, of smallest margin 1."""
    import torch

    from adder.model import GPTAdder, routing_mask

    model = GPTAdder(routing_mask())
    weights = {
        "embedding.weight": [[-1, 0], [0, 1], [0, -1], [1, 0]],
        "attention.in_proj_weight": [[0, 0]] * 4 + [[1, 0], [0, 0]],
        "attention.out_proj.weight": [[-2, 0], [-2, 0]],
        "mlp.0.weight": [[2, 1], [2, -1], [0, -1], [-2, 1]],
        "mlp.0.bias": [-2, -1, -1, -1],
        "mlp.2.weight": [[-1, -1, 2, 1], [-1, 1, 2, -1]],
        "mlp.2.bias": [0, 0],
    }
    model.load_state_dict({name: torch.tensor(values, dtype=torch.float32) for name, values in weights.items()})
    return model


def lively_model() -> GPTAdder:
    """Return a model that adds and in which each of the 46 parameters has a say: no attention weight is zero."""
    model = right_model()
    for name in ("attention.in_proj_weight", "attention.out_proj.weight"):
        weight = model.get_parameter(name).data
        weight[weight == 0] = 1 / 8
    return model


def all_mutants() -> Iterator[StepMutant | ModelMutant]:
    """Yield every mutant of the model."""
    yield from _transitions()
    yield from _decoders()
    yield from _weights()
    yield from _routings()
    yield from _types()
    yield from _cheats()


def _transitions() -> Iterator[StepMutant]:
    right = transition_table()
    for (pair, state), answer in np.ndenumerate(right):
        for wrong in set(range(4)) - {answer}:
            table = right.copy()
            table[pair, state] = wrong
            name = f"transition_{pair}_{state}_gives_{wrong}"
            yield StepMutant(name, "transitions", f"pair {pair} after state {state} gives {wrong}", table)
            if wrong == (answer + 1) % 4 and state == 1:
                fault = "the logits are wrong where the answers are right"
                yield StepMutant(f"logits_of_{pair}_{state}", "transitions", fault, forced=table)


def _decoders() -> Iterator[StepMutant]:
    def shifted(by: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        return lambda a, b: np.roll(pair_tokens(a, b), by, axis=1)

    yield OtherMethodMutant("logits_of_another_method", "transitions", "one way to decode has wrong logits")
    yield StepMutant("pairs_one_step_early", "transitions", "step k reads pair k + 1", tokens=shifted(-1))
    yield StepMutant("pairs_one_step_late", "transitions", "step k reads pair k - 1", tokens=shifted(1))
    yield StepMutant("pairs_back_to_front", "sums", "bits go most significant first", tokens=_reversed_pairs)
    yield StepMutant(
        "tokens_of_a_alone", "sums", "pair tokens miss b", tokens=lambda a, b: 2 * (pair_tokens(a, b) // 2)
    )
    yield StepMutant("starts_with_a_carry", "sums", "the start token is 2", start=2)
    yield StepMutant("reads_a_token_late", "sums", "the decoder skips a token", read=lambda s: spell(s[:, 1:]))
    yield StepMutant("reads_a_token_early", "sums", "the decoder reads the start token", read=lambda s: 2 * spell(s))
    yield StepMutant("reads_the_carry", "sums", "the decoder reads the carries", read=lambda s: spell(s // 2))
    for width in (32, 33, 34):
        fault = f"only {width} bits are read"
        yield StepMutant(f"width_{width}", "boundary", fault, read=lambda s, width=width: spell(s[:, :width]))


def _reversed_pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.concatenate([pair_tokens(a, b)[:, BITS - 1 :: -1], pair_tokens(a, b)[:, BITS:]], axis=1)


def _weights() -> Iterator[ModelMutant]:
    shapes = {
        "embedding.weight": (4, 2),
        "attention.in_proj_weight": (6, 2),
        "attention.out_proj.weight": (2, 2),
        "mlp.0.weight": (4, 2),
        "mlp.0.bias": (4,),
        "mlp.2.weight": (2, 4),
        "mlp.2.bias": (2,),
    }
    for name, shape in shapes.items():
        for index in np.ndindex(shape):
            at = "_".join(map(str, index))
            spoil = _nudge(name, index)
            name_of_mutant = f"nudged_{name.replace('.', '_')}_{at}"
            yield ModelMutant(name_of_mutant, "transitions", "one weight is past its margin", spoil, lively_model)


def _nudge(name: str, index: tuple[int, ...]) -> Callable[[GPTAdder], None]:
    """Return a change of one weight by the first step, growing from 1/4, that turns a transition."""

    def spoil(model: GPTAdder) -> None:
        weight = model.get_parameter(name).data
        before = weight[index].item()
        for size in 2.0 ** np.arange(-2, 8):
            for change in (size, -size):
                weight[index] = before + change
                if not _is_right(model):
                    return
        raise AssertionError(f"no change of {name}{list(index)} up to 128 turns a transition")

    return spoil


def _is_right(model: GPTAdder) -> bool:
    import torch

    pairs, states = (torch.from_numpy(tokens.ravel()) for tokens in np.indices((4, 4)))
    with torch.inference_mode():
        chosen = model.step_logits(pairs, states).argmax(dim=1).numpy()
    return np.array_equal(chosen, transition_table().ravel())


def _routings() -> Iterator[ModelMutant]:
    for name, distance in (("one_early", 34), ("one_late", 36)):
        yield ModelMutant(
            f"routing_{name}", "transitions", f"a state sees the pair {distance} back", _route(distance), right_model
        )
    yield ModelMutant("routing_nowhere", "transitions", "a state sees no pair", _route(70), right_model)
    yield ModelMutant(
        "routing_everywhere", "transitions", "a state sees all tokens before it", _route(None), right_model
    )


def _route(distance: int | None) -> Callable[[GPTAdder], None]:
    def spoil(model: GPTAdder) -> None:
        import torch

        position = torch.arange(len(model.attention_mask))
        back = position[:, None] - position[None, :]
        model.attention_mask.copy_(back < 0 if distance is None else (back != 0) & (back != distance))

    return spoil


def _types() -> Iterator[ModelMutant]:
    yield ModelMutant("overflows_in_float16", "numerics", "logits beyond 65,504", _scale(300.0), right_model)
    fault = "a margin below the bits of bfloat16"
    yield ModelMutant("ties_in_bfloat16", "numerics", fault, _narrow_margin, right_model)
    fault = "logits are not those of the weights"
    yield ShiftedMutant("logits_off_by_a_hundredth", "proof", fault, _leave, right_model)


def _cheats() -> Iterator[ModelMutant]:
    yield IdleMutant("sum_in_python", "transformer", "the model is never asked", _leave, right_model)
    yield ModelMutant("declares_45", "parameters", "one parameter is not declared", _leave, right_model, declared=45)
    yield ModelMutant("hidden_buffer", "parameters", "a number hides in a buffer", _hide_a_number, right_model)
    yield ModelMutant("untied_head", "parameters", "the head is a copy", _untie, right_model)


def _hide_a_number(model: GPTAdder) -> None:
    import torch

    model.register_buffer("hidden", torch.ones(1))


def _untie(model: GPTAdder) -> None:
    from torch import nn

    model.head = nn.Parameter(model.embedding.weight.detach().clone())


def _leave(model: GPTAdder) -> None:
    """Change nothing."""


def _scale(factor: float) -> Callable[[GPTAdder], None]:
    """Return a change that multiplies all activations by a factor and keeps every choice."""

    def spoil(model: GPTAdder) -> None:
        for name in ("embedding.weight", "mlp.0.bias", "mlp.2.bias"):
            model.get_parameter(name).data.mul_(factor)

    return spoil


def _narrow_margin(model: GPTAdder) -> None:
    """Move an output bias until the smallest margin is 2^-10, a quarter of what bfloat16 tells apart from 1."""
    model.get_parameter("mlp.2.bias").data[0] = _flipping_bias() - 2.0**-10


@cache
def _flipping_bias() -> float:
    model = right_model()
    bias = model.get_parameter("mlp.2.bias").data
    low, high = 0.0, 4.0
    for _ in range(30):
        bias[0] = middle = (low + high) / 2
        low, high = (middle, high) if _is_right(model) else (low, middle)
    return low
