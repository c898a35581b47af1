"""What reads the values of a torch tensor without torch's dispatcher: a trace that misses one misses what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch.overrides import TorchFunctionMode

_READS = frozenset({
    "item", "tolist", "numpy", "__array__", "__bool__", "__int__", "__float__", "__index__", "__complex__",
    "__contains__", "__repr__", "__format__", "__dlpack__", "data_ptr", "storage", "untyped_storage", "__reduce_ex__",
    "_typed_storage", "to_dlpack", "__deepcopy__", "apply_", "map_", "share_memory_", "__array_wrap__",
})  # fmt: skip


class ReadGuard(TorchFunctionMode):
    """Sees every call of torch's functions and methods before it runs."""

    def __init__(self, refuse: Callable[[str, Any], None]) -> None:
        """Guard what runs within.

        Args:
            refuse: given the name of what reads and the tensor that is read; raises where that may not be.
        """
        super().__init__()
        self._refuse = refuse

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a call; a property is called by its own name."""
        name = getattr(func, "__name__", "")
        if name in {"__get__", "__set__"}:
            name = getattr(getattr(func, "__self__", None), "__name__", name)
        if name in _READS and args:
            self._refuse(name, args[0])
        return func(*args, **(kwargs or {}))


def leaves(value: Any) -> list[Any]:
    """Return the entries of nested lists and tuples, None left out."""
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in leaves(each)]
    return [] if value is None else [value]
