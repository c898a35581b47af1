"""Makes system calls that no adder needs: its target names them, a line each.

Each is made in a way that does no harm where it gets through.
"""

import ctypes
import errno
import mmap
import os
import platform

from attempt import call, outcome, target

NEW_USER = 0x10000000
NUMBERS = {  # x86-64, aarch64
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "unshare": (272, 97),
    "clone": (56, 220),
    "clone3": (435, 435),
    "setns": (308, 268),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "mount": (165, 40),
    "fcntl": (72, 25),
    "semget": (64, 190),
    "semctl": (66, 191),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgctl": (71, 187),
    "mq_unlink": (241, 181),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "sched_setscheduler": (144, 119),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "quotactl_fd": (443, 443),
    "open_tree_attr": (467, 467),
    "socketpair": (53, 199),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setparam": (142, 118),
}


def number(name):
    return NUMBERS[name][platform.machine() == "aarch64"]


def fork_into_namespace():
    if call(number("clone"), NEW_USER | 17, 0, 0, 0, 0) == 0:
        os._exit(0)
    os.wait()


def fork_by_hidden_flags():
    arguments = (ctypes.c_uint64 * 11)(NEW_USER, 0, 0, 0, 17)
    if call(number("clone3"), ctypes.byref(arguments), ctypes.sizeof(arguments)) == 0:
        os._exit(0)
    os.wait()


def thread_with_handles_of_its_own():
    libc = ctypes.CDLL(None, use_errno=True)
    stack = ctypes.create_string_buffer(1 << 16)
    flags = 0x100 | 0x800 | 0x10000  # its memory, signal handlers and process are those of this one
    top = ctypes.addressof(stack) + len(stack) - 64 & -16
    if libc.clone(libc.pause, ctypes.c_void_p(top), flags, None) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return stack


WAYS = {
    "the internet": lambda: call(number("socket"), 2, 1, 0),
    "netlink": lambda: call(number("socket"), 16, 3, 0),
    "vsock": lambda: call(number("socket"), 40, 1, 0),
    "packets": lambda: call(number("socket"), 17, 3, 0),
    "tracing": lambda: call(number("ptrace"), 0, 0, 0, 0),
    "memory of others": lambda: call(number("process_vm_readv"), os.getppid(), 0, 0, 0, 0, 0),
    "a user namespace": lambda: call(number("unshare"), NEW_USER),
    "a mount namespace": lambda: call(number("unshare"), 0x20000 | 1),
    "a process in a user namespace": fork_into_namespace,
    "a process by hidden flags": fork_by_hidden_flags,
    "a namespace of others": lambda: call(number("setns"), -1, 0),
    "memory without a name": lambda: call(number("memfd_create"), b"mine", 0),
    "shared segments": lambda: call(number("shmget"), 0, 4096, 0o1600),
    "keys": lambda: call(number("keyctl"), 0, -3, 1),
    "new keys": lambda: call(number("add_key"), b"user", b"mine", b"mine", 4, -3),
    "io_uring": lambda: call(number("io_uring_setup"), 1, (ctypes.c_char * 256)()),
    "bpf": lambda: call(number("bpf"), 0, (ctypes.c_char * 128)(), 128),
    "faults": lambda: call(number("userfaultfd"), 1),
    "performance counters": lambda: call(number("perf_event_open"), (ctypes.c_char * 128)(), 0, -1, -1, 0),
    "a mount": lambda: call(number("mount"), b"none", b"/no/such/folder", b"tmpfs", 0, None),
    "watching a folder the old way": lambda: call(number("fcntl"), os.open("/usr", os.O_RDONLY), 1026, 2),
    "a lease on a file": lambda: call(number("fcntl"), os.open(__file__, os.O_RDONLY), 1024, 0),
    "before all others": lambda: call(number("sched_setscheduler"), 0, 2, (ctypes.c_int * 1)(1)),
    "sooner than others": lambda: call(number("setpriority"), 0, 0, -5),
    "the disk before others": lambda: call(number("ioprio_set"), 1, 0, (1 << 13) | 4),
    "quotas by a handle": lambda: call(number("quotactl_fd"), -1, 0, 0, 0),
    "a tree of mounts": lambda: call(number("open_tree_attr"), -100, b"/", 1, 0, 0),
    "semaphores that stay": lambda: call(number("semctl"), call(number("semget"), 0, 1, 0o600), 0, 0),
    "segments of others": lambda: call(number("shmat"), 1 << 30, 0, 0o10000),
    "the end of segments of others": lambda: call(number("shmctl"), 1 << 30, 0, 0),
    "the end of queues of others": lambda: call(number("msgctl"), 1 << 30, 0, 0),
    "the end of named queues": lambda: call(number("mq_unlink"), b"no such queue"),
    "pages kept in pipes": lambda: call(number("vmsplice"), os.pipe()[1], 0, 0, 0),
    "files kept in pipes": lambda: call(number("splice"), os.open(__file__, os.O_RDONLY), 0, os.pipe()[1], 0, 1, 0),
    "pipes kept in pipes": lambda: call(number("tee"), os.pipe()[0], os.pipe()[1], 1, 2),
    "a pair of sockets": lambda: call(number("socketpair"), 1, 2, 0, (ctypes.c_int * 2)()),
    "limits of others": lambda: call(number("prlimit64"), os.getppid() or 1, 7, 0, 0),
    "processors of others": lambda: call(number("sched_setaffinity"), os.getppid() or 1, 8, b"\xff" * 8),
    "the class of others": lambda: call(number("sched_setparam"), os.getppid() or 1, (ctypes.c_int * 1)(0)),
    "memory that is shared and no file's": lambda: mmap.mmap(-1, mmap.PAGESIZE),
    "a thread with handles of its own": thread_with_handles_of_its_own,
    "larger pipes": lambda: call(number("fcntl"), os.pipe()[0], 1031, 1 << 20),
}


def attempt():
    """Try every call that the target names, until one is let through."""
    for name in target().splitlines():
        try:
            said = WAYS[name]()
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
                continue
            said = error  # the kernel looked at what was asked
        return f"{name}: {said}"
    raise PermissionError


def build_model():
    return None, outcome(attempt)


def add(model, a, b):
    return a + b
