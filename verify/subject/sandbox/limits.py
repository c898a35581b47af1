"""How much of the machine a stranger's file may take, and how long."""

from __future__ import annotations

import resource
from dataclasses import dataclass

GIBIBYTE = 1 << 30
MEBIBYTE = 1 << 20
MOST_FILES = 10_000  # in the scratch folder, and in other file systems in memory


@dataclass(frozen=True)
class Limits:
    """What a worker may take.

    Attributes:
        memory_bytes: memory of the worker and its children together, counted ten times a second, and kept by the kernel
            where a control group is to be had.
        processes: how many processes there may be at once, counted likewise.
        threads: how many threads they may have together, counted likewise.
        file_bytes: the largest file that may be written, and the size of the scratch folder where that is a tmpfs.
        cpu_seconds: processor time of each process, summed over its threads.
        start_seconds: wall time to import the file and build its model.
        call_seconds: wall time of one ``add``.
        ask_seconds: wall time of one operation, such as the audit.
    """

    memory_bytes: int = 4 * GIBIBYTE
    processes: int = 64
    threads: int = 1024
    file_bytes: int = 64 * MEBIBYTE
    cpu_seconds: int = 4 * 3600
    start_seconds: float = 120.0
    call_seconds: float = 60.0
    ask_seconds: float = 600.0


def apply(memory_bytes: int, file_bytes: int, cpu_seconds: int, tasks: int) -> None:
    """Set the resource limits of this process, for itself and whatever it starts, for good.

    Args:
        memory_bytes: of address space: more than the resident memory that the parent watches.
        file_bytes: of the largest file.
        cpu_seconds: of processor time.
        tasks: threads and processes of this user; the kernel holds root to no such limit.
    """
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NPROC, tasks),
        (resource.RLIMIT_NOFILE, 4096),  # mlx_lm asks for as many when it is imported
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (lowest, lowest))
