"""Takes memory that is no process's resident memory: its target says where.

The amount is bounded, 640 MiB in pieces of 32, so that a failing test leaves the machine alive.
"""

import ctypes
import mmap
import os
import tempfile
import threading
import time
from pathlib import Path

from attempt import call, end_this_thread, outcome, target

PIECES, PIECE = 20, 32 << 20
POPULATE = 0x8000
KEPT = []


def write(folder, *, unlinked=False):
    for index in range(PIECES):
        path = Path(folder, f"piece{index}")
        handle = os.open(path, os.O_RDWR | os.O_CREAT)
        KEPT.append(handle)
        if unlinked:
            path.unlink()
        for _ in range(PIECE >> 20):
            os.write(handle, b"x" * (1 << 20))
        time.sleep(0.1)


def shared():
    for _ in range(PIECES):
        piece = mmap.mmap(-1, PIECE)
        for place in range(0, PIECE, mmap.PAGESIZE):
            piece[place] = 1
        piece.madvise(mmap.MADV_DONTNEED)  # out of the table of pages, and still in memory
        KEPT.append(piece)
        time.sleep(0.1)


def memfd():
    for _ in range(PIECES):
        handle = os.memfd_create("mine")
        for _ in range(PIECE >> 20):
            os.write(handle, b"x" * (1 << 20))
        KEPT.append(handle)
        time.sleep(0.1)


def segments():
    from calls_the_kernel import number

    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    for _ in range(PIECES):
        segment = call(number("shmget"), 0, PIECE, 0o1600)
        try:
            address = libc.shmat(segment, None, 0)
            ctypes.memset(address, 1, PIECE)
            libc.shmdt(ctypes.c_void_p(address))
            time.sleep(0.1)
        finally:
            libc.shmctl(segment, 0, None)


def pipes():
    for _ in range(2000):
        KEPT.append(os.pipe())
        os.set_blocking(KEPT[-1][1], False)
        os.write(KEPT[-1][1], b"x" * 65536)
    for _ in range(6):
        if os.fork() == 0:
            for pair in KEPT:
                for handle in pair:
                    os.close(handle)
            KEPT.clear()
            for _ in range(2000):
                KEPT.append(os.pipe())
                os.set_blocking(KEPT[-1][1], False)
                os.write(KEPT[-1][1], b"x" * 65536)
            time.sleep(30)
            os._exit(0)
    time.sleep(3)


def torn(flags, handle):
    """Map pieces to be shared, and keep a page of each: all of a piece stays for as long as one is mapped."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    access = mmap.PROT_READ | mmap.PROT_WRITE
    for _ in range(PIECES):
        address = libc.mmap(None, ctypes.c_size_t(PIECE), access, flags | POPULATE, handle, ctypes.c_long(0))
        if address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), "refused")
        libc.munmap(ctypes.c_void_p(address + mmap.PAGESIZE), ctypes.c_size_t(PIECE - mmap.PAGESIZE))
        time.sleep(0.1)


def torn_files():
    """Keep a page of files without a name, that are not open."""
    for index in range(PIECES):
        path = Path(tempfile.gettempdir(), f"piece{index}")
        path.write_bytes(b"x" * PIECE)
        with path.open("rb") as file:
            KEPT.append(mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ))
            os.close(mmap_handle(file.fileno()))
        path.unlink()
        time.sleep(0.1)


def mmap_handle(handle):
    """Return the handle that mmap keeps of a file."""
    return next(each for each in range(handle + 1, 4096) if is_same(each, handle))


def is_same(handle, other):
    try:
        return os.path.samestat(os.fstat(handle), os.fstat(other))
    except OSError:
        return False


def names(folder):
    """Make files that hold nothing: each takes a kilobyte that is no file's."""
    for index in range(60_000):
        os.close(os.open(f"{folder}/{index}", os.O_CREAT | os.O_WRONLY))
    time.sleep(1)


def behind_a_thread():
    """Hold them in a process whose first thread has ended: it looks as if it had ended too."""

    def hold():
        for _ in range(PIECES):
            KEPT.append(b"x" * PIECE)
            time.sleep(0.1)
        time.sleep(60)

    if os.fork() == 0:
        threading.Thread(target=hold).start()
        end_this_thread()
    time.sleep(5)


WAYS = {
    "scratch": lambda: write(tempfile.gettempdir()),
    "unlinked": lambda: write(tempfile.gettempdir(), unlinked=True),
    "/dev/shm": lambda: write("/dev/shm"),
    "/dev": lambda: write("/dev"),
    "/": lambda: write("/"),
    "memfd": memfd,
    "segments": segments,
    "shared": shared,
    "pipes": pipes,
    "torn": lambda: torn(mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, -1),
    "torn zeros": lambda: torn(mmap.MAP_SHARED, os.open("/dev/zero", os.O_RDWR)),
    "torn files": torn_files,
    "names in scratch": lambda: names(tempfile.gettempdir()),
    "names in /dev/shm": lambda: names("/dev/shm"),
    "behind a thread": behind_a_thread,
}


def build_model():
    return None, outcome(WAYS[target()])


def add(model, a, b):
    return a + b
