"""What is built is what is needed: the wheel works in an environment of its own, asked from an empty folder."""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.mutation import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built of the source distribution as for a release."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The programs of an environment that holds the wheel and what its metadata asks for, and nothing more.

    What it asks for is not fetched again: it is linked from the environment of the tests.
    """
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, wheel], check=True, capture_output=True)
    (own,) = packages.glob("tiny_adder-*.dist-info")
    for name in needed(metadata.Distribution.at(own)):
        link(metadata.distribution(name), packages)
    return folder / "bin"


def needed(distribution, found=()):
    """Return the names of all distributions that one needs, at this machine and without extras."""
    found = dict.fromkeys(found)
    for requirement in map(Requirement, distribution.requires or []):
        if requirement.name not in found and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            found[requirement.name] = None
            found |= needed(metadata.distribution(requirement.name), found)
    return found


def link(distribution, packages):
    """Link what a distribution has installed into another environment."""
    for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
        if not (packages / top).exists():
            (packages / top).symlink_to(Path(str(distribution.locate_file(top))).resolve())


def said_by(command, folder):
    run = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
    )
    return run.returncode, run.stdout + run.stderr


def test_the_wheel_holds_both_packages_with_their_types_templates_and_licence_and_no_tests(wheel):
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"adder", "verify", "tiny_adder"}
    for ending in ("adder/py.typed", "verify/py.typed", "templates/page.css", "verify/test_carry.py", "LICENSE"):
        assert any(name.endswith(ending) for name in names), ending


def test_it_adds(installed, tmp_path):
    assert said_by([installed / "adder", "123", "456"], tmp_path) == (0, "00000000579\n")


def test_it_judges_from_an_empty_folder_and_writes_a_page(installed, tmp_path):
    command = [installed / "adder-verify", "run", "--profile=quick", "--budget=900", "--html=page.html"]
    status, said = said_by(command, tmp_path)
    assert (status, said.startswith("sums          PROVED")) == (0, True), said
    assert "PROVED" in (tmp_path / "page.html").read_text()


def test_its_claims_run_in_pytest(installed, tmp_path):
    command = [installed / "python", "-m", "pytest", "--pyargs", "verify", "-k", "carry", "--cases=500"]
    status, said = said_by([*command, "-p", "no:cacheprovider"], tmp_path)
    assert status == 0, said
    assert " passed" in said
