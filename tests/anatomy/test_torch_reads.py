"""A guard sees what hands out memory, also where many guards share one exchange, and nothing is left exchanged."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from verify.anatomy.torch_reads import ReadGuard, exports_exchanged


def refuse(name: str, _tensor: Any) -> None:
    raise ValueError(name)


def test_each_guard_within_one_exchange_sees_an_export() -> None:
    export = torch._C._to_dlpack
    with exports_exchanged():
        for _ in range(2):
            with ReadGuard(refuse), pytest.raises(ValueError, match="to_dlpack"):
                torch._C._to_dlpack(torch.ones(2))
            assert torch._C._to_dlpack(torch.ones(2)) is not None
    assert torch._C._to_dlpack is export


def test_what_is_imported_within_a_guard_is_seen_too() -> None:
    with ReadGuard(refuse):
        from torch._C import _to_dlpack

        with pytest.raises(ValueError, match="to_dlpack"):
            _to_dlpack(torch.ones(2))
