"""The same adder once more, from nothing: what it remembers of earlier sums is forgotten."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from verify.subject import LoadedAdder
from verify.subject.loading import working_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def build_anew(loaded: LoadedAdder, instead: Mapping[str, CodeType] | None = None) -> LoadedAdder | None:
    """Return an adder whose file, and what lies beside it, was executed again; None where that is no file, or fails.

    It has a seed of its own, so that it is asked for other sums.

    Args:
        loaded: the adder.
        instead: by the names of modules, what is executed in the place of their files.
    """
    module, before = module_of(loaded), dict(sys.modules)
    if module is None:
        return None
    folder, others = Path(module.__file__ or "").resolve().parent, dict(instead or {})
    picked = next((name for name, value in vars(module).items() if value is loaded.namespace), "")
    try:
        for name in _beside(folder, module.__name__):
            del sys.modules[name]
        with working_folder(folder):
            for name in sorted(others, key=lambda name: name == module.__name__):  # what it imports first
                _execute(before[name], others[name])
            if module.__name__ not in others:
                _execute(module, None)
            again = sys.modules[module.__name__]
            namespace = getattr(again, picked) if picked else again
            built = LoadedAdder.build("", namespace, loaded.method, loaded.task.digits)
    except (Exception, SystemExit):  # a stranger's file may do anything
        return None
    finally:
        sys.modules.clear()
        sys.modules.update(before)
    built.memory["seed"] = loaded.memory.get("seed", 0) + 1
    return built


def module_of(loaded: LoadedAdder) -> ModuleType | None:
    """Return the module of an adder's file, also where an object was picked in it; None where there is no file."""
    space = loaded.namespace
    module = space if isinstance(space, ModuleType) else sys.modules.get(type(space).__module__)
    is_file = module is not None and module.__spec__ is not None and module.__spec__.loader is not None
    return module if is_file and module is not None and module.__file__ else None


def modules_of(loaded: LoadedAdder) -> list[ModuleType]:
    """Return the modules of an adder's file, and of what lies beside it."""
    module = module_of(loaded)
    if module is None:
        return []
    names = list(_beside(Path(module.__file__ or "").resolve().parent, module.__name__))
    return [module, *(sys.modules[name] for name in names if name != module.__name__)]


def _execute(module: ModuleType, code: CodeType | None) -> None:
    """Execute a module once more, by its own file or by other code."""
    if module.__spec__ is None or module.__spec__.loader is None:
        raise ImportError(module.__name__)
    again = importlib.util.module_from_spec(module.__spec__)
    sys.modules[module.__name__] = again
    if code is None:
        module.__spec__.loader.exec_module(again)
    else:
        exec(code, vars(again))  # noqa: S102 - the stranger's own file, where it lives


def _beside(folder: Path, module: str) -> Iterator[str]:
    """Yield the names of modules that lie in a folder, but for the packages that hold the module.

    A relative name says nothing of where: torch calls a module of its own ``_ops.py``.
    """
    for name, found in list(sys.modules.items()):
        is_above = module.startswith(f"{name}.")
        file = getattr(found, "__file__", None)
        if file and not is_above and Path(file).is_absolute() and Path(file).resolve().parent == folder:
            yield name
