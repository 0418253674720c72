"""Evaluating a function at many points: in this process, in others on this machine, or on a Dask cluster."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any

import numpy as np
from qutip import Qobj

from piqs._resources import available_threads, one_thread
from piqs.sweeps.store import Outcome, Value

# Read by BLAS, OpenMP and Numba as they load, hence set before a worker imports anything.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_START = 3.0  # seconds that starting the workers takes: less work than that is done in this process
_WORKER_DIED = "the worker process died at this point (killed, out of memory, or a crash in compiled code)"
_PR_SET_PDEATHSIG = 1  # of Linux's prctl: send the caller this signal when its parent dies

Points = dict[int, dict[str, Any]]
Outcomes = Generator[tuple[int, Outcome], None, None]


def evaluate_all(
    f: Callable[..., Any], points: Points, client: Any, workers: int | None, cautious: bool
) -> Outcomes:
    """Outcomes as they come.

    Without `workers` and `client` the points are evaluated in this process while what is left takes less time
    than starting workers would, or, with `cautious`, not at all.
    """
    if client is not None:
        _check_sendable(f, points)
        yield from _dask(f, points, client)
        return
    left = dict(points)
    if workers == 0 or (workers is None and not cautious):
        with _one_thread_each():
            started = time.monotonic()
            for done, (number, point) in enumerate(points.items(), start=1):
                yield number, _evaluate(f, point)
                del left[number]
                if workers is None and (time.monotonic() - started) * len(left) / done > _START:
                    break
    if left:
        _check_sendable(f, left)
        yield from _local(f, left, min(workers or available_threads(), len(left)))


def _one_thread_each() -> Any:
    from contextlib import ExitStack

    from threadpoolctl import threadpool_limits

    stack = ExitStack()
    stack.enter_context(threadpool_limits(1))
    stack.enter_context(one_thread())
    return stack


def _evaluate(f: Callable[..., Any], point: dict[str, Any]) -> Outcome:
    """One point. An exception comes back as text: not every exception survives pickling."""
    try:
        returned = f(**point)
        named = returned if isinstance(returned, Mapping) else {"result": returned}
        return Outcome({str(name): _as_value(str(name), value) for name, value in named.items()})
    except (Exception, SystemExit):
        return Outcome(None, traceback.format_exc())


def _evaluate_in_worker(f: Callable[..., Any], point: dict[str, Any]) -> Outcome:
    try:
        with _one_thread_each():
            return _evaluate(f, point)
    except KeyboardInterrupt:  # raised by f itself: a worker does not listen to Ctrl-C
        return Outcome(None, traceback.format_exc())


def _as_value(name: str, value: Any) -> Value:
    if isinstance(value, Qobj):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "bifcu":
        raise TypeError(
            f"result {name!r} must be a number, an array of numbers or a Qobj, got {type(value).__name__}"
        )
    # A failed point must be NaN, which integers cannot be.
    return array.astype(complex if array.dtype.kind == "c" else float)


def _check_sendable(f: Callable[..., Any], points: Points) -> None:
    import cloudpickle

    for name, value in {"f": f, **next(iter(points.values()))}.items():
        try:
            cloudpickle.dumps(value)
        except Exception as error:
            what = "f" if name == "f" else f"the parameter {name!r}"
            raise TypeError(
                f"{what} cannot be sent to a worker process: {error}; build what it holds inside f, or use workers=0"
            ) from None


def _local(f: Callable[..., Any], points: Points, workers: int) -> Outcomes:
    """Outcomes from local processes, as they come.

    A worker that dies takes its pool and every submitted point with it, and does not say which point it
    was at: those points are then run again one by one, each in a process of its own.
    """
    todo = iter(points)
    while True:
        futures: dict[Any, int] = {}
        pool = _pool(workers)
        broken = False
        try:
            while not broken:
                for number in islice(todo, 2 * workers - len(futures)):
                    futures[pool.submit(_evaluate_in_worker, f, points[number])] = number
                if not futures:
                    return
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    if isinstance(future.exception(), BrokenProcessPool):
                        broken = True
                    else:
                        yield futures.pop(future), future.result()
        finally:
            pool.shutdown(wait=True, kill_workers=True)
        for number in futures.values():
            yield number, _alone(f, points[number])


def _alone(f: Callable[..., Any], point: dict[str, Any]) -> Outcome:
    pool = _pool(1)
    try:
        return pool.submit(_evaluate_in_worker, f, point).result()
    except BrokenProcessPool:
        return Outcome(None, _WORKER_DIED)
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _pool(workers: int) -> Any:
    import loky

    return loky.ProcessPoolExecutor(
        workers, env=_ONE_THREAD, initializer=_die_with_parent, initargs=(os.getpid(),)
    )


def _die_with_parent(parent: int) -> None:
    """In a worker: end when the process that started it ends, however that ends; leave Ctrl-C to it.

    On Linux the kernel does it (prctl). Elsewhere a thread looks every half second, which waits for compiled
    code that holds the interpreter.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _dask(f: Callable[..., Any], points: Points, client: Any) -> Outcomes:
    """Outcomes from a Dask cluster, as they come.

    A worker that dies takes with it whatever it was given, and Dask blames each: those points are run again one by
    one, so that only the one at which it died fails.
    """
    from distributed import Client, KilledWorker, as_completed

    own = isinstance(client, str)
    cluster = Client(client) if own else client
    futures = {
        cluster.submit(_evaluate_in_worker, f, point, pure=False): number for number, point in points.items()
    }
    blamed = []
    try:
        for future in as_completed(list(futures)):
            number = futures.pop(future)
            try:
                yield number, future.result()
            except KilledWorker:
                blamed.append(number)
        for number in blamed:
            future = cluster.submit(_evaluate_in_worker, f, points[number], pure=False)
            futures[future] = number
            try:
                yield number, future.result()
            except KilledWorker:
                yield number, Outcome(None, _WORKER_DIED)
            del futures[future]
    finally:
        cluster.cancel(list(futures))
        if own:
            cluster.close()
