"""From what the user typed to a namespace that was executed.

`locate` runs in the parent and executes nothing: it says which file is meant, which folder it lives in and what it may
read. `execute` runs where the model lives.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import importlib.util
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.errors import SubjectBuildError, SubjectImportError, SubjectNotFoundError, VerifyError
from verify.files import check_regular, read_bytes
from verify.subject.answers import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

WEIGHTS_SUFFIXES = (".pt", ".pth")
LARGEST_SOURCE = 16 << 20  # bytes
LARGEST_WEIGHTS = 256 << 20
OWN_CONTRACT = Path(__file__).resolve().parents[2] / "adder" / "submission.py"
WEIGHTS_CONTRACT = "adder.submission"  # has with_weights(path), which returns the contract for weights in a file
GRAPH_SUFFIX = ".json"
GRAPH_CONTRACT = "verify.anatomy.graph.decoder"  # has with_graph(path), the same for a graph
LARGEST_GRAPH = 32 << 20


@dataclass(frozen=True)
class Location:
    """Where an adder is found.

    Attributes:
        spec: what the user typed.
        module: the name under which it is imported.
        path: its file, or None for a module that only the import system can find.
        package: the folder of the outermost package that the file belongs to, or None.
        attribute: the object to pick in the module, or "".
        weights: a file of weights for our own model, or None.
        graph: a file that holds a graph, see docs/columns.md, or None.
    """

    spec: str
    module: str
    path: Path | None = None
    package: Path | None = None
    attribute: str = ""
    weights: Path | None = None
    graph: Path | None = None

    @property
    def is_data(self) -> bool:
        """Whether it holds no code: what runs is a program of this suite."""
        return self.graph is not None

    @property
    def is_own(self) -> bool:
        """Whether it is our own model, with whatever weights, in the file that stands beside this suite."""
        is_named = self.spec == WEIGHTS_CONTRACT or self.weights is not None
        return is_named and not self.attribute and self.path == OWN_CONTRACT

    @property
    def folder(self) -> Path | None:
        """The folder in which the file lies."""
        return None if self.path is None else self.path.parent

    @property
    def readable(self) -> tuple[Path, ...]:
        """What the file may read: its folder, or itself alone where the folder is shared with others."""
        if self.path is None:
            return ()
        top = self.package or self.path.parent
        return (self.path,) if _is_shared(top) else (top,)

    @property
    def sha256(self) -> str:
        """The digest of the file that was handed in, hex, or "" where there is none."""
        sources = ((self.graph, LARGEST_GRAPH), (self.weights, LARGEST_WEIGHTS), (self.path, LARGEST_SOURCE))
        found = next(((file, most) for file, most in sources if file is not None), None)
        return "" if found is None else hashlib.sha256(_read(*found)).hexdigest()


def locate(spec: str) -> Location:
    """Return where the adder lies that a spec names, without executing any of it.

    Raises:
        SubjectNotFoundError: nothing answers to the spec.
    """
    if not spec:
        raise SubjectNotFoundError("an empty name names no subject; give a path such as my_adder.py")
    if not spec.isprintable():
        raise SubjectNotFoundError(f"the name {spec!a} holds what cannot be shown; rename the file")
    place, colon, attribute = spec.rpartition(":")
    if not (colon and attribute.isidentifier()):
        place, attribute = spec, ""
    if place == WEIGHTS_CONTRACT and OWN_CONTRACT.is_file():  # whatever lies in the working folder by that name
        return _locate_file(spec, OWN_CONTRACT, attribute)
    path = Path(place)
    if path.suffix in WEIGHTS_SUFFIXES:
        return _locate_weights(spec, path)
    if path.suffix == GRAPH_SUFFIX:
        return _locate_graph(spec, path)
    if not (place.endswith(".py") or os.sep in place or path.is_dir()):
        return _locate_module(spec, place, attribute)
    if not path.exists():
        raise SubjectNotFoundError(f"{place!r} is no file or folder; give a path such as my_adder.py")
    file = _file_of_folder(path.resolve()) if path.is_dir() else path.resolve()
    return _locate_file(spec, file, attribute)


def execute(location: Location) -> Any:
    """Return the namespace of an adder, executed: its module, or the object picked in it.

    Raises:
        SubjectImportError: a syntax error, a missing module, an exception at import.
        SubjectNotFoundError: the module has no such attribute.
        SubjectBuildError: a file of weights holds something else.
        GraphError: a file of a graph does.
    """
    module = _execute_module(location)
    if location.graph is not None:
        return module.with_graph(location.graph)
    if location.weights is not None:
        return _with_weights(module, location.weights)
    if not location.attribute:
        return module
    if not hasattr(module, location.attribute):
        raise SubjectNotFoundError(
            f"{location.module} has no {location.attribute!r}; what follows ':' names an object in the file"
        )
    picked = getattr(module, location.attribute)
    return picked() if isinstance(picked, type) else picked


@contextlib.contextmanager
def working_folder(folder: Path | None) -> Iterator[None]:
    """Make a folder the working directory while a file is executed and builds its model."""
    with contextlib.chdir(folder) if folder is not None else contextlib.nullcontext():
        yield


def _execute_module(location: Location) -> ModuleType:
    try:
        if location.path is None:
            return importlib.import_module(location.module)
        if location.package is None:
            return _execute_file(location.module, location.path)
        if location.package.name not in sys.modules:
            _execute_file(location.package.name, location.package / "__init__.py", [str(location.package)])
        return importlib.import_module(location.module)
    except ModuleNotFoundError as error:
        raise _missing_module(location, error) from error
    except SyntaxError as error:
        raise SubjectImportError(f"{location.spec} line {error.lineno}: {error.msg}; correct the file") from error
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        raise SubjectImportError(
            f"{location.spec} cannot be imported: {type(error).__name__}: {shown(error, str)}; "
            "a file must import without help, with what lies beside it"
        ) from error


def _execute_file(name: str, path: Path, submodules: list[str] | None = None) -> ModuleType:
    """Execute a file as a module; a package by its own folder, since the one above may not be listed."""
    if submodules is None:
        _see_beside(path.parent)
    specification = importlib.util.spec_from_file_location(name, path, submodule_search_locations=submodules)
    if specification is None or specification.loader is None:
        raise SubjectImportError(f"{path} is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # before it is executed: dataclasses and inspect look it up there
    specification.loader.exec_module(module)
    return module


_folders: list[str] = []  # of files that were executed, which are searched last; the latest of them first


def _see_beside(folder: Path) -> None:
    """Have what lies in a folder imported from there, whatever other files executed here have by the same names."""
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "/")
        if str(file.parent) in _folders and file.parent != folder and (folder / file.name).is_file():
            del sys.modules[name]
    if str(folder) in sys.path and str(folder) not in _folders:  # the user's own
        return
    others = [place for place in _folders if place != str(folder)]
    _folders[:] = [str(folder), *others]
    sys.path[:] = [place for place in sys.path if place not in _folders] + _folders


def _missing_module(location: Location, error: ModuleNotFoundError) -> VerifyError:
    missing = error.name or str(error)
    if location.path is None and location.module.startswith(missing):
        return SubjectNotFoundError(
            f"{location.spec!r} is neither a file nor an importable module; give a path such as my_adder.py"
        )
    return SubjectImportError(
        f"{location.spec} needs the module {missing!r}; install it, or put it beside the file, then run again"
    )


def _locate_weights(spec: str, weights: Path) -> Location:
    if not weights.exists():
        raise SubjectNotFoundError(f"{spec!r} is no file; `adder solve --out {spec}` saves weights")
    _check(weights, LARGEST_WEIGHTS)
    return dataclasses.replace(locate(WEIGHTS_CONTRACT), spec=spec, weights=weights.resolve())


def _locate_graph(spec: str, graph: Path) -> Location:
    if not graph.exists():
        raise SubjectNotFoundError(f"{spec!r} is no file; `adder-verify extract my_adder.py --out {spec}` writes one")
    _check(graph, LARGEST_GRAPH)
    return Location(spec, GRAPH_CONTRACT, graph=graph.resolve())


def _with_weights(module: Any, weights: Path) -> Any:
    """Return the contract of our own model with other weights, which are read as data and executed by nothing."""
    try:
        return module.with_weights(weights)
    except ValueError as error:
        raise SubjectBuildError(str(error)) from error


def _locate_file(spec: str, file: Path, attribute: str) -> Location:
    if file.suffix != ".py":
        raise SubjectNotFoundError(f"{spec!r} is no Python file; its name must end in .py")
    _check(file, LARGEST_SOURCE)
    package = _package_top(file)
    if package is None:
        return Location(spec, _module_name(file), file, None, attribute)
    parts = file.relative_to(package.parent).with_suffix("").parts
    return Location(spec, ".".join(part for part in parts if part != "__init__"), file, package, attribute)


def _locate_module(spec: str, module: str, attribute: str) -> Location:
    """Find a module by its top package alone: looking deeper would execute the package in this process."""
    top, *rest = module.split(".")
    try:
        found = importlib.util.find_spec(top) if all(part.isidentifier() for part in (top, *rest)) else None
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise SubjectNotFoundError(
            f"{spec!r} is neither a file nor an importable module; give a path such as my_adder.py"
        )
    base = Path(next(iter(found.submodule_search_locations or [found.origin or ""])), *rest).resolve()
    candidates = (base, base.with_suffix(".py"), base / "__init__.py")
    for candidate in candidates:
        if candidate.suffix == ".py" and candidate.is_file():
            return _locate_file(spec, candidate, attribute)
    return Location(spec, module, attribute=attribute)


def _check(file: Path, most: int) -> None:
    try:
        check_regular(file, most)
    except OSError as error:
        raise SubjectNotFoundError(f"{str(file)!r} is no adder's file: {error.strerror}") from error


def _read(file: Path, most: int) -> bytes:
    try:
        return read_bytes(file, most)
    except OSError as error:
        raise SubjectNotFoundError(f"{str(file)!r} is no adder's file: {error.strerror}") from error


def _file_of_folder(folder: Path) -> Path:
    """Return the file that is meant by a folder: a package's, ``submission.py``, or the only one with the contract."""
    for name in ("__init__.py", "submission.py", f"{folder.name}.py"):
        if (folder / name).is_file():
            return folder / name
    sources = [file for file in sorted(folder.glob("*.py")) if file.is_file() and file.stat().st_size <= LARGEST_SOURCE]
    adders = [file for file in sources if b"def build_model" in _read(file, LARGEST_SOURCE)]
    if len(adders) == 1:
        return adders[0]
    found = ", ".join(file.name for file in adders) or "none"
    raise SubjectNotFoundError(f"{str(folder)!r} holds no one file with build_model() ({found}); name the file itself")


def _package_top(file: Path) -> Path | None:
    """Return the outermost package folder that a file belongs to, or None."""
    top = None
    for folder in file.parents:
        if not (folder / "__init__.py").is_file():
            break
        top = folder
    return top


def _module_name(file: Path) -> str:
    taken = file.stem in sys.stdlib_module_names or (
        file.stem in sys.modules and getattr(sys.modules[file.stem], "__file__", None) != str(file)
    )
    return f"submitted_{file.stem}" if taken else file.stem


def _is_shared(folder: Path) -> bool:
    """Return whether a folder is not one file's own: the user's home, a temporary folder, or one above them."""
    temporary = (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - these are not used
    shared = [Path(place).resolve() for place in (Path.home(), *temporary)]
    return any(folder == place or folder in place.parents for place in shared)
