"""How many threads a kernel may use."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from piqs._kernels.apply import balanced_cuts
from piqs._kernels.threads import available_threads

# Below this many nonzeros an application is over before a second thread has started.
_WORTH_A_THREAD = 100_000
# Where the cores are busy with other work, two threads wait for each other: both ways are timed every so many calls.
_RETRY = 32

# Numba's default threading layer ends the process when two Python threads enter it at once, and none of its layers
# survives a fork. So one thread at a time runs kernels in parallel, the others run theirs on one core.
_one_parallel_region = threading.Lock()
_forked = threading.Event()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked.set)


class RowCuts:
    """Rows of a CSR matrix cut into one chunk per thread, or left whole where that has proved faster."""

    def __init__(self, indptr: np.ndarray, threads: int) -> None:
        pointers = indptr.astype(np.int64, copy=False)
        self._choices = [balanced_cuts(pointers, k) for k in ([threads, 1] if threads > 1 else [1])]
        self._seconds = [0.0] * len(self._choices)
        self._calls = 0

    @contextmanager
    def timed(self, applications: int) -> Iterator[np.ndarray]:
        """The cuts to use for the next call, which makes this many applications."""
        if self._calls % _RETRY < len(self._choices):
            pick = self._calls % _RETRY
        else:
            pick = int(np.argmin(self._seconds))
        self._calls += 1
        start = time.perf_counter()
        yield self._choices[pick]
        self._seconds[pick] = (time.perf_counter() - start) / max(applications, 1)


@contextmanager
def threads_for(multiplications: int) -> Iterator[int]:
    """How many threads a kernel of this size may use: several only while no other thread runs a parallel kernel."""
    threads = 1
    if multiplications >= _WORTH_A_THREAD and not _forked.is_set():
        threads = available_threads()
    mine = threads > 1 and _one_parallel_region.acquire(blocking=False)
    try:
        yield threads if mine else 1
    finally:
        if mine:
            _one_parallel_region.release()


@contextmanager
def row_cuts(indptr: np.ndarray) -> Iterator[RowCuts]:
    """Row cuts for kernels on a CSR matrix."""
    with threads_for(int(indptr[-1])) as threads:
        yield RowCuts(indptr, threads)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: among many small products its threads wait for each other, on busy cores for seconds."""
    with _loaded_libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _loaded_libraries() -> ThreadpoolController:
    # Looking for them takes a millisecond.
    return ThreadpoolController()
