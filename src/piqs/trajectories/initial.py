"""Initial states: a ket, or a mixture of kets from which every trajectory draws one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qutip import Qobj
from scipy.sparse import csc_array, csr_array, hstack
from scipy.sparse.csgraph import connected_components

from piqs import _checks
from piqs._interrupts import dense
from piqs.equations import MasterEquation
from piqs.errors import DimensionError

_NORM_TOLERANCE = 1e-8
_SMALLEST_WEIGHT = 1e-15  # an eigenvalue below is rounding


@dataclass
class Mixture:
    """Normalised kets, one a column, and their probabilities.

    Every trajectory draws its ket, unless `allot` or `one_each` has given each a ket and a weight beforehand.
    """

    kets: csc_array
    weights: np.ndarray
    counts: np.ndarray | None = None  # trajectories of every ket, where allotted
    _columns: np.ndarray | None = None
    _shares: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._cumulative = np.cumsum(self.weights) / self.weights.sum()

    @property
    def is_of_basis_kets(self) -> bool:
        """True if every ket is a basis ket, up to a phase."""
        return bool((np.diff(self.kets.indptr) == 1).all())

    def pick(self, rng: np.random.Generator, trajectory: int) -> tuple[int, float]:
        """Number of a ket and weight of the trajectory; only a mixture that is not allotted draws a number."""
        if self._columns is not None and self._shares is not None:
            column = int(self._columns[trajectory % self._columns.size])
            return column, float(self._shares[column])
        if self.weights.size == 1:
            return 0, 1.0
        return int(np.searchsorted(self._cumulative, rng.random(), side="right")), 1.0

    def as_qobj(self, dims: list[Any]) -> list[Qobj]:
        """The kets as QuTiP has them."""
        columns = (self.kets[:, [k]].toarray() for k in range(self.weights.size))
        return [Qobj(column, dims=[dims[0], [1] * len(dims[0])]) for column in columns]

    def one_each(self) -> Mixture:
        """Trajectory k starts from ket k (modulo their number)."""
        self._columns, self._shares = np.arange(self.weights.size), np.ones(self.weights.size)
        return self

    def allot(self, ntraj: int) -> Mixture:
        """Give every ket its share of `ntraj` trajectories, as near to its weight as whole numbers come.

        The rest is made up by the weights of the trajectories, so that averages at the first time are exact. The
        kets take turns: those of the first trajectories are a fair sample too.
        """
        counts = np.ones(self.weights.size, dtype=np.int64)
        share = self.weights / self.weights.sum()
        counts += np.floor(share * (ntraj - counts.size)).astype(np.int64)
        missing = share * ntraj - counts
        counts[np.argsort(-missing, kind="stable")[: ntraj - counts.sum()]] += 1
        turns = np.concatenate([(np.arange(n) + 0.5) / n for n in counts])
        self._columns = np.repeat(np.arange(counts.size), counts)[np.argsort(turns, kind="stable")]
        self.counts, self._shares = counts, share / (counts / ntraj)
        return self


def read_state(state: Any, equation: MasterEquation) -> Mixture:
    """Mixture from a ket, a density matrix, or a list of (ket, weight) pairs.

    Raises
    ------
    TypeError, ValueError
        For what is no state of the equation's space.
    """
    if isinstance(state, (list, tuple)):
        return _from_pairs(state, equation)
    dims = equation.dims
    if not isinstance(state, Qobj):
        raise TypeError(
            "state must be a Qobj (ket or density matrix) or a list of (ket, weight), "
            f"got {type(state).__name__}"
        )
    if not (state.isket or state.isoper) or state.dims[0] != dims[0]:
        raise DimensionError(
            f"state must be a ket or a density matrix on dims {dims[0]}, got dims {state.dims}"
        )
    matrix = csc_array(_checks.matrix(state, "state"), dtype=complex)
    matrix.eliminate_zeros()
    equation.space.check_state(matrix, "state")
    if state.isket:
        _check_norm(float(np.linalg.norm(matrix.data)), "state", "norm", "state.unit()")
        return Mixture(matrix, np.ones(1))
    return _from_density_matrix(matrix)


def _check_norm(norm: float, name: str, what: str, remedy: str) -> None:
    if abs(norm - 1) > _NORM_TOLERANCE:
        raise ValueError(f"{name} must have {what} 1, got {norm:.9g}; pass {remedy}")


def _from_pairs(pairs: Any, equation: MasterEquation) -> Mixture:
    if not pairs or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise TypeError("state, where it is a list, must hold (ket, weight) pairs")
    mixtures = [read_state(state, equation) for state, _ in pairs]
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
        probabilities, vectors = dense(np.linalg.eigh, rho[kets][:, kets].toarray())
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
