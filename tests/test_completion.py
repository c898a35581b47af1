"""A shell completes both commands, by what shtab makes of their parsers, as the documentation says."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import shtab

from adder.__main__ import parser as adder
from verify.__main__ import parser as adder_verify

PARSERS = {"adder": adder, "adder-verify": adder_verify}
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def completed(command, *words):
    """Return what bash offers for the last of the words that were typed."""
    script = shtab.complete(PARSERS[command](), "bash")
    typed = " ".join(f'"{word}"' for word in (command, *words))
    ask = f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words)}; COMPREPLY=()\n"
    ask += f'"$(complete -p {command} | grep -oE "_shtab[a-z_]*")"; echo "${{COMPREPLY[@]}}"'
    run = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    return run.stdout.split()


@pytest.mark.parametrize(("words", "offered"), [
    (("adder-verify", "ru"), "run"), (("adder-verify", "run", "--htm"), "--html"),
    (("adder-verify", "explain", "--subm"), "--submission"), (("adder", "dem"), "demo"),
    (("adder", "solve", "--ou"), "--out"),
])  # fmt: skip
def test_a_shell_completes_commands_and_options(words, offered):
    assert completed(*words) == [offered]
