"""Who may import whom: the model knows nothing of checking, the suite nothing of our model, and torch comes late."""

from __future__ import annotations

import ast
import sys

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
EXCEPT = {
    "verify/proof/tracing.py",  # derives from a class of torch's, and is itself imported late
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
        elif not late and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_for_types(node)):
            continue
        pending += ast.iter_child_nodes(node)
    return found


def is_for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def packages(modules):
    return {module.partition(".")[0] for module in modules}


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
def test_these_tests_can_fail(source, late, found):
    assert packages(imports(source, late=late)) == found
