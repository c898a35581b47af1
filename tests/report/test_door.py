"""The room has one door: five modules that others use, light to import until a page is wanted."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.mutation import ROOT

DOOR = {"card", "evidence", "page", "render", "terminal"}
USES = re.compile(r"from verify\.report import ([\w, ]+)|from verify\.report\.(\w+) import")


def test_the_rest_of_the_suite_uses_the_door_alone():
    used = {
        name.strip()
        for file in (ROOT / "verify").rglob("*.py")
        if not file.is_relative_to(ROOT / "verify/report")
        for found in USES.findall(file.read_text())
        for name in "".join(found).split(",")
    }
    assert used <= DOOR


def test_the_door_names_its_modules_and_needs_nothing_heavy():
    program = (
        "import sys, verify.report; print(verify.report.__all__); "
        "print(sorted({'matplotlib', 'jinja2', 'torch', 'numpy', 'hypothesis'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    names, heavy = run.stdout.splitlines()
    assert set(re.findall(r"\w+", names)) == DOOR - {"page", "render"}
    assert heavy == "[]"


def test_every_module_of_the_room_has_a_place_in_its_readme():
    readme = (ROOT / "verify/report/README.md").read_text()
    modules = {file.stem for file in (ROOT / "verify/report").glob("*.py")} - {"__init__"}
    assert {name for name in modules if name not in readme} == set()
