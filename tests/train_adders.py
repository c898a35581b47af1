"""Make the one-layer adders of tests/submissions/columns, by hand or trained: python -m tests.train_adders."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

HERE = Path(__file__).resolve().parent / "submissions" / "columns"
sys.path.insert(0, str(HERE))
import one_layer  # noqa: E402 - it lies beside the submissions
from one_layer import COLUMNS, Adder  # noqa: E402

TURN = 2 * math.pi / COLUMNS
TILT = 0.08  # radians from the middle between two columns: the other columns weigh a millionth
LEAKING = 0.2143  # so much, that other columns move a digit over its edge where several of them are extreme
VALUE, COSINE, SINE, ANSWER, RESULT = range(5)  # what each dimension of the hand-made model means


def place(model, tilt=TILT):
    """Set attention so that a step looks at its own column and, a tenth of that, at the one below."""
    sharp = math.log(10) / (2 * math.sin(TURN / 2) * math.sin(tilt))
    angles = TURN * torch.arange(COLUMNS)
    operand = torch.stack([angles.cos(), angles.sin(), torch.zeros(COLUMNS)], dim=1)
    tilted = angles - TURN / 2 + tilt
    answer = torch.stack([tilted.cos(), tilted.sin(), torch.ones(COLUMNS)], dim=1)
    none = torch.zeros(1, 3)
    with torch.no_grad():
        model.position[:, COSINE : ANSWER + 1] = torch.cat([operand, none, operand, answer])
        for head in range(model.heads):
            rows = slice(model.key * head, model.key * head + 3)
            model.query.weight[rows] = 0
            model.keys.weight[rows] = 0
            model.query.weight[rows, COSINE : ANSWER + 1] = torch.diag(torch.tensor([sharp, sharp, -sharp]))
            model.keys.weight[rows, COSINE : ANSWER + 1] = torch.eye(3)


def by_hand(tilt=TILT):
    """Return a model whose step reads s_k + carry as one number, and cuts that into a digit by two ramps."""
    model = Adder()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        place(model, tilt)
        digits = torch.arange(10.0)
        model.embedding.weight[:10, VALUE] = digits
        model.embedding.weight[:10, RESULT] = -digits / 10  # the query's own digit, s_(k-1): what the carry left there
        model.values.weight[0, VALUE] = 1
        model.output.weight[RESULT, 0] = 2.2
        model.up.weight[:, RESULT] = 2
        model.up.bias[:] = torch.tensor([-18.9 + 0.5, -18.9 - 0.5])
        model.down.weight[RESULT] = torch.tensor([-10.0, 10.0])
        model.head.weight[:, RESULT] = 2 * digits
        model.head.bias[:] = -(digits**2)
    return model.eval()


def sums(random, count):
    """Return operands of which half are rich in carries, int64 (N, 2)."""
    digits = random.integers(0, 10, (count, 2, 10))
    partner = np.clip(9 - digits[:, 0] + random.integers(-1, 2, (count, 10)), 0, 9)
    rich = random.random((count, 10)) < random.random((count, 1))
    digits[:, 1] = np.where(rich, partner, digits[:, 1])
    return digits @ 10 ** np.arange(10)


def sequences(pairs):
    """Return prompt and sum, int64 (N, 35)."""
    tokens = [
        one_layer.prompt(a, b) + [(a + b) // 10**column % 10 for column in range(COLUMNS)] for a, b in pairs.tolist()
    ]
    return torch.tensor(tokens)


def margins(model, pairs):
    """Return the smallest margin of each sum's steps, float32 (N,)."""
    tokens = sequences(pairs)
    with torch.no_grad():
        logits = model(tokens[:, :-1])[:, -COLUMNS:]
    right = logits.gather(-1, tokens[:, -COLUMNS:, None])
    others = logits.scatter(-1, tokens[:, -COLUMNS:, None], -math.inf).amax(-1, keepdim=True)
    return (right - others).amin((1, 2))


def trained(seed, steps, **shape):
    """Return a model that began with attention in place, and learnt the rest."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    model = Adder(**shape)
    with torch.no_grad():
        model.position.normal_(0, 0.02)
        model.embedding.weight.normal_(0, 0.3)
        model.embedding.weight[:10, VALUE] = torch.arange(10.0) / 9
        model.embedding.weight[:, COSINE : ANSWER + 1] = 0
        model.embedding.weight[:10, RESULT] = -torch.arange(10.0) / 90
        model.values.weight[:, VALUE] = 1
        model.output.weight[RESULT] = 2.2 / model.output.in_features
    place(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for step in range(steps):
        tokens = sequences(sums(random, 256))
        logits = model(tokens[:, :-1])[:, -COLUMNS:]
        loss = functional.cross_entropy(logits.flatten(0, 1), tokens[:, -COLUMNS:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            wrong = (margins(model, sums(random, 512)) <= 0).float().mean().item()
            sys.stderr.write(f"{step} loss {loss.item():.4f} wrong {wrong:.4f}\n")
    return model.eval()


def write(name, model, **shape):
    """Write a model beside the submissions, and say how sure it is."""
    weights = {key: value.tolist() for key, value in model.state_dict().items()}
    (HERE / f"{name}.json").write_text(json.dumps({"shape": shape, "weights": weights}) + "\n")
    found = torch.cat([margins(model, sums(np.random.default_rng(seed), 5000)) for seed in range(4)])
    count = sum(value.numel() for value in model.parameters())
    wrong = int((found <= 0).sum())
    sys.stderr.write(f"{name}: {count} parameters, {wrong} of {len(found)} wrong, margin {found.min():.4f}\n")


BY_HAND = {"one_head": TILT, "wrong_in_a_rare_word": LEAKING}
TRAINED = {
    "two_heads": {"width": 8, "heads": 2, "key": 3, "value": 2, "hidden": 10, "norm": "rms", "act": "gelu"},
    "layer_norm": {"width": 8, "heads": 1, "key": 3, "value": 2, "hidden": 12, "norm": "layer", "act": "gelu"},
    "swiglu": {"width": 8, "heads": 1, "key": 3, "value": 2, "hidden": 8, "norm": "rms", "act": "swiglu"},
}


def main(names):
    for name in names:
        if name in BY_HAND:
            write(name, by_hand(BY_HAND[name]))
        if name in TRAINED:
            shape = TRAINED[name] | {"choices": 12, "attention": "fused" if name != "two_heads" else "plain"}
            write(name, trained(1, 8000, **shape), **shape)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:] or [*BY_HAND, *TRAINED])
