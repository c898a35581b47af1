"""No process of ours runs what lies in the folder that its user stands in, and all of them start by one door."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from tests.mutation import ROOT
from tests.subject.rungs import await_that, processes_of
from verify import interpreters

DOOR = "verify/interpreters.py"
BEHIND_IT = {
    "verify/subject/sandbox/warden.py",  # started by the door, it becomes what it confines
}
STARTS = {  # module -> what of it starts a process; "*" is all of it
    "subprocess": {"Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "*"},
    "_posixsubprocess": {"*"},
    "pty": {"*"},
    "multiprocessing": {"Process", "Pool", "Manager", "get_context", "set_start_method", "pool", "spawn", "managers"},
    "concurrent.futures": {"ProcessPoolExecutor", "process"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "distributed": {"LocalCluster", "Nanny", "SubprocessCluster", "Worker"},
    "pytest_xdist": {"*"},
    "runpy": {"*"},
    "os": {"system", "popen", "fork", "forkpty", "startfile", "posix_spawn", "posix_spawnp"}
    | {f"{verb}{ending}" for verb in ("exec", "spawn") for ending in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")},
}
SOURCES = [file for place in ("verify", "adder", "benchmarks") for file in sorted((ROOT / place).rglob("*.py"))]


def starts(source):
    """Return what a source names that starts processes."""
    found, names = set(), {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = alias.name if alias.asname else None
                found |= {alias.name} & {module for module, what in STARTS.items() if what == {"*"}}
                module, _, last = alias.name.rpartition(".")
                found |= {alias.name} if last in STARTS.get(module, ()) else set()
        elif isinstance(node, ast.ImportFrom):
            starting = STARTS.get(node.module, set())
            picked = {alias.name for alias in node.names}
            found |= {f"{node.module}.{name}" for name in picked if starting == {"*"} or name in starting}
        elif isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            module, _, last = dotted.rpartition(".")
            module = names.get(module) or module
            found |= {f"{module}.{last}"} if last in STARTS.get(module, ()) else set()
    return found


def test_processes_are_started_by_the_one_door():
    strays = {
        str(file.relative_to(ROOT)): sorted(found)
        for file in SOURCES
        if (found := starts(file.read_text())) and str(file.relative_to(ROOT)) not in {DOOR, *BEHIND_IT}
    }
    assert strays == {}


@pytest.mark.parametrize("source", [
    "import subprocess\nsubprocess.run([])",
    "from subprocess import run",
    "from subprocess import *",
    "import subprocess as s\ns.Popen([])",
    "import pty",
    "def f():\n    import os\n    os.execve('x', [], {})",
    "import os as o\no.system('x')",
    "from os import posix_spawn",
    "import multiprocessing\nmultiprocessing.get_context('spawn')",
    "import multiprocessing.pool",
    "from concurrent.futures import ProcessPoolExecutor",
    "import concurrent.futures\nconcurrent.futures.ProcessPoolExecutor(2)",
    "import concurrent.futures as c\nc.ProcessPoolExecutor(2)",
    "from distributed import LocalCluster",
])  # fmt: skip
def test_the_test_of_the_door_can_fail(source):
    assert starts(source)


@pytest.mark.parametrize("source", ["import os\nos.getpid()", "from concurrent.futures import Executor"])
def test_what_starts_no_process_passes(source):
    assert not starts(source)


SHADOWS = ["pytest", "multiprocessing", "runpy", "json", "pickle", "signal", "site", "sitecustomize", "usercustomize"]
SHADOWS += ["conftest", "evil", "numpy", "hypothesis", "encodings", "threading"]


@pytest.fixture
def theirs(tmp_path):
    """Return a folder that holds an adder, and modules and settings that plant a file where they are heeded."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    plant = "import os\nopen(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'planted.txt'), 'a').write(%r)\n"
    for name in SHADOWS:
        (folder / f"{name}.py").write_text(plant % f"{name} ")
    (folder / "verify").mkdir()
    (folder / "verify" / "__init__.py").write_text(plant % "verify ")
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = -p evil\n")
    (folder / "mine").mkdir()
    (folder / "mine" / "adder.py").write_text(
        "def build_model():\n    return None, {}\n\n\ndef add(model, a, b):\n    return a + b\n"
    )
    return folder


def as_installed(tmp_path, *arguments, folder, **more):
    """Run the command as its installed script does: the script's folder is first on the path of imports."""
    script = tmp_path / "bin" / "adder-verify"
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        "import sys\nfrom verify.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), **more}
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("arguments", [
    ["hunt", "mine/adder.py", "--jobs", "2", "--shards", "2", "--sandbox", "limits"],
    ["hunt", "mine/adder.py", "--jobs", "2", "--shards", "2", "--sandbox", "off"],
    ["hunt", "mine/adder.py", "--shards", "2", "--sandbox", "limits"],
], ids=["pool", "pool without sandbox", "worker"])  # fmt: skip
def test_nothing_in_the_working_folder_is_executed(tmp_path, theirs, arguments):
    done = as_installed(tmp_path, *arguments, folder=theirs)
    assert done.returncode == 0, done.stderr
    assert not (theirs / "planted.txt").exists(), (theirs / "planted.txt").read_text()


def test_a_module_of_ours_runs_isolated_from_where_its_user_stands(theirs, monkeypatch):
    monkeypatch.chdir(theirs)
    monkeypatch.setenv("PYTHONPATH", str(theirs))
    done = interpreters.run(interpreters.python_module("verify", "--help"))
    assert (done.returncode, done.stdout[:20]) == (0, "usage: adder-verify ")
    assert not (theirs / "planted.txt").exists()


def test_the_environment_is_ours(monkeypatch):
    for name in ("ADDER_SUBMISSION", "PYTHONPATH", "PYTHONSTARTUP", "PYTEST_ADDOPTS", "LD_PRELOAD", "MY_TOKEN"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    seen = interpreters.run(interpreters.python("-c", code)).stdout
    assert "theirs" not in seen
    assert '"OMP_NUM_THREADS": "3"' in seen


def test_a_pool_leaves_the_environment_of_this_process_as_it_was(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "mine")
    before = dict(os.environ)
    with interpreters.Pool(1, os.getpid) as pool:
        assert pool.submit(os.getenv, "MY_TOKEN").result(timeout=600) is None
    assert dict(os.environ) == before


@pytest.mark.parametrize("block", ["ends.interruptible()", "ends.orderly()"])
def test_a_command_that_is_cut_short_takes_its_children_with_it(tmp_path, block):
    code = (
        "from verify import ends, interpreters\nends._ONE_WISH = 0.0\n"
        f"with ends.orderly(), {block}:\n"
        "    interpreters.run(['sh', '-c', 'sleep 100000 & kill -TERM $PPID; kill -HUP $PPID; wait'])\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL, timeout=60)
    assert done.returncode != 0
    await_that(lambda: not processes_of(tmp_path))
