"""The process in which a stranger's file lives: it answers requests, one line each, and decides nothing.

Run as a script with the numbers of its three file descriptors: requests, answers, and a shared page in which it keeps
the index of the sum that it is at, so that a hang can be told by its operands; then the folders of installed packages.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np

sys.path += [path for path in sys.argv[4].split(os.pathsep) if path not in sys.path]
# the folder above `verify` may not be listed here, so that the import system could not find it
sys.modules["verify"] = ModuleType("verify")
sys.modules["verify"].__path__ = [str(Path(__file__).resolve().parents[2])]

from verify.errors import VerifyError  # noqa: E402
from verify.subject import loading, operations  # noqa: E402 - the package comes first
from verify.subject.answers import shown  # noqa: E402
from verify.subject.sandbox import limits, wire  # noqa: E402
from verify.subject.subject import LoadedAdder  # noqa: E402

_POSITION = struct.Struct("<q")


class Worker:
    """Holds the adder, and answers what the parent asks."""

    def __init__(self, progress: int) -> None:
        self.progress = progress
        self.loaded: LoadedAdder

    def load(
        self, location: dict[str, Any], method: str | None, digits: int | None, rlimits: dict[str, int]
    ) -> Any:  # fmt: skip
        """Execute the file and build its model, within limits; return what it says of itself."""
        limits.apply(**rlimits)
        path, package = (location[key] and Path(location[key]) for key in ("path", "package"))
        if path and not package:
            sys.path.insert(0, str(path.parent))
        place = loading.Location(location["spec"], location["module"], path, package, location["attribute"])
        self.loaded = LoadedAdder.build(place.spec, loading.execute(place), method, digits)
        metadata = self.loaded.metadata
        said = {
            key: shown(metadata[key], str)
            for key in ("name", "author", "params", "digits")
            if metadata.get(key) is not None
        }
        page = mmap.mmap(self.progress, _POSITION.size)
        self.loaded.at = lambda index: _POSITION.pack_into(page, 0, index)
        return {"metadata": said, "abilities": sorted(self.loaded.abilities)}

    def add(self, a: int, b: int) -> Any:
        """Return the answer to one pair of operands."""
        return self.loaded.answer(a, b).to_wire()

    def many(self, how: str, a: np.ndarray, b: np.ndarray) -> Any:
        """Return the sums of many pairs, and what was odd about some of them."""
        return self.loaded.many(how, a, b)

    def ask(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Return what an operation finds."""
        return operations.run(operation, self.loaded, **arguments)


def serve(worker: Worker, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    for line in requests:
        request = wire.loads(line)
        reply = {"id": request["id"], **_reply(worker, request)}
        answers.write(wire.dumps(reply))
        answers.flush()


def _reply(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    try:
        value = getattr(worker, request["do"])(**request["arguments"])
        wire.dumps(value)
    except VerifyError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except MemoryError:
        return {"error": "MemoryError", "message": ""}
    except (Exception, SystemExit) as error:
        return {"error": "Exception", "message": f"{type(error).__name__}: {shown(error, str)}"}
    return {"value": value}


def main() -> None:
    """Serve the parent, and end without what the file would like to do at the end."""
    requests, answers, progress = (int(argument) for argument in sys.argv[1:4])
    worker = Worker(progress)
    with os.fdopen(requests, "rb") as incoming, os.fdopen(answers, "wb") as outgoing:
        serve(worker, incoming, outgoing)
        os._exit(0)


if __name__ == "__main__":
    main()
