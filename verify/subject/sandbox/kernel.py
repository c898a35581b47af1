"""What Linux offers to confine a process for good: Landlock, seccomp, namespaces. Standard library alone.

Sources: Documentation/userspace-api/landlock.rst and seccomp_filter.rst of the kernel, and its uapi headers.
"""

from __future__ import annotations

import ctypes
import errno
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

_CLONE_FILES = 0x00000400
_CLONE_THREAD = 0x00010000
_CLONE_NEWNS = 0x00020000
_CLONE_NEWCGROUP = 0x02000000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_NAMESPACES = _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWNET | _CLONE_NEWPID | _CLONE_NEWIPC | _CLONE_NEWUTS

_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20

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
_MAKE_DEVICES = 1 << 6 | 1 << 11
_BIND_AND_CONNECT_TCP = 3  # from ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 3  # from ABI 6

_MOUNT_SETATTR = 442  # the same number on every architecture
_HERE, _RECURSIVE, _READ_ONLY_NO_SETUID = -100, 0x8000, 3

_CAPABILITIES_VERSION, _CAPABILITIES_SIZE = 0x20080522, 24

_SECCOMP_MODE_FILTER = 2
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000  # with an error's number
_X32_BIT = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_OF_NUMBER, _OFFSET_OF_ARCHITECTURE, _OFFSET_OF_ARGUMENTS = 0, 4, 16

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# What no adder needs, and what would evade a limit or reach past the rung: (x86-64, aarch64), None where there is no
# such call. From asm/unistd_64.h and asm-generic/unistd.h.
FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    # other machines, and daemons of this one: the internet, netlink, vsock, paths, abstract names
    "socket": (41, 198), "socketpair": (53, 199),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "kcmp": (312, 272), "perf_event_open": (298, 241),
    # namespaces and mounts of its own, in which it would be root
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "open_tree": (428, 428), "open_tree_attr": (467, 467), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "chroot": (161, 51),
    # memory that no process has resident, or that stays, or is another's; a page in a pipe keeps its whole huge page
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193), "semtimedop": (220, 192), "semctl": (66, 191),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180),
    "mq_unlink": (241, 181), "vmsplice": (278, 75), "splice": (275, 76), "tee": (276, 77),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # the kernel's widest doors
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "bpf": (321, 280),
    "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "iopl": (172, None), "ioperm": (173, None),
    # watching files, and opening them past their folders
    "inotify_init": (253, None), "inotify_init1": (294, 26), "fanotify_init": (300, 262),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    # settings of the machine, which root may change
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162), "quotactl": (179, 60), "quotactl_fd": (443, 443), "syslog": (103, 116),
    "vhangup": (153, 58),
    # a place before all other processes, which root may take
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "setpriority": (141, 140), "ioprio_set": (251, 30),
}  # fmt: skip

# Changes of files that Landlock does not know of: forbidden where nothing else makes the file systems read-only.
FORBIDDEN_ON_FILES: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "setxattrat": (463, 463), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "removexattrat": (466, 466), "file_setattr": (469, 469),
}  # fmt: skip

# name -> (numbers, which argument, bits of its lower half any of which are forbidden, error): clone3 hides its flags
# in memory, where no filter sees them, and the C library takes clone where there is no clone3; the others would reach
# another process by its number
_FLAGS: dict[str, tuple[tuple[int, int], int, int, int]] = {
    "clone": ((56, 220), 0, _NAMESPACES | _CLONE_NEWCGROUP, errno.EPERM),
    "clone3": ((435, 435), 0, 0, errno.ENOSYS),
    "prlimit64": ((302, 261), 0, 0xFFFFFFFF, errno.EPERM),
    "sched_setaffinity": ((203, 122), 0, 0xFFFFFFFF, errno.EPERM),
}
# name -> (numbers, which argument, bits, other bits, whether the former are forbidden with the latter, or without):
# memory that is shared and no file's, all of which stays for as long as a page of it is mapped; a thread with handles
# of its own, where nobody looks for what is open
_PAIRS: dict[str, tuple[tuple[int, int], int, int, int, bool]] = {
    "mmap": ((9, 222), 3, _MAP_SHARED, _MAP_ANONYMOUS, True),
    "clone": ((56, 220), 0, _CLONE_THREAD, _CLONE_FILES, False),
}
# name -> (numbers, which argument, values that are forbidden): larger pipes, leases and notices that tell of what
# others do with files, hiding from whoever counts what is open, flags of files, keys pressed on a terminal
_VALUES: dict[str, tuple[tuple[int, int], int, tuple[int, ...]]] = {
    "fcntl": ((72, 25), 1, (1024, 1026, 1031)),
    "prctl": ((157, 167), 0, (4,)),
    "ioctl": ((16, 29), 1, (0x40086602, 0x40046602, 0x401C5820, 0x5412)),
}

_INSTRUCTION = struct.Struct("=HBBI")
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
    """Return whether `forbid_calls` knows this machine's system calls."""
    return platform.machine() in _ARCHITECTURES


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Take away all access to files but to what lies below the given paths; paths that do not exist are passed over.

    No device can be made there either: one that root makes may be the disk. From ABI 4 on it also
    takes away TCP, from ABI 6 on signals to and abstract sockets of other processes.

    Raises:
        OSError: the kernel refuses.
    """
    abi = landlock_abi()
    handled = sum(rights for since, rights in _RIGHTS_BY_ABI.items() if since <= abi)
    fields = [handled] + [_BIND_AND_CONNECT_TCP] * (abi >= 4) + [_ABSTRACT_SOCKETS_AND_SIGNALS] * (abi >= 6)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _check(_libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0), "landlock")
    for paths, rights in ((readable, _EXECUTE | _READ_FILE | _READ_DIR), (writable, handled & ~_MAKE_DEVICES)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _check(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def calls_filter(*, files: bool) -> bytes:
    """Return the program of a filter that refuses `FORBIDDEN`, in the form of struct sock_filter.

    Args:
        files: whether `FORBIDDEN_ON_FILES` is refused too.
    """
    column = list(_ARCHITECTURES).index(platform.machine())
    refused = {**FORBIDDEN, **(FORBIDDEN_ON_FILES if files else {})}
    number = _instruction(_LOAD, _OFFSET_OF_NUMBER)
    refuse = _instruction(_RETURN, _ERROR | errno.EPERM)
    program = [
        _instruction(_LOAD, _OFFSET_OF_ARCHITECTURE),
        _instruction(_EQUAL, _ARCHITECTURES[platform.machine()], 1),
        _instruction(_RETURN, _KILL),
        number,
    ]
    if platform.machine() == "x86_64":  # a second set of numbers for the same calls
        program += [_instruction(_AT_LEAST, _X32_BIT, 0, 1), refuse]
    for call in (numbers[column] for numbers in refused.values()):
        program += [] if call is None else [_instruction(_EQUAL, call, 0, 1), refuse]
    for numbers, which, bits, error in _FLAGS.values():
        test = [_argument(which), _instruction(_ANY_OF, bits, 0, 1)] if bits else []
        program += _only_for(numbers[column], [*test, _instruction(_RETURN, _ERROR | error), number])
    for numbers, which, bits, others, together in _PAIRS.values():
        other = _instruction(_ANY_OF, others, 0, 1) if together else _instruction(_ANY_OF, others, 1)
        program += _only_for(
            numbers[column], [_argument(which), _instruction(_ANY_OF, bits, 0, 2), other, refuse, number]
        )
    for numbers, which, values in _VALUES.values():
        tests = [test for value in values for test in (_instruction(_EQUAL, value, 0, 1), refuse)]
        program += _only_for(numbers[column], [_argument(which), *tests, number])
    return b"".join([*program, _instruction(_RETURN, _ALLOW)])


def forbid_calls(*, files: bool) -> None:
    """Make what `calls_filter` names fail with EPERM, for this process and what it starts, for good.

    Raises:
        OSError: the kernel refuses.
    """
    program = calls_filter(files=files)
    code = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(program) // _INSTRUCTION.size, ctypes.addressof(code))
    )
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def drop_capabilities() -> None:
    """Give up what root may do beyond an ordinary user; with no new privileges, executing a program brings none back.

    Raises:
        OSError: the kernel refuses.
    """
    header = struct.pack("=Ii", _CAPABILITIES_VERSION, 0)  # of this process; capset(2)
    _check(_libc.capset(header, bytes(_CAPABILITIES_SIZE)), "capset")


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


def make_read_only() -> None:
    """Make every file system that this process sees read-only, in a mount namespace of its own.

    Raises:
        OSError: the kernel refuses, or is older than 5.12.
    """
    attributes = struct.pack("=4Q", _READ_ONLY_NO_SETUID, 0, 0, 0)
    _check(_libc.syscall(_MOUNT_SETATTR, _HERE, b"/", _RECURSIVE, attributes, len(attributes)), "mount_setattr")


def mount_scratch(folder: str, size: int, files: int) -> None:
    """Put an empty file system in memory, of a size in bytes and for so many files, empty ones too, over a folder."""
    options = f"size={size},nr_inodes={files},mode=0700".encode()
    _mount(b"tmpfs", folder.encode(), b"tmpfs", _MS_NOSUID_NODEV, options)


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


def _instruction(code: int, value: int, jump_if_true: int = 0, jump_if_false: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, jump_if_true, jump_if_false, value)


def _argument(which: int) -> bytes:
    return _instruction(_LOAD, _OFFSET_OF_ARGUMENTS + 8 * which)  # its lower half: both architectures are little-endian


def _only_for(call: int, program: list[bytes]) -> list[bytes]:
    return [_instruction(_EQUAL, call, 0, len(program)), *program]


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
