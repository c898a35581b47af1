"""The residual stream of a model of the reference's shape: where each of the 16 contexts is after each of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from verify.subject.operations import operation

if TYPE_CHECKING:
    from torch import Tensor, nn

    from verify.subject import LoadedAdder

SCHEMA = "adder-anatomy/1"
WIDTH, TOKENS = 35, 4
PAIRS = np.repeat(np.arange(TOKENS), TOKENS)  # (16,)
STATES = np.tile(np.arange(TOKENS), TOKENS)  # (16,)
TARGETS = (PAIRS >> 1) + (PAIRS & 1) + (STATES >> 1)  # (16,): sum bit + 2 carry is the count of ones
CHOSEN_SUM = (3, 1)


class OtherShapeError(Exception):
    """A model that is not of the reference's shape; the message says in what."""


@operation
def residual_stream(loaded: LoadedAdder, a: int = CHOSEN_SUM[0], b: int = CHOSEN_SUM[1]) -> dict[str, Any]:
    """Return the anatomy of a model as evidence of schema adder-anatomy/1, or ``{"refused": reason}``.

    A model of the reference's shape has one embedding of 4 x 2 that is also its head, one `MultiheadAttention` and a
    child ``mlp``, and its forward adds their outputs up.

    Args:
        loaded: the adder.
        a: the first operand of the sum whose steps are drawn.
        b: the second.
    """
    try:
        stream = _Stream.watch(loaded.model)
    except OtherShapeError as error:
        return {"refused": str(error)}
    return {
        "schema": SCHEMA,
        "embeddings": stream.embeddings.tolist(),
        "transitions": stream.transitions(),
        "sum": {"a": a, "b": b, "steps": _steps(a, b)},
    }


class _Stream:
    """What hooks saw as a model ran on the 16 contexts."""

    def __init__(self, embeddings: Any, embedded: Any, attended: Any, final: Any, logits: Any) -> None:
        self.embeddings = embeddings  # (4, 2)
        self.embedded, self.attended, self.final = embedded, attended, final  # (16, 2) each
        self.logits = logits  # (16, 4)

    @classmethod
    def watch(cls, model: Any) -> _Stream:
        """Run a model on the 16 contexts, 36 tokens each, and keep what its parts put out at the last position.

        Raises:
            OtherShapeError: a part is missing, or the stream is not the sum of what the parts put out.
        """
        parts = _parts(model)
        seen: dict[str, Any] = {}
        hooks = [part.register_forward_hook(_keep(seen, name)) for name, part in parts.items()]
        try:
            logits = _logits(model)
        finally:
            for hook in hooks:
                hook.remove()
        if seen.keys() != parts.keys():
            raise OtherShapeError(f"forward does not call {', '.join(parts.keys() - seen.keys())}")
        embedded = seen["embedding"]
        attended = embedded + seen["attention"]
        final = attended + seen["mlp"]
        embeddings = next(parts["embedding"].parameters()).detach().double().numpy()
        if not np.allclose(final @ embeddings.T, logits, rtol=1e-3, atol=1e-3):
            raise OtherShapeError("the logits are not embedding + attention + mlp, times the embedding")
        return cls(embeddings, embedded, attended, final, logits)

    def transitions(self) -> list[dict[str, Any]]:
        """Return one row for each context."""
        right = np.eye(TOKENS, dtype=bool)[TARGETS]
        margins = self.logits[right] - np.where(right, -np.inf, self.logits).max(1)
        return [
            {
                "pair": int(PAIRS[row]),
                "state": int(STATES[row]),
                "target": int(TARGETS[row]),
                "chosen": int(self.logits[row].argmax()),
                "logits": self.logits[row].tolist(),
                "margin": float(margins[row]),
                "embedded": self.embedded[row].tolist(),
                "attended": self.attended[row].tolist(),
                "final": self.final[row].tolist(),
            }
            for row in range(len(PAIRS))
        ]


def _parts(model: Any) -> dict[str, nn.Module]:
    from torch import nn

    if not isinstance(model, nn.Module):
        raise OtherShapeError(f"the model is {type(model).__name__}, no torch module")
    embeddings = [part for part in model.modules() if isinstance(part, nn.Embedding)]
    attentions = [part for part in model.modules() if isinstance(part, nn.MultiheadAttention)]
    mlp = getattr(model, "mlp", None)
    if [tuple(each.weight.shape) for each in embeddings] != [(TOKENS, 2)]:
        raise OtherShapeError("it has not exactly one embedding, of 4 x 2")
    if len(attentions) != 1 or not isinstance(mlp, nn.Module):
        raise OtherShapeError("it has not exactly one MultiheadAttention and a child named mlp")
    return {"embedding": embeddings[0], "attention": attentions[0], "mlp": mlp}


def _keep(seen: dict[str, Any], name: str) -> Any:
    def hook(_module: nn.Module, _given: Any, put_out: Any) -> None:
        values: Tensor = put_out[0] if isinstance(put_out, tuple) else put_out
        seen[name] = values[:, -1].detach().double().numpy()

    return hook


def _logits(model: Any) -> Any:
    """Return the logits (16, 4) after the contexts: 36 tokens, zero but for the pair at 0 and the state at 35."""
    import torch

    contexts = torch.zeros(len(PAIRS), WIDTH + 1, dtype=torch.int64)  # (16, 36)
    contexts[:, 0], contexts[:, -1] = torch.from_numpy(PAIRS), torch.from_numpy(STATES)
    with torch.no_grad():
        try:
            logits = model(contexts)[:, -1].double().numpy()
        except Exception as error:
            raise OtherShapeError(f"forward does not take 36 tokens: {type(error).__name__}: {error}") from error
    if logits.shape != (len(PAIRS), TOKENS):
        raise OtherShapeError(f"the last position has logits of shape {logits.shape[1:]}, not of 4 tokens")
    return logits


def _steps(a: int, b: int) -> list[dict[str, int]]:
    """Return pair and right state of every step of a sum."""
    steps, state = [], 0
    for place in range(WIDTH):
        pair = 2 * (a >> place & 1) + (b >> place & 1)
        steps.append({"pair": pair, "state": state})
        state = (pair >> 1) + (pair & 1) + (state >> 1)
    return steps
