"""Observables, as rows over the unknowns of a reduced generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj, QobjEvo

from piqs._checks import matrix as matrix_of
from piqs.errors import DimensionError
from piqs.liouville import Generator
from piqs.liouville.basis import coordinates, union


def named(e_ops: Any) -> dict[Any, Any]:
    """Observables by key: those of a dictionary, else 0, 1, ..."""
    if e_ops is None:
        return {}
    if isinstance(e_ops, Mapping):
        return dict(e_ops)
    if isinstance(e_ops, (list, tuple)):
        return dict(enumerate(e_ops))
    return {0: e_ops}


class Observables:
    """Observables as real rows over the reduced basis, with the way back to the values asked for.

    Each is a sum of parts f(t) A; each A takes one row, or two where it is not Hermitian.

    Attributes
    ----------
    parts : dict
        By key, the pairs (A, f) of every observable; f is None where it is constant.
    functions : dict
        By key, what is no operator but a function f(t, state).
    """

    def __init__(self, e_ops: Any, dims: list[Any], args: dict[str, Any] | None) -> None:
        self.functions: dict[Any, Callable[[float, Qobj], Any]] = {}
        self.parts: dict[Any, list[tuple[sp.csr_array, Any]]] = {}
        for key, op in named(e_ops).items():
            name = f"e_ops[{key!r}]"
            if isinstance(op, Qobj):
                self.parts[key] = [(_matrix(op, dims, name), None)]
            elif isinstance(op, QobjEvo):
                listed = QobjEvo(op, args=args).to_list()
                pairs = [(part, None) if isinstance(part, Qobj) else (part[0], part[1]) for part in listed]
                self.parts[key] = [(_matrix(a, dims, name), f) for a, f in pairs]
            elif callable(op):
                self.functions[key] = op
            else:
                raise TypeError(
                    f"{name} must be a Qobj, a QobjEvo or a function f(t, rho), got {type(op).__name__}"
                )

    def keys(self) -> np.ndarray:
        """Keys of all basis elements that any observable reads."""
        return union(*(coordinates(a)[0] for parts in self.parts.values() for a, _ in parts))

    def matrix(self, generator: Generator) -> sp.csr_array:
        """One sparse real row for each real or imaginary part."""
        rows: list[tuple[np.ndarray, np.ndarray]] = []
        self._rows: dict[Any, list[tuple[int, int | None, Any]]] = {}
        for key, parts in self.parts.items():
            self._rows[key] = []
            for a, f in parts:
                o, o_imaginary = generator.functionals(a)
                real, imaginary = len(rows), None
                rows.append(_nonzero(o))
                if o_imaginary is not None:
                    imaginary = len(rows)
                    rows.append(_nonzero(o_imaginary))
                self._rows[key].append((real, imaginary, f))
        if not rows:
            return sp.csr_array((0, generator.size), dtype=generator.dtype)
        places, values = (np.concatenate(part) for part in zip(*rows, strict=True))
        ends = np.cumsum([0, *(place.size for place, _ in rows)], dtype=np.int32)
        return sp.csr_array((values, places, ends), shape=(len(rows), generator.size))

    def combine(self, times: np.ndarray, values: np.ndarray) -> dict[Any, np.ndarray]:
        """Values of the observables at the times: real for Hermitian ones, else complex."""
        out: dict[Any, np.ndarray] = {}
        for key, rows in self._rows.items():
            total: np.ndarray = np.zeros(times.size)
            for real, imaginary, f in rows:
                part = values[:, real] if imaginary is None else values[:, real] + 1j * values[:, imaginary]
                total = total + (part if f is None else part * np.array([complex(f(t)) for t in times]))
            out[key] = _real_where_evolving(total) if any(f is not None for _, _, f in rows) else total
        return out

    def in_ket(self, key: Any, t: float, psi: np.ndarray) -> complex:
        """<psi| A(t) |psi>."""
        values = (np.vdot(psi, a @ psi) * (1.0 if f is None else complex(f(t))) for a, f in self.parts[key])
        return complex(sum(values))

    def tidy(self, key: Any, values: np.ndarray) -> np.ndarray:
        """Values from `in_ket` or a function, real for Hermitian operators."""
        if key in self.functions:
            return values
        if any(f is not None for _, f in self.parts[key]):
            return _real_where_evolving(values)
        hermitian = all(not np.iscomplexobj(coordinates(a)[1]) for a, _ in self.parts[key])
        return values.real if hermitian else values


def _real_where_evolving(values: np.ndarray) -> np.ndarray:
    """Whether a sum with coefficients is Hermitian shows in its values only; QuTiP drops their imaginary parts too."""
    scale = float(np.abs(values).max(initial=0.0))
    return values.real if np.all(np.abs(values.imag) <= 1e-12 * scale) else values


def _nonzero(row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and values of the elements that are not zero."""
    places = np.flatnonzero(row)
    return places.astype(np.int32), row[places]


def _matrix(operator: Qobj, dims: list[Any], name: str) -> sp.csr_array:
    if not operator.isoper or operator.dims != dims:
        raise DimensionError(f"{name} has dims {operator.dims}, but the problem has dims {dims}")
    return matrix_of(operator, name)
