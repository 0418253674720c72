"""The Zarr store behind `piqs.sweep`: one chunk per point, readable by xarray at any moment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

RESERVED = ("done", "error")


class SweepStore:
    """Results of a sweep, written point by point.

    A point's results are written before its `done` mark, and Zarr replaces a chunk file as a whole, so that a
    process killed at any moment leaves a store in which every point marked done is complete.

    Parameters
    ----------
    path : str or pathlib.Path or None
        Directory of the store; None keeps everything in memory.
    axes : dict of str to numpy.ndarray
        The coordinates.
    dims : dict of str to int
        Names and lengths of the dimensions of the sweep.
    fingerprint : dict
        What makes this sweep the same sweep as another: compared with what an existing store holds.
    provenance : dict
        Further attributes of a new store.
    """

    def __init__(
        self,
        path: str | Path | None,
        axes: dict[str, np.ndarray],
        dims: dict[str, int],
        fingerprint: dict[str, Any],
        provenance: dict[str, Any],
    ) -> None:
        import zarr

        self.path = path
        self.dims = dims
        self.axes = axes
        if path is None:
            self.group = zarr.create_group(store=zarr.storage.MemoryStore(), attributes=provenance)
        elif Path(path).exists() and (not Path(path).is_dir() or any(Path(path).iterdir())):
            self.group = self._open_existing(Path(path), fingerprint)
        else:
            attributes = {**provenance, **{f"sweep_{k}": v for k, v in fingerprint.items()}}
            self.group = zarr.create_group(store=str(path), attributes=attributes)
        # Reached again on resuming: a run killed while it created these arrays left only some of them.
        self.shape = tuple(dims.values())
        for name, values in axes.items():
            if name not in self.group:
                dim = name if name in dims else next(iter(dims))
                dtype = str if values.dtype.kind == "U" else values.dtype
                array = self.group.create_array(
                    name, shape=values.shape, dtype=dtype, chunks=values.shape, dimension_names=[dim]
                )
                array[:] = values.astype(object) if values.dtype.kind == "U" else values
        self._done = self._per_point("done", bool, False)
        self._error = self._per_point("error", str, "")
        self.done = np.asarray(self._done[...]).reshape(self.shape)
        self.results = sorted(set(self.group.array_keys()) - set(axes) - set(RESERVED))

    def _open_existing(self, path: Path, fingerprint: dict[str, Any]) -> Any:
        import zarr

        try:
            group = zarr.open_group(str(path), mode="r+")
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            raise ValueError(
                "store must be a new path or the Zarr store of an earlier run of this sweep, "
                f"got {str(path)!r}, "
                "which holds something else; choose another path"
            ) from error
        for key, value in fingerprint.items():
            held = group.attrs.get(f"sweep_{key}")
            if held != value:
                raise ValueError(
                    f"store {str(path)!r} holds another sweep: its {key} is {held!r}, "
                    f"this sweep's is {value!r}; "
                    "choose another path, or delete the store to start again"
                )
        return group

    def _per_point(self, name: str, dtype: Any, fill: Any) -> Any:
        if name in self.group:
            return self.group[name]
        return self.group.create_array(
            name,
            shape=self.shape,
            dtype=dtype,
            chunks=(1,) * len(self.shape),
            fill_value=fill,
            dimension_names=list(self.dims),
        )

    def check(self, results: dict[str, np.ndarray]) -> None:
        """Raise ValueError if these results do not have the names, shapes and types of the earlier points."""
        for name, value in results.items():
            if name in RESERVED or name in self.axes or name in self.dims:
                raise ValueError(
                    f"a result may not be called {name!r}: that is an axis or one of {RESERVED}; rename it"
                )
            if name not in self.results:
                continue
            held = self.group[name]
            if value.shape != held.shape[len(self.shape) :]:
                raise ValueError(
                    f"result {name!r} has shape {value.shape}, but {held.shape[len(self.shape) :]} "
                    "at earlier points; every point must return the same shapes (pad with NaN)"
                )
            if value.dtype.kind == "c" and held.dtype.kind != "c":
                raise ValueError(
                    f"result {name!r} is complex, but real at earlier points; "
                    "return complex(...) at all points"
                )
        if self.done.any() and set(results) != set(self.results):
            raise ValueError(
                f"results are {sorted(results)}, but {self.results} at earlier points; "
                "return the same names at every point"
            )

    def write(self, index: tuple[int, ...], results: dict[str, np.ndarray]) -> None:
        """Store the results of one point, then mark it done."""
        for name, value in results.items():
            if name not in self.results:
                self.group.create_array(
                    name,
                    shape=self.shape + value.shape,
                    dtype=value.dtype,
                    chunks=(1,) * len(self.shape) + tuple(max(1, n) for n in value.shape),
                    fill_value=np.nan,
                    dimension_names=[*self.dims, *(f"{name}_{k}" for k in range(value.ndim))],
                )
                self.results = sorted([*self.results, name])
            self.group[name][index] = value
        if self._error[index] != "":
            self._error[index] = ""
        self._done[index] = True
        self.done[index] = True

    def write_error(self, index: tuple[int, ...], message: str) -> None:
        """Store why a point failed; it stays not done, and a later run tries it again."""
        self._error[index] = message

    def load(self) -> xr.Dataset:
        """Everything stored so far, in memory."""
        import xarray as xr

        dataset = xr.open_zarr(self.group.store, consolidated=False, chunks=None).load()
        return dataset.set_coords(list(self.axes))
