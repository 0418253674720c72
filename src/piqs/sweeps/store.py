"""A sweep's finished points: in memory, or in a folder with one checksummed file for each.

    diagram/sweep.npz             axes, fingerprint, provenance
    diagram/points/000000042.npz  the results of point 42, or its error
    diagram/lock, writer          held, and written, by the one process that adds points

A file is a NumPy archive followed by its BLAKE2b digest. It is written under another name and then renamed, so that it
is there whole or not at all; it carries the sweep's fingerprint and its own number, so that it belongs to one place only.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from qutip import Qobj
from scipy.sparse import csr_matrix

from piqs import _checks
from piqs.errors import StoreInUseError

_DIGEST_SIZE = 32
Value = Any  # numpy.ndarray or Qobj


class Outcome(NamedTuple):
    """What became of a point: its results, or the text of its error."""

    values: dict[str, Value] | None
    error: str = ""


class Damaged(Exception):
    """A file is not what was written."""


class SweepStore:
    """Finished points of one sweep by number, of which one process may write.

    Parameters
    ----------
    path : str or pathlib.Path or None
        The store's folder; None keeps the points in memory only.
    header : dict
        What the store says of the sweep: "fingerprint" (part to text), "attributes", "mode".
    axes : dict of str to numpy.ndarray
        The axes.
    repair : bool
        Forget what is damaged, so that it is computed again.
    """

    def __init__(
        self,
        path: str | Path | None,
        header: dict[str, Any],
        axes: dict[str, np.ndarray],
        repair: bool = False,
    ) -> None:
        self.path = None if path is None else Path(path)
        self.identity = _identity(header)
        self.outcomes: dict[int, Outcome] = {}
        self.damaged: dict[int, str] = {}  # number of a point to what is wrong with its file
        self.unfinished = False  # a process died while it wrote this store
        self.created_with: dict[str, str] = header["attributes"]
        self._lock: Any = None
        self._read_only = ""
        if self.path is not None:
            self._open(self.path, header, axes, repair)

    def _open(self, path: Path, header: dict[str, Any], axes: dict[str, np.ndarray], repair: bool) -> None:
        known = (path / "sweep.npz").exists() or (path / "points").is_dir()
        if path.exists() and not known and (not path.is_dir() or set(os.listdir(path)) - {"lock", "writer"}):
            raise ValueError(
                "store must be a new path or the folder of an earlier run of this sweep, "
                f"got {str(path)!r}, which holds something else; choose another path"
            )
        self._acquire(path)
        try:
            self._read_header(path, header, axes, repair)
            self._read_points(path, repair)
        except BaseException:
            self.close()
            raise

    def _acquire(self, path: Path) -> None:
        from filelock import FileLock, Timeout

        lock = FileLock(path / "lock")
        try:
            (path / "points").mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
            self._lock = lock
            self.unfinished = (path / "writer").exists()
            writer = {
                "process": os.getpid(),
                "host": platform.node(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            (path / "writer").write_text(json.dumps(writer))
        except Timeout:
            raise StoreInUseError(
                f"store {str(path)!r} is being written by {_writer(path)}; wait for it, "
                "or read what it has with piqs.load_sweep"
            ) from None
        except OSError as error:  # a complete store may lie on a disk that cannot be written
            self._read_only = str(error)

    def _read_header(
        self, path: Path, header: dict[str, Any], axes: dict[str, np.ndarray], repair: bool
    ) -> None:
        file = path / "sweep.npz"
        try:
            held, _ = _read(file)
            _check_same(path, held, header)
            self.created_with = held["attributes"]
            self.identity = _identity(held)
            return
        except FileNotFoundError:
            if any((path / "points").glob("*.npz")) and not repair:
                raise ValueError(_no_header(path, "is missing")) from None
        except Damaged as damage:
            if not repair:
                raise ValueError(_no_header(path, f"is damaged ({damage})")) from None
        self._write(file, header, list(axes.values()))

    def _read_points(self, path: Path, repair: bool) -> None:
        self.outcomes, self.damaged = read_points(path, self.identity)
        if not self._read_only:
            for left in path.rglob("*.new"):  # a process died while it wrote this
                left.unlink()
        if repair:
            self.damaged = {}

    def write(self, number: int, outcome: Outcome) -> None:
        """Store one point."""
        if self.path is not None:
            values = outcome.values or {}
            results: list[dict[str, Any]] = []
            arrays: list[np.ndarray] = []
            for name, value in values.items():
                kind, parts = _to_arrays(value)
                results.append({"name": name, **kind})
                arrays += parts
            meta = {
                "identity": self.identity,
                "number": number,
                "error": outcome.error,
                "results": None if outcome.values is None else results,
            }
            self._write(_point_file(self.path, number), meta, arrays)
        self.outcomes[number] = outcome
        self.damaged.pop(number, None)

    def _write(self, file: Path, meta: dict[str, Any], arrays: list[np.ndarray]) -> None:
        if self._read_only:
            raise OSError(f"it cannot be written: {self._read_only}")
        new = file.with_suffix(".new")
        try:
            new.write_bytes(_pack(meta, arrays))
            os.replace(new, file)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Let others write."""
        if self._lock is not None:
            assert self.path is not None
            (self.path / "writer").unlink(missing_ok=True)
            self._lock.release()
            self._lock = None


def read_header(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a store says of its sweep, and its axes."""
    file = path / "sweep.npz"
    try:
        header, arrays = _read(file)
        return header, dict(zip(header["axes"], arrays, strict=True))
    except FileNotFoundError:
        raise ValueError(
            f"store must be the folder of a sweep, got {str(path)!r}, which has no sweep.npz"
        ) from None
    except Damaged as damage:
        raise ValueError(_no_header(path, f"is damaged ({damage})")) from None


def read_points(path: Path, identity: str) -> tuple[dict[int, Outcome], dict[int, str]]:
    """The points that are stored, and of the damaged ones what is wrong."""
    outcomes, damaged = {}, {}
    for file in sorted((path / "points").glob("*.npz")):
        if not file.stem.isdecimal():
            continue
        number = int(file.stem)
        try:
            meta, arrays = _read(file)
            if meta["number"] != number or meta["identity"] != identity:
                raise Damaged("it belongs to another point or sweep")
            values = None if meta["results"] is None else _from_arrays(meta["results"], arrays)
            outcomes[number] = Outcome(values, meta["error"])
        except Damaged as damage:
            damaged[number] = f"the file {str(file)!r} is damaged: {damage}"
    return outcomes, damaged


def header_identity(header: Mapping[str, Any]) -> str:
    """What the points of this sweep carry."""
    return _identity(header)


def _identity(header: Mapping[str, Any]) -> str:
    text = json.dumps({key: header[key] for key in ("fingerprint", "mode")}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _point_file(path: Path, number: int) -> Path:
    return path / "points" / f"{number:09d}.npz"


def _pack(meta: dict[str, Any], arrays: list[np.ndarray]) -> bytes:
    """A NumPy archive of text and arrays, and its digest behind it."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    np.savez(buffer, meta=text, **{f"a{k}": array for k, array in enumerate(arrays)})  # type: ignore[arg-type]
    archive = buffer.getvalue()
    return archive + hashlib.blake2b(archive, digest_size=_DIGEST_SIZE).digest()


def _read(file: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    content = file.read_bytes()
    archive, digest = content[:-_DIGEST_SIZE], content[-_DIGEST_SIZE:]
    if hashlib.blake2b(archive, digest_size=_DIGEST_SIZE).digest() != digest:
        raise Damaged(f"its checksum does not fit its {len(content)} bytes")
    with np.load(io.BytesIO(archive), allow_pickle=False) as found:
        meta = json.loads(found["meta"].tobytes())
        return meta, [found[f"a{k}"] for k in range(len(found.files) - 1)]


def _to_arrays(value: Value) -> tuple[dict[str, Any], list[np.ndarray]]:
    if not isinstance(value, Qobj):
        return {"kind": "array"}, [value]
    matrix = _checks.matrix(value, "a result")
    kind = {"kind": "Qobj", "dims": value.dims, "shape": value.shape}
    return kind, [matrix.data, matrix.indices, matrix.indptr]


def _from_arrays(results: list[dict[str, Any]], arrays: list[np.ndarray]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    left = iter(arrays)
    for result in results:
        if result["kind"] == "array":
            values[result["name"]] = next(left)
        else:
            matrix = csr_matrix((next(left), next(left), next(left)), shape=result["shape"])
            values[result["name"]] = Qobj(matrix, dims=result["dims"])
    return values


def _check_same(path: Path, held: dict[str, Any], header: dict[str, Any]) -> None:
    """Refuse a store that holds another sweep, with all that differs."""
    old, new = held["fingerprint"], header["fingerprint"]
    parts = [part for part in {**new, **old} if new.get(part) != old.get(part)]
    if "python" in parts and "version" in new and new["version"] == old.get("version"):
        parts = [part for part in parts if part != "python" and not part.startswith("code of ")]
    differences = [
        f"{part} is {new.get(part, 'not there')}, was {old.get(part, 'not there')}" for part in parts
    ]
    if held["mode"] != header["mode"]:
        differences.append(f"mode is {header['mode']!r}, was {held['mode']!r}")
    if differences:
        more = f" (and {len(differences) - 5} more)" if len(differences) > 5 else ""
        raise ValueError(
            f"store {str(path)!r} holds another sweep: {'; '.join(differences[:5])}{more}; "
            "choose another path, or delete the store to start again"
        )


def _no_header(path: Path, what: str) -> str:
    return (
        f"the file {str(path / 'sweep.npz')!r} {what}, so the store cannot say which sweep it holds; call sweep with "
        "repair=True and the same arguments: it is written again, and points that were computed with them are kept"
    )


def _writer(path: Path) -> str:
    try:
        writer = json.loads((path / "writer").read_text())
        return f"process {writer['process']} on {writer['host']} since {writer['since']}"
    except (OSError, ValueError, KeyError):
        return "another process"
