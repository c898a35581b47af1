"""Who may import whom: the model knows nothing of checking, the suite nothing of our model, and torch comes late."""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.mutation import ROOT

FORBIDDEN = {  # folder or file -> top-level packages that nothing in it imports, at import or later
    "adder": {"verify", "tests", "benchmarks", "hypothesis", "pytest"},
    "verify": {"adder", "tests", "benchmarks"},
    "verify/report": {"torch", "hypothesis", "pytest"},
    "benchmarks": {"tests"},
}
LATE = {  # folder -> packages that it imports inside functions only
    "verify": {"torch"},
    "verify/plugin.py": {"torch", "hypothesis", "numpy"},
}
ROOMS = {  # room of the suite -> the rooms that it may import from, beside the modules at the top that all may use
    "addition": set(),
    "subject": {"addition"},
    "anatomy": {"subject", "addition"},
    "hunt": {"anatomy", "subject", "addition"},
    "proof": {"anatomy", "subject", "addition"},
    "judge": {"proof", "hunt", "anatomy", "subject", "addition"},
    "report": set(),
}
FOR_ALL = {"ends", "errors", "files", "interpreters", "made", "text"}  # modules at the top of the suite
EXCEPT = {
    "verify/proof/tracing.py",  # derives from a class of torch's, and is itself imported late
    "verify/anatomy/torch_reads.py",  # the same
    "verify/anatomy/torch_shares.py",  # the same
    "verify/anatomy/torch_steps.py",  # the same
    "verify/anatomy/effective.py",  # derives from a class of torch's, and is itself imported late
    "verify/anatomy/graph/numpy_recorder.py",  # the same
    "verify/anatomy/graph/numpy_twins.py",  # goes with it
    "verify/anatomy/graph/torch_recorder.py",  # the same
    "verify/anatomy/graph/torch_shells.py",  # the same
    "verify/anatomy/graph/torch_twins.py",  # goes with it
    "tests/submissions",  # strangers' files
}


def imports(source, *, late=True):
    """Return the modules that a source imports; without ``late`` only those that importing it imports."""
    found = set()
    pending = [ast.parse(source)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module and not node.level}
        elif not late and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_for_types(node)):
            continue
        pending += ast.iter_child_nodes(node)
    return found


def is_for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def packages(modules):
    return {module.partition(".")[0] for module in modules}


def rooms(modules):
    return {module.split(".")[1] for module in modules if module.startswith("verify.")}


def files(place):
    path = ROOT / place
    found = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    return [file for file in found if not any(file.is_relative_to(ROOT / exempt) for exempt in EXCEPT)]


@pytest.mark.parametrize("place", FORBIDDEN)
def test_nothing_imports_what_it_must_not_know(place):
    strays = {
        str(file.relative_to(ROOT)): sorted(stray)
        for file in files(place)
        if (stray := packages(imports(file.read_text())) & FORBIDDEN[place])
    }

    assert strays == {}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_one_way(room):
    allowed = ROOMS[room] | FOR_ALL | {room}
    strays = {
        str(file.relative_to(ROOT)): sorted(stray)
        for file in sorted((ROOT / "verify" / room).rglob("*.py"))
        if (stray := rooms(imports(file.read_text())) - allowed)
    }

    assert strays == {}


def test_every_folder_of_the_suite_is_a_room():
    folders = {path.parent.name for path in (ROOT / "verify").glob("*/*.py")}

    assert folders == set(ROOMS)


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_no_modules_of_a_room_import_each_other_in_a_circle(room):
    graph = {}
    for file in (ROOT / "verify" / room).glob("**/*.py" if room else "*.py"):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        if file.name != "__init__.py":  # a door lists what stands behind it
            graph[module] = {name for name in imports(file.read_text()) if name != module}

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("place", LATE)
def test_what_is_heavy_is_imported_late(place):
    strays = {
        str(file.relative_to(ROOT)): sorted(stray)
        for file in files(place)
        if (stray := packages(imports(file.read_text(), late=False)) & LATE[place])
    }

    assert strays == {}


def test_the_checker_of_certificates_imports_the_standard_library_alone():
    found = packages(imports((ROOT / "verify/proof/checker.py").read_text()))

    assert found - sys.stdlib_module_names == set()


def test_nobody_imports_by_a_relative_name():
    strays = [
        str(file.relative_to(ROOT))
        for place in ("adder", "verify", "tests", "benchmarks")
        for file in files(place)
        if any(module.startswith(".") for module in imports(file.read_text()))
    ]

    assert strays == []


@pytest.mark.parametrize(("source", "late", "found"), [
    ("import adder.model", True, {"adder"}),
    ("from adder import solve", True, {"adder"}),
    ("def f():\n    from adder.model import GPTAdder", True, {"adder"}),
    ("def f():\n    import torch", False, set()),
    ("if TYPE_CHECKING:\n    import torch", False, set()),
    ("try:\n    import torch\nexcept ImportError:\n    pass", False, {"torch"}),
    ("class C:\n    import torch", False, {"torch"}),
    ("import torchvision", True, {"torchvision"}),
])  # fmt: skip
def test_the_tests_of_packages_can_fail(source, late, found):
    assert packages(imports(source, late=late)) == found


def test_the_tests_of_rooms_can_fail():
    source = "from verify import subject\nfrom verify.hunt.search import search\n"

    assert rooms(imports(source)) == {"subject", "hunt"}
    with pytest.raises(CycleError, match="in a cycle"):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()
