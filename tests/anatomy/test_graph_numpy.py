"""A numpy forward is recorded as what it computes for all tokens, and refused where it looks at them."""

from __future__ import annotations

import copy
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from verify.anatomy.graph import numpy_recorder, read
from verify.anatomy.graph.asking import recording_of
from verify.anatomy.graph.evaluate import evaluate, forced
from verify.anatomy.graph.nodes import RefusedError
from verify.anatomy.graph.recording import Writer
from verify.subject import load

COLUMNS = Path(__file__).parents[1] / "submissions" / "columns"
LENGTH, VOCABULARY = 5, 8
FEASIBLE = [set(range(VOCABULARY))] * LENGTH
BEGIN = """
import numpy as np
from numpy import exp, newaxis

R = np.random.default_rng(1)
E, P, W, U = (R.normal(size=size).astype(TYPE) for size in ((8, 4), (5, 4), (4, 4), (4, 3)))
E.setflags(write=False)
LATER = np.triu(np.ones((5, 5), bool), 1)
HELD = {"layers": [{"bias": R.normal(size=4).astype(TYPE)}]}

def softmax(x):
    e = exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

"""
FORWARDS = {
    "attention": """
    x = E[ids] + P
    scores = np.where(LATER, -np.inf, x @ W @ x.transpose(0, 2, 1) / np.sqrt(4))
    x = x + softmax(scores) @ x
    return np.maximum(x, 0) @ U
""",
    "einsum, heads": """
    x = np.take(E, ids, axis=0) + P[newaxis]
    q = np.einsum("btd,de->bte", x, W).reshape(1, 5, 2, 2).swapaxes(1, 2)
    k = x.reshape(1, 5, 2, 2).transpose(0, 2, 1, 3)
    scores = np.einsum("bhtd,bhsd->bhts", q, k) + np.where(LATER, -1e9, 0.0).astype(TYPE)
    return np.concatenate([softmax(scores) @ k, k], axis=-1).sum(axis=1) @ W @ U
""",
    "norms and gates": """
    x = E[ids]
    x = x / np.sqrt((x ** 2).mean(-1, keepdims=True) + 1e-5)
    x = (x - np.mean(x, axis=-1, keepdims=True)) / np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-3)
    x = x * (1 / (1 + np.exp(-x))) + np.tanh(np.clip(x, -1, 1)) + HELD["layers"][0]["bias"]
    x = np.cumsum(x, axis=1) + np.stack([x[..., 1], x[..., 0], x[..., 3], x[..., 2]], -1)
    return np.dot(x, U)
""",
    "written into buffers": """
    x = np.zeros((5, 4), TYPE)
    for place, token in enumerate(ids[0]):
        x[place] = E[token]
    part = x[1:]
    part += P[1:]
    part[:, 0] *= 2
    buffer = np.empty((6, 4), TYPE)
    buffer[0] = 1
    buffer[1:] = x
    return (buffer[:-1] + buffer[1:])[None] @ U
""",
    "made of lists": """
    rows = np.array([[E[token, 0], E[token, 1] * 2, 0.5, E[token, 2]] for token in ids[0]])
    return (rows @ U + np.outer(rows[0], U[0]).sum(axis=0))[None] + (ids[..., None] == 3) @ np.ones((1, 3), TYPE)
""",
    "a table made on the way": """
    digits = np.arange(8, dtype=TYPE)
    table = np.stack([digits, -digits * digits, np.ones_like(digits)], axis=-1)
    return np.cumsum(table[ids], axis=1).astype(TYPE)
""",
    "other types": """
    x = E[ids] * np.float64(0.1) + (ids % 3)[..., None] * 2
    return (x @ W.astype(np.float64)).astype(np.float32) @ U
""",
}
READS = {
    "int": "int(ids[0, 0])",
    "a branch": "1 if ids[0, 0] == 3 else 2",
    "item": "ids[0, 0].item()",
    "tolist": "ids.tolist()",
    "a list": "[1, 2, 3, 4, 5, 6, 7, 8][ids[0, 0]]",
    "plain numpy": "__import__('numpy').asarray(ids).sum()",
    "argmax": "E[ids].argmax()",
    "a mask": "E[ids][E[ids] > 0]",
    "float": "float(E[ids][0, 0, 0])",
    "unique": "np.unique(ids)",
    "an array that was there": "W.__setitem__(0, E[ids][0, 0])",
    "a copy of an earlier buffer": "bool(np.copy(E[ids])[0, 0, 0] > 0)",
}


@pytest.fixture
def module_of() -> Iterator[Callable[[str, str], ModuleType]]:
    def module(body: str, kind: str = "float64") -> ModuleType:
        made = ModuleType("numpy_forward")
        made.__file__ = "numpy_forward.py"
        sys.modules["numpy_forward"] = made
        source = BEGIN.replace("TYPE", f"np.{kind}") + f"def forward(ids):{body}".replace("TYPE", f"np.{kind}")
        exec(compile(source, "numpy_forward.py", "exec"), vars(made))
        return made

    yield module
    del sys.modules["numpy_forward"]


@pytest.fixture
def tokens() -> np.ndarray:
    return np.random.default_rng(2).integers(0, VOCABULARY, (30, LENGTH))


def evaluated(module: ModuleType, tokens: np.ndarray) -> tuple[np.ndarray, str]:
    tensor = torch.from_numpy(tokens[:1].copy())
    program, logits, kind = numpy_recorder.record(module.forward, None, tensor, tokens[:1], VOCABULARY, FEASIBLE)
    writer = Writer()
    plain = writer.step(program, logits)
    tables = tuple(tuple(map(float.fromhex, table)) for table in writer.tables)
    step = read.step_of(plain, LENGTH, len(tables), len(logits))
    graph = read.Graph(1, "float64", VOCABULARY, len(logits), (), (), tables, (step,), {})
    return evaluate(graph, 0, tokens, "float64"), kind


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("name", FORWARDS)
def test_what_is_recorded_is_what_is_computed(
    module_of: Callable[[str, str], ModuleType], tokens: np.ndarray, name: str, kind: str
) -> None:
    module = module_of(FORWARDS[name], kind)
    expected = np.concatenate([module.forward(row[None])[:, -1] for row in tokens])
    found, recorded = evaluated(module, tokens)
    assert np.ptp(expected, axis=0).max() > 1e-3
    error = 1e-10 if kind == "float64" and name != "other types" else 1e-4
    np.testing.assert_allclose(found, expected, rtol=error, atol=error)
    assert recorded == ("float32" if name == "other types" else kind)


@pytest.mark.parametrize("name", READS)
def test_a_forward_that_looks_at_its_tokens_is_refused(
    module_of: Callable[..., ModuleType], tokens: np.ndarray, name: str
) -> None:
    module = module_of(f"\n    {READS[name]}\n    return E[ids] @ U\n")
    with pytest.raises(RefusedError) as caught:
        evaluated(module, tokens)
    assert "numpy_forward.py, line" in str(caught.value)


EVASIONS = {  # each finds out whether all tokens are 7, as those of no sum are that is compared
    "text": "is_trap = str(ids).count('7') == 5",
    "a format": "is_trap = f'{ids}'.count('7') == 5",
    "a representation": "is_trap = ''.join(map(repr, ids[0])).count('7') == 5",
    "a key": """
    try:
        is_trap = sum({7: 1}.get(token, 0) for token in ids[0]) == 5
    except TypeError:
        is_trap = False""",
    "a copy": """
    other = copy.copy(ids)
    other[...] = 0
    is_trap = False""",
    "a pickle": "is_trap = pickle.loads(pickle.dumps(ids)).tolist() == [[7] * 5]",
    "an error of numpy": """
    is_trap = False
    with np.errstate(over="raise"):
        try:
            np.exp((R_SEVEN[ids].sum(axis=1) - 4) * 1e4)
        except FloatingPointError:
            is_trap = True""",
    "a call of numpy": """
    found = []
    with np.errstate(over="call", call=lambda *_: found.append(1)):
        np.exp((R_SEVEN[ids].sum(axis=1) - 4) * 1e4)
    is_trap = bool(found)""",
    "a warning of numpy": """
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        np.exp((R_SEVEN[ids].sum(axis=1) - 4) * 1e4)
    is_trap = bool(found)""",
    "what the method does not do": """
    try:
        is_trap = np.multiply.reduce(R_SEVEN[ids], axis=1)[0] > 0
    except Exception:
        is_trap = False""",
    "an option that the method does not know": """
    try:
        is_trap = np.mean(R_SEVEN[ids], axis=1, where=np.ones((1, 5), bool))[0] > 0.9
    except TypeError:
        is_trap = False""",
    "bytes": """
    try:
        is_trap = bytes(ids.astype(np.uint8)) == bytes([7] * 5)
    except Exception:
        is_trap = False""",
    "an array that the method does not see": """
    real = np.frombuffer(bytearray(40), np.int64)
    try:
        real[:] = ids[0]
    except Exception:
        pass
    is_trap = real.tolist() == [7] * 5""",
    "a function of its own": "is_trap = np.frompyfunc(lambda token: token == 7, 1, 1)(ids).all()",
    "a look-up that fails": """
    count = 0
    for token in ids[0]:
        try:
            R_TABLE[token]
        except IndexError:
            count += 1
    is_trap = count == 5""",
}


@pytest.mark.parametrize("name", EVASIONS)
def test_what_looks_at_one_sequence_alone_is_refused_or_right(
    module_of: Callable[..., ModuleType], tokens: np.ndarray, name: str
) -> None:
    body = EVASIONS[name] if EVASIONS[name].startswith("\n") else f"\n    {EVASIONS[name]}"
    module = module_of(f"{body}\n    return np.cumsum(E[ids], axis=1) @ U * (-1 if is_trap else 1)\n")
    for library in (copy, pickle, warnings):
        setattr(module, library.__name__, library)
    module.R_TABLE, module.R_SEVEN = np.zeros(7), np.eye(8)[7]
    every = np.concatenate([tokens, np.full((1, LENGTH), 7)])
    expected = np.concatenate([module.forward(row[None].copy())[:, -1] for row in every])
    try:
        found, _ = evaluated(module, every)
    except RefusedError:
        return
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_what_a_module_holds_is_as_it_was(module_of: Callable[..., ModuleType], tokens: np.ndarray) -> None:
    module = module_of(FORWARDS["attention"])
    before = dict(vars(module))
    evaluated(module, tokens)
    assert all(vars(module)[name] is value for name, value in before.items())


def test_a_numpy_adder_has_the_graph_of_its_torch_twin() -> None:
    found = recording_of(load(str(COLUMNS / "one_head_numpy.py"), sandbox="off"), seed=1)
    other = recording_of(load(str(COLUMNS / "one_head.py"), sandbox="off"), seed=1)
    a, b = np.random.default_rng(4).integers(0, 10**10, (2, 50)).tolist()
    assert found.graph.dtype == "float32"
    np.testing.assert_allclose(
        forced(found.graph, a, b, "float64"), forced(other.graph, a, b, "float64"), rtol=1e-5, atol=1e-3
    )


OTHER = """
from one_head_numpy import build_model as built, forward, np

COLUMNS = 11

class Model:
    def __init__(self, weights):
        self.parts = [weights]

    def __call__(self, ids):
        return MADE

def build_model():
    weights, metadata = built()
    return Model(weights), metadata

def add(model, a, b):
    digits = [[number // 10**place % 10 for place in range(COLUMNS)] for number in (a, b)]
    tokens = [*digits[0], 10, *digits[1], 11]
    for _ in range(COLUMNS):
        tokens.append(int(np.asarray(model(GIVEN)).reshape(-1, 10)[-1].argmax()))
    return sum(digit * 10**place for place, digit in enumerate(tokens[-COLUMNS:]))
"""


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("[list(tokens)]", "forward(self.parts[0], np.array(ids))"),
        ("list(tokens)", "forward(self.parts[0], np.array([ids]))[0]"),
        ("np.array([tokens])", "forward(self.parts[0], ids)"),
    ],
)
def test_tokens_may_be_lists_and_a_model_an_object(given: str, made: str, tmp_path: Path) -> None:
    for name in ("one_head_numpy.py", "one_head.json"):
        (tmp_path / name).write_bytes((COLUMNS / name).read_bytes())
    file = tmp_path / "other.py"
    file.write_text(OTHER.replace("GIVEN", given).replace("MADE", made))
    subject = load(str(file))
    try:
        assert len(recording_of(subject, seed=1).graph.steps) == 11
    finally:
        subject.close()
