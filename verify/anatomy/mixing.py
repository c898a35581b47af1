"""Where a forward mixes positions: in attention alone, or elsewhere; told by what is computed, not by names of classes.

The forward runs again and again with one token exchanged, every operation that torch executes seen. An operation that
takes a mean over positions, by weights that are not negative and add up to at most one, is attention, whoever wrote the
weights, and whether they are divided by their total before or afterwards; so are torch's fused kernels, and a choice of
positions, which is such a mean with a single weight. In further runs what attention gives is *held* at its values of
the first run. Then nothing may depend on two tokens any more, and the logits of a position on its own token only; what
else moves them was mixed by another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from verify.anatomy.torch_reads import exports_exchanged
from verify.anatomy.torch_shares import NEAR, Share
from verify.anatomy.torch_steps import CHOICES, PRODUCTS, Step, Tracer, UntracedError

Run = Callable[[np.ndarray], np.ndarray]

_FUSED = ("scaled_dot_product", "_native_multi_head_attention")
_WHOLE = {"add", "sub", "rsub", "mul", "floor_divide", "remainder", "fmod", "div", "sum", "cumsum", "bitwise_and",
          "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "__lshift__", "__rshift__",
          "__and__", "__or__", "__xor__", "dot", "mm", "bmm", "mv"}  # fmt: skip
_STEPS = {"floor", "ceil", "round", "trunc", "remainder", "fmod", "floor_divide", "ge", "gt", "le", "lt", "eq", "ne",
          "_to_copy", "sign", "heaviside"}  # fmt: skip
_MOST_ROUNDS = 8  # of finding attention: layers


@dataclass
class Mixing:
    """What was found.

    Attributes:
        attention: how many operations of a forward are attention.
        leak: how many of the tokens that were exchanged move a logit of another position while attention is held.
        step: the operation outside attention that mixes them; None where there is no leak, or it came from elsewhere.
        later: the first operation behind it that only whole numbers need, or None.
        hidden: an operation of whole numbers of two positions that the weights of attention come from, or None.
        reads: how the forward looked at tokens from Python, and where.
        held: what each operation that is attention gave, by the number of its step.
        tracer: what saw the steps.
    """

    attention: int
    leak: int = 0
    step: Step | None = None
    later: Step | None = None
    hidden: Step | None = None
    reads: list[str] = field(default_factory=list)
    held: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    tracer: Tracer = field(default_factory=Tracer, repr=False)


def find(run: Run, tokens: np.ndarray, others: list[np.ndarray], own: Callable[[np.ndarray], np.ndarray]) -> Mixing:
    """Return where a forward mixes positions.

    Args:
        run: returns the forward's output for tokens, int64 (T,).
        tokens: of the first run.
        others: further rows of tokens, from which they are exchanged.
        own: returns of an output, (T, V) or of the last position alone, the rows (R, V) that are logits, with the
            position of each in front, (R, 1 + V).

    Raises:
        UntracedError: what it computes is not seen, or differs with the tokens.
    """
    with exports_exchanged():
        return _found(run, tokens, others, own)


def _found(
    run: Run, tokens: np.ndarray, others: list[np.ndarray], own: Callable[[np.ndarray], np.ndarray]
) -> Mixing:  # fmt: skip
    exchanged = list(_exchanged(tokens, others))
    tracer = Tracer()
    with tracer.watching():
        before = own(run(tokens))
    positions = sorted({position for position, _ in exchanged})
    held: dict[int, np.ndarray] = {}
    for _ in range(_MOST_ROUNDS):
        moved = _all(run, tracer, exchanged, positions, held, own, before)
        found = {index: step.output for index, step in enumerate(tracer.steps) if _is_attention(step, tracer.steps)}
        if found.keys() <= held.keys():
            break
        held |= {index: output for index, output in found.items() if output is not None}
    moved += list(_wholly_exchanged(run, tracer, tokens, others, held, own))
    leaking = [changed for changed, rows in moved if _is_leak(tokens, changed, rows, before)]
    mixing = Mixing(len(held), _tokens_that_leak(tokens, leaking))
    mixing.reads, mixing.held, mixing.tracer = tracer.reads, held, tracer
    if not tracer.steps and not tracer.reads and any(_differs(rows, before) for _, rows in moved):
        raise UntracedError("what it computes is not computed by torch, whose operations alone are seen")
    if mixing.leak:
        _explain(mixing, run, tracer, exchanged, held, own, leaking)
    else:
        mixing.hidden = _behind_attention(run, tracer, exchanged, own)
    return mixing


def _exchanged(tokens: np.ndarray, others: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    for position in range(len(tokens)):
        for token in sorted({int(other[position]) for other in others} - {int(tokens[position])})[:1]:
            changed = tokens.copy()
            changed[position] = token
            yield position, changed


def _all(
    run: Run,
    tracer: Tracer,
    exchanged: list[tuple[int, np.ndarray]],
    positions: list[int],
    held: dict[int, np.ndarray],
    own: Callable[[np.ndarray], np.ndarray],
    before: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Run with each token exchanged, noting in the steps what moves; return the tokens and the logits of each."""
    tracer.forget(len(positions))
    found = []
    for position, changed in exchanged:
        with tracer.comparing(positions.index(position), held):
            found.append((changed, own(run(changed))))
        if found[-1][1].shape != before.shape:
            raise UntracedError("it gives outputs of another shape for other tokens")
    return found


def _differs(rows: np.ndarray, before: np.ndarray) -> bool:
    return not np.array_equal(rows, before, equal_nan=True)


def _wholly_exchanged(
    run: Run,
    tracer: Tracer,
    tokens: np.ndarray,
    others: list[np.ndarray],
    held: dict[int, np.ndarray],
    own: Callable[[np.ndarray], np.ndarray],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield other tokens everywhere but at the last position, and the logits: a single one may move none by chance."""
    for other in others:
        changed = np.append(other[:-1], tokens[-1])
        yield changed, _ran(run, tracer, changed, held, own)


def _tokens_that_leak(tokens: np.ndarray, leaking: list[np.ndarray]) -> int:
    """Return how many exchanged tokens moved a logit alone; where it took several at once, one."""
    alone = [changed for changed in leaking if np.count_nonzero(tokens != changed) == 1]
    return len(alone) or min(1, len(leaking))


def _is_leak(tokens: np.ndarray, changed: np.ndarray, rows: np.ndarray, before: np.ndarray) -> bool:
    """Return whether a logit moved at a position that has its own token still."""
    same = (tokens == changed)[before[:, 0].astype(np.int64)]
    return _differs(rows[same], before[same])


def _explain(
    mixing: Mixing,
    run: Run,
    tracer: Tracer,
    exchanged: list[tuple[int, np.ndarray]],
    held: dict[int, np.ndarray],
    own: Callable[[np.ndarray], np.ndarray],
    leaking: list[np.ndarray],
) -> None:
    """Find the first operation that mixes tokens and through which they move a logit, and what whole numbers need."""
    few = [(changed, _ran(run, tracer, changed, held, own)) for changed in leaking[:: max(1, len(leaking) // 3)][:3]]

    def first(steps: Iterator[int]) -> int | None:
        return next((each for each in steps if _carries(each, run, tracer, few, held, own)), None)

    found = first(index for index, step in enumerate(tracer.steps) if index not in held and step.is_mixed())
    if found is None:
        return
    mixing.step = tracer.steps[found]
    if mixing.step.is_whole or mixing.step.is_look_up or mixing.step.is_product:
        return
    positions = sorted({position for position, _ in exchanged})
    _all(run, tracer, list(_alphabet(exchanged)), positions, held, own, few[0][1])
    later = first(
        index
        for index, step in enumerate(tracer.steps)
        if index > found and index not in held and step.name in _STEPS and step.is_mixed()
    )
    mixing.later = None if later is None else tracer.steps[later]


def _alphabet(exchanged: list[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each exchange with every token that was exchanged anywhere: a carry moves for few of them."""
    alphabet = sorted({int(changed[position]) for position, changed in exchanged})
    for position, changed in exchanged:
        for token in alphabet:
            yield position, np.where(np.arange(len(changed)) == position, token, changed)


def _ran(
    run: Run,
    tracer: Tracer,
    tokens: np.ndarray,
    held: dict[int, np.ndarray],
    own: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    with tracer.comparing(None, held):
        return own(run(tokens))


def _carries(
    index: int,
    run: Run,
    tracer: Tracer,
    runs: list[tuple[np.ndarray, np.ndarray]],
    held: dict[int, np.ndarray],
    own: Callable[[np.ndarray], np.ndarray],
) -> bool:
    """Return whether other tokens give other logits through an operation: with it held too, they give others."""
    output = tracer.steps[index].output
    if output is None:
        return False
    return any(_differs(_ran(run, tracer, changed, {**held, index: output}, own), rows) for changed, rows in runs)


def _behind_attention(
    run: Run,
    tracer: Tracer,
    exchanged: list[tuple[int, np.ndarray]],
    own: Callable[[np.ndarray], np.ndarray],
) -> Step | None:
    """Return arithmetic of whole numbers of two positions on which logits depend through attention's weights."""
    suspects = [
        index for index, step in enumerate(tracer.steps) if step.is_whole and step.name in _WHOLE and step.is_mixed()
    ]
    if not suspects:
        return None
    runs = []
    for _, changed in exchanged[:: max(1, len(exchanged) // 6)]:
        runs.append((changed, _ran(run, tracer, changed, {}, own)))
    return next((tracer.steps[index] for index in suspects if _carries(index, run, tracer, runs, {}, own)), None)


def _is_attention(step: Step, steps: list[Step]) -> bool:
    if any(_is_divided(share, steps) for share in step.shares):
        return True
    if any(name in step.name for name in _FUSED):
        return True
    if step.output is None or step.moved is None:
        return False
    if step.name in CHOICES and step.operands:
        return step.output.dtype.kind == "f" and any(
            _is_over_positions(step.operands_moved[0], axis) for axis in range(step.operands[0].ndim)
        )
    if step.name in PRODUCTS and len(step.operands) == 2:
        x, y = step.operands
        of_x, of_y = step.operands_moved
        return (_is_mean(x, x.ndim - 1) and _is_over_positions(of_y, max(y.ndim - 2, 0))) or (
            _is_mean(y, max(y.ndim - 2, 0)) and _is_over_positions(of_x, x.ndim - 1)
        )
    if step.factors is not None:
        return any(
            all(_is_mean(step.factors[one], axis) for axis in step.axes)
            and any(_is_over_positions(step.operands_moved[1 - one], axis) for axis in step.axes)
            for one in (0, 1)
        )
    return False


def _is_divided(share: Share, steps: list[Step]) -> bool:
    """Return whether a sum that is divided afterwards is one over positions, and nothing else came in on the way."""
    product = steps[share.product]
    if product.moved is None or any(steps[place].operands_moved[1].any() for place in share.through):
        return False
    moved, axes = product.operands_moved[share.values], product.operands[share.values].ndim
    return _is_over_positions(moved, max(axes - 2, 0) if share.values else axes - 1)


def _is_mean(weights: np.ndarray, axis: int) -> bool:
    """Return whether weights are those of a mean: none negative, together at most one."""
    if weights.dtype.kind != "f" or not np.isfinite(weights).all():
        return False
    total = weights.sum(axis=axis)
    return bool((weights >= 0).all() and (total <= 1 + NEAR).all() and np.any(total > 0))


def _is_over_positions(moved: np.ndarray, axis: int) -> bool:
    """Return whether what stands along an axis depends on one token each, and not all on one.

    Args:
        moved: bool (P, ...).
        axis: counted without the P.
    """
    if moved.ndim == 1:
        return False
    rest = tuple(each for each in range(1, moved.ndim) if each != axis + 1)
    tokens = moved.any(axis=rest)  # (P, K)
    return bool(tokens.sum(axis=0).max() == 1 and np.any(tokens, axis=1).sum() > 1)
