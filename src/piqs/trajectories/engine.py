"""Runs trajectories in batches, on threads or on a Dask cluster, until one of the end conditions is met."""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from qutip.ui.progressbar import progress_bars

from piqs._resources import available_threads, check, one_thread
from piqs.errors import TrajectoryError
from piqs.trajectories.result import McResult
from piqs.trajectories.sampler import Batch, Sampler, Seed

Batches = Generator[tuple[Batch, list[Seed]], None, None]

# Batches are cut by the number of trajectories alone: what is averaged together, and after which trajectory a
# target tolerance is found to be met, must not depend on the number of workers.
_BATCHES = 32
_LARGEST_BATCH = 256
# An error estimated from fewer is not worth stopping on: where nothing has jumped yet it is zero.
_FEWEST_FOR_TOLERANCE = 20


def seed_source(seeds: Any, ntraj: int) -> Callable[[int], list[Seed]]:
    """A function that gives the seeds of the next trajectories, from what QuTiP takes as `seeds`."""
    if isinstance(seeds, (list, tuple)):
        if len(seeds) < ntraj:
            raise ValueError(
                f"seeds must hold one seed per trajectory, got {len(seeds)} for ntraj = {ntraj}; "
                "pass more seeds, or a single one from which all are spawned"
            )
        remaining = iter(seeds)
        return lambda number: [_seed(next(remaining)) for _ in range(number)]
    given = _seed(seeds)
    # A copy: spawning changes a SeedSequence, and the same one must give the same trajectories again.
    return Seed(given.entropy, spawn_key=given.spawn_key, pool_size=given.pool_size).spawn


def _seed(seed: Any) -> Seed:
    if isinstance(seed, Seed):
        return seed
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
        raise TypeError(
            f"seeds must be None, an integer >= 0, a SeedSequence or a list of these, got {seed!r}"
        )
    return Seed(seed)


def tolerances(target_tol: Any, observables: int) -> np.ndarray | None:
    """(atol, rtol) of every observable, from a number, a pair, or a list of pairs."""
    if target_tol is None:
        return None
    if observables == 0:
        raise ValueError("target_tol needs e_ops: without an average there is no error to bring below it")
    target = np.asarray(target_tol, dtype=float)
    if target.ndim == 0:
        target = np.array([float(target), 0.0])
    if target.shape not in ((2,), (observables, 2)):
        raise ValueError(
            f"target_tol must be a number, a pair (atol, rtol) or one pair per observable, got {target_tol!r}"
        )
    if not np.isfinite(target).all() or (target < 0).any() or (target.sum(axis=-1) == 0).any():
        raise ValueError(f"target_tol must be positive, got {target_tol!r}")
    return np.broadcast_to(target, (observables, 2))


def run(
    sampler: Sampler,
    result: McResult,
    ntraj: int,
    seeds: Callable[[int], list[Seed]],
    target: np.ndarray | None,
    timeout: float | None,
    client: Any,
    computed: bool = False,
) -> None:
    """Fill `result` with up to `ntraj` trajectories; where `computed`, after those without jumps."""
    if result.options["keep_runs_results"]:
        check(
            16.0 * ntraj * len(result.times) * len(result.e_ops),
            f"values of {len(result.e_ops)} observables at {len(result.times)} times in each of {ntraj:,} trajectories",
            'Ask for averages only (options["keep_runs_results"] = False), fewer times, or fewer trajectories at once.',
        )
    started = time.monotonic()
    size = min(_LARGEST_BATCH, max(sampler.batch, ntraj // _BATCHES))
    firsts = range(0, ntraj, size)
    work = ((seeds(min(size, ntraj - first)), first) for first in firsts)
    bar = progress_bars[result.options["progress_bar"]](len(firsts), **result.options["progress_kwargs"])
    result.stats["end_condition"] = "ntraj reached"
    if computed:
        with _Threads(sampler, result.options) as alone:
            result.add_deterministic(alone.pool.submit(sampler.without_jumps, alone.halt).result())  # type: ignore[attr-defined]
    crew = _Threads(sampler, result.options) if client is None else _Dask(sampler, client)
    with crew:
        try:
            for batch, batch_seeds in crew.in_order(work):
                result.add(batch, batch_seeds)
                bar.update()
                if target is not None and _excess(result, target) <= 1:
                    result.stats["end_condition"] = "target tolerance reached"
                    break
                if (
                    timeout is not None
                    and time.monotonic() - started > timeout
                    and result.num_trajectories < ntraj
                ):
                    result.stats["end_condition"] = "timeout"
                    break
        except KeyboardInterrupt as interrupt:
            result.stats["end_condition"] = "interrupted"
            for batch, batch_seeds in crew.rest():
                result.add(batch, batch_seeds)
            interrupt.result = result  # type: ignore[attr-defined]
            raise
        except Exception as error:
            result.stats["end_condition"] = "error"
            raise TrajectoryError(
                f"a batch failed after {result.num_trajectories} of {ntraj} trajectories: {error!r}; "
                "those computed are in this error's result",
                result,
            ) from error
        finally:
            bar.finished()
            result.stats["run time"] = time.monotonic() - started
    if target is not None and result.stats["end_condition"] != "target tolerance reached":
        excess = _excess(result, target)
        needed = (
            f"about {np.ceil(np.square(excess) * result.num_trajectories):.3g} are needed"
            if excess < 1e100
            else f"at least {_FEWEST_FOR_TOLERANCE} with {result._few_jumps} jumps in all are needed to tell the error"
        )
        warnings.warn(
            f"target_tol not reached with {result.num_trajectories} trajectories: {needed}; "
            "raise ntraj or target_tol",
            category=UserWarning,
            stacklevel=5,
        )


def _excess(result: McResult, target: np.ndarray) -> float:
    """Largest standard error over its tolerance."""
    if result.num_trajectories < _FEWEST_FOR_TOLERANCE or result.jumps < result._few_jumps:
        return np.inf
    errors = np.array(result.std_expect) / np.sqrt(result.num_trajectories - 1)
    allowed = target[:, :1] + target[:, 1:] * abs(np.array(result.average_expect))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(errors > 0, errors / allowed, 0.0).max())


class _Crew(ABC):
    """Batches computed elsewhere and handed over in the order of the work, with some under way."""

    ahead: int

    def __init__(self) -> None:
        self.pending: deque[tuple[Any, list[Seed]]] = deque()

    @abstractmethod
    def submit(self, seeds: list[Seed], first: int) -> Any:
        """A future of a batch."""

    def in_order(self, work: Iterator[tuple[list[Seed], int]]) -> Batches:
        """All batches. The wait wakes up twice a second: on some systems Ctrl-C does not end it."""
        for seeds, first in work:
            self.pending.append((self.submit(seeds, first), seeds))
            if len(self.pending) >= self.ahead:
                yield self._next()
        while self.pending:
            yield self._next()

    def _next(self) -> tuple[Batch, list[Seed]]:
        future, seeds = self.pending[0]
        while True:
            try:
                batch = future.result(timeout=0.5)
                break
            except TimeoutError:
                if future.done():  # the batch itself raised it
                    raise
        self.pending.popleft()
        return batch, seeds

    def rest(self) -> Batches:
        """Of the batches under way, what is finished when they are told to stop."""
        self.stop()
        for future, seeds in self.pending:
            if not future.cancel() and not future.cancelled():
                yield future.result(), seeds

    def stop(self) -> None:  # noqa: B027
        """Tell batches under way to stop, where they listen."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.stop()
        for future, _ in self.pending:
            future.cancel()


class _Threads(_Crew):
    """Compiled walks and propagations run outside Python's global lock; the main thread only listens."""

    def __init__(self, sampler: Sampler, options: dict[str, Any]) -> None:
        super().__init__()
        workers = 1 if options["map"] == "serial" else options["num_cpus"] or available_threads()
        self.sampler, self.ahead = sampler, 2 * workers
        self.halt = np.zeros(1, dtype=np.uint8)
        self.pool = ThreadPoolExecutor(workers)

    def submit(self, seeds: list[Seed], first: int) -> Any:
        return self.pool.submit(self.sampler.sample, seeds, first, self.halt)

    def stop(self) -> None:
        self.halt[0] = 1

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        self.pool.shutdown()


class _Dask(_Crew):
    """Batches on a cluster. Those that run when the user stops are not waited for."""

    def __init__(self, sampler: Sampler, client: Any) -> None:
        super().__init__()
        from distributed import Client

        self.given = client
        self.cluster = Client(client) if isinstance(client, str) else client
        self.sampler = self.cluster.scatter(sampler, broadcast=True)
        self.ahead = 4 * max(1, sum(self.cluster.nthreads().values()))

    def submit(self, seeds: list[Seed], first: int) -> Any:
        return self.cluster.submit(_sample_one_thread, self.sampler, seeds, first, pure=False)

    def _next(self) -> tuple[Batch, list[Seed]]:
        from distributed import CancelledError, KilledWorker

        try:
            return super()._next()
        except (
            KilledWorker,
            CancelledError,
        ) as error:  # the latter: the problem went down with all its holders
            raise RuntimeError(
                f"Dask workers died ({error!r}); their logs say why, too little memory being the usual reason"
            ) from error

    def rest(self) -> Batches:
        for future, seeds in self.pending:
            if future.status == "finished":
                yield future.result(), seeds

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        if self.cluster is not self.given:
            self.cluster.close()


def _sample_one_thread(sampler: Sampler, seeds: list[Seed], first: int) -> Batch:
    with one_thread():
        return sampler.sample(seeds, first, np.zeros(1, dtype=np.uint8))
