"""A sweep's points as a labelled data set; reading a store; netCDF."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from qutip import Qobj

from piqs.sweeps.store import Outcome, header_identity, read_header, read_points

if TYPE_CHECKING:
    import xarray as xr

RESERVED = ("done", "error", "point")


def load_sweep(store: str | Path) -> xr.Dataset:
    """Read what a sweep has stored, finished or not, without the function that computes it.

    Parameters
    ----------
    store : str or pathlib.Path
        The folder that was given to `sweep` as `store`; a sweep that is running may be read, too.

    Returns
    -------
    xarray.Dataset
        As from `sweep`.

    Raises
    ------
    ValueError
        The folder holds no sweep, or the file that describes it is damaged.

    Warns
    -----
    UserWarning
        Files of points are damaged; their points are not ``done``, and ``error`` names the files.

    Examples
    --------
    >>> import piqs, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = piqs.sweep(lambda x: x**2, {"x": [1, 2, 3]}, store=folder)
    >>> piqs.load_sweep(folder).result.values
    array([1., 4., 9.])
    """
    need("xarray")
    path = folder(store)
    header, axes = read_header(path)
    outcomes, damaged = read_points(path, header_identity(header))
    if damaged:
        warnings.warn(damage_message(damaged), stacklevel=2)
    return to_dataset(outcomes, damaged, axes, header["mode"], header["attributes"])


def sweep_to_netcdf(dataset: xr.Dataset, path: str | Path) -> None:
    """Write a sweep's data set as a netCDF file, which ``xarray.open_dataset`` and many other programs read.

    A complex result becomes two variables, ``name_real`` and ``name_imag``; a quantum object becomes the two parts of
    its matrix, with its dims in the attribute ``dims``. Characters that netCDF does not allow in a name are written as
    in a web address (``%2F``), and the attribute ``long_name`` keeps the name.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `sweep` or `load_sweep`.
    path : str or pathlib.Path
        The file to write.

    Raises
    ------
    ValueError
        Quantum objects of different sizes at different points.

    Examples
    --------
    >>> import piqs, tempfile, xarray
    >>> data = piqs.sweep(lambda x: {"amplitude": 1j * x}, {"x": [1.0, 2.0]})
    >>> piqs.sweep_to_netcdf(data, tempfile.gettempdir() + "/sweep.nc")
    >>> with xarray.open_dataset(tempfile.gettempdir() + "/sweep.nc") as read:
    ...     print(read.amplitude_imag.values)
    [1. 2.]
    """
    xr = need("xarray")
    if not isinstance(dataset, xr.Dataset):
        raise TypeError(f"dataset must be what `sweep` returns, got {dataset!r}")
    if (
        not (isinstance(path, (str, Path)) and str(path) and Path(path).parent.is_dir())
        or Path(path).is_dir()
    ):
        raise ValueError(f"path must be a file to write in a folder that exists, got {path!r}")
    written = xr.Dataset(attrs=dataset.attrs)
    for name, variable in dataset.variables.items():
        attributes = {"long_name": str(name), **variable.attrs}
        dims = [quote(str(dim), safe="") for dim in variable.dims]
        values = variable.values
        if values.dtype == object and any(isinstance(x, Qobj) for x in values.flat):
            values, attributes["dims"] = _matrices(str(name), values)
            dims += [f"{name}_row", f"{name}_column"]
        plain = quote(str(name), safe="") or "_"
        parts = (
            {f"{plain}_real": values.real, f"{plain}_imag": values.imag} if values.dtype.kind == "c" else {}
        )
        for part, numbers in (parts or {plain: values}).items():
            written[part] = (dims, numbers, attributes)
    coordinates = [quote(str(name), safe="") for name in dataset.coords]
    written.set_coords([name for name in coordinates if name in written]).to_netcdf(path)


def folder(store: Any) -> Path:
    """The path of a store."""
    if not isinstance(store, (str, Path)) or not str(store):
        raise TypeError(f"store must be a folder, as text or path, got {store!r}")
    return Path(store)


def _matrices(name: str, values: Any) -> tuple[np.ndarray, str]:
    held = [x for x in values.flat if isinstance(x, Qobj)]
    dims = {json.dumps(x.dims) for x in held}
    if len(dims) > 1:
        raise ValueError(
            f"{name!r} holds quantum objects of different dims, {sorted(dims)[:2]}, which netCDF cannot; "
            "drop it with dataset.drop_vars, or select points of one size"
        )
    matrices = np.full((*values.shape, *held[0].shape), np.nan, dtype=complex)
    for index in np.ndindex(values.shape):
        if isinstance(values[index], Qobj):
            matrices[index] = values[index].full()
    return matrices, dims.pop()


def to_dataset(
    outcomes: Mapping[int, Outcome],
    damaged: Mapping[int, str],
    axes: Mapping[str, np.ndarray],
    mode: str,
    attributes: Mapping[str, str],
) -> xr.Dataset:
    """The data set of these points: NaN, or None for a quantum object, where there is no result."""
    xr = need("xarray")
    lengths = dimensions(axes, mode)
    shape = tuple(lengths.values())
    size = int(np.prod(shape))
    values, errors = _agreeing(outcomes, set(axes) | set(RESERVED))
    errors.update(damaged)
    done = np.zeros(size, dtype=bool)
    done[list(values)] = True
    texts = np.full(size, "", dtype=object)
    for number, text in errors.items():
        texts[number] = text
    dataset = xr.Dataset(
        {
            "done": (tuple(lengths), done.reshape(shape)),
            "error": (tuple(lengths), texts.reshape(shape).astype(str)),
        },
        coords={name: (name if mode == "product" else "point", axis) for name, axis in axes.items()},
        attrs=dict(attributes),
    )
    first = next(iter(values.values()), {})
    taken = {*axes, *RESERVED, *first}
    for name in first:
        column = _column({number: found[name] for number, found in values.items()}, size)
        inner = _free_names(name, column.ndim - 1, taken)
        dataset[name] = ((*lengths, *inner), column.reshape(shape + column.shape[1:]))
        taken.update(inner)
    return dataset


def dimensions(axes: Mapping[str, np.ndarray], mode: str) -> dict[str, int]:
    """Names and lengths of the sweep's dimensions."""
    if mode == "product":
        return {name: len(values) for name, values in axes.items()}
    return {"point": len(next(iter(axes.values())))}


def _column(found: dict[int, Any], size: int) -> np.ndarray:
    """One result at all points, along the first axis."""
    first = next(iter(found.values()))
    if isinstance(first, Qobj):
        column = np.full(size, None, dtype=object)
    else:
        kind = np.result_type(*{value.dtype for value in found.values()})
        column = np.full((size, *first.shape), np.nan, dtype=kind)
    for number, value in found.items():
        column[number] = value
    return column


def _free_names(name: str, count: int, taken: set[str]) -> list[str]:
    """Names for the dimensions of an array result."""
    names = []
    for k in range(count):
        candidate = f"{name}_{k}"
        while candidate in taken:
            candidate += "_"
        names.append(candidate)
    return names


def _agreeing(
    outcomes: Mapping[int, Outcome], taken: set[str]
) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """Results of the points that return what most return, and errors of the others."""
    values = {
        number: outcome.values for number, outcome in sorted(outcomes.items()) if outcome.values is not None
    }
    errors = {number: outcome.error for number, outcome in outcomes.items() if outcome.values is None}
    forms = {number: _form(found) for number, found in values.items()}
    usual = Counter(forms.values()).most_common(1)[0][0] if forms else ()
    for number, form in forms.items():
        clash = sorted(set(values[number] or ()) & taken)
        if clash:
            errors[number] = (
                f"ValueError: a result may not be called {clash[0]!r}, which names an axis or column; rename it"
            )
        elif form != usual:
            errors[number] = (
                f"ValueError: this point returned {_in_words(form)}, most points returned {_in_words(usual)}; "
                "every point must return the same names and shapes (pad with NaN)"
            )
    return {number: found for number, found in values.items() if number not in errors}, errors


def _form(found: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, None if isinstance(x, Qobj) else x.shape) for name, x in sorted((found or {}).items())
    )


def _in_words(form: tuple[tuple[str, Any], ...]) -> str:
    return (
        ", ".join(f"{name!r} ({'Qobj' if shape is None else f'shape {shape}'})" for name, shape in form)
        or "nothing"
    )


def damage_message(damaged: Mapping[int, str]) -> str:
    """Which points' files are damaged, and what to do."""
    return (
        f"{len(damaged)} stored points cannot be read: {next(iter(damaged.values()))}; they are NaN, and the data set's "
        "'error' names every file; call sweep with repair=True and the same arguments to compute them again"
    )


def need(module: str) -> Any:
    """Import a package of the extra for sweeps, or say how to install it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'parameter sweeps need {module}, which is not installed: pip install "piqs[sweep]"', name=module
        ) from error
