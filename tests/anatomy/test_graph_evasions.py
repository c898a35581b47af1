"""What gets past whatever watches torch is refused, or recorded as it is: a value that nobody saw proves nothing.

Each forward here is told apart from an honest one by a single row of tokens, on which nothing is ever compared.
"""

from __future__ import annotations

import _thread
import contextlib
import copy
import ctypes
import io
import os
import pickle
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils import _python_dispatch

from tests.anatomy.test_graph_traps import FEASIBLE, LENGTH, VOCABULARY, evaluated
from verify.anatomy.graph.nodes import RefusedError
from verify.anatomy.graph.torch_recorder import record

pytestmark = pytest.mark.filterwarnings(
    "ignore:TypedStorage is deprecated", "ignore:The reduce argument", "ignore:.*use of fork"
)
NINES = [9] * (LENGTH - 1) + [11]
TABLE = torch.randn(VOCABULARY, 3, generator=torch.Generator().manual_seed(2))
WITHOUT = torch._C.DisableTorchFunction
STASHED = (torch._C._DisableTorchDispatch,)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    found = torch.randint(0, 9, (24, LENGTH), generator=torch.Generator().manual_seed(3))
    found[:, -1] = 11
    found[-1] = torch.tensor(NINES)
    return found


def trap(ids: Tensor) -> Tensor:
    """Return 1 where all tokens are 9, else 0."""
    return torch.relu(ids[0, :-1].float().sum() - (9 * (LENGTH - 1) - 1))


def is_trap(values: Any) -> float:
    return float(list(values)[: LENGTH - 1] == NINES[:-1])


def without_functions(read: Callable[[Tensor], Any], context: Any = WITHOUT) -> Callable[[Tensor], float]:
    def reading(ids: Tensor) -> float:
        with context():
            return is_trap(read(ids[0].clone()))

    return reading


def by_memory(ids: Tensor) -> Any:
    return list((ctypes.c_int64 * len(ids)).from_address(ids.data_ptr()))


def saved(ids: Tensor) -> Any:
    buffer = io.BytesIO()
    torch.save(ids, buffer)
    buffer.seek(0)
    return torch.load(buffer).tolist()


def undispatched(ids: Tensor) -> Tensor:
    with torch._C._DisableTorchDispatch():
        return trap(ids)


def excluded(ids: Tensor) -> Tensor:
    keys = torch._C.DispatchKeySet(torch._C.DispatchKey.Python)
    with torch._C._ExcludeDispatchKeyGuard(keys):
        return trap(ids)


def redispatched(ids: Tensor) -> Tensor:
    numbers = ids[0, :-1].float()
    return torch.ops.aten.relu.default.redispatch(
        torch._C.DispatchKeySet(torch._C.DispatchKey.CPU), numbers.sum() - (9 * (LENGTH - 1) - 1)
    )


def in_modes_of_none(ids: Tensor) -> float:
    with _python_dispatch._disable_current_modes():
        return is_trap(ids[0].clone().tolist())


def computed_in_modes_of_none(ids: Tensor) -> Tensor:
    with _python_dispatch._disable_current_modes():
        return trap(ids)


def with_modes_popped(ids: Tensor) -> Any:
    modes = [torch._C._pop_torch_function_stack() for _ in range(torch._C._len_torch_function_stack())]
    try:
        return is_trap(ids[0].tolist())
    finally:
        for mode in reversed(modes):
            torch._C._push_on_torch_function_stack(mode)


def in_a_bare_thread(read: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    def reading(ids: Tensor) -> Any:
        found: list[Any] = []
        done = threading.Lock()
        done.acquire()

        def work() -> None:
            with contextlib.suppress(Exception):
                found.append(read(ids))
            done.release()

        _thread.start_new_thread(work, ())
        done.acquire()
        return found[0] if found else 0.0

    return reading


def in_a_child(ids: Tensor) -> float:
    child = os.fork()
    if child == 0:
        found = 0
        with contextlib.suppress(Exception):
            found = int(is_trap(ids[0].tolist()))
        os._exit(found)
    return float(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def by_lengths(ids: Tensor) -> float:
    nines = (ids[0, :-1] == 9).long()
    return float(sum(len(torch.tensor_split(torch.zeros(1), nines[place : place + 1])[0]) for place in range(5)) == 5)


def by_exceptions(raising: Callable[[Tensor], Any]) -> Callable[[Tensor], float]:
    def reading(ids: Tensor) -> float:
        count = 0
        for token in ids[0, :-1]:
            try:
                raising(token.reshape(1))
            except (IndexError, RuntimeError):
                count += 1
        return float(count == LENGTH - 1)

    return reading


def negated(ids: Tensor) -> Tensor:
    seen = torch.complex(torch.zeros(()), trap(ids)).conj().imag  # less the trap, by a mark on the tensor
    return torch.relu(seen.neg())


def set_unseen(ids: Tensor) -> Tensor:
    found, other = torch.zeros(()), trap(ids)
    with WITHOUT(), STASHED[0]():
        found.set_(other.untyped_storage(), 0, (), ())
    return found


def set_as_data(ids: Tensor) -> Tensor:
    found = torch.zeros(())
    found.data = trap(ids)
    return found


def swapped(ids: Tensor) -> Tensor:
    found, other = torch.zeros(()), trap(ids)
    torch.utils.swap_tensors(found, other)
    return found


def seen_in_a_buffer(ids: Tensor) -> float:
    buffer = torch.zeros(1)
    with WITHOUT():
        seen = buffer.numpy()
        buffer += trap(ids)
    return float(seen[0])


def forked(ids: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.wait(torch.jit.fork(trap, ids))  # type: ignore[no-any-return] # torch's is untyped


def by_a_list_of_a_script(ids: Tensor) -> float:
    return is_trap(_listed(ids[0].clone()))


def _scripted() -> Any:
    def listed(ids: Tensor) -> list[int]:
        found: list[int] = ids.tolist()
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(listed)


_listed = _scripted()


def mean_of_a_norm(ids: Tensor) -> Tensor:
    return torch.native_layer_norm(trap(ids).expand(2).clone(), [2], None, None, 1e-5)[1]


def size_of_a_norm(ids: Tensor) -> Tensor:
    return torch.ops.aten._fused_rms_norm(trap(ids).expand(2).clone(), [2], None, 1.0)[1]


def sum_of_attention(ids: Tensor) -> Tensor:
    key = trap(ids).reshape(1, 1, 1, 1)
    found = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(torch.ones_like(key), key, key)
    return found[1].reshape(())  # type: ignore[no-any-return] # torch's is untyped


def added_by_scatter(ids: Tensor) -> Tensor:
    found = torch.tensor([[3.0, 4.0]])
    found = found.scatter(1, torch.tensor([[0]]), trap(ids).reshape(1, 1), reduce="add")
    return found[0, 0] + found[0, 1]


def bits(ids: Tensor) -> Tensor:
    return torch.view_copy(trap(ids).double() * 1e-9, torch.int64).double().float() * 1e-18


def complex_and_real(ids: Tensor) -> Tensor:
    found = torch.view_as_complex(ids[0, :4].float().reshape(2, 2))
    real = torch.stack([torch.zeros(()), trap(ids)])
    return torch.view_as_real(found + real)[1, 0]


def complex_and_turned(ids: Tensor) -> Tensor:
    parts = torch.view_as_complex(torch.stack([torch.zeros(2), trap(ids).expand(2)], -1))
    return torch.view_as_real(parts.flip(-1))[0, 1]


class _Own(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, ids: Tensor) -> Tensor:
        return trap(ids)


def differentiated(ids: Tensor) -> Tensor:
    with torch.enable_grad():
        x = torch.ones((), requires_grad=True)
        (slope,) = torch.autograd.grad(x * trap(ids), x)
    return slope.detach()


EVASIONS: dict[str, Callable[[Tensor], Any]] = {
    "no dispatch": undispatched,
    "a key left out": excluded,
    "a kernel called itself": redispatched,
    "tolist": without_functions(lambda ids: ids.tolist()),
    "tolist, as a subclass": without_functions(lambda ids: ids.tolist(), torch._C.DisableTorchFunctionSubclass),
    "numpy": without_functions(lambda ids: ids.numpy()),
    "numpy by force": without_functions(lambda ids: ids.numpy(force=True)),
    "dlpack": without_functions(np.from_dlpack),
    "memory": without_functions(by_memory),
    "storage": without_functions(lambda ids: bytes(ids.untyped_storage())[:40:8]),
    "typed storage": without_functions(lambda ids: ids._typed_storage().tolist()),
    "pickle": without_functions(lambda ids: pickle.loads(pickle.dumps(ids)).tolist()),
    "save": without_functions(saved),
    "a deep copy": without_functions(lambda ids: copy.deepcopy(ids).tolist()),
    "text": without_functions(lambda ids: [int(digit) for digit in str(ids) if digit.isdigit()]),
    "items": without_functions(lambda ids: [each.item() for each in ids]),
    "indices": without_functions(lambda ids: [range(20)[each] for each in ids]),
    "formats": without_functions(lambda ids: [int(f"{each}") for each in ids]),
    "shared memory": without_functions(lambda ids: ids.share_memory_().untyped_storage().tolist()[::8]),
    "functions of no mode": with_modes_popped,
    "reads in no mode": in_modes_of_none,
    "operations in no mode": computed_in_modes_of_none,
    "reads in a bare thread": in_a_bare_thread(lambda ids: is_trap(ids[0].tolist())),
    "operations in a bare thread": in_a_bare_thread(trap),
    "a child": in_a_child,
    "lengths": by_lengths,
    "look-ups that fail": by_exceptions(lambda token: torch.zeros(9)[token]),
    "embeddings that fail": by_exceptions(lambda token: torch.embedding(torch.zeros(9, 1), token)),
    "divisions that fail": by_exceptions(lambda token: torch.ones(1).long() // (9 - token)),
    "a mark on the tensor": negated,
    "set_": set_unseen,
    "data": set_as_data,
    "tensors swapped": swapped,
    "a buffer that numpy sees": seen_in_a_buffer,
    "a fork of a script": forked,
    "a list of a script": by_a_list_of_a_script,
    "a function with a gradient of its own": lambda ids: _Own.apply(ids),
    "a gradient": differentiated,
    "every row by itself": lambda ids: torch.vmap(lambda row: trap(row[None]))(ids)[0],
    "a complex number": lambda ids: torch.view_as_real(torch.complex(trap(ids), torch.ones(())))[0],
    "what layer_norm gives beside": mean_of_a_norm,
    "what rms_norm gives beside": size_of_a_norm,
    "what attention gives beside": sum_of_attention,
    "a sum by scatter": added_by_scatter,
    "bits, copied": bits,
    "a complex number and a real one": complex_and_real,
    "complex numbers, turned": complex_and_turned,
    "inference mode": lambda ids: torch.inference_mode()(trap)(ids),
    "short numbers": lambda ids: torch.autocast("cpu", dtype=torch.bfloat16)(trap)(ids),
}


def is_refused_or_right(forward: Callable[[Tensor], Tensor], tokens: Tensor) -> None:
    with torch.no_grad():
        expected = np.concatenate([forward(row[None].clone())[:, -1].numpy() for row in tokens])
    assert not np.allclose(expected[-1], TABLE[NINES].sum(0))  # the trap works where nobody watches
    try:
        found = evaluated(forward, tokens)
    except RefusedError:
        return
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", EVASIONS)
def test_what_gets_past_the_guard_is_refused_or_right(tokens: Tensor, name: str) -> None:
    def forward(ids: Tensor) -> Tensor:
        return TABLE[ids].cumsum(1) + EVASIONS[name](ids)

    is_refused_or_right(forward, tokens)


def test_memory_of_a_file_is_not_written_into(tokens: Tensor, tmp_path: Path) -> None:
    file = tmp_path / "shared"
    file.write_bytes(bytes(4))

    def forward(ids: Tensor) -> Tensor:
        shared = torch.from_file(str(file), shared=True, size=1, dtype=torch.float32)
        shared += trap(ids)
        return TABLE[ids].cumsum(1) + np.frombuffer(file.read_bytes(), np.float32)[0]

    with pytest.raises(RefusedError, match="was there before"):
        evaluated(forward, tokens)


@contextlib.contextmanager
def overridden(name: str, function: Callable[..., Any], key: str) -> Iterator[None]:
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library.impl(name, function, key)
    try:
        yield
    finally:
        library._destroy()


def test_a_mode_that_was_left_on_is_refused(tokens: Tensor) -> None:
    class Mode(_python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    with Mode(), pytest.raises(RefusedError, match="left on"):
        evaluated(lambda ids: TABLE[ids].cumsum(1), tokens)


@pytest.mark.parametrize("key", ["CPU", "Python"])
def test_an_operation_that_was_exchanged_is_refused(tokens: Tensor, key: str) -> None:
    other = (lambda x: x.clone()) if key == "CPU" else (lambda x: torch.zeros_like(x))
    with overridden("relu", other, key), pytest.raises(RefusedError, match="relu"):
        evaluated(lambda ids: TABLE[ids].cumsum(1) + trap(ids), tokens)


def test_a_tensor_that_is_kept_is_one_afterwards(tokens: Tensor) -> None:
    kept: dict[str, Tensor] = {}

    def forward(ids: Tensor) -> Tensor:
        kept.setdefault("mask", torch.ones(LENGTH, LENGTH).tril())
        kept["sums"] = kept["mask"] @ TABLE[ids]
        return kept["sums"]

    record(forward, tokens[:1].clone(), VOCABULARY, FEASIBLE)
    assert {type(each) for each in kept.values()} == {Tensor}
    assert kept["mask"].sum().item() == LENGTH * (LENGTH + 1) / 2
    torch.testing.assert_close(kept["sums"], TABLE[tokens[:1]].cumsum(1))


def test_what_is_made_like_a_tensor_may_be_written_into(tokens: Tensor) -> None:
    def forward(ids: Tensor) -> Tensor:
        found = torch.zeros_like(TABLE[ids])
        found[:, 1:] = TABLE[ids][:, :-1]
        return found.cumsum(1)

    expected = np.concatenate([forward(row[None])[:, -1].numpy() for row in tokens])
    np.testing.assert_allclose(evaluated(forward, tokens), expected, rtol=1e-5)


def test_constants_may_be_read(tokens: Tensor) -> None:
    def forward(ids: Tensor) -> Tensor:
        two = torch.full((), 2.0)
        scale = two.item() + float(two) + int(two) + two.tolist() + two.numpy() + bool(two) + [0, 0, 1][two.long()]
        assert "2." in f"{two}"
        assert copy.deepcopy(two).equal(two)
        return TABLE[ids].cumsum(1) * float(scale) + torch.from_numpy(torch.ones(3).numpy())

    expected = np.concatenate([forward(row[None])[:, -1].numpy() for row in tokens])
    np.testing.assert_allclose(evaluated(forward, tokens), expected, rtol=1e-5)
