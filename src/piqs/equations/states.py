"""Density matrices and kets from outside, and the checks they must pass."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from qutip import Qobj

from piqs._checks import matrix as matrix_of
from piqs._resources import check
from piqs.equations.operator import check_hermitian
from piqs.errors import DimensionError, UnphysicalWarning

# Positivity of larger blocks is judged by their 2 x 2 minors instead of their eigenvalues.
_LARGEST_BLOCK = 400
# An operator whose trace is this close to one is meant as a state.
_NEARLY_A_STATE = 1e-2


def density_matrix(rho0: Any, dims: list[Any], name: str = "rho0") -> sp.csr_array:
    """The density matrix of a ket or operator, refusing what is no state of a system with these dims."""
    matrix = _matrix(rho0, dims, name)
    _check_state(matrix, rho0.isket, name)
    return matrix


def initial_operator(operator: Any, dims: list[Any], name: str = "rho0") -> sp.csr_array:
    """The matrix of an operator (of a ket: its projector) to evolve, which need not be a state.

    Warns
    -----
    UnphysicalWarning
        Where a state is meant, since it is a ket or its trace is nearly one, and it is none.
    """
    matrix = _matrix(operator, dims, name)
    if operator.isket or abs(matrix.trace() - 1.0) < _NEARLY_A_STATE:
        try:
            _check_state(matrix, operator.isket, name)
        except ValueError as error:
            warnings.warn(f"{error}; it evolves as it stands", UnphysicalWarning, stacklevel=4)
    return matrix


def _matrix(rho0: Any, dims: list[Any], name: str) -> sp.csr_array:
    if not isinstance(rho0, Qobj):
        raise TypeError(f"{name} must be a Qobj (ket or density matrix), got {type(rho0).__name__}")
    if rho0.isket:
        ket = matrix_of(rho0, name)
        check(
            48.0 * ket.nnz**2,  # the elements, their indices, and a copy
            f"the density matrix of {name}, a ket with {ket.nnz:,} components,",
            "Use trajectories (piqs.mcsolve), which need the ket only.",
        )
    elif not rho0.isoper:
        raise TypeError(f"{name} must be a ket or a density matrix, got a {rho0.type} with dims {rho0.dims}")
    if rho0.dims[0] != dims[0] or (rho0.isoper and rho0.dims != dims):
        raise DimensionError(f"{name} has dims {rho0.dims}, but the problem has dims {dims}")
    return _projector(ket) if rho0.isket else matrix_of(rho0, name)


def _projector(ket: sp.csr_array) -> sp.csr_array:
    """The density matrix of a ket (n, 1)."""
    n, count = ket.shape[0], ket.nnz
    kind = np.int32 if count**2 < np.iinfo(np.int32).max else np.int64
    occupied = np.repeat(np.arange(n, dtype=kind), np.diff(ket.indptr))
    elements = np.outer(ket.data, ket.data.conj()).ravel()
    return sp.csr_array((elements, np.tile(occupied, count), ket.indptr.astype(kind) * count), shape=(n, n))


def _check_state(matrix: sp.csr_array, from_ket: bool, name: str) -> None:
    trace = matrix.trace()
    if abs(trace - 1.0) > 1e-8:
        raise ValueError(
            f"{name} must have trace 1, got {trace:.6g}; divide it by its trace (or use .unit())"
        )
    if not from_ket:
        check_hermitian(matrix, name)
        _check_positive(matrix, name)


def is_positive(matrix: sp.csr_array) -> bool:
    """Whether a Hermitian matrix has no negative eigenvalue, of any trace."""
    try:
        _check_positive(sp.csr_array(matrix / (abs(matrix.trace()) or 1.0)), "")
    except ValueError:
        return False
    return True


def _check_positive(matrix: sp.csr_array, name: str) -> None:
    diagonal = matrix.diagonal().real
    lowest = float(diagonal.min())
    coo = matrix.tocoo()
    a, b = coo.coords
    if lowest >= -1e-8 and np.array_equal(a, b):
        return
    count, label = sp.csgraph.connected_components(abs(matrix), directed=False)
    sizes = np.bincount(label, minlength=count)
    order = np.argsort(label, kind="stable")
    ends = np.cumsum(sizes)
    for size, end in zip(sizes, ends, strict=True):
        if 1 < size <= _LARGEST_BLOCK:
            kets = order[end - size : end]
            lowest = min(lowest, float(np.linalg.eigvalsh(matrix[kets][:, kets].toarray())[0]))
    excess = np.abs(coo.data) ** 2 - np.abs(diagonal[a] * diagonal[b])
    if lowest < -1e-8 or (excess.size and excess.max() > 1e-8):
        raise ValueError(
            f"{name} must be positive semidefinite, but has an eigenvalue of {min(lowest, -abs(excess).max()):.3g}; check how "
            "it was built"
        )
