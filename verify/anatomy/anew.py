"""The same adder once more, from nothing: what it remembers of earlier sums is forgotten."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from verify.subject import LoadedAdder
from verify.subject.loading import working_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


def build_anew(loaded: LoadedAdder) -> LoadedAdder | None:
    """Return an adder whose file, and what lies beside it, was executed again; None where that is no file, or fails.

    It has a seed of its own, so that it is asked for other sums.
    """
    module, before = loaded.namespace, dict(sys.modules)
    if not isinstance(module, ModuleType) or module.__spec__ is None or module.__spec__.loader is None:
        return None
    folder = Path(module.__file__ or "").resolve().parent
    try:
        for name in _beside(folder, module.__name__):
            del sys.modules[name]
        again = importlib.util.module_from_spec(module.__spec__)
        sys.modules[module.__name__] = again
        with working_folder(folder):
            module.__spec__.loader.exec_module(again)
            built = LoadedAdder.build("", again, loaded.method)
    except (Exception, SystemExit):  # a stranger's file may do anything
        return None
    finally:
        sys.modules.clear()
        sys.modules.update(before)
    built.memory["seed"] = loaded.memory.get("seed", 0) + 1
    return built


def _beside(folder: Path, module: str) -> Iterator[str]:
    """Yield the names of modules that lie in a folder, but for the packages that hold the module."""
    for name, found in list(sys.modules.items()):
        is_above = module.startswith(f"{name}.")
        file = getattr(found, "__file__", None)
        if file and not is_above and Path(file).resolve().parent == folder:
            yield name
