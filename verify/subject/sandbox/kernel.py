"""What Linux offers to confine a process for good: Landlock, seccomp, namespaces. Standard library alone.

Sources: Documentation/userspace-api/landlock.rst and seccomp_filter.rst of the kernel, and its uapi headers.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_NAMESPACES = _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWNET | _CLONE_NEWPID | _CLONE_NEWIPC | _CLONE_NEWUTS

_MS_NOSUID_NODEV = 2 | 4
_MS_PRIVATE_RECURSIVE = (1 << 18) | (1 << 14)

# the Landlock calls have the same numbers on every architecture
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446
_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # refer, truncate, device ioctl came later
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14) | (1 << 15)
_BIND_AND_CONNECT_TCP = 3  # from ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 3  # from ABI 6

_SECCOMP_MODE_FILTER = 2
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # deny: EPERM
_X32_BIT = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_OFFSET_OF_NUMBER, _OFFSET_OF_ARCHITECTURE = 0, 4

# socket, ptrace, process_vm_readv, process_vm_writev, bpf, perf_event_open, userfaultfd, add_key, request_key, keyctl,
# io_uring_setup
_FORBIDDEN = {
    "x86_64": (0xC000003E, (41, 101, 310, 311, 321, 298, 323, 248, 249, 250, 425)),
    "aarch64": (0xC00000B7, (198, 117, 270, 271, 280, 241, 282, 217, 218, 219, 425)),
}

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *values: int) -> None:
    """Change a property of this process.

    Raises:
        OSError: the kernel refuses.
    """
    arguments = (*values, 0, 0, 0, 0)[:4]
    _check(_libc.prctl(option, *(ctypes.c_ulong(value) for value in arguments)), "prctl")


def landlock_abi() -> int:
    """Return the version of Landlock that this kernel has; 0 where it has none."""
    version: int = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _VERSION)
    return max(version, 0)


def has_seccomp() -> bool:
    """Return whether `forbid_sockets` knows this machine's system calls."""
    return platform.machine() in _FORBIDDEN


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Take away all access to files but to what lies below the given paths; paths that do not exist are passed over.

    From ABI 4 on it also takes away TCP, from ABI 6 on signals to and abstract sockets of other processes.

    Raises:
        OSError: the kernel refuses.
    """
    abi = landlock_abi()
    handled = sum(rights for since, rights in _RIGHTS_BY_ABI.items() if since <= abi)
    fields = [handled] + [_BIND_AND_CONNECT_TCP] * (abi >= 4) + [_ABSTRACT_SOCKETS_AND_SIGNALS] * (abi >= 6)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _check(_libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0), "landlock")
    for paths, rights in ((readable, _EXECUTE | _READ_FILE | _READ_DIR), (writable, handled)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _check(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def forbid_sockets() -> None:
    """Make new sockets, tracing of other processes and the like fail with EPERM, for good.

    Raises:
        OSError: the kernel refuses.
    """
    architecture, numbers = _FORBIDDEN[platform.machine()]
    tests = [_instruction(_EQUAL, number, len(numbers) - index) for index, number in enumerate(numbers)]
    program = [
        _instruction(_LOAD, _OFFSET_OF_ARCHITECTURE),
        _instruction(_EQUAL, architecture, 1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _OFFSET_OF_NUMBER),
        _instruction(_AT_LEAST, _X32_BIT, len(numbers) + 1),
        *tests,
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _DENY),
    ]
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def enter_namespaces() -> bool:
    """Leave the network, the processes, the mounts and the capabilities of this machine; return whether it is allowed.

    The process itself stays in its process namespace: its next child is the first process of the new one.
    """
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(_NAMESPACES) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        _mount(b"none", b"/", None, _MS_PRIVATE_RECURSIVE, None)
    except OSError:
        return False
    return True


def mount_scratch(folder: str, size: int) -> None:
    """Put an empty file system in memory, of a given size in bytes, over a folder."""
    _mount(b"tmpfs", folder.encode(), b"tmpfs", _MS_NOSUID_NODEV, f"size={size},mode=0700".encode())


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int, data: bytes | None) -> None:
    _check(_libc.mount(source, target, kind, ctypes.c_ulong(flags), data), "mount")


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = struct.pack("=Qi", rights if Path(path).is_dir() else rights & _OF_FILES, handle)
        _check(_libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0), f"landlock_add_rule {path}")
    finally:
        os.close(handle)


def _instruction(code: int, value: int, jump_if_true: int = 0) -> bytes:
    return struct.pack("=HBBI", code, jump_if_true, 0, value)


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
