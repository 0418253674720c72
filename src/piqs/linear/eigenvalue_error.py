r"""How wrong computed eigenvalues of a real sparse matrix may be: backward error times condition.

A computed eigenvalue is an exact one of a matrix that differs by the backward error, at least the rounding of A. With right and
left eigenvectors of unit norm it is off by :math:`\|E\| / |y^\dagger x|` to first order (J. H. Wilkinson, The Algebraic
Eigenvalue Problem, 1965, chapter 2). Eigenvalues that lie close together share a subspace: there
:math:`\|(Y^\dagger X)^{-1}\|` takes the place of the condition, and an m-fold one of the small matrix that is left is off by no
more than :math:`(\|M\| + \|M + E\|)^{1-1/m} \|E\|^{1/m}` (L. Elsner, Linear Algebra Appl. 71, 77 (1985)).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from piqs._resources import one_blas_thread
from piqs.linear.factors import factorise
from piqs.linear.ordering import predicted_fill

__all__ = ["clusters", "eigenvalue_errors"]

_EPS = np.finfo(float).eps
# Up to so many unknowns, or where so large a part of all eigenvalues is asked about, all eigenvectors are found at once.
_DENSE, _MANY = 300, 0.1
# Rounding of a decomposition, in units of eps times the Frobenius norm.
_ROUNDINGS = 4.0
# Eigenvalues closer than this part of the largest element share one subspace; its factors are of this much off it.
_CLUSTER, _OFF = 1e-7, 1e-10
# Factors with more elements are not made for an estimate.
_LARGEST_FILL = 3e7
_ITERATIONS = 4


@one_blas_thread()
def eigenvalue_errors(matrix: sp.csr_array, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Error estimates and conditions of computed eigenvalues of a matrix.

    Parameters
    ----------
    matrix : csr_array (n, n)
        Real.
    values : complex array (k,)
        Some of its eigenvalues.

    Returns
    -------
    errors, conditions : float64 arrays (k,)
        NaN where the sparse factors that they need would be too large.
    """
    n = matrix.shape[0]
    if n == 1:
        return _EPS * np.abs(values), np.ones(values.size)
    if n <= _DENSE or values.size >= _MANY * n:
        return _from_all(matrix.toarray(), values)
    errors, conditions = np.full((2, values.size), np.nan)
    if predicted_fill(matrix) > _LARGEST_FILL:
        return errors, conditions
    scale = float(abs(matrix).max())
    # Those of a conjugate pair are equally wrong.
    upper = values.real + 1j * np.abs(values.imag)
    for cluster in clusters(upper, _CLUSTER * scale):
        alike = np.unique(upper[cluster])
        distance = np.abs(upper[cluster][:, None] - alike[None, :])
        members = max(alike.size, int(np.count_nonzero(values[cluster].imag >= 0)))
        found, condition = _from_subspace(matrix, alike, members, scale)
        errors[cluster], conditions[cluster] = found[np.argmin(distance, axis=1)], condition
    return errors, conditions


def clusters(values: np.ndarray, distance: float) -> list[np.ndarray]:
    """Numbers of the values that lie close together, by chains of neighbours."""
    near = sp.csr_array(np.abs(values[:, None] - values[None, :]) <= distance)
    count, label = connected_components(near, directed=False)
    return [np.flatnonzero(label == i) for i in range(count)]


def _from_all(matrix: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From all right eigenvectors and the inverse of their matrix, whose rows are the left ones."""
    own, right = la.eig(matrix)
    with np.errstate(all="ignore"):
        try:
            left = np.linalg.inv(right)
        except np.linalg.LinAlgError:
            left = np.full_like(right, np.inf)
        conditions = la.norm(right, axis=0) * np.linalg.norm(left, axis=1)
    size = float(la.norm(matrix))
    backward = la.norm(matrix @ right - right * own, axis=0) + _ROUNDINGS * _EPS * size
    distance = np.abs(values[:, None] - own[None, :])
    nearest = np.argmin(distance, axis=1)
    errors = distance[np.arange(values.size), nearest] + np.minimum((backward * conditions)[nearest], size)
    return errors, conditions[nearest]


def _from_subspace(
    matrix: sp.csr_array, values: np.ndarray, members: int, scale: float
) -> tuple[np.ndarray, float]:
    """From right and left invariant subspaces of values that lie close together, by inverse iteration."""
    n = matrix.shape[0]
    real = bool(np.all(values.imag == 0.0))
    centre = values.real.mean() if real else values.mean()
    lu = factorise(sp.csr_array(matrix - (centre + _OFF * scale) * sp.eye_array(n)))
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((n, members)).astype(float if real else complex) for _ in "xy")
    for _ in range(_ITERATIONS):
        x, _ = la.qr(lu.solve(x), mode="economic")
        # Factors of the matrix, solved with their transpose, give the conjugates of left eigenvectors.
        y, _ = la.qr(lu.solve_transposed(y), mode="economic")
    applied = matrix @ x
    overlap = y.T @ x
    smallest = float(la.svdvals(overlap)[-1])
    if not smallest > 0.0:
        return np.full(values.size, scale), np.inf
    small = la.solve(overlap, y.T @ applied)
    backward = float(la.norm(applied - x @ (x.conj().T @ applied))) + _ROUNDINGS * _EPS * float(
        sp.linalg.norm(matrix)
    )
    moved = backward / smallest
    own, vectors = la.eig(small)
    condition = np.linalg.cond(vectors)
    spread = float(la.norm(small - own.mean() * np.eye(members), 2)) + moved
    within = min(moved * condition, (2.0 * spread) ** (1.0 - 1.0 / members) * moved ** (1.0 / members))
    distance = np.abs(values[:, None] - own[None, :]).min(axis=1)
    return np.minimum(distance + within, scale), condition / smallest
