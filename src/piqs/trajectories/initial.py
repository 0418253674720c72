"""Initial states: a ket, or a mixture of kets from which every trajectory draws one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csc_array, csr_array, hstack
from scipy.sparse.csgraph import connected_components

from piqs import _checks

_NORM_TOLERANCE = 1e-8
_SMALLEST_WEIGHT = 1e-15  # an eigenvalue below is rounding


@dataclass
class Mixture:
    """Normalised kets, one a column, and their probabilities."""

    kets: csc_array
    weights: np.ndarray

    def __post_init__(self) -> None:
        self._cumulative = np.cumsum(self.weights) / self.weights.sum()

    @property
    def is_of_basis_kets(self) -> bool:
        """True if every ket is a basis ket, up to a phase."""
        return bool((np.diff(self.kets.indptr) == 1).all())

    def draw(self, rng: np.random.Generator) -> int:
        """Index of a ket by its probability; a pure state draws no random number."""
        if self.weights.size == 1:
            return 0
        return int(np.searchsorted(self._cumulative, rng.random(), side="right"))


def read_state(state: Any, dims: list[Any]) -> Mixture:
    """Mixture from a ket, a density matrix, or a list of (ket, weight) pairs."""
    if isinstance(state, (list, tuple)):
        return _from_pairs(state, dims)
    _check_qobj(state, dims)
    matrix = csc_array(state.to("csr").data_as("csr_matrix"), dtype=complex)
    matrix.eliminate_zeros()
    if not np.isfinite(matrix.data).all():
        raise ValueError("state must be finite; it holds NaN or infinity")
    if state.isket:
        _check_norm(float(np.linalg.norm(matrix.data)), "state", "norm", "state.unit()")
        return Mixture(matrix, np.ones(1))
    return _from_density_matrix(matrix)


def _check_qobj(state: Any, dims: list[Any]) -> None:
    if not isinstance(state, Qobj):
        raise TypeError(
            "state must be a Qobj (ket or density matrix) or a list of (ket, weight), "
            f"got {type(state).__name__}"
        )
    if not (state.isket or state.isoper) or state.dims[0] != dims[0]:
        raise ValueError(f"state must be a ket or a density matrix on dims {dims[0]}, got dims {state.dims}")


def _check_norm(norm: float, name: str, what: str, remedy: str) -> None:
    if abs(norm - 1) > _NORM_TOLERANCE:
        raise ValueError(f"{name} must have {what} 1, got {norm:.9g}; pass {remedy}")


def _from_pairs(pairs: Any, dims: list[Any]) -> Mixture:
    if not pairs or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise TypeError("state, where it is a list, must hold (ket, weight) pairs")
    mixtures = [read_state(state, dims) for state, _ in pairs]
    columns = [mixture.kets for mixture in mixtures]
    weights = np.concatenate(
        [
            _checks.rate(weight, "state: a weight") * m.weights
            for m, (_, weight) in zip(mixtures, pairs, strict=True)
        ]
    )
    _check_norm(float(weights.sum()), "state", "weights that add up to", "weights divided by their sum")
    return Mixture(csc_array(hstack(columns, format="csc")), weights)


def _from_density_matrix(rho: csc_array) -> Mixture:
    """Eigenvectors of every connected part of rho, so that a Dicke state draws one ladder at a time."""
    if abs(rho - rho.conj().T).max() > 1e-10:
        raise ValueError("state must be Hermitian; a density matrix is")
    _check_norm(float(rho.diagonal().sum().real), "state", "trace", "state / state.tr()")
    count, label = connected_components(csr_array(abs(rho)), directed=False)
    sizes = np.bincount(label, minlength=count)
    diagonal = rho.diagonal().real
    if diagonal.min() < -1e-10:
        raise ValueError(f"state must be positive; it has the diagonal element {diagonal.min():.3g}")
    single = np.flatnonzero((sizes[label] == 1) & (diagonal > _SMALLEST_WEIGHT))
    rows, columns = [single], [np.arange(single.size)]
    values, weights = [np.ones(single.size, dtype=complex)], list(diagonal[single])
    order = np.argsort(label, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)))
    for part in np.flatnonzero(sizes > 1):
        kets = order[starts[part] : starts[part + 1]]
        probabilities, vectors = np.linalg.eigh(rho[kets][:, kets].toarray())
        if probabilities.min() < -1e-10:
            raise ValueError(f"state must be positive; it has the eigenvalue {probabilities.min():.3g}")
        for k in np.flatnonzero(probabilities > _SMALLEST_WEIGHT):
            rows.append(kets)
            columns.append(np.full(kets.size, len(weights)))
            values.append(vectors[:, k])
            weights.append(probabilities[k])
    shape = (rho.shape[0], len(weights))
    kets = csc_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape)
    kets.eliminate_zeros()
    return Mixture(kets, np.array(weights))
