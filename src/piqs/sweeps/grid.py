"""Parameter sweeps: a function over a grid, in parallel, into a labelled data set that can be resumed."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
import traceback
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qutip.ui.progressbar import progress_bars

from piqs import _checks
from piqs._resources import available_threads, one_thread
from piqs.errors import SweepError

if TYPE_CHECKING:
    import xarray as xr

    from piqs.sweeps.store import SweepStore

# Read by BLAS, OpenMP and Numba as they load, hence set before a worker imports anything.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_WORKER_DIED = "the worker process died at this point (killed, out of memory, or a crash in compiled code)"

Index = tuple[int, ...]
Outcome = tuple[dict[str, np.ndarray] | None, str]  # results and no error, or None and the error's text


def sweep(
    f: Callable[..., Any],
    grid: Mapping[str, Sequence[Any] | np.ndarray],
    *,
    mode: str = "product",
    parameters: Mapping[str, Any] | None = None,
    store: str | Path | None = None,
    client: Any = None,
    workers: int | None = None,
    raise_errors: bool = False,
    progress_bar: str = "",
) -> xr.Dataset:
    """Evaluate ``f(**point, **parameters)`` at every point of a grid of named parameters.

    The points are spread over processes, each held to one thread for BLAS and Numba. With `store` every
    finished point is written at once: call again with the same arguments and only what is missing, or failed,
    is computed. Needs ``pip install piqs[sweep]``, and ``piqs[dask]`` for `client`.

    Parameters
    ----------
    f : callable
        Called with the parameters by name; returns a number, an array, or a dict of them: the same names and
        shapes at every point. Functions defined in a notebook or a script are fine.
    grid : dict of str to one-dimensional sequence
        The axes: numbers or strings.
    mode : {"product", "zip"}, default "product"
        All combinations, or the axes side by side (equal lengths; the data set's dimension is ``point``).
    parameters : dict, optional
        Further arguments of `f`, the same at every point; recorded in the attributes.
    store : str or pathlib.Path, optional
        Directory of a Zarr store, created if missing. Default: keep the results in memory only.
    client : dask.distributed.Client or str, optional
        Run on this Dask cluster, or on the one at this address, instead of local processes.
    workers : int, optional
        Number of local processes; 0 evaluates in this process, for debugging. Default: one per available core.
    raise_errors : bool, default False
        Raise at the end if a point failed. Otherwise warn.
    progress_bar : str, default ""
        QuTiP's bars: "text", "enhanced", "tqdm", or "" for none.

    Returns
    -------
    xarray.Dataset
        One variable per result (``result`` where `f` returns no dict), as float64 or complex128, NaN where
        not computed; ``done`` (bool) and ``error`` (text) per point; provenance in ``attrs``.

    Raises
    ------
    ValueError
        An empty or not one-dimensional axis, unequal lengths to zip, a store that holds another sweep.
    SweepError
        With `raise_errors`, if points failed; its ``dataset`` holds the others.
    OSError
        The store cannot be written (a full disk); the points written before are kept.

    Examples
    --------
    >>> import piqs
    >>> data = piqs.sweep(lambda x, y: x * y, {"x": [1, 2, 3], "y": [10, 20]}, workers=0)
    >>> data.result.sel(x=3, y=20).item()
    60.0
    """
    axes = _check_grid(grid, mode)
    fixed = dict(parameters or {})
    _check_arguments(f, axes, fixed, workers, progress_bar)
    if mode == "product":
        dims = {name: len(values) for name, values in axes.items()}
    else:
        dims = {"point": len(next(iter(axes.values())))}
    from piqs.sweeps.store import SweepStore

    fingerprint = _fingerprint(f, axes, fixed, mode)
    results = SweepStore(store, axes, dims, fingerprint, _provenance(f, fixed, mode))
    missing = [tuple(int(i) for i in index) for index in np.argwhere(~results.done)]
    points = {index: {**_point(axes, index, mode), **fixed} for index in missing}
    if points:
        _run(f, points, results, client, workers, progress_bar)
    return _finish(results, missing, raise_errors)


def _check_grid(grid: Mapping[str, Any], mode: str) -> dict[str, np.ndarray]:
    if mode not in ("product", "zip"):
        raise ValueError(f'mode must be "product" or "zip", got {mode!r}')
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"grid must be a dict of axis names to values with at least one axis, got {grid!r}")
    axes = {}
    for name, values in grid.items():
        if not isinstance(name, str) or not name.isidentifier() or name in ("done", "error", "point"):
            raise ValueError(
                "grid: an axis name must be a valid argument name other than done, error and point, "
                f"got {name!r}"
            )
        axis = np.asarray(list(values) if isinstance(values, range) else values)
        if axis.ndim != 1 or axis.size == 0:
            raise ValueError(f"grid[{name!r}] must be one-dimensional and not empty, got shape {axis.shape}")
        if axis.dtype.kind not in "bifcU":
            raise ValueError(
                f"grid[{name!r}] must hold numbers or strings, got {axis.dtype}; "
                "sweep over an index or a name and build the object inside f"
            )
        if axis.dtype.kind in "fc" and not np.isfinite(axis).all():
            raise ValueError(f"grid[{name!r}] must be finite, got {axis}")
        axes[name] = axis
    lengths = {name: len(axis) for name, axis in axes.items()}
    if mode == "zip" and len(set(lengths.values())) > 1:
        raise ValueError(f'grid axes must have equal lengths in mode "zip", got {lengths}')
    return axes


def _check_arguments(
    f: Callable[..., Any], axes: dict[str, np.ndarray], fixed: dict[str, Any], workers: int | None, bar: str
) -> None:
    _checks.choice(bar, "progress_bar", progress_bars)
    if not callable(f):
        raise TypeError(f"f must be callable, got {type(f).__name__}")
    twice = sorted(set(axes) & set(fixed))
    if twice:
        raise ValueError(f"parameters must not repeat an axis of the grid, got {twice} in both; remove one")
    try:
        inspect.signature(f).bind(**dict.fromkeys([*axes, *fixed]))
    except TypeError as error:
        raise TypeError(f"f must accept the axes and parameters {[*axes, *fixed]} by name: {error}") from None
    if workers is not None and (not isinstance(workers, int) or workers < 0):
        raise ValueError(f"workers must be an integer >= 0, got {workers!r}")


def _point(axes: dict[str, np.ndarray], index: Index, mode: str) -> dict[str, Any]:
    where = index if mode == "product" else index * len(axes)
    return {name: values[i].item() for (name, values), i in zip(axes.items(), where, strict=True)}


def _fingerprint(
    f: Callable[..., Any], axes: dict[str, np.ndarray], fixed: dict[str, Any], mode: str
) -> dict[str, str]:
    """What must agree for stored points to be points of this sweep."""
    try:
        source = hashlib.sha256(inspect.getsource(f).encode()).hexdigest()[:16]
    except (OSError, TypeError):  # typed at a prompt, or not a plain function
        source = "unknown"
    found = {"function": _name(f), "source": source, "mode": mode, "parameters": _as_text(fixed)}
    for name, values in axes.items():
        digest = hashlib.sha256(repr(values.tolist()).encode()).hexdigest()[:16]
        found[f"axis_{name}"] = f"{len(values)} values from {values[0]} to {values[-1]}, digest {digest}"
    found["axes"] = ", ".join(axes)
    return found


def _name(f: Callable[..., Any]) -> str:
    return f"{getattr(f, '__module__', '?')}.{getattr(f, '__qualname__', repr(f))}"


def _as_text(fixed: dict[str, Any]) -> str:
    return json.dumps(fixed, default=repr, sort_keys=True)


def _provenance(f: Callable[..., Any], fixed: dict[str, Any], mode: str) -> dict[str, str]:
    import piqs

    versions = {name: version(name) for name in ("qutip", "numpy", "scipy", "numba", "xarray", "zarr")}
    return {
        "function": _name(f),
        "parameters": _as_text(fixed),
        "mode": mode,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": platform.platform(),
        "python_version": platform.python_version(),
        "piqs_version": piqs.__version__,
        **{f"{name}_version": value for name, value in versions.items()},
    }


def _evaluate(f: Callable[..., Any], point: dict[str, Any]) -> Outcome:
    """One point, in a worker. An exception comes back as text: not every exception survives pickling."""
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(1), one_thread():
            returned = f(**point)
        named = returned if isinstance(returned, Mapping) else {"result": returned}
        return {str(name): _as_number(str(name), value) for name, value in named.items()}, ""
    except Exception:
        return None, traceback.format_exc()


def _as_number(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "bifc":
        raise TypeError(
            f"result {name!r} must be a number or an array of numbers, got {type(value).__name__}"
        )
    # A failed point must be NaN, which integers cannot be.
    return array.astype(complex if array.dtype.kind == "c" else float)


def _run(
    f: Callable[..., Any],
    points: dict[Index, dict[str, Any]],
    results: SweepStore,
    client: Any,
    workers: int | None,
    progress_bar: str,
) -> None:
    if client is not None:
        outcomes = _dask(f, points, client)
    elif workers == 0:
        outcomes = ((index, _evaluate(f, point)) for index, point in points.items())
    else:
        outcomes = _local(f, points, min(workers or available_threads(), len(points)))
    bar = progress_bars[progress_bar](len(points))
    try:
        for index, (values, error) in outcomes:
            _record(results, index, values, error)
            bar.update()
    finally:
        outcomes.close()
    bar.finished()


def _record(results: SweepStore, index: Index, values: dict[str, np.ndarray] | None, error: str) -> None:
    if values is not None:
        try:
            results.check(values)
        except ValueError as mismatch:
            values, error = None, f"ValueError: {mismatch}"
    try:
        if values is None:
            results.write_error(index, error)
        else:
            results.write(index, values)
    except OSError as problem:
        raise OSError(
            problem.errno,
            f"the sweep's store {str(results.path)!r} could not be written at point {index}: {problem}; "
            f"{int(results.done.sum())} of {results.done.size} points are stored and kept: "
            "make room and call sweep again with the same arguments",
        ) from problem


def _local(
    f: Callable[..., Any], points: dict[Index, dict[str, Any]], workers: int
) -> Generator[tuple[Index, Outcome], None, None]:
    """Outcomes from local processes, as they come.

    A worker that dies takes its pool and every submitted point with it, and does not say which point it
    was at: those points are then run again one by one, each in a process of its own.
    """
    todo = iter(points)
    while True:
        futures: dict[Any, Index] = {}
        pool = _pool(workers)
        broken = False
        try:
            while not broken:
                for index in islice(todo, 2 * workers - len(futures)):
                    futures[pool.submit(_evaluate, f, points[index])] = index
                if not futures:
                    return
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    if isinstance(future.exception(), BrokenProcessPool):
                        broken = True
                    else:
                        yield futures.pop(future), future.result()
        finally:
            pool.shutdown(wait=True, kill_workers=True)
        for index in futures.values():
            yield index, _alone(f, points[index])


def _alone(f: Callable[..., Any], point: dict[str, Any]) -> Outcome:
    pool = _pool(1)
    try:
        return pool.submit(_evaluate, f, point).result()
    except BrokenProcessPool:
        return None, _WORKER_DIED
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _pool(workers: int) -> Any:
    import loky

    return loky.ProcessPoolExecutor(workers, env=_ONE_THREAD)


def _dask(
    f: Callable[..., Any], points: dict[Index, dict[str, Any]], client: Any
) -> Generator[tuple[Index, Outcome], None, None]:
    """Outcomes from a Dask cluster, as they come."""
    from distributed import Client, KilledWorker, as_completed

    own = isinstance(client, str)
    cluster = Client(client) if own else client
    futures = {cluster.submit(_evaluate, f, point, pure=False): index for index, point in points.items()}
    try:
        for future in as_completed(list(futures)):
            index = futures.pop(future)
            try:
                yield index, future.result()
            except KilledWorker:
                yield index, (None, _WORKER_DIED)
    finally:
        cluster.cancel(list(futures))
        if own:
            cluster.close()


def _finish(results: SweepStore, computed: list[Index], raise_errors: bool) -> xr.Dataset:
    dataset = results.load()
    failed = [index for index in computed if not results.done[index]]
    if failed:
        first = str(dataset.error.values[failed[0]]).strip().splitlines()[-1]
        message = (
            f"{len(failed)} of {results.done.size} points failed, first at index {failed[0]}: {first}; "
            "the full text is in the data set's 'error', the failed points are NaN and tried again next time"
        )
        if raise_errors:
            raise SweepError(message, dataset)
        warnings.warn(message, stacklevel=3)
    return dataset
