"""Parameter sweeps: a function over a grid, in parallel, into a labelled data set that can be resumed."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qutip.ui.progressbar import progress_bars

from piqs import _checks, _resources
from piqs._interrupts import bringing
from piqs.errors import SweepError
from piqs.sweeps.dataset import RESERVED, damage_message, dimensions, folder, need, to_dataset
from piqs.sweeps.fingerprint import fingerprint
from piqs.sweeps.store import Outcome, SweepStore, Value
from piqs.sweeps.workers import evaluate_all

if TYPE_CHECKING:
    import xarray as xr

# A point without results: its place in the lists, its parameters and its row in the data set.
_BYTES_PER_POINT = 1000


@bringing(object)
def sweep(
    f: Callable[..., Any],
    grid: Mapping[str, Sequence[Any] | np.ndarray],
    *,
    mode: str = "product",
    parameters: Mapping[str, Any] | None = None,
    store: str | Path | None = None,
    client: Any = None,
    workers: int | None = None,
    version: str | None = None,
    repair: bool = False,
    raise_errors: bool = False,
    progress_bar: str = "",
) -> xr.Dataset:
    """Evaluate ``f(**point, **parameters)`` at every point of a grid of named parameters.

    The first points are evaluated in this process; what would take longer than starting other processes is spread over
    those, each held to one thread for BLAS and Numba. With `store` every finished point is written at once: call again
    with the same arguments and only what is missing, or failed, is computed. Needs ``pip install piqs[sweep]``, and
    ``piqs[dask]`` for `client`.

    Parameters
    ----------
    f : callable
        Called with the parameters by name; returns a number, an array, a Qobj, or a dict of them: the same names and
        shapes at every point (Qobj may differ in size). Functions defined in a notebook or a script are fine.
    grid : dict of str to one-dimensional sequence
        The axes: numbers or strings.
    mode : {"product", "zip"}, default "product"
        All combinations, or the axes side by side (equal lengths; the data set's dimension is ``point``).
    parameters : dict, optional
        Further arguments of `f`, the same at every point; recorded in the attributes.
    store : str or pathlib.Path, optional
        Folder for the finished points, created if missing; `load_sweep` reads it. Default: keep the results in memory
        only. A store is used only for the sweep that it holds: the code of `f`, all of one's own code that it reaches,
        defaults, closures, globals, bound objects and parameters are compared, by all their bytes; installed packages
        by name, with a warning if their versions changed.
    client : dask.distributed.Client or str, optional
        Run on this Dask cluster, or on the one at this address, instead of local processes.
    workers : int, optional
        Number of local processes, all points in them; 0 evaluates all in this process. Default: this process while
        what is left would take less than three seconds, else one process for each available core. A point that kills
        its process costs only itself where it has a process of its own.
    version : str, optional
        With `store`: stands for what cannot be compared (files that `f` reads, code that it builds, open handles, its
        code under another version of Python). Change it whenever that changes.
    repair : bool, default False
        Compute points again whose files in `store` are damaged. By default they are NaN, with a warning.
    raise_errors : bool, default False
        Raise at the end if a point failed. Otherwise warn.
    progress_bar : str, default ""
        QuTiP's bars: "text", "enhanced", "tqdm", or "" for none.

    Returns
    -------
    xarray.Dataset
        One variable per result (``result`` where `f` returns no dict), as float64, complex128 or Qobj, NaN or None
        where not computed; ``done`` (bool) and ``error`` (text) per point; provenance in ``attrs``.

    Raises
    ------
    ValueError
        An empty or not one-dimensional axis, unequal lengths to zip, a store that holds another sweep (the message
        says what differs), something that cannot be compared and no `version`.
    StoreInUseError
        Another process is writing the store.
    SweepError
        With `raise_errors`, if points failed; its ``dataset`` holds the others.
    MemoryError
        The grid, or the results at all its points, would not fit.
    OSError
        The store cannot be written (a full disk); the points written before are kept.
    ImportError
        A package of the extra is missing.
    KeyboardInterrupt
        Ctrl-C; its attribute ``result`` is the data set of the points finished before.

    Examples
    --------
    >>> import piqs
    >>> data = piqs.sweep(lambda x, y: x * y, {"x": [1, 2, 3], "y": [10, 20]},)
    >>> data.result.sel(x=3, y=20).item()
    60.0
    """
    need("xarray"), need("loky"), need("filelock")
    axes = _check_grid(grid, mode)
    fixed = _checks.mapping(parameters, "parameters", "of arguments of f")
    _check_arguments(f, axes, fixed, workers, progress_bar, version)
    header = _header(f, axes, fixed, mode, store is not None, version)
    results = SweepStore(None if store is None else folder(store), header, axes, repair)
    try:
        total = math.prod(dimensions(axes, mode).values())
        kept = {number for number, outcome in results.outcomes.items() if outcome.values is not None}
        missing = [number for number in range(total) if number not in kept and number not in results.damaged]
        if missing:
            _warn_of_other_versions(results.created_with, header["attributes"])
            _run(f, missing, axes, fixed, mode, results, client, workers, progress_bar)
    except KeyboardInterrupt as interrupt:
        interrupt.result = to_dataset(results.outcomes, results.damaged, axes, mode, results.created_with)  # type: ignore[attr-defined]
        raise
    finally:
        results.close()
    dataset = to_dataset(results.outcomes, results.damaged, axes, mode, results.created_with)
    if results.damaged:
        warnings.warn(damage_message(results.damaged), stacklevel=3)
    _finish(dataset, missing, raise_errors)
    return dataset


def _check_grid(grid: Mapping[str, Any], mode: str) -> dict[str, np.ndarray]:
    _checks.choice(mode, "mode", ("product", "zip"))
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"grid must be a dict of axis names to values with at least one axis, got {grid!r}")
    axes = {}
    for name, values in grid.items():
        if not isinstance(name, str) or not name.isidentifier() or name in RESERVED:
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
    points = math.prod(dimensions(axes, mode).values())
    _resources.check(points * _BYTES_PER_POINT, f"a grid of {points:,} points", "Sweep over parts of it.")
    return axes


def _check_arguments(
    f: Callable[..., Any],
    axes: dict[str, np.ndarray],
    fixed: dict[str, Any],
    workers: Any,
    bar: Any,
    version: Any,
) -> None:
    _checks.choice(bar, "progress_bar", progress_bars)
    if version is not None and not isinstance(version, str):
        raise TypeError(f'version must be a text such as "2", got {version!r}')
    _checks.function(f, "f", "of the axes and parameters by name")
    twice = sorted(set(axes) & set(fixed))
    if twice:
        raise ValueError(f"parameters must not repeat an axis of the grid, got {twice} in both; remove one")
    try:
        inspect.signature(f).bind(**dict.fromkeys([*axes, *fixed]))
    except (TypeError, ValueError) as error:
        raise TypeError(f"f must accept the axes and parameters {[*axes, *fixed]} by name: {error}") from None
    if workers is not None and (not isinstance(workers, int) or workers < 0):
        raise ValueError(f"workers must be an integer >= 0, got {workers!r}")


def _header(
    f: Callable[..., Any],
    axes: dict[str, np.ndarray],
    fixed: dict[str, Any],
    mode: str,
    stored: bool,
    version: str | None,
) -> dict[str, Any]:
    """What must agree for stored points to be points of this sweep, and where they come from."""
    return {
        "axes": list(axes),
        "mode": mode,
        "fingerprint": _fingerprint(f, axes, fixed, version) if stored else {},
        "attributes": _provenance(f, fixed, mode),
    }


def _fingerprint(
    f: Callable[..., Any], axes: dict[str, np.ndarray], fixed: dict[str, Any], version: str | None
) -> dict[str, str]:
    found = fingerprint(f, fixed)
    if found.unknown and version is None:
        reasons = "; ".join(f"{part}: {why}" for part, why in found.unknown.items())
        raise ValueError(
            f"store: whether a later run asks for the same results cannot be known from here ({reasons}); pass "
            'version="...", a text that you change whenever that changes, or run without store'
        )
    parts = found.parts | dict.fromkeys(found.unknown, "not compared")
    if version is not None:
        parts["version"] = repr(version)
    # Compiled code differs between these.
    parts["python"] = ".".join(platform.python_version_tuple()[:2])
    for name, values in axes.items():
        digest = hashlib.sha256(repr(values.tolist()).encode()).hexdigest()[:16]
        parts[f"axis {name}"] = f"{len(values)} values from {values[0]} to {values[-1]}, digest {digest}"
    parts["axes"] = ", ".join(axes)
    return parts


def _name(f: Callable[..., Any]) -> str:
    return f"{getattr(f, '__module__', '?')}.{getattr(f, '__qualname__', type(f).__qualname__)}"


def _provenance(f: Callable[..., Any], fixed: dict[str, Any], mode: str) -> dict[str, str]:
    import piqs

    versions = {name: metadata.version(name) for name in ("qutip", "numpy", "scipy", "numba", "xarray")}
    return {
        "function": _name(f),
        "parameters": json.dumps(fixed, default=repr, sort_keys=True),
        "sweep_mode": mode,  # not "mode", which SciPy's netCDF writer takes for its own
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": platform.platform(),
        "python_version": platform.python_version(),
        "piqs_version": piqs.__version__,
        **{f"{name}_version": value for name, value in versions.items()},
    }


def _warn_of_other_versions(old: dict[str, str], new: dict[str, str]) -> None:
    changed = [
        f"{key.removesuffix('_version')} {old[key]} (now {value})"
        for key, value in new.items()
        if key.endswith("_version") and old.get(key) not in (None, value)
    ]
    if changed:
        warnings.warn(
            f"the store's points were computed with {', '.join(changed)}; the new points use the present versions. "
            "Use another store to compute all points alike",
            stacklevel=4,
        )


def _run(
    f: Callable[..., Any],
    missing: list[int],
    axes: dict[str, np.ndarray],
    fixed: dict[str, Any],
    mode: str,
    results: SweepStore,
    client: Any,
    workers: int | None,
    progress_bar: str,
) -> None:
    points = {number: {**_point(axes, number, mode), **fixed} for number in missing}
    outcomes = evaluate_all(f, points, client, workers, cautious=results.unfinished)
    bar = progress_bars[progress_bar](len(points))
    try:
        for count, (number, outcome) in enumerate(outcomes, start=1):
            if count == 1 and outcome.values is not None:
                _check_memory(outcome, axes, mode)
            _record(results, number, outcome, axes, mode)
            bar.update()
    finally:
        outcomes.close()
    bar.finished()


def _check_memory(outcome: Outcome, axes: dict[str, np.ndarray], mode: str) -> None:
    """Refuse results that will not fit, as soon as one shows their size."""
    size = sum(_bytes(value) for value in (outcome.values or {}).values())
    points = math.prod(dimensions(axes, mode).values())
    needed = 2.0 * size * points  # as they come, and in the data set
    what = f"the results of {points:,} points of {size:,} bytes each"
    _resources.check(needed, what, "Return less from f, or sweep over parts of the grid.")


def _bytes(value: Value) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return 24 * value.shape[0] + 20 * _checks.matrix(value, "a result").nnz


def _record(
    results: SweepStore, number: int, outcome: Outcome, axes: dict[str, np.ndarray], mode: str
) -> None:
    try:
        results.write(number, outcome)
    except OSError as problem:
        remedy = "" if problem.errno is None else "make room and "
        total = math.prod(dimensions(axes, mode).values())
        stored = sum(held.values is not None for held in results.outcomes.values())
        raise OSError(
            problem.errno,
            f"the sweep's store {str(results.path)!r} could not be written at point {_index(number, axes, mode)}: "
            f"{problem}; {stored} of {total} points are stored and kept: "
            f"{remedy}call sweep again with the same arguments",
        ) from problem


def _index(number: int, axes: dict[str, np.ndarray], mode: str) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(number, tuple(dimensions(axes, mode).values())))


def _point(axes: dict[str, np.ndarray], number: int, mode: str) -> dict[str, Any]:
    index = _index(number, axes, mode)
    where = index if mode == "product" else index * len(axes)
    return {name: values[i].item() for (name, values), i in zip(axes.items(), where, strict=True)}


def _finish(dataset: xr.Dataset, computed: list[int], raise_errors: bool) -> None:
    done = dataset.done.values.ravel()
    failed = [number for number in computed if not done[number]]
    if not failed:
        return
    first = tuple(int(i) for i in np.unravel_index(failed[0], dataset.done.shape))
    reason = str(dataset.error.values[first]).strip().splitlines()[-1]
    message = (
        f"{len(failed)} of {done.size} points failed, first at index {first}: {reason}; "
        "the full text is in the data set's 'error', the failed points are NaN and tried again next time"
    )
    if raise_errors:
        raise SweepError(message, dataset)
    warnings.warn(message, stacklevel=4)
