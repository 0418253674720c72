"""Memory and threads: how much there is of each, and the one rule by which it is taken."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import cast

import numba
from threadpoolctl import ThreadpoolController

# Part of the memory left that one allocation may take.
_SHARE = 0.8
# Smaller requests are granted without a look at the memory left.
NEGLIGIBLE = 1 << 26
# Below this many multiplications an application is over before a second thread has started.
_WORTH_A_THREAD = 100_000

_limit: ContextVar[int] = ContextVar("_limit", default=numba.config.NUMBA_NUM_THREADS)
# Numba's default threading layer ends the process when two Python threads enter it at once, and none of its layers
# survives a fork. So one thread at a time runs kernels in parallel, the others run theirs on one core.
_one_parallel_region = threading.Lock()
_forked = threading.Event()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked.set)


def available_bytes() -> float:
    """Bytes a new allocation may take.

    Four fifths of the least of what the system has left, what the control groups (versions 1 and 2) of this process leave
    it, and what its own limits (``ulimit -v`` and ``-d``) leave it; infinite where none of them is known.
    """
    return _SHARE * max(0.0, min(_system_bytes(), _control_group_bytes(), _ulimit_bytes()))


def check(needed: float, what: str, remedy: str) -> None:
    """Raise if an allocation would not fit, before it is made.

    Parameters
    ----------
    needed : float
        Bytes.
    what : str
        What needs them, as the subject of the message.
    remedy : str
        What the caller can do, as a sentence.

    Raises
    ------
    MemoryError
        With the bytes needed, those available, and the remedy.
    """
    if needed > NEGLIGIBLE and needed > available_bytes():
        raise too_large(needed, what, remedy)


def too_large(needed: float, what: str, remedy: str) -> MemoryError:
    """The error that `check` raises."""
    return MemoryError(
        f"{what} would take {needed / 1e9:.3g} GB, which exceeds the {available_bytes() / 1e9:.3g} GB available. {remedy}"
    )


def return_freed_memory() -> None:
    """Give pages that are free back to the system: the C library of Linux keeps what lies between arrays in use."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        return cast("Callable[[int], int]", ctypes.CDLL(None).malloc_trim)
    except (AttributeError, OSError, TypeError):  # another C library
        return None


def _system_bytes() -> float:
    try:
        with open("/proc/meminfo", encoding="ascii") as info:
            for line in info:
                if line.startswith("MemAvailable:"):
                    return 1024.0 * float(line.split()[1])
    except OSError:
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _control_group_bytes() -> float:
    left = float("inf")
    for limit, usage, statistics, reclaimable in _control_groups():
        try:
            used = float(usage.read_text())
            for line in statistics.read_text().splitlines():
                key, _, value = line.partition(" ")
                if key == reclaimable:
                    used -= float(value)
            left = min(left, float(limit.read_text()) - used)
        except (OSError, ValueError):
            continue
    return left


@cache
def _control_groups(
    table: str = "/proc/self/cgroup", root: str = "/sys/fs/cgroup"
) -> list[tuple[Path, Path, Path, str]]:
    """Files with limit, usage and statistics (and the key of the cached pages there) of all groups that have a limit."""
    try:
        lines = Path(table).read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, names = Path(root), ("memory.max", "memory.current", "memory.stat", "inactive_file")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file")
            base = Path(root) / "memory"
        else:
            continue
        own = base / path.lstrip("/")
        for group in [own, *own.parents]:
            if group == base or base in group.parents:
                limit, usage, statistics = (group / name for name in names[:3])
                try:
                    float(limit.read_text())
                except (OSError, ValueError):  # "max", or no such file
                    continue
                found.append((limit, usage, statistics, names[3]))
    return found


def _ulimit_bytes() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return float("inf")
    left = float("inf")
    for kind, field in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5)):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY:
            try:
                with open("/proc/self/statm", encoding="ascii") as sizes:
                    used = float(sizes.read().split()[field]) * os.sysconf("SC_PAGE_SIZE")
            except (OSError, IndexError, ValueError):
                used = 0.0
            left = min(left, limit - used)
    return left


def available_threads() -> int:
    """Threads to use by default: the cores this process may run on, or fewer where Numba is held to fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _limit.get()))


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold Numba, and what asks `available_threads`, to one thread in the calling thread."""
    token = _limit.set(1)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
        _limit.reset(token)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: among many small products its threads wait for each other, on busy cores for seconds."""
    with _loaded_libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _loaded_libraries() -> ThreadpoolController:
    # Looking for them takes a millisecond.
    return ThreadpoolController()


@contextmanager
def threads_for(multiplications: int) -> Iterator[int]:
    """How many threads a kernel of this size may use: several only while no other thread runs a parallel kernel.

    The number depends on nothing that is measured, so that a sum over the threads' parts is the same in every run.
    """
    threads = 1
    if multiplications >= _WORTH_A_THREAD and not _forked.is_set():
        threads = available_threads()
    mine = threads > 1 and _one_parallel_region.acquire(blocking=False)
    try:
        yield threads if mine else 1
    finally:
        if mine:
            _one_parallel_region.release()
